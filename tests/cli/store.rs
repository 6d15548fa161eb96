//! Many processes at once: nothing is lost, one of many wins, and every file is its owner's alone.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::scenery::{cs, ended, list, session_names, sessions, shell, starts, talk, until, waiting_claude};
use super::support::needed;
use super::support::world::{World, ran};

/// Runs `work` for 0 to `count - 1`, at most `at_once` at a time, and gives what each returned.
fn all_at_once<T: Send>(count: usize, at_once: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return done;
                        }
                        done.push((number, work(number)));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

fn spawn(world: &World, arguments: &[&str]) -> Child {
    world.command(&world.home(), arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_hundred_processes_that_make_ten_sessions_each_lose_none() {
    let world = World::with_fake_claude();
    let script = "for n in 0 1 2 3 4 5 6 7 8 9; do \"$1\" new --no-open \"s$2-$n\" 2>>\"$3\" || exit 1; done";
    let errors = world.root().join("errors");
    let all = all_at_once(100, 100, |process| {
        let file = format!("{}-{process}", errors.display());
        ran(&mut shell(&world, script, &[&cs(), &process.to_string(), &file])).code
    });
    assert_eq!(all, vec![Some(0); 100]);
    let mut expected: Vec<String> =
        (0..100).flat_map(|process| (0..10).map(move |n| format!("s{process}-{n}"))).collect();
    expected.sort();
    assert_eq!(session_names(&world), expected);
    let ids: BTreeSet<String> =
        sessions(&world).values().map(|session| session["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1000);
    assert_eq!(fs::read_dir(world.data().join("staging")).unwrap().count(), 0, "nothing is left over");
    assert_eq!(fs::read_dir(world.data().join("names")).unwrap().count(), 1000);
}

#[test]
fn of_a_hundred_that_want_one_name_exactly_one_gets_it() {
    for verb in [&["new", "--no-open", "api"][..], &["profile", "create", "api"]] {
        let world = World::with_fake_claude();
        let ends = all_at_once(100, 100, |_| {
            let ran = world.cs(verb);
            (ran.code, ran.stderr)
        });
        let won = ends.iter().filter(|(code, _)| *code == Some(0)).count();
        let refused: Vec<_> = ends.iter().filter(|(code, _)| *code == Some(5)).collect();
        assert_eq!((won, refused.len()), (1, 99), "{verb:?}: {:?}", unlike_5(&ends));
        assert!(refused.iter().all(|(_, said)| said.contains("there is already a")), "{refused:?}");
        world.cs(&["show", "api"]).ok();
        assert_eq!(fs::read_dir(world.data().join("staging")).unwrap().count(), 0);
    }
}

fn unlike_5(ends: &[(Option<i32>, String)]) -> Vec<&(Option<i32>, String)> {
    ends.iter().filter(|(code, _)| *code != Some(5)).collect()
}

#[test]
fn unnamed_sessions_of_one_directory_get_a_name_each() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    let ends = all_at_once(20, 20, |_| world.cs_in(&api, &["--no-open"]).code);
    assert_eq!(ends, vec![Some(0); 20]);
    let mut expected: Vec<String> = (2..=20).map(|n| format!("api-{n}")).collect();
    expected.push("api".into());
    expected.sort();
    assert_eq!(session_names(&world), expected);
}

#[test]
fn forty_launches_at_once_are_forty_running_programs() {
    let world = World::new();
    waiting_claude(&world);
    let mut running: Vec<Child> = (0..40).map(|n| spawn(&world, &[&format!("s{n}")])).collect();
    until("forty run", || starts(&world) == 40);
    let live: Value = serde_json::from_str(&world.cs(&["list", "--live", "--json"]).ok()).unwrap();
    assert_eq!(live["sessions"].as_array().unwrap().len(), 40);
    let homes: BTreeSet<String> =
        world.starts().iter().map(|start| start.var("CLAUDE_CONFIG_DIR").unwrap().to_owned()).collect();
    assert_eq!(homes.len(), 40, "each in a config directory of its own");
    for child in &mut running {
        assert_eq!(child.try_wait().unwrap(), None, "none has ended");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // The same ones again: now they exist.
    let ends = {
        world.fake_claude("");
        all_at_once(40, 40, |n| world.cs(&[format!("s{n}")]).code)
    };
    assert_eq!(ends, vec![Some(0); 40]);
    assert_eq!(list(&world)["sessions"].as_array().unwrap().len(), 40);
}

#[test]
fn of_two_that_open_one_session_exactly_one_does() {
    let world = World::new();
    waiting_claude(&world);
    world.cs(&["new", "--no-open", "api"]).ok();
    talk(&world.config_of("api"), &world.home(), super::scenery::TALK, "hello");
    for round in 1..=20 {
        let mut both = [spawn(&world, &["api"]), spawn(&world, &["resume", "api"])];
        until("one runs and one has ended", || starts(&world) >= round);
        let mut ends = Vec::new();
        until("the other one is refused", || ends_of(&both).len() == 1);
        for child in &mut both {
            if let Some(status) = child.try_wait().unwrap() {
                ends.push(status.code());
            }
        }
        assert_eq!(ends, [Some(5)], "round {round}");
        assert_eq!(starts(&world), round, "round {round}");
        for child in &mut both {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }
}

/// Those of `children` that are no longer running.
fn ends_of(children: &[Child]) -> Vec<u32> {
    children.iter().map(Child::id).filter(|pid| claude_cs::os::start_time(*pid).is_none()).collect()
}

#[test]
fn two_that_make_and_open_one_session_never_both_run_it() {
    let world = World::new();
    waiting_claude(&world);
    for round in 1..=10 {
        let name = format!("s{round}");
        let mut both = [spawn(&world, &[&name]), spawn(&world, &[&name])];
        until("one runs", || starts(&world) >= round);
        until("one has ended", || ends_of(&both).len() == 1);
        assert_eq!(starts(&world), round);
        for child in &mut both {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }
    assert_eq!(session_names(&world).len(), 10);
}

#[test]
fn renaming_removing_and_restoring_at_once_leaves_one_session_whole() {
    let world = World::with_fake_claude();
    for round in 0..6 {
        let name = format!("s{round}");
        world.cs(&["new", "--no-open", &name]).ok();
        world.cs(&["new", "--no-open", &format!("bystander{round}")]).ok();
        let id = world.show(&name)["id"].clone();
        let (first, second) = (format!("{name}-first"), format!("{name}-second"));
        let commands: Vec<Vec<&str>> = vec![
            vec!["rename", &name, &first],
            vec!["rename", &name, &second],
            vec!["rm", &name],
            vec!["restore", &name],
            vec![&name, "-p", "x"],
            vec!["rm", &name],
            vec!["list", "--json"],
            vec!["env", &name],
        ];
        let ends = all_at_once(commands.len(), commands.len(), |n| world.cs(&commands[n]));
        for (command, end) in commands.iter().zip(&ends) {
            assert!(matches!(end.code, Some(0 | 1 | 4 | 5)), "{command:?}: {end:?}");
        }
        let all = list(&world);
        assert_eq!(all["damaged"], serde_json::json!([]), "round {round}: {ends:#?}");
        let here = all["sessions"].as_array().unwrap().iter().filter(|session| session["id"] == id).count();
        let trash: Value = serde_json::from_str(&world.cs(&["restore", "--json"]).ok()).unwrap();
        let there = trash["trash"].as_array().unwrap().iter().filter(|entry| entry["id"] == id).count();
        assert_eq!(here + there, 1, "round {round}: it is in exactly one place: {ends:#?}");
        // Whatever it is called now, that name works.
        if there == 1 {
            world.cs(&["restore", id.as_str().unwrap(), "--as", &format!("{name}-back")]).ok();
        }
        let now = sessions(&world).into_values().find(|session| session["id"] == id).unwrap();
        world.cs(&["show", now["name"].as_str().unwrap()]).ok();
        world.cs(&["show", &format!("bystander{round}")]).ok();
    }
}

#[test]
fn a_launch_that_waited_for_a_removal_does_not_bring_the_session_back() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let root = world.config_of("api").parent().unwrap().to_path_buf();
    let gone = root.with_extension("gone");
    for arguments in [&["api"][..], &["api", "-p", "x"], &["rename", "api", "other"], &["rm", "api"]] {
        // A removal that takes its time: its lock is waited for, and the directory goes away under it.
        let lock = claude_cs::os::Lock::take(&root.join("lock"), Duration::ZERO).unwrap();
        let child = world
            .command(&world.home(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300));
        fs::rename(&root, &gone).unwrap();
        drop(lock);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(5), "{arguments:?}: {said}");
        assert!(said.contains("has changed meanwhile"), "{said}");
        assert!(!root.exists(), "{arguments:?} made the directory again");
        fs::rename(&gone, &root).unwrap();
    }
    assert_eq!(world.starts().len(), 0);
    // The control: one that merely waited goes on.
    let lock = claude_cs::os::Lock::take(&root.join("lock"), Duration::ZERO).unwrap();
    let mut child = spawn(&world, &["api"]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().unwrap(), None, "it waits");
    drop(lock);
    assert_eq!(ended(&mut child).code(), Some(0));
}

#[test]
fn what_only_looks_at_a_session_does_not_bring_a_removed_one_back() {
    let world = World::with_fake_claude();
    // The command that gives the token runs after the session was looked up and before it is laid
    // out: here it is what somebody else does meanwhile.
    let meanwhile = world.home().join("meanwhile");
    let command = format!("sh '{}'; echo token", meanwhile.display());
    world
        .cs(&["profile", "create", "gw", "--base-url", "https://gw.example", "--token-command", &command])
        .ok();
    let ways: [&[&str]; 4] = [&["env"], &["exec", "--", "true"], &["mcp", "list"], &["env", "--json"]];
    for (round, way) in ways.iter().chain(&ways).enumerate() {
        let name = format!("api{round}");
        let mut words = way.to_vec();
        words.insert(usize::from(way[0] != "mcp"), &name);
        fs::write(&meanwhile, "").unwrap();
        world.cs(&["new", "--no-open", "--profile", "gw", &name]).ok();
        let root = world.config_of(&name).parent().unwrap().to_path_buf();
        // The second time round it was laid out before.
        if round >= ways.len() {
            world.cs(&words).ok();
        }
        fs::write(&meanwhile, format!("'{}' rm {name}\n", World::cs_program().display())).unwrap();
        let said = world.cs(&words).fails(5);
        assert!(said.contains("was removed meanwhile") && said.contains("cs list"), "{words:?}: {said}");
        assert!(!root.exists(), "{words:?} made the directory again");
        fs::write(&meanwhile, "").unwrap();
        world.cs(&["restore", &name]).ok();
        world.cs(&words).ok();
    }
}

#[test]
fn a_command_that_cannot_have_the_lock_says_who_has_it() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let root = world.config_of("api").parent().unwrap().to_path_buf();
    let _lock = claude_cs::os::Lock::take(&root.join("lock"), Duration::ZERO).unwrap();
    let said = world.cs(&["rm", "api"]).fails(5);
    let me = std::process::id().to_string();
    assert!(said.contains("another cs (pid") && said.contains(&me), "{said}");
}

#[test]
fn of_many_that_restore_one_session_one_does_and_its_name_works() {
    let world = World::with_fake_claude();
    for round in 0..5 {
        let name = format!("s{round}");
        world.cs(&["new", "--no-open", &name]).ok();
        world.cs(&["rm", &name]).ok();
        let ends = all_at_once(12, 12, |_| world.cs(&["restore", &name]));
        assert_eq!(ends.iter().filter(|end| end.code == Some(0)).count(), 1, "{ends:#?}");
        assert!(ends.iter().all(|end| matches!(end.code, Some(0 | 4 | 5))), "{ends:#?}");
        world.cs(&["show", &name]).ok();
        assert!(world.data().join("names").join(&name).is_file());
    }
}

#[test]
fn everything_is_for_its_owner_only_whatever_the_umask() {
    for umask in ["000", "022", "077", "0777"] {
        let world = World::with_fake_claude();
        world.write(".claude.json", "{\"hasCompletedOnboarding\": true}");
        let script = format!(
            "umask {umask}; cs=$1; $cs new --no-open a && $cs a -p x && $cs profile create p && \
             $cs profile create c --bare && $cs default -p x && $cs rename a b && $cs rm b && \
             $cs restore b && $cs profile default p && $cs new --isolation home h"
        );
        let claude = world.bin().join("claude");
        fs::write(&claude, "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(&claude, fs::Permissions::from_mode(0o755)).unwrap();
        let done = ran(&mut shell(&world, &script, &[&cs()]));
        assert_eq!(done.code, Some(0), "umask {umask}: {}", done.stderr);
        let mut seen = 0;
        for (path, entry) in super::support::world::listing(&world.data()) {
            let mode = entry.split(' ').rev().nth(1).unwrap();
            let expected = if entry.starts_with("dir") { "700" } else { "600" };
            if !entry.starts_with("link") {
                assert_eq!(mode, expected, "umask {umask}: {}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 25, "the control: {seen} files were looked at");
        let config = fs::metadata(world.home().join(".config/cs/config.toml")).unwrap();
        assert_eq!(config.permissions().mode() & 0o777, 0o600);
    }
}

/// Starts `cs ARGUMENTS`, which waits for a second before every system call `call`.
fn slowed(world: &World, strace: &Path, call: &str, arguments: &[&str]) -> Child {
    let (trace, delay) = (format!("trace={call}"), format!("inject={call}:delay_enter=1000000"));
    let program = World::cs_program();
    let words = ["-qq", "-o", "/dev/null", "-e", &trace, "-e", &delay, program.to_str().unwrap()];
    let mut command = world.any_command(strace, &world.home(), &[&words, arguments].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_name_is_never_of_two_or_of_none_however_slow_one_of_those_who_want_it_is() {
    type Words<'a> = &'a [&'a str];
    type Reached<'a> = &'a dyn Fn(&World) -> bool;
    type Case<'a> = (&'a [Words<'a>], Words<'a>, &'a str, Reached<'a>, Words<'a>, i32);
    let Some(strace) = needed("strace") else { return };
    let new: &[&str] = &["new", "--no-open", "a"];
    let create: &[&str] = &["profile", "create", "a"];
    let there = |world: &World, path: &str| world.data().join(path).exists();
    let in_trash = |world: &World| fs::read_dir(world.data().join("trash")).unwrap().count() > 0;
    let claimed = |world: &World| there(world, "names/a");
    // What is done before; what is slow, before which call; when it is there; what then comes in between, and how that
    // may end. In the end the name belongs to one, which it leads to.
    let cases: [Case<'_>; 6] = [
        (&[new, &["rm", "a"]], &["restore", "a"], "renameat2", &claimed, new, 5),
        (&[new, &["rm", "a"]], &["restore", "a"], "renameat2", &claimed, create, 5),
        (&[new], &["rm", "a"], "unlink", &in_trash, new, 0),
        (&[new], &["rm", "a"], "unlink", &in_trash, create, 0),
        (&[&["new", "--no-open", "b"]], &["rename", "b", "a"], "rename", &claimed, new, 5),
        (&[create], &["profile", "remove", "--force", "a"], "unlink", &in_trash, create, 0),
    ];
    for (before, slow, call, is_reached, between, code) in cases {
        let world = World::with_fake_claude();
        for words in before {
            world.cs(words).ok();
        }
        let mut slow_one = slowed(&world, &strace, call, slow);
        until("it is under way", || is_reached(&world));
        let fast = world.cs(between);
        assert_eq!(fast.code, Some(code), "{slow:?}, {between:?}: {}", fast.stderr);
        assert_eq!(ended(&mut slow_one).code(), Some(0), "{slow:?}, {between:?}");
        let sessions = session_names(&world).into_iter().filter(|name| name == "a").count();
        let profiles = usize::from(there(&world, "profiles/a"));
        assert_eq!(sessions + profiles, 1, "{slow:?}, {between:?}");
        world.cs(&["show", "a"]).ok();
        let _ = world.cs(new).fails(5);
    }
}
