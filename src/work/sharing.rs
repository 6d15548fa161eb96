//! Showing and changing what the sessions of a profile share with it.

use crate::model::{
    Failure, History, Isolation, Kind, Profile, Result, SHAREABLE, SWITCHES, Session, ShareOverrides, Subject,
};
use crate::work::context::Context;
use crate::work::syncing::{Sync, Synced};
use crate::work::{open, profiles, share};

/// The text that the record of the profile that always exists begins with.
pub(crate) const STARTER: &str = include_str!("../../templates/default-profile.toml");

/// Returns every item that can be shared, by the name a person writes.
pub(crate) fn items() -> impl Iterator<Item = &'static str> {
    SHAREABLE.iter().chain(SWITCHES).copied().chain(["history"])
}

/// An item, and the way it is shared.
pub(crate) struct Shared {
    /// The item.
    pub item: &'static str,
    /// `link`, `private`, or a group.
    pub mode: String,
    /// By whom that was decided.
    pub by: String,
}

/// Returns the words for where conversations live.
fn history_mode(history: &History) -> String {
    match history {
        History::Own => "private".to_owned(),
        History::Profile => "link".to_owned(),
        History::Group(group) => format!("group {group}"),
    }
}

/// Returns how each item is shared with the sessions of `profile`.
pub(crate) fn of_profile(context: &Context, profile: &Profile) -> Result<Vec<Shared>> {
    let share = share::share_of(context, profile, false)?;
    let own = own_overrides(context, profile)?;
    let by = |item: &str| -> Result<String> {
        Ok(if own.says(item) {
            "profile".into()
        } else if profile.share.says(item) {
            format!("profile '{}'", profile.host())
        } else if context.config()?.share.says(item) {
            "config.toml".into()
        } else {
            "built in".into()
        })
    };
    items()
        .map(|item| {
            let mode = match item {
                "history" => history_mode(&share.history),
                item => if share.shares(item) { "link" } else { "private" }.to_owned(),
            };
            Ok(Shared { item, mode, by: by(item)? })
        })
        .collect()
}

/// Returns where the conversations of a session live.
pub(crate) fn of_session(context: &Context, session: &Session, profile: &Profile) -> Result<Shared> {
    let of_profile = share::share_of(context, profile, session.bare)?.history;
    let (mode, by) = match &session.history {
        Some(history) => (history_mode(history), "session".into()),
        None => (history_mode(&of_profile), format!("profile '{}'", profile.name)),
    };
    Ok(Shared { item: "history", mode, by })
}

/// Returns what a profile's own record says, without what it inherits.
fn own_overrides(context: &Context, profile: &Profile) -> Result<ShareOverrides> {
    let Some(host) = &profile.inherit else { return Ok(profile.share.clone()) };
    let theirs = context.profile_if(host)?.map(|host| host.share).unwrap_or_default();
    let mut own = profile.share.clone();
    // What both say alike, the record of the one it inherits says.
    for item in items() {
        if theirs.says(item) {
            own = without(own, item, &theirs);
        }
    }
    Ok(own)
}

/// Returns `own` without `item`, where `theirs` says the same of it.
fn without(own: ShareOverrides, item: &str, theirs: &ShareOverrides) -> ShareOverrides {
    let value = |share: &ShareOverrides| toml::Value::try_from(share).ok()?.get(item).cloned();
    if value(&own) != value(theirs) {
        return own;
    }
    let mut table = toml::Table::try_from(&own).unwrap_or_default();
    table.remove(item);
    table.try_into().unwrap_or(own)
}

/// The result of changing what a profile shares.
pub(crate) struct Changed {
    /// The changes of its record: the item, how it was shared, and how it is.
    pub record: Vec<(&'static str, String, String)>,
    /// The changes in its directory and its sessions.
    pub synced: Synced,
}

/// Changes the record of a profile, then its directory and its sessions. Changes nothing in a `dry_run`.
pub(crate) fn change(
    context: &Context,
    profile: &Profile,
    wanted: &ShareOverrides,
    dry_run: bool,
) -> Result<Changed> {
    let (store, home, name) = (context.store()?, context.home()?, &profile.name);
    let as_written = |text: &str| {
        store
            .profile_as_written(name, text, &home)
            .map_err(|damage| damage.failure(&format!("profile '{name}'"), &store.profile_record_path(name)))
    };
    let (before, after) = if dry_run {
        (profile.clone(), as_written(&store.with_share(name, STARTER, wanted)?)?)
    } else {
        let _held = store.lock_profile(name)?;
        let before = context.resolve_profile(name.as_str())?;
        store.ensure_profile_record(name, STARTER)?;
        let text = store.with_share(name, STARTER, wanted)?;
        let after = as_written(&text)?;
        store.write_profile_record(name, &text)?;
        (before, after)
    };
    let (old, new) = (of_profile(context, &before)?, of_profile(context, &after)?);
    let record = old.into_iter().zip(new).filter(|(old, new)| old.mode != new.mode);
    let record = record.map(|(old, new)| (old.item, old.mode, new.mode)).collect();
    let mut sync = Sync::new(context, dry_run, &[]);
    sync.profile(&after, Some(&before))?;
    for heir in profiles::heirs(context, name)? {
        if let Some(heir) = context.profile_if(&heir)? {
            let share = heir.share.clone().over(after.share.clone());
            sync.profile(&Profile { share, ..heir.clone() }, Some(&heir))?;
        }
    }
    Ok(Changed { record, synced: sync.done() })
}

/// Changes where the conversations of a session live, and brings them there. Returns true if its record says
/// otherwise now, and what was done. Refused where it has none of its own to move, or is open. Changes nothing in
/// a `dry_run`.
pub(crate) fn set_history(
    context: &Context,
    session: Session,
    profile: Profile,
    wanted: History,
    dry_run: bool,
) -> Result<(bool, Synced)> {
    let name = &session.name;
    if session.isolation == Isolation::None {
        return Err(Failure::refused(format!(
            "session '{name}' is not isolated: its conversations are among its profile's"
        )));
    }
    if session.isolation == Isolation::Sandbox {
        return Err(Failure::refused(format!(
            "session '{name}' is a sandbox, in which no conversations of others are to be seen"
        )));
    }
    // What its profile says anyway needs no word of its own.
    let of_profile = share::share_of(context, &profile, session.bare)?.history;
    let wanted = Some(wanted).filter(|wanted| *wanted != of_profile);
    let store = context.store()?;
    let held = if dry_run { None } else { Some(store.lock_session(&session)?) };
    if let Some(open) = open::opened(context, &session, &profile)? {
        return Err(Failure::of(Kind::Open, format!("session '{name}' is open (pid {})", open.pid))
            .hint("leave Claude there first"));
    }
    let is_changed = session.history != wanted;
    let session = if is_changed && !dry_run {
        store.set_session_history(&session, wanted)?
    } else {
        Session { history: wanted, ..session }
    };
    let mut sync = Sync::new(context, dry_run, &[]);
    sync.held(&Subject::Session(session, profile), None)?;
    drop(held);
    Ok((is_changed, sync.done()))
}
