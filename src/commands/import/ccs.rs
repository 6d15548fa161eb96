//! `cs import ccs`: accounts, endpoints and context groups of CCS, in place.

use super::super::context::Context;
use crate::cli::ImportArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &ImportArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
