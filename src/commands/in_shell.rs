//! Changing the shell that `cs` is called from: code on standard output, for its function to run.

use super::report;
use crate::model::{Environment, Failure, Kind, Memory, Outcome, Result, Saved, UsedBy, difference};
use crate::shell::{Call, Shell};
use crate::ui;
use crate::work::context::Context;
use crate::work::start_up;

/// The call of the shell function, without which `verb` can do nothing: code on standard output
/// would change nothing, and a person who reads "done" would believe it.
pub(super) fn caller<'a>(context: &'a Context, verb: &str) -> Result<&'a Call> {
    match &context.shell.call {
        Some(call) if call.understands => Ok(call),
        Some(call) => Err(Failure::of(
            Kind::NoShellFunction,
            format!("the cs function of this shell is from another version than the program, so '{verb}' cannot work"),
        )
        .hint(format!("restart your shell: exec {}", call.shell.name()))),
        None => {
            let failure = Failure::of(
                Kind::NoShellFunction,
                format!("'cs {verb}' changes the shell you are in, which only its cs function can do"),
            );
            let shells = match start_up::login_shell(context) {
                Some(shell) => vec![shell],
                None => vec![Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell],
            };
            Err(shells.into_iter().fold(failure, |failure, shell| {
                let (file, line) = (start_up::shown_file(context, shell), start_up::line_of(shell));
                failure.hint(format!("add this line to {file}, and open a new terminal: {line}"))
            }))
        }
    }
}

/// Prints the code that gives the shell the environment `wanted` and the memory `memory`. It says
/// `said` when that is done, and not where the shell could not do it.
pub(super) fn change(
    context: &Context,
    call: &Call,
    wanted: &Environment,
    memory: &Memory,
    said: Option<&str>,
) -> Result<Outcome> {
    let changes = difference(&context.shell.environment, wanted);
    let memory = (*memory != context.shell.memory).then_some(memory);
    if !changes.is_empty() || memory.is_some() || said.is_some() {
        let said = said.map(ui::escape);
        report::print(&call.shell.code(&changes, memory, said.as_deref())?)?;
    }
    Ok(Outcome::Done)
}

/// The environment of a shell that uses `name`: `planned`, and what it takes to undo that.
pub(super) fn using(
    context: &Context,
    call: &Call,
    by: UsedBy,
    name: crate::model::Name,
    planned: Environment,
) -> Environment {
    let shell = &context.shell;
    let last = shell.saved.as_ref().map(|saved| (&saved.name, saved.previous.as_ref()));
    let previous = match last {
        Some((before, _)) if *before != name => Some(before),
        Some((_, previous)) => previous,
        None => shell.memory.previous.as_ref().filter(|previous| **previous != name),
    };
    let saved = Saved::new(by, call.pid, name, previous.cloned(), &context.environment, &planned);
    let mut wanted = planned;
    wanted.insert(Saved::VARIABLE.into(), saved.text().into());
    wanted
}
