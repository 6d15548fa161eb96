//! Damage in what is stored, and the repairs that lose nothing. Each repair looks again right before it
//! acts, under the lock of those it could meet, and refuses if something has changed.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::locking::lock;
use super::records::{self, Record};
use super::{Claim, Damage, Store};
use crate::model::{Failure, Kind, Name, Result, Session};
use crate::os;

/// A lock directory of Claude's that is older than this is nobody's.
pub const LOCK_IS_NOBODYS: Duration = Duration::from_secs(24 * 60 * 60);

/// Two thirds of what is kept about programs is never looked at again: they were updated.
const PROGRAMS_KEPT: usize = 16;

/// The results of trying a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedProgram {
    /// Its path, links resolved.
    pub path: PathBuf,
    /// The size of its file.
    pub size: u64,
    /// The last change of its file, in nanoseconds since 1970.
    pub modified: u64,
    /// The version that it prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// True if it honours `CLAUDE_CONFIG_DIR`.
    pub config: bool,
    /// True if it honours `CLAUDE_SECURESTORAGE_CONFIG_DIR`.
    pub login: bool,
}

impl CheckedProgram {
    /// Returns the untried program at `path` (links resolved), with size and time of its file, which an
    /// update changes. `None` if there is no such file.
    pub fn unknown(path: &Path) -> Option<Self> {
        let about = path.metadata().ok()?;
        let modified = about.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Self {
            path: path.to_path_buf(),
            size: about.len(),
            modified: u64::try_from(modified.as_nanos()).ok()?,
            version: None,
            config: false,
            login: false,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.path, self.size, self.modified) == (&other.path, other.size, other.modified)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked {
    version: u32,
    #[serde(default, rename = "program")]
    programs: Vec<CheckedProgram>,
}

impl Record for Checked {
    const VERSION: u32 = 1;
}

/// A record that nothing leads to by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nameless {
    /// Nobody has the name.
    Free(Name, Claim),
    /// Something else has it.
    Taken(Name, Claim),
}

/// Claims that belong to nothing.
#[derive(Debug, Default)]
pub struct Ownerless {
    /// Those whose owner does not exist and is not being made, by name and file.
    pub orphans: Vec<(Name, PathBuf)>,
    /// The files that are no claims, or cannot be read.
    pub damaged: Vec<PathBuf>,
}

impl Store {
    fn checked_path(&self) -> PathBuf {
        self.root().join("checked.toml")
    }

    /// Reads the results noted for a program, if its file is still the same.
    pub fn checked_program(&self, program: &CheckedProgram) -> Option<CheckedProgram> {
        let checked: Checked = records::read(&self.checked_path()).ok()?;
        checked.programs.into_iter().find(|known| known.is_same(program))
    }

    /// Notes the results of trying a program. Writes nothing if there is no data root yet: looking makes
    /// none.
    pub fn remember_program(&self, program: CheckedProgram) -> Result<()> {
        if !os::is_dir(self.root()) {
            return Ok(());
        }
        let path = self.checked_path();
        let read: Result<Checked, Damage> = records::read(&path);
        let mut programs = read.map(|checked| checked.programs).unwrap_or_default();
        programs.retain(|known| known.path != program.path);
        programs.push(program);
        let old = programs.len().saturating_sub(PROGRAMS_KEPT);
        let checked = Checked { version: Checked::VERSION, programs: programs.split_off(old) };
        os::replace_file(&path, records::text(&checked)?.as_bytes(), false)
            .map_err(|error| Failure::io("write", &path, &error))
    }

    /// Returns the claims that belong to nothing. Fails where their directory cannot be read.
    pub fn names_without_owner(&self) -> Result<Ownerless> {
        let Ownerless { mut orphans, mut damaged } = Ownerless::default();
        for key in self.claimed_names()? {
            let path = self.names().join(&key);
            let Ok(name) = Name::of_profile(&key) else {
                damaged.push(path);
                continue;
            };
            match self.claim(&name) {
                Ok(Some(claim)) if !self.is_held(&name, claim) => orphans.push((name, path)),
                Ok(_) => {}
                Err(_) => damaged.push(path),
            }
        }
        Ok(Ownerless { orphans, damaged })
    }

    /// Returns the repair for a session that is not found by its name; `None` if it is found.
    pub fn nameless_session(&self, session: &Session) -> Option<Nameless> {
        self.nameless(&session.name, Claim::Session(session.id))
    }

    /// Returns the repair for a profile that is not found by its name; `None` if it is found.
    pub fn nameless_profile(&self, name: &Name) -> Option<Nameless> {
        if name.is_default() { None } else { self.nameless(name, Claim::Profile) }
    }

    fn nameless(&self, name: &Name, ours: Claim) -> Option<Nameless> {
        match self.claim(name) {
            Ok(Some(claim)) if claim == ours => None,
            Ok(Some(claim)) if self.is_held(name, claim) => Some(Nameless::Taken(name.clone(), ours)),
            Ok(_) => Some(Nameless::Free(name.clone(), ours)),
            // A claim that cannot be read is told by itself.
            Err(_) => None,
        }
    }

    /// Puts back the claim of a session or profile that has lost it. Refuses if the owner is gone by now,
    /// or somebody else has the name.
    pub fn claim_again(&self, name: &Name, claim: Claim) -> Result<()> {
        let held = self.hold_names()?;
        let there = match claim {
            Claim::Session(id) => self.session(id).is_ok_and(|session| session.name == *name),
            Claim::Profile => os::is_dir(&self.profile_root(name)),
        };
        if !there {
            return Err(Failure::of(Kind::Changed, format!("what had the name '{name}' has gone meanwhile")));
        }
        if self.claim(name)? == Some(claim) {
            return Ok(());
        }
        match self.claim_name_among(name, claim, &held)? {
            None => Ok(()),
            Some(_) => {
                Err(Failure::of(Kind::NameTaken, format!("something else has the name '{name}' by now")))
            }
        }
    }

