//! `cs wt`: the worktrees of a repository, and what is done with them.

mod bring;
mod gc;
mod list;
mod open;
mod removed;
mod rm;

use crate::cli::WtCommand;
use crate::model::{Outcome, Result};
use crate::work::context::Context;

pub(super) fn run(context: &Context, command: Option<WtCommand>) -> Result<Outcome> {
    match command {
        None => list::run(context, false, false),
        Some(WtCommand::List { all, json }) => list::run(context, all, json),
        Some(WtCommand::Open { words }) => open::run(context, words),
        Some(WtCommand::Finish(args)) => bring::run(context, &args),
        Some(WtCommand::Rm { names, force }) => rm::run(context, &names, force),
        Some(WtCommand::Gc { all, older_than, yes, json }) => {
            gc::run(context, &gc::GcOptions { all, older_than, yes, json })
        }
    }
}
