//! Removing for good: the trash, things left behind by processes that died, and caches.
//!
//! Everything is renamed first, to a name that nothing looks for: a kill half-way leaves something that
//! the next removal finishes, and that nobody is ever offered.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::locking::{lock, no_locks};
use super::records::Damage;
use super::root::listed;
use super::trash::guard;
use super::{Claim, Store, Trashed, TrashedKind};
use crate::model::{Failure, Kind, Name, Ports, Result, Session};
use crate::os::{self, Left, Lock, LockError, Unremovable};

/// The beginning of the name of something in the trash that is being removed.
const GOING: &str = "removing.";

/// The age from which something counts as left behind: nothing of ours takes so long.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A directory of a person's that no removal may reach, whatever a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Its name in the refusal.
    pub what: String,
    /// Its path.
    pub path: PathBuf,
    /// True if its contents are kept as well. (A home directory has our own data root in it.)
    pub whole: bool,
}

/// Something in the trash, recognised or not.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Something that can be restored.
    Whole(Trashed),
    /// The rest of a removal that was cut short.
    Half {
        /// Its name before.
        what: String,
        /// Its path.
        path: PathBuf,
    },
    /// Something that is not ours, or is damaged. It is never touched.
    Unknown {
        /// Its path.
        path: PathBuf,
        /// The reason it cannot be read, if it looks like something of ours.
        damage: Option<Damage>,
    },
}

impl Piece {
    /// Returns its path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Whole(trashed) => &trashed.path,
            Self::Half { path, .. } | Self::Unknown { path, .. } => path,
        }
    }
}

/// Something that blocks a name, ports or a path, or takes space, without belonging to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// A session or profile that a process was making when it died.
    Staged(PathBuf),
    /// A name that belongs to nothing.
    Claim(Name, PathBuf),
    /// Ports that belong to nothing.
    Ports(Ports, PathBuf),
    /// The directory of a session or profile without a record, in which nothing of value is.
    Empty(PathBuf),
    /// A file that was being written when its process died.
    Temporary(PathBuf),
    /// A removal that was cut short.
    Half(PathBuf),
}

impl Leftover {
    /// Returns words for it that a person understands.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Staged(_) => "something that was never finished",
            Self::Claim(..) => "a name of nothing",
            Self::Ports(..) => "ports of nothing",
            Self::Empty(_) => "a directory without a record, and with nothing in it",
            Self::Temporary(_) => "a file that was never finished",
            Self::Half(_) => "something half removed",
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Staged(path)
            | Self::Claim(_, path)
            | Self::Ports(_, path)
            | Self::Empty(path)
            | Self::Temporary(path)
            | Self::Half(path) => path,
        }
    }
}

/// Refuses to remove a directory that contains, is, or is inside something to be kept.
fn refuse_kept(path: &Path, keep: &[Keep]) -> Result<()> {
    let real = os::real_path(path).map_err(|error| Failure::io("remove", path, &error))?;
    for kept in keep {
        let theirs = os::real_path(&kept.path).unwrap_or_else(|_| kept.path.clone());
        if theirs.starts_with(&real) || kept.whole && real.starts_with(&theirs) {
            let how = if theirs == real {
                "is"
            } else if theirs.starts_with(&real) {
                "contains"
            } else {
                "is inside"
            };
            return Err(Failure::refused(format!(
                "{} {how} {} ({}), so it is left alone",
                path.display(),
                kept.what,
                theirs.display()
            )));
        }
    }
    Ok(())
}

/// The refusal to remove or restore what is not in the trash any more.
pub(super) fn gone(trashed: &Trashed) -> Failure {
    Failure::of(Kind::Changed, format!("'{}' is no longer in the trash", trashed.name()))
}

fn unremovable(path: &Path, why: &Unremovable) -> Failure {
    match why {
        Unremovable::Io(..) => Failure::of(Kind::Io, format!("cannot remove {why}")),
        Unremovable::Missing => Failure::refused(format!("{} is gone already", path.display())),
        why => Failure::refused(format!("{why}, so {} is left alone", path.display())),
    }
}

