//! `cs top`: what the open sessions use.

use super::context::Context;
use crate::cli::TopArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &TopArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
