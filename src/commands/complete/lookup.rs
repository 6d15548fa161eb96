//! What there is to offer: sessions, profiles, trash, ids. What cannot be read is left out, and how
//! much is read does not grow with how much there is: names are those of a directory, and records
//! are read only for as many as a person looks through.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use uuid::Uuid;

use super::Lines;
use crate::claude::{self, Conversation};
use crate::git::Checkout;
use crate::model::verb::Slot;
use crate::model::{ConfigHome, Isolation, Name, Profile, Session, SessionPaths};
use crate::store::{Claim, Store, Trashed, TrashedKind};
use crate::ui;
use crate::work::context::Context;
use crate::work::{directory, open};

/// Up to how many something is said about each.
const DESCRIBED: usize = 64;

/// Up to how many that is what their conversation is about, which takes a look into it.
const TITLED: usize = 24;

/// In how many sessions, the newest, ids of conversations are looked for.
const SEARCHED: usize = 200;

/// Adds what fits `slot` and begins with `typed` to `lines`. `before` are the words before it.
pub(super) fn fill(context: &Context, slot: Slot, typed: &str, before: &[OsString], lines: &mut Lines) {
    let Ok(store) = context.store() else { return };
    let look = Lookup {
        context,
        store,
        typed,
        home: context.home().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default(),
        profiles: OnceCell::new(),
        now: jiff::Timestamp::now(),
    };
    match slot {
        Slot::Name => look.names(true, &[], lines),
        Slot::NameOrDash => {
            look.names(true, &[], lines);
            if typed.is_empty() || typed == "-" {
                lines.add("-", "the one before");
            }
        }
        // More than one may be named, each of them once.
        Slot::Session => look.names(false, before, lines),
        Slot::Resumable => look.resumable(lines),
        Slot::Profile => look.profiles(lines),
        Slot::Worktree => look.worktrees(before, lines),
        Slot::Branch => look.branches(lines),
        Slot::Trash => look.trash(lines),
        // These are the shell's, known without a look, or not ours.
        Slot::Directory
        | Slot::File
        | Slot::Shell
        | Slot::Item
        | Slot::New
        | Slot::Claude
        | Slot::Login
        | Slot::Command => {}
    }
}

struct Lookup<'a> {
    context: &'a Context,
    store: &'a Store,
    typed: &'a str,
    home: String,
    profiles: OnceCell<BTreeMap<Name, Profile>>,
    now: jiff::Timestamp,
}

