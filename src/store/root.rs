//! The data root: its directories, who may own it, and the layout it has.

use std::path::{Path, PathBuf};

use crate::model::{Failure, Kind, Result};
use crate::os::{self, Distrust, Trusted};

/// The layout this version reads and writes.
const LAYOUT: u32 = 1;

/// The data root and everything in it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) root: PathBuf,
    /// True if the root was there, and looked at, when the store was opened.
    was_there: bool,
}

impl Store {
    /// Returns the store at `root`, an absolute path. Makes nothing; a root that does not exist is an
    /// empty store.
    ///
    /// Fails for a root that another user owns or can write to, by itself or by a directory above it or above
    /// what a link on the way leads to, and for one laid out by a newer `cs`.
    pub fn open(root: PathBuf) -> Result<Self> {
        Self::open_among(root, &Trusted::default())
    }

    /// Does the same as [`Self::open`]; directories in `known` were looked at before.
    pub fn open_among(root: PathBuf, known: &Trusted) -> Result<Self> {
        let was_there = trustworthy(&root, known)?;
        let store = Self { root, was_there };
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
        if !self.was_there {
            // Somebody else may have made it meanwhile, where everybody may (in /tmp).
            trustworthy(&self.root, &Trusted::default())?;
        }
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

/// Refuses a data root that somebody else could have prepared ([`os::trusted_root`]). Returns false if there is
/// none yet.
fn trustworthy(root: &Path, known: &Trusted) -> Result<bool> {
    os::trusted_root(root, known).map_err(|why| match &why {
        Distrust::Foreign(..) => Failure::refused(format!("{why}, so cs will not keep anything there"))
            .hint("use a directory of your own: CS_HOME=/path/of/yours"),
        Distrust::Writable(path, _) => {
            Failure::refused(why.to_string()).hint(format!("make it private: chmod go-w {}", path.display()))
        }
        Distrust::NotDirectory(_) => Failure::refused(why.to_string()),
        Distrust::Dangling(_, target) => Failure::refused(why.to_string()).hint(format!(
            "if it is on another disk, mount that; to make it: mkdir -p -m 700 {}",
            target.display()
        )),
        Distrust::Io(path, error) => Failure::io("look at", path, error),
    })
}