impl Store {
    /// Reads everything in the trash: first what can be restored, the newest first, then the rest in name
    /// order. Fails if the trash cannot be listed.
    pub fn pieces(&self) -> Result<Vec<Piece>> {
        let dir = self.trash_dir();
        let failed = |error| Failure::io("list", &dir, &error);
        let entries = match os::entries_of(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let (mut whole, mut others) = (Vec::new(), Vec::new());
        for path in entries {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
            let name = name.as_str();
            if let Some(what) = name.strip_prefix(GOING).filter(|_| os::is_dir(&path)) {
                others.push(Piece::Half { what: what.to_owned(), path });
                continue;
            }
            match Self::trashed_at(&path, name) {
                Some(Ok(trashed)) => whole.push(trashed),
                // It came back, or went for good, since its name was read.
                _ if !os::exists(&path) => {}
                Some(Err(damage)) => others.push(Piece::Unknown { path, damage: Some(damage) }),
                None => others.push(Piece::Unknown { path, damage: None }),
            }
        }
        whole.sort_by_key(|trashed: &Trashed| std::cmp::Reverse(trashed.removed));
        others.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(whole.into_iter().map(Piece::Whole).chain(others).collect())
    }

    /// Removes a piece of trash for good, and returns the parts that could not be removed. Takes its
    /// lock, so that of a restore and a removal one wins. Nothing in `keep` is reached.
    ///
    /// Refuses, with nothing removed: unknown pieces, a piece that is or holds something to be kept, and
    /// one in which anything is mounted.
    pub fn empty(&self, piece: &Piece, keep: &[Keep]) -> Result<Vec<Left>> {
        let trash = self.trash_dir();
        let path = piece.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        match (guard(path, &trash, &name).and_then(|()| refuse_kept(path, keep)), piece) {
            // Another process finished it, or brought it back.
            (Err(_), Piece::Half { .. }) if !os::exists(path) => return Ok(Vec::new()),
            (Err(_), Piece::Whole(trashed)) if !os::exists(path) => return Err(gone(trashed)),
            (may_go, _) => may_go?,
        }
        let (going, _lock) = match piece {
            Piece::Unknown { .. } => {
                return Err(Failure::refused(format!("{} is nothing that cs put there", path.display())));
            }
            Piece::Half { .. } => (name, None),
            Piece::Whole(trashed) => {
                let entry = match &trashed.kind {
                    TrashedKind::Session(session) => session.id.to_string(),
                    TrashedKind::Profile(profile) => profile.key(),
                };
                let held = lock(&self.lock_path(path, &entry), &format!("'{}'", trashed.name()))
                    .map_err(|failure| if os::is_dir(path) { failure } else { gone(trashed) })?;
                if !os::is_dir(path) {
                    return Err(gone(trashed));
                }
                os::check_tree(&trash, OsStr::new(&name)).map_err(|why| unremovable(path, &why))?;
                let going = format!("{GOING}{name}");
                let to = trash.join(&going);
                os::publish_dir(path, &to).map_err(|error| Failure::io("remove", path, &error))?;
                (going, Some(held))
            }
        };
        match os::remove_tree(&trash, OsStr::new(&going)) {
            Ok(left) => Ok(left),
            // Another process finished it.
            Err(Unremovable::Missing) => Ok(Vec::new()),
            Err(why) => Err(unremovable(&trash.join(going), &why)),
        }
    }

    /// Removes for good one directory or file of a session's or profile's config directory: something
    /// that Claude makes again. `config` has to be the directory of ours that it should be, with no link
    /// on the way; a link in the place of `item` is left alone. Returns `None` if there is no such item.
    pub fn trim(&self, config: &Path, item: &str, keep: &[Keep]) -> Result<Option<Vec<Left>>> {
        let root = os::real_path(&self.root).map_err(|error| Failure::io("find", &self.root, &error))?;
        let inside = config.strip_prefix(&self.root).ok().map(|inside| root.join(inside));
        if inside.is_none() || os::real_path(config).ok() != inside {
            return Err(Failure::refused(format!(
                "{} is not where it should be, so it is left alone",
                config.display()
            )));
        }
        let path = config.join(item);
        let about = os::look(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        let Some(about) = about.filter(|about| !about.is_symlink()) else { return Ok(None) };
        refuse_kept(&path, keep)?;
        if about.is_file() {
            os::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
            return Ok(Some(Vec::new()));
        }
        if !about.is_dir() {
            return Ok(None);
        }
        guard(&path, config, item)?;
        match os::remove_tree(config, OsStr::new(item)) {
            Ok(left) => Ok(Some(left)),
            Err(Unremovable::Missing) => Ok(None),
            Err(why) => Err(unremovable(&path, &why)),
        }
    }

    /// Returns the config directories of the profiles that have a record: no removal may reach one of
    /// them, wherever a record says it is. Fails where the system cannot read one of those.
    pub fn kept_by_profiles(&self, home: &Path) -> Result<Vec<Keep>> {
        let mut kept = Vec::new();
        for entry in self.profiles(home)? {
            let what = format!("the config directory of profile '{}'", entry.name);
            match entry.profile {
                Ok(profile) => kept.push(Keep { what, path: profile.home.directory(), whole: true }),
                Err(damage) if damage.is_unread() => {
                    return Err(self.unread_profile(&entry.name, &damage));
                }
                Err(_) => {}
            }
        }
        Ok(kept)
    }

    /// Returns everything that belongs to no record any more: unfinished things, and names, ports and
    /// directories of nothing. Changes nothing. Fails where a directory of the data root cannot be read.
    pub fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut found = self.staged()?;
        for key in self.claimed_names()? {
            let path = self.names().join(&key);
            let Ok(name) = Name::of_profile(&key) else { continue };
            if is_abandoned(&path) && self.is_nobodys(&name) {
                found.push(Leftover::Claim(name, path));
            }
        }
        for (ports, path) in self.claimed_ports()? {
            if is_abandoned(&path) && self.is_nobodys_block(ports) == Ok(true) {
                found.push(Leftover::Ports(ports, path));
            }
        }
        for room in [self.sessions_dir(), self.profiles_dir()] {
            for (path, _) in children(&room)? {
                if is_abandoned(&path) && self.is_empty_shell(&path) {
                    found.push(Leftover::Empty(path));
                }
            }
        }
        found.extend(self.cut_short()?);
        Ok(found)
    }

    /// Returns the things that processes which died were making, writing or removing. Changes nothing. Fails where
    /// a directory of the data root cannot be read.
    pub fn unfinished(&self) -> Result<Vec<Leftover>> {
        let mut found = self.staged()?;
        found.extend(self.cut_short()?);
        Ok(found)
    }

    /// Returns the sessions and profiles that were being made.
    fn staged(&self) -> Result<Vec<Leftover>> {
        let staged = children(&self.staging())?
            .into_iter()
            .filter(|(path, name)| os::is_dir(path) && is_abandoned(path) && !self.seems_held(path, name))
            .map(|(path, _)| Leftover::Staged(path));
        Ok(staged.collect())
    }

    /// Removes things that were being made, as far as that can be: the next process to make something
    /// tries again.
    pub(super) fn sweep_staging(&self) {
        let Ok(staged) = self.staged() else { return };
        let mut staged = staged.into_iter().peekable();
        if staged.peek().is_none() {
            return;
        }
        let Ok(kept) = self.kept_by_profiles(Path::new("")) else { return };
        for leftover in staged {
            let _ = self.sweep(&leftover, &kept);
        }
    }

    /// Returns the files that were being written, and the trash that was being removed.
    fn cut_short(&self) -> Result<Vec<Leftover>> {
        let mut found = Vec::new();
        let mut rooms = vec![self.root.clone(), self.names(), self.ports_dir(), self.trust_dir()];
        rooms.extend(self.shim_path().parent().map(Path::to_path_buf));
        for all in [self.sessions_dir(), self.profiles_dir(), self.groups_dir()] {
            rooms.extend(children(&all)?.into_iter().map(|(path, _)| path));
        }
        for room in rooms.iter().filter(|room| os::is_dir(room)) {
            let files = children(room)?.into_iter().map(|(path, _)| path);
            found.extend(files.filter(|path| is_unfinished(path)).map(Leftover::Temporary));
        }
        let halves = self.pieces()?.into_iter().filter_map(|piece| match piece {
            Piece::Half { path, .. } => Some(Leftover::Half(path)),
            _ => None,
        });
        found.extend(halves);
        Ok(found)
    }

    /// Removes something that belongs to nothing any more, after looking again. Returns the parts that
    /// could not be removed. Nothing in `keep` is reached.
    pub fn sweep(&self, leftover: &Leftover, keep: &[Keep]) -> Result<Vec<Left>> {
        let path = leftover.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        // Before anything is made or locked in it.
        let may_go = |room: &Path| -> Result<()> {
            guard(path, room, name)?;
            refuse_kept(path, keep)?;
            os::check_tree(room, OsStr::new(name)).map(drop).map_err(|why| unremovable(path, &why))
        };
        let remove = |room: &Path| -> Result<Vec<Left>> {
            match os::remove_tree(room, OsStr::new(name)) {
                Ok(left) => Ok(left),
                Err(Unremovable::Missing) => Ok(Vec::new()),
                Err(why) => Err(unremovable(path, &why)),
            }
        };
        match leftover {
            Leftover::Staged(_) => {
                may_go(&self.staging())?;
                let entry = self.lock_path(path, name);
                let Some(_lock) = try_lock(&entry)? else { return Ok(Vec::new()) };
                remove(&self.staging())
            }
            Leftover::Claim(owner, _) => {
                self.forget_name(owner)?;
                Ok(Vec::new())
            }
            Leftover::Ports(ports, _) => {
                self.forget_ports(*ports)?;
                Ok(Vec::new())
            }
            Leftover::Empty(_) => {
                may_go(path.parent().unwrap_or(path))?;
                let Some(_lock) = try_lock(&self.lock_path(path, name))? else { return Ok(Vec::new()) };
                if !self.is_empty_shell(path) {
                    return Ok(Vec::new());
                }
                remove(path.parent().unwrap_or(path))
            }
            Leftover::Temporary(_) => {
                let room = path.parent().filter(|room| os::is_dir(room));
                if room.is_none() || !is_unfinished(path) {
                    return Ok(Vec::new());
                }
                refuse_kept(path, keep)?;
                os::remove_file(path).map_err(|error| Failure::io("remove", path, &error))?;
                Ok(Vec::new())
            }
            Leftover::Half(_) => {
                self.empty(&Piece::Half { what: String::new(), path: path.to_path_buf() }, keep)
            }
        }
    }

    /// Returns true if `name` is claimed for something that does not exist and is not being made.
    fn is_nobodys(&self, name: &Name) -> bool {
        match self.claim(name) {
            Ok(Some(Claim::Session(id))) => {
                !os::exists(&self.staging().join(id.to_string())) && self.session(id) == Err(Damage::Missing)
                    || self.session(id).is_ok_and(|session| session.name.key() != name.key())
            }
            Ok(Some(Claim::Profile)) => {
                !os::exists(&self.profile_root(name)) && !os::exists(&self.staging().join(name.key()))
            }
            _ => false,
        }
    }

    /// Returns true if some process seems to hold the lock in `directory`. Makes no lock that does not
    /// exist.
    fn seems_held(&self, directory: &Path, entry: &str) -> bool {
        Lock::look(&self.lock_path(directory, entry)).is_some_and(|looked| looked.is_held)
    }

    /// Returns true if a session's or profile's directory has no record, and nothing but what `cs` itself
    /// notes.
    fn is_empty_shell(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { return false };
        let room = path.parent();
        let ours = if room == Some(&self.sessions_dir()) {
            name.parse::<Uuid>().is_ok()
        } else {
            Name::of_profile(name).is_ok_and(|name| !name.is_default())
        };
        let record = if room == Some(&self.sessions_dir()) { "session.toml" } else { "profile.toml" };
        ours && os::is_dir(path) && !os::exists(&path.join(record)) && holds_nothing(path, 0)
    }

    /// Takes the lock of a session, if nobody has it; `None` if somebody has, or if the session has
    /// changed meanwhile.
    pub fn try_lock_session(&self, session: &Session) -> Result<Option<Lock>> {
        let root = self.session_root(session.id);
        if !os::is_dir(&root) {
            return Ok(None);
        }
        let held = try_lock(&self.lock_path(&root, &session.id.to_string()))?;
        if held.is_some() && !self.is_still(session)? {
            return Ok(None);
        }
        Ok(held)
    }
}

/// Takes the lock at `path`, if nobody has it and its directory exists.
fn try_lock(path: &Path) -> Result<Option<Lock>> {
    match Lock::take(path, Duration::ZERO) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Held(_)) => Ok(None),
        Err(LockError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(LockError::Unsupported(error)) => Err(no_locks(path, &error)),
        Err(LockError::Io(error)) => Err(Failure::io("lock", path, &error)),
    }
}

