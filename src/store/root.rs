//! The data root: its directories, who may own it, and the layout it has.

use std::path::{Path, PathBuf};

use crate::model::{Failure, Kind, Result};
use crate::os;

/// The layout this version reads and writes.
const LAYOUT: u32 = 1;

/// The data root and everything in it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) root: PathBuf,
}

impl Store {
    /// Returns the store at `root`, an absolute path. Makes nothing; a root that does not exist is an
    /// empty store.
    ///
    /// Fails for a root that another user owns or can write to, and for one laid out by a newer `cs`.
    pub fn open(root: PathBuf) -> Result<Self> {
        trustworthy(&root)?;
        let store = Self { root };
        let version = store.root.join("version");
        let text = os::read_optional(&version).map_err(|error| Failure::io("read", &version, &error))?;
        if let Some(text) = text {
            let text = String::from_utf8_lossy(&text);
            match text.trim().parse::<u32>() {
                Ok(number) if number <= LAYOUT => {}
                Ok(number) => {
                    return Err(Failure::failed(format!(
                        "{} was laid out by a newer cs (layout {number}, this one knows {LAYOUT})",
                        store.root.display()
                    ))
                    .hint("update cs, or set CS_HOME to another directory")
                    .with_kind(Kind::Damaged));
                }
                // An empty or torn file says nothing; the records carry their own versions.
                Err(_) => {}
            }
        }
        Ok(store)
    }

    /// Returns the data root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    pub(super) fn sessions_dir(&self) -> PathBuf {
        self.root.join("sessions")
    }

    pub(super) fn profiles_dir(&self) -> PathBuf {
        self.root.join("profiles")
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(super) fn trash_dir(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// Returns the lock file of the session or profile whose directory, wherever it is now, has the name
    /// `entry`.
    ///
    /// The file is in the directory, and moves with it. On Windows no directory moves while a file in it
    /// is open, so the locks have a directory of their own there.
    pub(super) fn lock_path(&self, directory: &Path, entry: &str) -> PathBuf {
        if cfg!(windows) { self.locks().join(entry) } else { directory.join("lock") }
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Makes the data root and its directories, 0700 each, if they are missing.
    pub(super) fn ensure(&self) -> Result<()> {
        let made = |path: &Path| {
            os::create_private_dirs(path).map_err(|error| {
                Failure::io("create", path, &error)
                    .hint("cs keeps its records there; CS_HOME names another place")
            })
        };
        made(&self.root)?;
        for room in [self.names(), self.sessions_dir(), self.profiles_dir(), self.staging(), self.trash_dir()]
        {
            made(&room)?;
        }
        if cfg!(windows) {
            made(&self.locks())?;
        }
        let version = self.root.join("version");
        if !os::exists(&version) {
            os::publish_file(&version, format!("{LAYOUT}\n").as_bytes())
                .map_err(|error| Failure::io("write", &version, &error))?;
        }
        Ok(())
    }
}

/// Returns the names in the directory `room` that begin with `beginning`, unordered; none where it was not made yet.
/// Fails where it cannot be read: what is in it is not taken for gone.
pub(super) fn listed(room: &Path, beginning: &str) -> Result<Vec<String>> {
    os::names_in(room, beginning).map_err(|error| Failure::io("list", room, &error))
}

/// Returns the refusal to make the directory of a session or profile again, which somebody else just
/// moved away: one without a record would stand where a restored one belongs.
pub(super) fn removed_meanwhile(path: &Path) -> Failure {
    Failure::of(Kind::Changed, format!("{} was removed meanwhile", path.display()))
        .hint("look again: cs list")
}

/// Refuses a data root that somebody else could have prepared: the rule of OpenSSH's `StrictModes`,
/// except that a directory of the user's own group may be writable for that group above the root.
#[cfg(unix)]
fn trustworthy(root: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    for path in root.ancestors() {
        let Ok(about) = path.metadata() else { continue };
        let is_root = path == root;
        if !about.is_dir() {
            return Err(Failure::refused(format!("{} is not a directory", path.display())));
        }
        let other_owner = about.uid() != uid && (is_root || about.uid() != 0);
        if other_owner {
            return Err(Failure::refused(format!(
                "{} belongs to another user (uid {}), so cs will not keep anything there",
                path.display(),
                about.uid()
            ))
            .hint("use a directory of your own: CS_HOME=/path/of/yours"));
        }
        let sticky = about.mode() & 0o1000 != 0 && !is_root;
        let own_group = !is_root && about.uid() == uid && about.gid() == gid;
        let writable = if own_group { 0o002 } else { 0o022 };
        if about.mode() & writable != 0 && !sticky {
            return Err(Failure::refused(format!(
                "{} can be written to by other users (mode {:o})",
                path.display(),
                about.mode() & 0o7777
            ))
            .hint(format!("make it private: chmod go-w {}", path.display())));
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn trustworthy(root: &Path) -> Result<()> {
    match root.metadata() {
        Ok(about) if !about.is_dir() => {
            Err(Failure::refused(format!("{} is not a directory", root.display())))
        }
        _ => Ok(()),
    }
}
