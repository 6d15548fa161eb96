//! Names, each claimed once: `names/<name>` is made by linking a finished file to it, which exactly
//! one of many processes can do.
//!
//! See docs/decisions/002-names-are-claimed-by-link.md

use std::path::PathBuf;

use uuid::Uuid;

use super::Store;
use super::locking::lock;
use super::root::listed;
use crate::model::{Failure, Kind, Name, Result};
use crate::os::{self, Lock};

/// The owner of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The session of this id.
    Session(Uuid),
    /// The profile of this very name.
    Profile,
}

impl Claim {
    pub(super) fn text(self) -> String {
        match self {
            Self::Session(id) => format!("session {id}\n"),
            Self::Profile => String::from("profile\n"),
        }
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.trim();
        if text == "profile" {
            return Some(Self::Profile);
        }
        text.strip_prefix("session ")?.parse().ok().map(Self::Session)
    }
}

impl Store {
    fn claim_path(&self, name: &Name) -> PathBuf {
        self.names().join(name.key())
    }

    /// Reads the owner of `name` from its claim. The claim of a process that died half-way names
    /// something that does not exist; whoever looks that up finds it missing.
    pub fn claim(&self, name: &Name) -> Result<Option<Claim>> {
        let path = self.claim_path(name);
        let bytes = os::read_optional(&path).map_err(|error| Failure::io("read", &path, &error))?;
        match bytes {
            None => Ok(None),
            Some(bytes) => match Claim::parse(&bytes) {
                Some(claim) => Ok(Some(claim)),
                None => Err(Failure::of(
                    Kind::Damaged,
                    format!("the claim of a name is damaged: {}", path.display()),
                )
                .hint("it should read 'session ID' or 'profile'")),
            },
        }
    }

    /// Returns every claimed name (its key), in name order.
    pub fn claimed_names(&self) -> Result<Vec<String>> {
        self.claimed_names_from("")
    }

    /// Returns the claimed names whose key begins with `beginning`, in name order. Opens no claim.
    pub fn claimed_names_from(&self, beginning: &str) -> Result<Vec<String>> {
        let mut names = listed(&self.names(), beginning)?;
        names.retain(|name| !name.starts_with('.'));
        names.sort_unstable();
        Ok(names)
    }

    /// Claims `name`. Returns `Ok(None)` if it is ours now; else its owner.
    ///
    /// Takes over a claim whose owner does not exist, and is not being made right now. What the claim is for exists
    /// or is being made, by the caller.
    ///
    /// A name that nobody claims is had by one link, and costs no lock.
    pub(super) fn claim_name(&self, name: &Name, claim: Claim) -> Result<Option<Claim>> {
        if self.publish_claim(name, claim)? {
            return Ok(None);
        }
        match self.holder(name)? {
            Some(holder) if holder != claim => Ok(Some(holder)),
            // A claim that says the same was left by another: a profile of this name, or an import of this session.
            // Who gives that one up has looked under the lock, and is about to remove it.
            _ => self.claim_name_among(name, claim, &self.hold_names()?),
        }
    }

    /// Makes the claim of `name`; false if there is one.
    fn publish_claim(&self, name: &Name, claim: Claim) -> Result<bool> {
        let path = self.claim_path(name);
        os::publish_file(&path, claim.text().as_bytes()).map_err(|error| Failure::io("write", &path, &error))
    }

    /// Holds the names: no claim that is there is taken over, joined or given up meanwhile. Whoever claims a name for
    /// something that exists, but has that name a moment later only, holds them until it has.
    ///
    /// A claim is removed under this lock only, after a look at its owner under it. Every order of the steps of those
    /// who want a name is tried in `interleavings.rs`.
    pub(super) fn hold_names(&self) -> Result<Lock> {
        lock(&self.names().join(".repair"), "the names")
    }

    /// As [`Store::claim_name`], by a caller who holds the names.
    pub(super) fn claim_name_among(&self, name: &Name, claim: Claim, _held: &Lock) -> Result<Option<Claim>> {
        let path = self.claim_path(name);
        if self.publish_claim(name, claim)? {
            return Ok(None);
        }
        if let Some(holder) = self.holder(name)? {
            return Ok(if holder == claim { None } else { Some(holder) });
        }
        os::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        if self.publish_claim(name, claim)? { Ok(None) } else { self.holder(name) }
    }

    /// Gives `name` up, if `claim` has it and the owner it names has it no more: another process may have
    /// restored a session, or made a profile of the same name, meanwhile. Takes the lock of the names.
    pub(super) fn release_name(&self, name: &Name, claim: Claim) {
        if !self.is_claimed_by(name, claim) {
            return;
        }
        // Without it, what is removed could be the claim of somebody who took the name over meanwhile. A claim that
        // stays is taken over by the next who wants the name.
        if let Ok(held) = self.hold_names() {
            self.release_name_among(name, claim, &held);
        }
    }

    /// As [`Store::release_name`], by a caller who holds the names.
    pub(super) fn release_name_among(&self, name: &Name, claim: Claim, _held: &Lock) {
        if self.is_claimed_by(name, claim) && !self.is_held(name, claim) {
            let _ = os::remove_file(&self.claim_path(name));
        }
    }

