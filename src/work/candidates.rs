//! Candidates that Tab has to look up: sessions, profiles, worktrees, branches, trash, ids.
//!
//! Nothing on disk is changed and no lock is waited for. What cannot be read is left out, and how much is read does
//! not grow with how much there is: names are those of a directory, and records are read only for as many as a
//! person looks through.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use uuid::Uuid;

use crate::claude::{self, ConfigGround, Conversation};
use crate::git::Checkout;
use crate::model::verb::Slot;
use crate::model::{Candidate, ConfigHome, Isolation, Name, Profile, Session, SessionPaths};
use crate::store::{Claim, Store, Trashed, TrashedKind};
use crate::ui;
use crate::work::context::Context;
use crate::work::{conversations, directory, open, profiles};

/// Up to how many something is said about each.
const DESCRIBED: usize = 64;

/// Up to how many that is what their conversation is about, which takes a look into it.
const TITLED: usize = 24;

/// In how many sessions, the newest, ids of conversations are looked for.
const SEARCHED: usize = 200;

/// Returns what fits `slot` and begins with `typed`, in the order it is to be shown. `before` are the words before
/// it. Something is said about each if `described`, and where there are not too many of them.
pub(crate) fn candidates(
    context: &Context,
    slot: Slot,
    typed: &str,
    before: &[OsString],
    described: bool,
) -> Vec<Candidate> {
    let Ok(store) = context.store() else { return Vec::new() };
    let look = Lookup {
        context,
        store,
        typed,
        described,
        home: context.home().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default(),
        profiles: OnceCell::new(),
        now: jiff::Timestamp::now(),
    };
    match slot {
        Slot::Name => look.names(true, &[]),
        Slot::NameOrDash => {
            let mut found = look.names(true, &[]);
            if typed.is_empty() || typed == "-" {
                found.push(Candidate::new("-", "the one before"));
            }
            found
        }
        // More than one may be named, each of them once.
        Slot::Session => look.names(false, before),
        Slot::Resumable => look.resumable(),
        Slot::Profile => look.profiles(),
        Slot::Provider => look.providers(),
        Slot::Worktree => look.worktrees(before),
        Slot::Branch => look.branches(),
        Slot::Trash => look.trash(),
        // These are the shell's, known without a look, or not ours.
        Slot::Directory
        | Slot::File
        | Slot::Shell
        | Slot::Item
        | Slot::New
        | Slot::Claude
        | Slot::Login
        | Slot::Command => Vec::new(),
    }
}

struct Lookup<'a> {
    context: &'a Context,
    store: &'a Store,
    typed: &'a str,
    /// True if something is to be said about what is found.
    described: bool,
    home: String,
    profiles: OnceCell<BTreeMap<Name, Profile>>,
    now: jiff::Timestamp,
}

