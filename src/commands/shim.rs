//! `cs shim`: a `claude` for programs that start Claude themselves, and what it and the shell's
//! function `claude` become.

use std::ffi::OsString;

use super::context::Context;
use crate::cli::ShimCommand;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _command: &ShimCommand) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}

/// Becomes Claude: as the session or profile in use, else as the one bound here, else untouched.
pub(super) fn become_claude(_context: &Context, _arguments: &[OsString]) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
