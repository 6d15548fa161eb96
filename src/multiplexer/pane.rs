//! Panes: what one is made with, and what it is called.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::program::Kind;

/// The program to start in a multiplexer.
#[derive(Clone, Debug)]
pub struct NewPane<'a> {
    /// The name of its session, window or tab, if nothing else has one.
    pub name: &'a str,
    /// The directory to start it in.
    pub directory: &'a Path,
    /// The columns and rows of who will look at it, if anybody.
    pub size: Option<(u16, u16)>,
    /// The program, which is given to no shell, and its arguments.
    pub command: &'a [OsString],
    /// Nobody is going to look at it now.
    pub detached: bool,
}

/// The pane that something runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pane {
    /// The multiplexer it is in.
    pub kind: Kind,
    /// The name of its session.
    pub session: String,
    /// The number of its window in that session, as people see it (tmux).
    pub window: Option<String>,
    /// The pane's own name for the program: `%3`, `terminal_0`.
    pub id: String,
    /// The process that the pane was made with, where that is told (tmux).
    pub pid: Option<u32>,
    /// The socket of the server (tmux).
    pub server: Option<PathBuf>,
    /// The session's own name for tmux: `$1`, which no other session ever has.
    pub(super) target: Option<String>,
    /// The window's: `@2`.
    pub(super) window_target: Option<String>,
}

impl fmt::Display for Pane {
    /// Writes `tmux (api:0)`, as tmux itself writes a window; `zellij (api)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.window {
            Some(window) => write!(f, "{} ({}:{window})", self.kind.name(), self.session),
            None => write!(f, "{} ({})", self.kind.name(), self.session),
        }
    }
}

/// The reason a pane cannot be shown in this terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nested {
    /// This terminal is inside another server of tmux, at this socket.
    Tmux(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_is_called_as_its_program_calls_it() {
        let pane = Pane {
            kind: Kind::Tmux,
            session: "my work".into(),
            window: Some("2".into()),
            id: "%3".into(),
            pid: Some(7),
            server: None,
            target: None,
            window_target: None,
        };
        assert_eq!(pane.to_string(), "tmux (my work:2)");
        assert_eq!(Pane { window: None, kind: Kind::Zellij, ..pane }.to_string(), "zellij (my work)");
    }
}
