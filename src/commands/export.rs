//! `cs export`: write sessions to a file.

use super::context::Context;
use crate::cli::ExportArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_: &Context, _: &ExportArgs) -> Result<Outcome> {
    Err(Failure::failed("this is not built yet"))
}
