//! Blocks of ports, each claimed once: `ports/<first>` says whose it is, and is made as a name is, by
//! linking a finished file to it, which exactly one of many processes can do.
//!
//! A claim counts for as long as its session is there, or on its way: being made, being brought back,
//! or being given its first ports. Whatever says otherwise is stale, and whoever needs it takes it over.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::locking::lock;
use super::root::listed;
use super::{Claim, Damage, Store};
use crate::model::{Failure, PortRange, Ports, Result, Session};
use crate::os::{self, Lock};

/// The owner of a block, as seen by a session that would take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Nobody claims it.
    Nobody,
    /// The session itself does.
    Itself,
    /// Its claimant does not exist.
    Gone,
    /// Another session has it, or a claim that cannot be read says who does.
    Another,
}

/// The reason a session's ports are not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portless {
    /// No claim exists for its block.
    Unclaimed(Ports),
    /// Its block belongs to another session.
    Taken(Ports),
}

impl Store {
    pub(super) fn ports_dir(&self) -> PathBuf {
        self.root().join("ports")
    }

    fn ports_path(&self, ports: Ports) -> PathBuf {
        self.ports_dir().join(ports.first().to_string())
    }

    /// Returns every block that is claimed, in order, with the file that says so. Opens no claim.
    pub fn claimed_ports(&self) -> Result<Vec<(Ports, PathBuf)>> {
        let names = listed(&self.ports_dir(), "")?;
        let firsts = names.iter().filter_map(|name| name.parse().ok()).filter_map(Ports::new);
        let mut all: Vec<_> = firsts.map(|ports| (ports, self.ports_path(ports))).collect();
        all.sort_unstable();
        Ok(all)
    }

    /// Returns the block that a new session will most likely be given: the first in `range` that nobody
    /// has and that is free. Changes nothing.
    pub fn likely_ports(&self, range: PortRange, is_free: impl Fn(Ports) -> bool) -> Result<Option<Ports>> {
        // An id that nothing has.
        let nobody = Uuid::nil();
        let may_have = |ports: &Ports| match self.owner(*ports, nobody) {
            Owner::Nobody | Owner::Itself | Owner::Gone => is_free(*ports),
            Owner::Another => false,
        };
        Ok(self.candidates(range)?.find(may_have))
    }

    /// Gives the session `id` a block of its own: the first of `wanted` that it can have, else the first
    /// in `range` that nobody has and that is free. Returns `None` if there is none left.
    ///
    /// The session has to be on its way, and the caller to hold its lock: that is what makes the claim
    /// hold.
    pub fn claim_ports(
        &self,
        id: Uuid,
        range: Option<PortRange>,
        wanted: &[Ports],
        is_free: impl Fn(Ports) -> bool,
    ) -> Result<Option<Ports>> {
        if range.is_none() && wanted.is_empty() {
            return Ok(None);
        }
        let room = self.ports_dir();
        os::create_private_dirs(&room).map_err(|error| Failure::io("create", &room, &error))?;
        let others = range.map(|range| self.candidates(range)).transpose()?.into_iter().flatten();
        for ports in wanted.iter().copied().chain(others) {
            if self.claim_block(ports, id, &is_free)? {
                return Ok(Some(ports));
            }
        }
        Ok(None)
    }

    /// Returns every block of `range` that may be had: first, from a place of this user and data root on,
    /// those that nobody claims; then, in case of a stale claim, the rest.
    ///
    /// Users who share a machine and no files mostly begin somewhere else. The blocks of one user are
    /// neighbours: they meet those of another more rarely than if they were strewn over the range.
    fn candidates(&self, range: PortRange) -> Result<impl Iterator<Item = Ports> + use<>> {
        let mut hash = Sha256::new();
        hash.update(self.root().as_os_str().as_encoded_bytes());
        #[cfg(unix)]
        hash.update(rustix::process::geteuid().as_raw().to_be_bytes());
        let place = hash.finalize().iter().take(8).fold(0_u64, |place, byte| place << 8 | u64::from(*byte));
        let claimed: Vec<Ports> = self.claimed_ports()?.into_iter().map(|(ports, _)| ports).collect();
        let again = claimed.clone();
        let unclaimed = range.from(place).filter(move |ports| claimed.binary_search(ports).is_err());
        Ok(unclaimed.chain(range.from(place).filter(move |ports| again.binary_search(ports).is_ok())))
    }

