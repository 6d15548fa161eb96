//! Changes that `cs use`, `cs off` and bindings make to the shell that `cs` is called from.
//!
//! A [`Change`] is a value. It becomes [code](Change::code), which the shell's function `cs` runs.
//!
//! See docs/decisions/006-one-variable-undoes-what-a-shell-uses.md

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::claude::Continuation;
use crate::model::{
    Environment, Failure, Kind, Memory, Name, Plan, Program, Result, Saved, Subject, UsedBy, difference,
};
use crate::shell::{Call, Shell};
use crate::store;
use crate::ui;
use crate::work::binding::{self, DirectoryBinding};
use crate::work::context::Context;
use crate::work::scene;
use crate::work::start_up;

/// A change of the shell that `cs` is called from.
#[derive(Debug)]
pub(crate) struct Change {
    /// The environment it has afterwards.
    environment: Environment,
    /// The memory it has afterwards.
    memory: Memory,
    /// The line that the shell says once that is done, and not where it could not do it.
    said: Option<String>,
}

impl Change {
    /// Returns the code that makes the change in the shell of `call`; empty where there is nothing to change and
    /// nothing to say.
    pub(crate) fn code(&self, context: &Context, call: &Call) -> Result<String> {
        let changes = difference(&context.shell.environment, &self.environment);
        let memory = (self.memory != context.shell.memory).then_some(&self.memory);
        if changes.is_empty() && memory.is_none() && self.said.is_none() {
            return Ok(String::new());
        }
        call.shell.code(&changes, memory, self.said.as_deref().map(ui::escape).as_deref())
    }
}

/// Returns the call of the shell function. Fails where there is none, for `verb` can do nothing without: code on
/// standard output would change nothing, and a person who reads "done" would believe it.
pub(crate) fn caller<'a>(context: &'a Context, verb: &str) -> Result<&'a Call> {
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

/// Returns the session or profile that was used before the one in use. Fails if there was none.
pub(crate) fn previous(context: &Context) -> Result<Subject> {
    let shell = &context.shell;
    let name = match &shell.saved {
        Some(saved) => saved.previous.as_ref(),
        None => shell.memory.previous.as_ref(),
    };
    match name {
        Some(name) => context.resolve(name.as_str()),
        None => Err(Failure::usage("there is no session or profile that was used here before")
            .hint("to see what there is: cs list")),
    }
}

/// Uses `subject` because a person said so. Puts on disk what has to be there.
pub(crate) fn using(context: &Context, call: &Call, subject: &Subject) -> Result<Change> {
    let directory = directory_of(context, subject)?;
    let plan = scene::plan(context, subject, &Program::Nothing, &directory, Continuation::Unsaid)?;
    let planned = laid_out(context, &plan)?;
    Ok(Change {
        environment: in_use(context, call, UsedBy::Person, subject.name().clone(), planned),
        // What the place says no longer counts here, and `cs off` will have to be said again.
        memory: Memory { previous: None, off: None, ..context.shell.memory.clone() },
        said: Some(format!("using {}", binding::named(subject))),
    })
}

/// Puts back what was changed when `saved` came into use, and remembers that a binding here is not wanted.
pub(crate) fn leaving(context: &Context, saved: &Saved) -> Change {
    // Or the hook would use what is bound here at the next step.
    let off = match &saved.by {
        UsedBy::Directory(place) => Some(place.clone()),
        UsedBy::Person => bound_place(context),
    };
    Change {
        environment: context.environment.clone(),
        memory: Memory { previous: Some(saved.name.clone()), off, ..context.shell.memory.clone() },
        said: Some(format!("no longer using '{}'", saved.name)),
    }
}

/// Follows the binding of the current directory, or leaves that of the directory before. What a person chose by
/// `cs use` stays: then there is no change. Where something is wrong it is told once and left.
pub(crate) fn moving(context: &Context, call: &Call) -> Option<Change> {
    let shell = &context.shell;
    let by_person = shell.saved.as_ref().is_some_and(|saved| saved.by == UsedBy::Person);
    if by_person || (shell.saved.is_none() && started_in(context).is_some()) {
        return None;
    }
    let mut memory = shell.memory.clone();
    let entered = context.current_directory().and_then(|here| enter(context, call, &here, &mut memory));
    let (environment, said) = entered.unwrap_or_else(|failure| {
        let hints = failure.hints.first().map_or(String::new(), |hint| format!(" ({hint})"));
        tell(context, &mut memory, &format!("{}{hints}", failure.message));
        left_behind(context)
    });
    Some(Change { environment, memory, said })
}

