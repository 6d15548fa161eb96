//! `--fix`: repairs that fail or are cut short. That each repair mends what it says is in the cases.
//!
//! See docs/decisions/009-doctor-repairs-what-can-be-undone.md

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::sessions::SESSIONS;
use super::store::KEPT;
use super::{aged, everything, examined, found, healthy, put_back};
use crate::scenery::{TALK, has, may_mount};
use crate::support::world::{Ran, World, ran};

#[test]
fn on_a_disk_that_cannot_be_written_it_looks_and_says_what_it_could_not_repair() {
    if !may_mount() {
        return;
    }
    let world = healthy();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    fs::remove_file(world.config_of("job").join("skills")).unwrap();
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"; shift; exec \"$@\"";
    let home = world.home();
    let run = |arguments: &[&str]| -> Ran {
        let program = World::cs_program();
        let words =
            [&["-m", "sh", "-c", mount, "sh", home.to_str().unwrap(), program.to_str().unwrap()], arguments];
        ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &home, &words.concat()))
    };
    let looked = run(&["doctor", "--json"]);
    assert_eq!(looked.code, Some(0), "{looked:?}");
    assert_eq!(found(&serde_json::from_str(&looked.stdout).unwrap()).len(), 2);
    let tried = run(&["doctor", "--fix", "--json"]);
    let report: Value = serde_json::from_str(&tried.stdout).unwrap();
    assert_eq!(tried.code, Some(1), "{report:#}");
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["repaired"], json!(false), "each is tried: {finding:#}");
        assert!(finding["failed"].as_str().unwrap().contains("read-only"), "{finding:#}");
    }
    let text = run(&["doctor", "--fix"]);
    assert!(text.stdout.contains("not done: make the link"), "{text:?}");
}

/// Breaks everything at once that `--fix` mends: one case of each kind.
fn much_to_mend(world: &mut World) {
    let kinds = ["staging-left", "trust-gone", "binding-gone", "permissions", "link-dangling", "lock-stale"];
    for kind in kinds {
        let tables = [SESSIONS, KEPT].into_iter().flatten();
        let case = tables.into_iter().find(|case| case.safe && case.id == kind).unwrap();
        (case.breaks)(world);
    }
    fs::remove_file(world.config_of("job").join("settings.json")).unwrap();
    fs::write(world.data().join("names/ghost"), "profile\n").unwrap();
    fs::remove_file(world.data().join("names/job")).unwrap();
}

#[test]
fn repairs_that_are_cut_short_or_fail_are_made_by_the_next() {
    if !has("strace") {
        return;
    }
    let mut world = healthy();
    let settled = |world: &World| {
        let mut state = everything(world);
        // What a process that was killed had not given its name yet.
        state.retain(|path, _| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // And a line too many for the hooks of the shells, which costs nothing.
            !(name.starts_with('.') && name.ends_with(".new")) && name != "bindings.paths"
        });
        state
    };
    let whole = settled(&world);
    much_to_mend(&mut world);
    let saved = world.root().join("broken");
    let _ = ran(Command::new("cp").arg("-a").args([&world.home(), &saved])).ok();
    let trace = world.root().join("trace");
    let changes =
        ["rename", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir", "symlink", "chmod", "flock"];
    let mut injected = 0;
    for (call, fault) in changes.into_iter().flat_map(|call| [(call, "signal=KILL"), (call, "error=EIO")]) {
        for nth in 1.. {
            put_back(&world, &saved);
            let (filter, inject) = (format!("trace={call}"), format!("inject={call}:{fault}:when={nth}"));
            let program = World::cs_program();
            let words = ["-f", "-qq", "-o", trace.to_str().unwrap(), "-e", &filter, "-e", &inject];
            let words = [&words[..], &[program.to_str().unwrap(), "doctor", "--fix"]].concat();
            let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
            let told = format!("{fault} at {call} {nth}: {done:?}");
            assert!(!done.stderr.contains("panicked"), "{told}");
            // What was half removed is left alone for an hour.
            let half = world.data().join("staging").join(TALK);
            if half.exists() {
                aged(&half, 2);
            }
            let (code, report) = examined(&world, &["--fix"]);
            assert_eq!(code, 0, "{told}, then {report:#}");
            let now = settled(&world);
            let differs = |path: &&PathBuf| now.get(*path) != whole.get(*path);
            let different: Vec<_> = now.keys().chain(whole.keys()).filter(differs).collect();
            assert!(different.is_empty(), "{told}: {different:?}");
            assert_eq!(found(&examined(&world, &["--fix"]).1), vec![], "{told}");
            let text = fs::read_to_string(&trace).unwrap();
            if !text.contains("INJECTED") && !text.contains("killed by SIGKILL") {
                break;
            }
            injected += 1;
        }
    }
    assert!(injected > 20, "{injected} faults were injected");
}
