//! What is there and cannot be read, for a moment or for good: it is never taken for nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::scenery::{Running, TALK, cs, granted, is_root, session_names, talk, waiting_claude};
use super::support::may_trace;
use super::support::world::{Ran, World, ran};

/// Runs `cs ARGUMENTS` in the directory `place`, with a fault of strace's at the calls that touch `path`.
fn with_fault(world: &World, place: &Path, path: &Path, fault: &str, arguments: &[&str]) -> Ran {
    let call = fault.split(':').next().unwrap();
    let (trace, inject) = (format!("trace={call}"), format!("inject={fault}"));
    let program = cs();
    let options = ["-qq", "-o", "/dev/null", "-P", path.to_str().unwrap(), "-e", &trace, "-e", &inject];
    let words = [&options[..], &[program.as_str()], arguments].concat();
    ran(&mut world.any_command(Path::new("/usr/bin/strace"), place, &words))
}

/// The servers that a session or profile was given.
fn servers(world: &World, name: &str) -> Value {
    let state = fs::read(world.config_of(name).join(".claude.json")).unwrap();
    serde_json::from_slice::<Value>(&state).unwrap()["mcpServers"].clone()
}

const STATE: &str = r#"{"hasCompletedOnboarding": true, "mcpServers": {"db": {"command": "x"}}}"#;

#[test]
fn a_state_file_that_cannot_be_read_makes_no_poor_session_and_no_poor_profile() {
    let world = World::with_fake_claude();
    let (project, theirs) = (world.project("web"), json!({"db": {"command": "x"}}));
    let state = world.write(".claude.json", STATE);
    let starts = |arguments: &[&str]| world.cs_in(&project, arguments);
    for torn in [&STATE[..40], "", "[]", "\0\0\0"] {
        fs::write(&state, torn).unwrap();
        for arguments in [&["api", "-p", "x"][..], &["profile", "create", "work"]] {
            let why = starts(arguments).fails(1);
            assert!(why.contains(state.to_str().unwrap()), "{torn:?} {arguments:?}: {why}");
        }
        assert_eq!((session_names(&world).len(), world.starts().len()), (0, 0), "{torn:?}");
        assert!(world.cs(&["show", "work"]).code != Some(0));
    }
    // The controls: whole again, with a byte-order mark too, and where there is none at all.
    fs::write(&state, format!("\u{feff}{STATE}")).unwrap();
    starts(&["api", "-p", "x"]).ok();
    starts(&["profile", "create", "work"]).ok();
    assert_eq!([servers(&world, "api"), servers(&world, "work")], [theirs.clone(), theirs.clone()]);
    fs::remove_file(&state).unwrap();
    starts(&["none", "-p", "x"]).ok();
    // One that is there already goes on, and is told what it goes without.
    fs::write(&state, "{").unwrap();
    fs::write(world.config_of("none").join(".claude.json"), "{}").unwrap();
    let gone_on = starts(&["none", "-p", "x"]);
    assert!(gone_on.stderr.contains(state.to_str().unwrap()), "{gone_on:?}");
    gone_on.ok();
    // Nor does a sync take the servers of a torn file for none.
    let before = fs::read(world.config_of("api").join(".claude.json")).unwrap();
    let why = world.cs(&["profile", "sync"]);
    assert_eq!(why.code, Some(1), "{why:?}");
    assert_eq!(fs::read(world.config_of("api").join(".claude.json")).unwrap(), before);
    fs::write(&state, "{}").unwrap();
    world.cs(&["profile", "sync"]).ok();
    assert_eq!(servers(&world, "api"), json!({}), "the control: of an empty one they go");
}

