//! Who listens on the ports of a session.

use std::path::Path;
use std::process::Command;

use super::{examined, found, healthy};
use crate::scenery::Running;

/// A server on `port` that was started with `variables` in `directory`.
fn server(port: u64, directory: &Path, variables: &[(&str, &str)]) -> Running {
    let script = format!(
        "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => {port}, \
         Listen => 1, ReuseAddr => 1) or die; print qq(up\\n); $| = 1; print qq(\\n); sleep 60"
    );
    let mut command = Command::new("perl");
    command.args(["-e", &script]).current_dir(directory).envs(variables.iter().copied());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = [0; 2];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
    Running(child)
}

#[test]
fn who_listens_on_the_ports_of_a_session_and_is_none_of_it_is_told() {
    let world = healthy();
    let shown = world.show("api");
    let (first, id) = (shown["ports"]["first"].as_u64().unwrap(), shown["id"].as_str().unwrap());
    let elsewhere = world.project("elsewhere");
    {
        let stranger = server(first + 3, &elsewhere, &[]);
        let (code, report) = examined(&world, &[]);
        assert_eq!((code, found(&report)), (0, vec![("ports-in-use".into(), Some("api".into()))]));
        let what = report["findings"][0]["what"].as_str().unwrap();
        let said =
            format!("a process that is none of its own (pid {}) listens on {}", stranger.0.id(), first + 3);
        assert_eq!(what, said);
        assert_eq!(found(&examined(&world, &["api"]).1).len(), 1);
        assert_eq!(found(&examined(&world, &["job"]).1), vec![]);
    }
    // Its own are no finding: what was started in it, and what a person started in its directory.
    {
        let _in_it = server(first, &elsewhere, &[("CS_SESSION_ID", id)]);
        let _there = server(first + 1, &world.project("api"), &[]);
        let _beyond = server(first + 10_000, &elsewhere, &[]);
        assert_eq!(found(&examined(&world, &[]).1), vec![]);
    }
    // What was started in another session is none of it.
    let job = world.id_of("job");
    let _other = server(first, &elsewhere, &[("CS_SESSION_ID", &job)]);
    assert_eq!(found(&examined(&world, &[]).1), vec![("ports-in-use".into(), Some("api".into()))]);
}
