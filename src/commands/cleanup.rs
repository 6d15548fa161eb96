//! `cs cleanup`: find what can go, and move it to the trash.

use super::context::Context;
use crate::cli::CleanupArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &CleanupArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
