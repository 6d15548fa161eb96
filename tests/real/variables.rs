//! No session is somebody's child: every variable that a running Claude sets for its children is taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use claude_cs::claude::{CHILD_MARKERS, CREDENTIALS, OURS};
use serde_json::Value;

use crate::stage::{MAY_RUN, SOON, Stage, enter, leave};
use crate::support::tmux::Tmux;
use crate::support::world::ran;

/// The variables in a file that `env -0` wrote.
fn variables(path: &std::path::Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    text.split_terminator('\0')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn whatever_claude_sets_for_its_children_is_decided_by_a_plan() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let mut clean = stage.environment();
    clean.push(("ANTHROPIC_BASE_URL".to_owned(), stage.api.url()));
    clean.push(("ANTHROPIC_AUTH_TOKEN".to_owned(), "a-token".to_owned()));

    // A child of a printing Claude, of an interactive one, and of a hook of each.
    let file = |name: &str| stage.root().join(name);
    let hook = format!("env -0 > {}-$CLAUDE_CODE_ENTRYPOINT", file("hook").display());
    let settings = serde_json::json!({
        "hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": hook}]}]},
    });
    let settings = settings.to_string();
    let run = |name: &str| format!("RUN:env -0 > {}", file(name).display());
    let words = [&["--settings", settings.as_str()], MAY_RUN].concat();
    let mut printing = stage.plain_claude(&project, &[&["-p", &run("printing")][..], &words].concat());
    let _ = ran(&mut printing).ok();
    let argv = [&[stage.claude.program().to_str().unwrap()][..], &words].concat();
    let tmux = Tmux::start(&argv, &project, clean.clone());
    tmux.wait_for("· /effort", SOON);
    enter(&tmux, &run("interactive"));
    tmux.wait_for("● done", SOON);
    leave(&tmux);

    let given: BTreeSet<String> = clean.into_iter().map(|(name, _)| name).collect();
    let seen = ["printing", "interactive", "hook-cli", "hook-sdk-cli"].map(|name| variables(&file(name)));
    let set: BTreeSet<String> =
        seen.into_iter().flatten().map(|(name, _)| name).filter(|name| !given.contains(name)).collect();
    let about_claude: BTreeSet<&String> =
        set.iter().filter(|name| name.starts_with("CLAUDE") || *name == "AI_AGENT").collect();
    for certain in ["CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_PROJECT_DIR", "AI_AGENT"] {
        assert!(about_claude.contains(&certain.to_owned()), "{about_claude:?}");
    }

    let _ = stage.cs_in(&project, &["--no-open", "api"]).ok();
    for name in ["api", "default"] {
        let plan: Value = serde_json::from_str(&stage.cs(&["env", "--json", name]).ok()).unwrap();
        let plan = plan["env"].as_object().unwrap();
        let kept: Vec<_> = about_claude.iter().filter(|name| !plan.contains_key(**name)).collect();
        assert!(kept.is_empty(), "{name} would inherit {kept:?}; all that Claude sets: {set:?}");
    }
}

/// Names of these families that a person may have set, and that say nothing about whose child a session is.
const A_PERSONS_OWN: &[&str] = &[
    // When to offer a summary instead of all of a long conversation, and how long to wait for hooks.
    "CLAUDE_CODE_RESUME_INTERRUPTED_TURN_MAX_AGE_MS",
    "CLAUDE_CODE_RESUME_SESSIONSTART_HOOKS_WAIT_MS",
    "CLAUDE_CODE_RESUME_THRESHOLD_MINUTES",
    "CLAUDE_CODE_RESUME_TOKEN_THRESHOLD",
    // A file for the log of a session: an aid for debugging, like CLAUDE_CODE_DEBUG_LOGS_DIR.
    "CLAUDE_CODE_SESSION_LOG",
];

/// Whether `list` holds the name. In the compiled part of the program a byte that looks like a letter or a digit may
/// stand right behind one.
fn holds(list: &[&str], name: &str) -> bool {
    list.contains(&name) || name.len() > 1 && list.contains(&&name[..name.len() - 1])
}

#[test]
fn every_name_of_a_background_or_session_variable_in_the_program_is_known() {
    let Some(stage) = Stage::set() else { return };
    let mut grep = Command::new("grep");
    grep.env("LC_ALL", "C").args(["-aoE", r"\bCLAUDE_(BG|CODE_SESSION|CODE_RESUME)_[A-Z0-9_]*[A-Z0-9]\b"]);
    let found = ran(grep.arg(stage.claude.program())).ok();
    let names: BTreeSet<&str> = found.lines().collect();
    assert!(names.contains("CLAUDE_CODE_SESSION_ID") && names.contains("CLAUDE_BG_BACKEND"), "{names:?}");
    let unknown: Vec<&&str> = names
        .iter()
        .filter(|name| {
            [CHILD_MARKERS, CREDENTIALS, OURS, A_PERSONS_OWN].iter().all(|list| !holds(list, name))
        })
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
