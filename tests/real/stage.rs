//! Where these stories are set: one user's machine with `cs`, the real Claude Code, and an API that does as it is told.

use std::cmp::Ordering;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::claude::{RealClaude, lines, transcripts};
use crate::support::fake_api::FakeApi;
use crate::support::tmux::Tmux;
use crate::support::world::{Ran, World, ran};

/// Longer than anything here takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A world with the real Claude Code on its `PATH`. `config.toml` leads every session to the API, with a token about
/// which Claude asks nothing.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) api: FakeApi,
    pub(crate) claude: RealClaude,
    _turn: Turn,
}

impl Deref for Stage {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Stage {
    /// The stage; `None`, after saying so, where no Claude Code was given to the test run.
    pub(crate) fn set() -> Option<Self> {
        let claude = RealClaude::find()?;
        let stage = Self { world: World::new(), api: FakeApi::start(), claude, _turn: Turn::take() };
        stage.link_claude(stage.claude.program());
        stage.settings("", "");
        Some(stage)
    }

    /// The stage, for a story that needs a terminal.
    pub(crate) fn with_terminal() -> Option<Self> {
        let stage = Self::set()?;
        Tmux::available().then_some(stage)
    }

    /// Writes `config.toml`: `tables`, and an `[env]` that leads to the API and holds `variables`.
    pub(crate) fn settings(&self, tables: &str, variables: &str) {
        let text = format!(
            "{tables}\n[env]\nANTHROPIC_BASE_URL = \"{}\"\nANTHROPIC_AUTH_TOKEN = \"a-token\"\n{variables}\n",
            self.api.url()
        );
        self.write(".config/cs/config.toml", &text);
    }

    /// Makes the user somebody who has answered Claude's first questions in `~/.claude`, and trusts `projects`.
    pub(crate) fn at_home(&self, projects: &[&Path]) {
        self.write(".claude.json", &answers(projects).to_string());
    }

    /// Starts `cs` in `directory` without waiting for it.
    pub(crate) fn begin(&self, directory: &Path, arguments: &[&str]) -> Child {
        start(self.command(directory, arguments))
    }

    /// Opens `cs` in a terminal.
    pub(crate) fn terminal(&self, directory: &Path, arguments: &[&str]) -> Tmux {
        let program = World::cs_program();
        let mut argv = vec![program.to_str().unwrap()];
        argv.extend(arguments);
        Tmux::start(&argv, directory, self.environment())
    }

    /// Claude as it is without `cs`, led to the API by its own variables.
    pub(crate) fn plain_claude(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = self.any_command(self.claude.program(), directory, arguments);
        command.env("ANTHROPIC_BASE_URL", self.api.url()).env("ANTHROPIC_AUTH_TOKEN", "a-token");
        command
    }

    /// The requests of the conversation in which `text` was said last.
    pub(crate) fn request_with(&self, text: &str) -> Value {
        let mut bodies = self.api.conversation();
        bodies.retain(|body| body["messages"].to_string().contains(text));
        bodies.pop().unwrap_or_else(|| panic!("no request holds {text:?}"))
    }

    /// How many requests of conversations there were.
    pub(crate) fn said(&self) -> usize {
        self.api.conversation().len()
    }

    /// The transcripts of a session.
    pub(crate) fn transcripts_of(&self, name: &str) -> Vec<PathBuf> {
        transcripts(&self.config_of(name))
    }

