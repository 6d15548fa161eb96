//! Faults in the verbs that write all over the home directory: what is there afterwards is compared whole.
//!
//! Of the many faults at the many calls of a verb some are taken, the same ones in every run;
//! `CS_TEST_EVERY_FAULT=1` takes all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::stage::{CALLS, copy, every_fault};
use crate::scenery::{OTHER_TALK, TALK, cs, list, talk};
use crate::support::may_trace;
use crate::support::world::{Ran, World, listing, ran};

/// The number of faults that are tried of a verb.
const SOME: usize = 40;

/// The faults at a call. `N` is its number; `N+` is that call and all that follow.
fn faults_at(call: &str, line: &str) -> &'static [&'static str] {
    if call == "close" {
        &["error=EIO:when=N", "error=EIO:when=N+"]
    } else if line.contains("O_RDONLY") {
        &["error=EIO:when=N", "error=EMFILE:when=N+", "error=EACCES:when=N", "error=EIO:when=N+"]
    } else {
        &[
            "signal=KILL:when=N",
            "error=ENOSPC:when=N+",
            "error=EIO:when=N",
            "error=EDQUOT:when=N",
            "error=EROFS:when=N+",
            "error=EACCES:when=N",
            "error=EMFILE:when=N",
            "error=EIO:when=N+",
        ]
    }
}

/// What is in the home directory: the entries of each path without ids.
type Whole = BTreeMap<String, Vec<String>>;

/// A verb in a world.
struct Verb<'c> {
    world: World,
    command: &'c [&'c str],
    /// Where it is run.
    place: PathBuf,
    /// It does several things, one after the other: some of them may be done when it fails.
    in_parts: bool,
    /// The exit code that says that it is done; `None` where that depends on other things too.
    ends: Option<i32>,
    /// What was said in conversations, and must never be lost.
    said: Vec<String>,
}

