//! Bringing the work of a worktree to the branch it came from.
//!
//! The worktree makes the new commit, on top of that branch, with the hooks of the repository. Then the
//! branch is moved on to it: a fast-forward, which touches nothing that somebody has not committed where
//! the branch is checked out, or does not happen.

use std::path::{Path, PathBuf};

use super::begun::Begun;
use super::pinned::Pinned;
use super::run::{Git, Purpose, Setting, act, answer, text};
use super::settings::os_string;
use super::{Error, ErrorKind, Hooks, Repository};
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
    /// The hooks that run.
    pub hooks: Hooks,
}

/// The place that work is brought from: its worktree, and what goes over its settings.
struct Origin {
    checkout: Pinned,
    settings: Vec<Setting>,
}

impl Origin {
    fn act(&self, words: &[&str]) -> Result<String, Error> {
        self.checkout.act(words, &self.settings)
    }
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
        let checkout = self.pin(bring.root)?;
        let branches: Vec<&str> = bring.branch.into_iter().chain([bring.onto]).collect();
        self.refuse_led_elsewhere(&checkout.git_dir, &branches)?;
        let mut settings = checkout.ignoring_submodules(&old, bring.head)?;
        settings.extend(bring.hooks.settings());
        let from = Origin { checkout, settings };
        let untracked = overwritten(&from.checkout, bring.head, &old)?;
        if !untracked.is_empty() {
            return Err(Stuck::Untracked(untracked));
        }
        if bring.how != How::Rebase
            && let Some(files) = self.conflicts(bring, &old)?
        {
            return Err(Stuck::Conflict(files));
        }
        let new = if bring.how == How::Rebase {
            rebased(&from, &old)?
        } else {
            let begun = bring.branch.map(|branch| Begun { branch: branch.to_owned(), old: old.clone() });
            begun.as_ref().map_or(Ok(()), |begun| begun.note(&from.checkout))?;
            let made = joined(&from, bring, &old);
            // Whatever a hook left there was not there before.
            leave(&from, bring.branch.unwrap_or(bring.head), bring.branch.is_none())?;
            Begun::forget(&from.checkout);
            made?
        };
        self.forward(bring, &old, &new).inspect_err(|_| {
            if bring.how == How::Rebase {
                let _ = from.act(&["reset", "--quiet", "--keep", bring.head]);
            }
        })?;
        Ok(new)
    }

    /// The files in which merging the work into `onto`, a commit, would conflict; `None` where it would not, or where git
    /// cannot tell without trying (before 2.38).
    fn conflicts(&self, bring: &Bring<'_>, onto: &str) -> Result<Option<Vec<String>>, Error> {
        let words = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", onto, bring.head];
        // With the merge drivers that the merge itself has.
        let asked = Git::at(&self.common, Purpose::Asked)?.with(&bring.hooks.settings()).output(&words)?;
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
    fn forward(&self, bring: &Bring<'_>, old: &str, new: &str) -> Result<(), Stuck> {
        let onto = bring.onto;
        let checked_out = self.worktrees()?.into_iter().find(|entry| entry.branch.as_deref() == Some(onto));
        let Some(checkout) = checked_out else {
            let why = format!("cs: work of a worktree, brought to {onto}");
            let words = ["update-ref", "-m", &why, &format!("refs/heads/{onto}"), new, old];
            return Ok(act(&self.common, &words, &bring.hooks.settings())?);
        };
        let root = os::real_path(&checkout.path).unwrap_or_else(|_| checkout.path.clone());
        let pinned = self.pin(&root)?;
        self.refuse_led_elsewhere(&pinned.git_dir, &[onto])?;
        let mut settings = pinned.ignoring_submodules(old, new)?;
        settings.extend(bring.hooks.settings());
        let words = ["merge", "--quiet", "--ff-only", "--no-overwrite-ignore", new];
        let done = pinned.output(&words, &settings)?;
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
fn overwritten(checkout: &Pinned, head: &str, onto: &str) -> Result<Vec<String>, Error> {
    let words = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=A", head, onto];
    let asked = checkout.ask(&words)?;
    if !asked.status.success() {
        return Err(Error::of(&asked));
    }
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    let there = text.split_terminator('\0').filter(|path| os::exists(&checkout.root.join(path)));
    Ok(there.map(str::to_owned).collect())
}

/// Makes the commits again on top of `old`, in the worktree.
fn rebased(from: &Origin, old: &str) -> Result<String, Stuck> {
    if let Err(why) = from.act(&["-c", "rebase.updateRefs=false", "rebase", "--quiet", old]) {
        let files = unmerged(&from.checkout);
        from.act(&["rebase", "--abort"]).map_err(|_| why.clone())?;
        return Err(if files.is_empty() { Stuck::Git(why) } else { Stuck::Conflict(files) });
    }
    Ok(text(from.checkout.ask(&["rev-parse", "HEAD"])?)?)
}

/// Makes one commit of the work on top of `old`, in the worktree, which is left there.
fn joined(from: &Origin, bring: &Bring<'_>, old: &str) -> Result<String, Stuck> {
    leave(from, old, true)?;
    let merged = match bring.how {
        How::Squash => from
            .act(&["merge", "--quiet", "--squash", bring.head])
            .and_then(|_| from.act(&["commit", "--quiet", "-m", bring.message])),
        _ => from.act(&["merge", "--quiet", "--no-edit", "-m", bring.message, bring.head]),
    };
    if let Err(why) = merged {
        let files = unmerged(&from.checkout);
        // There is none to end where a hook refused a commit.
        let _ = from.act(&["merge", "--abort"]);
        return Err(if files.is_empty() { Stuck::Git(why) } else { Stuck::Conflict(files) });
    }
    Ok(text(from.checkout.ask(&["rev-parse", "HEAD"])?)?)
}

/// Checks `what` out, whatever is changed.
fn leave(from: &Origin, what: &str, detached: bool) -> Result<(), Error> {
    let mut words = vec!["-c", "advice.detachedHead=false", "checkout", "--quiet", "--force"];
    words.extend(detached.then_some("--detach"));
    words.extend([what, "--"]);
    from.act(&words).map(drop)
}

fn unmerged(checkout: &Pinned) -> Vec<String> {
    let asked = checkout.ask(&["ls-files", "--unmerged", "-z"]);
    let text = asked.map(|asked| String::from_utf8_lossy(&asked.stdout).into_owned()).unwrap_or_default();
    let paths = text.split_terminator('\0').filter_map(|line| Some(line.split_once('\t')?.1.to_owned()));
    let mut paths: Vec<String> = paths.collect();
    paths.dedup();
    paths
}

/// What became of a worktree that had left its branch when `cs` was ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Resumed {
    /// There is none such.
    Nothing,
    /// It is on its branch again: this one.
    BackOn(String),
    /// It is not, as there are changes in it: the branch it was on.
    Changed(String),
}

impl Repository {
    /// Puts a worktree back on its branch that [`Repository::bring`] left on none when it was ended. What was made of
    /// its work by then is made again, or was brought already; where somebody went on in it, nothing is done.
    pub fn resume(&self, root: &Path, hooks: Hooks) -> Result<Resumed, Error> {
        let checkout = self.pin(root)?;
        let Some(begun) = Begun::read(&checkout) else { return Ok(Resumed::Nothing) };
        let reference = format!("refs/heads/{}", begun.branch);
        let on = checkout.ask(&["symbolic-ref", "--quiet", "HEAD"])?;
        let is_there = self.is_branch_name(&begun.branch)? && self.commit(&reference)?.is_some();
        if on.status.success() || !is_there {
            Begun::forget(&checkout);
            return Ok(Resumed::Nothing);
        }
        self.refuse_led_elsewhere(&checkout.git_dir, &[&begun.branch])?;
        // Where it stood, or one commit further: what was made of the work.
        let at = |name: &str| text(checkout.ask(&["rev-parse", "--verify", "--quiet", name])?);
        let is_ours = at("HEAD").is_ok_and(|head| head == begun.old)
            || at("HEAD^1").is_ok_and(|parent| parent == begun.old);
        let state = super::state::status(self, &checkout, 0)?;
        let is_squashed = state.changed > 0 && self.is_squashed(&checkout, &begun, &reference)?;
        if !is_ours || (state.changed > 0 && !is_squashed) {
            return Ok(Resumed::Changed(begun.branch));
        }
        let mut settings = checkout.ignoring_submodules("HEAD", &reference)?;
        settings.extend(hooks.settings());
        // By force only over what is ours.
        let how = if is_squashed { "--force" } else { "--no-overwrite-ignore" };
        checkout.act(&["checkout", "--quiet", "--no-guess", how, &begun.branch, "--"], &settings)?;
        Begun::forget(&checkout);
        Ok(Resumed::BackOn(begun.branch))
    }

    /// Returns true if all that is changed in the checkout is the work of the branch `reference`, staged to be one
    /// commit, as [`Repository::bring`] does.
    fn is_squashed(&self, checkout: &Pinned, begun: &Begun, reference: &str) -> Result<bool, Error> {
        let words = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=no"];
        let listed = checkout.ask(&[&words[..], &["--ignore-submodules=dirty"]].concat())?;
        let mut lines = listed.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        if !listed.status.success() || !lines.all(|line| line.get(1) == Some(&b' ')) {
            return Ok(false);
        }
        let staged = text(checkout.ask(&["write-tree"])?)?;
        Ok(self.merged_tree(&begun.old, reference).is_ok_and(|merged| merged == staged))
    }

    /// Returns where hooks of this repository lie, if a session that works in the checkout at `root`, or in the main
    /// one, can write them there.
    pub fn hooks_in_tree(&self, root: &Path) -> Result<Option<PathBuf>, Error> {
        if root == self.main && self.bare {
            let settings = self.settings()?;
            let path = settings.value("core.hookspath").map(|path| PathBuf::from(os_string(path)));
            return Ok(path.filter(|path| path.is_relative()));
        }
        self.pin(root)?.hooks_in_tree(self)
    }
}
