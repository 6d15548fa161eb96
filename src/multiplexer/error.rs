//! Failures of a multiplexer.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::Output;

use crate::model::reason;

/// A failure of a multiplexer: it did not do something, or did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind, which is what code decides by.
    pub kind: ErrorKind,
    /// The line that the program said, or that we say of it.
    said: String,
}

/// The kind of a multiplexer's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It cannot be run.
    NotRun,
    /// It has a session of that name.
    NameTaken,
    /// Its server ended while this came to it.
    ServerEnded,
    /// It is too old to know what was asked.
    TooOld,
    /// Anything else.
    Failed,
}

impl Error {
    /// Returns an error that we say ourselves.
    pub(super) fn ours(kind: ErrorKind, said: impl Into<String>) -> Self {
        Self { kind, said: said.into() }
    }

    /// Returns the error that the program at `path` could not be run.
    pub(super) fn not_run(path: &Path, error: &io::Error) -> Self {
        Self::ours(ErrorKind::NotRun, format!("{} cannot be run: {}", path.display(), reason(error)))
    }

    /// Reads why the program `name` failed from what it said; `kind_of` tells the kind of a line of it.
    pub(super) fn of(ran: &Output, name: &str, kind_of: fn(&str) -> ErrorKind) -> Self {
        let text = [ran.stderr.as_slice(), ran.stdout.as_slice()].concat();
        let text = String::from_utf8_lossy(&text);
        let Some(line) = text.lines().map(str::trim).find(|line| !line.is_empty()) else {
            return Self::ours(ErrorKind::Failed, format!("{name} failed"));
        };
        Self::ours(kind_of(line), format!("{name}: {line}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}
