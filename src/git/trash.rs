//! Keeping the commits of a worktree that was removed: references below `refs/cs/trash/`, which git's
//! own cleaning respects and no branch list shows.

use std::fs;
use std::path::Path;

use uuid::Uuid;

use super::run::{answer, ask, text};
use super::{Checkout, Error, Repository};

const ROOM: &str = "refs/cs/trash";

/// Removes git's directory for linked worktrees from the git directory `common` if none is left in it, as git does when
/// its last worktree goes.
pub fn remove_empty_room(common: &Path) {
    let _ = fs::remove_dir(common.join("worktrees"));
}

impl Repository {
    /// Keeps the commits of the worktree at `root`, which goes with the session `id`: what is checked out,
    /// and what is staged where git can make a commit of it. Done again, it is the same.
    pub fn keep(&self, id: Uuid, root: &Path, head: Option<&str>) -> Result<(), Error> {
        let Some(head) = head else { return Ok(()) };
        self.change(&[], &["update-ref", &format!("{ROOM}/{id}/head"), head])?;
        // The files themselves are kept. This is for what only the index leads to, should git clean up meanwhile.
        if let Some(commit) = self.staged(root, head) {
            self.change(&[], &["update-ref", &format!("{ROOM}/{id}/changes"), &commit])?;
        }
        Ok(())
    }

    /// Returns a commit of what is staged in the worktree at `root`, on top of `head`; `None` where nothing is, or git
    /// can make none of it. No file is looked at.
    fn staged(&self, root: &Path, head: &str) -> Option<String> {
        let pinned = self.pin(root).ok()?;
        let tree = text(pinned.ask(&["write-tree"]).ok()?).ok()?;
        if text(pinned.ask(&["rev-parse", &format!("{head}^{{tree}}")]).ok()?).is_ok_and(|old| old == tree) {
            return None;
        }
        let who = ["-c", "user.name=cs", "-c", "user.email=cs@localhost"];
        let words = [&who[..], &["commit-tree", &tree, "-p", head, "-m", "staged in a worktree"]].concat();
        text(pinned.ask(&words).ok()?).ok()
    }

    /// The sessions whose worktrees are kept in this repository.
    pub fn kept(&self) -> Result<Vec<Uuid>, Error> {
        let text = answer(&self.common, &["for-each-ref", "--format=%(refname)", ROOM])?;
        let id = |line: &str| line.strip_prefix(ROOM)?.split('/').nth(1)?.parse().ok();
        let mut ids: Vec<Uuid> = text.lines().filter_map(id).collect();
        ids.dedup();
        Ok(ids)
    }

    /// Lets go of what was kept for the session `id`. Nothing kept is as good as let go.
    pub fn forget(&self, id: Uuid) -> Result<(), Error> {
        let text = answer(&self.common, &["for-each-ref", "--format=%(refname)", &format!("{ROOM}/{id}")])?;
        for name in text.lines() {
            self.change(&[], &["update-ref", "-d", name])?;
        }
        Ok(())
    }

    /// Deletes the branch `name`, if it is still at `commit`.
    pub fn delete_branch(&self, name: &str, commit: &str) -> Result<(), Error> {
        let reference = format!("refs/heads/{name}");
        if self.commit(&reference)?.is_none() {
            return Ok(());
        }
        self.change(&[name], &["update-ref", "-d", &reference, commit])?;
        // There may be no settings of it.
        ask(&self.common, &["config", "--remove-section", &format!("branch.{name}")])?;
        Ok(())
    }

    /// Makes the branch `name` at `commit`, unless there is one of that name.
    pub fn make_branch(&self, name: &str, commit: &str) -> Result<(), Error> {
        let reference = format!("refs/heads/{name}");
        if self.commit(&reference)?.is_some() {
            return Ok(());
        }
        self.change(&[name], &["update-ref", "--create-reflog", &reference, commit, ""])
    }

    /// Returns the upstream of the branch `name`: the remote, and the name there.
    pub fn upstream(&self, name: &str) -> Option<(String, String)> {
        let setting = |key| answer(&self.common, &["config", "--get", &format!("branch.{name}.{key}")]).ok();
        setting("remote").zip(setting("merge"))
    }

    /// Says where the branch `name` is pushed to, unless that is said already.
    pub fn set_upstream(&self, name: &str, (remote, merge): &(String, String)) -> Result<(), Error> {
        if self.upstream(name).is_none() {
            for (key, value) in [("remote", remote), ("merge", merge)] {
                self.change(&[], &["config", &format!("branch.{name}.{key}"), value])?;
            }
        }
        Ok(())
    }

    /// Has git forget the worktree at `root`, whose directory is gone; a lock on it goes first.
    pub fn forget_gone(&self, root: &Path) -> Result<(), Error> {
        let words = |verb| ["worktree".as_ref(), verb, root.as_os_str()];
        ask(&self.common, &words("unlock".as_ref()))?;
        let removed = ask(&self.common, &words("remove".as_ref()))?;
        if removed.status.success() { Ok(()) } else { Err(Error::of(&removed)) }
    }
}

impl Checkout {
    /// Returns the directory in which git keeps what is of this worktree alone.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }
}
