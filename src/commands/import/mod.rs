//! `cs import`: take over sessions and profiles, from a file or from what is there.

mod archive;
mod ccs;
mod claude;
mod claude_session;

use super::context::Context;
use crate::cli::ImportArgs;
use crate::model::{Outcome, Result};

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    // A file of one of these names is ./ccs.
    match args.source.to_str() {
        Some("ccs") => ccs::run(context, args),
        Some("claude") => claude::run(context, args),
        Some("claude-session") => claude_session::run(context, args),
        _ => archive::run(context, args),
    }
}
