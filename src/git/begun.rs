//! A note in a worktree that work is being brought from.

use std::path::PathBuf;

use super::Error;
use super::pinned::Pinned;
use crate::model::reason;
use crate::os;

/// A note that a worktree has left its branch, so that work is brought from it: cut short, it would not be known which
/// branch that was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// The branch it was on.
    pub(super) branch: String,
    /// The commit that its work was put on top of.
    pub(super) old: String,
}

impl Begun {
    fn path(checkout: &Pinned) -> PathBuf {
        checkout.git_dir.join("cs-finish")
    }

    /// Writes it. Fails where that cannot be.
    pub(super) fn note(&self, checkout: &Pinned) -> Result<(), Error> {
        let path = Self::path(checkout);
        let text = format!("{}\n{}\n", self.branch, self.old);
        os::replace_file(&path, text.as_bytes(), false)
            .map_err(|why| Error::ours(format!("cannot write {}: {}", path.display(), reason(&why))))
    }

    /// Reads it. Whoever works in the worktree can have written it: it is a name and an id, or nothing.
    pub(super) fn read(checkout: &Pinned) -> Option<Self> {
        let text = String::from_utf8(os::read_small(&Self::path(checkout), 4096).ok()??).ok()?;
        let mut lines = text.lines();
        let (branch, old) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        let is_id = matches!(old.len(), 40 | 64) && old.chars().all(|c| c.is_ascii_hexdigit());
        (is_id && !branch.starts_with('-')).then_some(Self { branch, old })
    }

    /// Takes it away.
    pub(super) fn forget(checkout: &Pinned) {
        let _ = os::remove_file(&Self::path(checkout));
    }
}
