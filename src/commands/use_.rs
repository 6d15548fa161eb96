//! `cs use NAME`: the variables of a session or profile, in the shell it is called from.

use super::context::Context;
use crate::cli::UseArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _args: &UseArgs) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}

/// What the shell's hook runs when the directory changed.
pub(super) fn hook(_context: &Context) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
