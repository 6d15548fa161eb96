//! `cs`: parse, run, and one place where a failure becomes an exit code.

use std::process::ExitCode;

use claude_cs::commands;
use claude_cs::work::Context;

fn main() -> ExitCode {
    let umask = claude_cs::os::restrict_umask();
    let context = Context::new(umask, commands::say);
    commands::end(commands::run(std::env::args_os().collect(), &context))
}
