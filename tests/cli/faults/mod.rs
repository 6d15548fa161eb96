//! A kill, a full disk, or a failing one at every system call that touches our files: whatever
//! happens, everything else stays as it was, what was touched is old or new, and the exit code
//! says which.

mod stage;
mod verbs;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

pub(crate) use self::stage::{CALLS, copy};
use self::stage::{FAULTS, KILL, Stage};
use super::scenery::{TALK, cs, has, may_mount, talk};
use super::support::may_trace;
use super::support::world::{World, git, ran};

#[test]
fn making_a_session() {
    if may_trace() {
        Stage::new(&["new", "--no-open", "api"], |_| {}).sweep(10, None);
    }
}

#[test]
fn making_a_session_in_a_worktree() {
    if !may_trace() || !has("git") {
        return;
    }
    let mut stage = Stage::new(&["-w", "--no-open", "api"], |world| {
        world.write(".gitconfig", "[user]\nname = n\nemail = e@example.com\n");
        let repo = world.project("repo");
        fs::write(repo.join(".gitignore"), ".env\n").unwrap();
        fs::write(repo.join(".worktreeinclude"), ".env\n").unwrap();
        for words in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "one"]] {
            git(world, &repo, words);
        }
        fs::write(repo.join(".env"), "A=1\n").unwrap();
    });
    stage.directory = stage.world.project("repo");
    // A worktree without a session is nothing that is seen; the next one takes it over.
    stage.sweep(30, None);
    stage.reset();
    stage.run().ok();
    let root = stage.directory.join(".claude/worktrees/api");
    assert_eq!(fs::read_to_string(root.join(".env")).unwrap(), "A=1\n", "the control: all of it was swept");
}

#[test]
fn making_the_first_session_of_all() {
    if !may_trace() {
        return;
    }
    let world = World::with_fake_claude();
    let trace = world.root().join("trace");
    let count = |call: &str| -> usize {
        let words = [
            "-qq",
            "-o",
            trace.to_str().unwrap(),
            "-e",
            &format!("trace={call}"),
            &cs(),
            "new",
            "--no-open",
            "api",
        ]
        .map(str::to_owned);
        ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words)).ok();
        fs::remove_dir_all(world.home().join(".local")).unwrap();
        fs::read_to_string(&trace).unwrap().lines().count()
    };
    for call in ["mkdir", "linkat", "fsync", "write", "unlink", "renameat2"] {
        for number in 1..=count(call) {
            for fault in FAULTS {
                let inject = format!("inject={call}:{fault}:when={number}");
                let trace = format!("trace={call}");
                let words =
                    ["-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, &cs(), "new", "--no-open", "api"]
                        .map(str::to_owned);
                let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
                let there = super::scenery::session_names(&world) == ["api"];
                if done.signal.is_none() {
                    assert_eq!(done.code == Some(0), there, "{inject}: {done:?}");
                }
                let again = world.cs(&["new", "--no-open", "api"]);
                assert_eq!(again.code, Some(if there { 5 } else { 0 }), "{inject}: {again:?}");
                fs::remove_dir_all(world.home().join(".local")).unwrap();
            }
        }
    }
}

#[test]
fn renaming() {
    if may_trace() {
        Stage::new(&["rename", "api", "server"], |world| _ = world.cs(&["new", "--no-open", "api"]).ok())
            .sweep(10, None);
    }
}

#[test]
fn removing() {
    if may_trace() {
        Stage::new(&["rm", "api"], |world| _ = world.cs(&["new", "--no-open", "api"]).ok()).sweep(10, None);
    }
}

/// Something with a few directories and links, so that removing it takes a few steps.
fn furnished(world: &World) {
    world.cs(&["new", "--no-open", "api"]).ok();
    let config = world.config_of("api");
    for path in ["projects/-x/a.jsonl", "plans/b.md"] {
        fs::create_dir_all(config.join(path).parent().unwrap()).unwrap();
        fs::write(config.join(path), "{}\n").unwrap();
    }
    std::os::unix::fs::symlink(world.home().join(".claude/skills"), config.join("skills")).unwrap();
}

