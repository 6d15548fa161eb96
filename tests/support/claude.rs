//! The real Claude Code, when a test run is given one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// A Claude Code program named by `CS_TEST_CLAUDE`. One that merely stands on `PATH` is somebody's own, and is left alone.
#[derive(Debug, Clone)]
pub struct RealClaude {
    program: PathBuf,
}

impl RealClaude {
    /// The program, or `None` after saying loudly that the test is skipped. With `CS_TEST_REQUIRE` set, its absence fails.
    pub fn find() -> Option<Self> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let required = set("CS_TEST_REQUIRE").is_some();
        match set("CS_TEST_CLAUDE").map(PathBuf::from) {
            Some(program) if program.is_file() => Some(Self { program: fs::canonicalize(program).unwrap() }),
            Some(program) => panic!("CS_TEST_CLAUDE names no file: {}", program.display()),
            None if required => {
                panic!("CS_TEST_REQUIRE is set, but CS_TEST_CLAUDE does not name a Claude Code program")
            }
            None => {
                super::skipped("set CS_TEST_CLAUDE to a Claude Code program to run it");
                None
            }
        }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Claude with nothing of ours in its environment: a home, and the switches that keep it off the network.
    pub fn command(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(quiet_env(home)).current_dir(home);
        command
    }
}

/// The environment every real run starts from. All traffic that is not for loopback meets a closed port.
pub fn quiet_env(home: &Path) -> Vec<(String, String)> {
    let home = home.to_str().unwrap();
    [
        ("HOME", home),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("SHELL", "/bin/bash"),
        ("USER", "tester"),
        ("LANG", "C.UTF-8"),
        ("TERM", "xterm-256color"),
        // Sockets and the output of tools would lie beside those of other runs.
        ("TMPDIR", home),
        ("CLAUDE_CODE_TMPDIR", home),
        ("IS_SANDBOX", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("DISABLE_TELEMETRY", "1"),
        ("DISABLE_ERROR_REPORTING", "1"),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("NO_PROXY", "127.0.0.1,localhost"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// What lets an interactive Claude start in `project` without a question, written as `.claude.json` into `config_dir`.
pub fn seed_for_interactive(config_dir: &Path, project: &Path) {
    let project = fs::canonicalize(project).unwrap();
    let trusted: Value = json!({ project.to_str().unwrap(): {"hasTrustDialogAccepted": true} });
    let seed = json!({"hasCompletedOnboarding": true, "projects": trusted});
    fs::create_dir_all(config_dir).unwrap();
    fs::write(config_dir.join(".claude.json"), seed.to_string()).unwrap();
}

/// The transcripts below a configuration directory (or a `projects` directory), in name order.
pub fn transcripts(config_dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let slugs = fs::read_dir(config_dir.join("projects")).into_iter().flatten().flatten();
    for slug in slugs {
        let files = fs::read_dir(slug.path()).into_iter().flatten().flatten();
        found.extend(
            files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ext| ext == "jsonl")),
        );
    }
    found.sort();
    found
}

/// The lines of a transcript, parsed.
pub fn lines(transcript: &Path) -> Vec<Value> {
    let text = fs::read_to_string(transcript).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
