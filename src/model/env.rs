//! Changes to an environment, as a value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`, so it is safe in every shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VarName(String);

impl VarName {
    /// Reads a variable's name.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut chars = text.chars();
        let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("'{text}' is no name of an environment variable (letters, digits and '_')"))
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for VarName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<VarName> for String {
    fn from(name: VarName) -> Self {
        name.0
    }
}

impl fmt::Display for VarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The change to one variable.
///
/// An empty value is a value: Claude Code tells `CLAUDE_SECURESTORAGE_CONFIG_DIR=` from its absence.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// It gets this value.
    Set(String),
    /// It gets this value, which is never shown on a terminal, in a plan or in a log.
    SetSecret(String),
    /// It is not there afterwards.
    Unset,
}

impl Change {
    /// Returns the value afterwards; `None` if the variable is unset.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Set(value) | Self::SetSecret(value) => Some(value),
            Self::Unset => None,
        }
    }

    /// Returns the value as it may be shown: a secret's is `***`.
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::SetSecret(_) => Some("***"),
            other => other.value(),
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown() {
            Some(value) => write!(f, "Set({value:?})"),
            None => f.write_str("Unset"),
        }
    }
}

/// Changes to an environment, one per variable, in name order.
///
/// `Unset` is as first-class as `Set`: leaving a session must be able to say "this was not there".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvChanges(BTreeMap<VarName, Change>);

impl EnvChanges {
    /// Returns no changes at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name`, whatever was said of it before.
    ///
    /// # Panics
    /// If `name` is no variable name. Names given as text are compile-time constants of ours;
    /// a person's go through [`VarName`] and [`EnvChanges::put`].
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.put(Self::constant(name), Change::Set(value.into()));
    }

    /// Removes `name` from the environment, whatever was said of it before. Panics as [`EnvChanges::set`] does.
    pub fn unset(&mut self, name: &str) {
        self.put(Self::constant(name), Change::Unset);
    }

    /// Says what happens to `name`, whatever was said of it before.
    pub fn put(&mut self, name: VarName, change: Change) {
        self.0.insert(name, change);
    }

    /// Returns the change to `name`; `None` if it is left alone.
    pub fn get(&self, name: &str) -> Option<&Change> {
        self.0.iter().find(|(known, _)| known.as_str() == name).map(|(_, change)| change)
    }

    /// Returns every change, in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&VarName, &Change)> {
        self.0.iter()
    }

    /// Returns the environment `before` after these changes.
    pub fn applied_to(&self, before: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
        let mut after = before.clone();
        for (name, change) in &self.0 {
            if cfg!(windows) {
                // One variable there, however it is spelled.
                after.retain(|known, _| !known.eq_ignore_ascii_case(name.as_str()));
            }
            match change.value() {
                Some(value) => after.insert(name.as_str().into(), value.into()),
                None => after.remove(std::ffi::OsStr::new(name.as_str())),
            };
        }
        after
    }

    fn constant(name: &str) -> VarName {
        VarName::new(name).unwrap_or_else(|why| panic!("{why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
        pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn applying_changes_sets_unsets_and_leaves_the_rest_alone() {
        let mut changes = EnvChanges::new();
        changes.set("A", "");
        changes.unset("B");
        let after = changes.applied_to(&environment(&[("B", "2"), ("C", "3")]));
        assert_eq!(after, environment(&[("A", ""), ("C", "3")]));
    }

    #[test]
    fn the_last_word_on_a_variable_counts() {
        let mut changes = EnvChanges::new();
        changes.set("A", "1");
        changes.unset("A");
        assert_eq!(changes.get("A"), Some(&Change::Unset));
        assert_eq!(changes.iter().count(), 1);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Change::SetSecret("hunter2".into());
        assert_eq!(secret.value(), Some("hunter2"));
        assert_eq!(format!("{secret:?} {:?}", secret.shown()), "Set(\"***\") Some(\"***\")");
    }

    #[test]
    fn names_that_a_shell_would_read_as_code_are_refused() {
        for bad in ["", "1A", "A-B", "A B", "A=B", "A;rm", "é", "A\n"] {
            assert!(VarName::new(bad).is_err(), "{bad:?}");
        }
        assert!(VarName::new("_A1").is_ok());
    }
}
