//! `cs export` and `cs import FILE`: out of one home and into another, and nothing else in either.

mod forged;
mod there_and_back;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::scenery::{TALK, talk};
use super::support::world::{World, listing};

const ID: &str = "01890000-0000-7000-8000-00000000000c";
const SECRET: &str = "sk-ant-oat01-0123456789abcdefghij";

/// A world with sessions that have something worth keeping, and much that is not.
fn full() -> World {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill of the user's");
    world.write(".claude/.credentials.json", SECRET);
    for name in ["api", "web"] {
        world.cs(&["new", "--no-open", name]).ok();
        world.cs(&[name, "-p", "x"]).ok();
    }
    let config = world.config_of("api");
    talk(&config, &world.home(), TALK, "hello");
    for path in [
        "file-history/a/b@v1",
        "plans/plan.md",
        "tasks/x/1.json",
        "history.jsonl",
        "projects/-x/memory/MEMORY.md",
        "CLAUDE.md",
        "agents/mine.md",
    ] {
        let path = config.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{}\n", path.display())).unwrap();
    }
    for path in [
        ".credentials.json",
        ".credentials.json.lock",
        ".claude.json.backup.1",
        "backups/x",
        "sessions/999999999.json",
        "sessions/1.abc.key",
        "jobs/1/state.json",
        "debug/x",
        "plugins/x",
        "projects/-x/.credentials.json",
        "agents/id.key",
    ] {
        let path = config.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, SECRET).unwrap();
    }
    symlink(world.home().join(".claude/.credentials.json"), config.join("projects/-x/link")).unwrap();
    symlink("/etc", config.join("plans/etc")).unwrap();
    world
}

fn names_in(file: &Path) -> Vec<String> {
    let done = Command::new("tar").arg("-tf").arg(file).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What an import may not touch when it fails: all of the data root but for rooms that are empty.
fn contents(world: &World) -> BTreeMap<PathBuf, String> {
    let mut all = listing(&world.data());
    all.retain(|path, entry| {
        !entry.starts_with("dir") && !path.ends_with(".repair") && !path.ends_with("version")
    });
    all
}
