//! Becoming a program: the last step of every launch.
//!
//! See docs/decisions/003-exec-not-spawn.md

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;

use crate::model::{Environment, Failure, Kind, Mount, Outcome, Plan, Result, Sandbox};
use crate::os;
use crate::sandbox::{self, Around};
use crate::store;
use crate::work::context::Context;

/// Becomes the program of `plan`, in its environment, directory and sandbox. Returns only where that fails, or
/// where there is no program.
pub(crate) fn become_planned(context: &Context, plan: &Plan) -> Result<Outcome> {
    let environment = plan.env.applied_to(&context.environment);
    let sandbox = plan.sandbox.as_ref();
    let enclosed = Enclosed::of(plan.command.clone(), sandbox, &plan.directory, &environment)?;
    let Some(error) = enclosed.become_program(&environment, &plan.directory, context.umask) else {
        return Ok(Outcome::Done);
    };
    Err(not_started(enclosed.program(), &plan.directory, &error))
}

/// The failure to become the program `path` in `directory`.
pub(crate) fn not_started(path: &Path, directory: &Path, error: &std::io::Error) -> Failure {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    if missing && !directory.is_dir() {
        return Failure::io("start in", directory, error);
    }
    let failure = Failure::io("start", path, error);
    if missing { failure.with_kind(Kind::NoClaude) } else { failure }
}

/// A command in its sandbox, if it is to be in one, and what is handed on to it. It is for the process that
/// becomes it.
pub(crate) struct Enclosed {
    command: Vec<OsString>,
    /// The files that are handed on to what holds the sandbox; `None` where there is no sandbox.
    handed_on: Option<Vec<os::HandedOn>>,
}

impl Enclosed {
    /// Returns what is run for `command`. Refused where something of the session still runs in its sandbox, and where
    /// there is a link by now on the way to something that is to be in it.
    pub(crate) fn of(
        command: Vec<OsString>,
        sandbox: Option<&Sandbox>,
        directory: &Path,
        environment: &Environment,
    ) -> Result<Self> {
        let Some(sandbox) = sandbox.filter(|_| !command.is_empty()) else {
            return Ok(Self { command, handed_on: None });
        };
        let mut handed_on = vec![held(sandbox)?];
        let held = Some(handed_on[0].number());
        let failed = |error| Failure::io("make the filter for", &sandbox.program, &error);
        let filter = sandbox::filter().map(|filter| os::hand_on(&filter)).transpose().map_err(failed)?;
        let number = filter.as_ref().map(os::HandedOn::number);
        handed_on.extend(filter);
        let mut open = BTreeMap::new();
        for (path, mount) in sandbox.mounts.iter() {
            if matches!(mount, Mount::Read | Mount::Write) {
                let pinned = os::pin(path).map_err(|why| not_let_in(path, &why))?;
                // An engine that takes no open files resolves the path again.
                if sandbox.abilities.takes_open_files {
                    open.insert(path.to_path_buf(), pinned.number());
                    handed_on.push(pinned);
                }
            }
        }
        let around = Around { held, open, ..around(number, environment) };
        let command = sandbox::command_line(sandbox, &command, directory, &around);
        Ok(Self { command, handed_on: Some(handed_on) })
    }

    /// Returns the program that is run.
    pub(crate) fn program(&self) -> &Path {
        self.command.first().map_or(Path::new(""), Path::new)
    }

    /// Becomes the command. What holds a sandbox has no open file but what is handed on to it. Returns only where that
    /// fails; `None` where there is no command.
    pub(crate) fn become_program(
        &self,
        environment: &Environment,
        directory: &Path,
        umask: os::Umask,
    ) -> Option<std::io::Error> {
        let arguments = self.command.get(1..)?;
        let program = self.program();
        Some(match &self.handed_on {
            Some(kept) => os::become_alone(program, arguments, environment, directory, umask, kept),
            None => os::become_program(program, arguments, environment, directory, umask),
        })
    }
}

/// Takes the lock that says that something runs in `sandbox`.
fn held(sandbox: &Sandbox) -> Result<os::HandedOn> {
    let lock = store::hold_sandbox(&sandbox.root, sandbox.is_claude)?;
    #[cfg(unix)]
    {
        lock.hand_on().map_err(|error| Failure::io("lock", &sandbox.root, &error))
    }
    #[cfg(not(unix))]
    {
        drop(lock);
        Err(Failure::refused("isolation sandbox is for Linux"))
    }
}

/// The failure to let `path` into a sandbox.
fn not_let_in(path: &Path, why: &os::PinError) -> Failure {
    match why {
        os::PinError::Link => Failure::refused(format!(
            "{} is not let into the sandbox: a link was put on the way to it just now",
            path.display()
        ))
        .hint("see what changes it, then try again: cs top"),
        os::PinError::Io(error) => Failure::io("let into the sandbox", path, error),
    }
}

/// The command that is run for a plan, as far as it can be told before.
pub(crate) fn whole_command(plan: &Plan, environment: &Environment) -> Vec<OsString> {
    let Some(sandbox) = plan.sandbox.as_ref().filter(|_| !plan.command.is_empty()) else {
        return plan.command.clone();
    };
    let filter = sandbox::filter().map(|_| "FILTER".to_owned());
    let environment = plan.env.applied_to(environment);
    sandbox::command_line(sandbox, &plan.command, &plan.directory, &around(filter, &environment))
}

fn around(filter: Option<String>, environment: &Environment) -> Around {
    Around {
        filter,
        held: None,
        open: BTreeMap::new(),
        terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        variables: environment.keys().cloned().collect(),
        ids: os::user_ids(),
    }
}
