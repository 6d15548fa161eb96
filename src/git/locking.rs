//! Locks on worktrees: git neither prunes nor removes one that is locked.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use uuid::Uuid;

use super::run::answer;
use super::{Error, Repository};
use crate::os;

impl Repository {
    /// Locks the worktree at `root` for a session. One that somebody has locked stays as it is: `false`; but
    /// for a Claude that has ended.
    pub fn lock(&self, root: &Path, session: Uuid) -> Result<bool, Error> {
        let held = self.reason(root)?;
        if held.as_deref().is_some_and(|reason| LockedBy::read(reason) != LockedBy::EndedClaude) {
            return Ok(false);
        }
        self.take_lock(root, session, held.as_deref())?;
        Ok(true)
    }

    /// Locks the worktree at `root`, which is not locked, or is by a Claude that has ended, for a session.
    pub fn take_lock(&self, root: &Path, session: Uuid, held: Option<&str>) -> Result<(), Error> {
        // Git takes milliseconds for writing this file, where it is kept (gitrepository-layout(5)).
        if held.is_none() && self.write_lock(root, session).is_some() {
            return Ok(());
        }
        let _turn = self.turn();
        if held.is_some() {
            answer(&self.common, &["worktree".as_ref(), "unlock".as_ref(), root.as_os_str()])?;
        }
        let words = ["worktree".as_ref(), "lock".as_ref(), "--reason".as_ref()];
        answer(&self.common, &[&words[..], &[reason(session).as_ref(), root.as_os_str()]].concat()).map(drop)
    }

    /// Writes the lock of the worktree at `root`, which says itself where git keeps what it knows of it;
    /// `None` where it does not, or a lock is there.
    fn write_lock(&self, root: &Path, session: Uuid) -> Option<()> {
        let text = os::read_small(&root.join(".git"), 4096).ok()??;
        let text = String::from_utf8(text).ok()?;
        let kept = os::real_path(&root.join(text.strip_prefix("gitdir:")?.trim())).ok()?;
        if kept.parent() != Some(&self.common.join("worktrees")) {
            return None;
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).open(kept.join("locked")).ok()?;
        file.write_all(format!("{}\n", reason(session)).as_bytes()).ok()
    }

    /// Unlocks the worktree at `root` where it is locked for this session; `false` where it is not.
    pub fn unlock(&self, root: &Path, session: Uuid) -> Result<bool, Error> {
        if self.reason(root)? != Some(reason(session)) {
            return Ok(false);
        }
        answer(&self.common, &["worktree".as_ref(), "unlock".as_ref(), root.as_os_str()])?;
        Ok(true)
    }

    fn reason(&self, root: &Path) -> Result<Option<String>, Error> {
        let known = self.worktrees()?.into_iter().find(|entry| entry.path == root);
        Ok(known.and_then(|entry| entry.locked))
    }
}

/// Returns the reason that git shows.
fn reason(session: Uuid) -> String {
    format!("cs session {session}")
}

/// The holder of a lock, by its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockedBy {
    /// The session of this id.
    Session(Uuid),
    /// A Claude that runs: its pid.
    Claude(u32),
    /// A Claude that has ended: 2.1.329 locks what `claude -w` makes, and leaves it locked.
    EndedClaude,
    /// Git, which is making it, or was ended while it did.
    Making,
    /// Somebody else, for this reason.
    Other(String),
}

impl LockedBy {
    /// Reads the reason of a lock.
    pub fn read(reason: &str) -> Self {
        if let Some(id) = reason.strip_prefix("cs session ").and_then(|id| id.parse().ok()) {
            return Self::Session(id);
        }
        if reason == "initializing" {
            return Self::Making;
        }
        // `claude session NAME (pid 4242 start 2274943)`
        let claude = || {
            let (pid, start) = reason
                .strip_prefix("claude session ")?
                .rsplit_once("(pid ")?
                .1
                .strip_suffix(')')?
                .split_once(" start ")?;
            Some((pid.parse::<u32>().ok()?, start))
        };
        match claude() {
            Some((pid, start)) if os::process_alive(pid, start) => Self::Claude(pid),
            Some(_) => Self::EndedClaude,
            None => Self::Other(reason.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::run::act;

    #[test]
    fn a_worktree_is_locked_for_one_session_and_never_taken_from_somebody_else() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = std::fs::canonicalize(dir.path()).expect("it exists");
        let (repo, tree) = (base.join("repo"), base.join("tree"));
        std::fs::create_dir(&repo).expect("made");
        act(&repo, &["init", "-q"], &[]).expect("a repository");
        let who = ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "first"];
        act(&repo, &who, &[]).expect("a commit");
        act(&repo, &["worktree".as_ref(), "add".as_ref(), "-q".as_ref(), tree.as_os_str()], &[])
            .expect("made");
        let repository = Repository::of(&tree).expect("git answers").expect("a repository");
        assert_eq!((&repository.main, repository.bare), (&repo, false));

        let (pid, start) = (std::process::id(), os::start_time(std::process::id()).unwrap_or_default());
        assert_eq!(
            LockedBy::read(&format!("claude session a (pid {pid} start {start})")),
            LockedBy::Claude(pid)
        );
        assert_eq!(LockedBy::read("claude session a (b (pid 4194304 start 1)"), LockedBy::EndedClaude);
        assert_eq!(
            LockedBy::read("claude session a (pid x)"),
            LockedBy::Other("claude session a (pid x)".into())
        );
        assert_eq!(LockedBy::read(&reason(Uuid::from_u128(1))), LockedBy::Session(Uuid::from_u128(1)));
        assert_eq!(LockedBy::read("initializing"), LockedBy::Making);

        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(repository.lock(&tree, one), Ok(true));
        assert_eq!(repository.lock(&tree, other), Ok(false));
        let removed = answer(&repo, &["worktree".as_ref(), "remove".as_ref(), tree.as_os_str()]);
        assert!(removed.is_err_and(|why| why.to_string().contains("locked")));
        assert_eq!(repository.unlock(&tree, other), Ok(false));
        assert_eq!(repository.unlock(&tree, one), Ok(true));
        act(&repo, &["worktree".as_ref(), "lock".as_ref(), tree.as_os_str()], &[])
            .expect("somebody locks it");
        assert_eq!(repository.unlock(&tree, one), Ok(false));
    }
}
