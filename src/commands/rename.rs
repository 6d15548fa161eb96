//! `cs rename NAME NEW`: give a session another name. Its id, its files and its conversations stay.

use super::report;
use crate::cli::RenameArgs;
use crate::model::{Failure, Outcome, Result, Subject};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &RenameArgs) -> Result<Outcome> {
    let new = Context::new_name(&args.new)?;
    if let Some(Subject::Profile(profile)) = context.find(&args.name)? {
        return Err(Failure::refused(format!("profile '{}' keeps its name", profile.name))
            .hint("the path made from it is the key of its login on macOS"));
    }
    let (session, _) = context.resolve_session(&args.name)?;
    let store = context.store()?;
    let _lock = store.lock_session(&session)?;
    let renamed = store.rename_session(&session, &new)?;
    report::say(&format!("session '{}' is '{}' now", session.name, renamed.name));
    Ok(Outcome::Done)
}
