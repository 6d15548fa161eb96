//! Stowed worktrees: they lie with their session, in `worktree/`, on their way out, in the trash, or on
//! their way back. Each part is whole in one place at every moment, so a look tells what was cut short.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::Store;
use super::records::{self, Damage, Record};
use crate::model::{Failure, Result, StowedWorktree};
use crate::os;

/// A part of a worktree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The directory itself, with all that is in it.
    Files,
    /// Git's own files about it: its index, its `HEAD`, its log.
    Git,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Git => "git",
        }
    }
}

impl Record for StowedWorktree {
    const VERSION: u32 = Self::VERSION;
}

/// Returns the directory for the worktree of the session in `root`, which need not exist.
fn room(root: &Path) -> PathBuf {
    root.join("worktree")
}

impl Store {
    /// Reads the record of the worktree that lies with the session in `root`, here or in the trash.
    /// `None`, after one system call, if there is none.
    pub fn stowed_worktree(root: &Path) -> Result<Option<StowedWorktree>> {
        let stowed = room(root);
        if !os::is_dir(&stowed) {
            return Ok(None);
        }
        let path = stowed.join("worktree.toml");
        match records::read(&path) {
            Ok(record) => Ok(Some(record)),
            Err(Damage::Missing) => Ok(None),
            Err(damage) => Err(damage.failure("a worktree that was removed", &path)),
        }
    }

    /// Returns the directory of a part of it, in that session's directory; `None` if it does not exist.
    pub fn stowed_part(root: &Path, part: Part) -> Option<PathBuf> {
        Some(room(root).join(part.name())).filter(|path| os::is_dir(path))
    }

    /// Begins to stow a worktree with the session `id`: writes its record. The caller holds the session's
    /// lock.
    pub fn begin_stowing(&self, id: Uuid, worktree: &StowedWorktree) -> Result<()> {
        let room = room(&self.session_root(id));
        os::create_private_dir(&room).map_err(|error| Failure::io("create", &room, &error))?;
        let path = room.join("worktree.toml");
        os::replace_file(&path, records::text(worktree)?.as_bytes(), true)
            .map_err(|error| Failure::io("write", &path, &error))
    }

    /// Moves a part of the worktree from `from` to the session `id`. The caller holds the session's lock.
    /// A part that is gone, or was moved before, is skipped: what is at `from` then belongs to somebody
    /// else.
    pub fn stow_part(&self, id: Uuid, part: Part, from: &Path) -> Result<()> {
        let to = room(&self.session_root(id)).join(part.name());
        let moved = || {
            os::finish_move(from, &to, &key(id))?;
            if os::is_dir(&to) || !os::is_dir(from) { Ok(()) } else { os::move_dir(from, &to, &key(id)) }
        };
        moved().map_err(|error| Failure::io("move to the trash", from, &error))
    }

    /// Writes a file of git's in a part of the worktree that lies with the session `id`: its `HEAD`, or the `.git`
    /// that leads to git's part. The caller holds the session's lock.
    pub fn rewrite_stowed(&self, id: Uuid, part: Part, name: &str, content: &str) -> Result<()> {
        let path = room(&self.session_root(id)).join(part.name()).join(name);
        os::rewrite_file(&path, content.as_bytes()).map_err(|error| Failure::io("write", &path, &error))
    }

    /// Moves a part of the worktree from the session `id` to `to`, where nothing may be, and makes the directories
    /// above that are missing. The caller holds the session's lock. Returns false if the session has no such part.
    pub fn unstow_part(&self, id: Uuid, part: Part, to: &Path) -> Result<bool> {
        let above = to.parent().unwrap_or(to);
        std::fs::create_dir_all(above).map_err(|error| Failure::io("create", above, &error))?;
        let from = room(&self.session_root(id)).join(part.name());
        let moved = || {
            os::finish_move(&from, to, &key(id))?;
            if os::is_dir(&from) { os::move_dir(&from, to, &key(id)).map(|()| true) } else { Ok(false) }
        };
        moved().map_err(|error| Failure::io("restore", to, &error))
    }

    /// Removes the record of the worktree stowed with the session `id`: all of it is where it belongs.
    pub fn end_stowing(&self, id: Uuid) -> Result<()> {
        let room = room(&self.session_root(id));
        let path = room.join("worktree.toml");
        os::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        // Something else may lie in it, which then stays.
        let _ = std::fs::remove_dir(&room);
        Ok(())
    }
}

fn key(id: Uuid) -> String {
    format!("cs-{id}")
}
