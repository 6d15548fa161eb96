//! `cs profile share`: what the sessions of a profile share with it.

use super::super::context::Context;
use crate::cli::ShareArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &ShareArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