/// Returns true if a directory has nothing in it but directories, links, and what `cs` itself notes.
fn holds_nothing(path: &Path, depth: usize) -> bool {
    let Ok(entries) = os::entries_of(path) else { return false };
    depth < 8
        && entries.iter().all(|entry| match entry.symlink_metadata() {
            Ok(about) if about.is_dir() => holds_nothing(entry, depth + 1),
            Ok(about) if about.is_symlink() => true,
            Ok(_) => {
                let name = entry.file_name().and_then(OsStr::to_str);
                depth == 0 && matches!(name, Some("lock" | "run.toml" | "links.toml"))
            }
            Err(_) => false,
        })
}

/// Returns the entries of a directory, in name order. Names that are not UTF-8 are skipped.
fn children(path: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut names = listed(path, "")?;
    names.sort_unstable();
    Ok(names.into_iter().map(|name| (path.join(&name), name)).collect())
}

/// Returns true if nobody has touched something for an hour.
fn is_abandoned(path: &Path) -> bool {
    path.symlink_metadata()
        .and_then(|about| about.modified())
        .ok()
        .and_then(|then| SystemTime::now().duration_since(then).ok())
        .is_some_and(|age| age > ABANDONED)
}

/// Returns true if `path` is a file, or a link, that a process of ours began to put somewhere and was killed:
/// `.NAME.ID.new`, and old.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let id = name.strip_prefix('.').and_then(|name| name.strip_suffix(".new")?.rsplit_once('.'));
    id.is_some_and(|(_, id)| Uuid::try_parse(id).is_ok())
        && path.symlink_metadata().is_ok_and(|about| about.is_file() || about.is_symlink())
        && is_abandoned(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_trimmed_lies_where_it_should_with_no_link_on_the_way() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        let config = store.session_root(Uuid::now_v7()).join("claude");
        os::create_private_dirs(&config.join("debug")).expect("made");
        let aside = dir.path().join("aside");
        let root = config.parent().expect("a parent").to_path_buf();
        fs::rename(&root, &aside).expect("moved");
        std::os::unix::fs::symlink(&aside, &root).expect("linked");
        let refused = store.trim(&config, "debug", &[]).expect_err("a link is on the way");
        assert!(refused.message.contains("not where it should be"), "{refused}");
        let elsewhere = store.trim(&aside.join("claude"), "debug", &[]).expect_err("it is not ours");
        assert!(elsewhere.message.contains("not where it should be"), "{elsewhere}");
        assert!(aside.join("claude/debug").is_dir());
        // The control.
        fs::remove_file(&root).expect("removed");
        fs::rename(&aside, &root).expect("moved");
        assert_eq!(store.trim(&config, "debug", &[]), Ok(Some(Vec::new())));
        assert!(!os::exists(&config.join("debug")));
    }
}
