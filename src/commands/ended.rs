//! `cs __ended ROOT HOME ID`, called by Claude's hook, and `cs __tidy ID`, which that starts: how an ephemeral session
//! ends.

use std::ffi::{OsStr, OsString};
use std::io::Read;

use uuid::Uuid;

use crate::claude;
use crate::model::verb::Internal;
use crate::model::{Failure, Outcome, Result};
use crate::work::context::Context;
use crate::work::ending;

/// The most that Claude is listened to.
const MOST: u64 = 1 << 20;

/// Starts what waits for the end of Claude. What ended stands in standard input.
pub(super) fn announced(context: &Context, arguments: &[OsString]) -> Result<Outcome> {
    let mut said = Vec::new();
    let _ = std::io::stdin().lock().take(MOST).read_to_end(&mut said);
    if !claude::is_ending(&said) {
        return Ok(Outcome::Done);
    }
    let takes = || Failure::usage(format!("{} takes two directories and an id", Internal::Ended.word()));
    let [root, home, id] = arguments else { return Err(takes()) };
    ending::watch(context, root, home, session(id).ok_or_else(takes)?)?;
    Ok(Outcome::Done)
}

/// Waits for the end of Claude, and moves its session to the trash.
pub(super) fn tidy(context: &Context, arguments: &[OsString]) -> Result<Outcome> {
    let id = arguments.first().and_then(|id| session(id));
    let id = id.ok_or_else(|| Failure::usage(format!("{} takes an id", Internal::Tidy.word())))?;
    ending::wait_and_tidy(context, id)?;
    Ok(Outcome::Done)
}

fn session(id: &OsStr) -> Option<Uuid> {
    id.to_str()?.parse().ok()
}
