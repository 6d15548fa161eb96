//! Repositories, and the worktrees they know.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::run::{answer, ask};
use super::{Checkout, Error, ErrorKind};
use crate::os;

/// A repository, whichever of its worktrees one is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The root of its main checkout; the git directory itself where it is bare. Links resolved.
    pub main: PathBuf,
    /// The git directory that all its worktrees share. Links resolved.
    pub common: PathBuf,
    /// It has no main checkout.
    pub bare: bool,
}

/// A worktree as git lists it; the first is the main checkout, or the bare repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its root.
    pub path: PathBuf,
    /// The commit that is checked out; `None` in a bare repository, and before the first commit.
    pub head: Option<String>,
    /// The branch that is checked out; `None` where it is on none.
    pub branch: Option<String>,
    /// It is the bare repository.
    pub bare: bool,
    /// The reason that it is locked, if it is; empty where nobody said why.
    pub locked: Option<String>,
    /// The reason that git would forget it, if it would: usually its directory is gone.
    pub prunable: Option<String>,
}

impl Repository {
    /// The repository that `directory` is in; `None` outside of git. Runs git. Fails with what git says
    /// otherwise, such as that the directory belongs to somebody else.
    pub fn of(directory: &Path) -> Result<Option<Self>, Error> {
        Ok(Here::of(directory)?.map(|here| here.repository))
    }

    /// Waits for the turn to change its worktrees, which is had until what is returned is dropped: git trips
    /// over a worktree that is just being made (2.47). Where there are no locks, nobody waits; and not for ever for
    /// whoever has it: every program that can read the repository could.
    pub(super) fn turn(&self) -> Option<File> {
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
        let directory = File::open(&self.common).ok()?;
        os::lock_within(&directory, PATIENCE).then_some(directory)
    }

    /// Its worktrees, the main checkout first. Runs git.
    pub fn worktrees(&self) -> Result<Vec<Entry>, Error> {
        list(&self.common)
    }
}

/// A directory's place in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// The repository.
    pub repository: Repository,
    /// The root of the checkout the directory is in; `None` in a bare repository, and inside of `.git`.
    pub root: Option<PathBuf>,
    /// The worktrees of the repository, the main checkout first.
    pub worktrees: Vec<Entry>,
}

impl Here {
    /// Finds the repository that `directory`, whose links are resolved, is in; `None` outside of git. Runs git,
    /// mostly once. Fails with what git says otherwise.
    pub fn of(directory: &Path) -> Result<Option<Self>, Error> {
        // No git writes that: whoever did has settings and hooks of theirs taken for those of the repository.
        if let Some(main) = Checkout::of(directory).filter(|checkout| !checkout.is_linked())
            && let elsewhere = main.git_dir().join("commondir")
            && os::exists(&elsewhere)
        {
            return Err(Error::ours(format!(
                "{} says that the repository is somewhere else, as no git does in a main checkout",
                elsewhere.display()
            )));
        }
        let mut worktrees = match list(directory) {
            Ok(worktrees) => worktrees,
            Err(error) if error.kind == ErrorKind::NotARepository => return Ok(None),
            Err(error) => return Err(error),
        };
        let first = worktrees.first_mut().ok_or_else(|| Error::ours("git lists no worktree"))?;
        let (bare, path) = (first.bare, real(&first.path));
        let dot_git = path.join(".git");
        if bare || os::is_dir(&dot_git) {
            let common = if bare { path.clone() } else { dot_git };
            first.path.clone_from(&path);
            let inside = |entry: &&Entry| !entry.bare && directory.starts_with(&entry.path);
            let root = worktrees.iter().filter(inside).max_by_key(|entry| entry.path.as_os_str().len());
            let root = root.map(|entry| entry.path.clone());
            if root.is_some() || directory.starts_with(&common) {
                return Ok(Some(Self {
                    repository: Repository { main: path, common, bare },
                    root,
                    worktrees,
                }));
            }
        }
        Self::looked_up(directory, worktrees).map(Some)
    }

