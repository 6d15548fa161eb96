//! A kill, a full disk, or a failing one at every system call that touches our files: whatever
//! happens, everything else stays as it was, what was touched is old or new, and the exit code
//! says which.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scenery::{TALK, cs, has, may_mount, may_trace, state, talk};
use super::support::world::{Ran, World, git, ran};

/// The system calls that change something, or decide what is changed.
pub(crate) const CALLS: &[&str] = &[
    "openat",
    "openat2",
    "fchmod",
    "write",
    "rename",
    "renameat2",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "fsync",
    "fdatasync",
    "unlink",
    "unlinkat",
    "rmdir",
    "flock",
    "symlink",
    "symlinkat",
    "ftruncate",
];

const KILL: &str = "signal=KILL";
const EINTR: &str = "error=EINTR";
const FAULTS: &[&str] = &[KILL, "error=ENOSPC", "error=EIO", "error=EROFS", EINTR];

/// The faults worth injecting at the call in this line of a trace. A full or a read-only disk can
/// be read, and a kill at a read is one at the next write.
fn faults_at(line: &str) -> &'static [&'static str] {
    let reads = line.contains("O_RDONLY");
    if reads && line.contains("O_DIRECTORY") {
        // Opening a directory is not interrupted on a local disk, and the standard library does
        // not try again.
        &["error=EIO"]
    } else if reads {
        &["error=EIO", EINTR]
    } else {
        FAULTS
    }
}

/// One command, and the world it runs in: the home directory is put back before every run.
struct Stage<'c> {
    world: World,
    saved: PathBuf,
    command: &'c [&'c str],
    /// Where it is run.
    directory: PathBuf,
    bystanders: BTreeMap<PathBuf, String>,
}

