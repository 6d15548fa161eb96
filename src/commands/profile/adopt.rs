//! `cs profile adopt NAME DIRECTORY`: make an existing config directory a profile, in place.

use std::path::Path;

use super::super::report;
use crate::model::{Failure, Outcome, Result, ShareOverrides};
use crate::work::context::Context;
use crate::work::profiles::adopt::{adopt, profile_at, refuse_what_is_no_profile, spelled_as_given};

pub(super) fn run(context: &Context, name: &str, directory: &Path) -> Result<Outcome> {
    let name = Context::new_name(name)?;
    let path = spelled_as_given(context, directory)?;
    refuse_what_is_no_profile(context, &path)?;
    if let Some(other) = profile_at(context, &path)? {
        return Err(Failure::refused(format!("{} is the profile '{other}' already", path.display())));
    }
    adopt(context, &name, &path, ShareOverrides::default())?;
    report::say(&format!("{} is the profile '{name}' now; it stays where it is", path.display()));
    Ok(Outcome::Done)
}
