//! `cs cd NAME`: go to the directory of a session, or to the config directory of a profile.

use super::report;
use crate::cli::CdArgs;
use crate::model::{Failure, Outcome, Result, Subject};
use crate::shell::Plain;
use crate::work::context::Context;
use crate::work::{directory, in_shell};

pub(super) fn run(context: &Context, args: &CdArgs) -> Result<Outcome> {
    let call = in_shell::caller(context, "cd")?;
    let subject = context.resolve(&args.name)?;
    let directory = match &subject {
        Subject::Session(session, _) => directory::recorded_directory(session)?,
        Subject::Profile(profile) => directory::existing_directory(context, &profile.home.directory())?,
    };
    let text = directory.to_str().and_then(|text| Plain::new(text).ok());
    let plain = text.ok_or_else(|| {
        Failure::refused(format!(
            "{} is not plain UTF-8, so no shell can be told to go there",
            directory.display()
        ))
    })?;
    report::print(&call.shell.change_directory(plain))?;
    Ok(Outcome::Done)
}
