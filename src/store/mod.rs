//! What `cs` keeps, and the only code that writes below the data root.
//!
//! There is no registry file. Every session and profile is a directory of its own with a record in
//! it, published whole by a rename; every name is a claim file that exactly one process can make.
//! Whatever happens to one record, the others are not touched by it.
//!
//! ```text
//! version                       the layout's number
//! lock                          held while bindings or trust change
//! names/<name, lower case>      "session <id>" or "profile"
//! profiles/<name>/profile.toml  run.toml  links.toml  lock  claude/  memory/  own-projects/
//! sessions/<id>/session.toml    run.toml  links.toml  lock (on Windows: locks/<id>)  claude/  home/  own-projects/
//! sessions/<id>/worktree/      worktree.toml  files/  git/: its worktree, which was removed with it
//! sessions/<id>/inside          locked by what runs in the session's sandbox
//! profiles/<name>/sandbox/      the login of its sandboxes
//! history/<group>/              projects/ and history.jsonl of those who share their conversations
//! staging/<id>/                 a session that is being made, or where two processes meet for a moment
//! ports/<first port>            "session <id>": whose block of ten ports it is
//! trash/<id or name>-<when>/    what was removed; removing.…: what is being removed for good
//! ephemeral/<id>                a session that goes to the trash when Claude ends
//! bindings.toml                 which directories and remotes belong to what
//! bindings.paths                which directories are bound, for the hooks of the shells
//! open/<id or name>            what is likely open: a hint
//! checked.toml                  what trying a Claude showed
//! trust/<hash>                  a .cs.toml that is allowed: its path and content; denied-<hash>: its path
//! ```

mod batch;
mod bindings;
mod ephemeral;
mod groups;
mod health;
mod kept;
mod layout;
mod manifest;
mod names;
mod open;
mod plain;
mod ports;
mod profiles;
mod records;
mod removal;
mod runs;
mod sandboxes;
mod sessions;
mod shim;
mod trash;
mod trust;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::{Failure, Kind, Result, reason};
use crate::os::{self, Holder, Lock, LockError};

pub use batch::{Batch, Known};
pub use bindings::Binding;
pub use ephemeral::EphemeralNote;
pub use groups::{Apart, Member, Merged, settle};
pub use health::{CheckedProgram, LOCK_IS_NOBODYS, Nameless};
pub use kept::Part;
pub use layout::{Drift, Standing, lacking, lay_out, note_standing, ours_among, standing, survey, take_away};
pub use manifest::{manifest, write_manifest};
pub use names::Claim;
pub use ports::Portless;
pub use profiles::{ForeignProfile, NewProfile, ProfileEntry};
pub use records::Damage;
pub use removal::{Keep, Leftover, Piece};
pub use runs::Run;
pub use sandboxes::{hold_sandbox, in_sandbox};
pub use sessions::{Draft, SessionEntry, taken};
pub use trash::{Trashed, TrashedKind};
pub use trust::{About, Trust, Trusted};

/// The layout this version reads and writes.
const LAYOUT: u32 = 1;

/// How long a command waits for another one that works on the same session.
const PATIENCE: Duration = Duration::from_secs(5);

/// The data root and everything in it.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at `root`, an absolute path. Nothing is made; a root that does not exist is an
    /// empty store.
    ///
    /// Refused: a root that another user owns or can write to, and one laid out by a newer `cs`.
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
                    .with_kind(Kind::Damaged)
                    .hint("update cs, or set CS_HOME to another directory"));
                }
                // An empty or torn file says nothing; the records carry their own versions.
                Err(_) => {}
            }
        }
        Ok(store)
    }

    /// The data root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    fn sessions_dir(&self) -> PathBuf {
        self.root.join("sessions")
    }

    fn profiles_dir(&self) -> PathBuf {
        self.root.join("profiles")
    }

    fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    fn trash_dir(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// The lock of the session or profile whose directory, wherever it is now, has the name `entry`.
    ///
    /// It is in the directory, and moves with it. On Windows no directory moves while a file in it is
    /// open, so the locks have a room of their own there.
    fn lock_path(&self, directory: &Path, entry: &str) -> PathBuf {
        if cfg!(windows) { self.locks().join(entry) } else { directory.join("lock") }
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Makes the data root and its rooms, 0700 each, where they are missing.
    fn ensure(&self) -> Result<()> {
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

/// The refusal to make the directory of a session or profile again, which somebody else just moved
/// away: one without a record would stand where a restored one belongs.
fn removed_meanwhile(path: &Path) -> Failure {
    Failure::of(Kind::Changed, format!("{} was removed meanwhile", path.display()))
        .hint("look again: cs list")
}

/// Takes a lock file of ours, or says who holds it.
fn lock(path: &Path, what: &str) -> Result<Lock> {
    Lock::take(path, PATIENCE).map_err(|error| match error {
        LockError::Held(by) => {
            let by = match by {
                Some(Holder { pid, elsewhere: Some(host) }) => format!(" (pid {pid} on host '{host}')"),
                Some(Holder { pid, elsewhere: None }) => format!(" (pid {pid})"),
                None => String::new(),
            };
            Failure::of(Kind::Busy, format!("another cs{by} is working on {what}: {}", path.display()))
                .hint("try again when it is done")
        }
        LockError::Unsupported(error) => no_locks(path, &error),
        LockError::Io(error) => Failure::io("lock", path, &error),
    })
}

/// The failure to lock `path` on a file system that has no locks. Without them two processes could change
/// one thing at once, so nothing is done.
fn no_locks(path: &Path, error: &std::io::Error) -> Failure {
    let directory = path.parent().unwrap_or(path);
    let kind = os::disk_of(directory).ok().and_then(|disk| disk.network);
    let kind = kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
    Failure::failed(format!(
        "the file system{kind} of {} has no locks, which cs cannot work without: {}",
        directory.display(),
        reason(error)
    ))
    .hint("keep it on a disk of this machine: export CS_HOME=/path/of/yours")
    .hint("NFS has locks where its lock service (rpc.statd, lockd) runs on both ends, and not with the option nolock")
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

#[cfg(test)]
mod tests {
    use super::Store;

    /// A store that nothing is in, and the directory it goes with.
    pub(super) fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        (dir, store)
    }
}
