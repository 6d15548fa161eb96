//! What an import found and what became of it, told alike whatever it came from.

use serde::Serialize;
use serde_json::json;

use super::super::report;
use crate::model::{Failure, Outcome, Result};
use crate::ui::{self, Align, Table};

/// What became of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
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

/// One thing that was found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Found {
    /// `profile`, `group`, `session`, …
    pub(super) what: &'static str,
    /// What it is called where it comes from.
    pub(super) from: String,
    /// What it is here.
    #[serde(rename = "as")]
    pub(super) to: String,
    pub(super) state: State,
    /// Why it was left out, or what there is to know of it.
    pub(super) why: String,
}

impl Found {
    pub(super) fn new(what: &'static str, from: impl Into<String>) -> Self {
        Self { what, from: from.into(), to: String::new(), state: State::Skipped, why: String::new() }
    }

    pub(super) fn imported(self, to: impl Into<String>, why: impl Into<String>) -> Self {
        Self { to: to.into(), state: State::Imported, why: why.into(), ..self }
    }

    pub(super) fn there(self, to: impl Into<String>) -> Self {
        Self { to: to.into(), state: State::There, ..self }
    }

    pub(super) fn offered(self, to: impl Into<String>, why: impl Into<String>) -> Self {
        Self { to: to.into(), state: State::Offered, why: why.into(), ..self }
    }

    pub(super) fn skipped(self, why: impl Into<String>) -> Self {
        Self { state: State::Skipped, why: why.into(), ..self }
    }

    /// As imported to `to`, unless that failed.
    pub(super) fn done(self, to: impl Into<String>, why: impl Into<String>, done: Result<()>) -> Self {
        match done {
            Ok(()) => self.imported(to, why),
            Err(failure) => Self { to: to.into(), state: State::Failed, why: failure.message, ..self },
        }
    }
}

/// Tells what was found. Fails where something could not be taken over.
pub(super) fn tell(found: &[Found], from: &str, dry_run: bool, as_json: bool) -> Result<Outcome> {
    if as_json {
        report::print_json(&json!({"schema": 1, "from": from, "dry_run": dry_run, "found": found}))?;
    } else if !found.is_empty() {
        let mut table = Table::new(&[
            ("WHAT", Align::Left),
            ("FROM", Align::ShrinkFront),
            ("AS", Align::Left),
            ("STATE", Align::Left),
            ("NOTE", Align::Shrink),
        ]);
        for one in found {
            let state = match one.state {
                State::Imported if dry_run => "would be imported",
                State::Imported => "imported",
                State::There => "there already",
                State::Offered => "not yet",
                State::Skipped => "skipped",
                State::Failed => "failed",
            };
            let cells =
                [one.what.to_owned(), one.from.clone(), one.to.clone(), state.to_owned(), one.why.clone()];
            table.row(cells, (one.state == State::Imported).then_some("32"));
        }
        report::print(&table.render(ui::width(), ui::colour_stdout()))?;
    }
    let count = |state| found.iter().filter(|one| one.state == state).count();
    let (imported, there, failed) = (count(State::Imported), count(State::There), count(State::Failed));
    if failed > 0 {
        return Err(Failure::failed(format!("{failed} could not be imported")).hint("what was, stays"));
    }
    if !as_json {
        report::say(&match (imported, dry_run) {
            (0, _) if count(State::Offered) > 0 => "nothing was changed".to_owned(),
            (0, _) if there > 0 => "everything is there already".to_owned(),
            (0, _) => format!("there is nothing to import in {from}"),
            (n, true) => format!("{n} would be imported; nothing was changed"),
            (n, false) => format!("{n} imported; nothing in {from} was changed"),
        });
    }
    Ok(Outcome::Done)
}
