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
    let mut open = Vec::new();
    for entry in entries {
        let session = match entry.record {
            Ok(session) => session,
            // It was used last, or may have been: another one would be the wrong one.
            Err(damage) if damage.is_unread() => return Err(store.unread_session(entry.id, &damage)),
            Err(_) => continue,
        };
        let profile = match context.profile_of(&session) {
            Ok(profile) => profile,
            Err(failure) if failure.kind == Kind::Io => return Err(failure),
            Err(failure) => {
                report::say(&format!("skipping session '{}': {failure}", session.name));
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
    Err(if open.is_empty() {
        Failure::not_found("there is no session yet").hint("to make one here: cs NAME")
    } else {
        Failure::of(Kind::Open, format!("every session is open: {}", open.join(", ")))
            .hint("to make another one: cs NAME")
    })
}
