//! `cs man`: the manual pages.

use crate::cli::ManArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_args: &ManArgs) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
