//! `cs last [ARGS…]`: resume the session that was used last.

use std::ffi::OsString;

use super::{report, start};
use crate::model::{Failure, Kind, Outcome, Result, Subject};
use crate::work::context::Context;
use crate::work::launch::Request;
use crate::work::open;

pub(super) fn run(context: &Context, arguments: Vec<OsString>) -> Result<Outcome> {
    let store = context.store()?;
    let mut entries = store.sessions()?;
    for entry in &mut entries {
        entry.used = entry.used.max(store.prompted(entry.id));
    }
    entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| b.id.cmp(&a.id)));
    let (mut open, mut unread) = (Vec::new(), None);
    for entry in entries {
        let session = match entry.record {
            Ok(session) => session,
            Err(damage) => {
                if damage.is_unread() {
                    let failure = store.unread_session(entry.id, &damage);
                    report::say(&format!("skipping a session: {failure}"));
                    unread = Some(failure);
                }
                continue;
            }
        };
        let profile = match context.profile_of(&session) {
            Ok(profile) => profile,
            Err(failure) => {
                report::say(&format!("skipping session '{}': {failure}", session.name));
                if failure.kind == Kind::Io {
                    unread = Some(failure);
                }
                continue;
            }
        };
        if open::opened(context, &session, &profile)?.is_some() {
            open.push(session.name.to_string());
            continue;
        }
        if !open.is_empty() {
            report::say(&format!("skipping what is open: {}", open.join(", ")));
        }
        report::say(&format!("resuming session '{}' in {}", session.name, session.directory));
        let request = Request::new(Subject::Session(session, profile), arguments);
        return start::start(context, &request);
    }
    // What was skipped may have been the only one.
    if let Some(failure) = unread {
        return Err(failure);
    }
    Err(if open.is_empty() {
        Failure::not_found("there is no session yet").hint("to make one here: cs NAME")
    } else {
        Failure::of(Kind::Open, format!("every session is open: {}", open.join(", ")))
            .hint("to make another one: cs NAME")
    })
}
