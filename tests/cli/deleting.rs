//! Whatever is removed for good, nothing else goes with it: not behind a link, not behind a mount, and not
//! because a record says so.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::scenery::{cs, may_mount, state};
use super::support::world::{Ran, World, ran};

const ID: &str = "01890000-0000-7000-8000-00000000000c";

/// The ways in which something is removed for good.
const WAYS: &[&str] = &["trash empty", "old trash", "half removed", "caches", "staging", "making a session"];

/// Where the record of a profile says that its files are.
type Place = (&'static str, fn(&Doomed) -> PathBuf);

/// One of them, about to be gone.
struct Doomed {
    world: World,
    /// What is removed.
    root: PathBuf,
    command: &'static [&'static str],
}

fn victim(world: &World) -> PathBuf {
    world.write("victim/deep/file", "precious");
    world.write("victim/debug/file", "precious");
    world.write("victim/session.toml", "version = 1\n");
    world.write("victim/.credentials.json", "secret");
    world.home().join("victim")
}

/// Makes it look as if nobody had touched `path` for long, a link itself included.
fn old(path: &Path) {
    let done = Command::new("touch").args(["-h", "-d", "3 days ago"]).arg(path).status().unwrap();
    assert!(done.success());
}

impl Doomed {
    fn by(way: &str) -> Self {
        let world = World::with_fake_claude();
        world.cs(&["new", "--no-open", "api"]).ok();
        let trash = world.data().join("trash");
        let in_trash = || {
            world.cs(&["rm", "api"]).ok();
            fs::read_dir(&trash).unwrap().next().unwrap().unwrap().path()
        };
        let (root, command): (PathBuf, &[&str]) = match way {
            "trash empty" => (in_trash(), &["trash", "empty", "--yes"]),
            "old trash" => {
                world.write(".config/cs/config.toml", "[cleanup]\nkeep_trash = \"0d\"\n");
                (in_trash(), &["cleanup", "--yes"])
            }
            "half removed" => {
                (trash.join(format!("removing.{ID}-1700000000000")), &["trash", "empty", "--yes"])
            }
            "caches" => (world.config_of("api").join("debug"), &["cleanup", "--caches", "--yes"]),
            "staging" => (world.data().join("staging").join(ID), &["cleanup", "--yes"]),
            "making a session" => (world.data().join("staging").join(ID), &["new", "--no-open", "fresh"]),
            other => panic!("{other}"),
        };
        let this = Self { world, root, command };
        this.fill();
        this
    }

    /// Puts links in it to what must stay.
    fn fill(&self) {
        let victim = victim(&self.world);
        fs::create_dir_all(self.root.join("a/b")).unwrap();
        fs::write(self.root.join("a/b/file"), "gone").unwrap();
        symlink(&victim, self.root.join("a/link")).unwrap();
        symlink(format!("{}/", victim.display()), self.root.join("a/slash")).unwrap();
        symlink(victim.join("deep/file"), self.root.join("file")).unwrap();
        symlink("..", self.root.join("a/up")).unwrap();
        fs::hard_link(victim.join("deep/file"), self.root.join("hard")).unwrap();
        old(&self.root);
    }

    fn victim(&self) -> PathBuf {
        self.world.home().join("victim")
    }

    fn run(&self) -> Ran {
        self.world.cs(self.command)
    }

    /// Writes a profile whose record says that its config directory is `path`.
    fn profile_at(&self, path: &Path) {
        self.world.cs(&["profile", "create", "evil"]).ok();
        let text = format!("version = 1\nkind = \"account\"\nconfig_dir = \"{}\"\n", path.display());
        fs::write(self.world.data().join("profiles/evil/profile.toml"), text).unwrap();
    }
}

#[test]
fn what_links_in_it_lead_to_stays() {
    for way in WAYS {
        let doomed = Doomed::by(way);
        let before = state(&doomed.victim());
        doomed.run().ok();
        assert!(!doomed.root.exists(), "the control: {way}: it is gone");
        assert_eq!(state(&doomed.victim()), before, "{way}");
    }
}

#[test]
fn a_link_in_its_place_is_left_alone() {
    for way in WAYS {
        for ending in ["", "/", "/.", "/./", "/deep/.."] {
            let doomed = Doomed::by(way);
            fs::rename(&doomed.root, doomed.world.home().join("aside")).unwrap();
            symlink(format!("{}{ending}", doomed.victim().display()), &doomed.root).unwrap();
            old(&doomed.root);
            let before = state(&doomed.victim());
            let _ = doomed.run();
            assert!(doomed.root.is_symlink(), "{way}, {ending:?}");
            assert_eq!(state(&doomed.victim()), before, "{way}, {ending:?}");
        }
    }
}

#[test]
fn a_room_that_is_a_link_is_not_emptied() {
    for way in WAYS {
        let doomed = Doomed::by(way);
        let room = doomed.root.parent().unwrap().to_path_buf();
        fs::rename(&room, doomed.world.home().join("aside")).unwrap();
        // What would be removed is there, behind the link.
        let behind = doomed.victim().join(doomed.root.file_name().unwrap());
        let _ = fs::create_dir(&behind);
        fs::write(behind.join("file"), "precious").unwrap();
        old(&behind);
        symlink(doomed.victim(), &room).unwrap();
        let before = state(&doomed.victim());
        let _ = doomed.run();
        let after = state(&doomed.victim());
        for (path, entry) in before {
            assert_eq!(after.get(&path), Some(&entry), "{way}: {}", path.display());
        }
    }
}

