//! Sessions in git worktrees of their own (`cs -w`), and the worktrees of a repository (`cs wt`), with the real git.

mod copying;
mod finishing;
mod led;
mod listing;
mod making;
mod planted;
mod removal;
mod stage;
mod taking_over;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scenery::state;
use super::support::world::{World, git};

/// A world with a git that knows who commits.
fn world() -> World {
    let world = World::with_fake_claude();
    world.write(".gitconfig", "[user]\nname = n\nemail = e@example.com\n[init]\ndefaultBranch = main\n");
    world
}

/// A repository with `README` and `app/web/page` on `main`.
fn repository(world: &World, name: &str) -> PathBuf {
    let repo = world.project(name);
    git(world, &repo, &["init", "-q"]);
    fs::create_dir_all(repo.join("app/web")).unwrap();
    fs::write(repo.join("README"), "one\n").unwrap();
    fs::write(repo.join("app/web/page"), "page\n").unwrap();
    commit(world, &repo, "one");
    repo
}

fn commit(world: &World, directory: &Path, message: &str) -> String {
    git(world, directory, &["add", "-A"]);
    git(world, directory, &["commit", "-q", "--allow-empty", "-m", message]);
    head(world, directory)
}

fn head(world: &World, directory: &Path) -> String {
    git(world, directory, &["rev-parse", "HEAD"])
}

fn branch(world: &World, directory: &Path) -> String {
    git(world, directory, &["rev-parse", "--abbrev-ref", "HEAD"])
}

fn tree(repo: &Path, name: &str) -> PathBuf {
    repo.join(".claude/worktrees").join(name)
}

/// Why git has a worktree locked.
fn lock(world: &World, root: &Path) -> Option<String> {
    let text = git(world, root, &["worktree", "list", "--porcelain"]);
    let entry = text
        .split("\n\n")
        .find(|entry| entry.lines().next() == Some(&format!("worktree {}", root.display())))?;
    entry.lines().find_map(|line| line.strip_prefix("locked").map(|why| why.trim().to_owned()))
}

/// What the record of a session says of its worktree.
fn record(world: &World, name: &str) -> Value {
    let id = world.id_of(name);
    let text = fs::read_to_string(world.data().join("sessions").join(id).join("session.toml")).unwrap();
    let record: toml::Table = toml::from_str(&text).unwrap();
    json!({"directory": record["directory"], "worktree": record.get("worktree")})
}

fn held_by(world: &World, name: &str) -> String {
    format!("cs session {}", world.show(name)["id"].as_str().unwrap())
}

/// Runs `cs ARGUMENTS` in `directory`, which is refused and changes nothing anywhere. What it says.
#[track_caller]
fn refused(world: &World, directory: &Path, arguments: &[&str], code: i32) -> String {
    let before = state(&world.home());
    let said = world.cs_in(directory, arguments).fails(code);
    let mut after = state(&world.home());
    // Who looks at a name may make the rooms of the store.
    after.retain(|path, _| before.contains_key(path) || !path.starts_with(".local"));
    assert_eq!(after, before, "{arguments:?}: {said}");
    said
}
