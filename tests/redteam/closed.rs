//! What is closed to its own user: a file or directory without any right, which is nothing special to root.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use crate::furnish::{grounds, world};
use crate::support::needed;
use crate::support::world::{Ran, World, ran};

const NOBODY: u32 = 65534;

/// Gives all below `path` to somebody who is not root.
fn give_away(path: &Path) {
    lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        fs::read_dir(path).unwrap().flatten().for_each(|entry| give_away(&entry.path()));
    }
}

/// Runs a program as that user, or as this one where it is not root.
fn as_user(world: &World, root: bool, program: &Path, words: &[&str]) -> Ran {
    if !root {
        return ran(&mut world.any_command(program, &world.home(), words));
    }
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups", program.to_str().unwrap()];
    let all = [&user[..], words].concat();
    ran(&mut world.any_command(Path::new("setpriv"), &world.home(), &all))
}

#[test]
fn what_its_own_user_may_not_read_stops_no_verb_that_is_about_something_else() {
    let root = rustix::process::geteuid().is_root();
    if root && needed("setpriv").is_none() {
        return;
    }
    let world = world();
    let program = world.bin().join("cs");
    fs::copy(World::cs_program(), &program).unwrap();
    let all = grounds(&world);
    if root {
        give_away(world.root());
    }
    let run = |words: &[&str]| as_user(&world, root, &program, words);
    run(&["list"]).ok();
    let slug = claude_cs::claude::slug(&world.project("web"));
    let talk = format!("projects/{slug}/01890000-0000-7000-8000-000000000001.jsonl");
    let project = format!("projects/{slug}");
    let closed: [(&str, &[&str]); 2] = [
        (
            "bare",
            &[
                ".claude.json",
                "projects",
                &project,
                &talk,
                "sessions",
                "jobs",
                "jobs/x",
                "jobs/x/state.json",
                "settings.json",
                "history.jsonl",
                "plugins",
                "plugins/installed_plugins.json",
                "todos",
                "cache",
            ],
        ),
        ("src/web", &[".cs.toml", ".claude", ".claude/settings.json", ".worktreeinclude"]),
    ];
    for (ground, paths) in closed {
        for path in paths {
            let whole: PathBuf = world.home().join(&all[ground]).join(path);
            let mode = whole.symlink_metadata().unwrap().permissions();
            fs::set_permissions(&whole, fs::Permissions::from_mode(0o0)).unwrap();
            let seen = as_user(&world, root, Path::new("/bin/ls"), &[whole.to_str().unwrap()]);
            let read = as_user(&world, root, Path::new("/bin/cat"), &[whole.to_str().unwrap()]);
            assert!(seen.code != Some(0) || read.code != Some(0), "the control: {path} is closed");
            let listed = run(&["list", "--json"]).ok();
            let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
            assert_eq!(listed["damaged"], serde_json::json!([]), "{path}");
            let names: Vec<_> =
                listed["sessions"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
            assert!(names.contains(&&"bare".into()) && names.contains(&&"api".into()), "{path}: {names:?}");
            for words in [
                &["show", "bare"][..],
                &["show", "boxed"],
                &["usage", "--since", "all"],
                &["du"],
                &["doctor"],
                &["cleanup"],
                &["profile", "sync", "--dry-run"],
                &["env", "bare"],
                &["--dry-run", "bare"],
                &["resume", "01890000-0000-7000-8000-000000000006", "-p", "x"],
                &["__complete", "zsh", "cs", "2", "--", "cs", "resume", ""],
                &["export", "bare", "out.tar"],
                &["fork", "--no-open", "bare", "idea"],
            ] {
                let done = run(words);
                assert!(matches!(done.code, Some(0..=5)), "{path}, {words:?}: {done:?}");
                assert!(!done.stderr.contains("panicked"), "{path}, {words:?}: {done:?}");
            }
            run(&["show", "api"]).ok();
            let _ = run(&["rm", "idea"]);
            let _ = run(&["trash", "empty", "--yes"]);
            let _ = fs::remove_file(world.home().join("out.tar"));
            fs::set_permissions(&whole, mode).unwrap();
        }
    }
}
