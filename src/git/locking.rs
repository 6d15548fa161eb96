//! Locks on worktrees: git neither prunes nor removes one that is locked.

use std::path::Path;

use uuid::Uuid;

use super::Repository;
use super::run::act;

impl Repository {
    /// Locks the worktree at `root` for a session. One that somebody has locked stays as it is: `false`.
    pub fn lock(&self, root: &Path, session: Uuid) -> Result<bool, String> {
        if self.reason(root)?.is_some() {
            return Ok(false);
        }
        let words = ["worktree".as_ref(), "lock".as_ref(), "--reason".as_ref()];
        let reason = reason(session);
        act(&self.common, &[&words[..], &[reason.as_ref(), root.as_os_str()]].concat())?;
        Ok(true)
    }

    /// Unlocks the worktree at `root` where it is locked for this session; `false` where it is not.
    pub fn unlock(&self, root: &Path, session: Uuid) -> Result<bool, String> {
        if self.reason(root)? != Some(reason(session)) {
            return Ok(false);
        }
        act(&self.common, &["worktree".as_ref(), "unlock".as_ref(), root.as_os_str()])?;
        Ok(true)
    }

    fn reason(&self, root: &Path) -> Result<Option<String>, String> {
        let known = self.worktrees()?.into_iter().find(|entry| entry.path == root);
        Ok(known.and_then(|entry| entry.locked))
    }
}

/// What git shows as the reason.
fn reason(session: Uuid) -> String {
    format!("cs session {session}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::run::answer;

    #[test]
    fn a_worktree_is_locked_for_one_session_and_never_taken_from_somebody_else() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = std::fs::canonicalize(dir.path()).expect("it exists");
        let (repo, tree) = (base.join("repo"), base.join("tree"));
        std::fs::create_dir(&repo).expect("made");
        act(&repo, &["init", "-q"]).expect("a repository");
        let who = ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "first"];
        act(&repo, &who).expect("a commit");
        act(&repo, &["worktree".as_ref(), "add".as_ref(), "-q".as_ref(), tree.as_os_str()]).expect("made");
        let repository = Repository::of(&tree).expect("git answers").expect("a repository");
        assert_eq!((&repository.main, repository.bare), (&repo, false));

        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(repository.lock(&tree, one), Ok(true));
        assert_eq!(repository.lock(&tree, other), Ok(false));
        let removed = answer(&repo, &["worktree".as_ref(), "remove".as_ref(), tree.as_os_str()]);
        assert!(removed.is_err_and(|why| why.contains("locked")));
        assert_eq!(repository.unlock(&tree, other), Ok(false));
        assert_eq!(repository.unlock(&tree, one), Ok(true));
        act(&repo, &["worktree".as_ref(), "lock".as_ref(), tree.as_os_str()]).expect("somebody locks it");
        assert_eq!(repository.unlock(&tree, one), Ok(false));
    }
}
