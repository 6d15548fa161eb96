//! `cs trash`: list the trash, or empty it.

use super::context::Context;
use crate::cli::TrashCommand;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: Option<TrashCommand>) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
