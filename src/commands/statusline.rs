//! `cs statusline`: a status line for Claude.

use super::context::Context;
use crate::cli::StatuslineArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &StatuslineArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
