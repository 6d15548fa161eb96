//! Bindings: which profile or session belongs to a directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Name, Subject};

/// What a place is bound to. A session is known by its id, so that it can be renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A profile.
    Profile(Name),
    /// A session.
    Session(Uuid),
}

/// What is bound: a line of the user's own table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory (absolute, links resolved) and everything below it.
    Directory(PathBuf),
    /// Every checkout with a remote like this glob: `github.com/acme/*`.
    Remote(String),
    /// The directory of a `.cs.toml` that was allowed; the path is that of the file.
    File(PathBuf),
}

impl Place {
    /// The place as one line of text: what a person is shown, and what tells two places apart.
    pub fn text(&self) -> String {
        match self {
            Self::Directory(path) | Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Remote(glob) => format!("remote {glob}"),
        }
    }

    /// Whether `directory` (links resolved) is bound by this place, if that is a directory.
    pub fn holds(&self, directory: &Path) -> bool {
        match self {
            Self::Directory(path) => directory.starts_with(path),
            Self::File(path) => path.parent().is_some_and(|parent| directory.starts_with(parent)),
            Self::Remote(_) => false,
        }
    }
}

/// The binding that holds in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What binds it.
    pub place: Place,
    /// What it is bound to.
    pub subject: Subject,
}

/// What happens where another profile than the bound one is about to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guard {
    /// Nothing.
    Off,
    /// It is said on stderr.
    #[default]
    Warn,
    /// It is refused.
    Strict,
}
