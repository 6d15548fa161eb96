//! What goes wrong, said once: one line, what to do next, and the exit code.

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

/// One failure: a line a tired person can act on, hints, an exit code.
///
/// The message is lower case, has no full stop, and names the path or value it is about. Text of
/// others may be in it raw: whoever prints it escapes it (`ui::escape`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code the process ends with.
    pub exit: Exit,
    /// What happened, in one line.
    pub message: String,
    /// What to do next, a line each.
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
    /// A failure with `exit` and the one line `message`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// Something failed (exit 1).
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The input makes no sense (exit 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// There is nothing of that name (exit 4).
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Refused (exit 5).
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// An operation on `path` that the system refused (exit 1): `cannot create /x: disk full`.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed(format!("cannot {what} {}: {}", path.display(), reason(error)))
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
        assert_eq!(failure.exit, Exit::Failed);
    }

    #[test]
    fn a_reason_has_no_full_stop_as_windows_gives_it_one() {
        assert_eq!(reason(&io::Error::other("Access is denied. (os error 5)")), "access is denied");
    }
}
