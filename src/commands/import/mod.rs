//! `cs import`: take over sessions and profiles, from a file or from what is there.

mod archive;
mod ccs;
mod claude;
mod claude_session;
mod told;

use crate::cli::ImportArgs;
use crate::model::{Failure, Name, Outcome, Result};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    // A file of one of these names is ./ccs.
    match args.source.to_str() {
        Some("ccs") => ccs::run(context, args),
        Some("claude") => claude::run(context, args),
        Some("claude-session") => claude_session::run(context, args),
        _ => archive::run(context, args),
    }
}

/// The first variation of `wanted` that is not taken.
fn free_name(wanted: &Name, taken: impl Fn(&Name) -> Result<bool>) -> Result<Name> {
    for number in 1..1000 {
        let name = wanted.numbered(number);
        if !taken(&name)? {
            return Ok(name);
        }
    }
    Err(Failure::failed(format!("all names from '{wanted}' on are taken")))
}

/// Refuses options that say nothing to this kind of import.
fn refuse_options(verb: &str, given: &[(&str, bool)]) -> Result<()> {
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::usage(format!("{option} is not for {verb}"))),
        None => Ok(()),
    }
}
