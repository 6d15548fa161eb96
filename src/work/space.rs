//! The space that sessions, profiles and the trash take on the disk.

use std::path::{Path, PathBuf};

use crate::claude::{CACHES, CONVERSATIONS};
use crate::model::{Failure, Isolation, Profile, Result, Session, Subject};
use crate::os::{self, Size};
use crate::store::Damage;
use crate::work::context::Context;
use crate::work::removal::paths_of;

/// The space that one thing takes.
pub(crate) struct Taken {
    /// `session`, `profile`, `trash`, `staging` or `history`.
    pub kind: &'static str,
    /// Its name; empty where there is one of the kind.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// Of that, conversations.
    pub conversations: Size,
    /// Of that, what Claude makes again by itself.
    pub caches: Size,
    /// All else.
    pub other: Size,
    /// A note on what is wrong with it.
    pub note: Option<String>,
}

impl Taken {
    /// Returns the bytes of all of it.
    pub(crate) fn total(&self) -> u64 {
        self.conversations.bytes + self.caches.bytes + self.other.bytes
    }

    /// Returns the number of its files.
    pub(crate) fn files(&self) -> u64 {
        self.conversations.files + self.caches.files + self.other.files
    }
}

/// Returns what a session or profile takes.
pub(crate) fn of(context: &Context, subject: &Subject) -> Result<Taken> {
    match subject {
        Subject::Session(session, _) => of_session(context, session),
        Subject::Profile(profile) => of_profile(context, profile),
    }
}

/// Returns what all that is there takes. `at` is told what is measured.
pub(crate) fn everything(context: &Context, at: &mut dyn FnMut(&str)) -> Result<Vec<Taken>> {
    let store = context.store()?;
    let mut rows = Vec::new();
    for entry in context.or_without(store.sessions()) {
        match entry.record {
            Ok(session) => {
                at(session.name.as_str());
                rows.push(match of_session(context, &session) {
                    Ok(row) => row,
                    // Its profile's record is damaged: its own files are still to be measured.
                    Err(failure) => {
                        let path = store.session_root(session.id);
                        plain(context, "session", session.name.to_string(), path, Some(failure.message))
                    }
                });
            }
            Err(damage) => {
                let path = store.session_root(entry.id);
                told(context, &damage, || store.unread_session(entry.id, &damage));
                rows.push(plain(context, "session", entry.id.to_string(), path, Some(damage.to_string())));
            }
        }
    }
    for entry in context.or_without(store.profiles(&context.home()?)) {
        at(entry.name.as_str());
        rows.push(match entry.profile {
            Ok(profile) => of_profile(context, &profile)?,
            Err(damage) => {
                let path = store.profile_root(&entry.name);
                told(context, &damage, || store.unread_profile(&entry.name, &damage));
                plain(context, "profile", entry.name.to_string(), path, Some(damage.to_string()))
            }
        });
    }
    at("the trash");
    for (kind, room) in [("trash", "trash"), ("staging", "staging")] {
        let path = store.root().join(room);
        let entries = os::names_in(&path, "").map_err(|error| Failure::io("list", &path, &error));
        if !context.or_without(entries).is_empty() {
            rows.push(plain(context, kind, String::new(), path, None));
        }
    }
    // What several sessions have in common is counted once, and for none of them.
    let history = store.groups_dir();
    let groups = os::names_in(&history, "").map_err(|error| Failure::io("list", &history, &error));
    let mut groups = context.or_without(groups);
    groups.sort_unstable();
    for group in groups {
        let mut row = plain(context, "history", group.clone(), history.join(group), None);
        std::mem::swap(&mut row.conversations, &mut row.other);
        rows.push(row);
    }
    Ok(rows)
}

/// Tells that a record cannot be read, if the system is why.
fn told(context: &Context, damage: &Damage, failure: impl FnOnce() -> Failure) {
    if damage.is_unread() {
        context.goes_without(&failure().message);
    }
}

/// Returns the space that `path` takes. What of it could not be read is told, and has the command end with 1.
pub(crate) fn measured(context: &Context, path: &Path) -> Size {
    let (size, unread) = os::tree_measured(path);
    if let Some((path, error)) = unread {
        context.goes_without(&Failure::io("measure", &path, &error).message);
    }
    size
}

fn plain(context: &Context, kind: &'static str, name: String, path: PathBuf, note: Option<String>) -> Taken {
    let other = measured(context, &path);
    Taken { kind, name, path, conversations: Size::default(), caches: Size::default(), other, note }
}

fn of_session(context: &Context, session: &Session) -> Result<Taken> {
    let (paths, _) = paths_of(context, session)?;
    let mut row = plain(context, "session", session.name.to_string(), paths.root.clone(), None);
    // The conversations of one that is not isolated are its profile's.
    if session.isolation != Isolation::None {
        split(&mut row, &paths.config);
    }
    Ok(row)
}

/// Returns what a profile takes: its config directory, wherever that is, with login and plugins, and what `cs` keeps of it.
fn of_profile(context: &Context, profile: &Profile) -> Result<Taken> {
    let root = context.store()?.profile_root(&profile.name);
    let config = profile.home.directory();
    let mut row = plain(context, "profile", profile.name.to_string(), config.clone(), None);
    if config.starts_with(&root) {
        row.other = measured(context, &root);
    } else {
        row.other += measured(context, &root);
    }
    if !config.is_dir() {
        row.note = Some("has no config directory yet".into());
    }
    split(&mut row, &config);
    Ok(row)
}

/// Takes conversations and caches in the config directory `config` out of what is other.
fn split(row: &mut Taken, config: &Path) {
    let sum = |items: &[&str]| {
        let mut size = Size::default();
        for item in items {
            size += os::tree_size(&config.join(item));
        }
        size
    };
    row.conversations = sum(CONVERSATIONS);
    row.caches = sum(CACHES);
    let taken = |all: u64, a: u64, b: u64| all.saturating_sub(a).saturating_sub(b);
    row.other = Size {
        bytes: taken(row.other.bytes, row.conversations.bytes, row.caches.bytes),
        files: taken(row.other.files, row.conversations.files, row.caches.files),
    };
}
