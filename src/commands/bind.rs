//! `cs bind`: directories and remotes that belong to a profile or session.

use super::context::Context;
use crate::cli::BindArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _args: &BindArgs) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