#[test]
fn emptying_the_trash() {
    if !may_trace() {
        return;
    }
    let stage = Stage::new(&["trash", "empty", "--yes"], |world| {
        furnished(world);
        world.cs(&["rm", "api"]).ok();
    });
    // Cut short, it is nobody's any more, and the next removal finishes it.
    stage.reset();
    let mut partly = stage.view();
    (partly["trash"], partly["half_removed"]) = (json!([]), json!(1));
    stage.sweep(20, Some(&partly));
}

#[test]
fn cleaning_up() {
    if may_trace() {
        Stage::new(&["cleanup", "--yes", "--older-than", "0d", "api"], furnished).sweep(10, None);
    }
}

#[test]
fn importing_a_file() {
    if !may_trace() {
        return;
    }
    Stage::new(&["import", "api.tar"], |world| {
        furnished(world);
        world.cs(&["export", "api", "api.tar"]).ok();
        world.cs(&["rm", "api"]).ok();
        world.cs(&["trash", "empty", "--yes"]).ok();
    })
    .sweep(20, None);
}

#[test]
fn a_removal_that_was_killed_anywhere_is_finished_by_the_next() {
    if !may_trace() {
        return;
    }
    let stage = Stage::new(&["trash", "empty", "--yes"], |world| {
        furnished(world);
        world.cs(&["rm", "api"]).ok();
    });
    let points: Vec<_> = stage.points().into_iter().filter(|(call, ..)| call.starts_with("unlink")).collect();
    assert!(points.len() > 5, "{points:?}");
    for (call, number, line) in &points {
        stage.reset();
        let inject = format!("inject={call}:{KILL}:when={number}");
        let done = stage.traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
        assert_eq!(done.signal, Some(9), "{line}");
        assert_eq!(stage.world.cs(&["restore", "api"]).code, Some(4), "{line}");
        stage.run().ok();
        assert_eq!(fs::read_dir(stage.world.data().join("trash")).unwrap().count(), 0, "{line}");
        assert_eq!(stage.look_at_bystanders(), stage.bystanders, "{line}");
    }
}

#[test]
fn restoring() {
    if may_trace() {
        Stage::new(&["restore", "api"], |world| {
            world.cs(&["new", "--no-open", "api"]).ok();
            world.cs(&["rm", "api"]).ok();
        })
        .sweep(10, None);
    }
}

#[test]
fn restoring_under_another_name() {
    if !may_trace() {
        return;
    }
    let stage = Stage::new(&["restore", "api", "--as", "server"], |world| {
        world.cs(&["new", "--no-open", "api"]).ok();
        world.cs(&["rm", "api"]).ok();
    });
    // What was renamed in the trash before it could be moved: the same command goes on from there.
    stage.reset();
    let mut partly = stage.view();
    partly["trash"] = json!(["server"]);
    stage.sweep(10, Some(&partly));
}

#[test]
fn making_a_profile() {
    if may_trace() {
        Stage::new(&["profile", "create", "work", "--bare"], |_| {}).sweep(10, None);
    }
}

#[test]
fn making_a_profile_that_shares() {
    if may_trace() {
        Stage::new(
            &["profile", "create", "work", "--base-url", "http://127.0.0.1:9", "--token-env", "T"],
            |_| {},
        )
        .sweep(10, None);
    }
}

#[test]
fn removing_a_profile() {
    if may_trace() {
        Stage::new(&["profile", "remove", "--force", "work"], |world| {
            world.cs(&["profile", "create", "work"]).ok();
        })
        .sweep(10, None);
    }
}

#[test]
fn choosing_the_default_profile() {
    if may_trace() {
        Stage::new(&["profile", "default", "neighbour"], |world| {
            world.write(".config/cs/config.toml", "# mine\nclaude = \"claude\"\n");
        })
        .sweep(10, None);
    }
}

