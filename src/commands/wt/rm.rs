//! `cs wt rm NAME…`: take worktrees away with their sessions, into the trash.

use super::removed;
use crate::model::{Outcome, Result};
use crate::work::context::Context;
use crate::work::worktrees::removing::Doomed;

pub(super) fn run(context: &Context, names: &[String], force: bool) -> Result<Outcome> {
    // All of them are looked up first: a mistyped name moves nothing.
    let mut all: Vec<Doomed> = Vec::new();
    for name in names {
        let found = Doomed::find(context, name)?;
        if !all.iter().any(|other| other.is(&found)) {
            all.push(found);
        }
    }
    for one in all {
        removed::say(&one.remove(context, force)?);
    }
    Ok(Outcome::Done)
}
