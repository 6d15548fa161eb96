//! What git keeps on disk about a directory, read without running git.

use std::fs;
use std::path::{Path, PathBuf};

/// The checkout a directory is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Its root: where `.git` is.
    pub root: PathBuf,
    /// The root of the main checkout; the same unless this is a linked worktree.
    pub main: PathBuf,
    git_dir: PathBuf,
}

impl Checkout {
    /// The checkout that `directory` (links resolved) is in; `None` outside of git.
    pub fn of(directory: &Path) -> Option<Self> {
        for root in directory.ancestors() {
            let dot_git = root.join(".git");
            let Ok(about) = dot_git.symlink_metadata() else { continue };
            let root = root.to_path_buf();
            if !about.is_file() {
                return Some(Self { main: root.clone(), root, git_dir: dot_git });
            }
            // A linked worktree says `gitdir: <main>/.git/worktrees/<name>`; a submodule points
            // below `.git/modules` and is a checkout of its own.
            let text = fs::read_to_string(&dot_git).ok()?;
            let git_dir = root.join(text.strip_prefix("gitdir:")?.trim());
            let common =
                git_dir.parent().filter(|parent| parent.ends_with("worktrees")).and_then(Path::parent);
            let main = common
                .filter(|common| common.ends_with(".git"))
                .and_then(|common| fs::canonicalize(common.parent()?).ok())
                .unwrap_or_else(|| root.clone());
            return Some(Self { root, main, git_dir });
        }
        None
    }

    /// The branch it is on, or the first letters of the commit where it is on none.
    pub fn branch(&self) -> Option<String> {
        let head = fs::read_to_string(self.git_dir.join("HEAD")).ok()?;
        let head = head.trim();
        match head.strip_prefix("ref: refs/heads/") {
            Some(branch) => Some(branch.to_owned()),
            None => head.get(..8).map(|commit| format!("({commit})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        fs::write(repo.join(".git/HEAD"), "0123456789abcdef\n").expect("written");

        let main = Checkout::of(&repo.join("src/deep")).expect("a checkout");
        assert_eq!((&main.root, &main.main), (&repo, &repo));
        assert_eq!(main.branch().as_deref(), Some("(01234567)"));
        let linked = Checkout::of(&tree.join("src")).expect("a checkout");
        assert_eq!((&linked.root, &linked.main), (&tree, &repo));
        assert_eq!(linked.branch().as_deref(), Some("feature/x"));
        assert_eq!(Checkout::of(&base), None);
    }
}
