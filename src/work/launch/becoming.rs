//! Becoming a program: the last step of every launch.
//!
//! See docs/decisions/003-exec-not-spawn.md

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;

use crate::model::{Environment, Failure, Kind, Outcome, Plan, Result, Sandbox};
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
    let [program, arguments @ ..] = enclosed.command.as_slice() else { return Ok(Outcome::Done) };
    let path = Path::new(program);
    let error = os::become_program(path, arguments, &environment, &plan.directory, context.umask);
    Err(not_started(path, &plan.directory, &error))
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
    /// The command that process becomes.
    pub command: Vec<OsString>,
    _handed_on: (Option<os::Lock>, Option<os::HandedOn>),
}

impl Enclosed {
    /// Returns what is run for `command`. Refused where something of the session still runs in its sandbox.
    pub(crate) fn of(
        command: Vec<OsString>,
        sandbox: Option<&Sandbox>,
        directory: &Path,
        environment: &Environment,
    ) -> Result<Self> {
        let Some(sandbox) = sandbox.filter(|_| !command.is_empty()) else {
            return Ok(Self { command, _handed_on: (None, None) });
        };
        let held = sandbox.held.as_deref().map(store::hold_sandbox).transpose()?;
        let filter = sandbox::filter();
        let failed = |error| Failure::io("make the filter for", &sandbox.program, &error);
        let filter = filter.map(|filter| os::hand_on(&filter)).transpose().map_err(failed)?;
        let around = around(filter.as_ref().map(os::HandedOn::number), environment);
        let command = sandbox::command_line(sandbox, &command, directory, &around);
        Ok(Self { command, _handed_on: (held, filter) })
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
        terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        variables: environment.keys().cloned().collect(),
        ids: os::user_ids(),
    }
}
