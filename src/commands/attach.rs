//! `cs attach NAME`: the session inside tmux or zellij, shown here; started there if it is not open.

use super::start;
use crate::cli::AttachArgs;
use crate::model::{InPane, Outcome, Result, Subject};
use crate::work::context::Context;
use crate::work::launch::Request;

pub(super) fn run(context: &Context, args: &AttachArgs) -> Result<Outcome> {
    let (session, profile) = context.resolve_session(&args.name)?;
    let request = Request::new(Subject::Session(session, profile), Vec::new());
    start::start(context, &Request { pane: Some(InPane::default()), ..request })
}