    /// The text of the only transcript of a session.
    pub(crate) fn transcript_of(&self, name: &str) -> String {
        let found = self.transcripts_of(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert!(!lines(&found[0]).is_empty());
        fs::read_to_string(&found[0]).unwrap()
    }

    /// Waits until an answer is on disk: Claude shows it a moment before it writes it.
    pub(crate) fn wait_kept(&self, name: &str, answer: &str) {
        let answer = format!("\"text\":\"{answer}\"");
        until(&format!("{answer} in a transcript of {name}"), || {
            self.transcripts_of(name)
                .into_iter()
                .find(|path| fs::read_to_string(path).unwrap().contains(&answer))
        });
    }

    /// The pid of the Claude that is open in a session, once it has said that it is.
    pub(crate) fn live_pid(&self, name: &str) -> u32 {
        until(&format!("a live file of {name}"), || {
            let path = self.cs(&["path", name]);
            let sessions =
                (path.code == Some(0)).then(|| Path::new(path.stdout.trim_end()).join("sessions"))?;
            let files = fs::read_dir(&sessions).ok()?;
            files.flatten().find_map(|file| file.file_name().to_str()?.strip_suffix(".json")?.parse().ok())
        })
    }
}

/// A `.claude.json` that has answered the first questions, and trusts `projects`.
pub(crate) fn answers(projects: &[&Path]) -> Value {
    let trusted: serde_json::Map<_, _> = projects
        .iter()
        .map(|project| {
            let project = fs::canonicalize(project).unwrap();
            (project.to_str().unwrap().to_owned(), json!({"hasTrustDialogAccepted": true}))
        })
        .collect();
    json!({"hasCompletedOnboarding": true, "projects": trusted})
}

/// Lets an interactive Claude run commands without asking, and without asking a service whether it may.
pub(crate) const MAY_RUN: &[&str] = &["--permission-mode", "default", "--allowedTools", "Bash"];

/// Chooses the answer that holds `text` from a menu of Claude's. Where its cursor begins differs by version, and
/// 2.1.329 is deaf to keys for a moment after it asks.
pub(crate) fn choose(tmux: &Tmux, text: &str) {
    tmux.wait_until(SOON, text, |screen| screen.contains(text) && screen.contains('❯'));
    until(&format!("the end of the question with {text:?}"), || {
        let screen = tmux.screen();
        let at = |wanted: &str| screen.lines().position(|line| line.contains(wanted));
        let (Some(cursor), Some(answer), None) = (at("❯"), at(text), tmux.exit_code()) else {
            return Some(());
        };
        let key = match cursor.cmp(&answer) {
            Ordering::Less => "Down",
            Ordering::Equal => "Enter",
            Ordering::Greater => "Up",
        };
        tmux.send_keys(&[key]);
        thread::sleep(Duration::from_millis(400));
        None
    });
}

/// Waits until Claude can be talked to; a question of its own before that is a failure, with the screen.
pub(crate) fn ready(tmux: &Tmux) -> String {
    // Under the prompt, in both versions; no dialog has it.
    tmux.wait_until(SOON, "the prompt, and no question before it", |screen| screen.contains("· /effort"))
}

/// Types a line and sees it sent: on a busy machine Claude may take the Enter for the end of a paste.
pub(crate) fn enter(tmux: &Tmux, line: &str) {
    tmux.enter(line);
    let beginning: String = line.chars().take(20).collect();
    until(&format!("{line:?} to be sent"), || {
        thread::sleep(Duration::from_millis(300));
        let screen = tmux.screen();
        // The lowest of these lines is the one that is being written.
        let written = screen.lines().rfind(|line| line.starts_with('❯'));
        if tmux.exit_code().is_some() || !written.is_some_and(|written| written.contains(&beginning)) {
            return Some(());
        }
        tmux.send_keys(&["Enter"]);
        None
    });
}

/// Says something in a terminal and waits for the answer.
pub(crate) fn say(tmux: &Tmux, prompt: &str, answer: &str) {
    enter(tmux, prompt);
    tmux.wait_for(&format!("● {answer}"), SOON);
}

/// Leaves Claude as a person does.
pub(crate) fn leave(tmux: &Tmux) {
    enter(tmux, "/exit");
    assert_eq!(tmux.wait_exit(SOON), 0, "{}", tmux.screen());
}

/// Starts a command whose output is kept.
pub(crate) fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of what [`start`] started.
pub(crate) fn end(child: Child) -> Ran {
    use std::os::unix::process::ExitStatusExt;
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Sends a signal by its name to a process of this test's own.
pub(crate) fn signal(pid: u32, name: &str) {
    let _ = ran(Command::new("kill").args([format!("-{name}"), pid.to_string()])).ok();
}

/// Waits until there is something.
pub(crate) fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {SOON:?} for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// How many times `needle` stands in `text`.
pub(crate) fn count(text: &str, needle: &str) -> usize {
    text.matches(needle).count()
}

/// The files below `directory` whose content or name holds `text`.
pub(crate) fn files_with(directory: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if entry.file_name().to_string_lossy().contains(text) {
            found.push(path.clone());
        }
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file()
            && String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(text)
        {
            found.push(path);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// A turn on stage. A Claude process is 300 MB: on a machine with many cores not every story is told at once.
struct Turn;

static TURNS: (Mutex<usize>, Condvar) = (Mutex::new(4), Condvar::new());

impl Turn {
    fn free() -> MutexGuard<'static, usize> {
        TURNS.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take() -> Self {
        let mut free =
            TURNS.1.wait_while(Self::free(), |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *Self::free() += 1;
        TURNS.1.notify_one();
    }
}
