//! What is wrong with what is kept: records, names, ports, bindings, the trash, the disk below them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::cases::{Case, advice, each, mended, problem};
use super::{HONEST, aged, edit, everything, examined, found, healthy, mode, worktree};
use crate::scenery::{TALK, may_mount};
use crate::support::world::{World, git, ran};

pub(super) const KEPT: &[Case] = &[
    problem("record-damaged", "work", |world| {
        // Its sessions have no profile to be looked at with.
        fs::write(world.data().join("profiles/work/profile.toml"), "version = 1\nmood = 1\n").unwrap();
    }),
    problem("record-damaged", "", |world| fs::write(world.data().join("names/api"), "what").unwrap()),
    problem("profile-gone", "remote", |world| {
        world.cs(&["profile", "remove", "--force", "gw"]).ok();
    }),
    problem("default-profile-gone", "", |world| {
        world.write(".config/cs/config.toml", "default_profile = \"nobody\"\n");
    }),
    mended(problem("permissions", "", |world| mode(&world.data(), 0o755))),
    advice("root-in-git", "", |world| {
        fs::create_dir_all(world.data().parent().unwrap().join(".git")).unwrap();
    }),
    mended(advice("name-orphaned", "", |world| {
        fs::write(world.data().join("names/ghost"), format!("session {TALK}\n")).unwrap();
    })),
    mended(advice("name-orphaned", "", |world| {
        fs::write(world.data().join("names/ghost"), "profile\n").unwrap();
    })),
    mended(advice("ports-orphaned", "", |world| {
        fs::write(world.data().join("ports/65520"), format!("session {TALK}\n")).unwrap();
    })),
    mended(advice("ports-orphaned", "", |world| {
        fs::write(world.data().join("ports/65520"), "rubble").unwrap();
    })),
    mended(problem("ports-unclaimed", "api", |world| {
        let first = world.show("api")["ports"]["first"].to_string();
        fs::remove_file(world.data().join("ports").join(first)).unwrap();
    })),
    mended(problem("ports-shared", "api", |world| {
        let first = |name: &str| format!("ports = {}", world.show(name)["ports"]["first"]);
        edit(&world.root_of("api").join("session.toml"), &first("api"), &first("job"));
    })),
    mended(problem("name-lost", "api", |world| fs::remove_file(world.data().join("names/api")).unwrap())),
    mended(problem("name-lost", "work", |world| fs::remove_file(world.data().join("names/work")).unwrap())),
    problem("name-taken", "api", |world| {
        let names = world.data().join("names");
        // Both records have the name: whose the claim is has it.
        edit(&world.root_of("job").join("session.toml"), "name = \"job\"", "name = \"api\"");
        fs::remove_file(names.join("job")).unwrap();
    }),
    mended(advice("staging-left", "", |world| {
        let left = world.data().join("staging").join(TALK);
        fs::create_dir(&left).unwrap();
        fs::write(left.join("session.toml"), "half").unwrap();
        aged(&left, 2);
    })),
    advice("group-unused", "", |world| {
        fs::create_dir_all(world.data().join("history/old/projects")).unwrap();
    }),
    advice("ephemeral-ended", "short", |world| {
        world.cs(&["short"]).ok();
    }),
    mended(advice("binding-gone", "", |world| {
        let table = world.data().join("bindings.toml");
        let text = fs::read_to_string(&table).unwrap();
        fs::write(&table, format!("{text}\n[[binding]]\npath = \"/src/x\"\nsession = \"{TALK}\"\n")).unwrap();
        let paths = world.data().join("bindings.paths");
        let lines = fs::read_to_string(&paths).unwrap();
        fs::write(paths, format!("/src/x\n{lines}")).unwrap();
    })),
    mended(problem("binding-unseen", "", |world| {
        fs::remove_file(world.data().join("bindings.paths")).unwrap();
    })),
    // What is in the trash can come back.
    advice("binding-gone", "", |world| {
        let directory = world.project("bound-too");
        world.cs(&["bind", "unused", "--dir", directory.to_str().unwrap()]).ok();
        world.cs(&["rm", "unused"]).ok();
    }),
    mended(advice("trust-gone", "", |world| {
        let file = world.write("src/away/.cs.toml", "profile = \"work\"\n");
        world.cs(&["allow", file.to_str().unwrap()]).ok();
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
    })),
    mended(advice("trust-gone", "", |world| {
        let file = world.write("src/away/.cs.toml", "profile = \"work\"\n");
        world.cs(&["deny", file.to_str().unwrap()]).ok();
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
    })),
    problem("trust-damaged", "", |world| {
        fs::write(world.data().join("trust/0000"), "what").unwrap();
    }),
    advice("commits-kept", "", |world| {
        let tree = worktree(world);
        git(world, &tree, &["update-ref", &format!("refs/cs/trash/{TALK}/head"), "HEAD"]);
    }),
    advice("trash-old", "", |world| {
        world.write(".config/cs/config.toml", "[cleanup]\nkeep_trash = \"0d\"\n");
    }),
];

#[test]
fn what_is_wrong_with_what_is_kept_is_found_as_itself() {
    each(KEPT);
}

