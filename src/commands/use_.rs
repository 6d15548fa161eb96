//! `cs use NAME`: the variables of a session or profile, in the shell it is called from.

use super::{in_shell, report};
use crate::claude::Continuation;
use crate::cli::UseArgs;
use crate::model::{Environment, Failure, Memory, Outcome, Plan, Program, Result, Subject, UsedBy};
use crate::shell::Call;
use crate::store;
use crate::work::binding::{self, Found};
use crate::work::context::Context;
use crate::work::{directory, scene};

pub(super) fn run(context: &Context, args: &UseArgs) -> Result<Outcome> {
    let Some(name) = &args.name else { return say_what_is_in_use(context) };
    let call = in_shell::caller(context, "use")?;
    let subject = if name == "-" { previous(context)? } else { context.resolve(name)? };
    let directory = directory_of(&subject)?;
    let plan = scene::plan(context, &subject, &Program::Nothing, &directory, Continuation::Unsaid)?;
    let planned = laid_out(context, &plan)?;
    let wanted = in_shell::using(context, call, UsedBy::Person, subject.name().clone(), planned);
    // What the place says no longer counts here, and `cs off` will have to be said again.
    let memory = Memory { previous: None, off: None, ..context.shell.memory.clone() };
    let said = format!("using {}", binding::named(&subject));
    in_shell::change(context, call, &wanted, &memory, Some(&said))
}

/// The session or profile before the one in use.
fn previous(context: &Context) -> Result<Subject> {
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

/// What has to be on disk is, and the person knows what there is to know: the environment that is
/// planned.
fn laid_out(context: &Context, plan: &Plan) -> Result<Environment> {
    // Whoever has the variables may start Claude with them, so the directory has to be there.
    store::lay_out(&plan.layout)?;
    for notice in &plan.notices {
        report::say(notice);
    }
    Ok(plan.env.applied_to(&context.environment))
}

fn directory_of(subject: &Subject) -> Result<std::path::PathBuf> {
    match subject {
        Subject::Session(session, _) => Ok(session.directory().to_path_buf()),
        Subject::Profile(_) => directory::current_directory(),
    }
}

/// `cs use` alone: says what is in use, and how it came to be.
fn say_what_is_in_use(context: &Context) -> Result<Outcome> {
    let shell = &context.shell;
    let Some(saved) = &shell.saved else {
        let inside = in_use_by_launch(context);
        report::say(&match inside {
            Some(what) => format!("{what} is in use: this shell was started in it"),
            None => "nothing is in use here (to use a session or profile: cs use NAME)".to_owned(),
        });
        return Ok(Outcome::Done);
    };
    let inherited = shell.call.as_ref().is_some_and(|call| call.pid != 0 && call.pid != saved.shell);
    let since = match &saved.by {
        UsedBy::Person if inherited => "by 'cs use' in the shell this one was started from".to_owned(),
        UsedBy::Person => "by 'cs use'".to_owned(),
        UsedBy::Directory(place) => format!("by the binding of {place}"),
    };
    let what = context.find(saved.name.as_str())?;
    let what = what.as_ref().map_or_else(|| format!("'{}' (it is gone)", saved.name), binding::named);
    let before = match &saved.previous {
        Some(previous) => format!("; cs use - goes back to '{previous}'"),
        None => String::new(),
    };
    report::say(&format!("{what} is in use, {since}{before}"));
    Ok(Outcome::Done)
}

/// What this shell was started in by `cs exec`, or by Claude: nothing of it can be undone.
pub(super) fn in_use_by_launch(context: &Context) -> Option<String> {
    let text =
        |name: &str| Some(context.shell.environment.get(std::ffi::OsStr::new(name))?.to_string_lossy());
    match (text("CS_SESSION"), text("CS_PROFILE")) {
        (Some(session), _) => Some(format!("session '{session}'")),
        (None, Some(profile)) => Some(format!("profile '{profile}'")),
        (None, None) => None,
    }
}

/// What the shell's hook runs when the directory changed, if a binding could begin or end with that.
/// What a person chose by `cs use` stays; where something is wrong it is said once and left.
pub(super) fn hook(context: &Context) -> Result<Outcome> {
    let shell = &context.shell;
    let Some(call) = shell.call.as_ref().filter(|call| call.understands) else { return Ok(Outcome::Done) };
    let by_person = shell.saved.as_ref().is_some_and(|saved| saved.by == UsedBy::Person);
    if by_person || (shell.saved.is_none() && in_use_by_launch(context).is_some()) {
        return Ok(Outcome::Done);
    }
    let mut memory = shell.memory.clone();
    let entered = directory::current_directory().and_then(|here| enter(context, call, &here, &mut memory));
    let (wanted, said) = entered.unwrap_or_else(|failure| {
        let hints = failure.hints.first().map_or(String::new(), |hint| format!(" ({hint})"));
        tell(&mut memory, &format!("{}{hints}", failure.message));
        left_behind(context)
    });
    in_shell::change(context, call, &wanted, &memory, said.as_deref())
}

/// The environment for the directory `here`, and what there is to say of it.
fn enter(
    context: &Context,
    call: &Call,
    here: &std::path::Path,
    memory: &mut Memory,
) -> Result<(Environment, Option<String>)> {
    let shell = &context.shell;
    let left = shell.saved.as_ref();
    let found = binding::look(context, here)?;
    let bound = match &found {
        Found::Bound(bound) => bound,
        Found::Unallowed(file) => {
            tell(memory, &binding::not_allowed(file));
            memory.off = None;
            return Ok(left_behind(context));
        }
        Found::Nothing => {
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
    let plan = scene::plan_without_token(context, &bound.subject, &directory_of(&bound.subject)?)?;
    let planned = laid_out(context, &plan)?;
    let said = format!("using {} here (bound: {})", binding::named(&bound.subject), bound.place.text());
    Ok((in_shell::using(context, call, by, name, planned), Some(said)))
}

/// The environment where nothing is used, and what there is to say of what was.
fn left_behind(context: &Context) -> (Environment, Option<String>) {
    let said = context.shell.saved.as_ref().map(|saved| format!("no longer using '{}'", saved.name));
    (context.environment.clone(), said)
}

/// Says `text`, unless it was said already and the place not left since.
fn tell(memory: &mut Memory, text: &str) {
    let known = Some(text) == memory.told.as_deref();
    if !known {
        report::say(text);
        memory.told = Some(text.to_owned());
    }
}
