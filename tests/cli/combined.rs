//! A session in a worktree, in a sandbox, inside tmux, with ports: all at once.

use std::fs;
use std::path::Path;

use super::scenery::until;
use super::support::needed;
use super::support::tmux::Tmux;
use super::support::world::{World, ran};

/// A person's tmux, which ends with the test.
struct Server<'w>(&'w World);

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let tmux = which::which("tmux").unwrap();
        let _ = ran(&mut self.0.any_command(&tmux, Path::new("/"), &["kill-server"]));
    }
}

#[test]
fn a_session_in_a_worktree_and_a_sandbox_runs_inside_tmux_as_it_does_outside() {
    if needed("bwrap").is_none() || !Tmux::available() {
        return;
    }
    let mut world = World::new();
    let sockets = world.root().join("sockets");
    fs::create_dir(&sockets).unwrap();
    world.set("TMUX_TMPDIR", &sockets);
    world.set("SHELL", "/bin/sh");
    world.write(".ssh/id", "a key\n");
    world.write(".gitconfig", "[user]\nname = A Tester\nemail = tester@example.com\n");
    world.program(
        "claude",
        "#!/bin/sh\n{ pwd; cat ~/.ssh/id && echo 'a key is there'; echo \"port $CS_PORT\"; } >seen.part 2>&1\n\
         [ -f work ] || { echo done >work; git add work; git commit -q -m inside >>seen.part 2>&1; }; mv seen.part seen; exec sleep 300\n",
    );
    let project = world.project("api");
    for words in [&["init", "-q", "-b", "main"][..], &["commit", "-q", "--allow-empty", "-m", "first"]] {
        let _ = ran(&mut world.any_command(Path::new("git"), &project, words)).ok();
    }
    let _server = Server(&world);
    let made = world
        .cs_in(&project, &["-t", "--detached", "-w", "--isolation", "sandbox", "--from", "main", "boxed"]);
    assert!(made.stderr.contains("session 'boxed' runs inside tmux"), "{made:?}");
    let _ = made.ok();
    let tree = project.join(".claude/worktrees/boxed");
    until("what it saw", || tree.join("seen").exists());
    let shown = world.show("boxed");
    assert_eq!(shown["live"], true);
    assert!(shown["inside"]["pane"].is_string(), "{shown}");
    let seen = fs::read_to_string(tree.join("seen")).unwrap();
    assert!(seen.contains(tree.to_str().unwrap()), "{seen}");
    assert!(seen.contains(&format!("port {}\n", shown["ports"]["first"])), "{seen}");
    assert!(seen.contains(".ssh/id") && !seen.contains("a key is there"), "{seen}");
    let git = |words: &[&str]| ran(&mut world.any_command(Path::new("git"), &project, words)).ok();
    assert_eq!(git(&["log", "-1", "--format=%s", "worktree-boxed"]), "inside\n");

    // The control: the same program in the same worktree, in no sandbox.
    fs::remove_file(tree.join("seen")).unwrap();
    let plain = world.cs(&["-t", "--detached", "--dir", tree.to_str().unwrap(), "plain"]);
    let _ = plain.ok();
    until("what the other one saw", || tree.join("seen").exists());
    assert!(fs::read_to_string(tree.join("seen")).unwrap().contains("a key is there"));

    // As anywhere: it is open once, and its worktree stays as long as it is.
    let refused = world.cs(&["boxed"]).fails(5);
    assert!(refused.contains("cs attach boxed"), "{refused}");
    assert!(world.cs_in(&project, &["wt", "rm", "--force", "boxed"]).fails(5).contains("works in it"));
    let pids = ["boxed", "plain"].map(|name| world.show(name)["pid"].to_string());
    let _ = ran(&mut world.any_command(Path::new("kill"), Path::new("/"), &pids)).ok();
    until("the end of both", || ["boxed", "plain"].iter().all(|name| world.show(name)["live"] == false));
    fs::remove_file(tree.join("seen")).unwrap();
    let said = world.cs_in(&project, &["wt", "rm", "boxed"]).fails(5);
    assert!(said.contains("--force"), "a commit that is nowhere else: {said}");
    let _ = world.cs_in(&project, &["wt", "rm", "--force", "boxed"]).ok();
    assert!(!tree.exists());
    let _ = world.cs(&["restore", "boxed"]).ok();
    assert_eq!(git(&["log", "-1", "--format=%s", "worktree-boxed"]), "inside\n");
    assert!(tree.join(".git").is_file());
}
