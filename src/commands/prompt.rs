//! `cs prompt`: a piece for a prompt that shows the session in use, with no process per prompt.

use super::context::Context;
use crate::cli::PromptKind;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(_context: &Context, _prompt: PromptKind) -> Result<Outcome> {
    Err(Failure::failed("not built yet"))
}
