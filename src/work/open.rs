//! Sessions that are open: telling which are, and refusing to start one again.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};

use crate::claude::{self, ConfigGround, Live};
use crate::model::{Failure, Isolation, Kind, Name, Profile, Result, Session, SessionPaths};
use crate::os::{self, Holder, Liveness};
use crate::store::{Run, elsewhere_in_sandbox, in_sandbox};
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
    if may_be_elsewhere {
        return Ok(());
    }
    let is_sandbox = session.isolation == Isolation::Sandbox;
    if let Some(run) = run.filter(|run| !run.process.is_among_ours()) {
        match run.liveness(&paths.root) {
            Liveness::Elsewhere if may_be_open_there(session, paths, run) => {
                return Err(may_be_open(session, &run.process.host, run.process.pid));
            }
            Liveness::Apart if !is_sandbox => {
                return Err(Failure::refused(format!(
                    "session '{}' was opened in a container, or among processes that are not seen from here (pid {} there), and may still be open",
                    session.name, run.process.pid
                ))
                .hint(format!("if it is not: cs --yes {}", session.name)));
            }
            _ => {}
        }
    }
    let elsewhere = if is_sandbox { elsewhere_in_sandbox(&paths.root) } else { Vec::new() };
    match elsewhere.into_iter().find_map(|inside| inside.holder) {
        Some(Holder { pid, elsewhere: Some(host) }) => Err(may_be_open(session, &host, pid)),
        _ => Ok(()),
    }
}

/// Returns true if Claude left something behind, in a session that was opened on another host by `run`, that it takes
/// away when it ends.
fn may_be_open_there(session: &Session, paths: &SessionPaths, run: &Run) -> bool {
    if session.isolation == Isolation::Sandbox {
        // Its pid is another one inside.
        let left = ConfigGround::of(paths).at("sessions").entries();
        // What cannot be read may be there.
        return left.map_or(true, |left| left.is_some_and(|left| !left.is_empty()));
    }
    os::exists(&paths.config.join("sessions").join(format!("{}.json", run.process.pid)))
}

fn may_be_open(session: &Session, host: &str, pid: u32) -> Failure {
    let name = &session.name;
    Failure::refused(format!(
        "session '{name}' was opened on host '{host}' (pid {pid}) and may still be open there"
    ))
    .hint(format!("to see it, if it runs inside tmux there: ssh {host} -t cs attach {name}"))
    .hint(format!("if it is not: cs --yes {name}"))
}

/// A session that is open: by which process, and what that says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// The process.
    pub pid: u32,
    /// What that process is, where it is not a Claude that can be seen from here.
    pub kind: OpenKind,
    /// Its terminal.
    pub tty: Option<String>,
    /// When it was started.
    pub since: Option<jiff::Timestamp>,
    /// Its live file.
    pub live: Option<Live>,
}

impl Open {
    /// Returns the process, if it can be looked at here.
    pub(crate) fn pid_here(&self) -> Option<u32> {
        (self.kind != OpenKind::Apart).then_some(self.pid)
    }
}

/// The kind of process that has a session open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenKind {
    /// Claude.
    Claude,
    /// A program that `cs exec` started in its sandbox.
    Program,
    /// Claude, among processes that have pids of their own, such as those of a container: the pid is one there.
    Apart,
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
    let run = store.noted_run(&store.session_run_path(session.id))?;
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
    let ran = run.filter(|run| is_another(run) && run.liveness(&paths.root) == Liveness::Alive);
    let pid = ran.map(|run| run.process.pid).or_else(|| files.first().map(|live| live.pid))?;
    let known = run.filter(|run| run.process.pid == pid);
    Some(Open {
        pid,
        kind: ran.map_or(OpenKind::Claude, kind_of),
        tty: known.and_then(|run| run.tty.clone()),
        since: known.map(|run| run.at),
        live: files.into_iter().find(|live| live.pid == pid),
    })
}

/// Returns true if the process that `run` notes is not this one.
fn is_another(run: &Run) -> bool {
    run.process.pid != std::process::id() || !run.process.is_among_ours()
}

fn kind_of(run: &Run) -> OpenKind {
    if run.process.is_among_ours() { OpenKind::Claude } else { OpenKind::Apart }
}

/// The same for a sandbox, whose processes have pids of their own: the process outside that holds it runs. What the
/// newest live file says is said of that.
fn open_inside(paths: &SessionPaths, run: Option<&Run>) -> Option<Open> {
    let inside = in_sandbox(&paths.root);
    let runs = |run: &&Run| is_another(run) && run.process.liveness() == Liveness::Alive;
    if let Some(run) = run.filter(|run| runs(run) || inside.iter().any(|inside| inside.is_claude)) {
        let pid = run.process.pid;
        let live = claude::noted_in(&ConfigGround::of(paths)).pop().map(|live| Live { pid, ..live });
        return Some(Open { pid, kind: kind_of(run), tty: run.tty.clone(), since: Some(run.at), live });
    }
    let first = inside.into_iter().next()?;
    let kind = if first.is_claude { OpenKind::Claude } else { OpenKind::Program };
    let pid = first.holder.map_or(0, |holder| holder.pid);
    Some(Open { pid, kind, tty: None, since: None, live: None })
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
    match open.kind {
        OpenKind::Claude => {}
        OpenKind::Program => {
            return Failure::of(
                Kind::Open,
                format!(
                    "session '{name}' is open: a program that cs exec started runs in its sandbox ({about})"
                ),
            )
            .hint("leave that program first, or end that process")
            .hint(beside);
        }
        OpenKind::Apart => {
            return Failure::of(
                Kind::Open,
                format!("session '{name}' is open in a container, or elsewhere among processes that are not seen from here ({about} there)"),
            )
            .hint(beside);
        }
    }
    match open.pid_here().and_then(|pid| pane::pane_of(context, pid)) {
        Some(pane) => Failure::of(Kind::Open, format!("session '{name}' is open inside {pane} ({about})"))
            .hint(format!("to see it here: cs attach {name}"))
            .hint(beside),
        None => Failure::of(Kind::Open, format!("session '{name}' is open in another terminal ({about})"))
            .hint(beside),
    }
}
