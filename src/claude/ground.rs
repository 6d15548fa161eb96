//! The config directory of a session or profile, as ground that others wrote on.
//!
//! See docs/decisions/015-what-is-inside-is-foreign-ground.md

use std::path::{Path, PathBuf};

use crate::model::SessionPaths;
use crate::os::Foreign;

/// A config directory to be read: the directory, and where its conversations lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigGround {
    config: Foreign,
    projects: Foreign,
    shares: Option<PathBuf>,
}

impl ConfigGround {
    /// Returns that of a session which keeps its conversations itself: a link in the place of `projects` is not
    /// followed, as whoever runs in there could have made it. For a session without a config directory of its own,
    /// that of its profile.
    pub fn of(paths: &SessionPaths) -> Self {
        if !paths.config.starts_with(&paths.root) {
            return Self::of_profile(&paths.config);
        }
        let config = Foreign::at(&paths.root, &paths.config);
        Self { projects: config.join("projects"), config, shares: None }
    }

    /// Returns that of a profile, or another directory of the person's. Where that, or `projects` in it, is a link,
    /// it is the person's, and followed.
    pub fn of_profile(config: &Path) -> Self {
        let projects = Foreign::ground(&config.join("projects"));
        Self { config: Foreign::ground(config), projects, shares: None }
    }

    /// Returns the same, of a session or profile that shares the conversations in `projects`, to which its own link
    /// is known to lead.
    #[must_use]
    pub fn sharing(self, projects: &Path) -> Self {
        Self { projects: Foreign::ground(projects), shares: Some(projects.to_path_buf()), ..self }
    }

    /// Returns what is at `item` in the config directory.
    pub fn at(&self, item: impl AsRef<Path>) -> Foreign {
        self.config.join(item)
    }

    /// Returns the state file `state`, in the config directory or beside it.
    pub fn of_state(&self, state: &Path) -> Foreign {
        self.config.along(state)
    }

    /// Returns the directory of its conversations.
    pub fn projects(&self) -> &Foreign {
        &self.projects
    }

    /// Returns the directory of the conversations that it shares with others, if it does.
    pub fn shared(&self) -> Option<&Path> {
        self.shares.as_deref()
    }

    /// Returns true if its conversations lie among those of others.
    pub fn shares(&self) -> bool {
        self.shares.is_some()
    }
}
