//! Sessions inside tmux or zellij: starting one there, and showing one that runs there.
//!
//! Everything is decided, asked, refused and said here, where the person is, as for any launch. What is
//! left is to become Claude: the pane is made with `cs __inside DIRECTORY`, which is given the program and its
//! environment through a socket in that directory, and becomes it. So the pane's process is Claude, no
//! variable and no argument is on a command line of the multiplexer's, and nothing is left on the disk.
//!
//! See docs/decisions/013-a-pane-becomes-claude-and-is-told-how-through-a-socket.md

use std::ffi::OsString;
#[cfg(unix)]
use std::fmt;
use std::io::IsTerminal;
#[cfg(unix)]
use std::path::{Path, PathBuf};

#[cfg(unix)]
use uuid::Uuid;

use crate::claude::{self, Asked};
use crate::config::MultiplexerKind;
#[cfg(unix)]
use crate::model::Sandbox;
#[cfg(unix)]
use crate::model::verb::Internal;
use crate::model::{self, Failure, InPane, Name, Outcome, Plan, Result};
#[cfg(unix)]
use crate::multiplexer::NewPane;
use crate::multiplexer::{self, Kind, Multiplexer, Nested, Pane};
#[cfg(unix)]
use crate::os::{self, Handed, Meeting, Met, NotTaken};
use crate::store::Run;
#[cfg(unix)]
use crate::store::{self, Store};
use crate::work::context::Context;
#[cfg(unix)]
use crate::work::launch::becoming::{Enclosed, not_started};

/// Refuses what cannot be started inside a multiplexer, before anything is made for it.
pub(crate) fn check(context: &Context, name: &Name, arguments: &[OsString]) -> Result<()> {
    if claude::asked(arguments) == Asked::Command {
        return Err(is_a_command(name, arguments));
    }
    multiplexer(context).map(drop)
}

/// The refusal of one of Claude's own commands, which are over at once.
pub(crate) fn is_a_command(name: &Name, arguments: &[OsString]) -> Failure {
    let command = arguments.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    Failure::usage(format!("'{command}' is a command of Claude's own, and nothing to attach to"))
        .hint(format!("without --tmux: cs {name} {command}"))
}

/// The refusal of a profile.
pub(crate) fn is_a_profile(name: &Name) -> Failure {
    Failure::usage(format!("'{name}' is a profile: only sessions are kept inside tmux"))
        .hint(format!("for a session of it: cs -t --profile {name} NAME"))
}

/// The multiplexer of the settings.
fn multiplexer(context: &Context) -> Result<Multiplexer> {
    if cfg!(windows) {
        return Err(Failure::usage("there is no tmux on Windows, nor anything else that cs could use so")
            .hint("inside WSL there is, with the cs of that system"));
    }
    let wanted = match context.config()?.multiplexer {
        MultiplexerKind::Auto => None,
        MultiplexerKind::Tmux => Some(Kind::Tmux),
        MultiplexerKind::Zellij => Some(Kind::Zellij),
    };
    Multiplexer::choose(wanted, &environment(context)).map_err(|passed_over| {
        let missing = wanted.map_or("tmux (nor zellij)", Kind::name);
        let but = passed_over.map(|it| format!("; {it}")).unwrap_or_default();
        let install = wanted.unwrap_or(Kind::Tmux).name();
        Failure::of(model::Kind::NoClaude, format!("there is no {missing} on PATH{but}"))
            .hint(format!("install it: apt install {install}, brew install {install}, …"))
    })
}

/// Returns the environment that the multiplexer is run with. It hands it on to all that a person opens in it, so
/// nothing of a session in use and nothing of a running Claude is in it.
fn environment(context: &Context) -> crate::model::Environment {
    let mut environment = context.environment.clone();
    environment.retain(|name, _| !claude::CHILD_MARKERS.iter().any(|marker| name == marker));
    environment
}

/// The pane that the process `pid` runs in.
pub(crate) fn pane_of(context: &Context, pid: u32) -> Option<Pane> {
    multiplexer::pane_of(pid, &environment(context))
}

