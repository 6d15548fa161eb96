//! `cs off`: puts back what `cs use` changed in the shell.

use super::context::Context;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
