//! Bringing the work of a worktree to the branch it came from.
//!
//! The worktree makes the new commit, on top of that branch, with the hooks of the repository. Then the
//! branch is moved on to it: a fast-forward, which touches nothing that somebody has not committed where
//! the branch is checked out, or does not happen.

use std::path::{Path, PathBuf};

use super::run::{act, act_at, answer, ask, ask_at, output_at};
use super::{Error, ErrorKind, Repository};
use crate::os;

/// The way in which work is brought to a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Its commits as they are; with a commit that joins them where both sides have some.
    Merge,
    /// Its commits again, on top of the branch.
    Rebase,
    /// All of it as one commit.
    Squash,
}

/// Work that is to be brought to a branch.
#[derive(Clone, Debug)]
pub struct Bring<'a> {
    /// The root of the worktree, in which nothing is uncommitted.
    pub root: &'a Path,
    /// The branch it is on.
    pub branch: Option<&'a str>,
    /// The commit it is at.
    pub head: &'a str,
    /// The branch the work goes to; it exists.
    pub onto: &'a str,
    /// How.
    pub how: How,
    /// The message of the commit that is made.
    pub message: &'a str,
}

/// The reason that work was not brought anywhere. All is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Both sides changed the same places, in these files.
    Conflict(Vec<String>),
    /// Files of the worktree that git does not track would be overwritten: these.
    Untracked(Vec<String>),
    /// These files are changed or not tracked where the branch is checked out, and would be overwritten.
    InTheWay(PathBuf, Vec<String>),
    /// Git failed.
    Git(Error),
}

impl From<Error> for Stuck {
    fn from(error: Error) -> Self {
        Self::Git(error)
    }
}

impl Repository {
    /// Brings the work of a worktree to a branch, and says which commit that is at then. The worktree is
    /// where it was afterwards; rebased, at its new commits.
    pub fn bring(&self, bring: &Bring<'_>) -> Result<String, Stuck> {
        let reference = format!("refs/heads/{}", bring.onto);
        let old = self
            .commit(&reference)?
            .ok_or_else(|| Error::ours(format!("there is no branch '{}'", bring.onto)))?;
        let untracked = overwritten(bring.root, bring.head, &old)?;
        if !untracked.is_empty() {
            return Err(Stuck::Untracked(untracked));
        }
        if bring.how != How::Rebase
            && let Some(files) = self.conflicts(&old, bring.head)?
        {
            return Err(Stuck::Conflict(files));
        }
        let new = if bring.how == How::Rebase {
            rebased(bring, &old)?
        } else {
            let made = joined(bring, &old);
            // Whatever a hook left there was not there before.
            leave(bring.root, bring.branch.unwrap_or(bring.head), bring.branch.is_none())?;
            made?
        };
        self.forward(bring.onto, &old, &new).inspect_err(|_| {
            if bring.how == How::Rebase {
                let _ = act_at(bring.root, &["reset", "--quiet", "--keep", bring.head]);
            }
        })?;
        Ok(new)
    }

    /// The files in which merging `head` into `onto` would conflict; `None` where it would not, or where git
    /// cannot tell without trying (before 2.38).
    fn conflicts(&self, onto: &str, head: &str) -> Result<Option<Vec<String>>, Error> {
        let words = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", onto, head];
        let asked = ask(&self.common, &words)?;
        if asked.status.code() != Some(1) {
            return Ok(None);
        }
        Ok(Some(
            String::from_utf8_lossy(&asked.stdout)
                .split_terminator('\0')
                .skip(1)
                .map(str::to_owned)
                .collect(),
        ))
    }

