//! Making worktrees.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::run::{Setting, act, act_in_sight, answer, ask};
use super::{Error, Repository, state};
use crate::os;

/// A worktree that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Making {
    /// The directory to make it in.
    pub root: PathBuf,
    /// The branch or commit that is checked out in it.
    pub beginning: Beginning,
    /// Git knows a worktree there whose directory is gone; and that is locked by nobody else.
    pub again: bool,
}

/// The branch or commit that a new worktree begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// A new branch, from a commit.
    New {
        /// Its name.
        branch: String,
        /// The commit.
        commit: String,
    },
    /// A branch that exists.
    Branch(String),
    /// A commit, on no branch.
    Commit(String),
}

/// The hooks of the repository that run when a person has something made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hooks {
    /// All of them.
    Run,
    /// None: they lie where a session can write them.
    Off,
}

impl Hooks {
    pub(super) fn settings(self) -> Vec<Setting> {
        match self {
            Self::Run => Vec::new(),
            Self::Off => vec![("core.hooksPath".into(), "/dev/null".into())],
        }
    }
}

impl Making {
    /// The words for git. A new branch follows no other: what `git push` does is for a person to say.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["worktree".into(), "add".into()];
        if self.again {
            // Once for what is gone, once for its lock.
            words.extend(["-f".into(), "-f".into()]);
        }
        let root = self.root.clone().into();
        match &self.beginning {
            Beginning::New { branch, commit } => {
                words.extend(["--no-track".into(), "-b".into(), branch.into(), root, commit.into()]);
            }
            Beginning::Branch(branch) => words.extend([root, branch.into()]),
            Beginning::Commit(commit) => words.extend(["--detach".into(), root, commit.into()]),
        }
        words
    }

    /// The branch that is checked out in it.
    pub fn branch(&self) -> Option<&str> {
        match &self.beginning {
            Beginning::New { branch, .. } | Beginning::Branch(branch) => Some(branch),
            Beginning::Commit(_) => None,
        }
    }
}

impl Repository {
    /// Makes a worktree. What git says of how far it is goes to the terminal. Fails with what git says,
    /// and git leaves nothing behind then. A hook that fails after it was made (`post-checkout`) is no
    /// failure: what git says is returned.
    pub fn make(&self, making: &Making, hooks: Hooks) -> Result<Option<Error>, Error> {
        let _turn = self.turn();
        self.refuse_led_elsewhere(&self.common, &Vec::from_iter(making.branch()))?;
        let Err(why) = act_in_sight(&self.main, &making.words(), &hooks.settings()) else { return Ok(None) };
        let is_there = making.root.is_dir()
            && self.worktrees()?.iter().any(|entry| {
                entry.path == making.root
                    && entry.locked.is_none()
                    && entry.branch.as_deref() == making.branch()
            });
        if is_there {
            return Ok(Some(why));
        }
        if !os::exists(&making.root) {
            // Git makes the branch before it looks at all else.
            let _ = self.forget_branch(making);
        }
        Err(why)
    }

    /// Takes the branch of a worktree that is not there away, if it was made for it, is where it began, and
    /// is checked out nowhere.
    fn forget_branch(&self, making: &Making) -> Result<(), Error> {
        let Beginning::New { branch, commit } = &making.beginning else { return Ok(()) };
        if self.worktrees()?.iter().any(|entry| entry.branch.as_ref() == Some(branch)) {
            return Ok(());
        }
        self.change(&[branch], &["update-ref", "-d", &format!("refs/heads/{branch}"), commit])
    }

