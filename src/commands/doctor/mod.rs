//! `cs doctor`: look for what is wrong, and repair what is safe to.
//!
//! A probe is a function of one of the rooms below that is given what there is on this [`Machine`]
//! and adds to a [`Report`]: findings, what was looked at, and what could not be. Looking changes
//! nothing; what `--fix` does is in [`fix`].

mod finding;
mod fix;
mod live;
mod machine;
mod ports;
mod profiles;
mod program;
mod render;
mod sessions;
mod store;
mod surroundings;
mod worktrees;

use crate::cli::DoctorArgs;
use crate::model::{Kind, Outcome, Result};
use crate::work::context::Context;
use finding::{Report, Severity};
use machine::Machine;

pub(super) fn run(context: &Context, args: &DoctorArgs) -> Result<Outcome> {
    let mut report = Report::default();
    let mut only = None;
    if let Some(name) = &args.name {
        match context.resolve(name) {
            Ok(subject) => only = Some(subject),
            Err(failure) if matches!(failure.kind, Kind::Failed | Kind::Io | Kind::Damaged) => {
                report.blind(name.clone(), failure.message);
            }
            Err(failure) => return Err(failure),
        }
    }
    // Where the one thing asked for cannot be read there is nothing else to look at.
    if report.blind.is_empty() {
        let machine = Machine::gather(context, only.as_ref(), &mut report);
        program::look(&machine, &mut report);
        sessions::look(&machine, &mut report);
        live::look(&machine, &mut report);
        ports::look(&machine, &mut report);
        profiles::look(&machine, &mut report);
        if only.is_none() {
            store::look(&machine, &mut report);
            surroundings::look(&machine, &mut report);
        }
        // The machine first, then each session and profile; what matters more before the rest.
        report.findings.sort_by(|a, b| {
            let key =
                |finding: &finding::Finding| (finding.kind.severity() == Severity::Advice, finding.kind);
            (&a.of, key(a), &a.place).cmp(&(&b.of, key(b), &b.place))
        });
        if args.fix && !args.dry_run {
            fix::apply(&machine, &mut report);
        }
    }
    let exit = exit(&report);
    if args.json {
        render::json(&report, args, exit)?;
    } else {
        render::text(context, &report, args)?;
    }
    Ok(if exit == 0 { Outcome::Done } else { Outcome::Code(exit) })
}

/// 0 where all is well, 1 where a problem was found and is still there, 2 where something could not
/// be looked at. Advice alone is no problem.
fn exit(report: &Report) -> u8 {
    let stands = |finding: &&finding::Finding| match &finding.repair {
        None => finding.kind.severity() == Severity::Problem,
        Some(repair) => repair.is_err(),
    };
    match (report.blind.is_empty(), report.findings.iter().any(|finding| stands(&finding))) {
        (false, _) => 2,
        (true, true) => 1,
        (true, false) => 0,
    }
}