#[test]
fn where_something_is_mounted_in_it_nothing_of_it_goes() {
    if !may_mount() {
        return;
    }
    for way in WAYS {
        // A directory of this very file system, and a file of it: only the mount tells them.
        for (place, what) in [("a/b/mount", "victim"), ("a/b/file", "victim/deep/file"), ("", "victim")] {
            let doomed = Doomed::by(way);
            let inner = doomed.root.join(place);
            if !inner.exists() {
                fs::create_dir(&inner).unwrap();
            }
            let source = doomed.world.home().join(what);
            if place.is_empty() {
                // What is mounted there looks as what belongs there.
                let _ = fs::copy(doomed.root.join("session.toml"), source.join("session.toml"));
                fs::write(source.join("lock"), "").unwrap();
                old(&source);
            }
            old(&doomed.root);
            let (before, all) = (state(&doomed.victim()), state(&doomed.root));
            let script = "mount --bind \"$1\" \"$2\" || exit 99; shift 2; \"$@\"; echo \"rc $?\" >&2";
            let (program, source) = (cs(), source.to_str().unwrap().to_owned());
            let words = ["-m", "sh", "-c", script, "sh", &source, inner.to_str().unwrap(), &program];
            let words = [&words[..], doomed.command].concat();
            let home = doomed.world.home();
            let done = ran(&mut doomed.world.any_command(Path::new("/usr/bin/unshare"), &home, &words));
            assert_ne!(done.code, Some(99), "{done:?}");
            assert_eq!(state(&doomed.victim()), before, "{way}: {place:?}: {done:?}");
            assert_eq!(state(&doomed.root), all, "{way}: {place:?}: {done:?}");
            if *way != "making a session" {
                assert!(done.stderr.contains("is a mount point"), "{way}: {place:?}: {done:?}");
                assert!(done.stderr.contains("rc 5"), "{way}: {place:?}: {done:?}");
            }
            // The control: without the mount it goes.
            if *way == "making a session" {
                doomed.world.cs(&["rename", "fresh", "stale"]).ok();
            }
            doomed.run().ok();
            assert!(!doomed.root.exists(), "{way}: {place:?}");
        }
    }
}

#[test]
fn what_a_profile_calls_its_own_is_not_removed() {
    for way in WAYS {
        let of: &[Place] = &[
            ("itself", |doomed| doomed.root.clone()),
            ("itself, spelled otherwise", |doomed| doomed.root.join("a/..")),
            ("inside", |doomed| doomed.root.join("a/b")),
            ("an ancestor of everything", |doomed| doomed.world.home().join(".local")),
            ("the root", |_| PathBuf::from("/")),
            ("through a link", |doomed| {
                let link = doomed.world.home().join("link");
                symlink(doomed.root.join("a"), &link).unwrap();
                link
            }),
        ];
        for (what, path) in of {
            let doomed = Doomed::by(way);
            doomed.profile_at(&path(&doomed));
            old(&doomed.root);
            let before = state(&doomed.root);
            let done = doomed.run();
            assert_eq!(state(&doomed.root), before, "{way}: {what}: {done:?}");
            if *way != "making a session" {
                assert!(done.fails(5).contains("profile 'evil'"), "{way}: {what}");
            }
        }
        // The control: one that is elsewhere, or the user's own, is in nobody's way.
        for path in [".claude", "elsewhere"] {
            let doomed = Doomed::by(way);
            fs::create_dir_all(doomed.world.home().join(path)).unwrap();
            doomed.profile_at(&doomed.world.home().join(path));
            old(&doomed.root);
            doomed.run().ok();
            assert!(!doomed.root.exists(), "{way}: {path}");
        }
    }
}

#[test]
fn who_stands_in_it_keeps_it() {
    for way in ["trash empty", "old trash", "caches", "staging"] {
        let doomed = Doomed::by(way);
        let done = doomed.world.cs_in(&doomed.root.join("a"), doomed.command);
        assert!(done.fails(5).contains("the current directory"), "{way}");
        assert!(doomed.root.join("a/b/file").exists());
        doomed.run().ok();
        assert!(!doomed.root.exists(), "{way}");
    }
}

#[test]
fn a_session_in_which_a_profile_keeps_its_files_is_not_moved() {
    for command in [&["rm", "api"][..], &["cleanup", "--yes", "--older-than", "0d"]] {
        let doomed = Doomed::by("caches");
        let config = doomed.world.config_of("api");
        for inside in [config.clone(), config.join("debug"), config.join("..")] {
            doomed.profile_at(&inside);
            let before = state(&config);
            let done = doomed.world.cs(command);
            assert!(done.stderr.contains("profile 'evil'"), "{command:?}: {done:?}");
            assert_eq!(state(&config), before, "{command:?}");
            doomed.world.cs(&["profile", "remove", "--force", "evil"]).ok();
        }
        // The control.
        doomed.world.cs(command).ok();
        assert!(!config.exists(), "{command:?}");
    }
}

#[test]
fn the_caches_of_a_session_that_is_a_link_stay() {
    let doomed = Doomed::by("caches");
    let root = doomed.root.ancestors().nth(2).unwrap();
    let aside = doomed.world.home().join("aside");
    fs::rename(root, &aside).unwrap();
    symlink(&aside, root).unwrap();
    let before = state(&aside);
    let said = doomed.run();
    assert!(said.stderr.contains("stays: api"), "{said:?}");
    assert_eq!(state(&aside), before);
    // The control.
    fs::remove_file(root).unwrap();
    fs::rename(&aside, root).unwrap();
    doomed.run().ok();
    assert!(!doomed.root.exists());
}