#[test]
fn a_state_file_that_is_torn_for_a_moment_is_read_a_moment_later() {
    let world = World::with_fake_claude();
    let project = world.project("web");
    let state = world.write(".claude.json", &STATE[..40]);
    let mut child = world.command(&project, &["api", "-p", "x"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(150));
    assert!(child.try_wait().unwrap().is_none(), "the control: it has read it, and waits");
    fs::write(&state, STATE).unwrap();
    assert!(super::scenery::ended(&mut child).success());
    assert_eq!(servers(&world, "api"), json!({"db": {"command": "x"}}));
}

#[test]
fn an_error_of_a_moment_is_tried_again_and_a_lasting_one_fails() {
    if !may_trace() {
        return;
    }
    let world = World::with_fake_claude();
    let (project, state) = (world.project("web"), world.write(".claude.json", STATE));
    for (number, error) in ["EIO", "EMFILE", "EACCES"].into_iter().enumerate() {
        let (name, profile) = (format!("s{number}"), format!("p{number}"));
        for (name, arguments) in
            [(&name, vec![name.as_str(), "-p", "x"]), (&profile, vec!["profile", "create", &profile])]
        {
            let program = cs();
            let strace = |options: &[&str]| {
                let words = [&["-qq"], options, &[program.as_str()], &arguments].concat();
                ran(&mut world.any_command(Path::new("/usr/bin/strace"), &project, &words))
            };
            // Which of the calls opens it: the first look fails, so that nothing is made.
            let trace = world.root().join("trace");
            fs::write(&state, "{").unwrap();
            let _ = strace(&["-y", "-o", trace.to_str().unwrap(), "-e", "trace=openat,openat2"]).fails(1);
            fs::write(&state, STATE).unwrap();
            let text = fs::read_to_string(trace).unwrap();
            let ground = format!("<{}>", world.home().display());
            let opens = |line: &str| {
                line.contains("\".claude.json\"") && line.contains(&ground)
                    || line.contains(&format!("\"{}\"", state.display()))
            };
            let call = text.lines().find(|line| opens(line)).unwrap().split('(').next().unwrap();
            let mut calls = text.lines().filter(|line| line.starts_with(&format!("{call}(")));
            let at = calls.position(opens).unwrap() + 1;
            let fault = |when: String| {
                let inject = format!("inject={call}:error={error}:when={when}");
                strace(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject])
            };
            let why = fault(format!("{at}+")).fails(1);
            assert!(why.contains(state.to_str().unwrap()), "{error}: {why}");
            assert!(world.cs(&["show", name]).code == Some(4), "{error}: nothing of {name} is there");
            fault(at.to_string()).ok();
            assert_eq!(servers(&world, name), json!({"db": {"command": "x"}}), "{error}");
        }
    }
}

