//! `cs off`: puts back what `cs use` or a binding changed in the shell.

use std::ffi::OsStr;

use super::{in_shell, report, use_};
use crate::model::{Failure, Memory, Outcome, Result, Saved, UsedBy};
use crate::work::binding::{self, Found};
use crate::work::context::Context;
use crate::work::directory;

pub(super) fn run(context: &Context) -> Result<Outcome> {
    let call = in_shell::caller(context, "off")?;
    let shell = &context.shell;
    let Some(saved) = &shell.saved else {
        if shell.environment.contains_key(OsStr::new(Saved::VARIABLE)) {
            return Err(Failure::failed(format!(
                "{} is not as cs wrote it, so there is no telling what to put back",
                Saved::VARIABLE
            ))
            .hint("open a new terminal"));
        }
        if let Some(what) = use_::in_use_by_launch(context) {
            return Err(Failure::failed(format!(
                "this shell was started in {what}, and has nothing to go back to"
            ))
            .hint("leave it: exit"));
        }
        report::say("nothing is in use here");
        return Ok(Outcome::Done);
    };
    // Or the hook would use what is bound here at the next step.
    let off = match &saved.by {
        UsedBy::Directory(place) => Some(place.clone()),
        UsedBy::Person => bound_place(context),
    };
    let memory = Memory { previous: Some(saved.name.clone()), off, ..shell.memory.clone() };
    let said = format!("no longer using '{}'", saved.name);
    in_shell::change(context, call, &context.environment, &memory, Some(&said))
}

/// The place by which this directory is bound, if it is.
fn bound_place(context: &Context) -> Option<String> {
    match binding::look(context, &directory::current_directory().ok()?) {
        Ok(Found::Bound(bound)) => Some(bound.place.text()),
        _ => None,
    }
}