impl<'c> Stage<'c> {
    fn new(command: &'c [&'c str], prepare: impl FnOnce(&World)) -> Self {
        let mut world = World::with_fake_claude();
        // So that `/proc` and the like are all the tracer sees besides our own files.
        world.set("LANG", "C");
        world.write(".claude/skills/s/SKILL.md", "a skill");
        world.write(".claude/settings.json", "{}");
        world.write(".claude.json", "{\"hasCompletedOnboarding\": true}");
        for arguments in [
            &["new", "--no-open", "bystander"][..],
            &["profile", "create", "neighbour"],
            &["new", "--no-open", "-P", "neighbour", "lodger"],
        ] {
            world.cs(arguments).ok();
        }
        prepare(&world);
        let saved = world.root().join("saved");
        copy(&world.home(), &saved);
        let directory = world.home();
        let mut stage = Self { world, saved, command, directory, bystanders: BTreeMap::new() };
        stage.bystanders = stage.look_at_bystanders();
        stage
    }

    fn reset(&self) {
        fs::remove_dir_all(self.world.home()).unwrap();
        copy(&self.saved, &self.world.home());
        let starts = self.world.root().join("starts");
        fs::remove_dir_all(&starts).unwrap();
        fs::create_dir(&starts).unwrap();
    }

    /// Everything that is not what the command is about.
    fn look_at_bystanders(&self) -> BTreeMap<PathBuf, String> {
        let data = self.world.data();
        let mut found = BTreeMap::new();
        for name in ["bystander", "lodger"] {
            let claim = fs::read_to_string(data.join("names").join(name)).unwrap();
            let id = claim.trim().strip_prefix("session ").unwrap().to_owned();
            found.insert(Path::new("names").join(name), claim);
            let root = data.join("sessions").join(id);
            found.extend(state(&root).into_iter().map(|(path, entry)| (root.join(path), entry)));
        }
        for path in [data.join("profiles/neighbour"), self.world.home().join(".claude")] {
            found.extend(state(&path).into_iter().map(|(inner, entry)| (path.join(inner), entry)));
        }
        found.insert("state".into(), fs::read_to_string(self.world.home().join(".claude.json")).unwrap());
        found
    }

    /// What there is, as a person sees it. The ids of new sessions differ from run to run.
    fn view(&self) -> Value {
        let (all, data) = (super::scenery::list(&self.world), self.world.data());
        assert_eq!(all["damaged"], json!([]), "something cannot be read");
        let mut sessions: Vec<Value> = all["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| {
                // Its name leads to it, whatever the list says.
                let claim = fs::read_to_string(data.join("names").join(session["name"].as_str().unwrap()));
                let id = session["id"].as_str().unwrap();
                assert_eq!(claim.unwrap(), format!("session {id}\n"), "{session}");
                let record = fs::read_to_string(data.join("sessions").join(id).join("session.toml")).unwrap();
                let forked = record.lines().find(|line| line.starts_with("forked_from"));
                // Its ports are its own; what else is claimed is stale, and taken over by who needs it.
                if let Some(first) = session["ports"]["first"].as_u64() {
                    let claim = fs::read_to_string(data.join("ports").join(first.to_string()));
                    assert_eq!(claim.unwrap(), format!("session {id}\n"), "{session}");
                }
                json!({
                    "name": session["name"], "profile": session["profile"], "directory": session["directory"],
                    "isolation": session["isolation"], "conversation": session["conversation"], "forked": forked,
                    "ports": !session["ports"].is_null(),
                })
            })
            .collect();
        sessions.sort_by_key(ToString::to_string);
        let profiles: Vec<Value> = all["profiles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|profile| {
                assert_eq!(profile["damage"], Value::Null);
                let name = profile["name"].as_str().unwrap();
                let record = fs::read_to_string(data.join("profiles").join(name).join("profile.toml")).ok();
                let claim = fs::read_to_string(data.join("names").join(name)).ok();
                assert!(name == "default" || claim.as_deref() == Some("profile\n"), "{profile}");
                let config = PathBuf::from(profile["config_dir"].as_str().unwrap());
                json!({"name": name, "record": record, "default": profile["default"], "files": files(&config)})
            })
            .collect();
        let all_trash: Value = serde_json::from_str(&self.world.cs(&["restore", "--json"]).ok()).unwrap();
        assert_eq!(all_trash["unknown"], json!([]));
        let mut trash: Vec<&Value> =
            all_trash["trash"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
        trash.sort_by_key(ToString::to_string);
        let config = fs::read_to_string(self.world.home().join(".config/cs/config.toml")).ok();
        json!({
            "sessions": sessions, "profiles": profiles, "trash": trash,
            "half_removed": all_trash["half_removed"].as_array().unwrap().len(), "config": config, "starts": self.starts(),
            "bindings": self.bindings(), "trust": self.trust(),
        })
    }

    /// What is bound. All of it is known to the hooks of the shells, who may know of more.
    fn bindings(&self) -> Value {
        if !self.world.data().join("bindings.toml").exists() {
            return json!([]);
        }
        let all: Value = serde_json::from_str(&self.world.cs(&["bind", "--list", "--json"]).ok()).unwrap();
        let lines = fs::read_to_string(self.world.data().join("bindings.paths")).unwrap_or_default();
        for row in all["bindings"].as_array().unwrap() {
            let line = if row["by"] == "remote" { "*" } else { row["place"].as_str().unwrap() };
            assert!(lines.lines().any(|known| known == line), "{line} is missing from {lines:?}");
        }
        all["bindings"].clone()
    }

    /// What is allowed and denied, and what holds for the file in the home directory.
    fn trust(&self) -> Value {
        if !self.world.home().join(".cs.toml").exists() {
            return Value::Null;
        }
        let all: Value = serde_json::from_str(&self.world.cs(&["allow", "--list", "--json"]).ok()).unwrap();
        let denied = all["trust"].as_array().unwrap().iter().any(|row| row["state"] == "denied");
        let here: Value = serde_json::from_str(&self.world.cs(&["bind", "--json"]).ok()).unwrap();
        json!({"denied": denied, "bound": here["bound"], "unallowed": here["unallowed"]})
    }

    fn starts(&self) -> usize {
        fs::read_dir(self.world.root().join("starts")).unwrap().count()
    }

    fn run(&self) -> Ran {
        self.world.cs_in(&self.directory, self.command)
    }

    fn traced(&self, options: &[&str]) -> Ran {
        // Not `-f`: the program in Claude's place starts others, which are not what is tested.
        let words: Vec<&str> = ["-qq"].into_iter().chain(options.iter().copied()).collect();
        let program = cs();
        let words = [&words[..], &[program.as_str()], self.command].concat();
        ran(&mut self.world.any_command(Path::new("/usr/bin/strace"), &self.directory, &words))
    }

    /// The calls that touch this world: which system call, and the how manieth of that number in
    /// the whole process, as strace counts for `when=`.
    fn points(&self) -> Vec<(String, usize, String)> {
        self.reset();
        let trace = self.world.root().join("trace");
        let filter = format!("trace=execve,{}", CALLS.join(","));
        let done = self.traced(&["-y", "-o", trace.to_str().unwrap(), "-e", &filter]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let (root, bin) = (self.world.home(), self.world.bin());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut points = Vec::new();
        let mut counted = true;
        for line in fs::read_to_string(trace).unwrap().lines() {
            let Some((name, rest)) = line.split_once('(') else { continue };
            if name == "execve" && rest.contains(bin.join("claude").to_str().unwrap()) {
                break;
            }
            if !CALLS.contains(&name) {
                continue;
            }
            let count = counts.entry(name.to_owned()).or_default();
            *count += 1;
            // A look at all processes takes as many calls as there are processes: what comes after it
            // cannot be counted.
            counted &= !(name == "openat" && rest.contains("/proc/") && rest.contains("/environ"));
            if rest.contains(root.to_str().unwrap())
                && (counted || name != "openat")
                && !rest.contains("/proc/")
            {
                points.push((name.to_owned(), *count, line.to_owned()));
            }
        }
        points
    }

    /// Runs the command with every fault at every point.
    ///
    /// `partly` is what may be left besides old and new, by a launch that made something first.
    fn sweep(&self, least: usize, partly: Option<&Value>) {
        self.reset();
        let old = self.view();
        assert_eq!(self.run().code, Some(0));
        let new = self.view();
        assert_ne!(old, new, "the command does something");
        assert_eq!(self.look_at_bystanders(), self.bystanders);
        let points = self.points();
        assert!(points.len() >= least, "only {} calls were seen: {points:#?}", points.len());
        let (mut kills, mut killed) = (0, 0);
        for (call, number, line) in &points {
            for fault in faults_at(line) {
                let what = format!("{:?} with {fault} at {call} {number}: {line}", self.command);
                self.reset();
                let inject = format!("inject={call}:{fault}:when={number}");
                let done = self.traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
                let after = self.view();
                assert_eq!(self.look_at_bystanders(), self.bystanders, "{what}");
                let is_partly = partly.is_some_and(|partly| like(&after, partly));
                assert!(
                    after == old || after == new || is_partly,
                    "{what}: neither old nor new: {after:#}\n{done:?}"
                );
                if *fault == KILL {
                    kills += 1;
                    killed += usize::from(done.signal == Some(9));
                } else {
                    assert_eq!(done.code == Some(0), after == new, "{what}: {done:?}");
                    assert!(matches!(done.code, Some(0 | 1 | 4 | 5)), "{what}: {done:?}");
                }
                if *fault == EINTR {
                    assert_eq!(done.code, Some(0), "a signal is no failure: {what}: {done:?}");
                }
                let again = self.run();
                if after == old {
                    assert_eq!(again.code, Some(0), "again, after {what}: {again:?}");
                } else if is_partly {
                    continue;
                } else {
                    assert!(matches!(again.code, Some(0 | 4 | 5)), "again, after {what}: {again:?}");
                }
                if *fault != KILL {
                    continue;
                }
                let mut end = self.view();
                end["starts"] = new["starts"].clone();
                assert_eq!(end, new, "again, after {what}: {again:?}");
            }
        }
        assert!(kills > 3 && killed == kills, "the control: {killed} of {kills} were killed");
    }
}

/// Whether two views agree, but for how often Claude was started.
fn like(one: &Value, other: &Value) -> bool {
    let mut one = one.clone();
    one["starts"] = other["starts"].clone();
    one == *other
}

/// The names of the files in a config directory. A temporary file that could not be removed is no
/// harm.
fn files(config: &Path) -> Vec<String> {
    let kept = state(config).into_keys().filter(|path| path.extension().is_none_or(|ext| ext != "new"));
    kept.map(|path| path.display().to_string()).collect()
}

/// Copies a tree as it is: modes, times that matter to nobody left out.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, from.metadata().unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, path) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &path);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), path).unwrap();
        } else {
            fs::copy(entry.path(), path).unwrap();
        }
    }
}

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
