//! The plan: everything a launch will do, as a value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::{EnvChanges, ManifestPlace, Name, Profile, Sandbox, Session};

/// The profile or session that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A profile itself: its own config directory.
    Profile(Profile),
    /// A session, with the profile it belongs to.
    Session(Session, Profile),
}

impl Subject {
    /// Returns its name.
    pub fn name(&self) -> &Name {
        match self {
            Self::Profile(profile) => &profile.name,
            Self::Session(session, _) => &session.name,
        }
    }

    /// Returns the profile that the work is done as.
    pub fn profile(&self) -> &Profile {
        match self {
            Self::Profile(profile) | Self::Session(_, profile) => profile,
        }
    }
}

/// The program to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// Claude, with the arguments a person gave.
    Claude(Vec<OsString>),
    /// Another program with its arguments, in the same environment.
    Other(Vec<OsString>),
    /// Nothing: only the environment is asked for.
    Nothing,
}

/// Everything a launch will do: nothing else is done, and nothing of it is decided later.
///
/// The same inputs give the same plan; making one reads and writes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The directory the program is started in.
    pub directory: PathBuf,
    /// The program and its arguments; empty if only the environment is asked for.
    pub command: Vec<OsString>,
    /// The sandbox that the program runs in; `None` to run it directly on this machine.
    pub sandbox: Option<Sandbox>,
    /// Variables set and unset.
    pub env: EnvChanges,
    /// The files that have to be on disk before.
    pub layout: Layout,
    /// Lines that a person should read, on stderr.
    pub notices: Vec<String>,
}

/// The files that have to be on disk before a launch. Laying them out is idempotent, and replaces nothing
/// that somebody else made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The session's or profile's own directory in the store, or the one that an adopted directory lies
    /// in. It has to be there and is never made: if somebody removed it meanwhile, making it again would
    /// leave a directory without a record in the place of a restored one.
    pub base: Option<PathBuf>,
    /// Directories, outermost first, for their owner only.
    pub directories: Vec<PathBuf>,
    /// Symbolic links.
    pub links: Vec<Link>,
    /// Links that are private by now: removed if `cs` made them and they still point where they did.
    /// Nothing else that may stand there is touched.
    pub private: Vec<PathBuf>,
    /// Files, for their owner only.
    pub files: Vec<SeedFile>,
    /// The file of settings that Claude is given by its path; `None` if there is none.
    pub settings: Option<SettingsFile>,
    /// Such files of earlier launches, which nothing reads any more.
    pub outdated: Vec<PathBuf>,
    /// The MCP servers in a state file that is made now, by name, and the SHA-256 of each.
    pub servers: BTreeMap<String, String>,
    /// The manifest that the links are noted in; `None` if nothing is noted.
    pub manifest: Option<ManifestPlace>,
}

/// A symbolic link that should be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Its path.
    pub path: PathBuf,
    /// Its target: an existing, absolute path.
    pub target: PathBuf,
}

/// A file of settings for one launch, which only its owner may read: a token may be in it. Only its path is ever
/// shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingsFile {
    /// Its path.
    pub path: PathBuf,
    /// Its content.
    pub content: String,
}

impl fmt::Debug for SettingsFile {
    /// Writes the path, and not the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A file that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedFile {
    /// Its path.
    pub path: PathBuf,
    /// Its content.
    pub content: Vec<u8>,
    /// The exact content it replaces; `None` to make it only if nothing is there. Anything
    /// else on disk by then is left alone: somebody was faster.
    pub replaces: Option<Vec<u8>>,
}
