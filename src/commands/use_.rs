//! `cs use NAME`: the variables of a session or profile, in the shell it is called from.

use super::report;
use crate::cli::UseArgs;
use crate::model::{Outcome, Result, UsedBy};
use crate::work::binding;
use crate::work::context::Context;
use crate::work::in_shell;

pub(super) fn run(context: &Context, args: &UseArgs) -> Result<Outcome> {
    let Some(name) = &args.name else { return say_what_is_in_use(context) };
    let call = in_shell::caller(context, "use")?;
    let subject = if name == "-" { in_shell::previous(context)? } else { context.resolve(name)? };
    report::print(&in_shell::using(context, call, &subject)?.code(context, call)?)?;
    Ok(Outcome::Done)
}

/// `cs __hook`, run by the shell when the directory changed, if a binding could begin or end with that.
pub(super) fn hook(context: &Context) -> Result<Outcome> {
    if let Some(call) = context.shell.call.as_ref().filter(|call| call.understands)
        && let Some(change) = in_shell::moving(context, call)
    {
        report::print(&change.code(context, call)?)?;
    }
    Ok(Outcome::Done)
}

/// Says what is in use, and how it came to be: `cs use` alone.
fn say_what_is_in_use(context: &Context) -> Result<Outcome> {
    let shell = &context.shell;
    let Some(saved) = &shell.saved else {
        let inside = in_shell::started_in(context);
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
