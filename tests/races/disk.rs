//! What is on the disk, read without `cs`, and what must hold of it whatever was done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use uuid::Uuid;

use super::model::{Id, Owner, State};

/// What was found.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen {
    pub(crate) state: State,
    /// The names that belong to nothing: what a killed command may leave.
    pub(crate) stale: BTreeSet<String>,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
}

fn names_in(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The value of a key of a record.
fn value(record: &str, key: &str) -> Option<String> {
    let line = record.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
    Some(line.trim_matches('"').to_owned())
}

/// Reads the data root `root`.
pub(crate) fn read(root: &Path) -> Seen {
    let mut seen = Seen::default();
    let mut owners: Vec<(String, Owner)> = Vec::new();
    let mut ports: BTreeMap<String, String> = BTreeMap::new();
    for entry in names_in(&root.join("sessions")) {
        let Ok(record) = fs::read_to_string(root.join("sessions").join(&entry).join("session.toml")) else {
            seen.wrong.push(format!("session {entry} has no record"));
            continue;
        };
        let (id, name) = (value(&record, "id"), value(&record, "name"));
        let known = id.filter(|id| *id == entry).and_then(|id| id.parse().ok());
        let (Some(id), Some(name)) = (known, name) else {
            seen.wrong.push(format!("the record of session {entry} is not its own: {record}"));
            continue;
        };
        if let Some(first) = value(&record, "ports")
            && let Some(other) = ports.insert(first.clone(), entry.clone())
        {
            seen.wrong.push(format!("sessions {entry} and {other} have the ports {first} both"));
        }
        owners.push((name.to_ascii_lowercase(), Owner::Session(Id::Known(id))));
    }
    let profiles = names_in(&root.join("profiles")).into_iter().filter(|name| name != "default");
    owners.extend(profiles.map(|name| (name, Owner::Profile)));
    let claims: BTreeMap<String, String> = names_in(&root.join("names"))
        .into_iter()
        .filter(|name| !name.starts_with('.'))
        .map(|name| (name.clone(), fs::read_to_string(root.join("names").join(name)).unwrap_or_default()))
        .collect();
    for (name, owner) in &owners {
        let claim = match owner {
            Owner::Session(Id::Known(id)) => format!("session {id}\n"),
            _ => "profile\n".into(),
        };
        if claims.get(name) != Some(&claim) {
            seen.wrong.push(format!("no name leads to {owner:?} '{name}', but to {:?}", claims.get(name)));
        }
        if let Some(other) = seen.state.live.insert(name.clone(), *owner) {
            seen.wrong.push(format!("two have the name '{name}': {owner:?} and {other:?}"));
        }
    }
    seen.stale = claims.into_keys().filter(|name| !seen.state.live.contains_key(name)).collect();
    let live = seen.state.ids();
    let mut trashed: BTreeSet<Uuid> = BTreeSet::new();
    for entry in names_in(&root.join("trash")).into_iter().filter(|entry| !entry.starts_with("removing.")) {
        let what = entry.rsplit_once('-').map(|(what, _)| what.to_owned()).unwrap_or_default();
        if let Some(profile) = what.strip_prefix("profile.") {
            seen.state.throw(profile.into(), Owner::Profile);
            continue;
        }
        let record =
            fs::read_to_string(root.join("trash").join(&entry).join("session.toml")).unwrap_or_default();
        let (Ok(id), Some(name)) = (what.parse::<Uuid>(), value(&record, "name")) else {
            seen.wrong.push(format!("{entry} in the trash has no record"));
            continue;
        };
        if live.contains(&id) || !trashed.insert(id) {
            seen.wrong.push(format!("session {id} is in the trash, and there or in the trash once more"));
        }
        seen.state.throw(name.to_ascii_lowercase(), Owner::Session(Id::Known(id)));
    }
    seen
}
