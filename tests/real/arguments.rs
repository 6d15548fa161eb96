//! What stands after a name is Claude's, word for word.

use std::fs;

use serde_json::Value;

use crate::stage::{Stage, end};

#[test]
fn a_profile_is_run_with_exactly_the_arguments_that_were_given() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let prompt = "SLEEP:4 SAY:--resume is just a word, and so is $HOME; 'quoted' \"twice\"";
    let given = ["-p", "--output-format", "json", prompt];
    let running = stage.begin(&project, &[&["default"][..], &given].concat());
    crate::stage::until("the request", || (stage.said() > 0).then_some(()));
    let line = fs::read_to_string(format!("/proc/{}/cmdline", running.id())).unwrap();
    let words: Vec<&str> = line.split_terminator('\0').skip(1).collect();
    let answer: Value = serde_json::from_str(&end(running).ok()).unwrap();
    assert_eq!(answer["result"], "--resume is just a word, and so is $HOME; 'quoted' \"twice\"");
    assert_eq!(words, given);
}

#[test]
fn a_server_added_to_a_profile_is_known_to_later_sessions_and_one_added_to_a_session_stays_there() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let add = |name: &str, server: &str| {
        let _ = stage.cs_in(&project, &[name, "mcp", "add", "-s", "user", server, "--", "/bin/true"]).ok();
    };
    // The control: a session that was made before knows nothing of it.
    let _ = stage.cs_in(&project, &["-P", "work", "--no-open", "early"]).ok();
    add("early", "of-early");
    add("work", "of-work");
    let _ = stage.cs_in(&project, &["-P", "work", "--no-open", "late"]).ok();
    add("late", "of-late");

    let servers = |name: &str| {
        let listed = stage.cs_in(&project, &[name, "mcp", "list"]).ok();
        let mut found: Vec<&str> = ["of-early", "of-work", "of-late"]
            .into_iter()
            .filter(|server| listed.contains(*server))
            .collect();
        found.sort_unstable();
        found.join(" ")
    };
    assert_eq!(servers("work"), "of-work");
    assert_eq!(servers("late"), "of-late of-work");
    assert_eq!(servers("early"), "of-early");
    assert_eq!(servers("default"), "");
    assert_eq!(stage.transcripts_of("late").len(), 0, "a command of Claude's begins no conversation");
    // The first conversation is still the session's own.
    let id = stage.show("late")["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 36 && stage.config_of("late").join(".claude.json").is_file());
}
