//! Worktrees of git that sessions work in.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The linked worktree that a session was given, as it was when the session was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worktree {
    /// Its root: an absolute path. The session's directory is this, or lies below it.
    pub root: String,
    /// The repository it belongs to: the root of the main checkout, or a bare repository.
    pub repository: String,
    /// The branch that was checked out in it; `None` if it was on none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The branch it came from, and finishing brings its work to; `None` if it came from none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<String>,
}

impl Worktree {
    /// Returns its root.
    pub fn root(&self) -> &Path {
        Path::new(&self.root)
    }

    /// Returns the repository it belongs to.
    pub fn repository(&self) -> &Path {
        Path::new(&self.repository)
    }
}
