//! Which session a person means.

use uuid::Uuid;

use crate::claude;
use crate::model::{Failure, Profile, Result, Session, Subject};
use crate::work::context::Context;
use crate::work::conversations::Own;
use crate::work::history;

/// Returns the session that `text` means: by its name, the beginning of one, its id, the beginning of that, or the id of
/// one of its conversations. Fails if it means none, or more than one.
pub(crate) fn session(context: &Context, text: &str) -> Result<(Session, Profile)> {
    let store = context.store()?;
    if let Ok(id) = text.parse::<Uuid>() {
        return by_id(context, id);
    }
    match context.find(text)? {
        Some(Subject::Session(session, profile)) => return Ok((session, profile)),
        Some(Subject::Profile(profile)) => {
            return Err(Failure::usage(format!("'{}' is a profile, not a session", profile.name))
                .hint(format!("to run it: cs {}", profile.name)));
        }
        None => {}
    }
    let key = text.to_ascii_lowercase();
    let named: Vec<String> =
        store.claimed_names()?.into_iter().filter(|name| name.starts_with(&key)).collect();
    let mut found: Vec<(Session, Profile)> = Vec::new();
    for name in &named {
        if let Some(Subject::Session(session, profile)) = context.find(name)? {
            found.push((session, profile));
        }
    }
    if found.is_empty() && key.len() >= 4 && key.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        for id in store.session_ids()?.into_iter().filter(|id| id.to_string().starts_with(&key)) {
            let session = match store.session(id) {
                Err(damage) if damage.is_unread() => return Err(store.unread_session(id, &damage)),
                session => session,
            };
            if let Ok(session) = session {
                let profile = context.profile_of(&session)?;
                found.push((session, profile));
            }
        }
    }
    match found.len() {
        0 => Err(context.unknown("session", text)),
        1 => Ok(found.remove(0)),
        _ => {
            let all: Vec<String> = found.iter().map(|(session, _)| session.name.to_string()).collect();
            Err(Failure::usage(format!("'{text}' could be more than one session: {}", all.join(", "))))
        }
    }
}

/// Returns the session of this id, or the one in whose config directory the conversation of this id is.
fn by_id(context: &Context, id: Uuid) -> Result<(Session, Profile)> {
    let store = context.store()?;
    match store.session(id) {
        Ok(session) => {
            let profile = context.profile_of(&session)?;
            return Ok((session, profile));
        }
        Err(damage) if damage.is_unread() => return Err(store.unread_session(id, &damage)),
        Err(_) => {}
    }
    let (mut shared, mut unread) = (None, None);
    for other in store.session_ids()?.into_iter().rev() {
        let session = match store.session(other) {
            Ok(session) => session,
            Err(damage) => {
                if damage.is_unread() {
                    unread = Some(store.unread_session(other, &damage));
                }
                continue;
            }
        };
        let Ok(profile) = context.profile_of(&session) else { continue };
        let paths = context.paths(&session, &profile)?;
        // One that cannot be read hides no conversation of another.
        let ground = history::ground(store, &session, &paths, &profile.home);
        let found = match claude::find_conversation(&ground, id) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(failure) => {
                unread = Some(failure);
                continue;
            }
        };
        if ground.shares() {
            // All who share it find it: it is whose own it is, if anybody's.
            let run = store.last_run(&store.session_run_path(session.id));
            if !Own::of(&session, &paths, session.directory(), run.as_ref())?.has(&found) {
                shared.get_or_insert((session, profile));
                continue;
            }
        }
        return Ok((session, profile));
    }
    if let Some(found) = shared {
        return Ok(found);
    }
    // What could not be read may have been it.
    let none = || Failure::not_found(format!("there is no session or conversation {id}"));
    Err(unread.unwrap_or_else(none).hint("to see the sessions: cs list"))
}