impl<'c> Verb<'c> {
    /// Returns the verb `command` in a world with two sessions, a profile with two more, and what `prepare` adds.
    fn new(command: &'c [&'c str], prepare: impl FnOnce(&World)) -> Self {
        let mut world = World::with_fake_claude();
        world.set("LANG", "C");
        world.write(".claude/skills/s/SKILL.md", "a skill");
        world.write(".claude/settings.json", "{}");
        let state = json!({"hasCompletedOnboarding": true, "mcpServers": {"a": {"command": "x"}}});
        world.write(".claude.json", &state.to_string());
        world.cs(&["profile", "create", "work"]).ok();
        let mut said = Vec::new();
        for (name, profile) in [("by", "default"), ("api", "default"), ("wa", "work"), ("wb", "work")] {
            world.cs(&["new", "--no-open", "-P", profile, name]).ok();
            let text = format!("SAID-{name}");
            talk(&world.config_of(name), &world.home(), &world.id_of(name), &text);
            said.push(text);
        }
        prepare(&world);
        let place = world.home();
        Self { world, command, place, in_parts: false, ends: Some(0), said }
    }

    fn in_parts(self) -> Self {
        Self { in_parts: true, ..self }
    }

    fn run(&self) -> Ran {
        self.world.cs_in(&self.place, self.command)
    }

    fn traced(&self, options: &[&str]) -> Ran {
        let program = cs();
        let words = [&["-qq"], options, &[program.as_str()], self.command].concat();
        ran(&mut self.world.any_command(Path::new("/usr/bin/strace"), &self.place, &words))
    }

    /// The calls that touch the home directory: which, the how manieth of it, and the line of the trace.
    fn points(&self) -> Vec<(String, usize, String)> {
        let trace = self.world.root().join("trace");
        let filter = format!("trace=close,{}", CALLS.join(","));
        let done = self.traced(&["-y", "-o", trace.to_str().unwrap(), "-e", &filter]);
        assert!(self.ends.is_none() || done.code == self.ends, "{done:?}");
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let (mut points, home) = (Vec::new(), self.world.home());
        for line in fs::read_to_string(trace).unwrap().lines() {
            let Some((call, rest)) = line.split_once('(') else { continue };
            let count = counts.entry(call.to_owned()).or_default();
            *count += 1;
            if rest.contains(home.to_str().unwrap()) && !rest.contains("/proc/") {
                points.push((call.to_owned(), *count, line.to_owned()));
            }
        }
        points
    }

    /// Everything in the home directory that is the same in every run. What a removed claim, a note or half a file
    /// leaves is no harm: the next one takes it over.
    fn whole(&self) -> Whole {
        let mut found = Whole::new();
        let home = self.world.home();
        for (path, entry) in listing(&home) {
            let text = path.to_string_lossy().into_owned();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_called = |extension: &str| path.extension().is_some_and(|found| found == extension);
            let aside = ["/cs/ports", "/cs/open", "/cs/staging", "/cs/names", "/cs/locks", "/.git/"];
            let of_git = text.contains("/.git/refs/heads/");
            if aside.iter().any(|aside| text.contains(aside)) && !of_git
                || matches!(name.as_str(), "lock" | "run.toml" | "checked.toml")
                || is_called("new")
                // Claude's own lock: who died held it, and after ten seconds it is nobody's.
                || is_called("lock")
            {
                continue;
            }
            let content = match entry.starts_with("file") && !is_called("tgz") {
                true => String::from_utf8_lossy(&fs::read(home.join(&path)).unwrap_or_default()).into_owned(),
                false if is_called("tgz") => "an archive".into(),
                false => entry,
            };
            found.entry(self.normal(&text)).or_default().push(self.normal(&content));
        }
        for entries in found.values_mut() {
            entries.sort();
        }
        found
    }

    /// A text without ids, ports and times.
    fn normal(&self, text: &str) -> String {
        let text = self.world.normal(text);
        let lines = text.split_inclusive('\n').filter(|line| {
            !["created = ", "ports = ", "since = ", "at = "].iter().any(|start| line.starts_with(start))
        });
        let text: String = lines.collect();
        let mut pieces = Vec::new();
        for piece in text.split('-') {
            let is_time = piece.len() == 13 && piece.bytes().all(|byte| byte.is_ascii_digit());
            pieces.push(if is_time { "[WHEN]" } else { piece });
        }
        pieces.join("-")
    }

    /// Every record is one, every name leads to its own, and nothing that was said is lost.
    fn check(&self, what: &str) {
        let all = list(&self.world);
        assert_eq!(all["damaged"], json!([]), "{what}");
        let sessions = all["sessions"].as_array().unwrap().iter();
        // One that doctor has not given its name back yet.
        for session in sessions.filter(|_| self.ends.is_some()) {
            let claim = self.world.data().join("names").join(session["name"].as_str().unwrap());
            let claim = fs::read_to_string(claim).unwrap_or_default();
            assert_eq!(claim, format!("session {}\n", session["id"].as_str().unwrap()), "{what}: {session}");
        }
        for profile in all["profiles"].as_array().unwrap() {
            assert!(profile["damage"].is_null(), "{what}: {profile}");
        }
        let mut texts = String::new();
        for (path, entry) in listing(&self.world.home()) {
            if entry.starts_with("file") && path.extension().is_some_and(|extension| extension == "jsonl") {
                texts.push_str(&fs::read_to_string(self.world.home().join(path)).unwrap_or_default());
            }
        }
        for said in &self.said {
            assert!(texts.contains(said.as_str()), "{what}: {said} is lost");
        }
    }

    /// Runs the verb with faults at its calls.
    fn sweep(&self) {
        let saved = self.world.root().join("saved");
        copy(&self.world.home(), &saved);
        let reset = || {
            fs::remove_dir_all(self.world.home()).unwrap();
            copy(&saved, &self.world.home());
        };
        let old = self.whole();
        self.check("before");
        let points = self.points();
        let new = self.whole();
        assert_ne!(old, new, "{:?} does something", self.command);
        self.check("the control");
        let mut faults = Vec::new();
        for (call, number, line) in &points {
            let all = faults_at(call, line).iter();
            faults.extend(all.map(|fault| (call, fault.replace("=N", &format!("={number}")), line)));
        }
        // An odd step meets every kind of fault.
        let step = if every_fault() { 1 } else { faults.len().div_ceil(SOME) | 1 };
        let (mut killed, mut failed) = (0, 0);
        for (call, fault, line) in faults.into_iter().step_by(step) {
            reset();
            let what = format!("{:?} with {fault} at {call}: {line}", self.command);
            let inject = format!("inject={call}:{fault}");
            let done = self.traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            let after = self.whole();
            self.check(&what);
            killed += usize::from(done.signal == Some(9));
            failed += usize::from(done.code.is_some_and(|code| code != 0));
            if fault.starts_with("error") {
                // 127: the program cannot be loaded.
                assert!(matches!(done.code, Some(0 | 1 | 2 | 5 | 127)), "{what}: {done:?}");
            }
            if self.ends.is_some() && done.code == self.ends {
                assert_eq!(after, new, "{what}: it says that it is done: {done:?}");
                continue;
            }
            if !self.in_parts {
                let is_one = after == old || after == new && done.signal.is_some();
                assert!(
                    is_one,
                    "{what}: neither as before, nor done: {done:?}\n{:#?}",
                    differences(&after, &old)
                );
            }
            // Claude's lock, held by who died, is taken over after ten seconds. Here they have passed.
            for path in listing(&self.world.home()).into_keys() {
                if path.extension().is_some_and(|extension| extension == "lock")
                    && let Ok(lock) = fs::File::open(self.world.home().join(path))
                {
                    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(20);
                    let _ = lock.set_modified(then);
                }
            }
            let again = self.run();
            let end = self.whole();
            assert_eq!(end, new, "again, after {what}: {again:?}\n{:#?}", differences(&end, &new));
            self.check(&what);
        }
        assert!(killed > 0 && failed > 3, "the control: {killed} were killed, {failed} failed");
    }
}

