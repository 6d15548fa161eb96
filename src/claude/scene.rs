//! The facts that a plan is made from, about the disk and the environment, as a value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use uuid::Uuid;

use super::injecting::{NamedFile, SettingsPlace};
use super::sharing::Shared;
use crate::model::{Environment, Link, ManifestPlace, SeedFile, SessionPaths, Surroundings, VarName};

/// Everything a plan depends on besides what was asked, gathered from the disk and the environment.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The user's home directory.
    pub home: PathBuf,
    /// The environment that the launch starts from: the shell's, without what `cs use` did to it.
    pub environment: Environment,
    /// The environment of the shell as it is: what was taken from it by `cs use` was told then.
    pub exported: Environment,
    /// Claude's program, with the words before its own arguments (an interpreter's script); empty if
    /// something else is started.
    pub program: Vec<OsString>,
    /// The word that people call `cs` by: Claude shows it when a session ends.
    pub family: String,
    /// The directory to start the program in.
    pub directory: PathBuf,
    /// The data root of `cs`, and its configuration: given to a session whose `HOME` is another.
    pub kept: (PathBuf, PathBuf),
    /// The paths of the session's files; `None` for a profile itself.
    pub paths: Option<SessionPaths>,
    /// The `[env]` of `config.toml`; the profile's own goes over it.
    pub env: BTreeMap<VarName, String>,
    /// The variables that the repository's programs read for the session's values, each with the
    /// session's variable. A person's `[env]` goes over them.
    pub named: BTreeMap<VarName, VarName>,
    /// Lines that a person should read about what was found.
    pub notices: Vec<String>,
    /// The shared items that exist.
    pub shared: Vec<Shared>,
    /// The items that are not shared, by name.
    pub private: Vec<&'static str>,
    /// The manifest of what is put into the config directory; `None` if that is not ours.
    pub manifest: Option<ManifestPlace>,
    /// The real path of the rules in the user's own `~/.claude`.
    pub base_rules: Option<PathBuf>,
    /// Directories of the profile that have to be there.
    pub directories: Vec<PathBuf>,
    /// The plugin directory to share.
    pub plugins: Option<PathBuf>,
    /// The auto-memory directory to share.
    pub memory: Option<PathBuf>,
    /// Links in place of `projects` and `history.jsonl`, where conversations live elsewhere.
    pub history: Vec<Link>,
    /// Links into the user's home directory, for a session with a home of its own.
    pub home_links: Vec<Link>,
    /// The links that are there and are not to be any more.
    pub unlinked: Vec<PathBuf>,
    /// Files to make.
    pub seeds: Vec<SeedFile>,
    /// The MCP servers in a state file among them that is made now, and the SHA-256 of each.
    pub servers: BTreeMap<String, String>,
    /// Which conversation, as the disk has it.
    pub start: Continuation,
    /// The file of settings that a person's arguments name.
    pub named_file: Option<NamedFile>,
    /// The place of a session's settings file; `None` where no conversation is started.
    pub settings: Option<SettingsPlace>,
    /// The command of our status line, if the session has none of its own and is to have one.
    pub status_line: Option<String>,
    /// The endpoint's token.
    pub token: Option<String>,
    /// The shell command to be run when Claude ends.
    pub ended: Option<String>,
    /// The facts that the session's sandbox is made from; `None` if it has none.
    pub sandbox: Option<Surroundings>,
}

/// The conversation that a launch is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// None that is ours to say.
    Unsaid,
    /// A new one with this id.
    New(Uuid),
    /// This one again; by its file if Claude would not find the id from the directory.
    Resume(Uuid, Option<OsString>),
    /// A new one with an id of its own that begins as a copy of another.
    Fork {
        /// The one it is a copy of.
        from: Uuid,
        /// Its file, if Claude would not find the id from the directory.
        file: Option<OsString>,
        /// The id of the new one.
        id: Uuid,
    },
}

impl Continuation {
    /// The conversation that will be written.
    pub fn conversation(&self) -> Option<Uuid> {
        match self {
            Self::Unsaid => None,
            Self::New(id) | Self::Resume(id, _) | Self::Fork { id, .. } => Some(*id),
        }
    }
}
