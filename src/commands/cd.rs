//! `cs cd NAME`: go to the directory of a session.

use super::context::Context;
use crate::cli::CdArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _args: &CdArgs) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
