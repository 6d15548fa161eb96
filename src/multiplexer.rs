//! tmux and zellij, through their programs: where a session outlives the terminal it was started in.
