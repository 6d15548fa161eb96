//! Conversations: the one that goes on, and whose each is.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use uuid::Uuid;

use crate::claude::{self, ConfigGround, Continuation, Conversation, GoesOn};
use crate::model::{ConfigHome, Isolation, Name, Result, Session, SessionPaths, Subject};
use crate::os::Foreign;
use crate::store::{Member, Run, Store};
use crate::work::context::Context;
use crate::work::directory::real;
use crate::work::history;

/// The conversations that are a session's own, where they lie among those of others: those known by their ids,
/// and those that bear its name, which Claude carries over a `/clear`.
#[derive(Debug)]
pub(crate) struct Own {
    known: BTreeSet<Uuid>,
    slug: String,
    name: Name,
}

impl Own {
    /// Returns those of `session`, which works in `directory` and whose last launch noted `run`.
    pub(crate) fn of(
        session: &Session,
        paths: &SessionPaths,
        directory: &Path,
        run: Option<&Run>,
    ) -> Result<Self> {
        let mut known: BTreeSet<Uuid> = run.and_then(|run| run.conversation).into_iter().collect();
        known.insert(session.id);
        if session.isolation != Isolation::None {
            let member = Member { root: paths.root.clone(), config: paths.config.clone() };
            known.extend(brought_along(&member)?);
        }
        Ok(Self { known, slug: claude::slug(&real(directory)), name: session.name.clone() })
    }

    /// Returns true if `found` is one of them.
    pub(crate) fn has(&self, found: &Conversation) -> bool {
        self.known.contains(&found.id)
            || found.slug() == self.slug
                && claude::about(found, &self.name).given.as_deref() == Some(self.name.as_str())
    }
}

/// Returns the ids of the conversations that somebody had before it shared them.
fn brought_along(member: &Member) -> Result<BTreeSet<Uuid>> {
    let mut ids = BTreeSet::new();
    for directory in member.put_aside() {
        ids.extend(
            claude::conversations_below(&Foreign::ground(&directory))?.into_iter().map(|found| found.id),
        );
    }
    Ok(ids)
}

/// Returns the ids of the conversations that are somebody's own among those it shares: what it brought along, what
/// it was started with, and what bears its name.
pub(crate) fn own_ids(context: &Context, subject: &Subject, member: &Member) -> Result<BTreeSet<Uuid>> {
    let mut ids = brought_along(member)?;
    let all = claude::conversations(&history::ground_of(context, subject)?)?;
    if member.is_apart() {
        ids.extend(all.iter().map(|found| found.id));
    }
    // What a profile was started with is noted nowhere, and may be anybody's.
    let Subject::Session(session, profile) = subject else { return Ok(ids) };
    let store = context.store()?;
    let run = store.last_run(&store.session_run_path(session.id));
    let paths = context.paths(session, profile)?;
    let own = Own::of(session, &paths, session.directory(), run.as_ref())?;
    ids.extend(all.iter().filter(|found| own.has(found)).map(|found| found.id));
    ids.extend(own.known);
    Ok(ids)
}

/// Returns the conversation to start a session with, by looking at the disk. `run` is what the last launch noted.
/// Fails where conversations cannot be read: a new one is only begun where there is none.
pub(crate) fn continuation_of(
    session: &Session,
    paths: &SessionPaths,
    ground: &ConfigGround,
    directory: &Path,
    run: Option<&Run>,
) -> Result<Continuation> {
    let Some(found) = newest(session, paths, ground, directory, run)? else {
        // Where it shares its conversations, the one it was forked from is nobody's in particular.
        if let Some(from) = session.forked_from
            && ground.shares()
            && let Some(found) = claude::find_conversation(ground, from)?
            && let Continuation::Resume(from, file) = resume(&found, directory)
        {
            return Ok(Continuation::Fork { from, file, id: session.id });
        }
        // An id that was used up by a start without a word would be refused by Claude.
        let used = claude::find_conversation(ground, session.id)?.is_some();
        return Ok(Continuation::New(if used { Uuid::now_v7() } else { session.id }));
    };
    Ok(match resume(&found, directory) {
        Continuation::Resume(from, file) if session.forked_from == Some(from) => {
            Continuation::Fork { from, file, id: session.id }
        }
        start => start,
    })
}

/// Returns the conversation of a session that goes on: the newest one that can.
pub(crate) fn newest(
    session: &Session,
    paths: &SessionPaths,
    ground: &ConfigGround,
    directory: &Path,
    run: Option<&Run>,
) -> Result<Option<Conversation>> {
    if session.isolation != Isolation::None && !ground.shares() {
        return claude::newest_resumable(ground);
    }
    let own = Own::of(session, paths, directory, run)?;
    for found in claude::conversations(ground)? {
        if own.has(&found) && found.is_resumable()? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Returns the conversation that a person is shown as what a session is about: the newest of its own, whether it can
/// go on or not. What cannot be read is as if it was not there.
pub(crate) fn latest(
    store: &Store,
    session: &Session,
    paths: &SessionPaths,
    home: &ConfigHome,
) -> Option<Conversation> {
    let ground = history::ground(store, session, paths, home);
    if session.isolation == Isolation::None {
        return claude::find_conversation(&ground, session.id).ok()?;
    }
    if ground.shares() {
        let run = store.last_run(&store.session_run_path(session.id));
        return newest(session, paths, &ground, session.directory(), run.as_ref()).ok()?;
    }
    claude::conversations(&ground).ok()?.into_iter().next()
}

/// Resuming `conversation` from `directory`: by its file where Claude, which looks below the
/// directory's own slug only, would not find the id.
pub(crate) fn resume(conversation: &Conversation, directory: &Path) -> Continuation {
    let file = (claude::slug(&real(directory)) != conversation.slug()).then(|| conversation.path.told());
    Continuation::Resume(conversation.id, file)
}

/// The conversation that a person's own arguments for Claude go on with: by its id, or the newest of
/// this directory. `None` for a copy.
pub(crate) fn gone_on_with(
    arguments: &[OsString],
    ground: &ConfigGround,
    directory: &Path,
) -> Result<Option<Uuid>> {
    match claude::goes_on(arguments) {
        None => Ok(None),
        Some(GoesOn::Conversation(id)) => Ok(id),
        Some(GoesOn::Newest) => {
            let slug = claude::slug(&real(directory));
            let newest = claude::conversations(ground)?.into_iter().find(|found| found.slug() == slug);
            Ok(newest.map(|found| found.id))
        }
    }
}
