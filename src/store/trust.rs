//! The `.cs.toml` files that the user allowed, by path and content, and those they denied.
//!
//! See docs/decisions/005-a-repository-only-names-a-profile-and-only-when-allowed.md

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Store;
use super::locking::lock;
use super::records::{self, Damage, Record};
use crate::model::{Failure, Name, Repository, Result, VarName};
use crate::os;

/// The user's word about a `.cs.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It counts, with this very content.
    Allowed,
    /// It does not count, whatever its content, and nobody is to be asked about it.
    Denied,
    /// None was given: it does not count.
    Unsaid,
}

/// One thing the user said.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The record of it.
    pub record: PathBuf,
    /// The content of the record, or the reason that it cannot be read.
    pub about: Result<TrustRecord, Damage>,
}

/// The content of a record of trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRecord {
    version: u32,
    /// The `.cs.toml`.
    pub path: PathBuf,
    /// The profile it named when it was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Name>,
    /// The variables that it named then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<VarName>,
    /// The time it was said.
    pub since: jiff::Timestamp,
}

impl TrustRecord {
    /// Returns true if it was allowed: a record that names neither a profile nor a variable denies.
    pub fn is_allowed(&self) -> bool {
        self.profile.is_some() || !self.variables.is_empty()
    }
}

impl Record for TrustRecord {
    const VERSION: u32 = 1;
}

impl Store {
    pub(super) fn trust_dir(&self) -> PathBuf {
        self.root().join("trust")
    }

    fn allowed_path(&self, path: &Path, content: &[u8]) -> PathBuf {
        self.trust_dir().join(digest(path, Some(content)))
    }

    fn denied_path(&self, path: &Path) -> PathBuf {
        self.trust_dir().join(format!("denied-{}", digest(path, None)))
    }

    /// Returns true if the user ever said anything about any file.
    pub fn knows_trust(&self) -> bool {
        os::is_dir(&self.trust_dir())
    }

    /// Returns the user's word about the file `path` with this content.
    pub fn trust_in(&self, path: &Path, content: &[u8]) -> Trust {
        if self.is_denied(path) {
            Trust::Denied
        } else {
            let record: Result<TrustRecord, Damage> = records::read(&self.allowed_path(path, content));
            let is_about = |about: TrustRecord| about.path == path && about.is_allowed();
            if record.is_ok_and(is_about) { Trust::Allowed } else { Trust::Unsaid }
        }
    }

    /// Returns true if the user denied the file `path`, whatever its content.
    pub fn is_denied(&self, path: &Path) -> bool {
        os::exists(&self.denied_path(path))
    }

    /// Allows the file `path` with this content, which says `said`. Other contents that were allowed
    /// there before stay so, as branches may differ, unless the file was denied since. Returns false if
    /// it was allowed already.
    pub fn allow(&self, path: &Path, content: &[u8], said: &Repository) -> Result<bool> {
        self.ensure_trust()?;
        let _lock = lock(&self.root().join("lock"), "what is allowed")?;
        let denied = self.denied_path(path);
        let was_denied = os::exists(&denied);
        if was_denied {
            self.withdraw(path)?;
        }
        let about = TrustRecord {
            version: TrustRecord::VERSION,
            path: path.to_path_buf(),
            profile: said.profile.clone(),
            variables: said.env.keys().cloned().collect(),
            since: jiff::Timestamp::now(),
        };
        let record = self.allowed_path(path, content);
        let made = os::publish_file(&record, records::text(&about)?.as_bytes())
            .map_err(|error| Failure::io("write", &record, &error))?;
        if was_denied {
            os::remove_file(&denied).map_err(|error| Failure::io("remove", &denied, &error))?;
        }
        Ok(made)
    }

    /// Denies the file `path`, and withdraws what was allowed there. Returns false if it was denied
    /// already.
    pub fn deny(&self, path: &Path) -> Result<bool> {
        self.ensure_trust()?;
        let _lock = lock(&self.root().join("lock"), "what is allowed")?;
        let about = TrustRecord {
            version: TrustRecord::VERSION,
            path: path.to_path_buf(),
            profile: None,
            variables: Vec::new(),
            since: jiff::Timestamp::now(),
        };
        let record = self.denied_path(path);
        let made = os::publish_file(&record, records::text(&about)?.as_bytes())
            .map_err(|error| Failure::io("write", &record, &error))?;
        // From here on it counts no more. What stays is withdrawn before it is ever allowed again.
        let _ = self.withdraw(path);
        Ok(made)
    }

