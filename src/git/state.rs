//! The work in a worktree: what is uncommitted, unmerged or unfinished.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::begun::Begun;
use super::nested::Nested;
use super::pinned::Pinned;
use super::run::{Git, Purpose, answer, ask, text};
use super::settings::os_string;
use super::{Checkout, Error, Repository};
use crate::os;

/// The state of a checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The commit that is checked out; `None` before the first one.
    pub head: Option<String>,
    /// The branch that is checked out; `None` where it is on none.
    pub branch: Option<String>,
    /// The branch that its work belongs to.
    pub onto: Option<Onto>,
    /// The number of its commits that are not in `onto`.
    pub ahead: u64,
    /// The number of commits of `onto` that it has not.
    pub behind: u64,
    /// Files that git tracks, with changes that are not committed.
    pub changed: u64,
    /// Files and directories that git neither tracks nor ignores.
    pub untracked: u64,
    /// The repositories inside of it, relative to its root, in which something may be that is nowhere else: git is not
    /// asked about them. Those that git checked out as submodules count as changed where they are.
    pub nested: Vec<PathBuf>,
    /// The filters that were not run, as the repository's own settings define them: a file that they would change back
    /// is among the changed ones.
    pub filters: Vec<String>,
    /// Nothing of its commits is missing in `onto`, in the branch of that name at the remote, in the
    /// default branch of the remote, or in what the main checkout has checked out: they are part of it,
    /// or merging them would add nothing, as after a squash or a rebase.
    pub merged: bool,
    /// The number of commits that are on no other branch, on none of a remote's, and under no tag.
    pub alone: u64,
    /// The operation that was begun in it and not finished: `rebase`, `merge`.
    pub unfinished: Option<&'static str>,
}

/// The branch that the work in a worktree belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onto {
    /// Its name, without that of a remote.
    pub name: String,
    /// Its reference: a branch of this repository, or one of a remote where it is not here.
    pub reference: String,
    /// The commit it is at.
    pub commit: String,
}

/// The state of the work in a linked worktree, in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing of it would be missing without the worktree, and without its branch.
    Merged,
    /// There are changes, or new files, that are not committed.
    Uncommitted,
    /// There are commits that are not merged.
    Unmerged,
    /// Git does not say.
    Unknown(Error),
}

impl State {
    /// The operation that [`Repository::bring`] is, where it was ended in the middle.
    pub const FINISH: &str = "finish";

    /// Returns the state of the work in one word.
    pub fn work(&self) -> Work {
        match self {
            _ if self.unfinished.is_some() || self.is_dirty() => Work::Uncommitted,
            _ if self.merged => Work::Merged,
            _ => Work::Unmerged,
        }
    }

    /// Returns true if something in it is not committed, or if there is no telling.
    pub fn is_dirty(&self) -> bool {
        self.changed + self.untracked > 0 || !self.nested.is_empty()
    }
}

impl Checkout {
    /// Returns the state of the work in this worktree, which came from the branch `onto`. Runs git, which reads
    /// and runs no program of the repository's.
    pub fn work(&self, onto: Option<&str>) -> Work {
        // A linked worktree without a main checkout is its own here.
        let bare = self.is_linked() && self.main == self.root;
        let repository = Repository { main: self.main.clone(), common: self.common.clone(), bare };
        repository.state(&self.root, onto).map_or_else(Work::Unknown, |state| state.work())
    }
}

impl Repository {
    /// The state of the worktree at `root`, whose work belongs to the branch `onto`; without one, or where
    /// that is gone, to the default branch of the remote, else to what the main checkout is on. Runs
    /// git, which reads, and runs no program of the repository's. Fails with what git says.
    pub fn state(&self, root: &Path, onto: Option<&str>) -> Result<State, Error> {
        let checkout = self.pin(root)?;
        let mut state = status(self, &checkout, 0)?;
        state.unfinished = unfinished(&checkout, state.branch.is_none());
        let Some(head) = state.head.clone() else {
            state.merged = true;
            return Ok(state);
        };
        let branch = state.branch.as_deref();
        state.onto = self.onto(onto, branch)?;
        if let Some(onto) = &state.onto {
            let range = format!("{}...{head}", onto.commit);
            let counts = answer(&self.common, &["rev-list", "--left-right", "--count", &range, "--"])?;
            let mut counts = counts.split_whitespace().map(|count| count.parse().unwrap_or(0));
            state.behind = counts.next().unwrap_or(0);
            state.ahead = counts.next().unwrap_or(0);
        }
        state.merged = self.has(&head, state.onto.as_ref())?;
        let mut words = vec!["rev-list".to_owned(), "--count".into(), head, "--not".into()];
        words.extend(branch.map(|branch| format!("--exclude={branch}")));
        words.extend(["--branches", "--remotes", "--tags", "--"].map(str::to_owned));
        state.alone = answer(&self.common, &words)?.parse().unwrap_or(0);
        Ok(state)
    }

