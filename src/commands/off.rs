//! `cs off`: puts back what `cs use` or a binding changed in the shell.

use std::ffi::OsStr;

use super::report;
use crate::model::{Failure, Outcome, Result, Saved};
use crate::work::context::Context;
use crate::work::in_shell;

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
        if let Some(what) = in_shell::started_in(context) {
            return Err(Failure::failed(format!(
                "this shell was started in {what}, and has nothing to go back to"
            ))
            .hint("leave it: exit"));
        }
        report::say("nothing is in use here");
        return Ok(Outcome::Done);
    };
    report::print(&in_shell::leaving(context, saved).code(context, call)?)?;
    Ok(Outcome::Done)
}
