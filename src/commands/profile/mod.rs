//! `cs profile`: accounts and API endpoints.

mod adopt;
mod create;
mod edit;
mod remove;
pub(super) mod share;
mod sync;
mod synced;

use std::ffi::OsString;

use serde_json::json;

use super::{details, report, tables};
use crate::cli::ProfileCommand;
use crate::model::{Failure, Outcome, ProfileKind, Result, Subject};
use crate::ui;
use crate::work::context::Context;
use crate::work::launch::{self, Request};
use crate::work::listing::{self, Listing};
use crate::work::profiles;

pub(super) fn run(context: &Context, command: Option<ProfileCommand>) -> Result<Outcome> {
    match command.unwrap_or(ProfileCommand::List { json: false }) {
        ProfileCommand::Create(args) => create::run(context, &args),
        ProfileCommand::List { json } => list(context, json),
        ProfileCommand::Show { name, json } => {
            details::of_profile(context, &context.resolve_profile(&name)?, json)
        }
        ProfileCommand::Default { name } => default(context, name.as_deref()),
        ProfileCommand::Login { name, arguments } => login(context, &name, arguments),
        ProfileCommand::Edit { name } => edit::run(context, &name),
        ProfileCommand::Share(args) => share::run(context, &args),
        ProfileCommand::Sync(args) => sync::run(context, &args),
        ProfileCommand::Adopt { name, directory } => adopt::run(context, &name, &directory),
        ProfileCommand::Remove { name, force } => remove::run(context, &name, force),
    }
}

fn list(context: &Context, as_json: bool) -> Result<Outcome> {
    let Listing { profiles: entries, rows, .. } = Listing::read(context)?;
    let summaries = listing::summaries(context, &entries, &rows)?;
    if as_json {
        report::print_json(&json!({"schema": 1, "profiles": tables::profiles_json(&entries, &summaries)}))?;
    } else {
        report::print(&tables::profiles(context, &entries, &summaries, ui::width(), jiff::Timestamp::now()))?;
    }
    Ok(Outcome::Done)
}

fn default(context: &Context, name: Option<&str>) -> Result<Outcome> {
    let Some(name) = name else {
        report::print(&format!("{}\n", context.config()?.default_profile))?;
        return Ok(Outcome::Done);
    };
    let profile = context.resolve_profile(name)?;
    profiles::make_default(context, &profile.name)?;
    report::say(&format!("new sessions belong to profile '{}' now", profile.name));
    Ok(Outcome::Done)
}

/// Runs Claude's own login inside the profile. What it stores is never looked at.
fn login(context: &Context, name: &str, arguments: Vec<OsString>) -> Result<Outcome> {
    let profile = context.resolve_profile(name)?;
    if let ProfileKind::Api(_) = profile.kind {
        return Err(Failure::usage(format!(
            "profile '{}' is an API endpoint: its token is its login",
            profile.name
        ))
        .hint(format!("to change where that comes from: cs profile edit {}", profile.name)));
    }
    let arguments = [vec!["auth".into(), "login".into()], arguments].concat();
    launch::start(context, &Request::new(Subject::Profile(profile), arguments))
}
