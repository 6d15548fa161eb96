//! `cs doctor`: find problems; `--fix` repairs the safe ones.

use super::report as told;
use crate::cli::DoctorArgs;
use crate::doctor::{self, render};
use crate::model::{Outcome, Result};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &DoctorArgs) -> Result<Outcome> {
    let mut report = doctor::examine(context, args.name.as_deref())?;
    if args.fix && !args.dry_run {
        doctor::fix::apply(context, &mut report);
    }
    if args.json {
        told::print_json(&render::json(&report, args.fix && !args.dry_run))?;
    } else {
        let home = context.home().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default();
        let colour = context.colours();
        let screen = render::Screen { home, colour, fixing: args.fix, trying: args.dry_run };
        told::print(&screen.text(&report))?;
    }
    Ok(match report.exit() {
        0 => Outcome::Done,
        code => Outcome::Code(code),
    })
}
