//! `cs profile`: accounts and API endpoints.

mod adopt;
mod create;
mod edit;
mod remove;
pub(super) mod share;
mod sync;

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::{Value, json};

use super::list::Row;
use super::report;
use super::show as lines;
use crate::claude::{self, Login};
use crate::cli::ProfileCommand;
use crate::model::{
    Failure, History, Name, Outcome, Place, Profile, ProfileKind, Result, Subject, Target, TokenSource,
};
use crate::os;
use crate::store::ProfileEntry;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::launch::Request;
use crate::work::{binding, launch};

pub(super) fn run(context: &Context, command: Option<ProfileCommand>) -> Result<Outcome> {
    match command.unwrap_or(ProfileCommand::List { json: false }) {
        ProfileCommand::Create(args) => create::run(context, &args),
        ProfileCommand::List { json } => list(context, json),
        ProfileCommand::Show { name, json } => show(context, &context.resolve_profile(&name)?, json),
        ProfileCommand::Default { name } => default(context, name.as_deref()),
        ProfileCommand::Login { name, arguments } => login(context, &name, arguments),
        ProfileCommand::Edit { name } => edit::run(context, &name),
        ProfileCommand::Share(args) => share::run(context, &args),
        ProfileCommand::Sync(args) => sync::run(context, &args),
        ProfileCommand::Adopt { name, directory } => adopt::run(context, &name, &directory),
        ProfileCommand::Remove { name, force } => remove::run(context, &name, force),
    }
}

/// What a list tells about a profile besides its record.
pub(super) struct Summary {
    login: Option<Login>,
    sessions: usize,
    used: Option<jiff::Timestamp>,
    open: bool,
    is_default: bool,
}

/// What the list tells about each of `entries`, whose sessions are among `rows`.
pub(super) fn summaries(context: &Context, entries: &[ProfileEntry], rows: &[Row]) -> Result<Vec<Summary>> {
    let store = context.store()?;
    let default = context.config().map(|config| config.default_profile.key()).unwrap_or_default();
    let mut sessions: BTreeMap<&Name, (usize, Option<jiff::Timestamp>)> = BTreeMap::new();
    for row in rows {
        let (count, used) = sessions.entry(&row.session.profile).or_default();
        *count += 1;
        *used = (*used).max(row.used);
    }
    Ok(entries
        .iter()
        .map(|entry| {
            let (count, used) = sessions.get(&entry.name).copied().unwrap_or_default();
            let ran = store.last_run(&store.profile_run_path(&entry.name)).map(|run| run.at);
            Summary {
                login: entry.profile.as_ref().ok().map(claude::login_of),
                sessions: count,
                used: used.max(ran),
                open: entry
                    .profile
                    .as_ref()
                    .is_ok_and(|profile| !crate::work::profiles::live_as(context, profile).is_empty()),
                is_default: entry.name.key() == default,
            }
        })
        .collect())
}

/// The profiles as a table.
pub(super) fn table(
    entries: &[ProfileEntry],
    summaries: &[Summary],
    width: Option<usize>,
    now: jiff::Timestamp,
) -> String {
    let mut table = Table::new(&[
        ("PROFILE", Align::Left),
        ("KIND", Align::Left),
        ("LOGIN", Align::Left),
        ("SESSIONS", Align::Right),
        ("LAST USE", Align::Right),
        ("CONFIG DIRECTORY", Align::ShrinkFront),
    ]);
    for (entry, summary) in entries.iter().zip(summaries) {
        let name = if summary.is_default { format!("{} *", entry.name) } else { entry.name.to_string() };
        let (kind, place) = match &entry.profile {
            Ok(profile) => (kind(profile), profile.home.directory().display().to_string()),
            Err(damage) => ("damaged".into(), damage.to_string()),
        };
        let cells = [
            name,
            kind,
            summary.login.map_or("", Login::word).into(),
            summary.sessions.to_string(),
            summary.used.map(|used| ui::age(used, now)).unwrap_or_default(),
            place,
        ];
        table.row(cells, summary.open.then_some("32"));
    }
    let mut text = table.render(width, ui::colour_stdout());
    if summaries.iter().any(|summary| summary.is_default) {
        text.push_str("* the profile of new sessions\n");
    }
    text
}

/// The profiles as JSON.
pub(super) fn json(entries: &[ProfileEntry], summaries: &[Summary]) -> Vec<Value> {
    entries
        .iter()
        .zip(summaries)
        .map(|(entry, summary)| {
            let profile = entry.profile.as_ref().ok();
            json!({
                "name": entry.name, "default": summary.is_default, "sessions": summary.sessions,
                "used": summary.used, "live": summary.open, "login": summary.login.map(Login::word),
                "kind": profile.map(|profile| if matches!(profile.kind, ProfileKind::Api(_)) { "api" } else { "account" }),
                "inherit": profile.and_then(|profile| profile.inherit.clone()),
                "config_dir": profile.map(|profile| profile.home.directory().to_string_lossy().into_owned()),
                "damage": entry.profile.as_ref().err().map(ToString::to_string),
            })
        })
        .collect()
}

