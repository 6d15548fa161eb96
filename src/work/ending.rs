//! Ephemeral sessions: what happens when Claude has ended.
//!
//! Nothing of `cs` waits while Claude runs. A hook of Claude's own calls `cs` when it is about to end;
//! that starts a process which sees it end, moves the session to the trash, and is gone. Where the hook
//! did not run, because Claude was killed, the next launch of anything does it.
//!
//! See docs/decisions/003-exec-not-spawn.md

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::model::verb::Internal;
use crate::model::{Ended, Failure, Result, Session};
use crate::os::Liveness;
use crate::shell::posix_word;
use crate::store::{EphemeralNote, Run, Store};
use crate::work::context::Context;
use crate::work::removal;
use crate::work::removal::{Obstacle, obstacle, paths_of};

/// The time that Claude may take to end after the hook.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command for Claude's `SessionEnd` hook, which it gives to a POSIX shell; `None` where the path
/// of this program or of the data root cannot be told to one, and on Windows, where this process
/// waits for Claude anyway.
pub(crate) fn hook(context: &Context, session: &Session) -> Result<Option<String>> {
    if !session.ephemeral || cfg!(windows) {
        return Ok(None);
    }
    let program = context
        .this_program()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let quoted = |text: Option<&str>| posix_word(text?);
    // With a home of its own, a session's variables would lead elsewhere.
    let places = quoted(context.store()?.root().to_str()).zip(quoted(context.home()?.to_str()));
    let words = quoted(program.to_str()).zip(places);
    let word = Internal::Ended.word();
    Ok(words.map(|(program, (root, home))| format!("{program} {word} {root} {home} {}", session.id)))
}

/// Starts the process that waits for the end of Claude in the session `id`, which is kept in the data root `root` by the
/// user whose home is `home`. Does not wait for it.
pub(crate) fn watch(context: &Context, root: &OsStr, home: &OsStr, id: Uuid) -> Result<()> {
    let program = context.this_program().map_err(|error| Failure::failed(error.to_string()))?;
    Command::new(program)
        .arg(Internal::Tidy.word())
        .arg(id.to_string())
        .env("CS_HOME", root)
        .env("HOME", home)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    Ok(())
}

/// Waits until Claude has ended in the session `id`, and moves the session to the trash.
pub(crate) fn wait_and_tidy(context: &Context, id: Uuid) -> Result<()> {
    // The terminal that is being closed ends what belongs to it.
    #[cfg(unix)]
    let _ = rustix::process::setsid();
    let store = context.store()?;
    let (root, path) = (store.session_root(id), store.session_run_path(id));
    let end = Instant::now() + PATIENCE;
    while store.last_run(&path).is_some_and(|run| run.liveness(&root) == Liveness::Alive) {
        if Instant::now() > end {
            // It did not end after all. Its next end is announced again.
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    while Instant::now() < end {
        match tidy(context, id)? {
            Tidied::Busy => std::thread::sleep(Duration::from_millis(50)),
            _ => break,
        }
    }
    Ok(())
}

/// The end of an ephemeral session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tidied {
    /// It is in the trash now; and a line on its worktree, which stays.
    Moved(Session, Option<String>),
    /// It is open, or was never launched.
    InUse,
    /// Another `cs` is working on it.
    Busy,
    /// It has ended and stays, which is noted: why.
    Stays(String),
    /// There is no such session any more.
    Gone,
}

/// Moves an ephemeral session whose Claude has ended to the trash, unless something is in the way.
pub(crate) fn tidy(context: &Context, id: Uuid) -> Result<Tidied> {
    let store = context.store()?;
    let session = match store.session(id) {
        Ok(session) => session,
        Err(damage) if damage.is_unread() => return Err(store.unread_session(id, &damage)),
        Err(_) => {
            // A damaged one is no longer known to be ephemeral: it stays until somebody looks.
            store.forget_ephemeral(id);
            return Ok(Tidied::Gone);
        }
    };
    if !session.ephemeral {
        store.forget_ephemeral(id);
        return Ok(Tidied::Gone);
    }
    if ended_run(store, id).is_none() {
        return Ok(Tidied::InUse);
    }
    let Some(_lock) = store.try_lock_session(&session)? else { return Ok(Tidied::Busy) };
    let Some(run) = ended_run(store, id) else { return Ok(Tidied::InUse) };
    let (paths, _) = paths_of(context, &session)?;
    match obstacle(context, &session, &paths, Some(&run))? {
        None => {}
        Some(Obstacle::Open(_)) => return Ok(Tidied::InUse),
        Some(why) => {
            let why = why.to_string();
            store.note_ephemeral(id, &EphemeralNote::Stays(why.clone()))?;
            return Ok(Tidied::Stays(why));
        }
    }
    let worktree = removal::to_trash(context, &session)?;
    store.forget_ephemeral(id);
    Ok(Tidied::Moved(session, worktree))
}

/// Returns the ephemeral sessions but `except` that have ended and that their hooks could not deal with, as when
/// Claude was killed. Costs one system call where there are none. Changes nothing, and fails nothing.
pub(crate) fn ended(context: &Context, except: Uuid) -> Vec<Ended> {
    let Ok(store) = context.store() else { return Vec::new() };
    let notes = store.ephemeral().unwrap_or_default().into_iter().filter(|(id, _)| *id != except);
    notes.filter_map(|(id, note)| ending_of(context, store, id, note).ok().flatten()).collect()
}

fn ending_of(context: &Context, store: &Store, id: Uuid, note: EphemeralNote) -> Result<Option<Ended>> {
    let Ok(session) = store.session(id) else { return Ok(None) };
    let ended = |stays| Some(Ended { id, name: session.name.clone(), stays });
    match note {
        EphemeralNote::Told => Ok(None),
        EphemeralNote::Stays(why) => Ok(ended(Some(why))),
        EphemeralNote::Launched => {
            let Some(run) = ended_run(store, id).filter(|_| session.ephemeral) else { return Ok(None) };
            let (paths, _) = paths_of(context, &session)?;
            Ok(match obstacle(context, &session, &paths, Some(&run))? {
                Some(Obstacle::Open(_)) => None,
                why => ended(why.map(|why| why.to_string())),
            })
        }
    }
}

/// The note of the last launch of a session whose Claude has ended.
fn ended_run(store: &Store, id: Uuid) -> Option<Run> {
    let run = store.last_run(&store.session_run_path(id))?;
    // On Windows it is this process that has waited for Claude.
    let is_own = run.process.pid == std::process::id() && run.process.is_among_ours();
    (is_own || run.liveness(&store.session_root(id)) == Liveness::Dead).then_some(run)
}

/// Does for an ended ephemeral session what its hook could not, and tells what stays, once. Fails nothing.
pub(crate) fn sweep(context: &Context, ended: &Ended) {
    let Ok(store) = context.store() else { return };
    let told = |why: &str| {
        context.say(&format!(
            "ephemeral session '{0}' has ended and stays: {why} (to remove it: cs rm {0})",
            ended.name
        ));
        let _ = store.note_ephemeral(ended.id, &EphemeralNote::Told);
    };
    if let Some(why) = &ended.stays {
        return told(why);
    }
    match tidy(context, ended.id) {
        Ok(Tidied::Moved(session, worktree)) => {
            context.say(&format!(
                "moved ephemeral session '{0}', which had ended, to the trash; to undo: cs restore {0}",
                session.name
            ));
            if let Some(line) = worktree {
                context.say(&line);
            }
        }
        Ok(Tidied::Stays(why)) => told(&why),
        _ => {}
    }
}