    fn is_claimed_by(&self, name: &Name, claim: Claim) -> bool {
        matches!(self.claim(name), Ok(Some(held)) if held == claim)
    }

    /// Removes the claim of `name` if its owner does not exist and is not being made. Returns false if
    /// nothing claims it, or somebody holds it by now.
    pub fn forget_name(&self, name: &Name) -> Result<bool> {
        // Whoever takes such a claim over holds this lock, too.
        let _repair = self.hold_names()?;
        let Some(claim) = self.claim(name)? else { return Ok(false) };
        if self.is_held(name, claim) {
            return Ok(false);
        }
        let path = self.claim_path(name);
        os::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        Ok(true)
    }

    /// Returns the real owner of `name`: the one in the claim, if it exists or is being made.
    pub fn holder(&self, name: &Name) -> Result<Option<Claim>> {
        Ok(self.claim(name)?.filter(|claim| self.is_held(name, *claim)))
    }

    /// Returns true if the owner that `claim` names exists under `name`, or is being made.
    pub(super) fn is_held(&self, name: &Name, claim: Claim) -> bool {
        // A session goes from staging to its place, never back, so looking at staging first
        // cannot miss one that is on its way.
        match claim {
            Claim::Session(id) => self.is_being_made(&id.to_string()) || self.session_has_name(id, name),
            Claim::Profile => {
                self.is_being_made(&name.key()) || os::exists(&self.profiles_dir().join(name.key()))
            }
        }
    }

    /// Returns true if some living process is making `staging/<entry>` now: it holds the lock in it.
    pub(super) fn is_being_made(&self, entry: &str) -> bool {
        let staged = self.staging().join(entry);
        os::is_dir(&staged) && Lock::may_be_held(&self.lock_path(&staged, entry))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crate::model::{Kind, Layout, Name};
    use crate::store::tests::{bare_account, session, store};

    #[test]
    fn a_name_is_not_taken_over_from_a_session_that_is_on_its_way_back() {
        for comes_back in [true, false] {
            let (_dir, store) = store();
            let old = session("api");
            drop(store.publish(store.draft(old.clone(), None).expect("begun")).expect("made"));
            let trashed = store.trash_session(&old).expect("removed");
            // What `restore` does, stopped half-way.
            let claim = super::Claim::Session(old.id);
            let held = store.hold_names().expect("held");
            assert_eq!(store.claim_name_among(&old.name, claim, &held).expect("claimed"), None);
            let other = store.draft(session("api"), None).expect("begun");
            let taking = thread::spawn({
                let store = store.clone();
                move || store.publish(other).map(drop)
            });
            thread::sleep(std::time::Duration::from_millis(100));
            assert!(!taking.is_finished(), "it waits until that is decided");
            if comes_back {
                std::fs::rename(&trashed, store.session_root(old.id)).expect("back");
            }
            drop(held);
            let taken = taking.join().expect("joined");
            let owner = store.session_named(&old.name).expect("readable").expect("one has it");
            if comes_back {
                assert_eq!(taken.map_err(|failure| failure.kind), Err(Kind::NameTaken));
                assert_eq!(owner.id, old.id);
            } else {
                // The control: a claim that is left behind is taken over.
                assert_eq!(taken, Ok(()));
                assert_ne!(owner.id, old.id);
            }
        }
    }

    #[test]
    fn a_profile_does_not_take_for_its_own_a_claim_that_is_being_given_up() {
        for given_up in [true, false] {
            let (_dir, store) = store();
            store.ensure().expect("made");
            let name = Name::suggest("work");
            // What `profile remove` leaves before its last step, which it does with the names held.
            assert_eq!(store.publish_claim(&name, super::Claim::Profile), Ok(true));
            let held = store.hold_names().expect("held");
            let making = thread::spawn({
                let (store, name) = (store.clone(), name.clone());
                move || store.create_profile(&name, bare_account(), |_| Layout::default())
            });
            thread::sleep(std::time::Duration::from_millis(100));
            assert!(!making.is_finished(), "it waits until that is decided");
            if given_up {
                std::fs::remove_file(store.claim_path(&name)).expect("removed");
            }
            drop(held);
            assert_eq!(making.join().expect("joined"), Ok(()));
            assert_eq!(store.claim(&name), Ok(Some(super::Claim::Profile)), "given up: {given_up}");
        }
    }

    #[test]
    fn who_gives_a_name_up_does_not_take_it_from_who_took_it_over() {
        let (_dir, store) = store();
        let old = session("api");
        drop(store.publish(store.draft(old.clone(), None).expect("begun")).expect("made"));
        store.trash_session(&old).expect("removed");
        let new = session("api");
        drop(store.publish(store.draft(new.clone(), None).expect("begun")).expect("made"));
        store.release_name(&old.name, super::Claim::Session(old.id));
        assert_eq!(store.claim(&old.name).expect("readable"), Some(super::Claim::Session(new.id)));
        // The control: its owner gone, it is given up.
        store.trash_session(&new).expect("removed");
        assert_eq!(store.claim(&new.name).expect("readable"), None);
    }
}