/// Shows a session that runs in `pane`. What is left to say of it cannot be said to a Claude that runs.
pub(crate) fn show(
    context: &Context,
    name: &Name,
    pane: &Pane,
    inside: InPane,
    arguments: &[OsString],
) -> Result<Outcome> {
    if !arguments.is_empty() {
        return Err(Failure::of(
            model::Kind::Open,
            format!(
                "session '{name}' is open already, inside {pane}, so what follows its name would be lost"
            ),
        )
        .hint(format!("to see it, and say it there: cs attach {name}")));
    }
    if inside.detached || !has_terminal() {
        context.say(&format!("session '{name}' is open already, inside {pane}"));
        return Ok(Outcome::Done);
    }
    switch_to(context, name, pane)
}

fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Becomes the program that shows `pane`.
fn switch_to(context: &Context, name: &Name, pane: &Pane) -> Result<Outcome> {
    let command = Multiplexer::show(pane, &context.environment).map_err(|nested| match nested {
        Nested::Tmux(here) => Failure::refused(format!(
            "session '{name}' runs inside another tmux server ({}) than this terminal ({})",
            pane.server.as_deref().unwrap_or(&here).display(),
            here.display()
        ))
        .hint(format!("leave this one first (its prefix, then d); then: cs attach {name}"))
        .hint(format!("or one inside the other: env -u TMUX cs attach {name}")),
    })?;
    let Some([program, arguments @ ..]) = command.as_deref() else {
        return Err(Failure::of(model::Kind::NoClaude, format!("there is no {} on PATH", pane.kind.name())));
    };
    let program = std::path::Path::new(program);
    let environment = environment(context);
    let here = context.current_directory().unwrap_or_else(|_| "/".into());
    let error = crate::os::become_program(program, arguments, &environment, &here, context.umask);
    Err(Failure::io("start", program, &error))
}

/// A pane that waits to become the program of a launch.
#[cfg(unix)]
pub(crate) struct Entered {
    pane: Pane,
    detached: bool,
    met: Met,
    kind: Kind,
    /// Dropped once the program has been handed over: nothing is left of where the two processes met.
    place: MeetingPlace,
}

/// Panes are for systems that have a multiplexer.
#[cfg(not(unix))]
pub(crate) enum Entered {}

/// The directory in which two processes meet. It goes when this does.
#[cfg(unix)]
struct MeetingPlace {
    store: Store,
    path: PathBuf,
}

#[cfg(unix)]
impl Drop for MeetingPlace {
    fn drop(&mut self) {
        self.store.leave_meeting(&self.path);
    }
}

#[cfg(unix)]
fn failed(name: &Name, why: impl fmt::Display) -> Failure {
    Failure::failed(format!("session '{name}' was not started: {why}"))
}

#[cfg(unix)]
fn gone(name: &Name, kind: Kind) -> Failure {
    failed(name, format!("its pane in {} ended before it began", kind.name()))
}

/// Makes a pane of the multiplexer for the session `name`, and waits until the process in it can be given the
/// program of `plan`.
#[cfg(unix)]
pub(crate) fn enter(context: &Context, name: &Name, plan: &Plan, inside: InPane) -> Result<Entered> {
    let multiplexer = multiplexer(context)?;
    let store = context.store()?;
    let path = store.meeting_place()?;
    let place = MeetingPlace { store: store.clone(), path };
    let path = place.path.as_path();
    let program =
        context.this_program().map_err(|error| failed(name, format!("where is this program? {error}")))?;
    let meeting = Meeting::at(path).map_err(|error| {
        Failure::io("make a socket in", path, &error)
            .hint("its file system has none? CS_HOME names a directory on another one")
    })?;
    let command = [program.into(), Internal::Inside.word().into(), path.as_os_str().to_owned()];
    let detached = inside.detached;
    let wanted = NewPane {
        name: name.as_str(),
        directory: &plan.directory,
        size: os::terminal_size(),
        command: &command,
        detached: detached || !has_terminal(),
    };
    let pane = multiplexer.start(&wanted).map_err(|why| failed(name, why))?;
    let kind = multiplexer.kind();
    let is_there = || pane.pid.is_none_or(|pid| os::start_time(pid).is_some());
    let met = meeting.wait(is_there).map_err(|error| Failure::io("wait in", path, &error))?;
    let met = met.ok_or_else(|| gone(name, kind))?;
    Ok(Entered { pane, detached, met, kind, place })
}

