//! `cs attach NAME`: the session inside tmux or zellij, shown here; started there if it is not open.

use crate::cli::AttachArgs;
use crate::model::{Outcome, Result};
use crate::work::context::Context;
use crate::work::launch::{self, Manner};
use crate::work::pane::Inside;

pub(super) fn run(context: &Context, args: &AttachArgs) -> Result<Outcome> {
    let (session, profile) = context.resolve_session(&args.name)?;
    let manner = Manner { inside: Some(Inside::default()), ..Manner::default() };
    launch::start_session(context, session, profile, Vec::new(), &manner)
}