/// Returns what this shell was started in, by `cs exec` or by Claude: nothing of that can be undone.
pub(crate) fn started_in(context: &Context) -> Option<String> {
    let text = |name: &str| Some(context.shell.environment.get(OsStr::new(name))?.to_string_lossy());
    match (text("CS_SESSION"), text("CS_PROFILE")) {
        (Some(session), _) => Some(format!("session '{session}'")),
        (None, Some(profile)) => Some(format!("profile '{profile}'")),
        (None, None) => None,
    }
}

/// Returns the environment of a shell that uses `name`: `planned`, and what it takes to undo that.
fn in_use(context: &Context, call: &Call, by: UsedBy, name: Name, planned: Environment) -> Environment {
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

/// Puts on disk what has to be there, tells the person what there is to know, and returns the environment that is
/// planned.
fn laid_out(context: &Context, plan: &Plan) -> Result<Environment> {
    // Whoever has the variables may start Claude with them, so the directory has to be there.
    store::lay_out(&plan.layout)?;
    for notice in &plan.notices {
        context.say(notice);
    }
    Ok(plan.env.applied_to(&context.environment))
}

fn directory_of(context: &Context, subject: &Subject) -> Result<PathBuf> {
    match subject {
        Subject::Session(session, _) => Ok(session.directory().to_path_buf()),
        Subject::Profile(_) => context.current_directory(),
    }
}

/// Returns the place by which this directory is bound, if it is.
fn bound_place(context: &Context) -> Option<String> {
    match binding::of_directory(context, &context.current_directory().ok()?) {
        Ok(DirectoryBinding::Bound(bound)) => Some(bound.place.text()),
        _ => None,
    }
}

/// Returns the environment for the directory `here`, and what there is to say of it.
fn enter(
    context: &Context,
    call: &Call,
    here: &Path,
    memory: &mut Memory,
) -> Result<(Environment, Option<String>)> {
    let shell = &context.shell;
    let left = shell.saved.as_ref();
    let found = binding::of_directory(context, here)?;
    let bound = match &found {
        DirectoryBinding::Bound(bound) => bound,
        DirectoryBinding::Unallowed(file) => {
            tell(context, memory, &binding::not_allowed(file));
            memory.off = None;
            return Ok(left_behind(context));
        }
        DirectoryBinding::Nothing => {
            (memory.off, memory.told) = (None, None);
            return Ok(left_behind(context));
        }
    };
    memory.told = None;
    let place = bound.place.text();
    if memory.off.as_ref() == Some(&place) {
        return Ok(left_behind(context));
    }
    memory.off = None;
    let (name, by) = (bound.subject.name().clone(), UsedBy::Directory(place));
    if left.is_some_and(|saved| saved.name == name && saved.by == by) {
        return Ok((shell.environment.clone(), None));
    }
    // A token is asked for when Claude starts, not when somebody walks by.
    let plan = scene::plan_without_token(context, &bound.subject, &directory_of(context, &bound.subject)?)?;
    let planned = laid_out(context, &plan)?;
    let said = format!("using {} here (bound: {})", binding::named(&bound.subject), bound.place.text());
    Ok((in_use(context, call, by, name, planned), Some(said)))
}

/// Returns the environment where nothing is used, and what there is to say of what was.
fn left_behind(context: &Context) -> (Environment, Option<String>) {
    let said = context.shell.saved.as_ref().map(|saved| format!("no longer using '{}'", saved.name));
    (context.environment.clone(), said)
}

/// Tells a person `text`, unless it was said already and the place not left since.
fn tell(context: &Context, memory: &mut Memory, text: &str) {
    let known = Some(text) == memory.told.as_deref();
    if !known {
        context.say(text);
        memory.told = Some(text.to_owned());
    }
}
