//! Profiles: who you are to Claude.
//!
//! See docs/decisions/001-a-session-is-a-config-directory-and-shares-the-login-store.md

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Name, ShareOverrides, VarName};

/// One login, or one API endpoint, and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name, for life: on macOS the path made from it names the login's Keychain item.
    pub name: Name,
    /// Its config directory, or that of the profile it inherits.
    pub home: ConfigHome,
    /// The profile whose config directory it works in, in place of one of its own.
    pub inherit: Option<Name>,
    /// An account of Claude's, or an endpoint that speaks its API.
    pub kind: ProfileKind,
    /// It takes nothing from the user's own `~/.claude`.
    pub bare: bool,
    /// Variables for every session of it; `${NAME}` is filled when a plan is made.
    pub env: BTreeMap<VarName, String>,
    /// The exceptions to the `[share]` of `config.toml` for its sessions.
    pub share: ShareOverrides,
}

impl Profile {
    /// Returns the profile whose config directory it works in: itself, unless it inherits another.
    pub fn host(&self) -> &Name {
        self.inherit.as_ref().unwrap_or(&self.name)
    }
}

/// The place of a profile's config directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigHome {
    /// The user's own `~/.claude` (here as an absolute path), with `.claude.json` beside it in the
    /// home directory. It is entered by *unsetting* `CLAUDE_CONFIG_DIR`: setting the variable to
    /// this very path makes Claude Code read other files (2.1.197, by experiment).
    Default {
        /// The user's home directory.
        home: PathBuf,
    },
    /// A directory of its own, made by `cs` or adopted where it was. The exact string is the key
    /// of the login on macOS, so it is never normalised once recorded.
    Directory(PathBuf),
}

impl ConfigHome {
    /// Returns the config directory.
    pub fn directory(&self) -> PathBuf {
        match self {
            Self::Default { home } => home.join(".claude"),
            Self::Directory(path) => path.clone(),
        }
    }

    /// Returns the path of Claude's state file (`.claude.json`), which is beside the default directory
    /// and inside any other.
    pub fn state_file(&self) -> PathBuf {
        match self {
            Self::Default { home } => home.join(".claude.json"),
            Self::Directory(path) => path.join(".claude.json"),
        }
    }

    /// Returns true if `path` is this config directory, by its text.
    pub fn is(&self, path: &Path) -> bool {
        self.directory() == path
    }
}

/// The service that a profile reaches: an account, or an API endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileKind {
    /// A login of Claude's own, made by `claude auth login` inside the profile.
    Account,
    /// An endpoint that speaks the Messages API, with a token.
    Api(Endpoint),
}

/// An endpoint that speaks the Messages API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The preset it was made from (`glm`, `kimi`, …), for show.
    pub provider: Option<String>,
    /// `ANTHROPIC_BASE_URL`; `None` for Anthropic's own.
    pub base_url: Option<String>,
    /// The source of its token.
    pub token: TokenSource,
    /// The variable that carries the token: `ANTHROPIC_AUTH_TOKEN` or `ANTHROPIC_API_KEY`.
    pub token_as: VarName,
}

/// The source of an endpoint's token. It is read when a program is about to start, kept in memory only,
/// and never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The endpoint needs none (a model on this machine).
    None,
    /// An environment variable of the shell that starts the session.
    Variable(VarName),
    /// The first line of what a command prints. It is run by `sh -c`.
    Command(String),
    /// The first line of a file that only its owner can read.
    File(PathBuf),
    /// A text in a JSON file that only its owner can read.
    Entry {
        /// The file.
        file: PathBuf,
        /// The token's place in it: keys joined by dots, such as `env.ANTHROPIC_AUTH_TOKEN`.
        key: String,
    },
    /// The token itself, in the record. Allowed, and warned about.
    Literal(String),
}
