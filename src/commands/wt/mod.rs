//! `cs wt`: the worktrees of a repository, and what is done with them.

use super::context::Context;
use crate::cli::WtCommand;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _command: Option<WtCommand>) -> Result<Outcome> {
    Err(Failure::failed("there are no worktrees yet"))
}
