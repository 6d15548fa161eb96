//! What several of these tests set up or look at.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use super::support::granted;
use super::support::needed;
use super::support::world::{Ran, World, listing};

/// A conversation id that is no session's.
pub(crate) const TALK: &str = "01890000-0000-4000-8000-00000000000a";
/// Another one.
pub(crate) const OTHER_TALK: &str = "01890000-0000-4000-8000-00000000000b";

/// Writes a transcript in which something was said in `directory`, as Claude would into `config`.
pub(crate) fn talk(config: &Path, directory: &Path, id: &str, said: &str) -> PathBuf {
    let folder = config.join("projects").join(claude_cs::claude::slug(directory));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{id}.jsonl"));
    let line = serde_json::json!({
        "type": "user", "cwd": directory, "gitBranch": "main", "message": {"role": "user", "content": said},
    });
    fs::write(&path, format!("{line}\n")).unwrap();
    path
}

/// What `cs list --json` says.
pub(crate) fn list(world: &World) -> Value {
    serde_json::from_str(&world.cs(&["list", "--json"]).ok()).unwrap()
}

/// Everything below `root` (see [`listing`]), but for the pids in lock files (`lock`, `.repair`): they say who held a
/// lock last, and a command that is refused held one too.
pub(crate) fn state(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = listing(root);
    for (path, entry) in &mut found {
        if path.ends_with("lock") || path.ends_with(".repair") {
            *entry = "lock".into();
        }
    }
    found
}

/// The names of the sessions that `cs list` shows, in name order.
pub(crate) fn session_names(world: &World) -> Vec<String> {
    let list = list(world);
    let mut names: Vec<String> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Everything `cs list` knows of each session by name, what changes by itself left out.
pub(crate) fn sessions(world: &World) -> BTreeMap<String, Value> {
    let list = list(world);
    assert_eq!(list["damaged"], serde_json::json!([]));
    list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| {
            let mut session = session.clone();
            session.as_object_mut().unwrap().remove("used");
            (session["name"].as_str().unwrap().to_owned(), session)
        })
        .collect()
}

/// Whether a program is on the path.
pub(crate) fn has(program: &str) -> bool {
    needed(program).is_some()
}

/// Where a program is that few machines have: its absence is said, and fails no test.
pub(crate) fn optional(program: &str) -> Option<String> {
    super::support::optional(program).map(|path| path.to_str().unwrap().to_owned())
}

/// Whether this user may mount things in a mount namespace of their own.
pub(crate) fn may_mount() -> bool {
    let output = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    granted(output.is_ok_and(|output| output.status.success()), "this user may not mount anything")
}

/// Whether this process is root's, who alone can act as another user.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A shell that runs `script` with the arguments `arguments`, in this world.
pub(crate) fn shell(world: &World, script: &str, arguments: &[&str]) -> Command {
    let words: Vec<&str> = ["-c", script, "sh"].into_iter().chain(arguments.iter().copied()).collect();
    world.any_command(Path::new("/bin/sh"), &world.home(), &words)
}

/// The path of the `cs` that is tested, as text.
pub(crate) fn cs() -> String {
    World::cs_program().to_str().unwrap().to_owned()
}

/// Claude running in the background until this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts `cs ARGUMENTS`, and waits until the program in Claude's place (see [`waiting_claude`]) runs.
    pub(crate) fn start(world: &World, directory: &Path, arguments: &[&str]) -> Self {
        let before = starts(world);
        let child =
            world.command(directory, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let running = Self(child);
        until("claude runs", || starts(world) > before);
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How often the program in Claude's place was started.
pub(crate) fn starts(world: &World) -> usize {
    let dir = world.root().join("starts");
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| fs::read(entry.path().join("ready")).is_ok())
        .count()
}

/// Makes `claude` a program that stays until it is ended.
pub(crate) fn waiting_claude(world: &World) {
    let starts = world.root().join("starts");
    world.fake_claude(&format!("touch '{}'/$n/ready; exec sleep 60", starts.display()));
}

/// Waits until `holds`; `what` names what is waited for.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "waited 60 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for a process to end, and returns how it did. One that does not end is killed, and fails the test.
#[track_caller]
pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("waited 60 s for process {} to end", child.id());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Commands and what came of them, as one text.
pub(crate) struct Transcript<'w> {
    world: &'w World,
    text: String,
}

impl<'w> Transcript<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, text: String::new() }
    }

    /// Runs `cs ARGUMENTS` in the home directory.
    pub(crate) fn cs(&mut self, arguments: &[&str]) -> &mut Self {
        let ran = self.world.cs(arguments);
        self.add(&arguments.join(" "), &ran)
    }

    /// Adds what came of a command that was run otherwise.
    pub(crate) fn add(&mut self, what: &str, ran: &Ran) -> &mut Self {
        let mut entry = format!("$ cs {}\n", claude_cs::ui::escape(what));
        if ran.code != Some(0) {
            entry += &match ran.code {
                Some(code) => format!("[{code}]\n"),
                None => format!("[signal {}]\n", ran.signal.unwrap_or(0)),
            };
        }
        for line in ran.stdout.lines() {
            entry += format!("  {line}").trim_end();
            entry += "\n";
        }
        for line in ran.stderr.lines() {
            entry += format!("! {line}").trim_end();
            entry += "\n";
        }
        self.text += &self.world.normal(&entry);
        self.text += "\n";
        self
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