    /// Moves the branch `onto` from `old` on to `new`, with the files where it is checked out.
    fn forward(&self, onto: &str, old: &str, new: &str) -> Result<(), Stuck> {
        let checked_out = self.worktrees()?.into_iter().find(|entry| entry.branch.as_deref() == Some(onto));
        let Some(checkout) = checked_out else {
            let why = format!("cs: work of a worktree, brought to {onto}");
            act(&self.common, &["update-ref", "-m", &why, &format!("refs/heads/{onto}"), new, old])?;
            return Ok(());
        };
        let words = ["merge", "--quiet", "--ff-only", "--no-overwrite-ignore", new];
        let done = output_at(&checkout.path, &words)?;
        if done.status.success() {
            return Ok(());
        }
        Err(match Error::of(&done) {
            Error { kind: ErrorKind::InTheWay(files), .. } => Stuck::InTheWay(checkout.path, files),
            error => Stuck::Git(error),
        })
    }

    /// The commits that are in `head` and not in `onto`: short id and subject, the oldest first.
    pub fn commits(&self, onto: &str, head: &str) -> Result<Vec<(String, String)>, Error> {
        let words =
            ["log", "--reverse", "--format=%h %s", "--no-show-signature", &format!("{onto}..{head}"), "--"];
        let text = answer(&self.common, &words)?;
        let pair = |line: &str| line.split_once(' ').map(|(id, subject)| (id.to_owned(), subject.to_owned()));
        Ok(text.lines().filter_map(pair).collect())
    }

    /// The whole message of a commit.
    pub fn message(&self, commit: &str) -> Result<String, Error> {
        answer(&self.common, &["log", "-1", "--format=%B", "--no-show-signature", commit, "--"])
    }
}

/// Files that are in `root` and git does not track there, and that are tracked at `onto`: checking that out
/// would replace them without a word, if they are ignored.
fn overwritten(root: &Path, head: &str, onto: &str) -> Result<Vec<String>, Error> {
    let words = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=A", head, onto];
    let asked = ask_at(root, &words)?;
    if !asked.status.success() {
        return Err(Error::of(&asked));
    }
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    let there = text.split_terminator('\0').filter(|path| os::exists(&root.join(path)));
    Ok(there.map(str::to_owned).collect())
}

/// Makes the commits again on top of `old`, in the worktree.
fn rebased(bring: &Bring<'_>, old: &str) -> Result<String, Stuck> {
    let root = bring.root;
    if let Err(why) = act_at(root, &["-c", "rebase.updateRefs=false", "rebase", "--quiet", old]) {
        let files = unmerged(root);
        act_at(root, &["rebase", "--abort"]).map_err(|_| why.clone())?;
        return Err(if files.is_empty() { Stuck::Git(why) } else { Stuck::Conflict(files) });
    }
    Ok(act_at(root, &["rev-parse", "HEAD"])?)
}

/// Makes one commit of the work on top of `old`, in the worktree, which is left there.
fn joined(bring: &Bring<'_>, old: &str) -> Result<String, Stuck> {
    let root = bring.root;
    leave(root, old, true)?;
    let merged = match bring.how {
        How::Squash => act_at(root, &["merge", "--quiet", "--squash", bring.head])
            .and_then(|_| act_at(root, &["commit", "--quiet", "-m", bring.message])),
        _ => act_at(root, &["merge", "--quiet", "--no-edit", "-m", bring.message, bring.head]),
    };
    if let Err(why) = merged {
        let files = unmerged(root);
        // There is none to end where a hook refused a commit.
        let _ = act_at(root, &["merge", "--abort"]);
        return Err(if files.is_empty() { Stuck::Git(why) } else { Stuck::Conflict(files) });
    }
    Ok(act_at(root, &["rev-parse", "HEAD"])?)
}

/// Checks `what` out, whatever is changed.
fn leave(root: &Path, what: &str, detached: bool) -> Result<(), Error> {
    let mut words = vec!["-c", "advice.detachedHead=false", "checkout", "--quiet", "--force"];
    words.extend(detached.then_some("--detach"));
    words.extend([what, "--"]);
    act_at(root, &words).map(drop)
}

fn unmerged(root: &Path) -> Vec<String> {
    let asked = ask_at(root, &["diff", "--name-only", "--diff-filter=U", "-z"]);
    let text = asked.map(|asked| String::from_utf8_lossy(&asked.stdout).into_owned()).unwrap_or_default();
    text.split_terminator('\0').map(str::to_owned).collect()
}