#[test]
fn whatever_stands_in_place_of_claudes_lock_is_waited_for_with_an_end() {
    let world = World::with_fake_claude();
    let project = world.project("web");
    world.write(".claude.json", STATE);
    world.cs_in(&project, &["api", "-p", "x"]).ok();
    let state = world.config_of("api").join(".claude.json");
    let lock = state.with_extension("json.lock");
    let old = SystemTime::now() - Duration::from_secs(3600);
    let age = |path: &Path| fs::File::open(path).unwrap().set_modified(old).unwrap();
    let lacking = || fs::write(&state, r#"{"numStartups": 1}"#).unwrap();
    let is_whole = || fs::read_to_string(&state).unwrap().contains("hasCompletedOnboarding");
    for kind in ["file", "link", "full", "full and old", "held"] {
        lacking();
        match kind {
            "file" => fs::write(&lock, "").unwrap(),
            "link" => symlink("/nonexistent", &lock).unwrap(),
            _ => fs::create_dir(&lock).unwrap(),
        }
        if kind.starts_with("full") {
            fs::write(lock.join("x"), "").unwrap();
        }
        if matches!(kind, "file" | "full and old") {
            age(&lock);
        }
        let begun = Instant::now();
        let done = world.cs_in(&project, &["api", "-p", "y"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{kind}: {:?}", begun.elapsed());
        let told = done.stderr.contains(lock.to_str().unwrap());
        // One that somebody may hold is nothing to tell of: what is added can wait.
        assert_eq!(told, matches!(kind, "file" | "link" | "full and old"), "{kind}: {done:?}");
        done.ok();
        assert!(!is_whole(), "{kind}: nothing is written without the lock");
        let there = fs::symlink_metadata(&lock).unwrap();
        assert!(if there.is_dir() { fs::remove_dir_all(&lock) } else { fs::remove_file(&lock) }.is_ok());
    }
    // The controls: one that was left behind is taken over, and without one it is written.
    fs::create_dir(&lock).unwrap();
    age(&lock);
    world.cs_in(&project, &["api", "-p", "y"]).ok();
    assert!(is_whole() && !lock.exists());
    lacking();
    world.cs_in(&project, &["api", "-p", "y"]).ok();
    assert!(is_whole());
}

/// A user without privileges, in a world of their own: whoever runs the test, unless that is root.
struct Unprivileged {
    world: World,
    program: PathBuf,
}

const NOBODY: u32 = 65534;

impl Unprivileged {
    fn new() -> Option<Self> {
        let setpriv = Path::new("/usr/bin/setpriv").exists();
        if is_root() && !granted(setpriv, "there is no setpriv") {
            return None;
        }
        let world = World::with_fake_claude();
        // Root's own build directory may be closed to others.
        let program = world.bin().join("cs");
        fs::copy(World::cs_program(), &program).unwrap();
        Some(Self { world, program })
    }

    /// Gives all of the world to that user.
    fn hand_over(&self) {
        fn walk(path: &Path) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            for entry in fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                let about = path.symlink_metadata().unwrap();
                if about.is_dir() {
                    walk(&path);
                } else if !about.is_symlink() {
                    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
                }
            }
        }
        if is_root() {
            walk(self.world.root());
        }
    }

    fn cs(&self, arguments: &[&str]) -> Ran {
        let program = self.program.to_str().unwrap();
        if !is_root() {
            return ran(&mut self.world.any_command(&self.program, &self.world.home(), arguments));
        }
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups", program];
        let words = [&user[..], arguments].concat();
        ran(&mut self.world.any_command(Path::new("/usr/bin/setpriv"), &self.world.home(), &words))
    }
}

#[test]
fn a_directory_of_ours_that_cannot_be_read_is_not_taken_for_empty() {
    let Some(user) = Unprivileged::new() else { return };
    user.world.write(".claude-other/projects/-x/a.jsonl", "{}\n");
    user.hand_over();
    for arguments in [
        &["new", "--no-open", "a"][..],
        &["profile", "create", "work"],
        &["new", "--no-open", "-P", "work", "b"],
        &["new", "--no-open", "t"],
        &["rm", "t"],
        &["profile", "share", "work", "--history", "team"],
    ] {
        user.cs(arguments).ok();
    }
    let data = user.world.data();
    // Which verbs need what: all others are as they were.
    let cases: &[(&str, &[&[&str]])] = &[
        ("names", &[&["cleanup"], &["cleanup", "--yes"], &["new", "--no-open", "c"], &["b", "-p", "x"]]),
        (
            "sessions",
            &[
                &["list"],
                &["list", "--json"],
                &["cleanup"],
                &["cleanup", "--caches"],
                &["du"],
                &["profile", "list"],
                &["last", "-p", "x"],
                &["profile", "sync"],
                &["profile", "share", "work", "--no-history"],
                &["rename", "a", "c"],
                &["rm", "a"],
                &["usage"],
                &["export", "--all", "all.tar"],
            ],
        ),
        (
            "profiles",
            &[
                &["list"],
                &["profile", "list"],
                &["cleanup"],
                &["cleanup", "--caches"],
                &["du"],
                &["last", "-p", "x"],
                &["profile", "sync"],
                &["profile", "create", "other"],
                &["trash", "empty", "--yes"],
                &["import", "claude", "--yes"],
                &["export", "--all", "all.tar"],
            ],
        ),
        (
            "trash",
            &[
                &["trash"],
                &["trash", "list", "--json"],
                &["restore"],
                &["restore", "t"],
                &["cleanup"],
                &["du"],
                &["trash", "empty", "--yes"],
            ],
        ),
        ("ports", &[&["cleanup"], &["new", "--no-open", "c"]]),
        ("history", &[&["cleanup"], &["du"]]),
        ("staging", &[&["cleanup"], &["du"], &["new", "--no-open", "c"], &["profile", "create", "other"]]),
    ];
    for (room, verbs) in cases {
        fs::set_permissions(data.join(room), fs::Permissions::from_mode(0o000)).unwrap();
        for verb in *verbs {
            let done = user.cs(verb);
            assert_eq!(done.code, Some(1), "{room}: {verb:?}: {done:?}");
            assert!(done.stderr.contains(data.join(room).to_str().unwrap()), "{room}: {verb:?}: {done:?}");
        }
        let doctor = user.cs(&["doctor"]);
        assert!(
            doctor.stdout.contains("could not be looked at") && doctor.code == Some(2),
            "{room}: {doctor:?}"
        );
        fs::set_permissions(data.join(room), fs::Permissions::from_mode(0o700)).unwrap();
    }
    // The control: nothing was lost or changed by any of it, and all of it is shown again.
    for verb in [&["list"][..], &["trash"], &["du"], &["profile", "list"], &["cleanup"], &["profile", "sync"]]
    {
        user.cs(verb).ok();
    }
    let list: Value = serde_json::from_str(&user.cs(&["list", "--json"]).ok()).unwrap();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 2, "{list}");
    assert_eq!(list["profiles"].as_array().unwrap().len(), 2, "{list}");
    user.cs(&["restore", "t"]).ok();
}

