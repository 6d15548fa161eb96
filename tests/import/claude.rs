//! Config directories that are there, and the aliases that use them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::tmux::Tmux;
use crate::support::world::World;
use crate::{all, found, is, opens_no_login};

/// A person with two accounts by alias, a directory that nobody names, and the trap.
fn world() -> World {
    let world = World::with_fake_claude();
    world.write(".claude-work/.claude.json", "{}");
    world.write(".claude-work/.credentials.json", "a-canary");
    world.write(".claude-old/projects/x/01890000-0000-4000-8000-00000000000a.jsonl", "{}\n");
    world.write("accounts/play/.claude.json", "{}");
    world.write(".claude-notes/todo.txt", "no config directory");
    world.write(".claude/settings.json", "{}");
    world.write(".bashrc", "# mine\nalias claude-job='CLAUDE_CONFIG_DIR=~/.claude-work claude'\n");
    world.write(".zshrc", "play() {\n  CLAUDE_CONFIG_DIR=\"$HOME/accounts/play\" claude \"$@\"\n}\n");
    world.write(".config/fish/config.fish", "set -gx CLAUDE_CONFIG_DIR $HOME/.claude\n");
    world
}

fn profile(world: &World, directory: &str) -> (String, String) {
    ("profile".to_owned(), world.home().join(directory).display().to_string())
}

fn sources(world: &World) -> Vec<PathBuf> {
    let names = [
        ".claude",
        ".claude-work",
        ".claude-old",
        ".claude-notes",
        "accounts",
        ".bashrc",
        ".zshrc",
        ".config/fish",
    ];
    names.map(|name| world.home().join(name)).to_vec()
}

#[test]
fn what_is_there_is_listed_and_adopted_in_place_only_when_said_so() {
    let world = world();
    let sources = sources(&world);
    let sources: Vec<_> = sources.iter().map(PathBuf::as_path).collect();
    let before = all(&sources);
    let listed = world.cs(&["import", "claude"]);
    let line = listed.stdout.lines().find(|line| line.contains("/.claude-work"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[2..5], ["job", "not", "yet"], "{}", listed.stdout);
    assert!(listed.stderr.contains("cs import claude --yes"), "{}", listed.stderr);
    assert_eq!(listed.code, Some(0));
    assert!(!world.data().exists(), "nothing is made");

    let shown = found(&world, &["claude", "--yes", "--dry-run"]);
    assert!(!world.data().exists());
    opens_no_login(&world, &["import", "claude", "--yes"]);
    fs::remove_dir_all(world.data()).unwrap();
    let done = found(&world, &["claude", "--yes"]);
    assert_eq!(shown, done);
    assert_eq!(done[&profile(&world, ".claude-work")], is("imported", "job"), "as its alias");
    assert_eq!(done[&profile(&world, "accounts/play")], is("imported", "play"));
    assert_eq!(done[&profile(&world, ".claude-old")], is("imported", "old"), "as its directory");
    assert_eq!(done[&profile(&world, ".claude")].0, "skipped");
    assert_eq!(done.len(), 4, "what is no config directory is none: {done:?}");
    assert_eq!(world.config_of("job"), world.home().join(".claude-work"));
    assert_eq!(all(&sources), before);
    assert!(found(&world, &["claude", "--yes"]).values().all(|(state, _)| state != "imported"));
    let trap = world.cs(&["import", "claude", "--yes"]).stderr;
    assert!(trap.contains("~/.config/fish/config.fish:1") && trap.contains("take that line out"), "{trap}");
}

#[test]
fn a_person_is_asked_for_each_name() {
    if !Tmux::available() {
        return;
    }
    let world = world();
    let program = World::cs_program();
    let terminal =
        Tmux::start(&[program.to_str().unwrap(), "import", "claude"], &world.home(), world.environment());
    let soon = Duration::from_secs(30);
    // Left out; no name; one that is kept; a name; the one that is suggested.
    for (number, answer) in ["-", "bad name", "default", "employer", ""].iter().enumerate() {
        let questions = number + 1;
        terminal.wait_until(soon, "the next question", |screen| {
            screen.matches("leave it out").count() == questions
        });
        terminal.enter(answer);
    }
    assert_eq!(terminal.wait_exit(soon), 0, "{}", terminal.scrollback());
    let names: Vec<_> = fs::read_dir(world.data().join("profiles"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(world.config_of("employer"), world.home().join(".claude-work"));
}