    fn claim_block(&self, ports: Ports, id: Uuid, is_free: &dyn Fn(Ports) -> bool) -> Result<bool> {
        let path = self.ports_path(ports);
        let publish = || {
            os::publish_file(&path, Claim::Session(id).text().as_bytes())
                .map_err(|error| Failure::io("write", &path, &error))
        };
        match self.owner(ports, id) {
            Owner::Nobody if is_free(ports) => publish(),
            // Who takes a claim over has looked under this lock, so that of those who do, and the one that
            // comes back, each sees what the other did.
            Owner::Gone if is_free(ports) => {
                let _repair = self.lock_ports()?;
                if self.owner(ports, id) == Owner::Gone {
                    os::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
                }
                publish()
            }
            Owner::Itself => {
                let free = is_free(ports);
                let _repair = self.lock_ports()?;
                let still = self.owner(ports, id) == Owner::Itself;
                if still && !free {
                    self.release_ports(ports, id);
                }
                Ok(still && free)
            }
            _ => Ok(false),
        }
    }

    /// Gives up a block that the session `id` claims and does not have, or not for long. The caller holds
    /// the session's lock, which keeps everybody else from the claim.
    pub(super) fn release_ports(&self, ports: Ports, id: Uuid) {
        if self.ports_claim(ports) == Ok(Some(id)) {
            // A claim that stays is stale, and taken over by the next who needs it.
            let _ = fs::remove_file(self.ports_path(ports));
        }
    }

    /// Removes the claim of a block that belongs to nothing. Returns false if nothing claims it, or a
    /// session has it by now.
    pub fn forget_ports(&self, ports: Ports) -> Result<bool> {
        let _repair = self.lock_ports()?;
        if !self.is_nobodys_block(ports)? {
            return Ok(false);
        }
        let path = self.ports_path(ports);
        os::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        Ok(true)
    }

    /// Returns true if a block is claimed for nothing: for a session that is nowhere or has another
    /// block, or by a file that says nothing while no session's record has the block.
    pub fn is_nobodys_block(&self, ports: Ports) -> Result<bool> {
        if self.ports_claim(ports).is_err() {
            // A record that cannot be read may have it.
            let may_have_it = |record: Result<Session, Damage>| match record {
                Ok(session) => session.ports == Some(ports),
                Err(damage) => damage.is_unread(),
            };
            return Ok(!self.sessions()?.into_iter().any(|entry| may_have_it(entry.record)));
        }
        Ok(self.owner(ports, Uuid::nil()) == Owner::Gone)
    }

    /// Returns the reason why a session's ports are not its own, as the claims say; `None` if they are,
    /// or if it has none.
    pub fn portless(&self, session: &Session) -> Option<Portless> {
        let ports = session.ports?;
        match self.owner(ports, session.id) {
            Owner::Itself => None,
            Owner::Nobody | Owner::Gone => Some(Portless::Unclaimed(ports)),
            // A claim that cannot be read is told by itself.
            Owner::Another => self.ports_claim(ports).is_ok().then_some(Portless::Taken(ports)),
        }
    }

