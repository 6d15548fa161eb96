//! `cs import claude`: aliases and config directories that are there.

use super::super::context::Context;
use crate::cli::ImportArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &ImportArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
