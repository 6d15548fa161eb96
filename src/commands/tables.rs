//! Tables that several verbs show.

use serde_json::{Value, json};

use crate::claude::Login;
use crate::model::{Profile, ProfileKind};
use crate::store::ProfileEntry;
use crate::ui::{self, Align, Table};
use crate::work::Context;
use crate::work::listing::Summary;

/// Returns the colour of a state.
pub(super) fn colour_of(state: &str) -> Option<&'static str> {
    match state {
        "waiting" => Some("33"),
        "-" | "ephemeral" => None,
        _ => Some("32"),
    }
}

/// Returns the profiles as a table.
pub(super) fn profiles(
    context: &Context,
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
    let mut text = table.render(width, context.colours());
    if summaries.iter().any(|summary| summary.is_default) {
        text.push_str("* the profile of new sessions\n");
    }
    text
}

/// Returns the profiles as JSON.
pub(super) fn profiles_json(entries: &[ProfileEntry], summaries: &[Summary]) -> Vec<Value> {
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

/// Returns the words for the kind of a profile.
pub(super) fn kind(profile: &Profile) -> String {
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
