//! Finds what is wrong, and repairs what can be undone.
//!
//! - `machine` gathers what there is to look at, once: the settings, the store, every profile and session
//! - a *probe* looks at one part of that `Machine`, changes nothing, and adds to the `Report` what it found, what
//!   it looked at, and what it could not look at: `program`, `sessions`, `live`, `ports`, `profiles`,
//!   `store`, `surroundings`
//! - `planned` is where they hold the plan of a start against the disk
//! - `finding` is the one table of what can be found: its id, how much it matters, and why
//! - a finding says what helps; where that can be undone it is a `repair`, which `fix` makes
//! - `render` is the report as a screen and as JSON
//!
//! Nothing here prints or asks.

mod contents;
mod finding;
pub(crate) mod fix;
mod live;
mod machine;
mod planned;
mod ports;
mod profiles;
mod program;
pub(crate) mod render;
mod repair;
mod sessions;
mod store;
mod surroundings;
mod worktrees;

use crate::model::{Kind, Result};
use crate::work::context::Context;
pub(crate) use finding::Report;
use finding::{Finding, Severity};
use machine::Machine;

/// Returns what is wrong with this machine, or with the session or profile of the name `only`. Fails if nothing has
/// that name.
pub(crate) fn examine(context: &Context, only: Option<&str>) -> Result<Report> {
    let mut report = Report::default();
    let only = match only.map(|name| (name, context.resolve(name))) {
        None => None,
        Some((_, Ok(subject))) => Some(subject),
        // Where the one thing asked for cannot be read there is nothing else to look at.
        Some((name, Err(failure))) if matches!(failure.kind, Kind::Failed | Kind::Io | Kind::Damaged) => {
            report.blind(name, failure.message);
            return Ok(report);
        }
        Some((_, Err(failure))) => return Err(failure),
    };
    let machine = Machine::gather(context, only.as_ref(), &mut report);
    program::probe(&machine, &mut report);
    sessions::probe(&machine, &mut report);
    live::probe(&machine, &mut report);
    ports::probe(&machine, &mut report);
    profiles::probe(&machine, &mut report);
    if only.is_none() {
        store::probe(&machine, &mut report);
        surroundings::probe(&machine, &mut report);
    }
    // The machine first, then each session and profile; what matters more before the rest.
    report.findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.kind.severity() == Severity::Advice, finding.kind);
        (&a.of, key(a), &a.place).cmp(&(&b.of, key(b), &b.place))
    });
    Ok(report)
}