    /// The branch that work belongs to which came from `wanted`, and is on `own`.
    fn onto(&self, wanted: Option<&str>, own: Option<&str>) -> Result<Option<Onto>, Error> {
        let symbolic = |name: &str| -> Result<Option<String>, Error> {
            let asked = ask(&self.common, &["symbolic-ref", "--quiet", name])?;
            let text = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
            Ok((asked.status.success() && !text.is_empty()).then_some(text))
        };
        let default = symbolic("refs/remotes/origin/HEAD")?
            .and_then(|name| name.strip_prefix("refs/remotes/origin/").map(str::to_owned));
        let main = symbolic("HEAD")?.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
        for name in [wanted.map(str::to_owned), default, main].into_iter().flatten() {
            if Some(name.as_str()) == own {
                continue;
            }
            for reference in [format!("refs/heads/{name}"), format!("refs/remotes/origin/{name}")] {
                if let Some(commit) = self.commit(&reference)? {
                    return Ok(Some(Onto { name, reference, commit }));
                }
            }
        }
        Ok(None)
    }

    /// Returns true if nothing of `head` is missing where work is kept.
    fn has(&self, head: &str, onto: Option<&Onto>) -> Result<bool, Error> {
        let mut places: Vec<String> = onto.iter().map(|onto| onto.commit.clone()).collect();
        let at_remote = onto.map(|onto| format!("refs/remotes/origin/{}", onto.name));
        for name in at_remote.iter().map(String::as_str).chain(["HEAD", "refs/remotes/origin/HEAD"]) {
            places.extend(self.commit(name)?.filter(|commit| !places.contains(commit)));
        }
        for place in &places {
            let asked = ask(&self.common, &["merge-base", "--is-ancestor", head, place])?;
            match asked.status.code() {
                Some(0) => return Ok(true),
                Some(1) => {}
                _ => return Err(Error::of(&asked)),
            }
        }
        Ok(places.iter().any(|place| self.adds_nothing(head, place)))
    }

    /// Returns true if merging `head` into `place` would change nothing there. False before git 2.38, which
    /// cannot tell.
    fn adds_nothing(&self, head: &str, place: &str) -> bool {
        self.merged_tree(place, head).is_ok_and(|merged| {
            let tree = answer(&self.common, &["rev-parse", &format!("{place}^{{tree}}")]);
            tree.is_ok_and(|tree| tree == merged)
        })
    }

    /// Returns true if nothing of the commit `head` is missing in the branch `onto`, or in what `onto` stands for.
    pub fn is_in(&self, head: &str, onto: &str) -> bool {
        let branch = self.commit(&format!("refs/heads/{onto}")).ok().flatten();
        let Some(place) = branch.or_else(|| self.commit(onto).ok().flatten()) else { return false };
        let asked = ask(&self.common, &["merge-base", "--is-ancestor", head, &place]);
        asked.is_ok_and(|asked| asked.status.success()) || self.adds_nothing(head, &place)
    }

    /// Returns the tree that merging `head` into `place` makes, without a program for any file: what one would be asked
    /// for is a conflict. Fails on a conflict.
    pub(super) fn merged_tree(&self, place: &str, head: &str) -> Result<String, Error> {
        let settings = self.settings()?.without_merge_drivers();
        let words = ["merge-tree", "--write-tree", "--no-messages", place, head];
        text(Git::at(&self.common, Purpose::Own)?.with(&settings).output(&words)?)
    }

    /// The commit that `name` stands for, in the main checkout; `None` where it stands for none.
    pub fn commit(&self, name: &str) -> Result<Option<String>, Error> {
        let words = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")];
        let asked = ask(&self.common, &words)?;
        let text = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        Ok((asked.status.success() && !text.is_empty()).then_some(text))
    }
}