    /// Reads everything the user said, in the order of the paths; records that cannot be read come last.
    pub fn trust(&self) -> Result<Vec<Trusted>> {
        let dir = self.trust_dir();
        let failed = |error| Failure::io("list", &dir, &error);
        let mut all = Vec::new();
        let entries = match os::entries_of(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
            entries => entries.map_err(failed)?,
        };
        for record in entries {
            // What is being written, or was left by a process that died.
            if !record.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b".") {
                all.push(Trusted { about: records::read(&record), record });
            }
        }
        all.sort_by_cached_key(|trusted| match &trusted.about {
            Ok(about) => (false, about.path.clone(), about.since),
            Err(_) => (true, trusted.record.clone(), jiff::Timestamp::MIN),
        });
        Ok(all)
    }

    /// Returns true if the record `trusted` is the one that allows its file with this content.
    pub fn is_about(&self, trusted: &Trusted, content: &[u8]) -> bool {
        let path = trusted.about.as_ref().map(|about| self.allowed_path(&about.path, content));
        path.is_ok_and(|path| path == trusted.record)
    }

    fn ensure_trust(&self) -> Result<()> {
        self.ensure()?;
        let dir = self.trust_dir();
        os::create_private_dir(&dir).map_err(|error| Failure::io("create", &dir, &error))
    }

    /// Removes every record that allows the file `path`. Fails if one cannot be read, which could
    /// be one of those.
    fn withdraw(&self, path: &Path) -> Result<()> {
        for Trusted { record, about } in self.trust()? {
            let about = about.map_err(|damage| damage.failure("what was allowed", &record))?;
            if about.path == path && about.is_allowed() {
                os::remove_file(&record).map_err(|error| Failure::io("remove", &record, &error))?;
            }
        }
        Ok(())
    }
}

/// Returns the name of a record: path and content as a hash that nobody can make another file have.
fn digest(path: &Path, content: Option<&[u8]>) -> String {
    let mut hash = Sha256::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    if let Some(content) = content {
        hash.update([0]);
        hash.update(content);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_allowed_by_its_path_and_content_and_denied_by_its_path() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        let (file, other) = (Path::new("/a/.cs.toml"), Path::new("/b/.cs.toml"));
        let work = Repository { profile: Some(Name::suggest("work")), ..Repository::default() };
        assert_eq!(store.trust_in(file, b"1"), Trust::Unsaid);
        assert_eq!(store.allow(file, b"1", &work), Ok(true));
        assert_eq!(store.allow(file, b"1", &work), Ok(false));
        assert_eq!(store.trust_in(file, b"1"), Trust::Allowed);
        assert_eq!(store.trust_in(file, b"2"), Trust::Unsaid);
        assert_eq!(store.trust_in(other, b"1"), Trust::Unsaid);
        assert_eq!(store.trust_in(Path::new("/a/.cs.toml\u{0}1"), b""), Trust::Unsaid);
        store.allow(file, b"2", &work).expect("allowed");
        assert_eq!(store.trust_in(file, b"1"), Trust::Allowed, "another branch");
        store.allow(other, b"1", &work).expect("allowed");

        assert_eq!(store.deny(file), Ok(true));
        assert_eq!(store.deny(file), Ok(false));
        for content in [b"1", b"2", b"3"] {
            assert_eq!(store.trust_in(file, content), Trust::Denied);
        }
        assert_eq!(store.trust_in(other, b"1"), Trust::Allowed, "the control");
        let moved = store.allowed_path(file, b"9");
        fs::copy(store.allowed_path(other, b"1"), &moved).expect("copied");
        fs::remove_file(store.denied_path(file)).expect("removed");
        assert_eq!(store.trust_in(file, b"9"), Trust::Unsaid, "a record says itself what it is about");
        fs::remove_file(moved).expect("removed");
        store.deny(file).expect("denied");
        assert_eq!(store.allow(file, b"3", &work), Ok(true));
        assert_eq!(store.trust_in(file, b"3"), Trust::Allowed);
        assert_eq!(store.trust_in(file, b"1"), Trust::Unsaid, "what was withdrawn stays so");
        let about = store.trust().expect("listed").into_iter().map(|trusted| trusted.about);
        let paths: Vec<_> = about.map(|about| about.map(|about| about.path)).collect();
        assert_eq!(paths, [Ok(file.to_path_buf()), Ok(other.to_path_buf())]);
    }

    #[test]
    fn what_was_allowed_and_could_not_be_withdrawn_is_not_allowed_again_by_another_content() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        let file = Path::new("/a/.cs.toml");
        let port = VarName::new("PORT").expect("a name");
        let source = VarName::new("CS_PORT").expect("a name");
        let work = Repository { profile: None, env: [(port, source)].into() };
        store.allow(file, b"1", &work).expect("allowed");
        let record = fs::read(store.allowed_path(file, b"1")).expect("its record");
        store.deny(file).expect("denied");
        fs::write(store.allowed_path(file, b"1"), record).expect("put back, as by a kill");
        assert_eq!(store.trust_in(file, b"1"), Trust::Denied);
        store.allow(file, b"2", &work).expect("allowed");
        assert_eq!(store.trust_in(file, b"1"), Trust::Unsaid);
    }
}
