//! `cs init SHELL`: the code that sets up a shell. Pure: it prints, and reads nothing.

use super::report;
use crate::cli::InitArgs;
use crate::model::{Failure, Outcome, Result};
use crate::shell::InitOptions;

pub(super) fn run(args: &InitArgs) -> Result<Outcome> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let options = InitOptions { cmd: &args.cmd, aliases: !args.no_aliases, program: &program };
    report::print(&args.shell.init(&options)?)?;
    Ok(Outcome::Done)
}
