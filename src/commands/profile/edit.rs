//! `cs profile edit NAME`: the record of a profile, in an editor.

use super::super::{editor, report};
use crate::model::{Failure, Outcome, Result};
use crate::os;
use crate::work::context::Context;
use crate::work::sharing::STARTER;

pub(super) fn run(context: &Context, name: &str) -> Result<Outcome> {
    let profile = context.resolve_profile(name);
    // A record that is damaged is the best reason to open it.
    let name = match profile {
        Ok(profile) => profile.name,
        Err(failure) => match crate::model::Name::of_profile(name) {
            Ok(name) if os::exists(&context.store()?.profile_record_path(&name)) => name,
            _ => return Err(failure),
        },
    };
    let store = context.store()?;
    let path = store.ensure_profile_record(&name, STARTER)?;
    editor::edit(context, &path)?;
    match store.profile(&name, &context.home()?) {
        Ok(_) => {
            report::say(&format!(
                "profile '{name}' is as you wrote it; sessions take it from their next start"
            ));
            Ok(Outcome::Done)
        }
        Err(failure) => {
            Err(Failure { hints: Vec::new(), ..failure }
                .hint(format!("to correct it: cs profile edit {name}")))
        }
    }
}