/// What differs between two looks, to be shown.
fn differences(one: &Whole, other: &Whole) -> Vec<String> {
    let paths = one.keys().chain(other.keys()).filter(|path| one.get(*path) != other.get(*path));
    paths.map(|path| format!("{path}: {:?}, and not {:?}", one.get(path), other.get(path))).collect()
}

fn adoptable(world: &World) {
    talk(&world.home().join(".claude-side"), &world.home(), TALK, "SAID-side");
}

#[test]
fn adopting_a_directory() {
    if may_trace() {
        Verb::new(&["profile", "adopt", "side", ".claude-side"], adoptable).sweep();
    }
}

#[test]
fn importing_the_directories_of_claude() {
    if may_trace() {
        Verb::new(&["import", "claude", "--yes"], adoptable).sweep();
    }
}

#[test]
fn importing_sessions_of_scripts() {
    if may_trace() {
        Verb::new(&["import", "claude-session"], |world| {
            let directory = world.home().join(".claude/sessions").join(OTHER_TALK);
            talk(&directory, &world.home(), OTHER_TALK, "SAID-script");
            fs::write(directory.join("history"), "prompts\n").unwrap();
        })
        .sweep();
    }
}

#[test]
fn sharing_otherwise() {
    if may_trace() {
        Verb::new(&["profile", "share", "work", "skills=private", "mcp=private"], |_| {}).in_parts().sweep();
    }
}

#[test]
fn syncing() {
    if may_trace() {
        Verb::new(&["profile", "sync"], |world| {
            for name in ["wa", "wb", "by", "api"] {
                world.cs(&[name, "-p", "x"]).ok();
            }
            let state = json!({"hasCompletedOnboarding": true, "mcpServers": {"b": {"command": "y"}}});
            world.write(".claude.json", &state.to_string());
            world.write(".claude/agents/a.md", "an agent");
        })
        .in_parts()
        .sweep();
    }
}

#[test]
fn clearing_caches() {
    if may_trace() {
        Verb::new(&["cleanup", "--caches", "--yes"], |world| {
            for name in ["api", "wa"] {
                for cache in ["debug/a.txt", "shell-snapshots/s.sh"] {
                    let path = world.config_of(name).join(cache);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, "junk").unwrap();
                }
            }
        })
        .in_parts()
        .sweep();
    }
}

#[test]
fn repairing() {
    if may_trace() {
        // What is found of the machine itself has its say in how it ends.
        let verb = Verb::new(&["doctor", "--fix"], |world| {
            world.cs(&["by", "-p", "x"]).ok();
            fs::remove_file(world.config_of("by").join("skills")).unwrap();
            let claim = fs::read_to_string(world.data().join("names/api")).unwrap();
            fs::remove_file(world.data().join("names/api")).unwrap();
            world.write(".local/share/cs/names/ghost", &claim);
        });
        Verb { ends: None, in_parts: true, ..verb }.sweep();
    }
}