/// Returns what is uncommitted in `checkout`, at `depth` submodules inside of another.
pub(super) fn status(repository: &Repository, checkout: &Pinned, depth: usize) -> Result<State, Error> {
    refuse_what_is_waited_for(&checkout.root)?;
    let words = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"];
    // `dirty` has git compare the commit of a submodule and not look into it, whatever `.gitmodules` says.
    let words = [&words[..], &["--ignored=matching", "--ignore-submodules=dirty"]].concat();
    let asked = checkout.ask(&words)?;
    if !asked.status.success() {
        return Err(Error::of(&asked));
    }
    let mut state = parse(&String::from_utf8_lossy(&asked.stdout));
    let nested = Nested::of(repository, checkout, &ignored(&asked.stdout), depth)?;
    (state.nested, state.filters) = (nested.unknown, checkout.filters.clone());
    state.changed += nested.changed;
    Ok(state)
}

/// Refuses a checkout in whose root a FIFO or a device has the name of a file that git reads: git would wait for what
/// never comes.
fn refuse_what_is_waited_for(root: &Path) -> Result<(), Error> {
    for name in [".gitattributes", ".gitignore", ".gitmodules", ".mailmap"] {
        let path = root.join(name);
        let is_other = |about: std::fs::Metadata| !about.is_file() && !about.is_dir() && !about.is_symlink();
        if path.symlink_metadata().is_ok_and(is_other) {
            return Err(Error::ours(format!("{} is no file, and git would wait for it", path.display())));
        }
    }
    Ok(())
}

/// Returns the directories that git ignores, of what it printed for a status.
fn ignored(printed: &[u8]) -> HashSet<PathBuf> {
    let lines = printed.split(|byte| *byte == 0);
    let paths = lines.filter_map(|line| line.strip_prefix(b"! ")?.strip_suffix(b"/"));
    paths.map(|path| PathBuf::from(os_string(path))).collect()
}

/// Reads what `git status --porcelain=v2 --branch -z` prints.
fn parse(text: &str) -> State {
    let mut state = State::default();
    let mut lines = text.split_terminator('\0');
    while let Some(line) = lines.next() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "#" => match rest.split_once(' ') {
                Some(("branch.oid", oid)) if oid != "(initial)" => state.head = Some(oid.to_owned()),
                Some(("branch.head", head)) if head != "(detached)" => state.branch = Some(head.to_owned()),
                _ => {}
            },
            "?" => state.untracked += 1,
            "1" | "u" => state.changed += 1,
            "2" => {
                state.changed += 1;
                // What it was called before.
                lines.next();
            }
            _ => {}
        }
    }
    state
}

/// Returns the operation that was begun in the checkout and not finished.
fn unfinished(checkout: &Pinned, is_on_none: bool) -> Option<&'static str> {
    const NOTES: [(&str, &str); 6] = [
        ("rebase-merge", "rebase"),
        ("rebase-apply", "rebase"),
        ("MERGE_HEAD", "merge"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("BISECT_LOG", "bisect"),
    ];
    let begun = NOTES.iter().find(|(note, _)| os::exists(&checkout.git_dir.join(note)));
    let begun = begun.map(|(_, what)| *what);
    begun.or_else(|| (is_on_none && Begun::read(checkout).is_some()).then_some(State::FINISH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_of_a_worktree_is_read() {
        let text = "# branch.oid 0123\0# branch.head a/b\0# branch.ab +1 -0\0\
                    1 .M N... 100644 100644 100644 1 2 a b\0\
                    2 R. N... 100644 100644 100644 1 2 R100 new\0? old name\0\
                    u UU N... 1 2 3 4 5 6 7 both\0? new dir/\0! ignored\0";
        let state = parse(text);
        assert_eq!((state.head.as_deref(), state.branch.as_deref()), (Some("0123"), Some("a/b")));
        assert_eq!((state.changed, state.untracked), (3, 1), "what was renamed is one change");
        let state = parse("# branch.oid (initial)\0# branch.head (detached)\0");
        assert_eq!(state, State::default());
        assert!(!state.is_dirty());
        let state = State { nested: vec!["sub".into()], merged: true, ..State::default() };
        assert!(state.is_dirty() && state.work() == Work::Uncommitted, "what is in it may be nowhere else");
    }

    #[test]
    fn what_git_ignores_as_a_whole_is_read() {
        let found = ignored(b"# branch.oid 0\0! node_modules/\0! a b/c/\0! file\0? new/\0");
        assert_eq!(found, HashSet::from(["node_modules".into(), "a b/c".into()]));
    }
}
