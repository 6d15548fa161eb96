//! Sessions that go to the trash by themselves, with nothing of `cs` left running meanwhile.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::stage::{SOON, Stage, end, enter, leave, ready, say, signal, until};

fn trashed(stage: &Stage) -> Vec<String> {
    let trash: Value = serde_json::from_str(&stage.cs(&["trash", "list", "--json"]).ok()).unwrap();
    let trash = trash["trash"].as_array().unwrap();
    trash.iter().map(|piece| piece["name"].as_str().unwrap().to_owned()).collect()
}

fn sessions(stage: &Stage) -> Vec<String> {
    let list: Value = serde_json::from_str(&stage.cs(&["list", "--json"]).ok()).unwrap();
    let list = list["sessions"].as_array().unwrap();
    list.iter().map(|session| session["name"].as_str().unwrap().to_owned()).collect()
}

fn until_trashed(stage: &Stage, name: &str) {
    until(&format!("'{name}' in the trash"), || trashed(stage).contains(&name.to_owned()).then_some(()));
    assert!(!sessions(stage).contains(&name.to_owned()));
}

/// The transcripts in the trash.
fn kept(stage: &Stage) -> String {
    let trash: Value = serde_json::from_str(&stage.cs(&["trash", "list", "--json"]).ok()).unwrap();
    let root = PathBuf::from(trash["trash"][0]["path"].as_str().unwrap());
    let config = ["claude", "home/.claude"].map(|config| root.join(config));
    let found = config.iter().flat_map(|config| crate::support::claude::transcripts(config));
    found.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn when_claude_ends_the_session_goes_and_the_hooks_of_its_owner_run() {
    for isolation in ["config-dir", "home", "none"] {
        let Some(stage) = Stage::set() else { return };
        let project = stage.project("api");
        let mark = |name: &str| stage.root().join(name);
        let hook = |name: &str| {
            let command = format!("cat > '{}'", mark(name).display());
            serde_json::json!({"hooks": {"SessionEnd": [{"hooks": [{"type": "command", "command": command}]}]}})
        };
        stage.write(".claude/settings.json", &hook("from-the-file").to_string());
        let given = hook("from-the-command-line").to_string();
        let _ = stage
            .cs_in(
                &project,
                &["--ephemeral", "--isolation", isolation, "once", "-p", "SAY:gone", "--settings", &given],
            )
            .ok();
        until_trashed(&stage, "once");
        for name in ["from-the-file", "from-the-command-line"] {
            let about: Value = serde_json::from_str(&fs::read_to_string(mark(name)).unwrap()).unwrap();
            assert_eq!(about["hook_event_name"], "SessionEnd", "{isolation}: {name}");
        }
        if isolation != "none" {
            assert!(kept(&stage).contains("gone"), "{isolation}: its conversation is in the trash");
        }
        // Who brings it back keeps it.
        let _ = stage.cs(&["restore", "once"]).ok();
        assert_eq!(stage.cs_in(&project, &["once", "-p", "SAY:again"]).ok(), "again\n");
        let _ = stage.cs_in(&project, &["ordinary", "-p", "SAY:stays"]).ok();
        assert_eq!(trashed(&stage), [] as [&str; 0], "{isolation}");
        let mut left = sessions(&stage);
        left.sort();
        assert_eq!(left, ["once", "ordinary"], "{isolation}");
    }
}

#[test]
fn a_cleared_conversation_is_no_end_and_leaving_is() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("it's an api");
    stage.at_home(&[&project]);
    let tmux = stage.terminal(&project, &["--ephemeral", "once"]);
    ready(&tmux);
    say(&tmux, "SAY:before the clearing", "before the clearing");
    enter(&tmux, "/clear");
    tmux.wait_until(SOON, "an empty conversation", |screen| !screen.contains("● before"));
    say(&tmux, "SAY:behind the clearing", "behind the clearing");
    assert_eq!(sessions(&stage), ["once"], "it is open");
    leave(&tmux);
    until_trashed(&stage, "once");
    let kept = kept(&stage);
    assert!(kept.contains("before the clearing") && kept.contains("behind the clearing"));
}

#[test]
fn a_terminal_that_is_closed_is_an_end_too() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let tmux = stage.terminal(&project, &["--ephemeral", "once"]);
    ready(&tmux);
    say(&tmux, "SAY:here", "here");
    signal(tmux.pid(), "HUP");
    let _ = tmux.wait_exit(SOON);
    until_trashed(&stage, "once");
}

#[test]
fn one_that_was_killed_goes_when_anything_else_is_opened() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let said = stage.said();
    let running = stage.begin(&project, &["--ephemeral", "once", "-p", "SLEEP:50 SAY:never"]);
    until("the request", || (stage.said() > said).then_some(()));
    // The control: while it runs, opening another one leaves it alone.
    let _ = stage.cs_in(&project, &["one", "-p", "SAY:beside"]).ok();
    assert_eq!(trashed(&stage), [] as [&str; 0]);
    signal(running.id(), "KILL");
    let _ = end(running);
    let _ = stage.cs(&["list"]).ok();
    assert_eq!(trashed(&stage), [] as [&str; 0], "who only looks changes nothing");
    let done = stage.cs_in(&project, &["other", "-p", "SAY:after"]);
    assert!(done.stderr.contains("moved ephemeral session 'once'"), "{done:?}");
    assert_eq!(done.ok(), "after\n");
    assert_eq!(trashed(&stage), ["once"]);
}
