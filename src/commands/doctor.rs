//! `cs doctor`: look for what is wrong, and repair what is safe to.

use super::context::Context;
use crate::cli::DoctorArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &DoctorArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
