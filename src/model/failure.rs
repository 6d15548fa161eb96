//! A failure: one line, what to do next, and the exit code.

use std::fmt;

/// The exit codes of `cs` itself. A launched program's own code is passed through instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something failed.
    Failed = 1,
    /// The command line or a configuration file makes no sense.
    Usage = 2,
    /// The command only works through the shell function, which is missing.
    NoShellFunction = 3,
    /// There is nothing of that name.
    NotFound = 4,
    /// Refused: taken, live, untrusted or unsafe.
    Refused = 5,
    /// There is no `claude` to run.
    NoClaude = 127,
}

/// The kind of a failure, which is what code decides by. It says which exit code the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something failed.
    Failed,
    /// The system refused an operation on a file, or on something like it.
    Io,
    /// A record cannot be read, is missing, or was written by a newer `cs`.
    Damaged,
    /// The command line or a file that a person edits makes no sense.
    Usage,
    /// The command only works through the shell function, which is missing.
    NoShellFunction,
    /// There is nothing of that name.
    NotFound,
    /// Refused, for a reason that has no kind of its own.
    Refused,
    /// A session or a profile has the name.
    NameTaken,
    /// A branch has the name, or is checked out in another worktree.
    BranchTaken,
    /// The directory, or the branch, that a worktree would have by its name is there and cannot be taken.
    WorktreeTaken,
    /// A session is open, or something runs in its sandbox.
    Open,
    /// Somebody else changed or removed it meanwhile.
    Changed,
    /// Another process works on it now.
    Busy,
    /// The directory of a session is gone, or its worktree is.
    DirectoryGone,
    /// The directory is in no git repository.
    NoRepository,
    /// Git does not trust the repository.
    Untrusted,
    /// Another user owns it, or can write to it, so what it says is not believed.
    Exposed,
    /// The directory is bound to another profile, and the settings are strict about it.
    BoundElsewhere,
    /// A program that is needed is not there: Claude, mostly.
    NoClaude,
}

impl Kind {
    /// Returns the exit code of a process that ends with this.
    pub fn exit(self) -> Exit {
        match self {
            Self::Failed | Self::Io | Self::Damaged => Exit::Failed,
            Self::Usage => Exit::Usage,
            Self::NoShellFunction => Exit::NoShellFunction,
            Self::NotFound => Exit::NotFound,
            Self::Refused
            | Self::NameTaken
            | Self::BranchTaken
            | Self::WorktreeTaken
            | Self::Open
            | Self::Changed
            | Self::Busy
            | Self::DirectoryGone
            | Self::NoRepository
            | Self::Untrusted
            | Self::Exposed
            | Self::BoundElsewhere => Exit::Refused,
            Self::NoClaude => Exit::NoClaude,
        }
    }
}

/// One failure: what code decides by, a line a tired person can act on, and hints.
///
/// The message is for people, and read by no code. It is lower case, has no full stop, and names the path
/// or value it is about. Text of others may be in it raw: whoever prints it escapes it (`ui::escape`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind, which is what code decides by.
    pub kind: Kind,
    /// The event, in one line.
    pub message: String,
    /// The next things to do, a line each.
    pub hints: Vec<String>,
}

/// The result of everything here that can fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// How a command that did not fail ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Done,
    /// The exit code of a program that was run for the user.
    Code(u8),
}

impl Failure {
    /// Returns a failure of this kind, with the one line `message`.
    pub fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Something failed (exit 1).
    pub fn failed(message: impl Into<String>) -> Self {
        Self::of(Kind::Failed, message)
    }

    /// The input makes no sense (exit 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::of(Kind::Usage, message)
    }

    /// There is nothing of that name (exit 4).
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::of(Kind::NotFound, message)
    }

    /// Refused (exit 5).
    pub fn refused(message: impl Into<String>) -> Self {
        Self::of(Kind::Refused, message)
    }

    /// An operation on `path` that the system refused (exit 1): `cannot create /x: disk full`.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::of(Kind::Io, format!("cannot {what} {}: {}", path.display(), reason(error)))
    }

    /// Returns the exit code the process ends with.
    pub fn exit(&self) -> Exit {
        self.kind.exit()
    }

    /// Returns the same failure as one of another kind.
    #[must_use]
    pub fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same failure with one more line on what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The system's reason in our voice: lower case, without a full stop and the error number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text).trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::from("unknown error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io, path::Path};

    #[test]
    fn an_io_failure_names_the_path_and_the_reason_without_the_number() {
        let error = io::Error::from_raw_os_error(13);
        let failure = Failure::io("create", Path::new("/x/y"), &error);
        assert_eq!(failure.message, "cannot create /x/y: permission denied");
        assert_eq!((failure.kind, failure.exit()), (Kind::Io, Exit::Failed));
    }

    #[test]
    fn every_kind_has_its_exit_code() {
        for (exit, kinds) in [
            (Exit::Failed, &[Kind::Failed, Kind::Io, Kind::Damaged][..]),
            (Exit::Usage, &[Kind::Usage]),
            (Exit::NoShellFunction, &[Kind::NoShellFunction]),
            (Exit::NotFound, &[Kind::NotFound]),
            (
                Exit::Refused,
                &[
                    Kind::Refused,
                    Kind::NameTaken,
                    Kind::BranchTaken,
                    Kind::WorktreeTaken,
                    Kind::Open,
                    Kind::Changed,
                    Kind::Busy,
                    Kind::DirectoryGone,
                    Kind::NoRepository,
                    Kind::Untrusted,
                    Kind::Exposed,
                    Kind::BoundElsewhere,
                ],
            ),
            (Exit::NoClaude, &[Kind::NoClaude]),
        ] {
            for kind in kinds {
                assert_eq!(kind.exit(), exit, "{kind:?}");
                assert_eq!(Failure::of(*kind, "why").exit(), exit, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_failure_keeps_its_words_as_another_kind() {
        let failure = Failure::failed("no").hint("do this").with_kind(Kind::NoClaude);
        assert_eq!((failure.exit(), failure.message.as_str()), (Exit::NoClaude, "no"));
        assert_eq!(failure.hints, ["do this"]);
    }

    #[test]
    fn a_reason_has_no_full_stop_as_windows_gives_it_one() {
        assert_eq!(reason(&io::Error::other("Access is denied. (os error 5)")), "access is denied");
    }
}
