//! `cs allow` and `cs deny`: whether the `.cs.toml` of a repository counts.

use super::context::Context;
use crate::cli::{AllowArgs, DenyArgs};
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _args: &AllowArgs) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}

pub(super) fn deny(_context: &Context, _args: &DenyArgs) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
