//! `cs usage`: tokens and cost, summed up from the transcripts.

use super::context::Context;
use crate::cli::UsageArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &UsageArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
