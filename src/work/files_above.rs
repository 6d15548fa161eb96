//! The `.cs.toml` files of a directory and above, and what the user said of them.
//!
//! See docs/decisions/005-a-repository-only-names-a-profile-and-only-when-allowed.md

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::config::{self, REPOSITORY_FILE, REPOSITORY_FILE_LIMIT};
use crate::git::Checkout;
use crate::model::{Repository, Result};
use crate::os;
use crate::store::{Store, Trust};

/// The `.cs.toml` files in a directory and above it, read when first asked for: a launch asks twice.
#[derive(Debug, Default)]
pub(crate) struct FilesAbove(RefCell<Option<Known>>);

/// Those of the directory that was asked for last.
#[derive(Debug)]
struct Known {
    /// The directory as it was asked for, links and all.
    directory: PathBuf,
    files: Rc<[FileAbove]>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct FileAbove {
    /// Its path.
    pub path: PathBuf,
    /// Its content; `None` where it cannot be read, and so cannot have been allowed: `cs allow` says what
    /// is wrong with it.
    pub held: Option<Vec<u8>>,
}

impl FilesAbove {
    /// Returns true if they have been asked for.
    pub(crate) fn are_known(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Returns those of `directory`, which is really `real`, the nearest first.
    pub(crate) fn of(&self, directory: &Path, real: impl FnOnce() -> PathBuf) -> Rc<[FileAbove]> {
        let mut known = self.0.borrow_mut();
        if let Some(known) = known.as_ref().filter(|known| known.directory == directory) {
            return Rc::clone(&known.files);
        }
        let at = |parent: &Path| {
            let path = parent.join(REPOSITORY_FILE);
            // A link would make it any file of the person's, one with a secret in it too.
            match os::read_unlinked(&path, REPOSITORY_FILE_LIMIT) {
                Ok(Some(held)) => Some(FileAbove { path, held: Some(held) }),
                Err(_) if os::exists(&path) => Some(FileAbove { path, held: None }),
                Ok(None) | Err(_) => None,
            }
        };
        let files: Rc<[FileAbove]> = real().ancestors().filter_map(at).collect();
        *known = Some(Known { directory: directory.to_path_buf(), files: Rc::clone(&files) });
        files
    }
}

impl FileAbove {
    /// Returns what it says, where that is allowed; else whether it was denied.
    pub(crate) fn said(&self, store: &Store) -> (Trust, Option<Result<Repository>>) {
        match (trust(store, &self.path, self.held.as_deref()), &self.held) {
            (Trust::Allowed, Some(held)) => (Trust::Allowed, Some(config::repository(held, &self.path))),
            (trust, _) => (trust, None),
        }
    }
}

/// Returns what the user said about the `.cs.toml` at `path` that holds this, if it could be read. One in
/// a linked worktree counts as the same file in the main checkout does.
fn trust(store: &Store, path: &Path, held: Option<&[u8]>) -> Trust {
    let said = |path: &Path| match held {
        Some(held) => store.trust_in(path, held),
        None if store.is_denied(path) => Trust::Denied,
        None => Trust::Unsaid,
    };
    let own = said(path);
    if own != Trust::Unsaid {
        return own;
    }
    let checkout = path.parent().and_then(Checkout::of).filter(|checkout| checkout.main != checkout.root);
    let in_main = checkout.and_then(|checkout| {
        let below = path.strip_prefix(&checkout.root).ok()?;
        Some(checkout.main.join(below))
    });
    in_main.map_or(Trust::Unsaid, |path| said(&path))
}
