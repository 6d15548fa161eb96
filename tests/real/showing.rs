//! What is shown of a session while Claude runs in it, and what it used.

use std::fs;

use serde_json::Value;

use crate::stage::{MAY_RUN, SOON, Stage, leave, ready, say};

/// What stands under the prompt of a session of the name `name` in the project.
fn under_the_prompt(stage: &Stage, project: &std::path::Path, arguments: &[&str]) -> String {
    let tmux = stage.terminal(project, &[arguments, MAY_RUN].concat());
    let screen = ready(&tmux);
    // Claude runs it a moment after the prompt is there.
    let screen = if screen.contains(" | ") || screen.contains("-mark") {
        screen
    } else {
        tmux.wait_until(SOON, "what stands under the prompt", |screen| {
            screen.contains("on trunk") || screen.contains("-mark")
        })
    };
    leave(&tmux);
    screen
}

#[test]
fn a_session_shows_where_one_is_and_what_was_said_counts() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    fs::create_dir_all(project.join(".git")).unwrap();
    fs::write(project.join(".git/HEAD"), "ref: refs/heads/trunk\n").unwrap();
    let tmux = stage.terminal(&project, &[&["red"], MAY_RUN].concat());
    ready(&tmux);
    let screen = tmux.wait_for("red (default) | ~/src/api on trunk | ", SOON);
    assert!(!screen.contains("% context"), "nothing was said yet: {screen}");
    say(&tmux, "SAY:hello", "hello");
    let screen = tmux.wait_for("% context | $", SOON);
    assert!(screen.contains("red (default) | ~/src/api on trunk | "), "{screen}");
    leave(&tmux);
}

#[test]
fn a_persons_own_status_line_is_shown_and_a_projects_and_none_where_nobody_wants_one() {
    let Some(stage) = Stage::with_terminal() else { return };
    let line = |mark: &str| {
        format!("{{\"statusLine\":{{\"type\":\"command\",\"command\":\"echo {mark}-mark\"}}}}\n")
    };
    let of_settings = stage.project("of-settings");
    let of_project = stage.project("of-project");
    let plain = stage.project("plain");
    stage.at_home(&[&of_settings, &of_project, &plain]);
    for project in [&of_settings, &of_project, &plain] {
        fs::create_dir_all(project.join(".git")).unwrap();
        fs::write(project.join(".git/HEAD"), "ref: refs/heads/trunk\n").unwrap();
    }
    fs::create_dir(of_project.join(".claude")).unwrap();
    fs::write(of_project.join(".claude/settings.local.json"), line("project")).unwrap();

    let screen = under_the_prompt(&stage, &of_project, &["red"]);
    assert!(screen.contains("project-mark") && !screen.contains("on trunk"), "{screen}");
    let screen = under_the_prompt(&stage, &plain, &["green"]);
    assert!(screen.contains("green (default) | ~/src/plain on trunk"), "the control: {screen}");
    stage.write(".claude/settings.json", &line("user"));
    let screen = under_the_prompt(&stage, &of_settings, &["blue"]);
    assert!(screen.contains("user-mark") && !screen.contains("on trunk"), "{screen}");
    fs::remove_file(stage.home().join(".claude/settings.json")).unwrap();

    stage.settings("[statusline]\ninstall = false", "");
    let tmux = stage.terminal(&plain, &[&["grey"], MAY_RUN].concat());
    ready(&tmux);
    say(&tmux, "SAY:hello", "hello");
    assert!(!tmux.screen().contains("on trunk"), "{}", tmux.screen());
    leave(&tmux);
}

#[test]
fn usage_is_what_the_api_said_to_the_last_token() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let total = |arguments: &[&str]| -> (u64, u64, u64) {
        let all = [&["usage", "--json", "--since", "1d"], arguments].concat();
        let found: Value = serde_json::from_str(&stage.cs(&all).ok()).unwrap();
        let tokens = &found["total"]["tokens"];
        let number = |value: &Value| value.as_u64().unwrap();
        (number(&found["total"]["messages"]), number(&tokens["input"]), number(&tokens["output"]))
    };
    for prompt in ["SAY:one", "SAY:two", "RUN:echo three"] {
        let _ = stage.cs_in(&project, &["red", "-p", prompt, "--allowedTools", "Bash"]).ok();
    }
    // Every answer of the API is 10 tokens in and 5 out; the last prompt had two. What Claude asks beside the
    // conversation is in no transcript.
    let said = stage.said() as u64;
    assert_eq!(said, 4);
    assert_eq!(total(&["red"]), (said, 10 * said, 5 * said));

    // A fork begins with a copy of all that, which counts once, for whom it was there first.
    let _ = stage.cs_in(&project, &["fork", "red", "blue", "-p", "SAY:four"]).ok();
    assert_eq!(stage.said() as u64, said + 1);
    assert!(
        stage.transcripts_of("blue").iter().any(|file| fs::read_to_string(file).unwrap().contains("one"))
    );
    assert_eq!(total(&["red"]), (4, 40, 20));
    assert_eq!(total(&["blue"]), (1, 10, 5));
    assert_eq!(total(&[]), (5, 50, 25));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_open_is_seen_with_what_it_uses() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let top = || -> Vec<Value> {
        let found: Value = serde_json::from_str(&stage.cs(&["top", "--json"]).ok()).unwrap();
        found["open"].as_array().unwrap().clone()
    };
    assert!(top().is_empty());
    let tmux = stage.terminal(&project, &[&["red"], MAY_RUN].concat());
    ready(&tmux);
    say(&tmux, "RUN:echo ran", "done ran");
    let pid = stage.live_pid("red");
    let open = top();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((&open[0]["name"], &open[0]["pid"]), (&"red".into(), &pid.into()));
    let memory = open[0]["memory_bytes"].as_u64().unwrap();
    assert!((50 << 20..4 << 30).contains(&memory), "{open:?}");
    assert!(
        open[0]["cpu_seconds"].as_f64().unwrap() > 0.1 && open[0]["disk_bytes"].as_u64().unwrap() > 10_000,
        "{open:?}"
    );
    let table = stage.cs(&["list", "--resources"]).ok();
    assert!(
        table.contains("MEM") && table.lines().any(|line| line.contains("red") && line.contains(" MiB ")),
        "{table}"
    );
    leave(&tmux);
    assert!(top().is_empty());
}
