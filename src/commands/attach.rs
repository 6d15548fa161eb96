//! `cs attach NAME`: the session inside tmux or zellij, shown here; started there if it is not open.

use super::context::Context;
use super::inside::Inside;
use super::launch::{self, Manner};
use crate::cli::AttachArgs;
use crate::model::{Outcome, Result};

pub(super) fn run(context: &Context, args: &AttachArgs) -> Result<Outcome> {
    let (session, profile) = context.resolve_session(&args.name)?;
    let manner = Manner { inside: Some(Inside::default()), ..Manner::default() };
    launch::start_session(context, session, profile, Vec::new(), &manner)
}
