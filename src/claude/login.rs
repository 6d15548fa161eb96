//! The presence of a profile's login, as far as the disk tells. Nothing of a login is ever read.
//!
//! See docs/decisions/001-a-session-is-a-config-directory-and-shares-the-login-store.md

use std::path::{Path, PathBuf};

use crate::model::{Profile, ProfileKind, TokenSource};
use crate::os;

/// The login of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// There is one.
    Present,
    /// There is none.
    Absent,
    /// It is where only the system can look (the Keychain of macOS).
    Unknown,
    /// An endpoint that needs none, or whose token comes when it is asked for.
    Token,
}

impl Login {
    /// Returns the word for it in a list.
    pub fn word(self) -> &'static str {
        match self {
            Self::Present => "logged in",
            Self::Absent => "no login",
            Self::Unknown => "keychain",
            Self::Token => "token",
        }
    }
}

/// Looks for the login of `profile`: on Linux and Windows by the presence of its `.credentials.json`.
pub fn login_of(profile: &Profile) -> Login {
    match &profile.kind {
        ProfileKind::Api(endpoint) => match &endpoint.token {
            TokenSource::File(file) | TokenSource::Entry { file, .. } if !file.exists() => Login::Absent,
            _ => Login::Token,
        },
        ProfileKind::Account if has_login_file(&profile.home.directory()) => Login::Present,
        ProfileKind::Account if cfg!(target_os = "macos") => Login::Unknown,
        ProfileKind::Account => Login::Absent,
    }
}

/// Returns true if `directory` looks like one that Claude Code has used as its config directory.
pub fn is_config_directory(directory: &Path) -> bool {
    let has = |name: &str| directory.join(name).exists();
    directory.is_dir() && (has(".claude.json") || has("projects") || has("settings.json") && has("plugins"))
}

/// Returns the path of a config directory's login, on Linux and Windows. Only its presence, kind and mode
/// are anybody's business.
pub fn login_file(config: &Path) -> PathBuf {
    config.join(".credentials.json")
}

/// Returns true if the file store of a login is in the config directory `config`. Claude leaves an
/// emptied one behind after a login was lost (237 bytes of empty tokens in 2.1.197); that it is empty is
/// for Claude to say.
pub fn has_login_file(config: &Path) -> bool {
    os::exists(&login_file(config))
}