#[test]
fn a_record_or_a_directory_that_cannot_be_used_is_found_and_spoils_no_other() {
    let world = healthy();
    let id = world.id_of("job");
    let record = world.root_of("job").join("session.toml");
    let text = fs::read_to_string(&record).unwrap();
    for (broken, said) in [
        ("version = 1\nmood = 1\n", "record damaged: "),
        ("version = 99\n", "written by a newer cs (version 99)"),
    ] {
        fs::write(&record, broken).unwrap();
        let (code, report) = examined(&world, &[]);
        assert_eq!(
            (code, found(&report)),
            (1, vec![("record-damaged".into(), Some(id.clone()))]),
            "{report:#}"
        );
        assert!(report["findings"][0]["what"].as_str().unwrap().starts_with(said), "{report:#}");
        // Asked for by its name, it is what could not be looked at.
        let (code, report) = examined(&world, &["job"]);
        assert_eq!((code, found(&report).len()), (2, 0), "{report:#}");
        assert_eq!(report["could_not_check"][0]["what"], json!("job"));
        assert_eq!(examined(&world, &["api"]).0, 0, "another is not touched by it");
    }
    fs::remove_file(&record).unwrap();
    let (code, report) = examined(&world, &[]);
    let expected = vec![
        ("name-orphaned".into(), None),
        ("ports-orphaned".into(), None),
        ("record-missing".into(), Some(id.clone())),
    ];
    assert_eq!((code, found(&report)), (1, expected), "{report:#}");
    fs::write(&record, text).unwrap();
    mode(&record, 0o600);
    assert_eq!(found(&examined(&world, &[]).1), vec![]);
    // A name that has only lost its owner for a moment is as good as it was.
    assert_eq!(world.show("job")["id"], json!(id));
}

#[test]
fn where_nothing_is_kept_yet_nothing_is_made() {
    let world = World::new();
    world.program("claude", &format!("#!/bin/sh\n{HONEST}"));
    let before = everything(&world);
    let (code, report) = examined(&world, &["--fix"]);
    assert_eq!(
        (code, found(&report)),
        (0, vec![("login-missing".into(), Some("default".into()))]),
        "{report:#}"
    );
    assert_eq!(everything(&world), before);
}

#[test]
fn a_disk_with_little_room_is_told() {
    if !may_mount() {
        return;
    }
    let world = healthy();
    let data = world.data();
    for (size, id, code) in [("50m", "disk-full", 1), ("500m", "disk-low", 0)] {
        let script =
            "set -e; cp -a \"$1\" \"$1.copy\"; mount -t tmpfs -o size=$2 tmpfs \"$1\"; chmod 700 \"$1\"
            cp -a \"$1.copy/.\" \"$1\"; rm -r \"$1.copy\"; shift 2; exec \"$@\"";
        let program = World::cs_program();
        let words = ["-m", "sh", "-c", script, "sh", data.to_str().unwrap(), size, program.to_str().unwrap()];
        let words = [&words[..], &["doctor", "--json"]].concat();
        let done = ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &world.home(), &words));
        let report: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        assert_eq!((done.code, found(&report)), (Some(code), vec![(id.into(), None)]), "{report:#}");
    }
}

#[test]
fn a_data_root_that_is_copied_elsewhere_is_told() {
    let mut world = healthy();
    world.set("CS_HOME", world.home().join("Dropbox/cs"));
    world.cs_in(&world.project("api"), &["new", "--no-open", "api"]).ok();
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (0, vec![("root-synced".into(), None)]), "{report:#}");
}

#[test]
fn a_world_of_rubble_is_survived() {
    let world = healthy();
    let mut files = Vec::new();
    walk(&world.data(), &mut files);
    walk(&world.home().join(".claude-old"), &mut files);
    files.push(world.home().join(".claude.json"));
    files.push(world.home().join(".claude/settings.json"));
    for (rubble, is_whole) in
        [(&b"\xff\x00{[\x1b]2;x\x07"[..], false), (b"", false), (b"[]", true), (b"{}", true)]
    {
        for file in &files {
            fs::write(file, rubble).unwrap();
        }
        for arguments in
            [&["doctor"][..], &["doctor", "--json"], &["doctor", "--fix"], &["doctor", "--fix", "--json"]]
        {
            let done = world.cs(arguments);
            assert!(matches!(done.code, Some(1 | 2)), "{is_whole} {arguments:?}: {done:?}");
            assert!(!done.stderr.contains("panicked") && !done.stdout.contains('\x1b'), "{done:?}");
            assert!(done.stdout.contains("record-damaged"), "{done:?}");
        }
    }
    // What stands where a directory belongs, and the reverse.
    for path in [
        world.data().join("names/api"),
        world.data().join("bindings.toml"),
        world.home().join(".claude.json"),
    ] {
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
    }
    fs::remove_dir_all(world.data().join("trash")).unwrap();
    fs::write(world.data().join("trash"), "").unwrap();
    let done = world.cs(&["doctor", "--fix"]);
    assert!(matches!(done.code, Some(1 | 2)) && !done.stderr.contains("panicked"), "{done:?}");
}

#[test]
fn settings_that_others_can_write_are_told_and_what_needs_them_is_not_looked_at() {
    let world = healthy();
    let config = world.write(".config/cs/config.toml", "[limits]\nlive = 7\n");
    mode(&config, 0o644);
    assert_eq!((examined(&world, &[]).0, found(&examined(&world, &[]).1)), (0, vec![]), "the control");
    mode(&config, 0o666);
    for arguments in [&[][..], &["--fix"]] {
        let (code, report) = examined(&world, arguments);
        assert_eq!(code, 2, "{report:#}");
        assert_eq!(found(&report), [("settings-exposed".to_owned(), None)], "{report:#}");
        let place = report["findings"][0].to_string();
        assert!(place.contains("chmod go-w") && place.contains("config.toml"), "{place}");
    }
    assert_eq!(config.metadata().unwrap().permissions().mode() & 0o777, 0o666, "a person looks at it first");
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}