#[test]
fn binding_what_was_bound_to_another() {
    if may_trace() {
        Stage::new(&["bind", "neighbour"], |world| {
            world.cs(&["bind", "bystander"]).ok();
            world.cs(&["bind", "bystander", "--remote", "github.com/acme/*"]).ok();
        })
        .sweep(10, None);
    }
}

#[test]
fn binding_for_the_first_time() {
    if may_trace() {
        Stage::new(&["bind", "neighbour"], |_| {}).sweep(10, None);
    }
}

#[test]
fn taking_the_only_binding_away() {
    if may_trace() {
        Stage::new(&["bind", "--remove"], |world| _ = world.cs(&["bind", "neighbour"]).ok()).sweep(7, None);
    }
}

#[test]
fn allowing_a_file() {
    if may_trace() {
        Stage::new(&["allow"], |world| _ = world.write(".cs.toml", "profile = \"neighbour\"\n"))
            .sweep(7, None);
    }
}

#[test]
fn allowing_a_file_that_was_denied() {
    if may_trace() {
        Stage::new(&["allow"], |world| {
            world.write(".cs.toml", "profile = \"neighbour\"\n");
            world.cs(&["deny"]).ok();
        })
        .sweep(10, None);
    }
}

#[test]
fn denying_a_file_that_was_allowed() {
    if may_trace() {
        Stage::new(&["deny"], |world| {
            world.write(".cs.toml", "profile = \"neighbour\"\n");
            world.cs(&["allow"]).ok();
        })
        .sweep(7, None);
    }
}

#[test]
fn forking() {
    if may_trace() {
        Stage::new(&["fork", "--no-open", "api", "idea"], |world| {
            world.cs(&["new", "--no-open", "api"]).ok();
            let transcript = talk(&world.config_of("api"), &world.home(), TALK, "hello");
            fs::create_dir_all(transcript.with_extension("").join("subagents")).unwrap();
            fs::write(transcript.with_extension("").join("subagents/a.jsonl"), "{}\n").unwrap();
        })
        .sweep(10, None);
    }
}

#[test]
fn opening_a_session() {
    if may_trace() {
        Stage::new(&["api", "-p", "x"], |world| _ = world.cs(&["new", "--no-open", "api"]).ok())
            .sweep(10, None);
    }
}

#[test]
fn opening_a_session_that_is_older_than_ports() {
    if !may_trace() {
        return;
    }
    let stage = Stage::new(&["api", "-p", "x"], |world| {
        world.cs(&["new", "--no-open", "api"]).ok();
        let shown = world.show("api");
        let first = shown["ports"]["first"].to_string();
        let record = world.data().join("sessions").join(shown["id"].as_str().unwrap()).join("session.toml");
        let text = fs::read_to_string(&record).unwrap();
        fs::write(&record, text.replace(&format!("ports = {first}\n"), "")).unwrap();
        fs::remove_file(world.data().join("ports").join(first)).unwrap();
    });
    stage.reset();
    stage.run().ok();
    // It may have its ports and not be started.
    let given = stage.view();
    assert_eq!(given["sessions"][0]["ports"], true);
    stage.sweep(10, Some(&given));
}

#[test]
fn making_and_opening_a_session() {
    if !may_trace() {
        return;
    }
    let stage = Stage::new(&["api", "-p", "x"], |_| {});
    stage.reset();
    stage.run().ok();
    let made = stage.view();
    stage.sweep(10, Some(&made));
}

#[test]
fn a_retry_after_a_kill_makes_the_profile_that_is_asked_for_now() {
    if !may_trace() {
        return;
    }
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    let first = ["profile", "create", "work", "--base-url", "http://127.0.0.1:9/first", "--token-env", "T"];
    let words = [
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=renameat2",
        "-e",
        "inject=renameat2:signal=KILL:error=EIO:when=1",
    ];
    let program = cs();
    let words = [&words[..], &[program.as_str()], &first].concat();
    let killed = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
    assert_eq!(killed.signal, Some(9));
    let left = world.data().join("staging/work/profile.toml");
    assert!(fs::read_to_string(left).unwrap().contains("first"), "the control: it got that far");
    world.cs(&["profile", "create", "work", "--bare"]).ok();
    let shown = world.cs(&["profile", "show", "work"]).ok();
    assert!(!shown.contains("first") && shown.contains("account"), "{shown}");
    assert!(!world.config_of("work").join("skills").exists());
}

