//! `cs doctor` and the real Claude Code: what is healthy is found so, idle and live, and what honours the variables.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::stage::{Stage, leave, ready, say, signal, until};
use crate::support::world::{World, listing};

/// Id and subject of each finding, after seeing that all could be looked at.
fn found(world: &World, code: i32) -> Vec<(String, String)> {
    let done = world.cs(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    assert_eq!(report["could_not_check"], json!([]), "{report:#}");
    assert_eq!(done.code, Some(code), "{report:#}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| (text(&finding["id"]), text(&finding["of"]["name"]))).collect()
}

fn furnish(stage: &Stage, projects: &[&Path]) {
    stage.at_home(projects);
    fs::set_permissions(stage.home().join(".claude.json"), fs::Permissions::from_mode(0o600)).unwrap();
    stage.write(".claude/settings.json", "{\"theme\": \"dark\"}");
    stage.write(".claude/CLAUDE.md", "be brief\n");
    stage.write(
        ".claude/skills/hello/SKILL.md",
        "---\nname: hello\ndescription: says hello\n---\nSay hello.\n",
    );
}

#[test]
fn sessions_of_the_real_claude_are_healthy_while_they_are_open_and_after() {
    let Some(stage) = Stage::with_terminal() else { return };
    let (api, web, job) = (stage.project("api"), stage.project("web"), stage.project("job"));
    furnish(&stage, &[&api, &web, &job]);
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let _ = stage.cs_in(&api, &["api", "-p", "SAY:hello"]).ok();
    let _ = stage.cs_in(&job, &["-P", "work", "job", "-p", "SAY:hello"]).ok();
    let _ = stage.cs_in(&job, &["-P", "work", "--bare", "bare", "-p", "SAY:hello"]).ok();
    let _ = stage.cs_in(&job, &["--isolation", "home", "homely", "-p", "SAY:hello"]).ok();
    let _ = stage.cs_in(&job, &["--isolation", "none", "loose", "-p", "SAY:hello"]).ok();
    assert_eq!(found(&stage, 0), [], "idle");

    let tmux = stage.terminal(&web, &["web"]);
    ready(&tmux);
    assert_eq!(found(&stage, 0), [], "open, with nothing said");
    say(&tmux, "SAY:hello", "hello");
    stage.wait_kept("web", "hello");
    let other = stage.terminal(&api, &["api"]);
    ready(&other);
    assert_eq!(found(&stage, 0), [], "two are open");
    // A new conversation in the session is one of the session.
    say(&tmux, "SAY:again", "again");
    assert_eq!(found(&stage, 0), []);
    leave(&tmux);
    assert_eq!(found(&stage, 0), [], "one was left");

    let pid = stage.live_pid("api");
    signal(pid, "KILL");
    until("it is gone", || (!claude_cs::os::process_alive(pid, "")).then_some(()));
    assert_eq!(found(&stage, 0), [("live-file-left".into(), "api".into())], "one was killed");
    let _ = stage.cs_in(&api, &["api", "-p", "SAY:hello"]).ok();
    // 2.1.197 has taken it away, 2.1.329 leaves it.
    let _ = fs::remove_file(stage.config_of("api").join(format!("sessions/{pid}.json")));
    assert_eq!(found(&stage, 0), []);
    assert_eq!(stage.cs(&["doctor", "--fix"]).code, Some(0));
}

#[test]
fn the_real_claude_is_tried_and_honours_both_variables_and_nothing_of_the_user_is_touched() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    furnish(&stage, &[&project]);
    let _ = stage.cs_in(&project, &["new", "--no-open", "api"]).ok();
    let said = stage.api.requests().len();
    let mut before = listing(&stage.home());
    let report: Value = serde_json::from_str(&stage.cs(&["doctor", "--json"]).ok()).unwrap();
    let checked = report["checked"][0].as_str().unwrap();
    assert!(
        checked.starts_with("claude 2.1.") && checked.ends_with("honours both directory variables"),
        "{checked}"
    );
    let mut after = listing(&stage.home());
    let learnt = Path::new(".local/share/cs/checked.toml");
    assert!(after.remove(learnt).is_some());
    before.remove(learnt);
    assert_eq!(after, before);
    assert_eq!(fs::read_dir(stage.root().join("tmp")).unwrap().count(), 0);
    assert_eq!(stage.api.requests().len(), said, "it talked to nobody");
    let remembered = fs::read_to_string(stage.data().join("checked.toml")).unwrap();
    assert!(remembered.contains("config = true") && remembered.contains("login = true"), "{remembered}");
}

#[test]
fn a_program_that_keeps_a_variable_from_claude_is_found() {
    let Some(stage) = Stage::set() else { return };
    furnish(&stage, &[]);
    let claude = stage.claude.program().display().to_string();
    for (variable, id) in [
        ("CLAUDE_SECURESTORAGE_CONFIG_DIR", "login-dir-ignored"),
        ("CLAUDE_CONFIG_DIR", "config-dir-ignored"),
    ] {
        stage.program("claude", &format!("#!/bin/sh\nunset {variable}\nexec '{claude}' \"$@\"\n"));
        assert_eq!(found(&stage, 1), [(id.to_owned(), String::new())]);
    }
    stage.program("claude", &format!("#!/bin/sh\nexec '{claude}' \"$@\"\n"));
    assert_eq!(found(&stage, 0), [], "the control");
}
