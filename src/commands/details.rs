//! The details of one thing, as several verbs show them: labelled lines, or JSON.

use serde_json::json;

use super::{report, tables};
use crate::claude;
use crate::model::{History, Outcome, Place, Profile, ProfileKind, Result, Target, TokenSource, VarName};
use crate::os;
use crate::ui;
use crate::work::context::Context;
use crate::work::{binding, share};

/// Prints labelled lines, the labels aligned, the values escaped.
pub(super) fn print_lines(lines: &[(&str, String)]) -> Result<Outcome> {
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let text: String =
        lines.iter().map(|(label, value)| format!("{label:<width$}  {}\n", ui::escape(value))).collect();
    report::print(&text)?;
    Ok(Outcome::Done)
}

/// Prints all there is to know about a profile. Tokens are never part of it.
pub(super) fn of_profile(context: &Context, profile: &Profile, as_json: bool) -> Result<Outcome> {
    let share = share::share_of(context, profile, false)?;
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
            "schema": 1, "kind": "profile", "name": profile.name, "type": tables::kind(profile),
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
        ("kind", tables::kind(profile)),
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
        let names: Vec<&str> = profile.env.keys().map(VarName::as_str).collect();
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
    print_lines(&all)
}
