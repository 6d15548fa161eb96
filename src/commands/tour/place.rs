//! The throw-away place of the tour, and running `cs` in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::stand_in;
use crate::claude;
use crate::cli::TourArgs;
use crate::model::{Failure, Result};
use crate::os;
use crate::work::context::Context;
use crate::work::program;

/// How long a Claude may take to answer on the tour.
const PATIENCE: Duration = Duration::from_secs(60);

/// The colours of the two sessions.
pub(super) const NAMES: [&str; 2] = ["red", "blue"];

/// The throw-away place of a tour.
pub(super) struct TourPlace {
    pub(super) root: PathBuf,
    program: PathBuf,
    pub(super) claude_program: String,
    pub(super) claude: String,
    /// True if that is Claude Code, and not the stand-in.
    pub(super) real: bool,
    environment: BTreeMap<OsString, OsString>,
}

impl TourPlace {
    /// Makes it, with a home, settings and two projects, and a Claude.
    pub(super) fn make(context: &Context, args: &TourArgs) -> Result<Self> {
        let root = os::temporary_directory().join(format!("cs-tour-{}", uuid::Uuid::now_v7().simple()));
        let failed = |error| Failure::io("create", &root, &error);
        os::create_private_dirs(&root).map_err(failed)?;
        let root = os::real_path(&root).map_err(failed)?;
        let home = root.join("home");
        let write = |path: &str, text: &str| -> Result<()> {
            let path = home.join(path);
            let parent = path.parent().unwrap_or(&home);
            os::create_private_dirs(parent).map_err(|error| Failure::io("create", parent, &error))?;
            fs::write(&path, text).map_err(|error| Failure::io("write", &path, &error))
        };
        write(".claude/CLAUDE.md", "Answer in one sentence.\n")?;
        write(".claude/settings.json", "{\"theme\": \"dark\"}\n")?;
        write(
            ".claude/skills/hello/SKILL.md",
            "---\nname: hello\ndescription: says hello\n---\nSay hello.\n",
        )?;
        for name in NAMES {
            write(&format!("src/{name}/README.md"), "A project.\n")?;
        }
        let program = context.this_program().map_err(|error| Failure::io("find", Path::new("cs"), &error))?;

        let mut environment: BTreeMap<OsString, OsString> = BTreeMap::new();
        // What a program needs to run at all, and what keeps a real Claude off the network.
        for name in ["PATH", "LANG", "LC_ALL", "TERM", "SHELL", "USER", "SYSTEMROOT", "IS_SANDBOX"] {
            if let Some(value) = context.environment.get(std::ffi::OsStr::new(name)) {
                environment.insert(name.into(), value.clone());
            }
        }
        for (name, value) in [
            ("HOME", home.as_path()),
            ("USERPROFILE", home.as_path()),
            ("CS_HOME", &root.join("data")),
            ("CS_CONFIG", &root.join("config.toml")),
            ("XDG_CACHE_HOME", &root.join("cache")),
            ("TMPDIR", &root),
            ("TEMP", &root),
            ("TMP", &root),
            ("CLAUDE_CODE_TMPDIR", &root),
        ] {
            environment.insert(name.into(), value.into());
        }
        let quiet = claude::QUIET.iter().map(|name| (*name, "1"));
        let nowhere = ["HTTPS_PROXY", "HTTP_PROXY"].map(|name| (name, "http://127.0.0.1:9"));
        for (name, value) in quiet.chain(nowhere) {
            environment.insert(name.into(), value.into());
        }
        let found = if args.stand_in { None } else { program::claude_program(context).ok() };
        let real = found.is_some();
        let (path, claude) = if let Some(path) = found {
            let claude = format!("{}, without a login", path.display());
            (path, claude)
        } else {
            let path = stand_in::install(&program, &root.join("bin"))?;
            let why = if args.stand_in { "asked for" } else { "Claude Code is not installed" };
            (path, format!("a built-in stand-in that treats its config directory as Claude does ({why})"))
        };
        let config = root.join("config.toml");
        let text = format!("claude = {}\n", toml::Value::String(path.display().to_string()));
        fs::write(&config, text).map_err(|error| Failure::io("write", &config, &error))?;
        Ok(Self { root, program, claude_program: path.display().to_string(), claude, real, environment })
    }

    /// Removes it with all that is in it.
    pub(super) fn remove(&self) -> std::io::Result<()> {
        fs::remove_dir_all(&self.root)
    }

    /// Returns the home directory of who is on the tour.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Returns the command that runs `cs` with `arguments` in `directory`, and nothing of the person's environment.
    pub(super) fn command(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    /// Runs `cs` in the home directory to its end.
    pub(super) fn cs(&self, arguments: &[&str]) -> Result<Output> {
        self.command(&self.home(), arguments).output().map_err(|error| failed(&error))
    }

    /// Returns what `cs` prints. Fails if it does.
    pub(super) fn checked(&self, arguments: &[&str]) -> Result<String> {
        let output = self.cs(arguments)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::failed(format!("cs {} failed: {}", arguments.join(" "), why.trim())))
    }

    /// Returns the JSON that `cs` prints.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<Value> {
        serde_json::from_str(&self.checked(arguments)?)
            .map_err(|error| Failure::failed(format!("cs {} printed no JSON: {error}", arguments.join(" "))))
    }

    /// Starts `cs` in one of the projects, and does not wait for it.
    pub(super) fn start(&self, project: &str, arguments: &[&str]) -> Result<Child> {
        let directory = self.home().join("src").join(project);
        let mut command = self.command(&directory, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|error| failed(&error))
    }
}

/// Returns the failure to run this very program.
pub(super) fn failed(error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot run cs itself: {error}"))
}

/// Returns what a Claude on the tour said. It may fail (there is no login); it may not hang.
pub(super) fn finish(mut child: Child, name: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::failed(format!("Claude in session '{name}' did not end in a minute")));
            }
        }
    }
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