#[test]
fn a_disk_that_is_really_full_loses_nothing_and_lets_go_of_things() {
    if !may_mount() {
        return;
    }
    let world = World::with_fake_claude();
    fs::create_dir_all(world.data()).unwrap();
    fs::set_permissions(world.data(), fs::Permissions::from_mode(0o700)).unwrap();
    let script = r#"
        set -u
        mount -t tmpfs -o size=256k,mode=700 tmpfs "$2" || exit 99
        n=0
        while [ $n -lt 500 ] && "$1" new --no-open s$n 2>>"$3/said"; do echo s$n; n=$((n+1)); done
        "$1" list --json > "$3/list"
        dd if=/dev/zero of="$2/fill" bs=1k 2>/dev/null
        df --output=avail "$2" | tail -1 > "$3/free"
        "$1" profile create p 2>"$3/profile" && echo 'profile made?'
        "$1" s0 -p x 2>"$3/launch"; echo $? > "$3/launched"
        "$1" list --json > "$3/full"
        "$1" rm s1 2>/dev/null || echo 'not removed'
        "$1" rm s2 2>/dev/null || echo 'not removed'
        "$1" show s3 >/dev/null || echo 'not shown'
        "$1" env s3 >/dev/null 2>&1
        "$1" list --json > "$3/removed"
        rm "$2/fill"
        "$1" restore s1 2>/dev/null || echo 'not restored'
        "$1" list --json > "$3/end"
        find "$2" -name '.*.new' -o -path '*/staging/*' | head > "$3/leftovers"
    "#;
    let out = world.root().join("out");
    fs::create_dir(&out).unwrap();
    let (program, data) = (cs(), world.data());
    let words = ["-m", "sh", "-c", script, "sh", &program, data.to_str().unwrap(), out.to_str().unwrap()];
    let done = ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &world.home(), &words));
    assert_eq!(done.code, Some(0), "{done:?}");
    let made: Vec<&str> = done.stdout.lines().collect();
    assert!(made.len() > 5 && made.len() < 500, "{done:?}");
    assert!(made.iter().all(|line| line.starts_with('s')), "{made:?}");
    let names = |file: &str| -> Vec<String> {
        let all: Value = serde_json::from_str(&fs::read_to_string(out.join(file)).unwrap()).unwrap();
        assert_eq!(all["damaged"], json!([]));
        assert_eq!(all["profiles"].as_array().unwrap().len(), 1);
        let rows = all["sessions"].as_array().unwrap().iter();
        let mut names: Vec<String> = rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let mut acknowledged: Vec<String> = made.iter().map(|name| (*name).to_owned()).collect();
    acknowledged.sort();
    assert_eq!(names("list"), acknowledged, "every session that was acknowledged, and no other");
    let said = fs::read_to_string(out.join("said")).unwrap();
    let last = said.lines().last().unwrap();
    assert!(last.contains("no space left on device") && last.contains(data.to_str().unwrap()), "{last}");
    assert_eq!(fs::read_to_string(out.join("free")).unwrap().trim(), "0");
    assert!(fs::read_to_string(out.join("profile")).unwrap().contains("no space left"));
    assert_eq!(
        fs::read_to_string(out.join("launched")).unwrap().trim(),
        "1",
        "it is not started half laid out"
    );
    assert_eq!(world.starts().len(), 0);
    assert_eq!(names("full"), acknowledged);
    acknowledged.retain(|name| name != "s1" && name != "s2");
    assert_eq!(names("removed"), acknowledged, "removing works on a full disk");
    acknowledged.push("s1".into());
    acknowledged.sort();
    assert_eq!(names("end"), acknowledged);
    assert_eq!(fs::read_to_string(out.join("leftovers")).unwrap(), "", "no failure leaves half a file");
}
