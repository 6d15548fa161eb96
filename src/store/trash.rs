//! Removed sessions and profiles, until somebody empties the trash. Removing is one rename, so it works
//! on a full disk, and nothing is half removed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::locking::lock;
use super::records::Damage;
use super::removal::gone;
use super::root::listed;
use super::sessions::{modified, taken};
use super::{Claim, Store, records};
use crate::model::{Failure, Kind, Name, Noted, PortRange, Ports, Result, Session};
use crate::os;

/// The kind of a piece of trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrashedKind {
    /// A session, with its record.
    Session(Box<Session>),
    /// A profile.
    Profile(Name),
}

/// One piece of trash.
#[derive(Clone, Debug)]
pub struct Trashed {
    /// Its kind.
    pub kind: TrashedKind,
    /// The time it was removed.
    pub removed: jiff::Timestamp,
    /// Its path now.
    pub path: PathBuf,
}

impl Trashed {
    /// Returns the name it had.
    pub fn name(&self) -> &Name {
        match &self.kind {
            TrashedKind::Session(session) => &session.name,
            TrashedKind::Profile(name) => name,
        }
    }
}

impl Store {
    /// Moves a session to the trash and frees its name and its ports. The caller holds its lock. Its
    /// files are not touched.
    pub fn trash_session(&self, session: &Session) -> Result<PathBuf> {
        let root = self.session_root(session.id);
        guard(&root, &self.sessions_dir(), &session.id.to_string())?;
        if !self.is_still(session)? {
            return Err(Failure::of(
                Kind::Changed,
                format!("session '{}' has changed meanwhile", session.name),
            )
            .hint("look again: cs list"));
        }
        let moved = self.to_trash(&root, &session.id.to_string())?;
        self.release_name(&session.name, Claim::Session(session.id));
        if let Some(ports) = session.ports {
            self.release_ports(ports, session.id);
        }
        Ok(moved)
    }

    /// Moves a profile to the trash and frees its name. An adopted config directory stays in its place:
    /// only the record goes. Takes the profile's lock, so that nobody changes its record meanwhile.
    pub fn trash_profile(&self, name: &Name) -> Result<PathBuf> {
        let _lock = self.lock_profile(name)?;
        let root = self.profile_root(name);
        guard(&root, &self.profiles_dir(), &name.key())?;
        let moved = self.to_trash(&root, &format!("profile.{}", name.key()))?;
        self.release_name(name, Claim::Profile);
        Ok(moved)
    }

    fn to_trash(&self, from: &Path, what: &str) -> Result<PathBuf> {
        self.ensure()?;
        let mut when = jiff::Timestamp::now().as_millisecond();
        loop {
            let to = self.trash_dir().join(format!("{what}-{when}"));
            match os::publish_dir(from, &to) {
                Ok(()) => return Ok(to),
                // Another profile of this name went in this very millisecond, or the clock was set back to it.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => when += 1,
                Err(error) => return Err(Failure::io("move to the trash", from, &error)),
            }
        }
    }

    /// Reads the trash, newest first. Entries that cannot be read are left out, and stay: [`Store::pieces`] has them.
    /// Fails if the trash cannot be listed.
    pub fn trash(&self) -> Result<Vec<Trashed>> {
        self.newest_trash(usize::MAX)
    }

    /// Reads the `most` pieces of trash that were removed last, newest first; no record of others is
    /// read.
    pub fn newest_trash(&self, most: usize) -> Result<Vec<Trashed>> {
        let mut entries: Vec<(jiff::Timestamp, String)> = listed(&self.trash_dir(), "")?
            .into_iter()
            .filter_map(|name| Some((split(&name)?.1, name)))
            .collect();
        entries.sort_by_key(|(removed, _)| std::cmp::Reverse(*removed));
        let read = |(_, name): (jiff::Timestamp, String)| {
            Self::trashed_at(&self.trash_dir().join(&name), &name)?.ok()
        };
        Ok(entries.into_iter().filter_map(read).take(most).collect())
    }

    /// Returns the times that were noted here by the clock: of sessions made, launched and changed, of profiles, and
    /// of what was removed. What lies below a config directory is not asked.
    pub fn noted(&self) -> Result<Vec<Noted>> {
        let mut noted = Vec::new();
        for entry in self.sessions()? {
            let what = match &entry.record {
                Ok(session) => format!("session '{}'", session.name),
                Err(_) => format!("session {}", entry.id),
            };
            let made = entry.record.as_ref().ok().map(|session| session.created);
            let changed = modified(&self.session_record_path(entry.id));
            let times = [made, entry.used, changed].into_iter().flatten();
            noted.extend(times.map(|at| Noted { at, what: what.clone() }));
        }
        for name in self.profile_names()? {
            let Ok(name) = Name::of_profile(&name) else { continue };
            let changed = modified(&self.profile_record_path(&name));
            noted.extend(changed.map(|at| Noted { at, what: format!("profile '{name}'") }));
        }
        let removed = listed(&self.trash_dir(), "")?.into_iter();
        noted.extend(
            removed.filter_map(|name| Some(Noted { at: split(&name)?.1, what: "a removal".to_owned() })),
        );
        Ok(noted)
    }

