//! `cs init SHELL`: the code that sets up a shell. Pure: it prints, and reads nothing.

use clap::ValueEnum;

use super::context::Context;
use super::report;
use crate::cli::InitArgs;
use crate::model::{Failure, Outcome, Result};
use crate::shell::{InitOptions, Shell};

pub(super) fn run(_context: &Context, args: &InitArgs) -> Result<Outcome> {
    let text = args.shell.as_deref().unwrap_or_default();
    let shell = Shell::from_str(text, false)
        .map_err(|_| Failure::usage(format!("'{text}' is no shell that cs knows")))?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let options = InitOptions {
        cmd: &args.cmd,
        aliases: !args.no_aliases,
        hook: !args.no_hook,
        wrap: !args.no_wrap,
        completion: !args.no_completion,
        program: &program,
    };
    report::print(&shell.init(&options)?)?;
    Ok(Outcome::Done)
}
