//! Names of sessions and profiles.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::verb;

/// The name of a session or a profile; both live in one namespace.
///
/// 1 to 64 of `[A-Za-z0-9._-]`, beginning with a letter or digit, not ending in a dot, no command
/// of `cs`, no Windows device name and not of the form of a UUID. Case is kept, but two names that
/// differ only in case are the same name ([`Name::key`]). Such a name is safe, unquoted, in every
/// shell, in a file name and in a git branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// The reason a text is no [`Name`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It has more than [`Name::MAX`] characters.
    TooLong(usize),
    /// It begins with something else than a letter or a digit.
    BadStart(char),
    /// It holds a character outside the allowed ones.
    BadCharacter(char),
    /// It ends in a dot, which Windows drops.
    TrailingDot,
    /// It is a command of `cs`, now or in a version to come.
    Reserved(String),
    /// It is a device name on Windows, with or without an extension.
    Device(String),
    /// It has the form of a UUID, so it could not be told from an id.
    LooksLikeId,
}

const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];

impl Name {
    /// The longest name, in characters (all of them one byte).
    pub const MAX: usize = 64;

    /// The profile that always exists: the user's own `~/.claude`.
    pub const DEFAULT_PROFILE: &str = "default";

    /// Reads a name a person gave; `default` and the other reserved words are refused.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let name = Self::well_formed(text)?;
        if verb::is_reserved(text) {
            return Err(NameError::Reserved(text.to_owned()));
        }
        Ok(name)
    }

    /// Reads the name of a profile to *look up*: as [`Name::new`], but `default` is one.
    pub fn of_profile(text: &str) -> Result<Self, NameError> {
        if text.eq_ignore_ascii_case(Self::DEFAULT_PROFILE) {
            Ok(Self::default_profile())
        } else {
            Self::new(text)
        }
    }

    /// Returns the name of the profile that always exists.
    pub fn default_profile() -> Self {
        Self(Self::DEFAULT_PROFILE.to_owned())
    }

    /// Returns true for the profile that always exists.
    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT_PROFILE
    }

    /// Returns the name as the store keeps it: two names are the same exactly if their keys are.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Returns the name in lower case: a profile is known by it everywhere, however it is typed.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self(self.key())
    }

    /// Returns the name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a lower-case identifier made of the name, for database names and the like: letters, digits
    /// and `_`, beginning with a letter. Different names can give the same one.
    pub fn slug(&self) -> String {
        let text: String = self
            .0
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        if text.starts_with(|c: char| c.is_ascii_digit()) { format!("s{text}") } else { text }
    }

    /// Makes a name from any text, such as the last part of a directory: characters that are not allowed
    /// become `-`. Returns `session` if nothing is left.
    pub fn suggest(text: &str) -> Self {
        let mut made = String::new();
        for c in text.chars() {
            let c = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
            if made.is_empty() && !c.is_ascii_alphanumeric() || (c == '-' && made.ends_with('-')) {
                continue;
            }
            made.push(c);
        }
        made.truncate(Self::MAX - 8);
        let made = made.trim_end_matches(['-', '.', '_']);
        Self::new(made)
            .or_else(|_| Self::new(&format!("{made}-session")))
            .unwrap_or_else(|_| Self("session".into()))
    }

    /// Returns the `n`th variation of this name (`api`, `api-2`, `api-3`, …); 1 is the name itself.
    #[must_use]
    pub fn numbered(&self, n: usize) -> Self {
        if n < 2 {
            return self.clone();
        }
        let suffix = format!("-{n}");
        let keep = self.0.len().min(Self::MAX - suffix.len());
        Self(format!("{}{suffix}", &self.0[..keep]))
    }

    fn well_formed(text: &str) -> Result<Self, NameError> {
        let Some(first) = text.chars().next() else { return Err(NameError::Empty) };
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-'))
        {
            return Err(NameError::BadCharacter(bad));
        }
        if !first.is_ascii_alphanumeric() {
            return Err(NameError::BadStart(first));
        }
        if text.len() > Self::MAX {
            return Err(NameError::TooLong(text.len()));
        }
        if text.ends_with('.') {
            return Err(NameError::TrailingDot);
        }
        let stem = text.split('.').next().unwrap_or(text);
        // The length decides nearly always, and names are read by the thousand.
        if matches!(stem.len(), 3 | 4 | 6 | 7) {
            let stem = stem.to_ascii_lowercase();
            let numbered = stem.len() == 4
                && (stem.starts_with("com") || stem.starts_with("lpt"))
                && stem.ends_with(|c: char| c.is_ascii_digit());
            if DEVICES.contains(&stem.as_str()) || numbered {
                return Err(NameError::Device(text.to_owned()));
            }
        }
        if text.len() >= 32 && uuid::Uuid::try_parse(text).is_ok() {
            return Err(NameError::LooksLikeId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::well_formed(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name cannot be empty"),
            Self::TooLong(len) => {
                write!(f, "a name has at most {} characters, this one has {len}", Name::MAX)
            }
            Self::BadStart(c) => write!(f, "a name begins with a letter or a digit, not '{c}'"),
            Self::BadCharacter(c) => {
                write!(f, "a name is made of letters, digits, '.', '_' and '-', not '{c}'")
            }
            Self::TrailingDot => f.write_str("a name cannot end in '.'"),
            Self::Reserved(name) => write!(f, "'{name}' is kept for a command of cs and cannot be a name"),
            Self::Device(name) => write!(f, "'{name}' is a device name on Windows and cannot be a name"),
            Self::LooksLikeId => f.write_str("a name cannot look like a session id"),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_taken_as_they_are() {
        for good in ["api", "API-2", "a", "9lives", "my.project_v1", "x-", "common", "con-1", "lpt", "com10"]
        {
            assert_eq!(Name::new(good).as_ref().map(Name::as_str), Ok(good));
        }
        assert_eq!(Name::new(&"x".repeat(64)).map(|n| n.as_str().len()), Ok(64));
    }

    #[test]
    fn every_single_byte_outside_the_list_is_refused_anywhere() {
        for byte in 0u8..=255 {
            let c = char::from(byte);
            let allowed = c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            assert_eq!(Name::new(&format!("a{c}b")).is_ok(), allowed, "{byte:#x}");
            assert_eq!(Name::new(&format!("{c}b")).is_ok(), c.is_ascii_alphanumeric(), "{byte:#x}");
        }
    }

    #[test]
    fn paths_devices_commands_and_ids_are_refused() {
        for bad in ["", ".", "..", "../x", "/abs", "a/b", "a b", "-x", "~", "é", "a\u{202e}b", "a.", "日本"]
        {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        for device in ["con", "CON", "nul.txt", "Aux.tar.gz", "COM1", "lpt9.x", "com0"] {
            assert!(matches!(Name::new(device), Err(NameError::Device(_))), "{device}");
        }
        for command in verb::reserved() {
            assert!(matches!(Name::new(command), Err(NameError::Reserved(_))), "{command}");
            assert!(Name::new(&command.to_uppercase()).is_err(), "{command}");
        }
        assert_eq!(Name::new(&"x".repeat(65)), Err(NameError::TooLong(65)));
        assert_eq!(Name::new("01234567-89ab-cdef-0123-456789abcdef"), Err(NameError::LooksLikeId));
        assert_eq!(Name::new("0123456789abcdef0123456789abcdef"), Err(NameError::LooksLikeId));
    }

    #[test]
    fn a_suggested_name_is_always_a_name() {
        for (text, name) in [
            ("api", "api"),
            ("my project", "my-project"),
            (".dotfiles", "dotfiles"),
            ("naïve (copy)", "na-ve-copy"),
            ("list", "list-session"),
            ("con", "con-session"),
            ("日本", "session"),
            ("", "session"),
        ] {
            assert_eq!(Name::suggest(text).as_str(), name, "{text}");
        }
        assert!(Name::suggest(&"x".repeat(300)).as_str().len() <= Name::MAX);
    }

    #[test]
    fn numbered_names_stay_within_the_length() {
        let long = Name::new(&"x".repeat(64)).expect("64 is allowed");
        assert_eq!(long.numbered(12).as_str().len(), 64);
        assert_eq!(Name::new("api").map(|n| n.numbered(2).to_string()), Ok("api-2".to_owned()));
    }

    #[test]
    fn a_slug_is_an_identifier() {
        assert_eq!(Name::new("9-Lives.x").map(|n| n.slug()), Ok("s9_lives_x".to_owned()));
    }
}