/// Fails: there is no multiplexer on this system.
#[cfg(not(unix))]
pub(crate) fn enter(context: &Context, _: &Name, _: &Plan, _: InPane) -> Result<Entered> {
    multiplexer(context)?;
    Err(Failure::usage("there is no tmux here"))
}

#[cfg(unix)]
impl Entered {
    /// Returns the note of a run of the process in the pane.
    pub(crate) fn run(&self, conversation: Option<Uuid>) -> Run {
        let taker = &self.met.taker;
        Run::of(conversation, taker.process.clone(), taker.tty.clone())
    }

    /// Has the process in the pane become the program of `plan`, and shows it, or tells where it is.
    /// It has `alive`, a file of the session's, locked for as long as it runs.
    pub(crate) fn become_program(
        self,
        context: &Context,
        name: &Name,
        plan: &Plan,
        alive: Option<PathBuf>,
    ) -> Result<Outcome> {
        let Self { pane, detached, met, kind, place } = self;
        let note = Note { sandbox: plan.sandbox.clone(), alive };
        let process = met.taker.process.clone();
        let handed = Handed {
            command: plan.command.clone(),
            environment: plan.env.applied_to(&context.environment),
            directory: plan.directory.clone(),
            note: serde_json::to_string(&note).map_err(|error| failed(name, error))?,
            umask: context.umask,
        };
        met.hand(&handed).map_err(|why| match why {
            NotTaken::Gone => gone(name, kind),
            NotTaken::Failed(error) => {
                let program = plan.command.first().map_or(Path::new(""), Path::new);
                not_started(program, &plan.directory, &error)
            }
        })?;
        drop(place);
        if detached || !has_terminal() {
            let why = if detached { "" } else { "; there is no terminal here to show it" };
            context.say(&format!("session '{name}' runs inside {pane}{why} (to see it: cs attach {name})"));
            return Ok(Outcome::Done);
        }
        let found = pane_of(context, process.pid);
        if found.is_none() && process.liveness() != os::Liveness::Alive {
            return Err(Failure::failed(format!(
                "Claude ended as soon as it was started in session '{name}'"
            ))
            .hint(format!("to see what it says: cs {name}")));
        }
        switch_to(context, name, &found.unwrap_or(pane))
    }
}

#[cfg(not(unix))]
impl Entered {
    /// Never called: there is no pane.
    pub(crate) fn run(&self, _: Option<uuid::Uuid>) -> Run {
        match *self {}
    }

    /// Never called: there is no pane.
    pub(crate) fn become_program(
        self,
        _: &Context,
        _: &Name,
        _: &Plan,
        _: Option<std::path::PathBuf>,
    ) -> Result<Outcome> {
        match self {}
    }
}

/// What the process in a pane is told besides the program.
#[cfg(unix)]
#[derive(serde::Serialize, serde::Deserialize)]
struct Note {
    sandbox: Option<Sandbox>,
    alive: Option<PathBuf>,
}

/// Becomes, as the process that a pane was made with, the program that it is given in the directory `place`.
#[cfg(unix)]
pub(crate) fn take(context: &Context, place: &Path) -> Result<Outcome> {
    let (handed, back) = os::take(place).map_err(|error| Failure::io("ask in", place, &error))?;
    let Handed { command, environment, directory, note, umask } = handed;
    let environment = multiplexer::in_pane(environment, &context.shell.environment);
    let enclosed = serde_json::from_str(&note)
        .map_err(|error| Failure::failed(format!("what was handed over: {error}")))
        .and_then(|Note { sandbox, alive }| {
            // What the sandbox is handed on can only be opened by the process that becomes it.
            let enclosed = Enclosed::of(command, sandbox.as_ref(), &directory, &environment)?;
            Ok((enclosed, alive.as_deref().and_then(store::hold_alive)))
        });
    let (enclosed, _alive) = match enclosed {
        Ok(enclosed) => enclosed,
        Err(failure) => {
            os::failed(back, &std::io::Error::other(failure.message.clone()));
            return Err(failure);
        }
    };
    let Some(error) = enclosed.become_program(&environment, &directory, umask) else {
        return Ok(Outcome::Done);
    };
    os::failed(back, &error);
    Err(not_started(enclosed.program(), &directory, &error))
}
