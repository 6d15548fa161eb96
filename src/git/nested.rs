//! Repositories inside of a checkout. Git is asked about them by nobody here: whoever made one chose what it runs.
//! Work in them is nowhere else, so that they are there is enough to know.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::settings::os_string;
use super::{Error, Repository, pinned::Pinned, state};
use crate::os::{self, EntryKind, Foreign, Unfit};

/// The most entries that are looked at. A checkout with more is taken for one that has a repository in it.
const MOST: usize = 2_000_000;

/// How deep submodules lie in submodules that are still looked at.
const DEEPEST: usize = 4;

/// What lies in a checkout that is a repository of its own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Nested {
    /// The directories, relative to the root, about which there is no telling what is unsaved in them.
    pub(super) unknown: Vec<PathBuf>,
    /// The submodules with something that is not committed.
    pub(super) changed: u64,
}

impl Nested {
    /// Looks for repositories in `checkout`, but for those in what git ignores: `ignored`, relative to the root.
    pub(super) fn of(
        repository: &Repository,
        checkout: &Pinned,
        ignored: &HashSet<PathBuf>,
        depth: usize,
    ) -> Result<Self, Error> {
        let root = &checkout.root;
        let mut found = below(root, ignored);
        // What lies where the index has a submodule, git does not see.
        found.extend(links(checkout)?.into_iter().filter(|path| is_filled(&root.join(path))));
        let mut nested = Self::default();
        for path in found {
            match submodule(repository, &root.join(&path)).filter(|_| depth < DEEPEST) {
                Some(git_dir) if is_changed(repository, root, &path, &git_dir, depth) => nested.changed += 1,
                Some(_) => {}
                None => nested.unknown.push(path),
            }
        }
        Ok(nested)
    }
}

/// Returns true if something in the submodule is not committed, or may be.
fn is_changed(repository: &Repository, root: &Path, path: &Path, git_dir: &Path, depth: usize) -> bool {
    let places = [root, &repository.main, &repository.common];
    // It may be broken: then it is no less there.
    let Ok(submodule) = Pinned::new(&root.join(path), git_dir.to_path_buf(), &places, false) else {
        return true;
    };
    let Ok(state) = state::status(repository, &submodule, depth + 1) else { return true };
    state.is_dirty()
}

/// Returns the git directory of a submodule that git itself checked out at `root`: one that lies with those of this
/// repository, where what works in the checkout cannot write.
fn submodule(repository: &Repository, root: &Path) -> Option<PathBuf> {
    if !root.symlink_metadata().ok()?.is_dir() {
        return None;
    }
    let text = String::from_utf8(os::read_small(&root.join(".git"), 4096).ok()??).ok()?;
    let git_dir =
        os::real_path(&root.join(text.strip_prefix("gitdir:")?.trim_end_matches(['\r', '\n']).trim_start()))
            .ok()?;
    let below = git_dir.strip_prefix(&repository.common).ok()?;
    let parts: Vec<&str> = below.iter().filter_map(|part| part.to_str()).collect();
    matches!(parts[..], ["modules", _, ..] | ["worktrees", _, "modules", _, ..]).then_some(git_dir)
}

/// Returns the paths of what the index has as submodules.
fn links(checkout: &Pinned) -> Result<Vec<PathBuf>, Error> {
    let listed = checkout.ask(&["ls-files", "--stage", "-z"])?;
    if !listed.status.success() {
        return Err(Error::of(&listed));
    }
    let lines = listed.stdout.split(|byte| *byte == 0).filter(|line| line.starts_with(b"160000 "));
    let path = |line: &[u8]| {
        let at = line.iter().position(|byte| *byte == b'\t')?;
        Some(PathBuf::from(os_string(&line[at + 1..])))
    };
    Ok(lines.filter_map(path).collect())
}

/// Returns true if there is anything in the directory `path`. A link is none.
fn is_filled(path: &Path) -> bool {
    let is_directory = path.symlink_metadata().is_ok_and(|about| about.is_dir());
    is_directory && os::entries_of(path).map_or(true, |entries| !entries.is_empty())
}

/// Returns the directories below `root`, relative to it, that have a `.git`. No link is followed.
fn below(root: &Path, ignored: &HashSet<PathBuf>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let (mut todo, mut seen) = (vec![PathBuf::new()], 0_usize);
    let ground = Foreign::ground(root);
    while let Some(directory) = todo.pop() {
        let place = if directory.as_os_str().is_empty() { ground.clone() } else { ground.join(&directory) };
        let entries = match place.entries() {
            Ok(entries) => entries.unwrap_or_default(),
            Err(error) if os::unfit(&error) == Some(Unfit::TooMany) => {
                found.insert(directory);
                continue;
            }
            // What cannot be read is said where its space is looked up.
            Err(_) => continue,
        };
        for entry in entries {
            seen += 1;
            if seen > MOST {
                found.insert(directory);
                return found;
            }
            let name = entry.name;
            if name.eq_ignore_ascii_case(".git") {
                if !directory.as_os_str().is_empty() {
                    found.insert(directory.clone());
                }
                continue;
            }
            let path = directory.join(name);
            if entry.kind == EntryKind::Directory && !ignored.contains(&path) {
                todo.push(path);
            }
        }
    }
    found
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_repository_inside_is_found_wherever_git_would_see_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = dir.path();
        for path in [".git", "a/b/.git", "node_modules/c/.git", "d/e", "empty"] {
            fs::create_dir_all(root.join(path)).expect("made");
        }
        fs::write(root.join("d/.git"), "gitdir: elsewhere\n").expect("written");
        std::os::unix::fs::symlink(root.join("a"), root.join("link")).expect("linked");
        let ignored = HashSet::from([PathBuf::from("node_modules")]);
        let found: Vec<PathBuf> = below(root, &ignored).into_iter().collect();
        assert_eq!(found, [PathBuf::from("a/b"), PathBuf::from("d")]);
        assert_eq!(below(root, &HashSet::new()).len(), 3, "the control: it is there");
        assert!(
            is_filled(&root.join("d")) && !is_filled(&root.join("empty")) && !is_filled(&root.join("link"))
        );
    }
}