impl Lookup<'_> {
    /// Returns sessions, and profiles if they are wanted too, in name order; none that is among `except`.
    fn names(&self, and_profiles: bool, except: &[OsString]) -> Vec<Candidate> {
        let mut keys = self.keys(and_profiles);
        keys.retain(|key| except.iter().all(|word| !word.eq_ignore_ascii_case(key)));
        if !self.described || keys.len() > DESCRIBED {
            return keys.into_iter().map(|key| self.candidate(key, "")).collect();
        }
        let of = |key: String| match self.owner(&key) {
            Owner::Session(session, used) => {
                let about = self.about(&session, used);
                Some(self.candidate(session.name.into(), about))
            }
            Owner::Profile if and_profiles => Some(self.candidate(key, "profile")),
            Owner::Damaged => Some(self.candidate(key, "damaged")),
            Owner::Profile | Owner::Nobody => None,
        };
        keys.into_iter().filter_map(of).collect()
    }

    /// Returns the keys of sessions, and of profiles if they are wanted too, in order. Nothing is opened.
    fn keys(&self, and_profiles: bool) -> Vec<String> {
        let mut keys = self.store.claimed_names_from(&self.key()).unwrap_or_default();
        if and_profiles {
            self.add_default(&mut keys);
        } else {
            let profiles: BTreeSet<String> = self.profile_names().into_iter().collect();
            keys.retain(|key| !profiles.contains(key));
        }
        keys
    }

    fn profiles(&self) -> Vec<Candidate> {
        let mut keys = self.profile_names();
        keys.retain(|name| name.starts_with(&self.key()));
        keys.sort_unstable();
        self.add_default(&mut keys);
        keys.into_iter().map(|key| self.candidate(key, "profile")).collect()
    }

    /// Returns the names of all profiles; none where they cannot be read, as a Tab says nothing.
    fn profile_names(&self) -> Vec<String> {
        self.store.profile_names().unwrap_or_default()
    }

    fn providers(&self) -> Vec<Candidate> {
        let fits = profiles::create::providers().into_iter().filter(|(name, _)| name.starts_with(self.typed));
        fits.map(|(name, title)| Candidate::new(name, title)).collect()
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

    /// Returns the worktrees of this repository by their directories; sessions where there is none.
    fn worktrees(&self, except: &[OsString]) -> Vec<Candidate> {
        let Some(checkout) = here(self.context) else { return self.names(false, except) };
        let all = checkout.worktree_names().into_iter();
        let fits = all.filter(|(name, _)| {
            name.starts_with(self.typed) && except.iter().all(|word| word.as_os_str() != name.as_str())
        });
        fits.map(|(name, path)| Candidate::new(name, ui::short(&path, &self.home))).collect()
    }

    fn branches(&self) -> Vec<Candidate> {
        let branches = here(self.context).map(|checkout| checkout.branches()).unwrap_or_default();
        let fits = branches.into_iter().filter(|branch| branch.starts_with(self.typed));
        fits.map(|branch| Candidate::new(branch, "")).collect()
    }

    fn trash(&self) -> Vec<Candidate> {
        let mut seen = BTreeSet::new();
        let of = |trashed: Trashed| {
            let key = trashed.name().key();
            // Of two of one name, the one removed last comes back.
            let fits = key.starts_with(&self.key()) && seen.insert(key);
            fits.then(|| self.candidate(trashed.name().to_string(), self.about_trash(&trashed)))
        };
        self.store.newest_trash(DESCRIBED).unwrap_or_default().into_iter().filter_map(of).collect()
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

    /// Returns sessions by what they are about; ids too, once what was typed looks like the beginning of one.
    fn resumable(&self) -> Vec<Candidate> {
        let keys = self.keys(false);
        let mut found = if self.described && keys.len() <= TITLED {
            keys.into_iter().filter_map(|key| self.titled(key)).collect()
        } else {
            self.names(false, &[])
        };
        let hex = self.typed.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if hex && self.typed.len() >= 2 {
            found.extend(self.ids());
        }
        found
    }

    /// Returns the session of this key with what it is about.
    fn titled(&self, key: String) -> Option<Candidate> {
        match self.owner(&key) {
            Owner::Session(session, used) => {
                let about = match self.title(&session) {
                    Some(title) if self.is_open(&session) => format!("open, {title}"),
                    Some(title) => title,
                    None => self.about(&session, used),
                };
                Some(self.candidate(session.name.into(), about))
            }
            Owner::Damaged => Some(self.candidate(key, "damaged")),
            Owner::Profile | Owner::Nobody => None,
        }
    }

    /// Returns ids of conversations and sessions, those of the newest sessions first.
    fn ids(&self) -> Vec<Candidate> {
        let key = self.key();
        let mut found: Vec<(Uuid, Uuid, Option<Conversation>)> = Vec::new();
        for session in self.store.session_ids().unwrap_or_default().into_iter().rev().take(SEARCHED) {
            let conversations = self.conversations_of(session);
            let own = conversations.iter().all(|conversation| conversation.id != session);
            found.extend(own.then_some((session, session, None)));
            found.extend(conversations.into_iter().map(|found| (found.id, session, Some(found))));
        }
        found.retain(|(id, ..)| id.to_string().starts_with(&key));
        let described = self.described && found.len() <= DESCRIBED;
        let titled = found.len() <= TITLED;
        let of = |(id, session, conversation): (Uuid, Uuid, Option<Conversation>)| {
            let session = if described { self.store.session(session).ok() } else { None };
            let about = session.map(|session| {
                let about = conversation.filter(|_| titled).map(|found| claude::about(&found, &session.name));
                match about.and_then(|about| about.title) {
                    Some(title) => format!("{}: {title}", session.name),
                    None => session.name.into(),
                }
            });
            self.candidate(id.to_string(), about.unwrap_or_default())
        };
        found.into_iter().map(of).collect()
    }

    /// Returns the conversations in the directory of a session, whichever way it is isolated: its record is
    /// not read. One that shares its profile's has none of its own.
    fn conversations_of(&self, session: Uuid) -> Vec<Conversation> {
        let root = self.store.session_root(session);
        let nowhere = ConfigHome::Directory(root.clone());
        [Isolation::ConfigDir, Isolation::Home]
            .into_iter()
            .map(|isolation| ConfigGround::of(&SessionPaths::new(&root, isolation, &nowhere)))
            .flat_map(|ground| claude::conversations(&ground).unwrap_or_default())
            .collect()
    }

    /// Returns who has the name of this key.
    fn owner(&self, key: &str) -> Owner {
        let Ok(name) = Name::of_profile(key) else { return Owner::Nobody };
        if name.is_default() {
            return Owner::Profile;
        }
        match self.store.claim(&name) {
            Ok(Some(Claim::Profile)) if self.profile_names().contains(&name.key()) => Owner::Profile,
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

    /// Returns `open, ~/src/api` or `2h ago, ~/src/api`.
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
        let home = &self.known().get(&session.profile)?.home;
        let latest = conversations::latest(self.store, session, &self.paths(session)?, home)?;
        claude::about(&latest, &session.name).title
    }

    fn paths(&self, session: &Session) -> Option<SessionPaths> {
        let profile = self.known().get(&session.profile)?;
        Some(SessionPaths::new(&self.store.session_root(session.id), session.isolation, &profile.home))
    }

    /// Returns the profiles.
    fn known(&self) -> &BTreeMap<Name, Profile> {
        let known = || profiles::known(self.context).map(|(_, known)| known).unwrap_or_default();
        self.profiles.get_or_init(known)
    }

    fn key(&self) -> String {
        self.typed.to_ascii_lowercase()
    }

    /// Returns what is offered for a name, with what is said about it.
    fn candidate(&self, name: String, about: impl Into<String>) -> Candidate {
        Candidate::new(self.shown(name), about)
    }

    /// Returns a name as it is shown: as it was given where that begins with what was typed; else what was
    /// typed stays, as a shell offers nothing that begins otherwise.
    fn shown(&self, name: String) -> String {
        if name.starts_with(self.typed) {
            return name;
        }
        let key = name.to_ascii_lowercase();
        format!("{}{}", self.typed, key.get(self.typed.len()..).unwrap_or_default())
    }
}

/// Returns the checkout one is in.
fn here(context: &Context) -> Option<Checkout> {
    Checkout::of(&directory::real(&context.current_directory().ok()?))
}

/// The owner of a name.
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
