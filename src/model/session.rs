//! Sessions: named, isolated places to work.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ConfigHome, History, Name, Ports, Walls, Worktree};

/// The way a session is separated from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Its own `CLAUDE_CONFIG_DIR`.
    #[default]
    ConfigDir,
    /// Its own `HOME`, for what the config directory does not cover.
    Home,
    /// Its own `CLAUDE_CONFIG_DIR`, and nothing else of the machine but what it needs.
    Sandbox,
    /// Only its own session id: the profile's config directory is used as it is.
    None,
}

impl Isolation {
    /// Every method, with the word for it in a command and in a record.
    pub const ALL: [(&'static str, Self); 4] = [
        ("config-dir", Self::ConfigDir),
        ("home", Self::Home),
        ("sandbox", Self::Sandbox),
        ("none", Self::None),
    ];
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, method)| method == self).map_or("config-dir", |(word, _)| word);
        f.write_str(word)
    }
}

impl FromStr for Isolation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, method)| *method)
            .ok_or_else(|| format!("unknown isolation '{text}' (config-dir, home, sandbox, none)"))
    }
}

/// A named, isolated place to work. Identity only: when it was last used is in its run record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The layout of this record.
    pub version: u32,
    /// Its id for life, also that of its first conversation. Version 7: ids sort by age.
    pub id: Uuid,
    /// Its name; changed by `cs rename` only.
    pub name: Name,
    /// The profile it belongs to.
    pub profile: Name,
    /// Its working directory: an absolute path.
    pub directory: String,
    /// The way it is separated.
    #[serde(default)]
    pub isolation: Isolation,
    /// It shares nothing with its profile but the login.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
    /// It goes to the trash automatically when Claude ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ephemeral: bool,
    /// The place of its conversations, if the session decides that and not its profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// The conversation it was forked from, which its first launch continues under a new id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<Uuid>,
    /// Its ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
    /// The time it was made. Comes after everything that may be absent: so a record that is cut short
    /// lacks this, and is never taken for a whole one.
    pub created: jiff::Timestamp,
    /// The worktree that was made, or taken over, for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Box<Worktree>>,
    /// The walls of a sandboxed session's sandbox, as they were when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walls: Option<Box<Walls>>,
}

impl Session {
    /// The layout of the record that this version writes and reads.
    pub const VERSION: u32 = 1;

    /// Returns its working directory.
    pub fn directory(&self) -> &Path {
        Path::new(&self.directory)
    }

    /// Returns the branch that the work in its worktree belongs to.
    pub fn onto(&self) -> Option<&str> {
        self.worktree.as_ref()?.onto.as_deref()
    }
}

/// The paths of the files of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPaths {
    /// `sessions/<id>`.
    pub root: PathBuf,
    /// The config directory Claude is given.
    pub config: PathBuf,
    /// Claude's state file in it or beside it.
    pub state: PathBuf,
    /// The `HOME` it is given; `None` for the user's own.
    pub home: Option<PathBuf>,
}

impl SessionPaths {
    /// Returns the paths of a session kept in `root`, whose profile is at `profile`.
    pub fn new(root: &Path, isolation: Isolation, profile: &ConfigHome) -> Self {
        let root = root.to_path_buf();
        match isolation {
            Isolation::ConfigDir | Isolation::Sandbox => {
                let config = root.join("claude");
                Self { state: config.join(".claude.json"), config, home: None, root }
            }
            Isolation::Home => {
                let home = root.join("home");
                Self {
                    config: home.join(".claude"),
                    state: home.join(".claude.json"),
                    home: Some(home),
                    root,
                }
            }
            Isolation::None => {
                Self { config: profile.directory(), state: profile.state_file(), home: None, root }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_written_as_it_is_read() {
        for (word, method) in Isolation::ALL {
            assert_eq!(method.to_string(), word);
            assert_eq!(word.parse(), Ok(method));
            assert_eq!(serde_json::to_value(method).ok(), Some(word.into()));
        }
    }
}
