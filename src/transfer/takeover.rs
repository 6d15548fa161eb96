//! Takeovers: the things that an import found, with what became of each, alike whatever they came from.

use serde::Serialize;

use crate::model::{Failure, Kind, Result};

/// The state of a takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It was taken over, or would be.
    Imported,
    /// It was taken over before.
    There,
    /// It can be taken over, if somebody says so.
    Offered,
    /// It was left out.
    Skipped,
    /// It could not be taken over.
    Failed,
}

/// A thing that an import found, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Takeover {
    /// `profile`, `group`, `session`, …
    pub(crate) what: &'static str,
    /// Its name where it comes from.
    pub(crate) from: String,
    /// Its name here.
    #[serde(rename = "as")]
    pub(crate) to: String,
    /// Its state.
    pub(crate) state: State,
    /// The reason that it was left out, or what there is to know of it.
    pub(crate) why: String,
}

impl Takeover {
    /// Returns a thing that was left out, for no reason yet.
    pub(super) fn new(what: &'static str, from: impl Into<String>) -> Self {
        Self { what, from: from.into(), to: String::new(), state: State::Skipped, why: String::new() }
    }

    fn imported(self, to: impl Into<String>, why: impl Into<String>) -> Self {
        Self { to: to.into(), state: State::Imported, why: why.into(), ..self }
    }

    /// Returns it as taken over before, as `to`.
    pub(super) fn there(self, to: impl Into<String>) -> Self {
        Self { to: to.into(), state: State::There, ..self }
    }

    /// Returns it as one that can be taken over as `to`.
    pub(super) fn offered(self, to: impl Into<String>, why: impl Into<String>) -> Self {
        Self { to: to.into(), state: State::Offered, why: why.into(), ..self }
    }

    /// Returns it as left out.
    pub(super) fn skipped(self, why: impl Into<String>) -> Self {
        Self { state: State::Skipped, why: why.into(), ..self }
    }

    /// Returns it as one that could not be taken over.
    pub(super) fn failed(self, why: impl Into<String>) -> Self {
        Self { state: State::Failed, why: why.into(), ..self }
    }

    /// Returns it as left out because it was refused, or, where the system failed, as what could not be taken over.
    pub(super) fn refused(self, failure: Failure) -> Self {
        if failure.kind == Kind::Io { self.failed(failure.message) } else { self.skipped(failure.message) }
    }

    /// Returns it as imported to `to`, unless that failed.
    pub(super) fn done(self, to: impl Into<String>, why: impl Into<String>, done: Result<()>) -> Self {
        match done {
            Ok(()) => self.imported(to, why),
            Err(failure) => Self { to: to.into(), state: State::Failed, why: failure.message, ..self },
        }
    }
}