    /// Returns the directories of sessions and profiles that hold no record. Fails where those that hold them cannot
    /// be read.
    pub fn without_record(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for (room, record) in [(self.sessions_dir(), "session.toml"), (self.profiles_dir(), "profile.toml")] {
            let entries = match os::entries_of(&room) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|error| Failure::io("list", &room, &error))?,
            };
            for path in entries {
                // The profile that always exists has no record before somebody edits it.
                let default = record == "profile.toml" && path.ends_with(Name::DEFAULT_PROFILE);
                if !default && os::is_dir(&path) && !os::exists(&path.join(record)) {
                    found.push(path);
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes a record of trust, if it still says what it did.
    pub fn forget_trust(&self, record: &Path) -> Result<bool> {
        let _lock = lock(&self.root().join("lock"), "what is allowed")?;
        let still = self.trust()?.into_iter().find(|trusted| trusted.record == record);
        let leads_nowhere = still
            .and_then(|trusted| trusted.about.ok())
            .is_some_and(|about| about.path.parent().is_some_and(|directory| !os::exists(directory)));
        if leads_nowhere {
            os::remove_file(record).map_err(|error| Failure::io("remove", record, &error))?;
        }
        Ok(leads_nowhere)
    }

    /// Makes a file or directory of ours private: 0600, or 0700. Opens nothing, and changes neither a
    /// link nor what another user owns.
    pub fn make_private(&self, path: &Path) -> Result<()> {
        self.guard_own(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, PermissionsExt};
            let failed = |error| Failure::io("change the mode of", path, &error);
            let about = path.symlink_metadata().map_err(failed)?;
            if about.is_symlink() || about.uid() != rustix::process::geteuid().as_raw() {
                return Err(Failure::refused(format!("{} is not ours to change", path.display())));
            }
            let mode = about.mode() & 0o700;
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
        Ok(())
    }

    /// Removes a lock directory of Claude's below the data root that is nobody's. It has to be empty.
    pub fn remove_claude_lock(&self, path: &Path) -> Result<bool> {
        self.guard_own(path)?;
        let about = os::look(path).map_err(|error| Failure::io("remove", path, &error))?;
        let Some(about) = about else { return Ok(false) };
        let age = about.modified().ok().and_then(|then| SystemTime::now().duration_since(then).ok());
        if !about.is_dir() || age.is_none_or(|age| age < LOCK_IS_NOBODYS) {
            return Ok(false);
        }
        fs::remove_dir(path).map_err(|error| Failure::io("remove", path, &error))?;
        Ok(true)
    }

    /// Refuses a path that does not stay below the data root.
    fn guard_own(&self, path: &Path) -> Result<()> {
        let plain = path.components().all(|part| part != Component::ParentDir);
        let below = path.starts_with(self.root()) && plain;
        // No link on the way there leads out.
        let real = path.parent().and_then(|parent| os::real_path(parent).ok());
        let root = os::real_path(self.root()).ok();
        let stays = path == self.root() || real.zip(root).is_some_and(|(real, root)| real.starts_with(root));
        if below && stays {
            return Ok(());
        }
        Err(Failure::refused(format!("{} is not below {}", path.display(), self.root().display())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;

    #[test]
    fn what_was_found_out_is_remembered_until_the_file_changes_and_makes_no_data_root() {
        let (dir, store) = store();
        let program = dir.path().join("claude");
        fs::write(&program, "1").expect("written");
        let known = CheckedProgram {
            version: Some("2.1.329".into()),
            config: true,
            login: true,
            ..CheckedProgram::unknown(&program).expect("it is there")
        };
        store.remember_program(known.clone()).expect("nothing to do");
        assert!(!os::exists(store.root()), "nothing is made");
        store.ensure().expect("made");
        store.remember_program(known.clone()).expect("remembered");
        let now = CheckedProgram::unknown(&program).expect("it is there");
        assert_eq!(store.checked_program(&now), Some(known.clone()));
        fs::write(&program, "22").expect("updated");
        let now = CheckedProgram::unknown(&program).expect("it is there");
        assert_eq!(store.checked_program(&now), None);
        for number in 0..40 {
            let path = dir.path().join(number.to_string());
            store.remember_program(CheckedProgram { path, ..known.clone() }).expect("remembered");
        }
        let all: Checked = records::read(&store.checked_path()).expect("read");
        assert_eq!(all.programs.len(), PROGRAMS_KEPT);
        fs::write(store.checked_path(), "version = 9").expect("damaged");
        assert_eq!(store.checked_program(&now), None);
        store.remember_program(known).expect("begun again");
    }

    #[test]
    fn nothing_outside_of_the_data_root_is_made_private_or_removed() {
        let (dir, store) = store();
        store.ensure().expect("made");
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).expect("made");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, store.root().join("link")).expect("linked");
        for path in [outside.clone(), store.root().join("../outside"), store.root().join("link/x")] {
            assert!(store.make_private(&path).is_err(), "{}", path.display());
            assert!(store.remove_claude_lock(&path).is_err(), "{}", path.display());
        }
        #[cfg(unix)]
        assert!(store.make_private(&store.root().join("link")).is_err(), "a link");
        let fresh = store.root().join("x.lock");
        fs::create_dir(&fresh).expect("made");
        assert_eq!(store.remove_claude_lock(&fresh), Ok(false), "somebody may hold it");
        store.make_private(&fresh).expect("ours");
        assert!(os::is_dir(&fresh) && os::is_dir(&outside));
    }
}