    /// Gives a session ports that are its own, if it has none: those its record says, else those it
    /// claims already, else others. Returns its record as it is now. The caller holds the session's lock.
    pub fn settle_ports(
        &self,
        session: &Session,
        range: Option<PortRange>,
        is_free: impl Fn(Ports) -> bool,
    ) -> Result<Session> {
        // What was given them and died, or was changed, before it was noted.
        let is_own = |(ports, _): &(Ports, PathBuf)| self.ports_claim(*ports) == Ok(Some(session.id));
        let claimed = self.claimed_ports()?.into_iter().filter(is_own).map(|(ports, _)| ports);
        let wanted: Vec<Ports> = session.ports.into_iter().chain(claimed).collect();
        // What listens on those it has is most likely its own.
        let is_free = |ports| Some(ports) == session.ports || is_free(ports);
        let ports = self.claim_ports(session.id, range, &wanted, is_free)?;
        if ports == session.ports {
            return Ok(session.clone());
        }
        self.set_session_ports(session, ports)
    }

    /// Notes the ports of a session, which it has claimed. The caller holds the session's lock.
    fn set_session_ports(&self, session: &Session, ports: Option<Ports>) -> Result<Session> {
        let changed = Session { ports, ..session.clone() };
        if let Err(failure) = self.rewrite_session(&changed) {
            if let Some(ports) = ports {
                self.release_ports(ports, session.id);
            }
            return Err(failure);
        }
        if let Some(before) = session.ports {
            self.release_ports(before, session.id);
        }
        Ok(changed)
    }

    fn lock_ports(&self) -> Result<Lock> {
        lock(&self.ports_dir().join(".repair"), "the ports")
    }

    /// Returns the session that a block is claimed for, whether it exists or not.
    pub fn claimant(&self, ports: Ports) -> Option<Uuid> {
        self.ports_claim(ports).ok().flatten()
    }