    /// The same where the list does not say it: in a submodule, with a `.git` that is a link or elsewhere, or
    /// where git names a worktree by another path.
    fn looked_up(directory: &Path, mut worktrees: Vec<Entry>) -> Result<Self, Error> {
        let words = ["rev-parse", "--path-format=absolute", "--is-inside-work-tree"];
        let words = [&words[..], &["--git-common-dir", "--git-dir", "--show-toplevel"]].concat();
        let asked = ask(directory, &words)?;
        let text = String::from_utf8_lossy(&asked.stdout);
        // The answers come one by one, and the last is refused where there is no checkout.
        if !asked.status.success() && !text.starts_with("false\n") {
            return Err(Error::of(&asked));
        }
        let text = String::from_utf8(asked.stdout).map_err(|_| Error::ours("its path is not UTF-8"))?;
        let mut lines = text.lines().skip(1);
        let mut next = || lines.next().map(|line| real(Path::new(line)));
        let (Some(common), Some(git_dir), root, None) = (next(), next(), next(), next()) else {
            return Err(Error::ours("its path has a line break"));
        };
        let first = worktrees.first_mut().ok_or_else(|| Error::ours("git lists no worktree"))?;
        let main = match &root {
            _ if first.bare => common.clone(),
            Some(root) if git_dir == common => root.clone(),
            // Git takes the git directory of a submodule for its checkout, which only the settings know.
            _ if real(&first.path) == common => {
                answer(&common, &["rev-parse", "--show-toplevel"]).map_or(common.clone(), PathBuf::from)
            }
            _ => first.path.clone(),
        };
        let main = real(&main);
        first.path.clone_from(&main);
        let repository = Repository { bare: first.bare, main, common };
        Ok(Self { repository, root, worktrees })
    }

    /// The worktree the directory is in.
    pub fn entry(&self) -> Option<&Entry> {
        match &self.root {
            Some(root) => self.worktrees.iter().find(|entry| entry.path == *root),
            None => self.worktrees.first(),
        }
    }
}

fn real(path: &Path) -> PathBuf {
    os::real_path(path).unwrap_or_else(|_| path.to_path_buf())
}

fn list(place: &Path) -> Result<Vec<Entry>, Error> {
    let mut attempts = 0..20;
    loop {
        match answer(place, &["worktree", "list", "--porcelain", "-z"]) {
            // One that somebody is making just now has not all of its files yet.
            Err(error) if error.kind == ErrorKind::Racing && attempts.next().is_some() => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            answered => return answered.map(|text| parse(&text)),
        }
    }
}

/// Reads what `git worktree list --porcelain -z` prints (git 2.36).
fn parse(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.split('\0') {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "worktree" {
            entries.push(Entry { path: rest.into(), ..Entry::default() });
            continue;
        }
        let Some(entry) = entries.last_mut() else { continue };
        match word {
            "HEAD" => entry.head = Some(rest.to_owned()).filter(|head| head.chars().any(|c| c != '0')),
            "branch" => entry.branch = Some(rest.strip_prefix("refs/heads/").unwrap_or(rest).to_owned()),
            "bare" => entry.bare = true,
            "locked" => entry.locked = Some(rest.to_owned()),
            "prunable" => entry.prunable = Some(rest.to_owned()),
            _ => {}
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_lists_is_read() {
        let text = "worktree /r\0HEAD 0123\0branch refs/heads/main\0\0\
                    worktree /r/.claude/worktrees/a b\nc\0HEAD 0000000\0branch refs/heads/x/y\0locked cs\0\0\
                    worktree /gone\0HEAD 4567\0detached\0locked\0prunable gitdir file points nowhere\0\0";
        let entries = parse(text);
        assert_eq!(entries.len(), 3);
        assert_eq!(
            (entries[0].branch.as_deref(), entries[0].head.as_deref(), &entries[0].locked),
            (Some("main"), Some("0123"), &None)
        );
        assert_eq!(entries[1].path, Path::new("/r/.claude/worktrees/a b\nc"));
        assert_eq!((&entries[1].head, entries[1].branch.as_deref()), (&None, Some("x/y")));
        assert_eq!(entries[1].locked.as_deref(), Some("cs"));
        assert_eq!((&entries[2].branch, entries[2].locked.as_deref()), (&None, Some("")));
        assert!(entries[2].prunable.is_some());
        assert!(parse("worktree /b.git\0bare\0\0")[0].bare);
    }
}
