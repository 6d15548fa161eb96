//! One command, run again and again with a fault at each call in turn.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::scenery::{cs, list, state};
use crate::support::world::{Ran, World, ran};

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

pub(super) const KILL: &str = "signal=KILL";
const EINTR: &str = "error=EINTR";
pub(super) const FAULTS: &[&str] = &[KILL, "error=ENOSPC", "error=EIO", "error=EROFS", EINTR];

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

/// Whether every fault is to be tried, where a few of them are otherwise.
pub(super) fn every_fault() -> bool {
    std::env::var_os("CS_TEST_EVERY_FAULT").is_some_and(|value| !value.is_empty())
}

/// The rarer faults worth injecting at the call in this line: one of them by turns, or all.
fn rarer_at(line: &str, turn: usize) -> Vec<&'static str> {
    let all: &[&str] = if line.starts_with("close(") {
        // Not lasting: the tracer leaves the file open, and the end of a pipe to git would never come.
        &["error=EIO:when=N"]
    } else if line.contains("O_RDONLY") {
        &["error=EMFILE:when=N", "error=EIO:when=N+", "error=EACCES:when=N", "error=EMFILE:when=N+"]
    } else if line.starts_with("open") {
        &["error=EMFILE:when=N", "error=EACCES:when=N", "error=EDQUOT:when=N", "error=ENOSPC:when=N+"]
    } else {
        &["error=EDQUOT:when=N", "error=EACCES:when=N", "error=ENOSPC:when=N+", "error=EIO:when=N+"]
    };
    if every_fault() { all.to_vec() } else { vec![all[turn % all.len()]] }
}

/// One command, and the world it runs in: the home directory is put back before every run.
pub(super) struct Stage<'c> {
    pub(super) world: World,
    saved: PathBuf,
    command: &'c [&'c str],
    /// Where it is run.
    pub(super) directory: PathBuf,
    pub(super) bystanders: BTreeMap<PathBuf, String>,
}

impl<'c> Stage<'c> {
    pub(super) fn new(command: &'c [&'c str], prepare: impl FnOnce(&World)) -> Self {
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

    pub(super) fn reset(&self) {
        fs::remove_dir_all(self.world.home()).unwrap();
        copy(&self.saved, &self.world.home());
        let starts = self.world.root().join("starts");
        fs::remove_dir_all(&starts).unwrap();
        fs::create_dir(&starts).unwrap();
    }

    /// Everything that is not what the command is about.
    pub(super) fn look_at_bystanders(&self) -> BTreeMap<PathBuf, String> {
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
    pub(super) fn view(&self) -> Value {
        let (all, data) = (list(&self.world), self.world.data());
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

    pub(super) fn starts(&self) -> usize {
        fs::read_dir(self.world.root().join("starts")).unwrap().count()
    }

    pub(super) fn run(&self) -> Ran {
        self.world.cs_in(&self.directory, self.command)
    }

    pub(super) fn traced(&self, options: &[&str]) -> Ran {
        // Not `-f`: the program in Claude's place starts others, which are not what is tested.
        let words: Vec<&str> = ["-qq"].into_iter().chain(options.iter().copied()).collect();
        let program = cs();
        let words = [&words[..], &[program.as_str()], self.command].concat();
        ran(&mut self.world.any_command(Path::new("/usr/bin/strace"), &self.directory, &words))
    }

    /// The calls that touch this world: which system call, and the how manieth of that number in
    /// the whole process, as strace counts for `when=`.
    pub(super) fn points(&self) -> Vec<(String, usize, String)> {
        self.points_of(CALLS)
    }

    fn points_of(&self, calls: &[&str]) -> Vec<(String, usize, String)> {
        self.reset();
        let trace = self.world.root().join("trace");
        let filter = format!("trace=execve,{}", calls.join(","));
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
            if !calls.contains(&name) {
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
    pub(super) fn sweep(&self, least: usize, partly: Option<&Value>) {
        self.reset();
        let old = self.view();
        assert_eq!(self.run().code, Some(0));
        let new = self.view();
        assert_ne!(old, new, "the command does something");
        assert_eq!(self.look_at_bystanders(), self.bystanders);
        let points = self.points();
        assert!(points.len() >= least, "only {} calls were seen: {points:#?}", points.len());
        let ends = Ends { old, new, partly };
        let (mut kills, mut killed) = (0, 0);
        for (call, number, line) in &points {
            for fault in faults_at(line) {
                let done = self.with_fault(call, fault, &number.to_string(), line, &ends);
                kills += usize::from(*fault == KILL);
                killed += usize::from(*fault == KILL && done.signal == Some(9));
            }
        }
        assert!(kills > 3 && killed == kills, "the control: {killed} of {kills} were killed");
        // What is rarer is tried at some of the calls, the same ones in every run.
        let step = if every_fault() { 1 } else { 3 };
        let closes = self.points_of(&["close"]).into_iter().filter(|(_, _, line)| !line.contains("/bin/"));
        for (turn, (call, number, line)) in points.into_iter().chain(closes).step_by(step).enumerate() {
            for fault in rarer_at(&line, turn) {
                let (fault, when) = fault.split_once(":when=").unwrap();
                let when = when.replace('N', &number.to_string());
                let _ = self.with_fault(&call, fault, &when, &line, &ends);
            }
        }
    }

    /// Runs the command with `fault` at the call `call` number `when`, and then again without one.
    fn with_fault(&self, call: &str, fault: &str, when: &str, line: &str, ends: &Ends<'_>) -> Ran {
        let Ends { old, new, partly } = ends;
        let what = format!("{:?} with {fault} at {call} {when}: {line}", self.command);
        self.reset();
        let inject = format!("inject={call}:{fault}:when={when}");
        let done = self.traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
        let after = self.view();
        assert_eq!(self.look_at_bystanders(), self.bystanders, "{what}");
        let is_partly = partly.is_some_and(|partly| like(&after, partly));
        assert!(
            after == *old || after == *new || is_partly,
            "{what}: neither old nor new: {after:#}\n{done:?}"
        );
        if fault != KILL {
            assert_eq!(done.code == Some(0), after == *new, "{what}: {done:?}");
            // 127: the program itself cannot be loaded.
            assert!(matches!(done.code, Some(0 | 1 | 4 | 5 | 127)), "{what}: {done:?}");
        }
        if fault == EINTR {
            assert_eq!(done.code, Some(0), "a signal is no failure: {what}: {done:?}");
        }
        let again = self.run();
        if after == *old {
            assert_eq!(again.code, Some(0), "again, after {what}: {again:?}");
        } else if is_partly {
            return done;
        } else {
            assert!(matches!(again.code, Some(0 | 4 | 5)), "again, after {what}: {again:?}");
        }
        if fault == KILL {
            let mut end = self.view();
            end["starts"] = new["starts"].clone();
            assert_eq!(end, *new, "again, after {what}: {again:?}");
        }
        done
    }
}

/// What a command may leave: what was, what is done, or by some a part of it.
struct Ends<'e> {
    old: Value,
    new: Value,
    partly: Option<&'e Value>,
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
