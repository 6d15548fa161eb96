//! `cs du`: how much room sessions, profiles and the trash take.

use super::context::Context;
use crate::cli::DuArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &DuArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
