//! Git: what it keeps on disk about a directory, read without running it; and worktrees, through its
//! program.

mod add;
mod begun;
mod bring;
mod error;
mod exclude;
mod include;
mod led;
mod locking;
mod nested;
mod pinned;
mod run;
mod settings;
mod state;
mod trash;
mod worktree;

use std::fs;
use std::path::{Path, PathBuf};

use crate::os;

pub use add::{Beginning, Hooks, Making, init};
pub use bring::{Bring, How, Resumed, Stuck};
pub use error::{Error, ErrorKind};
pub use include::{Copies, Included};
pub use locking::LockedBy;
pub use state::{Onto, State, Work};
pub use trash::remove_empty_room;
pub use worktree::{Entry, Here, Repository};

/// The checkout a directory is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Its root: where `.git` is.
    pub root: PathBuf,
    /// The root of the main checkout; the same unless this is a linked worktree of it, which the
    /// main checkout says too: what a `.git` file claims is not believed by itself.
    pub main: PathBuf,
    git_dir: PathBuf,
    /// The directory of what all worktrees share: the settings.
    common: PathBuf,
}

impl Checkout {
    /// The checkout that `directory` (links resolved) is in; `None` outside of git.
    pub fn of(directory: &Path) -> Option<Self> {
        for root in directory.ancestors() {
            let dot_git = root.join(".git");
            let Ok(about) = dot_git.symlink_metadata() else { continue };
            let root = root.to_path_buf();
            if !about.is_file() {
                let (main, common) = (root.clone(), dot_git.clone());
                return Some(Self { root, main, git_dir: dot_git, common });
            }
            // A linked worktree says `gitdir: <main>/.git/worktrees/<name>`; a submodule points
            // below `.git/modules` and is a checkout of its own.
            let git_dir = root.join(text(&dot_git)?.strip_prefix("gitdir:")?.trim());
            let common = shared(&git_dir, &dot_git);
            let main = common.as_deref().filter(|common| common.ends_with(".git")).and_then(Path::parent);
            let main = main.map_or_else(|| root.clone(), Path::to_path_buf);
            let common = common.unwrap_or_else(|| git_dir.clone());
            return Some(Self { root, main, git_dir, common });
        }
        None
    }

    /// Returns the directories in which git keeps what is of this checkout alone, and what all worktrees share;
    /// the same in a main checkout. `None` where a `.git` file leads to a place that does not name it, or `.git`
    /// is a link.
    pub fn git_directories(&self) -> Option<(PathBuf, PathBuf)> {
        let dot_git = self.root.join(".git");
        let about = dot_git.symlink_metadata().ok()?;
        if about.is_dir() {
            return Some((dot_git.clone(), dot_git));
        }
        let common = shared(&self.git_dir, &dot_git).filter(|_| about.is_file())?;
        Some((os::real_path(&self.git_dir).ok()?, common))
    }

    /// The branch it is on, or the first letters of the commit where it is on none.
    pub fn branch(&self) -> Option<String> {
        let head = text(&self.git_dir.join("HEAD"))?;
        // It may be a link to any file: nothing is shown of what is no HEAD.
        let head = head.trim_end_matches(['\n', '\r', ' ', '\t']);
        match head.strip_prefix("ref: refs/heads/") {
            Some(branch) => (!branch.contains(char::is_whitespace)).then(|| branch.to_owned()),
            None if head.len() < 40 || !head.bytes().all(|byte| byte.is_ascii_hexdigit()) => None,
            None => head.get(..8).map(|commit| format!("({commit})")),
        }
    }

    /// The addresses of its remotes, as they stand in the settings of the repository. What those
    /// include, or rewrite (`insteadOf`), is not looked at.
    pub fn remotes(&self) -> Vec<String> {
        text(&self.common.join("config")).map(|config| remote_urls(&config)).unwrap_or_default()
    }
}

impl Checkout {
    /// Returns true if this is a linked worktree, of another checkout or of a bare repository.
    pub fn is_linked(&self) -> bool {
        self.git_dir != self.common
    }