fn kind(profile: &Profile) -> String {
    let kind = match &profile.kind {
        ProfileKind::Account => "account".into(),
        ProfileKind::Api(endpoint) => {
            endpoint.provider.as_ref().map_or_else(|| "api".into(), |provider| format!("api ({provider})"))
        }
    };
    match &profile.inherit {
        Some(host) => format!("{kind} in {host}"),
        None => kind,
    }
}

fn list(context: &Context, as_json: bool) -> Result<Outcome> {
    let (entries, rows) = super::list::profiles_and_rows(context)?;
    let summaries = summaries(context, &entries, &rows)?;
    if as_json {
        report::print_json(&json!({"schema": 1, "profiles": json(&entries, &summaries)}))?;
    } else {
        report::print(&table(&entries, &summaries, ui::width(), jiff::Timestamp::now()))?;
    }
    Ok(Outcome::Done)
}

/// `cs profile show NAME`. Tokens are never part of it.
pub(super) fn show(context: &Context, profile: &Profile, as_json: bool) -> Result<Outcome> {
    let share = crate::work::share::share_of(context, profile, false)?;
    let linked: Vec<&str> = share.linked().collect();
    let record = context.store()?.profile_record_path(&profile.name);
    let record = os::exists(&record).then(|| record.display().to_string());
    let login = claude::login_of(profile);
    let endpoint = match &profile.kind {
        ProfileKind::Api(endpoint) => Some(endpoint),
        ProfileKind::Account => None,
    };
    let token = endpoint.map(|endpoint| match &endpoint.token {
        TokenSource::None => "none".to_owned(),
        TokenSource::Variable(name) => format!("from the variable {name}"),
        TokenSource::Command(command) => format!("from the command {command}"),
        TokenSource::File(path) => format!("from the file {}", path.display()),
        TokenSource::Entry { file, key } => format!("from {key} in {}", file.display()),
        TokenSource::Literal(_) => "in the record".to_owned(),
    });
    let bound = binding::places_of(context, &Target::Profile(profile.name.clone()));
    if as_json {
        report::print_json(&json!({
            "schema": 1, "kind": "profile", "name": profile.name, "type": kind(profile),
            "inherit": profile.inherit, "config_dir": profile.home.directory().to_string_lossy(), "record": record, "login": login.word(),
            "bare": profile.bare, "base_url": endpoint.and_then(|endpoint| endpoint.base_url.clone()), "token": token,
            "env": profile.env.keys().collect::<Vec<_>>(), "linked": linked,
            "bound": bound.iter().map(Place::text).collect::<Vec<_>>(),
            "share": {"memory": share.memory, "plugins": share.plugins, "mcp": share.mcp, "history": share.history},
        }))?;
        return Ok(Outcome::Done);
    }
    let mut all = vec![
        ("profile", profile.name.to_string()),
        ("kind", kind(profile)),
        (
            "config dir",
            match &profile.inherit {
                Some(host) => format!("{} (of profile '{host}')", profile.home.directory().display()),
                None => profile.home.directory().display().to_string(),
            },
        ),
        ("login", login.word().to_owned()),
    ];
    all.extend(endpoint.and_then(|endpoint| endpoint.base_url.clone()).map(|url| ("base url", url)));
    all.extend(token.map(|token| ("token", token)));
    if !profile.env.is_empty() {
        let names: Vec<&str> = profile.env.keys().map(crate::model::VarName::as_str).collect();
        all.push(("sets", names.join(", ")));
    }
    let mut shares = linked.join(", ");
    for (name, shared) in [
        ("memory", share.memory),
        ("plugins", share.plugins),
        ("MCP servers", share.mcp),
        ("history", share.history == History::Profile),
    ] {
        if shared {
            shares.push_str(if shares.is_empty() { "" } else { ", " });
            shares.push_str(name);
        }
    }
    if let History::Group(group) = &share.history {
        all.push((
            "history",
            format!("in group '{group}': {}", context.store()?.group_root(group).display()),
        ));
    }
    all.push(("shares", if shares.is_empty() { "nothing".into() } else { shares }));
    if profile.bare {
        all.push(("bare", "takes nothing from ~/.claude".into()));
    }
    all.extend(bound.iter().map(|place| ("bound to it", place.text())));
    all.push(("record", record.unwrap_or_else(|| "none: all of this is built in".into())));
    lines::print_lines(&all)
}

fn default(context: &Context, name: Option<&str>) -> Result<Outcome> {
    let Some(name) = name else {
        report::print(&format!("{}\n", context.config()?.default_profile))?;
        return Ok(Outcome::Done);
    };
    let profile = context.resolve_profile(name)?;
    crate::work::profiles::make_default(context, &profile.name)?;
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
