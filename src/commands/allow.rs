//! `cs allow` and `cs deny`: whether the `.cs.toml` of a repository counts.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::report;
use crate::cli::{AllowArgs, DenyArgs};
use crate::config::{self, REPOSITORY_FILE, REPOSITORY_FILE_LIMIT};
use crate::model::{Failure, Outcome, Repository, Result, VarName, reason};
use crate::os;
use crate::shell;
use crate::store::{Store, Trusted};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::directory;

pub(super) fn run(context: &Context, args: &AllowArgs) -> Result<Outcome> {
    if args.list {
        return list(context, args.json);
    }
    let path = file(context, args.path.as_deref())?;
    // What is read here, once, is what is looked at and what is allowed.
    let held = match os::read_unlinked(&path, REPOSITORY_FILE_LIMIT) {
        Ok(Some(held)) => held,
        Ok(None) => return Err(none_at(&path)),
        Err(error) if error.raw_os_error().is_some() => return Err(Failure::io("read", &path, &error)),
        // It is a link or no file, or too large.
        Err(error) => {
            return Err(Failure::usage(format!("{} cannot be allowed: {}", path.display(), reason(&error))));
        }
    };
    let mut wanted = config::repository(&held, &path).map_err(|failure| {
        failure
            .hint("a .cs.toml has a line profile = \"NAME\", or an [env] with lines like PORT = \"CS_PORT\"")
    })?;
    if let Some(name) = &wanted.profile {
        let profile = context
            .resolve_profile(name.as_str())
            .map_err(|failure| failure.hint(format!("it is named in {}", path.display())))?;
        wanted.profile = Some(profile.name);
    }
    let made = context.store()?.allow(&path, &held, &wanted)?;
    let said = format!("{}: {}", path.display(), says(&wanted));
    report::say(&if made {
        format!("allowed {said}; to undo: cs deny{}", again(args.path.as_deref(), &path))
    } else {
        format!("{said} is allowed already")
    });
    Ok(Outcome::Done)
}

pub(super) fn deny(context: &Context, args: &DenyArgs) -> Result<Outcome> {
    let path = file(context, args.path.as_deref())?;
    let store = context.store()?;
    // What was allowed and is gone now can still be withdrawn.
    if !os::exists(&path) {
        let is_it = |trusted: &Trusted| trusted.about.as_ref().is_ok_and(|about| about.path == path);
        if !store.trust()?.iter().any(is_it) {
            return Err(none_at(&path));
        }
    }
    let made = store.deny(&path)?;
    report::say(&if made {
        format!("denied {}; to undo: cs allow{}", path.display(), again(args.path.as_deref(), &path))
    } else {
        format!("{} is denied already", path.display())
    });
    Ok(Outcome::Done)
}

/// Returns, in words, what a `.cs.toml` does once it is allowed.
fn says(wanted: &Repository) -> String {
    let profile = wanted.profile.iter().map(|name| format!("profile '{name}'"));
    let env = wanted.env.iter().map(|(name, source)| format!("{name}=${source}"));
    let env: Vec<String> = env.collect();
    let env = (!env.is_empty()).then(|| format!("its sessions have {}", env.join(", ")));
    profile.chain(env).collect::<Vec<_>>().join("; ")
}

/// The `.cs.toml` that a person means: the one named, the one in the directory named, or the
/// nearest. The links of its directory are resolved; it itself is not followed.
fn file(context: &Context, given: Option<&Path>) -> Result<PathBuf> {
    let Some(given) = given else {
        let here = directory::real(&context.current_directory()?);
        let nearest =
            here.ancestors().map(|parent| parent.join(REPOSITORY_FILE)).find(|path| os::exists(path));
        let path = nearest.ok_or_else(|| {
            Failure::not_found(format!("there is no {REPOSITORY_FILE} in {} or above", here.display()))
                .hint("to bind a directory without one: cs bind NAME")
        })?;
        return recorded(path);
    };
    let given = context.absolute(given).map_err(|error| Failure::io("use", given, &error))?;
    let is_file = given.file_name() == Some(REPOSITORY_FILE.as_ref()) && !os::is_dir(&given);
    let parent = match given.parent() {
        Some(parent) if is_file => parent,
        _ if given.is_dir() => &given,
        _ if os::exists(&given) => {
            return Err(Failure::usage(format!("{} is no {REPOSITORY_FILE}", given.display())));
        }
        _ => return Err(none_at(&given)),
    };
    recorded(directory::real(parent).join(REPOSITORY_FILE))
}

/// Returns the words that name the file `path` in the next command: none, if nobody had to name it in this one.
fn again(given: Option<&Path>, path: &Path) -> String {
    given.map(|_| format!(" {}", shell::word(&path.to_string_lossy()))).unwrap_or_default()
}

/// `path`, if it can stand in a record.
fn recorded(path: PathBuf) -> Result<PathBuf> {
    directory::recordable(path.parent().unwrap_or(&path))?;
    Ok(path)
}

fn none_at(path: &Path) -> Failure {
    Failure::not_found(format!("there is no {}", path.display()))
        .hint("to bind a directory without one: cs bind NAME")
}

fn list(context: &Context, as_json: bool) -> Result<Outcome> {
    let store = context.store()?;
    let trust = store.trust()?;
    if as_json {
        let rows: Vec<_> = trust
            .iter()
            .map(|trusted| {
                let about = trusted.about.as_ref().ok();
                json!({
                    "path": about.map(|about| about.path.to_string_lossy()),
                    "state": state(store, trusted), "profile": about.and_then(|about| about.profile.as_ref()),
                    "variables": about.map(|about| &about.variables),
                    "since": about.map(|about| about.since),
                    "damage": trusted.about.as_ref().err().map(ToString::to_string),
                    "record": trusted.record.to_string_lossy(),
                })
            })
            .collect();
        report::print_json(&json!({"schema": 1, "trust": rows}))?;
        return Ok(Outcome::Done);
    }
    if trust.is_empty() {
        report::say("nothing is allowed or denied");
        return Ok(Outcome::Done);
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&[
        ("STATE", Align::Left),
        ("PROFILE", Align::Left),
        ("VARIABLES", Align::Shrink),
        ("SINCE", Align::Right),
        ("FILE", Align::ShrinkFront),
    ]);
    for trusted in &trust {
        let state = state(store, trusted).to_owned();
        let cells = match &trusted.about {
            Ok(about) => {
                let profile = about.profile.as_ref().map(ToString::to_string).unwrap_or_default();
                let variables: Vec<&str> = about.variables.iter().map(VarName::as_str).collect();
                let (variables, since) = (variables.join(" "), ui::age(about.since, now));
                [state, profile, variables, since, about.path.display().to_string()]
            }
            Err(damage) => [
                state,
                String::new(),
                String::new(),
                String::new(),
                format!("{} ({damage})", trusted.record.display()),
            ],
        };
        table.row(cells, None);
    }
    report::print(&table.render(ui::width(), context.colours()))?;
    Ok(Outcome::Done)
}

/// Returns how something the user said stands against the file as it is now.
fn state(store: &Store, trusted: &Trusted) -> &'static str {
    let Ok(about) = &trusted.about else { return "damaged" };
    if !about.is_allowed() {
        return "denied";
    }
    match os::read_unlinked(&about.path, REPOSITORY_FILE_LIMIT) {
        Ok(None) => "gone",
        Ok(Some(held)) if store.is_about(trusted, &held) => "allowed",
        Ok(Some(_)) | Err(_) => "changed",
    }
}
