//! `cs attach NAME`: the session inside tmux or zellij, shown here.

use super::context::Context;
use crate::cli::AttachArgs;
use crate::model::{Failure, Outcome, Result};

pub(super) fn run(context: &Context, args: &AttachArgs) -> Result<Outcome> {
    let (session, _) = context.resolve_session(&args.name)?;
    Err(Failure::failed(format!("'{}' cannot be attached yet", session.name)))
}