    /// Reads the session that claims a block. Fails if the claim cannot be read.
    fn ports_claim(&self, ports: Ports) -> Result<Option<Uuid>, ()> {
        match os::read_optional(&self.ports_path(ports)) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => match Claim::parse(&bytes) {
                Some(Claim::Session(id)) => Ok(Some(id)),
                _ => Err(()),
            },
            Err(_) => Err(()),
        }
    }

    fn owner(&self, ports: Ports, id: Uuid) -> Owner {
        match self.ports_claim(ports) {
            Ok(None) => Owner::Nobody,
            Ok(Some(holder)) if holder == id => Owner::Itself,
            Ok(Some(holder)) if !self.has_ports(holder, ports) => Owner::Gone,
            Ok(Some(_)) | Err(()) => Owner::Another,
        }
    }

    /// Returns true if the session that claims a block exists with it, or is on its way to.
    fn has_ports(&self, id: Uuid, ports: Ports) -> bool {
        let has = || match self.session(id) {
            Ok(session) => session.ports == Some(ports),
            Err(Damage::Missing) => false,
            // Nobody may take the ports of a session whose record cannot be read just now.
            Err(_) => true,
        };
        // A session comes from staging or from the trash; having arrived meanwhile it is seen by the
        // second look.
        has() || self.is_on_its_way(id) || has()
    }

    /// Returns true if some process holds the lock of a session that is being made, brought back, or
    /// given ports. Makes no lock that does not exist.
    fn is_on_its_way(&self, id: Uuid) -> bool {
        let entry = id.to_string();
        // Where the trash cannot be read, it may be there.
        let Ok(thrown) = os::names_in(&self.trash_dir(), &format!("{entry}-")) else { return true };
        let places = [self.staging().join(&entry), self.session_root(id)];
        let places = places.into_iter().chain(thrown.into_iter().map(|name| self.trash_dir().join(name)));
        places.into_iter().any(|place| Lock::may_be_held(&self.lock_path(&place, &entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{session, store};
    use super::*;

    /// One block.
    fn one() -> (Option<PortRange>, Option<Ports>) {
        (PortRange::new(21_000, 21_009), Ports::new(21_000))
    }

    #[test]
    fn the_block_of_a_session_that_is_on_its_way_is_nobody_elses_and_that_of_a_dead_process_is() {
        let (_dir, store) = store();
        let (range, block) = one();
        let wants = |who: Uuid| store.claim_ports(who, range, &[], |_| true).expect("it can be read");
        // Being made, then there, then in the trash: with the lock it counts all the way.
        let draft = store.draft(session("api"), None).expect("begun");
        let api = draft.session().clone();
        assert_eq!(wants(api.id), block);
        let other = Uuid::now_v7();
        assert_eq!(wants(other), None, "it is being made");
        let lock = store.publish(draft).expect("made");
        assert_eq!(wants(other), None, "it is there, and will note it");
        assert_eq!(store.is_nobodys_block(block.expect("a block")), Ok(false));
        let api = store.set_session_ports(&api, block).expect("noted");
        drop(lock);
        assert_eq!(wants(other), None, "it has noted it");
        let lock = store.lock_session(&api).expect("locked");
        let thrown = store.trash_session(&api).expect("removed");
        assert_eq!(store.claimed_ports(), Ok(vec![]), "given back");
        fs::write(store.ports_path(block.expect("a block")), Claim::Session(api.id).text()).expect("written");
        assert_eq!(wants(other), None, "it is being brought back");
        drop(lock);
        assert!(thrown.is_dir());
        assert_eq!(store.is_nobodys_block(block.expect("a block")), Ok(true), "the control");
        assert_eq!(wants(other), block);
    }

    #[test]
    fn a_draft_that_is_dropped_and_one_whose_name_is_taken_leave_no_ports_behind() {
        let (_dir, store) = store();
        let (range, block) = one();
        let free = |store: &Store| range.and_then(|range| store.likely_ports(range, |_| true).expect("read"));
        let wanted = Session { ports: block, ..session("api") };
        let draft = store.draft(wanted.clone(), range).expect("begun");
        assert_eq!((draft.session().ports, free(&store)), (block, None));
        drop(draft);
        assert_eq!((store.claimed_ports(), free(&store)), (Ok(vec![]), block));
        let without = store.draft(session("api"), None).expect("begun");
        drop(store.publish(without).expect("made"));
        let draft = store.draft(wanted, range).expect("begun");
        assert!(store.publish(draft).is_err(), "the name is taken");
        assert_eq!((store.claimed_ports(), free(&store)), (Ok(vec![]), block));
        let left: Vec<String> = os::names_in(&store.ports_dir(), "").expect("listed");
        assert_eq!(left, [] as [&str; 0], "not even a lock");
    }

    #[test]
    fn what_is_not_free_is_left_and_what_a_session_has_is_kept_whoever_listens() {
        let (_dir, store) = store();
        let range = PortRange::new(21_000, 21_029);
        let blocks: Vec<Ports> = range.into_iter().flat_map(|range| range.from(0)).collect();
        let draft = store.draft(session("api"), None).expect("begun");
        let api = draft.session().clone();
        let _lock = store.publish(draft).expect("made");
        let only = |wanted: Ports| move |ports: Ports| ports == wanted;
        let api = store.settle_ports(&api, range, only(blocks[1])).expect("given");
        assert_eq!(api.ports, Some(blocks[1]));
        let again = store.settle_ports(&api, range, |_| false).expect("kept");
        assert_eq!((again.ports, store.portless(&again)), (Some(blocks[1]), None));
        // Another one has it by now.
        fs::remove_file(store.ports_path(blocks[1])).expect("removed");
        assert_eq!(store.portless(&api), Some(Portless::Unclaimed(blocks[1])));
        let mut rival = session("rival");
        rival.ports = Some(blocks[1]);
        drop(store.publish(store.draft(rival, range).expect("begun")).expect("made"));
        assert_eq!(store.portless(&api), Some(Portless::Taken(blocks[1])));
        let api = store.settle_ports(&api, range, only(blocks[2])).expect("given");
        assert_eq!((api.ports, store.portless(&api)), (Some(blocks[2]), None));
        assert_eq!(store.session(api.id).map(|session| session.ports), Ok(Some(blocks[2])));
        assert_eq!(store.claimed_ports().map(|all| all.len()), Ok(2));
    }
}
