//! `cs completions SHELL`: a static completion script, for packagers.

use clap::CommandFactory;

use super::report;
use crate::cli::{Cli, CompletionsArgs};
use crate::model::{Outcome, Result};

pub(super) fn run(args: &CompletionsArgs) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cs", &mut script);
    report::print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
