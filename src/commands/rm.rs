//! `cs rm NAME…`: move sessions to the trash.

use super::report;
use crate::cli::RmArgs;
use crate::model::{Failure, Kind, Outcome, Result, Session, Target};
use crate::work::context::Context;
use crate::work::{binding, open, removal};

pub(super) fn run(context: &Context, args: &RmArgs) -> Result<Outcome> {
    // All of them are looked up first: a mistyped name moves nothing.
    let mut sessions = Vec::new();
    for name in &args.names {
        let session = context.resolve_session(name)?;
        if !sessions.contains(&session) {
            sessions.push(session);
        }
    }
    for (session, profile) in sessions {
        let store = context.store()?;
        let _lock = store.lock_session(&session)?;
        if let Some(open) = open::opened(context, &session, &profile)? {
            return Err(Failure::of(
                Kind::Open,
                format!("session '{}' is open (pid {})", session.name, open.pid),
            )
            .hint("leave Claude first, or end that process"));
        }
        if let Some(why) = removal::refused_for_profiles(context, &session)? {
            return Err(Failure::refused(format!("session '{}' stays: {why}", session.name))
                .hint("correct the record of that profile first: cs profile list"));
        }
        let worktree = removal::to_trash(context, &session)?;
        said(&session);
        if let Some(line) = worktree {
            report::say(&line);
        }
        binding::say_still_bound(context, &Target::Session(session.id));
    }
    Ok(Outcome::Done)
}

fn said(session: &Session) {
    report::say(&format!(
        "moved session '{}' to the trash; to undo: cs restore {}",
        session.name, session.name
    ));
}