    /// Takes away a worktree that was just made, with its branch if that was new: never what somebody has
    /// changed meanwhile. Fails with what git says.
    pub fn unmake(&self, making: &Making) -> Result<(), Error> {
        // Git would look into what is a repository in it.
        if state::status(self, &self.pin(&making.root)?, 0)?.is_dirty() {
            return Err(Error::ours("there are changes in it"));
        }
        let words = ["worktree".as_ref(), "remove".as_ref(), "--force".as_ref(), making.root.as_os_str()];
        answer(&self.main, &words)?;
        self.forget_branch(making)?;
        // Only empty ones can be removed, and git had no use for them.
        for above in making.root.ancestors().skip(1).take_while(|above| *above != self.main) {
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The branch whose name is `name`, whatever the case, as it is really written. Runs git where it is not
    /// plain that there is none.
    pub fn branch_like(&self, name: &str) -> Result<Option<String>, Error> {
        if self.has_plainly_no_branch(name) == Some(true) {
            return Ok(None);
        }
        let pattern = format!("refs/heads/{name}");
        let words = ["for-each-ref", "--ignore-case", "--format=%(refname)", &pattern];
        let text = answer(&self.common, &words)?;
        let mut like: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("refs/heads/"))
            .filter(|branch| branch.eq_ignore_ascii_case(name))
            .collect();
        like.sort_by_key(|branch| *branch != name);
        Ok(like.first().map(|branch| (*branch).to_owned()))
    }

    /// The branches whose names begin with `beginning`, whatever the case. Runs git.
    pub fn branches(&self, beginning: &str) -> Result<Vec<String>, Error> {
        let pattern = format!("refs/heads/{beginning}*");
        let words = ["for-each-ref", "--ignore-case", "--format=%(refname)", &pattern];
        let text = answer(&self.common, &words)?;
        Ok(text.lines().filter_map(|line| line.strip_prefix("refs/heads/")).map(str::to_owned).collect())
    }

    /// Returns true if none of the files that git keeps branches in knows `name`; `None` where they do not say.
    pub fn has_plainly_no_branch(&self, name: &str) -> Option<bool> {
        if name.contains('/') || os::exists(&self.common.join("reftable")) {
            return None;
        }
        for entry in os::entries_of(&self.common.join("refs/heads")).ok()? {
            if entry.file_name().is_some_and(|found| found.eq_ignore_ascii_case(name)) {
                return Some(false);
            }
        }
        let packed = os::read_optional(&self.common.join("packed-refs")).ok()?.unwrap_or_default();
        let full = format!(" refs/heads/{name}");
        let is_it = |line: &[u8]| {
            let end = line.len().checked_sub(full.len()).and_then(|at| line.get(at..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(full.as_bytes()))
        };
        Some(!packed.split(|byte| *byte == b'\n').any(is_it))
    }

    /// Returns true if git takes `name` for the name of a branch. Runs git.
    pub fn is_branch_name(&self, name: &str) -> Result<bool, Error> {
        if name.starts_with('-') || name == "HEAD" {
            return Ok(false);
        }
        let asked = ask(&self.common, &["check-ref-format", &format!("refs/heads/{name}")])?;
        Ok(asked.status.success())
    }

    /// Returns the commit that `name` stands for in the checkout `place`, and the local branch where it names one;
    /// `None` where it stands for none. Runs git.
    pub fn resolve(&self, place: &Path, name: &str) -> Result<Option<(String, Option<String>)>, Error> {
        // An option is no name.
        if name.starts_with('-') {
            return Ok(None);
        }
        let found = ask(place, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])?;
        let commit = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        if !found.status.success() || commit.is_empty() {
            return Ok(None);
        }
        let full = ask(place, &["rev-parse", "--symbolic-full-name", name])?;
        let full = String::from_utf8_lossy(&full.stdout).trim().to_owned();
        Ok(Some((commit, full.strip_prefix("refs/heads/").map(str::to_owned))))
    }

    /// Returns true if the directory `path`, relative to the root, is in `commit`. Runs git.
    pub fn has_directory(&self, commit: &str, path: &Path) -> Result<bool, Error> {
        let mut object = OsString::from(format!("{commit}:"));
        object.push(path);
        let kind = ask(&self.common, &["cat-file".as_ref(), "-t".as_ref(), object.as_os_str()])?;
        Ok(kind.stdout.starts_with(b"tree"))
    }
}

/// Makes a repository in `directory`, with an empty first commit. Fails with what git says.
pub fn init(directory: &Path) -> Result<(), Error> {
    act(directory, &["init", "-q"], &[])?;
    act(directory, &["commit", "-q", "--allow-empty", "-m", "First commit"], &[])
}
