//! The last launch of a session or profile: the one small file that a launch writes.
//!
//! See docs/decisions/002-names-are-claimed-by-link.md

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Store;
use super::plain::Plain;
use super::records::{self, Record};
use super::root::removed_meanwhile;
use crate::model::{Failure, Name, Result};
use crate::os::{self, HandedOn, Identity, Liveness, Lock};

/// The last launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The layout of this record.
    pub version: u32,
    /// The time of the launch.
    pub at: jiff::Timestamp,
    /// The terminal it was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// The conversation it was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Uuid>,
    /// The conversation that a person's own arguments for Claude went on with. It may be another
    /// session's, where conversations are shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Uuid>,
    /// The process that became the program.
    pub process: Identity,
}

impl Run {
    /// The layout that this version writes and reads.
    pub const VERSION: u32 = 1;

    /// Returns the note of a launch by this process, now.
    pub fn now(conversation: Option<Uuid>) -> Self {
        Self::of(conversation, Identity::current(), os::terminal())
    }

    /// Returns the note of a launch by `process`, which is at the terminal `tty`, now.
    pub fn of(conversation: Option<Uuid>, process: Identity, tty: Option<String>) -> Self {
        let at = jiff::Timestamp::now();
        Self { version: Self::VERSION, at, tty, conversation, resumed: None, process }
    }

    /// Returns whether the process still runs, as far as that can be told here; `root` is the directory of the session
    /// or profile. Where its pid says nothing, the lock does that a session's Claude holds for as long as it runs.
    pub fn liveness(&self, root: &Path) -> Liveness {
        match self.process.liveness() {
            Liveness::Apart => match Lock::is_shared(&alive_path(root)) {
                Some(true) => Liveness::Alive,
                Some(false) => Liveness::Dead,
                None => Liveness::Apart,
            },
            told => told,
        }
    }

    /// Returns true if it was started with the conversation `id`.
    pub fn is_of(&self, id: Uuid) -> bool {
        self.conversation == Some(id) || self.resumed == Some(id)
    }
}

/// Returns the path of the file that the Claude of the session in `root` has locked for as long as it runs.
pub fn alive_path(root: &Path) -> PathBuf {
    root.join("alive")
}

/// Takes the lock at `path`, an [`alive_path`], and leaves it to the program that this process becomes. `None` where
/// that is not to be had: then nothing is known of it from among other pids.
pub fn hold_alive(path: &Path) -> Option<HandedOn> {
    #[cfg(target_os = "linux")]
    {
        Lock::share(path).ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}

impl Record for Run {
    const VERSION: u32 = Self::VERSION;

    fn from_plain(plain: &Plain<'_>) -> Option<Self> {
        let text = |table, key| Some(plain.text(table, key)?.to_owned());
        let run = Self {
            version: plain.number("", "version").filter(|version| *version == Self::VERSION)?,
            at: plain.text("", "at")?.parse().ok()?,
            tty: text("", "tty"),
            conversation: match plain.text("", "conversation") {
                Some(id) => Some(id.parse().ok()?),
                None => None,
            },
            resumed: match plain.text("", "resumed") {
                Some(id) => Some(id.parse().ok()?),
                None => None,
            },
            process: Identity {
                pid: plain.number("process", "pid")?,
                start: text("process", "start")?,
                boot: text("process", "boot")?,
                host: text("process", "host")?,
                space: text("process", "space").unwrap_or_default(),
            },
        };
        plain.is_used_up().then_some(run)
    }
}

impl Store {
    /// Returns the path of the note about a session's last launch.
    pub fn session_run_path(&self, id: Uuid) -> PathBuf {
        self.session_root(id).join("run.toml")
    }

    /// Returns the path of the note about the last launch of a profile itself.
    pub fn profile_run_path(&self, name: &Name) -> PathBuf {
        self.profiles_dir().join(name.key()).join("run.toml")
    }

    /// Reads the last launch noted at `path`; `None` if there was none. A note that cannot be read counts
    /// as none: only the time of last use is lost with it, and the next launch rewrites it.
    pub fn last_run(&self, path: &Path) -> Option<Run> {
        records::read(path).ok()
    }

    /// Reads the same, for whoever acts on it: fails where the system cannot read the note, which may say that a session
    /// is open.
    pub fn noted_run(&self, path: &Path) -> Result<Option<Run>> {
        match records::read(path) {
            Ok(run) => Ok(Some(run)),
            Err(damage) if damage.is_unread() => Err(damage.failure("a launch", path)),
            Err(_) => Ok(None),
        }
    }

    /// Notes a launch, in place and without flushing it to the disk: a power cut may lose the time of
    /// last use, and every launch would pay for more than that. Refuses if the session or profile was
    /// removed meanwhile: its directory is not made again.
    pub fn note_run(&self, path: &Path, run: &Run) -> Result<()> {
        let text = records::text(run)?;
        let failed = |error| Failure::io("write", path, &error);
        match os::overwrite_note(path, &text) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(path);
                // Only the profile that always exists has no directory before it is first used.
                if parent != self.profile_root(&Name::default_profile()) {
                    return Err(removed_meanwhile(parent));
                }
                os::create_private_dirs(parent).map_err(|error| Failure::io("create", parent, &error))?;
                os::overwrite_note(path, &text).map_err(failed)
            }
            noted => noted.map_err(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noting_a_launch_does_not_bring_a_removed_profile_or_session_back() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        let profile = Name::suggest("work");
        let (session, run) = (Uuid::now_v7(), Run::now(None));
        for path in [store.profile_run_path(&profile), store.session_run_path(session)] {
            let refused = store.note_run(&path, &run).expect_err("there is no such directory");
            assert_eq!(refused.exit(), crate::model::Exit::Refused);
            assert!(!os::exists(store.root()), "nothing is made");
            // The control: with its directory it is noted.
            os::create_private_dirs(path.parent().expect("a parent")).expect("made");
            store.note_run(&path, &run).expect("noted");
            assert_eq!(store.last_run(&path), Some(run.clone()));
            std::fs::remove_dir_all(store.root()).expect("removed");
        }
        let always_there = store.profile_run_path(&Name::default_profile());
        store.note_run(&always_there, &run).expect("noted");
        assert_eq!(store.last_run(&always_there), Some(run));
    }

    #[test]
    fn a_run_is_read_as_it_was_written_with_and_without_the_parser() {
        for (tty, conversation) in [(None, None), (Some("pts/3".to_owned()), Some(Uuid::now_v7()))] {
            let mut run = Run { tty, resumed: conversation, ..Run::now(conversation) };
            // Noted before name spaces were.
            if conversation.is_none() {
                run.process.space.clear();
            }
            let text = records::text(&run).expect("written");
            let plain = Plain::read(&text).expect("plain");
            assert_eq!(Run::from_plain(&plain), Some(run.clone()), "{text}");
            assert_eq!(toml::from_str(&text), Ok(run));
        }
    }
}