impl Lookup<'_> {
    /// Sessions, and profiles if they are wanted too, in name order; none that is among `except`.
    fn names(&self, and_profiles: bool, except: &[OsString], lines: &mut Lines) {
        let mut keys = self.keys(and_profiles);
        keys.retain(|key| except.iter().all(|word| !word.eq_ignore_ascii_case(key)));
        let described = lines.described && keys.len() <= DESCRIBED;
        for key in keys {
            if !described {
                lines.add(&self.shown(key), "");
                continue;
            }
            match self.owner(&key) {
                Owner::Session(session, used) => {
                    let about = self.about(&session, used);
                    lines.add(&self.shown(session.name.into()), &about);
                }
                Owner::Profile if and_profiles => lines.add(&self.shown(key), "profile"),
                Owner::Damaged => lines.add(&self.shown(key), "damaged"),
                Owner::Profile | Owner::Nobody => {}
            }
        }
    }

    /// The keys of sessions, and of profiles if they are wanted too, in order. Nothing is opened.
    fn keys(&self, and_profiles: bool) -> Vec<String> {
        let mut keys = self.store.claimed_names_from(&self.key());
        if and_profiles {
            self.add_default(&mut keys);
        } else {
            let profiles: BTreeSet<String> = self.store.profile_names().into_iter().collect();
            keys.retain(|key| !profiles.contains(key));
        }
        keys
    }

    fn profiles(&self, lines: &mut Lines) {
        let mut keys = self.store.profile_names();
        keys.retain(|name| name.starts_with(&self.key()));
        keys.sort_unstable();
        self.add_default(&mut keys);
        for key in keys {
            lines.add(&self.shown(key), "profile");
        }
    }

    /// Adds the profile that always exists, and has no record until it is given one, in its place.
    fn add_default(&self, keys: &mut Vec<String>) {
        let name = Name::DEFAULT_PROFILE;
        if name.starts_with(&self.key())
            && let Err(at) = keys.binary_search_by(|key| key.as_str().cmp(name))
        {
            keys.insert(at, name.to_owned());
        }
    }

    /// The worktrees of this repository by their directories; sessions where there is none.
    fn worktrees(&self, except: &[OsString], lines: &mut Lines) {
        let Some(checkout) = here(self.context) else { return self.names(false, except, lines) };
        for (name, path) in checkout.worktree_names() {
            if name.starts_with(self.typed) && except.iter().all(|word| *word != *name) {
                lines.add(&name, &ui::short(&path, &self.home));
            }
        }
    }

    fn branches(&self, lines: &mut Lines) {
        let branches = here(self.context).map(|checkout| checkout.branches()).unwrap_or_default();
        for branch in branches.iter().filter(|branch| branch.starts_with(self.typed)) {
            lines.add(branch, "");
        }
    }

    fn trash(&self, lines: &mut Lines) {
        let mut seen = BTreeSet::new();
        for trashed in self.store.newest_trash(DESCRIBED) {
            let key = trashed.name().key();
            // Of two of one name, the one removed last comes back.
            if key.starts_with(&self.key()) && seen.insert(key) {
                lines.add(&self.shown(trashed.name().to_string()), &self.about_trash(&trashed));
            }
        }
    }

    fn about_trash(&self, trashed: &Trashed) -> String {
        let removed = format!("removed {}", ago(trashed.removed, self.now));
        match &trashed.kind {
            TrashedKind::Session(session) => {
                format!("{removed}, {}", ui::short(&session.directory, &self.home))
            }
            TrashedKind::Profile(_) => format!("profile, {removed}"),
        }
    }

    /// Sessions by what they are about; ids too, once what was typed looks like the beginning of one.
    fn resumable(&self, lines: &mut Lines) {
        let keys = self.keys(false);
        if lines.described && keys.len() <= TITLED {
            for key in keys {
                match self.owner(&key) {
                    Owner::Session(session, used) => {
                        let about = match self.title(&session) {
                            Some(title) if self.is_open(&session) => format!("open, {title}"),
                            Some(title) => title,
                            None => self.about(&session, used),
                        };
                        lines.add(&self.shown(session.name.into()), &about);
                    }
                    Owner::Damaged => lines.add(&self.shown(key), "damaged"),
                    Owner::Profile | Owner::Nobody => {}
                }
            }
        } else {
            self.names(false, &[], lines);
        }
        let hex = self.typed.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if hex && self.typed.len() >= 2 {
            self.ids(lines);
        }
    }

    /// Ids of conversations and sessions, those of the newest sessions first.
    fn ids(&self, lines: &mut Lines) {
        let key = self.key();
        let mut found: Vec<(Uuid, Uuid, Option<Conversation>)> = Vec::new();
        for session in self.store.session_ids().unwrap_or_default().into_iter().rev().take(SEARCHED) {
            let conversations = self.conversations_of(session);
            let own = conversations.iter().all(|conversation| conversation.id != session);
            found.extend(own.then_some((session, session, None)));
            found.extend(conversations.into_iter().map(|found| (found.id, session, Some(found))));
        }
        found.retain(|(id, ..)| id.to_string().starts_with(&key));
        let described = lines.described && found.len() <= DESCRIBED;
        let titled = found.len() <= TITLED;
        for (id, session, conversation) in found {
            let session = if described { self.store.session(session).ok() } else { None };
            let about = session.map(|session| {
                let about = conversation.filter(|_| titled).map(|found| claude::about(&found, &session.name));
                match about.and_then(|about| about.title) {
                    Some(title) => format!("{}: {title}", session.name),
                    None => session.name.into(),
                }
            });
            lines.add(&self.shown(id.to_string()), &about.unwrap_or_default());
        }
    }

    /// The conversations in the directory of a session, whichever way it is isolated: its record is
    /// not read. One that shares its profile's has none of its own.
    fn conversations_of(&self, session: Uuid) -> Vec<Conversation> {
        let root = self.store.session_root(session);
        let nowhere = ConfigHome::Directory(root.clone());
        [Isolation::ConfigDir, Isolation::Home]
            .into_iter()
            .map(|isolation| SessionPaths::new(&root, isolation, &nowhere).config)
            .flat_map(|config| claude::conversations(&config).unwrap_or_default())
            .collect()
    }

    /// Who has the name of this key.
    fn owner(&self, key: &str) -> Owner {
        let Ok(name) = Name::of_profile(key) else { return Owner::Nobody };
        if name.is_default() {
            return Owner::Profile;
        }
        match self.store.claim(&name) {
            Ok(Some(Claim::Profile)) if self.store.profile_names().contains(&name.key()) => Owner::Profile,
            // A claim left over from something that was cut short.
            Ok(Some(Claim::Profile) | None) => Owner::Nobody,
            Ok(Some(Claim::Session(id))) => match self.store.entry(id) {
                Some(entry) => match entry.record {
                    Ok(session) if session.name.key() == name.key() => {
                        Owner::Session(Box::new(session), entry.used.max(self.store.prompted(id)))
                    }
                    Ok(_) => Owner::Nobody,
                    Err(_) => Owner::Damaged,
                },
                None => Owner::Nobody,
            },
            Err(_) => Owner::Damaged,
        }
    }

    /// `open, ~/src/api` or `2h ago, ~/src/api`.
    fn about(&self, session: &Session, used: Option<jiff::Timestamp>) -> String {
        let directory = ui::short(&session.directory, &self.home);
        if self.is_open(session) {
            return format!("open, {directory}");
        }
        match used {
            Some(used) => format!("{}, {directory}", ago(used, self.now)),
            None => directory.into_owned(),
        }
    }

    fn is_open(&self, session: &Session) -> bool {
        self.paths(session).is_some_and(|paths| {
            let run = self.store.last_run(&self.store.session_run_path(session.id));
            open::open_state(session, &paths, run.as_ref()).is_some()
        })
    }

    fn title(&self, session: &Session) -> Option<String> {
        let paths = self.paths(session)?;
        let config = &paths.config;
        let newest = match session.isolation {
            Isolation::None => claude::find_conversation(config, session.id).ok().flatten(),
            _ if config.join("projects").is_symlink() => {
                let run = self.store.last_run(&self.store.session_run_path(session.id));
                crate::work::conversations::newest(session, &paths, session.directory(), run.as_ref())
                    .ok()
                    .flatten()
            }
            _ => claude::conversations(config).ok()?.into_iter().next(),
        };
        claude::about(&newest?, &session.name).title
    }

    fn paths(&self, session: &Session) -> Option<SessionPaths> {
        let profiles = self.profiles.get_or_init(|| {
            crate::work::profiles::known(self.context).map(|(_, known)| known).unwrap_or_default()
        });
        let profile = profiles.get(&session.profile)?;
        Some(SessionPaths::new(&self.store.session_root(session.id), session.isolation, &profile.home))
    }

    fn key(&self) -> String {
        self.typed.to_ascii_lowercase()
    }

    /// A name as it is shown: as it was given where that begins with what was typed; else what was
    /// typed stays, as a shell offers nothing that begins otherwise.
    fn shown(&self, name: String) -> String {
        if name.starts_with(self.typed) {
            return name;
        }
        let key = name.to_ascii_lowercase();
        format!("{}{}", self.typed, key.get(self.typed.len()..).unwrap_or_default())
    }
}

/// The checkout one is in.
fn here(context: &Context) -> Option<Checkout> {
    Checkout::of(&directory::real(&context.current_directory().ok()?))
}

/// Who has a name.
enum Owner {
    /// A session, and when it was last used.
    Session(Box<Session>, Option<jiff::Timestamp>),
    Profile,
    /// Something whose record or claim cannot be read.
    Damaged,
    Nobody,
}

fn ago(then: jiff::Timestamp, now: jiff::Timestamp) -> String {
    match ui::age(then, now).as_str() {
        "now" => "just now".into(),
        age => format!("{age} ago"),
    }
}
