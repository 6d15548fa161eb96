//! Profiles: which there are, who uses them, and which one new sessions get.

pub(crate) mod adopt;
pub(crate) mod create;

use std::collections::BTreeMap;

use crate::claude::{self, ConfigGround};
use crate::config::Config;
use crate::model::{Failure, Name, Profile, Result, Subject};
use crate::os;
use crate::store::{Damage, ProfileEntry};
use crate::work::context::Context;
use crate::work::directory;
use crate::work::open;

/// Every profile, and those that can be used by name. Fails where the system cannot read the record of one.
pub(crate) fn known(context: &Context) -> Result<(Vec<ProfileEntry>, BTreeMap<Name, Profile>)> {
    let store = context.store()?;
    let entries = store.profiles(&context.home()?)?;
    let unread = |entry: &ProfileEntry| {
        let damage = entry.profile.as_ref().err().filter(|damage| damage.is_unread())?;
        Some(store.unread_profile(&entry.name, damage))
    };
    if let Some(failure) = entries.iter().find_map(unread) {
        return Err(failure);
    }
    let usable = usable(&entries);
    Ok((entries, usable))
}

/// The same, to be shown: what cannot be read is told, and has the command end with exit code 1.
pub(crate) fn shown(context: &Context) -> Result<(Vec<ProfileEntry>, BTreeMap<Name, Profile>)> {
    let store = context.store()?;
    let entries = context.or_without(store.profiles(&context.home()?));
    for entry in &entries {
        if let Some(damage) = entry.profile.as_ref().err().filter(|damage| damage.is_unread()) {
            context.goes_without(&store.unread_profile(&entry.name, damage).message);
        }
    }
    let usable = usable(&entries);
    Ok((entries, usable))
}

fn usable(entries: &[ProfileEntry]) -> BTreeMap<Name, Profile> {
    entries
        .iter()
        .filter_map(|entry| Some((entry.name.clone(), entry.profile.as_ref().ok()?.clone())))
        .collect()
}

/// The processes that run Claude as the profile itself. Where two profiles work in one directory, its
/// live files do not tell them apart: then the one that was started last as this profile counts.
pub(crate) fn live_as(context: &Context, profile: &Profile) -> Vec<u32> {
    let live = claude::live_in(&ConfigGround::of_profile(&profile.home.directory()))
        .into_iter()
        .map(|live| live.pid);
    if profile.inherit.is_none() {
        return live.collect();
    }
    let run = context.store().ok().and_then(|store| store.last_run(&store.profile_run_path(&profile.name)));
    live.filter(|pid| run.as_ref().is_some_and(|run| run.process.pid == *pid)).collect()
}

/// The profiles that work in the config directory of the profile `name`.
pub(crate) fn heirs(context: &Context, name: &Name) -> Result<Vec<Name>> {
    let (_, known) = known(context)?;
    Ok(known
        .into_values()
        .filter(|profile| profile.inherit.as_ref() == Some(name))
        .map(|profile| profile.name)
        .collect())
}

/// Makes `name` the profile of new sessions, in `config.toml`.
pub(crate) fn make_default(context: &Context, name: &Name) -> Result<()> {
    let path = context.config_path()?;
    // What somebody else may have written would be ours afterwards.
    context.config()?;
    let current = os::read_optional(&path).map_err(|error| Failure::io("read", &path, &error))?;
    if current.is_none() {
        directory::refuse_dangling(&path)?;
    }
    let current = current.unwrap_or_else(|| crate::config::STARTER.as_bytes().to_vec());
    let current = String::from_utf8_lossy(&current).into_owned();
    // A file that is broken is told as it is, and left alone.
    Config::parse(&current, &path)?;
    let text = Config::with_default_profile(&current, name)?;
    if let Some(parent) = path.parent() {
        os::create_private_dirs(parent).map_err(|error| Failure::io("create", parent, &error))?;
    }
    // Dotfiles are often links into a repository: the file behind is what changes.
    let target = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    os::replace_file(&target, text.as_bytes(), true).map_err(|error| Failure::io("write", &path, &error))
}

/// Returns everything that runs Claude in the profile: itself and its open sessions, in words.
pub(crate) fn in_use(context: &Context, profile: &Profile) -> Result<Vec<String>> {
    let mut users: Vec<String> =
        live_as(context, profile).iter().map(|pid| format!("the profile itself (pid {pid})")).collect();
    for session in context.store()?.known_sessions()? {
        if session.profile != profile.name {
            continue;
        }
        if let Some(open) = open::opened(context, &session, profile)? {
            users.push(format!("session '{}' (pid {})", session.name, open.pid));
        }
    }
    Ok(users)
}

/// The sessions of a profile, as subjects. Fails where the system cannot read a record: it may be that of another one.
pub(crate) fn sessions_of(context: &Context, profile: &Profile) -> Result<Vec<Subject>> {
    let sessions = context.store()?.known_sessions()?.into_iter();
    let own = sessions.filter(|session| session.profile == profile.name);
    Ok(own.map(|session| Subject::Session(session, profile.clone())).collect())
}

/// The same, for each to be dealt with by itself. One whose record cannot be read could be one of them: that is told,
/// and has the command end with exit code 1.
pub(crate) fn each_session_of(context: &Context, profile: &Profile) -> Result<Vec<Subject>> {
    let (mut found, store) = (Vec::new(), context.store()?);
    for entry in store.sessions()? {
        match entry.record {
            Ok(session) if session.profile == profile.name => {
                found.push(Subject::Session(session, profile.clone()));
            }
            Ok(_) | Err(Damage::Missing) => {}
            Err(damage) => context.goes_without(&store.unread_session(entry.id, &damage).message),
        }
    }
    Ok(found)
}
