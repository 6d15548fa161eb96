//! `cs completions SHELL`: a static completion script, for packagers.

use super::report;
use crate::cli::CompletionsArgs;
use crate::model::{Outcome, Result};

pub(super) fn run(args: &CompletionsArgs) -> Result<Outcome> {
    report::print(&args.shell.completions()?)?;
    Ok(Outcome::Done)
}
