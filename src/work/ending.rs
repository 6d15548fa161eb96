//! Ephemeral sessions: what happens when Claude has ended.
//!
//! Nothing of `cs` waits while Claude runs. A hook of Claude's own calls `cs` when it is about to end;
//! that starts a process which sees it end, moves the session to the trash, and is gone. Where the hook
//! did not run, because Claude was killed, the next launch of anything does it.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::model::{Failure, Outcome, Result, Session};
use crate::os::Liveness;
use crate::shell::posix_word;
use crate::store::EphemeralNote;
use crate::work::context::Context;
use crate::work::removal;
use crate::work::removal::{Obstacle, obstacle, paths_of};

/// How long after the hook Claude may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command for Claude's `SessionEnd` hook, which it gives to a POSIX shell; `None` where the path
/// of this program or of the data root cannot be told to one, and on Windows, where this process
/// waits for Claude anyway.
pub(crate) fn hook(context: &Context, session: &Session) -> Result<Option<String>> {
    if !session.ephemeral || cfg!(windows) {
        return Ok(None);
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let quoted = |text: Option<&str>| posix_word(text?);
    // With a home of its own, a session's variables would lead elsewhere.
    let places = quoted(context.store()?.root().to_str()).zip(quoted(context.home()?.to_str()));
    let words = quoted(program.to_str()).zip(places);
    Ok(words.map(|(program, (root, home))| format!("{program} __ended {root} {home} {}", session.id)))
}

/// `cs __ended ROOT HOME ID`, called by Claude's hook: what ended stands in standard input as JSON.
pub(crate) fn announced(arguments: &[OsString]) -> Result<Outcome> {
    const MOST: u64 = 1 << 20;
    let mut text = Vec::new();
    let _ = std::io::stdin().lock().take(MOST).read_to_end(&mut text);
    let about: Value = serde_json::from_slice(&text).unwrap_or_default();
    // `/clear` and `/resume` end a conversation, not Claude.
    if matches!(about.get("reason").and_then(Value::as_str), Some("clear" | "resume")) {
        return Ok(Outcome::Done);
    }
    let [root, home, id] = arguments else {
        return Err(Failure::usage("__ended takes two directories and an id"));
    };
    let program = std::env::current_exe().map_err(|error| Failure::failed(error.to_string()))?;
    Command::new(program)
        .arg("__tidy")
        .arg(id)
        .env("CS_HOME", root)
        .env("HOME", home)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    Ok(Outcome::Done)
}

/// `cs __tidy ID`: waits until the session's Claude has ended, and moves the session to the trash.
pub(crate) fn wait_and_tidy(context: &Context, arguments: &[OsString]) -> Result<Outcome> {
    // The terminal that is being closed ends what belongs to it.
    #[cfg(unix)]
    let _ = rustix::process::setsid();
    let id = arguments.first().and_then(|id| id.to_str()).and_then(|id| id.parse::<Uuid>().ok());
    let id = id.ok_or_else(|| Failure::usage("__tidy takes an id"))?;
    let store = context.store()?;
    let path = store.session_run_path(id);
    let end = Instant::now() + PATIENCE;
    while store.last_run(&path).is_some_and(|run| run.process.liveness() == Liveness::Alive) {
        if Instant::now() > end {
            // It did not end after all. Its next end is announced again.
            return Ok(Outcome::Done);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    while Instant::now() < end {
        match tidy(context, id)? {
            Tidied::Busy => std::thread::sleep(Duration::from_millis(50)),
            _ => break,
        }
    }
    Ok(Outcome::Done)
}

/// What became of an ephemeral session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tidied {
    /// It is in the trash now; and a line on its worktree, which stays.
    Moved(Session, Option<String>),
    /// It is open, or was never launched.
    InUse,
    /// Another `cs` is working on it.
    Busy,
    /// It has ended and stays; that is noted.
    Stays,
    /// There is no such session any more.
    Gone,
}

/// Moves an ephemeral session whose Claude has ended to the trash, unless something is in the way.
pub(crate) fn tidy(context: &Context, id: Uuid) -> Result<Tidied> {
    let store = context.store()?;
    let Ok(session) = store.session(id) else {
        // A damaged one is no longer known to be ephemeral: it stays until somebody looks.
        store.forget_ephemeral(id);
        return Ok(Tidied::Gone);
    };
    if !session.ephemeral {
        store.forget_ephemeral(id);
        return Ok(Tidied::Gone);
    }
    let path = store.session_run_path(id);
    // On Windows it is this process that has waited for Claude.
    let ended = || {
        let run = store.last_run(&path)?;
        (run.process.pid == std::process::id() || run.process.liveness() == Liveness::Dead).then_some(run)
    };
    if ended().is_none() {
        return Ok(Tidied::InUse);
    }
    let Some(_lock) = store.try_lock_session(&session)? else { return Ok(Tidied::Busy) };
    let Some(run) = ended() else { return Ok(Tidied::InUse) };
    let (paths, _) = paths_of(context, &session)?;
    match obstacle(context, &session, &paths, Some(&run))? {
        None => {}
        Some(Obstacle::Open(_)) => return Ok(Tidied::InUse),
        Some(why) => {
            store.note_ephemeral(id, &EphemeralNote::Stays(why.to_string()))?;
            return Ok(Tidied::Stays);
        }
    }
    let worktree = removal::to_trash(context, &session)?;
    store.forget_ephemeral(id);
    Ok(Tidied::Moved(session, worktree))
}

/// Does for all ephemeral sessions but `except` what their hooks could not, and says what stays. It costs
/// one system call where there are none, and fails nothing.
pub(crate) fn sweep(context: &Context, except: Uuid) {
    let Ok(store) = context.store() else { return };
    for (id, note) in store.ephemeral() {
        if id == except {
            continue;
        }
        let note = match note {
            EphemeralNote::Launched => match tidy(context, id) {
                Ok(Tidied::Moved(session, worktree)) => {
                    context.say(&format!(
                        "moved ephemeral session '{0}', which had ended, to the trash; to undo: cs restore {0}",
                        session.name
                    ));
                    if let Some(line) = worktree {
                        context.say(&line);
                    }
                    continue;
                }
                Ok(Tidied::Stays) => {
                    store.ephemeral().into_iter().find(|(other, _)| *other == id).map(|(_, note)| note)
                }
                _ => continue,
            },
            note => Some(note),
        };
        if let (Some(EphemeralNote::Stays(why)), Ok(session)) = (note, store.session(id)) {
            context.say(&format!(
                "ephemeral session '{0}' has ended and stays: {why} (to remove it: cs rm {0})",
                session.name
            ));
            let _ = store.note_ephemeral(id, &EphemeralNote::Told);
        }
    }
}

/// Notes that an ephemeral session is being launched.
pub(crate) fn launched(context: &Context, session: &Session) -> Result<()> {
    if session.ephemeral {
        context.store()?.note_ephemeral(session.id, &EphemeralNote::Launched)?;
    }
    Ok(())
}
