//! The words and refusals that all imports have in common, whatever they take over.

use serde_json::json;

use super::super::report;
use crate::model::{Failure, Outcome, Result};
use crate::transfer::{State, Takeover};
use crate::ui::{self, Align, Table};
use crate::work::Context;

/// Tells what was found. Fails where something could not be taken over.
pub(super) fn tell(
    context: &Context,
    found: &[Takeover],
    from: &str,
    dry_run: bool,
    as_json: bool,
) -> Result<Outcome> {
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
        report::print(&table.render(ui::width(), context.colours()))?;
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

/// Refuses options that say nothing to this kind of import.
pub(super) fn refuse_options(verb: &str, given: &[(&str, bool)]) -> Result<()> {
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::usage(format!("{option} is not for {verb}"))),
        None => Ok(()),
    }
}
