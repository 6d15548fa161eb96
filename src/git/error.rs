//! The failures of git. What git says is read here and nowhere else.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::model::{Failure, Kind, reason};
use crate::os::PassedOver;

/// A failure of git: it did not do something, or did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind, which code decides by.
    pub kind: ErrorKind,
    /// The one line that git said, or that we say of it.
    said: String,
}

/// The kind of a failure of git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no git, or it cannot be run.
    NotRun,
    /// The place is in no repository.
    NotARepository,
    /// The repository at this path belongs to somebody whom git does not trust.
    Untrusted(PathBuf),
    /// Somebody else is just making what git wanted to read.
    Racing,
    /// These files are changed, or not tracked, and would be overwritten.
    InTheWay(Vec<String>),
    /// Anything else.
    Failed,
}

impl Error {
    /// Returns an error that we say ourselves: what git answered, or what it works on, cannot be used.
    pub(super) fn ours(said: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, said: said.into() }
    }

    /// Returns the error that there is no git to run; `passed_over` is one that a session can write.
    pub(super) fn no_git(passed_over: Option<&PassedOver>) -> Self {
        let why = passed_over.map_or_else(|| "there is none on PATH".to_owned(), ToString::to_string);
        Self { kind: ErrorKind::NotRun, said: format!("git cannot be run: {why}") }
    }

    /// Returns the error that git could not be run.
    pub(super) fn not_run(error: &io::Error) -> Self {
        Self { kind: ErrorKind::NotRun, said: format!("git cannot be run: {}", reason(error)) }
    }

    /// Reads why git failed from what it said, which is in English (`LC_ALL=C`).
    pub(super) fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
        let line = line.or_else(|| text.lines().next()).unwrap_or("git failed");
        let said = line.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned();
        Self { kind: kind_of(&said, &text), said }
    }

    /// Returns the failure of a command that needed it, which begins with `what` (`no worktree: …`).
    pub fn failure(&self, what: &str) -> Failure {
        match &self.kind {
            ErrorKind::Untrusted(path) => untrusted(path),
            kind => {
                let failure = Failure::failed(format!("{what}: {}", self.said));
                if *kind == ErrorKind::NotRun { failure.hint("is git installed?") } else { failure }
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        error.failure("git")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

fn untrusted(path: &Path) -> Failure {
    let path = path.display();
    Failure::of(Kind::Untrusted, format!("git does not trust {path}: it belongs to another user"))
        .hint(format!("if you do: git config --global --add safe.directory {path}"))
}

/// Returns the kind that the line `said`, of `all` that git wrote, stands for. Git has one exit code for these,
/// and no other way to ask.
fn kind_of(said: &str, all: &str) -> ErrorKind {
    // It names them a line each, indented.
    let files: Vec<String> =
        all.lines().filter_map(|line| Some(line.strip_prefix('\t')?.to_owned())).collect();
    let untrusted = said.strip_prefix("detected dubious ownership in repository at '");
    match untrusted {
        Some(path) => ErrorKind::Untrusted(path.trim_end_matches('\'').into()),
        None if said.starts_with("not a git repository") => ErrorKind::NotARepository,
        // Of a worktree that is being made, not all files are there yet.
        None if said.starts_with("failed to read") => ErrorKind::Racing,
        None if !files.is_empty() => ErrorKind::InTheWay(files),
        None => ErrorKind::Failed,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn said(stderr: &str) -> Error {
        let status = ExitStatus::from_raw(128 << 8);
        Error::of(&Output { status, stdout: Vec::new(), stderr: stderr.into() })
    }

    #[test]
    fn what_git_says_is_told_apart() {
        let outside = "fatal: not a git repository (or any of the parent directories): .git\n";
        assert_eq!(said(outside).kind, ErrorKind::NotARepository);
        assert_eq!(said("fatal: not a git repository: /gone\n").kind, ErrorKind::NotARepository);
        let foreign = "fatal: detected dubious ownership in repository at '/r'\nTo add an exception…\n";
        assert_eq!(said(foreign).kind, ErrorKind::Untrusted("/r".into()));
        assert_eq!(said("fatal: failed to read .git/worktrees/x/commondir\n").kind, ErrorKind::Racing);
        let dirty = "error: Your local changes to the following files would be overwritten by merge:\n\ta\n\tb c\nAborting\n";
        assert_eq!(said(dirty).kind, ErrorKind::InTheWay(vec!["a".into(), "b c".into()]));
        let other = said("hint: x\nerror: branch 'not a git repository' not found\n");
        assert_eq!(other.kind, ErrorKind::Failed);
        assert_eq!(other.to_string(), "branch 'not a git repository' not found");
        assert_eq!(said("").to_string(), "git failed");
    }

    #[test]
    fn a_failure_says_what_it_was_for_and_what_to_do() {
        let missing = Error::not_run(&io::Error::from(io::ErrorKind::NotFound)).failure("no worktree");
        assert_eq!(
            (missing.kind, missing.hints.as_slice()),
            (Kind::Failed, &["is git installed?".into()][..])
        );
        assert!(missing.message.starts_with("no worktree: git cannot be run: "), "{missing}");
        let foreign = Failure::from(said("fatal: detected dubious ownership in repository at '/r'\n"));
        assert_eq!(foreign.kind, Kind::Untrusted);
        assert_eq!(foreign.message, "git does not trust /r: it belongs to another user");
        assert_eq!(foreign.hints, ["if you do: git config --global --add safe.directory /r"]);
        assert_eq!(Failure::from(said("fatal: no\n")).message, "git: no");
    }
}