#[test]
fn exporting() {
    if may_trace() {
        Verb::new(&["export", "--all", "all.tgz"], |_| {}).sweep();
    }
}

#[test]
fn installing_the_shim() {
    if may_trace() {
        // The directory for it may be there.
        Verb::new(&["shim", "install"], |_| {}).in_parts().sweep();
    }
}

#[test]
fn installing_into_a_start_up_file() {
    if may_trace() {
        Verb::new(&["init", "bash", "--install", "--yes"], |world| {
            world.write(".bashrc", "# mine\nalias a=b\n");
        })
        .sweep();
    }
}

#[test]
fn uninstalling_from_a_start_up_file() {
    if may_trace() {
        Verb::new(&["init", "bash", "--uninstall", "--yes"], |world| {
            world.write(".bashrc", "# mine\nalias a=b\n");
            world.cs(&["init", "bash", "--install", "--yes"]).ok();
        })
        .sweep();
    }
}

/// A command, what prepares a world for it, and the name of what it makes.
type Case<'a> = (&'a [&'a str], &'a dyn Fn(&World), &'a str);

#[test]
fn an_import_that_was_killed_anywhere_goes_on_under_the_same_names() {
    if !may_trace() {
        return;
    }
    let ccs = |world: &World| {
        let text = "version: 8\naccounts:\n  side:\n    context_mode: shared\n    context_group: team\n";
        world.write(".ccs/config.yaml", text);
        talk(&world.home().join(".ccs/instances/side"), &world.home(), TALK, "SAID-ccs");
        fs::create_dir_all(world.home().join(".ccs/shared/context-groups/team/projects")).unwrap();
    };
    let scripts = |world: &World| {
        let directory = world.home().join(".claude/sessions").join(OTHER_TALK);
        talk(&directory, &world.project("script"), OTHER_TALK, "SAID-script");
    };
    let cases: [Case<'_>; 3] = [
        (&["import", "claude", "--yes"], &adoptable, "side"),
        (&["import", "claude-session"], &scripts, "script"),
        (&["import", "ccs", "--yes"], &ccs, "side"),
    ];
    for (command, prepare, name) in cases {
        let verb = Verb::new(command, prepare);
        let saved = verb.world.root().join("saved");
        copy(&verb.world.home(), &saved);
        let (mut killed, mut half) = (0, 0);
        for call in ["mkdir", "openat", "write", "fsync", "linkat", "unlink", "symlink", "renameat2"] {
            let step = if call == "openat" && !every_fault() { 7 } else { 1 };
            for number in (1..).step_by(step) {
                fs::remove_dir_all(verb.world.home()).unwrap();
                copy(&saved, &verb.world.home());
                let inject = format!("inject={call}:signal=KILL:when={number}");
                let done = verb.traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
                if done.signal != Some(9) {
                    assert_eq!(done.code, Some(0), "{command:?} {call} {number}: {done:?}");
                    break;
                }
                killed += 1;
                let data = verb.world.data();
                half += usize::from(
                    data.join("names").join(name).exists() && verb.world.cs(&["show", name]).code != Some(0),
                );
                let again = verb.run();
                let what = format!("{command:?}, killed at {call} {number}: {again:?}");
                assert_eq!(again.code, Some(0), "{what}");
                assert!(verb.world.cs(&["path", name]).code == Some(0), "{what}");
                let claims = fs::read_dir(data.join("names")).unwrap();
                let claims = claims.map(|claim| claim.unwrap().file_name().into_string().unwrap());
                let claims: Vec<_> = claims.filter(|claim| claim.starts_with(name)).collect();
                assert_eq!(claims, [name], "{what}");
                let groups = fs::read_dir(data.join("history")).map_or(0, Iterator::count);
                assert_eq!(groups, usize::from(command[1] == "ccs"), "{what}");
            }
        }
        assert!(killed > 10 && half > 0, "the control: {killed} were killed, {half} with the name taken");
    }
    // Nor is such a name in the way of anything else.
    let verb = Verb::new(&["profile", "create", "half"], |_| {});
    let inject =
        ["-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:signal=KILL:error=EIO:when=1"];
    assert_eq!(verb.traced(&inject).signal, Some(9));
    assert!(verb.world.data().join("names/half").exists(), "the control");
    verb.world.cs(&["new", "--no-open", "half"]).ok();
}
