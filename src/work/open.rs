//! Sessions that are open: telling which are, and refusing to start one again.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};

use crate::claude::{self, ConfigGround, Live};
use crate::model::{Failure, Isolation, Kind, Name, Profile, Result, Session, SessionPaths};
use crate::os::{self, Liveness};
use crate::store::{Run, in_sandbox};
use crate::ui;
use crate::work::context::Context;
use crate::work::pane;

/// Refuses a session that is open, or whose last Claude may still run on another host unless `may_be_elsewhere`.
/// `run` is what the last launch noted.
pub(crate) fn refuse_live(
    context: &Context,
    session: &Session,
    paths: &SessionPaths,
    run: Option<&Run>,
    may_be_elsewhere: bool,
) -> Result<()> {
    if let Some(open) = open_state(session, paths, run) {
        return Err(is_open(context, &session.name, &open));
    }
    let Some(run) = run else { return Ok(()) };
    let left_over = paths.config.join("sessions").join(format!("{}.json", run.process.pid));
    if run.process.liveness() == Liveness::Elsewhere && os::exists(&left_over) && !may_be_elsewhere {
        return Err(Failure::refused(format!(
            "session '{}' was opened on host '{}' (pid {}) and may still be open there",
            session.name, run.process.host, run.process.pid
        ))
        .hint(format!(
            "to see it, if it runs inside tmux there: ssh {} -t cs attach {}",
            run.process.host, session.name
        ))
        .hint(format!("if it is not: cs --yes {}", session.name)));
    }
    Ok(())
}

/// A session that is open: by which process, and what that says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// The process.
    pub pid: u32,
    /// Its terminal.
    pub tty: Option<String>,
    /// When it was started.
    pub since: Option<jiff::Timestamp>,
    /// Its live file.
    pub live: Option<Live>,
}

/// The sessions that some running process was given the id of, looked up when first asked.
#[derive(Default)]
pub(crate) struct Running(OnceCell<Option<HashSet<OsString>>>);

impl Running {
    /// Returns true if a running process was given the id of `session`; `None` where the system does not say.
    pub(crate) fn has(&self, session: &Session) -> Option<bool> {
        let ids = self.0.get_or_init(|| os::running_with("CS_SESSION_ID")).as_ref()?;
        Some(ids.contains(OsStr::new(&session.id.to_string())))
    }
}

/// Returns how a session is open now, by what its last launch noted; `None` where it is not.
pub(crate) fn opened(context: &Context, session: &Session, profile: &Profile) -> Result<Option<Open>> {
    let store = context.store()?;
    let run = store.last_run(&store.session_run_path(session.id));
    Ok(open_state(session, &context.paths(session, profile)?, run.as_ref()))
}

/// Returns how a session is open now: the process that was started last in it runs, or another Claude has a
/// live file in its config directory. `None` where it is not.
pub(crate) fn open_state(session: &Session, paths: &SessionPaths, run: Option<&Run>) -> Option<Open> {
    if session.isolation == Isolation::Sandbox {
        return open_inside(paths, run);
    }
    let shared = session.isolation == Isolation::None;
    let mut files = claude::live_in(&ConfigGround::of(paths));
    if shared {
        let ours = run.and_then(|run| run.conversation).unwrap_or(session.id);
        files.retain(|live| live.conversation == Some(ours) || live.conversation == Some(session.id));
    }
    let ran =
        run.filter(|run| run.process.liveness() == Liveness::Alive && run.process.pid != std::process::id());
    let pid = ran.map(|run| run.process.pid).or_else(|| files.first().map(|live| live.pid))?;
    let known = run.filter(|run| run.process.pid == pid);
    Some(Open {
        pid,
        tty: known.and_then(|run| run.tty.clone()),
        since: known.map(|run| run.at),
        live: files.into_iter().find(|live| live.pid == pid),
    })
}

/// The same for a sandbox, whose processes have pids of their own: the process outside that holds it runs,
/// or something inside still does. What the newest live file says is said of that.
fn open_inside(paths: &SessionPaths, run: Option<&Run>) -> Option<Open> {
    let run = run?;
    let pid = run.process.pid;
    let alive = run.process.liveness() == Liveness::Alive && pid != std::process::id();
    if !alive && !in_sandbox(&paths.root) {
        return None;
    }
    let live = claude::noted_in(&ConfigGround::of(paths)).pop().map(|live| Live { pid, ..live });
    Some(Open { pid, tty: run.tty.clone(), since: Some(run.at), live })
}

/// The next variation of a name that nothing has.
fn free_name(context: &Context, name: &Name) -> Name {
    let taken = |name: &Name| !matches!(context.find(name.as_str()), Ok(None));
    (2..100)
        .map(|number| name.numbered(number))
        .find(|name| !taken(name))
        .unwrap_or_else(|| name.numbered(100))
}

/// The refusal of a session that is open.
fn is_open(context: &Context, name: &Name, open: &Open) -> Failure {
    let free = free_name(context, name);
    let mut about = format!("pid {}", open.pid);
    if let Some(tty) = &open.tty {
        about.push_str(&format!(", {tty}"));
    }
    if let Some(since) = open.since {
        about.push_str(&format!(", since {}", ui::stamp(since, jiff::Timestamp::now())));
    }
    let beside = format!("to work beside it: cs fork {name} {free}");
    match pane::pane_of(context, open.pid) {
        Some(pane) => Failure::of(Kind::Open, format!("session '{name}' is open inside {pane} ({about})"))
            .hint(format!("to see it here: cs attach {name}"))
            .hint(beside),
        None => Failure::of(Kind::Open, format!("session '{name}' is open in another terminal ({about})"))
            .hint(beside),
    }
}
