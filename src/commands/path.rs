//! `cs path NAME`: the config directory of a session or profile.

use super::report;
use crate::cli::PathArgs;
use crate::model::{Outcome, Result, Subject};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &PathArgs) -> Result<Outcome> {
    let path = match context.resolve(&args.name)? {
        Subject::Profile(profile) => profile.home.directory(),
        Subject::Session(session, profile) => context.paths(&session, &profile)?.config,
    };
    report::print(&format!("{}\n", path.display()))?;
    Ok(Outcome::Done)
}