    /// The linked worktrees of its repository, by the names of their directories, with their paths; in name
    /// order. Reads what git keeps of them, and runs nothing. For a Tab: what cannot be read is left out.
    pub fn worktree_names(&self) -> Vec<(String, String)> {
        let entries = self.common.join("worktrees");
        let root = |entry: String| {
            let path =
                PathBuf::from(text(&entries.join(entry).join("gitdir"))?.trim_end_matches(['\n', '\r']));
            let root = path.parent()?;
            Some((root.file_name()?.to_str()?.to_owned(), root.to_str()?.to_owned()))
        };
        let mut names: Vec<(String, String)> =
            os::names_in(&entries, "").unwrap_or_default().into_iter().filter_map(root).collect();
        names.sort_unstable();
        names
    }

    /// The branches of its repository, in name order, as far as they stand in files. Runs nothing. For a Tab: what
    /// cannot be read is left out.
    pub fn branches(&self) -> Vec<String> {
        fn walk(room: &Path, before: &str, found: &mut Vec<String>) {
            for name in os::names_in(room, "").unwrap_or_default() {
                let (path, full) = (room.join(&name), format!("{before}{name}"));
                if os::is_dir(&path) {
                    walk(&path, &format!("{full}/"), found);
                } else if path.extension().is_none_or(|extension| extension != "lock") {
                    found.push(full);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.common.join("refs/heads"), "", &mut found);
        let packed = text(&self.common.join("packed-refs")).unwrap_or_default();
        let packed = packed.lines().filter_map(|line| line.split_once(" refs/heads/"));
        found.extend(packed.map(|(_, name)| name.to_owned()));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The git directory that all worktrees of its repository share.
    pub fn common(&self) -> &Path {
        &self.common
    }
}

/// A linked worktree that does not belong where it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The directory it says it belongs to is gone.
    MainGone(PathBuf),
    /// The directory it says it belongs to knows it at another place, or not at all.
    Unknown(PathBuf),
}

/// Returns what is wrong with the linked worktree that `directory` is in; `None` where it is in none, or all
/// is well.
pub fn linked_at(directory: &Path) -> Option<Linked> {
    let directory = os::real_path(directory).ok()?;
    let root = directory.ancestors().find(|root| os::exists(&root.join(".git")))?;
    let dot_git = root.join(".git");
    if !dot_git.symlink_metadata().is_ok_and(|about| about.is_file()) {
        return None;
    }
    let git_dir = root.join(text(&dot_git)?.strip_prefix("gitdir:")?.trim());
    // A submodule's, or one that was put elsewhere on purpose.
    git_dir.parent().filter(|parent| parent.ends_with("worktrees"))?;
    if !git_dir.is_dir() {
        return Some(Linked::MainGone(git_dir));
    }
    shared(&git_dir, &dot_git).is_none().then_some(Linked::Unknown(git_dir))
}

/// The git directory of the main checkout that `git_dir` is a linked worktree's part of, if it
/// names `dot_git` as that worktree's `.git` file. Whoever wrote that file can have it say anything;
/// what lies in the main checkout they cannot have written.
fn shared(git_dir: &Path, dot_git: &Path) -> Option<PathBuf> {
    let git_dir = os::real_path(git_dir).ok()?;
    let common = git_dir.parent().filter(|parent| parent.ends_with("worktrees"))?.parent()?;
    let named = text(&git_dir.join("gitdir"))?;
    // Relative ones (git 2.48, `worktree.useRelativePaths`) start where they stand.
    let named = fs::canonicalize(git_dir.join(named.trim_end_matches(['\n', '\r']))).ok()?;
    (named == fs::canonicalize(dot_git).ok()?).then(|| common.to_path_buf())
}

/// The text of a file that anybody may have put there: regular, and not without end.
fn text(path: &Path) -> Option<String> {
    String::from_utf8(os::read_optional(path).ok()??).ok()
}

/// Every `url` of a `[remote "…"]` in git's settings.
fn remote_urls(config: &str) -> Vec<String> {
    let (mut urls, mut in_remote) = (Vec::new(), false);
    for line in config.replace("\\\r\n", "").replace("\\\n", "").lines() {
        let mut line = line.trim_start();
        if let Some(header) = line.strip_prefix('[') {
            let end = header.find("\"]").map(|at| at + 1).or_else(|| header.find(']'));
            let Some((section, rest)) = end.map(|at| header.split_at(at)) else { continue };
            let word = section.split([' ', '\t']).next().unwrap_or_default();
            in_remote = word.eq_ignore_ascii_case("remote");
            line = rest[1..].trim_start();
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        if in_remote && key.trim_end().eq_ignore_ascii_case("url") {
            urls.push(setting(value));
        }
    }
    urls
}

/// A value in git's settings: what is quoted is not cut, and a comment is.
fn setting(text: &str) -> String {
    let (mut value, mut quoted, mut kept) = (String::new(), false, 0);
    let mut chars = text.trim_start().chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
        if quoted || !c.is_whitespace() {
            kept = value.len();
        }
    }
    value.truncate(kept);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_read_as_git_writes_them_and_as_people_do() {
        let config = "\
[core]\n\tbare = false\n\turl = https://not.a.remote/x\n\
[remote \"origin\"]\n\turl = git@github.com:acme/api.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\
[REMOTE \"up]stream\"]\n\tURL = \"https://a.example/with # and space\" ; why\n\
[remote \"one-line\"] url = https://b.example/x # note\n\
[remote \"long\"]\n\turl = https://c.example/\\\nlong\n\
[branch \"main\"]\n\turl = https://not.a.remote/y\n\
[broken\n\turl\n";
        assert_eq!(
            remote_urls(config),
            [
                "git@github.com:acme/api.git",
                "https://a.example/with # and space",
                "https://b.example/x",
                "https://c.example/long",
            ]
        );
    }

    #[test]
    fn a_linked_worktree_belongs_to_its_main_checkout() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = fs::canonicalize(dir.path()).expect("it exists");
        let (repo, tree) = (base.join("repo"), base.join("tree"));
        let linked = repo.join(".git/worktrees/tree");
        fs::create_dir_all(&linked).expect("made");
        fs::create_dir_all(repo.join("src/deep")).expect("made");
        fs::create_dir_all(tree.join("src")).expect("made");
        fs::write(tree.join(".git"), format!("gitdir: {}\n", linked.display())).expect("written");
        fs::write(linked.join("HEAD"), "ref: refs/heads/feature/x\n").expect("written");
        fs::write(linked.join("gitdir"), format!("{}\n", tree.join(".git").display())).expect("written");
        fs::write(repo.join(".git/HEAD"), "0123456789abcdef0123456789abcdef01234567\n").expect("written");

        let main = Checkout::of(&repo.join("src/deep")).expect("a checkout");
        assert_eq!((&main.root, &main.main), (&repo, &repo));
        assert_eq!(main.branch().as_deref(), Some("(01234567)"));
        // What was put in its place is no commit and no branch.
        for text in [
            "0123456789abcdef\n",
            "password of somebody, long enough to be a commit's id\n",
            "ref: refs/heads/a\nkey\n",
        ] {
            fs::write(repo.join(".git/HEAD"), text).expect("written");
            assert_eq!(main.branch(), None, "{text}");
        }
        let linked = Checkout::of(&tree.join("src")).expect("a checkout");
        assert_eq!((&linked.root, &linked.main), (&tree, &repo));
        assert_eq!(linked.branch().as_deref(), Some("feature/x"));
        assert_eq!(Checkout::of(&base), None);

        let forged = base.join("forged");
        fs::create_dir(&forged).expect("made");
        fs::copy(tree.join(".git"), forged.join(".git")).expect("written");
        let claimed = Checkout::of(&forged).expect("a checkout");
        assert_eq!((&claimed.root, &claimed.main), (&forged, &forged), "it is named by nobody");

        assert_eq!((linked_at(&tree.join("src")), linked_at(&repo), linked_at(&base)), (None, None, None));
        let known_as = repo.join(".git/worktrees/tree");
        assert_eq!(linked_at(&forged), Some(Linked::Unknown(known_as.clone())));
        fs::rename(&repo, base.join("moved")).expect("moved");
        assert_eq!(linked_at(&tree), Some(Linked::MainGone(known_as)));
    }
}
