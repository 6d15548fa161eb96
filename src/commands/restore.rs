//! `cs restore [NAME]`: bring a session or profile back from the trash, or list the trash.

use super::{report, trashed};
use crate::cli::RestoreArgs;
use crate::model::{Failure, Kind, Name, Outcome, PortRange, Ports, Result, Session};
use crate::os;
use crate::store::{Piece, Store, Trashed, TrashedKind};
use crate::work::context::Context;
use crate::work::worktrees::away::{self, Back};
use crate::work::{ports, removal};

pub(super) fn run(context: &Context, args: &RestoreArgs) -> Result<Outcome> {
    let Some(wanted) = &args.name else { return trashed::list(context, args.json) };
    let pieces = context.store()?.pieces()?;
    let trash = pieces.iter().filter_map(|piece| match piece {
        Piece::Whole(trashed) => Some(trashed),
        _ => None,
    });
    let matches = |trashed: &&Trashed| {
        trashed.name().as_str().eq_ignore_ascii_case(wanted)
            || matches!(&trashed.kind, TrashedKind::Session(session) if session.id.to_string() == *wanted)
    };
    // A session whose return under another name was cut short has that name already.
    let half = match args.new.as_deref().map(Name::new) {
        Some(Ok(new)) => context.store()?.half_restored(&new)?,
        _ => None,
    };
    let Some(trashed) = trash.into_iter().find(matches).or(half.as_ref()) else {
        // One that is back, and whose worktree is not yet.
        let called = |session: &Session| session.name.as_str().eq_ignore_ascii_case(wanted);
        if let Some(session) = context.store()?.known_sessions()?.into_iter().find(called)
            && Store::stowed_worktree(&context.store()?.session_root(session.id))?.is_some()
        {
            return worktree(context, &session);
        }
        // What cannot be read just now may be it.
        let unread = pieces.iter().find_map(|piece| match piece {
            Piece::Unknown { path, damage: Some(damage) } if damage.is_unread() => {
                Some(damage.failure("something in the trash", &path.join("session.toml")))
            }
            _ => None,
        });
        let none = || Failure::not_found(format!("there is no '{wanted}' in the trash"));
        return Err(unread.unwrap_or_else(none).hint("to see what is: cs restore"));
    };
    let name: Name = match (&args.new, &trashed.kind) {
        (Some(_), TrashedKind::Profile(_)) => {
            return Err(Failure::refused("a profile keeps its name").hint(format!("cs restore {wanted}")));
        }
        (Some(new), TrashedKind::Session(_)) => Context::new_name(new)?,
        (None, _) => trashed.name().clone(),
    };
    let range = ports::range(context)?;
    let now = context.store()?.restore(trashed, &name, range).map_err(|failure| match &trashed.kind {
        TrashedKind::Session(_) if failure.kind == Kind::NameTaken => {
            failure.hint(format!("under another name: cs restore {wanted} --as NAME"))
        }
        _ => failure,
    })?;
    let what = if matches!(trashed.kind, TrashedKind::Profile(_)) { "profile" } else { "session" };
    report::say(&format!("{what} '{name}' is back"));
    match &trashed.kind {
        TrashedKind::Session(session) => {
            say_ports(context, range, session, now);
            worktree(context, &Session { name, ports: now, ..(**session).clone() })
        }
        TrashedKind::Profile(_) => Ok(Outcome::Done),
    }
}

/// Says where the ports of a session are other ones than before.
fn say_ports(context: &Context, range: Option<PortRange>, session: &Session, now: Option<Ports>) {
    match (session.ports, now) {
        (Some(before), Some(now)) if before != now => {
            report::say(&format!("its ports are {now} now: something else has, or listens on, {before}"));
        }
        (Some(before), None) => {
            report::say(&format!("it has no ports: something else has, or listens on, {before}"));
        }
        (None, None) => ports::say_if_none(context, range, session),
        _ => {}
    }
}

/// Brings the worktree of a session back, which is back itself.
fn worktree(context: &Context, session: &Session) -> Result<Outcome> {
    match away::bring_back(context, session.id)? {
        Back::There(kept, note) => {
            report::say(&format!("its worktree is back: {}", kept.root));
            if let Some(note) = note {
                report::say(&note);
            }
        }
        Back::Not(why, hint) => {
            let what = format!("the worktree of session '{}' is not back: {why}", session.name);
            return Err(Failure::refused(what).hint(hint));
        }
        Back::Nothing => {
            if let Some(worktree) = session.worktree.as_ref().filter(|worktree| !os::is_dir(worktree.root()))
            {
                report::say(&format!("its worktree is gone: {}", worktree.root));
            } else if let Err(why) = removal::lock_again(context, session) {
                report::say(&format!("its worktree could not be locked (git: {why})"));
            }
        }
    }
    Ok(Outcome::Done)
}
