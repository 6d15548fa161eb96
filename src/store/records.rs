//! Reading and writing one record.

use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::plain::Plain;
use crate::model::{Failure, Kind, Result, reason};
use crate::os;

/// The reason a record cannot be used. It is shown, and the record stays exactly as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// There is none.
    Missing,
    /// The system cannot read it now, for this reason. What it says is not known.
    Io(String),
    /// It is no record, or says something it should not.
    Unreadable(String),
    /// A newer `cs` wrote it, with this version.
    Newer(u32),
}

impl Damage {
    /// Returns the failure of a command that needed this very record.
    pub fn failure(&self, what: &str, path: &Path) -> Failure {
        match self {
            Self::Missing => {
                Failure::of(Kind::Damaged, format!("the record of {what} is gone: {}", path.display()))
            }
            Self::Io(why) => {
                Failure::of(Kind::Io, format!("cannot read the record of {what} {}: {why}", path.display()))
            }
            Self::Unreadable(why) => Failure::of(
                Kind::Damaged,
                format!("the record of {what} is damaged: {}: {why}", path.display()),
            )
            .hint("nothing was changed; correct the file, or put back a copy of it"),
            Self::Newer(version) => Failure::of(
                Kind::Damaged,
                format!(
                    "the record of {what} was written by a newer cs (version {version}): {}",
                    path.display()
                ),
            )
            .hint("update cs"),
        }
    }
}

impl Damage {
    /// Returns true if the system could not read it now: what it says is not known, and may be anything.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Io(_))
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("record missing"),
            Self::Io(why) => write!(f, "record cannot be read: {why}"),
            Self::Unreadable(why) => write!(f, "record damaged: {why}"),
            Self::Newer(version) => write!(f, "written by a newer cs (version {version})"),
        }
    }
}

#[derive(serde::Deserialize)]
struct Versioned {
    version: u32,
}

/// A record of ours.
pub(super) trait Record: DeserializeOwned {
    /// The newest layout of it that is known.
    const VERSION: u32;

    /// Reads it from its plain form; `None` leaves it to the TOML parser, which has the last word.
    fn from_plain(_: &Plain<'_>) -> Option<Self> {
        None
    }
}

/// Reads the record at `path`.
pub(super) fn read<T: Record>(path: &Path) -> Result<T, Damage> {
    let bytes = match os::read_optional(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(Damage::Missing),
        // Something else stands there: a directory, a FIFO, what is far too large.
        Err(error) if error.kind() == ErrorKind::IsADirectory || error.raw_os_error().is_none() => {
            return Err(Damage::Unreadable(reason(&error)));
        }
        Err(error) => return Err(Damage::Io(reason(&error))),
    };
    parse(&bytes)
}

/// Reads a record from its text.
pub(super) fn parse<T: Record>(bytes: &[u8]) -> Result<T, Damage> {
    let text = std::str::from_utf8(bytes).map_err(|_| Damage::Unreadable("it is not UTF-8".into()))?;
    if let Some(record) = Plain::read(text).and_then(|plain| T::from_plain(&plain)) {
        return Ok(record);
    }
    let known = T::VERSION;
    let parsed = toml::from_str::<T>(text);
    // Only a record that does not parse, or one that does by luck, can be a newer one.
    match (parsed, version_of(text)) {
        (_, Some(version)) if version > known => Err(Damage::Newer(version)),
        (Ok(_), None) => Err(Damage::Unreadable("it has no version".into())),
        (Ok(record), Some(_)) => Ok(record),
        (Err(error), _) => Err(Damage::Unreadable(one_line(&error))),
    }
}

/// Returns the version that a record says it has. Records of ours begin with it, so the common case costs
/// no second parse.
pub(super) fn version_of(text: &str) -> Option<u32> {
    let first = text.lines().next().unwrap_or_default();
    if let Some(number) = first.strip_prefix("version = ") {
        return number.trim().parse().ok();
    }
    toml::from_str::<Versioned>(text).ok().map(|record| record.version)
}

/// Returns a record as text.
pub(super) fn text<T: Serialize>(record: &T) -> Result<String> {
    toml::to_string(record).map_err(|error| Failure::failed(format!("cannot write a record: {error}")))
}

/// Returns the first line of the parser's complaint about a TOML text.
fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or("it is no TOML").to_owned()
}