#[test]
fn a_record_that_cannot_be_read_is_told_and_decides_nothing() {
    if !may_trace() {
        return;
    }
    let world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    for (name, profile) in [("api", "default"), ("web", "work")] {
        world.cs(&["new", "--no-open", "-P", profile, name]).ok();
        fs::create_dir_all(world.root_of(name).join("claude/debug")).unwrap();
        fs::write(world.root_of(name).join("claude/debug/log"), "junk").unwrap();
    }
    let (session, profile) =
        (world.root_of("web").join("session.toml"), world.data().join("profiles/work/profile.toml"));
    let links = world.root_of("web").join("links.toml");
    world.cs(&["web", "-p", "x"]).ok();
    let before = super::scenery::state(&world.home());
    let fails = |path: &Path, arguments: &[&str]| {
        let done = with_fault(&world, &world.home(), path, "openat:error=EIO:when=1+", arguments);
        assert_eq!(done.code, Some(1), "{arguments:?}: {done:?}");
        assert!(done.stderr.contains(path.to_str().unwrap()), "{arguments:?}: {done:?}");
        done.stdout
    };
    for verb in [
        &["list"][..],
        &["du"],
        &["cleanup"],
        &["cleanup", "--yes"],
        &["profile", "sync"],
        &["profile", "list"],
        &["export", "--all", "/dev/null", "--force"],
        &["last", "-p", "x"],
    ] {
        if !matches!(verb[0], "last" | "export") {
            fails(&session, verb);
        }
        if !matches!(verb[0], "export") {
            fails(&profile, verb);
        }
    }
    // What can be shown is shown all the same.
    assert!(fails(&session, &["list"]).contains("api"));
    assert!(fails(&profile, &["list"]).contains("api"));
    fails(&links, &["profile", "sync"]);
    for verb in [&["profile", "remove", "work"][..], &["profile", "share", "work", "skills=private"]] {
        fails(&profile, verb);
    }
    let mut after = super::scenery::state(&world.home());
    after.retain(|path, _| before.contains_key(path));
    let changed: Vec<_> = before.iter().filter(|(path, entry)| after.get(*path) != Some(*entry)).collect();
    assert!(changed.iter().all(|(path, _)| path.ends_with("run.toml")), "{changed:?}");
    // The control: all of them can do it.
    for verb in [&["list"][..], &["du"], &["cleanup"], &["profile", "sync"], &["profile", "list"]] {
        world.cs(verb).ok();
    }
}

#[test]
fn a_session_whose_last_launch_cannot_be_read_is_not_taken_for_closed() {
    if !may_trace() {
        return;
    }
    let world = World::with_fake_claude();
    waiting_claude(&world);
    let running = Running::start(&world, &world.home(), &["api"]);
    let note = world.root_of("api").join("run.toml");
    for arguments in
        [&["rm", "api"][..], &["api", "-p", "x"], &["cleanup", "--yes", "--older-than", "0d", "api"]]
    {
        let done = with_fault(&world, &world.home(), &note, "openat:error=EIO:when=1+", arguments);
        assert_eq!(done.code, Some(1), "{arguments:?}: {done:?}");
    }
    assert_eq!(session_names(&world), ["api"]);
    // The controls: it is open, and closed it goes.
    world.cs(&["rm", "api"]).fails(5);
    drop(running);
    world.cs(&["rm", "api"]).ok();
}

#[test]
fn a_fork_that_was_acknowledged_is_on_the_disk_with_its_directories() {
    if !may_trace() {
        return;
    }
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let transcript = talk(&world.config_of("api"), &world.home(), TALK, "hello");
    fs::create_dir_all(transcript.with_extension("").join("subagents")).unwrap();
    fs::write(transcript.with_extension("").join("subagents/a.jsonl"), "{}\n").unwrap();
    let trace = world.root().join("trace");
    let program = cs();
    let words = ["-qq", "-y", "-o", trace.to_str().unwrap(), "-e", "trace=mkdir,fsync,renameat2"];
    let words = [&words[..], &[program.as_str(), "fork", "--no-open", "api", "idea"]].concat();
    ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words)).ok();
    let staging = world.data().join("staging");
    let (mut made, mut flushed) = (Vec::new(), Vec::new());
    for line in fs::read_to_string(trace).unwrap().lines() {
        // fsync(4</path>), mkdir("/path", 0700)
        let path = line.split(['<', '"']).nth(1).and_then(|rest| rest.split(['>', '"']).next());
        let Some(path) = path.filter(|path| path.starts_with(staging.to_str().unwrap())) else { continue };
        if line.starts_with("renameat2") {
            break;
        }
        let all = if line.starts_with("mkdir") { &mut made } else { &mut flushed };
        all.push(path.to_owned());
    }
    let copies: Vec<_> = made.iter().filter(|path| path.contains("/projects")).collect();
    assert!(copies.len() >= 4, "the control: projects, the project, and two beside the transcript: {made:?}");
    for path in &made {
        assert!(flushed.contains(path), "{path} was not flushed before the session was seen: {flushed:?}");
    }
}
