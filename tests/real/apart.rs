//! Sessions side by side leave nothing in each other, and nothing in the user's own `~/.claude`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::stage::{MAY_RUN, SOON, Stage, enter, files_with, leave, ready, say, until};
use crate::support::world::listing;

/// A user with some history of their own.
fn life_before(stage: &Stage, project: &Path) {
    stage.at_home(&[project]);
    stage.write(".claude/settings.json", "{\"cleanupPeriodDays\": 99}\n");
    stage.write(".claude/history.jsonl", "{\"display\":\"an old prompt\"}\n");
    stage.write(".claude/projects/-old/11111111-2222-4333-8444-555555555555.jsonl", "{\"type\":\"user\"}\n");
    stage.write(".claude/todos/old.json", "[]\n");
}

/// The paths below the home directory that are not as they were.
fn changed(stage: &Stage, before: &std::collections::BTreeMap<PathBuf, String>) -> BTreeSet<PathBuf> {
    let after = listing(&stage.home());
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

#[test]
fn two_sessions_of_one_profile_converse_at_once_and_each_keeps_to_its_own_directory() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    life_before(&stage, &project);
    stage.settings("", "CLAUDE_CODE_ENABLE_TASKS = \"1\"\nCLAUDE_CODE_ENABLE_TODO_TOOLS = \"1\"");
    let before = listing(&stage.home());

    let names = ["red", "blue"];
    let open = names.map(|name| stage.terminal(&project, &[&[name], MAY_RUN].concat()));
    for (name, tmux) in names.iter().zip(&open) {
        ready(tmux);
        say(tmux, &format!("SAY:the {name}-mark"), &format!("the {name}-mark"));
        let task = format!(
            "{{\"subject\":\"{name}-mark task\",\"description\":\"{name}-mark\",\"activeForm\":\"doing\"}}"
        );
        say(tmux, &format!("TOOL:TaskCreate {task}"), "done Task #1 created");
        enter(tmux, &format!("RUN:sleep 3; echo {name}-mark ran"));
    }
    assert_ne!(stage.live_pid("red"), stage.live_pid("blue"));
    for (name, tmux) in names.iter().zip(&open) {
        until("a snapshot of the shell", || {
            fs::read_dir(stage.config_of(name).join("shell-snapshots")).ok()?.flatten().next()
        });
        tmux.wait_for(&format!("● done {name}-mark ran"), SOON);
    }
    open.iter().for_each(leave);

    let mine = |name: &str| stage.config_of(name).parent().unwrap().to_owned();
    for (name, other) in [("red", "blue"), ("blue", "red")] {
        let config = stage.config_of(name);
        let found = files_with(&config, &format!("{name}-mark"));
        for place in ["projects", "history.jsonl", "tasks"] {
            let place = config.join(place);
            assert!(found.iter().any(|path| path.starts_with(&place)), "{} in {found:?}", place.display());
        }
        assert_eq!(
            files_with(&mine(name), &format!("{other}-mark")),
            [] as [PathBuf; 0],
            "{other} in {name}"
        );
        assert!(stage.transcript_of(name).contains(&format!("the {name}-mark")));
    }

    // Beside the sessions themselves: their names, the directory for what is learnt, and what Claude does outside
    // every config directory.
    let ours = ["names", "open", "ports", "profiles/default", "staging", "trash", "version"]
        .map(|path| stage.data().join(path));
    let claudes =
        [".local/share/applications", ".cache/claude-cli-nodejs"].map(|path| stage.home().join(path));
    let allowed: Vec<PathBuf> = [mine("red"), mine("blue")].into_iter().chain(ours).chain(claudes).collect();
    for path in changed(&stage, &before) {
        let path = stage.home().join(path);
        let made_above = !before.contains_key(path.strip_prefix(stage.home()).unwrap()) && path.is_dir();
        assert!(
            allowed.iter().any(|place| path.starts_with(place) || made_above && place.starts_with(&path)),
            "{} changed",
            path.display()
        );
    }
    for place in ["staging", "trash"] {
        assert_eq!(
            fs::read_dir(stage.data().join(place)).unwrap().count(),
            0,
            "something is left in {place}"
        );
    }
}

/// The control: the same look at the same home sees what Claude alone does there.
#[test]
fn claude_without_cs_does_write_to_the_users_own_directory() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    life_before(&stage, &project);
    let before = listing(&stage.home());
    let said = crate::support::world::ran(&mut stage.plain_claude(&project, &["-p", "SAY:alone"])).ok();
    assert_eq!(said, "alone\n");
    let changed = changed(&stage, &before);
    assert!(changed.contains(Path::new(".claude.json")), "{changed:?}");
    assert!(changed.iter().any(|path| path.starts_with(".claude/projects")), "{changed:?}");
}
