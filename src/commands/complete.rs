//! `cs __complete SHELL FAMILY INDEX -- WORDS…`: what Tab offers. Called by the glue of `shells/complete.*`.

use std::ffi::OsString;

use super::context::Context;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _arguments: &[OsString]) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