    /// Reads the piece of trash that has the file name `name`, or the damage of its record. `None` if
    /// that is no name of ours, or leads to no directory.
    pub(super) fn trashed_at(path: &Path, name: &str) -> Option<Result<Trashed, Damage>> {
        let (what, removed) = split(name)?;
        if !os::is_dir(path) {
            return None;
        }
        let path = path.to_path_buf();
        if let Some(profile) = what.strip_prefix("profile.") {
            let kind = TrashedKind::Profile(Name::of_profile(profile).ok()?);
            return Some(Ok(Trashed { kind, removed, path }));
        }
        let id: Uuid = what.parse().ok()?;
        Some(records::read(&path.join("session.toml")).and_then(|session: Session| {
            if session.id != id {
                return Err(Damage::Unreadable(format!("it is the record of {}", session.id)));
            }
            Ok(Trashed { kind: TrashedKind::Session(Box::new(session)), removed, path })
        }))
    }

    /// Returns the piece of trash that was on its way back under `name` when its process died.
    pub fn half_restored(&self, name: &Name) -> Result<Option<Trashed>> {
        let Some(Claim::Session(id)) = self.claim(name)? else { return Ok(None) };
        Ok(self.trash()?.into_iter().find(|trashed| {
            matches!(&trashed.kind, TrashedKind::Session(session) if session.id == id && session.name == *name)
        }))
    }

    /// Puts a piece of trash back, under `name`. Returns the ports it has now: its earlier ones if they
    /// are still free, else others in `range`. Cut short, it can be done again: the claim that was made
    /// names the very same session.
    pub fn restore(&self, trashed: &Trashed, name: &Name, range: Option<PortRange>) -> Result<Option<Ports>> {
        self.ensure()?;
        let entry = match &trashed.kind {
            TrashedKind::Session(session) => session.id.to_string(),
            TrashedKind::Profile(profile) => profile.key(),
        };
        let _lock = lock(&self.lock_path(&trashed.path, &entry), &format!("'{}'", trashed.name()))
            .map_err(|failure| if os::is_dir(&trashed.path) { failure } else { gone(trashed) })?;
        if !os::is_dir(&trashed.path) {
            return Err(gone(trashed));
        }
        let (claim, place) = match &trashed.kind {
            TrashedKind::Session(session) => (Claim::Session(session.id), self.session_root(session.id)),
            TrashedKind::Profile(profile) => (Claim::Profile, self.profile_root(profile)),
        };
        // What is refused changes nothing.
        self.refuse_taken(name, claim)?;
        // As long as it is in the trash, its claim looks like one that was left behind.
        let held = self.hold_names()?;
        if let Some(holder) = self.claim_name_among(name, claim, &held)? {
            return Err(taken(name, holder));
        }
        // Of two profiles of one name the claim says the same. Who makes the other one looks for this one, too, once
        // the names are free.
        if claim == Claim::Profile && (os::exists(&place) || self.is_being_made(&entry)) {
            return Err(taken(name, claim));
        }
        let mut ports = None;
        let release = |ports: Option<Ports>| {
            self.release_name_among(name, claim, &held);
            if let (Some(ports), Claim::Session(id)) = (ports, claim) {
                self.release_ports(ports, id);
            }
        };
        if let TrashedKind::Session(session) = &trashed.kind {
            let is_free = |ports: Ports| os::ports_free(ports.all());
            ports = self
                .claim_ports(session.id, range, session.ports.as_slice(), is_free)
                .inspect_err(|_| release(session.ports))?;
            // Who brings an ephemeral session back wants to keep it.
            let back = Session { name: name.clone(), ephemeral: false, ports, ..(**session).clone() };
            if back != **session {
                let path = trashed.path.join("session.toml");
                os::replace_file(&path, records::text(&back)?.as_bytes(), true)
                    .map_err(|error| Failure::io("write", &path, &error))
                    .inspect_err(|_| release(ports))?;
            }
        }
        if matches!(trashed.kind, TrashedKind::Session(_)) {
            // What was just brought back is in use, whenever its last conversation was.
            os::touch(&trashed.path.join("session.toml"));
        }
        os::publish_dir(&trashed.path, &place).map_err(|error| {
            release(ports);
            Failure::io("restore", &trashed.path, &error)
        })?;
        Ok(ports)
    }
}

/// Splits a file name in the trash: the name or id it had, and the time it was removed.
fn split(name: &str) -> Option<(&str, jiff::Timestamp)> {
    let (what, when) = name.rsplit_once('-')?;
    Some((what, jiff::Timestamp::from_millisecond(when.parse().ok()?).ok()?))
}

/// Refuses to move or remove anything that is not exactly the directory of ours it should be: a direct
/// child of its directory in the store, a real directory on the same file system, ours.
pub(super) fn guard(path: &Path, room: &Path, entry: &str) -> Result<()> {
    let refuse = |why: &str| Err(Failure::refused(format!("{} {why}, so it is left alone", path.display())));
    if path.parent() != Some(room) || path.file_name() != Some(entry.as_ref()) {
        return refuse("is not where it should be");
    }
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) => return Err(Failure::io("remove", path, &error)),
    };
    if !about.is_dir() {
        return refuse("is a link or a file instead of a directory");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if about.uid() != rustix::process::geteuid().as_raw() {
            return refuse("belongs to another user");
        }
        if room.metadata().is_ok_and(|room| room.dev() != about.dev()) || os::is_mount_point(path) {
            return refuse("is a mount point");
        }
    }
    Ok(())
}
