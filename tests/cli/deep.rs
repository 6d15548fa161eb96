//! A tree so deep that no path leads to its end. A program inside a session makes one in a second; every command holds,
//! and what was removed can be removed for good.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use super::scenery::session_names;
use super::support::world::World;

/// More than a path has room for, than a process may have files open, and than a removal by recursion goes.
const DEPTH: usize = 3_000;

/// Makes directories `d` in each other below `top`, with a file in the last.
fn deep(top: &Path) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::create_dir_all(top).unwrap();
    let mut at: OwnedFd = openat(CWD, top, flags, Mode::empty()).unwrap();
    for _ in 0..DEPTH {
        mkdirat(&at, c"d", Mode::from_raw_mode(0o700)).unwrap();
        at = openat(&at, c"d", flags, Mode::empty()).unwrap();
    }
    drop(openat(&at, c"file", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o600)).unwrap());
    let path: std::path::PathBuf = std::iter::repeat_n("d", DEPTH).collect();
    let why = fs::symlink_metadata(top.join(path)).unwrap_err();
    assert_eq!(why.raw_os_error(), Some(36), "the control: no path leads there: {why}");
}

/// A world with a session `api`, in whose config directory there are such trees.
fn world() -> World {
    let world = World::with_fake_claude();
    world.cs(&["api", "-p", "x"]).ok();
    let config = world.config_of("api");
    for place in ["deep", "debug/deep", "projects/-x", "todos"] {
        deep(&config.join(place));
    }
    world
}

fn nothing_in(path: &Path) -> bool {
    fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none())
}

#[test]
fn every_command_holds_with_it_and_the_trash_is_emptied_of_it() {
    let world = world();
    let trash = world.data().join("trash");
    for words in [&["list"][..], &["show", "api"], &["du"], &["cleanup"], &["usage"], &["env", "api"]] {
        world.cs(words).ok();
    }
    let sizes: serde_json::Value = serde_json::from_str(&world.cs(&["du", "--json"]).ok()).unwrap();
    assert!(sizes.to_string().contains("api"), "{sizes}");
    let doctor = world.cs(&["doctor"]);
    assert!(doctor.signal.is_none() && doctor.stdout.contains("1 session: record"), "{doctor:?}");
    world.cs(&["cleanup", "--caches", "--yes", "api"]).ok();
    assert!(nothing_in(&world.config_of("api").join("debug")));
    world.cs(&["rm", "api"]).ok();
    world.cs(&["trash", "list"]).ok();
    world.cs(&["restore", "api"]).ok();
    assert_eq!(session_names(&world), ["api"]);
    world.cs(&["api", "-p", "x"]).ok();
    world.cs(&["rm", "api"]).ok();
    assert!(!nothing_in(&trash), "the control: it is there");
    world.cs(&["trash", "empty", "--yes"]).ok();
    assert!(nothing_in(&trash));
}

#[test]
fn a_cleanup_removes_it_for_good_from_the_trash_and_from_what_was_never_finished() {
    let world = world();
    let (trash, staging) = (world.data().join("trash"), world.data().join("staging"));
    world.write(".config/cs/config.toml", "[cleanup]\nkeep_trash = \"0d\"\n");
    world.cs(&["rm", "api"]).ok();
    let half = staging.join("01890000-0000-7000-8000-00000000000c");
    deep(&half.join("claude"));
    assert!(Command::new("touch").args(["-d", "3 hours ago"]).arg(&half).status().unwrap().success());
    assert!(!nothing_in(&trash) && !nothing_in(&staging), "the control: both are there");
    world.cs(&["cleanup", "--yes"]).ok();
    assert!(nothing_in(&trash) && nothing_in(&staging));
}
