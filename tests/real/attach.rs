//! Claude inside tmux: the conversation goes on after the terminal it was started from has gone.

use std::path::PathBuf;
use std::process::Command;

use crate::stage::{MAY_RUN, SOON, Stage, leave, ready, say, signal, until};
use crate::support::world::ran;

#[test]
fn a_conversation_goes_on_after_its_terminal_was_killed_and_is_resumed_when_it_has_ended() {
    let Some(mut stage) = Stage::with_terminal() else { return };
    let sockets = stage.root().join("sockets");
    std::fs::create_dir(&sockets).unwrap();
    stage.world.set("TMUX_TMPDIR", &sockets);
    let _server = Server(sockets);
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let _ = stage.cs_in(&project, &[&["-t", "--detached", "api"], MAY_RUN].concat()).ok();
    let pid = stage.live_pid("api");
    assert_eq!(stage.show("api")["inside"]["session"], "api");
    assert_eq!(stage.show("api")["pid"], pid);

    let terminal = stage.terminal(&stage.home(), &["attach", "api"]);
    ready(&terminal);
    say(&terminal, "SAY:before the connection broke", "before the connection broke");
    signal(terminal.pid(), "KILL");
    let _ = terminal.wait_exit(SOON);

    let terminal = stage.terminal(&stage.home(), &["-t", "api"]);
    terminal.wait_for("● before the connection broke", SOON);
    say(&terminal, "RUN:echo in $CS_SESSION ${TMUX_PANE:+of tmux}", "done in api of tmux");
    assert_eq!(stage.live_pid("api"), pid, "it is the same Claude");
    stage.wait_kept("api", "done in api of tmux");
    leave(&terminal);
    until("the pane to be gone", || (stage.show("api")["live"] == false).then_some(()));

    // Not open any more: attach starts it there again, and it resumes.
    let terminal = stage.terminal(&stage.home(), &["attach", "api"]);
    ready(&terminal);
    terminal.wait_for("before the connection broke", SOON);
    say(&terminal, "SAY:and on", "and on");
    leave(&terminal);
    let transcript = stage.transcript_of("api");
    for said in ["before the connection broke", "in api of tmux", "and on"] {
        assert!(transcript.contains(said), "{said}");
    }
}

/// The person's tmux, which ends with the test.
struct Server(PathBuf);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = ran(Command::new("tmux").arg("kill-server").env_remove("TMUX").env("TMUX_TMPDIR", &self.0));
    }
}
