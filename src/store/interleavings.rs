//! Every order in which processes can take the steps of the names, with a kill or a lost patience at each.
//!
//! A model of the store in which a verb is a function that reads as the store's own: each function here stands for the
//! one that its comment names, and each [`Process::step`] for one system call of it that others see or that sees them
//! (a link, an unlink, a rename, a look, a lock). [`explore`] tries every order. That a verb alone comes to the same in
//! the model and in the store, from every disk, is a test here, too; so is that the protocol of before falls.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::tests::{bare_account, session};
use super::{Arrival, Piece, Store, TrashedKind};
use crate::model::{self, Isolation, Layout, Session};
use crate::os::{self, Lock};
use Verb::{
    ClaimAgain, CreateProfile, Empty, Forget, Import, New, Remove, RemoveProfile, Rename, Restore,
    RestoreProfile,
};

/// The names and sessions there are. The first session may be there from the start; each process may make another.
const NAMES: Name = 2;
const SESSIONS: Id = 4;
const OLD: Id = 0;

type Pid = u8;
type Id = u8;
type Name = u8;

/// `Claim`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Claim {
    Session(Id),
    Profile,
}

/// A directory of a session or profile: the name that its record says, and who holds the lock in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Dir {
    name: Name,
    lock: Option<Pid>,
}

/// The directories of one session, or of the profiles of one name: `staging/…`, `sessions/…` or `profiles/…`, `trash/…`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
struct Places {
    staged: Option<Dir>,
    here: Option<Dir>,
    trashed: Option<Dir>,
}

/// The data root.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
struct Disk {
    claims: [Option<Claim>; NAMES as usize],
    sessions: [Places; SESSIONS as usize],
    profiles: [Places; NAMES as usize],
    /// The lock of the names.
    held: Option<Pid>,
}

impl Disk {
    fn of(&mut self, name: Name, claim: Claim) -> &mut Places {
        match claim {
            Claim::Session(id) => self.session(id),
            Claim::Profile => self.profile(name),
        }
    }

    fn session(&mut self, id: Id) -> &mut Places {
        &mut self.sessions[usize::from(id)]
    }

    fn profile(&mut self, name: Name) -> &mut Places {
        &mut self.profiles[usize::from(name)]
    }

    fn claim(&mut self, name: Name) -> &mut Option<Claim> {
        &mut self.claims[usize::from(name)]
    }

    /// Frees what a process that has ended held.
    fn free(&mut self, pid: Pid) {
        self.held = self.held.filter(|by| *by != pid);
        for places in self.sessions.iter_mut().chain(&mut self.profiles) {
            for dir in [&mut places.staged, &mut places.here, &mut places.trashed].into_iter().flatten() {
                dir.lock = dir.lock.filter(|by| *by != pid);
            }
        }
    }

    /// Returns what must never be, not even for a moment, and is.
    fn wrong(&self) -> Option<Wrong> {
        for name in 0..NAMES {
            let bears = |id: &Id| self.sessions[usize::from(*id)].here.is_some_and(|dir| dir.name == name);
            let of_sessions = (0..SESSIONS).filter(bears);
            let of_profiles = self.profiles[usize::from(name)].here.map(|_| Claim::Profile);
            let owners: Vec<Claim> = of_sessions.map(Claim::Session).chain(of_profiles).collect();
            if owners.len() > 1 {
                return Some(Wrong::TwoHaveOneName);
            }
            if owners.iter().any(|owner| self.claims[usize::from(name)] != Some(*owner)) {
                return Some(Wrong::NoNameLeadsToIt);
            }
        }
        let twice = |places: &Places| places.here.is_some() && places.trashed.is_some();
        self.sessions.iter().any(twice).then_some(Wrong::HereAndInTheTrash)
    }

    /// Returns where everything is, without what only those on their way leave.
    fn essence(&self) -> [Vec<(Option<Name>, bool)>; 2] {
        let place = |places: &Places| (places.here.map(|dir| dir.name), places.trashed.is_some());
        [self.sessions.iter().map(place).collect(), self.profiles.iter().map(place).collect()]
    }
}

/// What must not come of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Wrong {
    TwoHaveOneName,
    NoNameLeadsToIt,
    HereAndInTheTrash,
    /// A claim is left that nothing has, and nobody was killed.
    ClaimOfNothing,
    /// No order of those that ended well leaves this.
    NoOrderExplainsIt,
    /// All wait.
    Deadlock,
}

/// What tells the protocols of before from that of today.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Protocol {
    /// Who gives a claim up holds the names, and looks again.
    gives_up_held: bool,
    /// Who comes back, or is renamed, holds the names until it is done.
    moves_held: bool,
    /// Who finds a claim that says the same holds the names before it takes that for its own.
    joins_held: bool,
    /// An import looks again whether the session is known.
    looks_again: bool,
}

const TODAY: Protocol =
    Protocol { gives_up_held: true, moves_held: true, joins_held: true, looks_again: true };
/// Before there was a lock of the names for more than taking a claim over.
const BEFORE: Protocol =
    Protocol { gives_up_held: false, moves_held: false, joins_held: false, looks_again: false };

/// Why a process does not go on now.
enum Stop {
    /// It has taken its step.
    Paused,
    /// It waits for a lock.
    Blocked,
}

type Step<T> = Result<T, Stop>;

/// A process between two steps. It is what it has seen so far: the same from the start leads to the same place.
struct Process<'a> {
    disk: &'a mut Disk,
    pid: Pid,
    seen: &'a mut Vec<u8>,
    at: usize,
    has_acted: bool,
    patient: bool,
    protocol: Protocol,
}

impl Process<'_> {
    /// Takes a step, or has taken it before.
    fn step(&mut self, act: impl FnOnce(&mut Disk, Pid) -> bool) -> Step<bool> {
        self.look(|disk, pid| u8::from(act(disk, pid))).map(|seen| seen == 1)
    }

    fn look(&mut self, act: impl FnOnce(&mut Disk, Pid) -> u8) -> Step<u8> {
        if self.at == self.seen.len() {
            if self.has_acted {
                return Err(Stop::Paused);
            }
            self.seen.push(act(self.disk, self.pid));
            self.has_acted = true;
        }
        self.at += 1;
        Ok(self.seen[self.at - 1])
    }

    /// Waits for a lock; false if that takes too long, or what it is in is not there. `lock`.
    fn lock(&mut self, of: impl Fn(&mut Disk) -> Option<&mut Option<Pid>>) -> Step<bool> {
        let is_new = self.at == self.seen.len() && !self.has_acted;
        if is_new && self.patient && of(self.disk).is_some_and(|lock| lock.is_some()) {
            return Err(Stop::Blocked);
        }
        self.try_lock(of)
    }

    /// `Lock::take`, without waiting.
    fn try_lock(&mut self, of: impl Fn(&mut Disk) -> Option<&mut Option<Pid>>) -> Step<bool> {
        self.step(|disk, pid| of(disk).filter(|lock| lock.is_none()).map(|lock| *lock = Some(pid)).is_some())
    }

    /// `Store::hold_names`.
    fn hold_names(&mut self) -> Step<bool> {
        self.lock(|disk| Some(&mut disk.held))
    }

    fn free_names(&mut self) -> Step<()> {
        self.step(|disk, _| disk.held.take().is_some()).map(drop)
    }

    /// `Store::publish_claim`: a link.
    fn publish_claim(&mut self, name: Name, claim: Claim) -> Step<bool> {
        self.step(|disk, _| disk.claim(name).is_none() && disk.claim(name).replace(claim).is_none())
    }

    /// `Store::claim`: one read.
    fn claim(&mut self, name: Name) -> Step<Option<Claim>> {
        let seen = self.look(|disk, _| match *disk.claim(name) {
            None => 0,
            Some(Claim::Profile) => 1,
            Some(Claim::Session(id)) => 2 + id,
        })?;
        Ok(match seen {
            0 => None,
            1 => Some(Claim::Profile),
            id => Some(Claim::Session(id - 2)),
        })
    }

    /// `os::remove_file` of a claim.
    fn unlink(&mut self, name: Name) -> Step<()> {
        self.step(|disk, _| disk.claim(name).take().is_some()).map(drop)
    }

    /// `Store::is_being_made`.
    fn is_being_made(&mut self, name: Name, claim: Claim) -> Step<bool> {
        self.step(|disk, _| disk.of(name, claim).staged.is_some_and(|dir| dir.lock.is_some()))
    }

    /// `Store::session_has_name`, or the look for the directory of a profile.
    fn is_there(&mut self, name: Name, claim: Claim) -> Step<bool> {
        self.step(|disk, _| disk.of(name, claim).here.is_some_and(|dir| dir.name == name))
    }

    /// `Store::is_held`: first where it comes from, then where it goes.
    fn is_held(&mut self, name: Name, claim: Claim) -> Step<bool> {
        Ok(self.is_being_made(name, claim)? || self.is_there(name, claim)?)
    }

    /// `Store::holder`.
    fn holder(&mut self, name: Name) -> Step<Option<Claim>> {
        match self.claim(name)? {
            Some(claim) if self.is_held(name, claim)? => Ok(Some(claim)),
            _ => Ok(None),
        }
    }

    /// `Store::claim_name`. True if it is ours, false if another has it; `None` if that fails.
    fn claim_name(&mut self, name: Name, claim: Claim) -> Step<Option<bool>> {
        if self.publish_claim(name, claim)? {
            return Ok(Some(true));
        }
        match self.holder(name)? {
            Some(holder) if holder != claim => return Ok(Some(false)),
            Some(_) if !self.protocol.joins_held => return Ok(Some(true)),
            _ => {}
        }
        if !self.hold_names()? {
            return Ok(None);
        }
        let is_ours = self.claim_name_among(name, claim)?;
        self.free_names()?;
        Ok(Some(is_ours))
    }

    /// `Store::claim_name_among`.
    fn claim_name_among(&mut self, name: Name, claim: Claim) -> Step<bool> {
        if self.publish_claim(name, claim)? {
            return Ok(true);
        }
        if let Some(holder) = self.holder(name)? {
            return Ok(holder == claim);
        }
        self.unlink(name)?;
        self.publish_claim(name, claim)
    }

    /// `Store::release_name`.
    fn release_name(&mut self, name: Name, claim: Claim) -> Step<()> {
        if self.claim(name)? != Some(claim) {
            return Ok(());
        }
        if !self.protocol.gives_up_held {
            if !self.is_held(name, claim)? {
                self.unlink(name)?;
            }
        } else if self.hold_names()? {
            self.release_name_among(name, claim)?;
            self.free_names()?;
        }
        Ok(())
    }

    /// `Store::release_name_among`.
    fn release_name_among(&mut self, name: Name, claim: Claim) -> Step<()> {
        if self.claim(name)? == Some(claim) && !self.is_held(name, claim)? {
            self.unlink(name)?;
        }
        Ok(())
    }

    /// Claims for what exists already, does `rest`, and lets `rest` give up what is to be given up: under the lock of
    /// the names, but for the protocol of before. False if the name is taken, or the lock not to be had.
    fn moved(&mut self, name: Name, claim: Claim, rest: impl FnOnce(&mut Self) -> Step<bool>) -> Step<bool> {
        if !self.protocol.moves_held {
            return Ok(self.claim_name(name, claim)? == Some(true) && rest(self)?);
        }
        // `Store::refuse_taken`
        if self.holder(name)?.is_some_and(|holder| holder != claim) || !self.hold_names()? {
            return Ok(false);
        }
        let done = self.claim_name_among(name, claim)? && rest(self)?;
        self.free_names()?;
        Ok(done)
    }

    /// Gives up within [`Process::moved`].
    fn released(&mut self, name: Name, claim: Claim) -> Step<()> {
        if self.protocol.moves_held {
            self.release_name_among(name, claim)
        } else {
            self.release_name(name, claim)
        }
    }
}

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Verb {
    /// `cs new`, `fork`, `cs NAME`: a session of this id.
    New(Id, Name),
    /// `cs rm`, `cleanup`, the end of an ephemeral one.
    Remove(Id),
    /// `cs restore --as`.
    Restore(Id, Name),
    Rename(Id, Name),
    /// `cs trash empty`.
    Empty(Id),
    /// `cs import FILE`.
    Import(Id, Name),
    CreateProfile(Name),
    RemoveProfile(Name),
    RestoreProfile(Name),
    /// `cs doctor --fix` of a name of nothing.
    Forget(Name),
    /// `cs doctor --fix` of a session that has lost its name.
    ClaimAgain(Id, Name),
}

impl Verb {
    /// Goes on with it. True if it ended well.
    fn run(self, p: &mut Process<'_>) -> Step<bool> {
        match self {
            Self::New(id, name) => new(p, id, name),
            Self::Remove(id) => trash_session(p, id),
            Self::Restore(id, name) => restore(p, name, Claim::Session(id)),
            Self::Rename(id, name) => rename_session(p, id, name),
            Self::Empty(id) => empty(p, id),
            Self::Import(id, name) => publish_from_batch(p, id, name),
            Self::CreateProfile(name) => make_profile(p, name),
            Self::RemoveProfile(name) => trash_profile(p, name),
            Self::RestoreProfile(name) => restore(p, name, Claim::Profile),
            Self::Forget(name) => forget_name(p, name),
            Self::ClaimAgain(id, name) => claim_again(p, id, name),
        }
    }
}

/// `Store::draft` and `Store::publish`; `Drop for Draft` where the name is taken.
fn new(p: &mut Process<'_>, id: Id, name: Name) -> Step<bool> {
    let claim = Claim::Session(id);
    p.step(|disk, pid| disk.session(id).staged.replace(Dir { name, lock: Some(pid) }).is_none())?;
    if p.claim_name(name, claim)? == Some(true) {
        return publish_dir(p, name, claim);
    }
    discard(p, name, claim)?;
    p.release_name(name, claim)?;
    Ok(false)
}

/// `os::publish_dir` of what is staged: what is there already stays.
fn publish_dir(p: &mut Process<'_>, name: Name, claim: Claim) -> Step<bool> {
    p.step(|disk, _| {
        let places = disk.of(name, claim);
        let is_free = places.here.is_none();
        if is_free {
            places.here = places.staged.take();
        }
        is_free
    })
}

/// `discard`, and the way back to the batch.
fn discard(p: &mut Process<'_>, name: Name, claim: Claim) -> Step<()> {
    p.step(|disk, _| disk.of(name, claim).staged.take().is_some()).map(drop)
}

/// `Store::lock_session`: the name in the record, which is still that with the lock.
fn lock_session(p: &mut Process<'_>, id: Id) -> Step<Option<Name>> {
    let record = |disk: &mut Disk, _: Pid| match disk.session(id).here {
        Some(dir) => 1 + dir.name,
        None => 0,
    };
    let before = p.look(record)?;
    let is_locked = before != 0 && p.lock(|disk| disk.session(id).here.as_mut().map(|dir| &mut dir.lock))?;
    let is_same = is_locked && p.look(record)? == before;
    Ok(is_same.then(|| before - 1))
}

/// `Store::trash_session`, under the session's lock.
fn trash_session(p: &mut Process<'_>, id: Id) -> Step<bool> {
    let Some(name) = lock_session(p, id)? else { return Ok(false) };
    to_trash(p, name, Claim::Session(id))
}

/// `Store::to_trash`, and what follows it.
fn to_trash(p: &mut Process<'_>, name: Name, claim: Claim) -> Step<bool> {
    let is_gone = p.step(|disk, _| {
        let places = disk.of(name, claim);
        let dir = places.here.take();
        places.trashed = dir.or(places.trashed);
        dir.is_some()
    })?;
    if is_gone {
        p.release_name(name, claim)?;
    }
    Ok(is_gone)
}

/// `Store::trash_profile`, with the profile's lock.
fn trash_profile(p: &mut Process<'_>, name: Name) -> Step<bool> {
    let is_locked = p.lock(|disk| disk.profile(name).here.as_mut().map(|dir| &mut dir.lock))?;
    Ok(is_locked && to_trash(p, name, Claim::Profile)?)
}

/// The lock of a piece of trash.
fn lock_trashed(p: &mut Process<'_>, name: Name, claim: Claim) -> Step<bool> {
    p.lock(|disk| disk.of(name, claim).trashed.as_mut().map(|dir| &mut dir.lock))
}

/// `Store::restore`.
fn restore(p: &mut Process<'_>, name: Name, claim: Claim) -> Step<bool> {
    if !lock_trashed(p, name, claim)? {
        return Ok(false);
    }
    p.moved(name, claim, |p| {
        if claim == Claim::Profile {
            let is_there = p.is_there(name, claim)?;
            if is_there || p.protocol.joins_held && p.is_being_made(name, claim)? {
                return Ok(false);
            }
        } else {
            // The record in the trash has the name it comes back under.
            p.step(|disk, _| disk.of(name, claim).trashed.as_mut().map(|dir| dir.name = name).is_some())?;
        }
        let is_back = p.step(|disk, _| {
            let places = disk.of(name, claim);
            let is_back = places.here.is_none() && places.trashed.is_some();
            if is_back {
                places.here = places.trashed.take();
            }
            is_back
        })?;
        if !is_back {
            p.released(name, claim)?;
        }
        Ok(is_back)
    })
}

/// `Store::rename_session`, under the session's lock.
fn rename_session(p: &mut Process<'_>, id: Id, new: Name) -> Step<bool> {
    let claim = Claim::Session(id);
    let Some(old) = lock_session(p, id)? else { return Ok(false) };
    if old == new {
        return Ok(true);
    }
    p.moved(new, claim, |p| {
        p.step(|disk, _| disk.session(id).here.as_mut().map(|dir| dir.name = new).is_some())?;
        p.released(old, claim)?;
        Ok(true)
    })
}

/// `Store::empty`.
fn empty(p: &mut Process<'_>, id: Id) -> Step<bool> {
    Ok(lock_trashed(p, 0, Claim::Session(id))?
        && p.step(|disk, _| disk.session(id).trashed.take().is_some())?)
}

/// `Store::publish_from_batch`. Its batch is its own.
fn publish_from_batch(p: &mut Process<'_>, id: Id, name: Name) -> Step<bool> {
    let claim = Claim::Session(id);
    // `Store::put_aside`
    if p.step(|disk, _| disk.session(id).staged.is_some())? {
        if !p.protocol.looks_again {
            if !p.is_being_made(name, claim)? {
                discard(p, name, claim)?;
            }
        } else if p.try_lock(|disk| disk.session(id).staged.as_mut().map(|dir| &mut dir.lock))? {
            discard(p, name, claim)?;
        }
    }
    let is_staged = p.step(|disk, pid| {
        let staged = &mut disk.session(id).staged;
        staged.is_none() && staged.replace(Dir { name, lock: Some(pid) }).is_none()
    })?;
    if !is_staged {
        return Ok(false);
    }
    if p.protocol.looks_again {
        let is_held = p.hold_names()?;
        // `Store::knows_session`
        let is_known = is_held
            && (p.step(|disk, _| disk.session(id).here.is_some())?
                || p.step(|disk, _| disk.session(id).trashed.is_some())?);
        if is_held {
            p.free_names()?;
        }
        if !is_held || is_known {
            discard(p, name, claim)?;
            return Ok(false);
        }
    }
    let claimed = p.claim_name(name, claim)?;
    if claimed == Some(true) && publish_dir(p, name, claim)? {
        return Ok(true);
    }
    discard(p, name, claim)?;
    if claimed != Some(false) {
        p.release_name(name, claim)?;
    }
    Ok(false)
}

/// `Store::make_profile`.
fn make_profile(p: &mut Process<'_>, name: Name) -> Step<bool> {
    let claim = Claim::Profile;
    // `Store::begin_profile`
    if p.is_there(name, claim)? {
        return Ok(false);
    }
    let is_locked = p.lock(|disk| {
        let dir = disk.profile(name).staged.get_or_insert(Dir { name, lock: None });
        Some(&mut dir.lock)
    })?;
    if !is_locked {
        return Ok(false);
    }
    let is_ours = p.claim_name(name, claim)? == Some(true) && !p.is_there(name, claim)?;
    if is_ours && publish_dir(p, name, claim)? {
        return Ok(true);
    }
    discard(p, name, claim)?;
    p.release_name(name, claim)?;
    Ok(false)
}

/// `Store::forget_name`.
fn forget_name(p: &mut Process<'_>, name: Name) -> Step<bool> {
    if !p.hold_names()? {
        return Ok(false);
    }
    let is_nobodys = match p.claim(name)? {
        Some(claim) => !p.is_held(name, claim)?,
        None => false,
    };
    if is_nobodys {
        p.unlink(name)?;
    }
    p.free_names()?;
    Ok(is_nobodys)
}

/// `Store::claim_again`.
fn claim_again(p: &mut Process<'_>, id: Id, name: Name) -> Step<bool> {
    let claim = Claim::Session(id);
    if !p.hold_names()? {
        return Ok(false);
    }
    let done =
        p.is_there(name, claim)? && (p.claim(name)? == Some(claim) || p.claim_name_among(name, claim)?);
    p.free_names()?;
    Ok(done)
}

/// A process in a state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Way {
    /// It has seen this so far.
    Running(Vec<u8>),
    /// It ended, well or not.
    Ended(bool),
    Killed,
}

/// All of it between two steps.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    disk: Disk,
    ways: Vec<Way>,
    /// Somebody was killed, or lost patience.
    is_cut_short: bool,
}

/// A hash that need not withstand anybody. The usual one takes half the time of a search.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_isize(&mut self, discriminant: isize) {
        self.write_u8(discriminant.to_le_bytes()[0]);
    }

    fn write_usize(&mut self, length: usize) {
        self.write_u8(length.to_le_bytes()[0]);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What there is to find from one disk with some verbs at once.
struct Search<'a> {
    verbs: &'a [Verb],
    protocol: Protocol,
    start: &'a Disk,
    known: HashSet<State, BuildHasherDefault<Quick>>,
    found: BTreeSet<Wrong>,
}

/// Tries every order of the steps of `verbs` at once from `start`, with every kill. Returns what must not come of it
/// and does.
fn explore(start: &Disk, verbs: &[Verb], protocol: Protocol) -> BTreeSet<Wrong> {
    let state =
        State { disk: start.clone(), ways: vec![Way::Running(Vec::new()); verbs.len()], is_cut_short: false };
    let mut search = Search { verbs, protocol, start, known: HashSet::default(), found: BTreeSet::new() };
    search.go_on(&state);
    search.found
}

impl Search<'_> {
    fn go_on(&mut self, state: &State) {
        if let Some(wrong) = state.disk.wrong() {
            // What comes of it is no news.
            self.found.insert(wrong);
            return;
        }
        if !self.known.insert(state.clone()) {
            return;
        }
        let mut waits = 0;
        for (at, verb) in self.verbs.iter().enumerate() {
            let Way::Running(seen) = &state.ways[at] else { continue };
            let pid = Pid::try_from(at).expect("few");
            waits += 1;
            let mut killed = State { is_cut_short: true, ..state.clone() };
            killed.ways[at] = Way::Killed;
            killed.disk.free(pid);
            self.go_on(&killed);
            for patient in [true, false] {
                let mut next = state.clone();
                let mut seen = seen.clone();
                match advance(&mut next.disk, pid, *verb, &mut seen, patient, self.protocol) {
                    // It waits: either until the other one is done, or no longer.
                    Err(Stop::Blocked) => continue,
                    Err(Stop::Paused) => next.ways[at] = Way::Running(seen),
                    Ok(done) => {
                        next.ways[at] = Way::Ended(done);
                        next.disk.free(pid);
                    }
                }
                if patient {
                    waits -= 1;
                } else {
                    next.is_cut_short = true;
                }
                self.go_on(&next);
                if patient {
                    break;
                }
            }
        }
        let running = state.ways.iter().filter(|way| matches!(way, Way::Running(_))).count();
        if running > 0 && waits == running {
            self.found.insert(Wrong::Deadlock);
        }
        if running == 0 {
            self.found.extend(self.wrong_at_the_end(state));
        }
    }

    fn wrong_at_the_end(&self, state: &State) -> Option<Wrong> {
        let is_nobodys = |disk: &Disk, name: Name| {
            disk.claims[usize::from(name)].is_some_and(|claim| {
                let mut disk = disk.clone();
                disk.of(name, claim).here.is_none_or(|dir| dir.name != name)
            })
        };
        let left = (0..NAMES).any(|name| is_nobodys(&state.disk, name) && !is_nobodys(self.start, name));
        if left && !state.is_cut_short {
            return Some(Wrong::ClaimOfNothing);
        }
        let may_be: Vec<usize> =
            (0..self.verbs.len()).filter(|pid| state.ways[*pid] != Way::Ended(false)).collect();
        let explained = explains(self, state, self.start, &may_be);
        (!explained).then_some(Wrong::NoOrderExplainsIt)
    }
}

/// Returns true if the verbs of `left`, one after the other in some order, lead from `disk` to where `state` is; the
/// killed ones need not have happened.
fn explains(search: &Search<'_>, state: &State, disk: &Disk, left: &[usize]) -> bool {
    let is_there = disk.essence() == state.disk.essence();
    // A repair of what another one is about to do itself comes to the same.
    let is_optional = |pid: &usize| {
        state.ways[*pid] == Way::Killed
            || matches!(search.verbs[*pid], Verb::Forget(_) | Verb::ClaimAgain(..))
    };
    if is_there && left.iter().all(is_optional) {
        return true;
    }
    left.iter().any(|pid| {
        let (done, then) = alone(disk, search.verbs[*pid], search.protocol);
        let others: Vec<usize> = left.iter().copied().filter(|other| other != pid).collect();
        done && explains(search, state, &then, &others)
    })
}

/// Takes the next step of a process.
fn advance(
    disk: &mut Disk,
    pid: Pid,
    verb: Verb,
    seen: &mut Vec<u8>,
    patient: bool,
    protocol: Protocol,
) -> Step<bool> {
    verb.run(&mut Process { disk, pid, seen, at: 0, has_acted: false, patient, protocol })
}

/// Runs a verb while nobody else does anything; what is locked stays so. Returns how it ended, and the disk.
fn alone(disk: &Disk, verb: Verb, protocol: Protocol) -> (bool, Disk) {
    let (mut disk, mut seen) = (disk.clone(), Vec::new());
    loop {
        if let Ok(done) = advance(&mut disk, 0, verb, &mut seen, false, protocol) {
            disk.free(0);
            return (done, disk);
        }
    }
}

/// The disks that may be when processes begin: with what killed ones left, and without one of [`Wrong`].
fn disks() -> Vec<Disk> {
    let at = |name| Some(Dir { name, lock: None });
    let nothing = Places::default();
    let (staged, trashed) = (Places { staged: at(0), ..nothing }, Places { trashed: at(0), ..nothing });
    let here = |name| Places { here: at(name), ..nothing };
    let session = Some(Claim::Session(OLD));
    let mut disks = Vec::new();
    for claims in
        [[None, None], [session, None], [None, session], [session, session], [Some(Claim::Profile), None]]
    {
        for (old, profile) in [
            (nothing, nothing),
            (staged, nothing),
            (trashed, nothing),
            (here(0), nothing),
            (here(1), nothing),
            (nothing, staged),
            (nothing, trashed),
            (nothing, here(0)),
            (here(1), staged),
            (here(1), trashed),
            (here(1), here(0)),
            (trashed, trashed),
        ] {
            let mut disk = Disk { claims, ..Disk::default() };
            (*disk.session(OLD), *disk.profile(0)) = (old, profile);
            disks.extend(disk.wrong().is_none().then_some(disk));
        }
    }
    disks
}

/// What the process `pid` may do.
fn verbs(pid: Pid) -> Vec<Verb> {
    vec![
        New(1 + pid, 0),
        Remove(OLD),
        Restore(OLD, 0),
        Restore(OLD, 1),
        Rename(OLD, 0),
        Rename(OLD, 1),
        Empty(OLD),
        Import(OLD, 0),
        Import(OLD, 1),
        CreateProfile(0),
        RemoveProfile(0),
        RestoreProfile(0),
        Forget(0),
        ClaimAgain(OLD, 0),
    ]
}

/// Returns everything that comes of `verbs` at once and must not, from any of the disks.
fn from_every_disk(verbs: &[Verb], protocol: Protocol) -> BTreeSet<Wrong> {
    let mut all = BTreeSet::new();
    for disk in disks() {
        all.extend(explore(&disk, verbs, protocol));
    }
    all.retain(|wrong| may_not_be(*wrong, verbs));
    all
}

/// Returns false for what may be: whose files are staged seems to be on its way, and for so long its name is not given
/// up. The next who wants that takes the claim over.
fn may_not_be(wrong: Wrong, verbs: &[Verb]) -> bool {
    wrong != Wrong::ClaimOfNothing || !verbs.iter().any(|verb| matches!(verb, Import(..)))
}

/// Fails if anything comes of `verbs` at once that must not.
fn stands(verbs: &[Verb]) {
    let found = from_every_disk(verbs, TODAY);
    assert!(found.is_empty(), "{verbs:?}: {found:?}");
}

#[test]
fn no_order_of_two_leaves_a_name_to_two_or_something_without_a_name() {
    for (at, first) in verbs(0).into_iter().enumerate() {
        for second in &verbs(1)[at..] {
            stands(&[first, *second]);
        }
    }
}

#[test]
fn nor_does_one_of_three_that_want_one_name() {
    let start = |claim, old, profile| {
        let mut disk = Disk { claims: [claim, None], ..Disk::default() };
        let dir = Some(Dir { name: 0, lock: None });
        let at = |room| match room {
            "here" => Places { here: dir, ..Places::default() },
            "trashed" => Places { trashed: dir, ..Places::default() },
            _ => Places::default(),
        };
        (*disk.session(OLD), *disk.profile(0)) = (at(old), at(profile));
        disk
    };
    let (session, profile) = (Some(Claim::Session(OLD)), Some(Claim::Profile));
    // All 560 were tried once, from each of the disks.
    for (disk, three) in [
        (start(session, "here", ""), [New(1, 0), Remove(OLD), Restore(OLD, 0)]),
        (start(session, "here", ""), [New(1, 0), Remove(OLD), CreateProfile(0)]),
        (start(session, "trashed", ""), [New(1, 0), Restore(OLD, 0), Forget(0)]),
        (start(session, "here", ""), [Remove(OLD), Import(OLD, 0), Import(OLD, 1)]),
        (start(session, "trashed", ""), [Restore(OLD, 1), Import(OLD, 0), Empty(OLD)]),
        (start(profile, "", "here"), [New(1, 0), RemoveProfile(0), CreateProfile(0)]),
        (start(profile, "", "here"), [RemoveProfile(0), CreateProfile(0), CreateProfile(0)]),
        (start(profile, "", "trashed"), [New(1, 0), RestoreProfile(0), CreateProfile(0)]),
        (start(profile, "trashed", "trashed"), [Restore(OLD, 0), RestoreProfile(0), CreateProfile(0)]),
    ] {
        let mut found = explore(&disk, &three, TODAY);
        found.retain(|wrong| may_not_be(*wrong, &three));
        assert!(found.is_empty(), "{three:?} from {disk:?}: {found:?}");
    }
}

#[test]
fn the_protocol_of_before_falls_to_this_search() {
    let finds = |verbs: &[Verb], protocol, wrong| {
        let found = from_every_disk(verbs, protocol);
        assert!(found.contains(&wrong), "{verbs:?}: {found:?}");
    };
    // A session comes back, or is renamed, while another one is made: both have the name.
    for comes in [Restore(OLD, 0), Rename(OLD, 0)] {
        finds(&[New(1, 0), comes], BEFORE, Wrong::TwoHaveOneName);
    }
    // One is removed while another one is made, which then has no name.
    for goes in [Remove(OLD), Rename(OLD, 1), RemoveProfile(0)] {
        finds(&[New(1, 0), goes], BEFORE, Wrong::NoNameLeadsToIt);
    }
    finds(&[CreateProfile(0), RemoveProfile(0)], BEFORE, Wrong::NoNameLeadsToIt);
    // Each of the rules is needed.
    let joins = Protocol { joins_held: false, ..TODAY };
    finds(&[CreateProfile(0), RemoveProfile(0)], joins, Wrong::NoNameLeadsToIt);
    finds(&[CreateProfile(0), New(1, 0)], joins, Wrong::TwoHaveOneName);
    let joins_and_looks = Protocol { looks_again: false, ..joins };
    finds(&[Import(OLD, 0), Forget(0)], joins_and_looks, Wrong::NoNameLeadsToIt);
    let gives_up = Protocol { gives_up_held: false, ..TODAY };
    finds(&[New(1, 0), Remove(OLD)], gives_up, Wrong::NoNameLeadsToIt);
    let moves = Protocol { moves_held: false, ..TODAY };
    finds(&[New(1, 0), Restore(OLD, 0)], moves, Wrong::TwoHaveOneName);
    let looks = Protocol { looks_again: false, ..TODAY };
    finds(&[Import(OLD, 0), Remove(OLD)], looks, Wrong::HereAndInTheTrash);
    finds(&[Import(OLD, 0), Import(OLD, 0)], looks, Wrong::NoOrderExplainsIt);
}

/// A store that is as a disk of the model.
struct Real {
    _dir: tempfile::TempDir,
    store: Store,
    _held: Vec<Lock>,
}

fn name_of(name: Name) -> model::Name {
    model::Name::suggest(if name == 0 { "a" } else { "b" })
}

fn id_of(id: Id) -> Uuid {
    Uuid::from_u128(0x0189_0000_0000_4000_8000_0000_0000_0000 + u128::from(id))
}

fn session_of(id: Id, name: Name) -> Session {
    Session { id: id_of(id), name: name_of(name), ..session("x") }
}

impl Real {
    fn of(disk: &Disk) -> Self {
        // In memory, if that can be: there are hundreds, and each is flushed to the disk at every step.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory");
        let store = Store::open(dir.path().join("data")).expect("a store");
        store.ensure().expect("made");
        let mut held = Vec::new();
        let mut make = |path: PathBuf, entry: &str, record: &str, text: &str, dir: Dir| {
            fs::create_dir(&path).expect("made");
            fs::write(path.join(record), text).expect("written");
            let lock = Lock::take(&store.lock_path(&path, entry), Duration::ZERO).expect("free");
            held.extend(dir.lock.map(|_| lock));
        };
        let roots = |room: &str, entry: &str| {
            let root = store.root();
            [root.join("staging").join(entry), root.join(room).join(entry), root.join("trash")]
        };
        for (id, places) in (0..SESSIONS).zip(&disk.sessions) {
            let entry = id_of(id).to_string();
            let [staged, here, trash] = roots("sessions", &entry);
            let trashed = trash.join(format!("{entry}-1000"));
            let all = [(staged, places.staged), (here, places.here), (trashed, places.trashed)];
            for (path, dir) in all.into_iter().filter_map(|(path, dir)| Some((path, dir?))) {
                let text = Store::session_text(&session_of(id, dir.name)).expect("text");
                make(path, &entry, "session.toml", &text, dir);
            }
        }
        for (name, places) in (0..NAMES).zip(&disk.profiles) {
            let key = name_of(name).key();
            let [staged, here, trash] = roots("profiles", &key);
            let trashed = trash.join(format!("profile.{key}-1000"));
            let all = [(staged, places.staged), (here, places.here), (trashed, places.trashed)];
            for (path, dir) in all.into_iter().filter_map(|(path, dir)| Some((path, dir?))) {
                make(path, &key, "profile.toml", "version = 1\n", dir);
            }
        }
        for (name, claim) in (0..NAMES).zip(disk.claims) {
            let claim = claim.map(|claim| match claim {
                Claim::Session(id) => super::Claim::Session(id_of(id)).text(),
                Claim::Profile => super::Claim::Profile.text(),
            });
            if let Some(text) = claim {
                fs::write(store.names().join(name_of(name).key()), text).expect("written");
            }
        }
        Self { _dir: dir, store, _held: held }
    }

    /// Does a verb as `cs` does. True if it ended well.
    fn run(&self, verb: Verb) -> bool {
        let store = &self.store;
        let locked = |id: Id| {
            let session = store.session(id_of(id)).ok()?;
            Some((store.lock_session(&session).ok()?, session))
        };
        let trashed = |claim: Claim| {
            store.trash().expect("listed").into_iter().find(|trashed| match (&trashed.kind, claim) {
                (TrashedKind::Session(session), Claim::Session(id)) => session.id == id_of(id),
                (kind, claim) => matches!(kind, TrashedKind::Profile(_)) && claim == Claim::Profile,
            })
        };
        let restored = |claim: Claim, name: Name| {
            trashed(claim).is_some_and(|trashed| store.restore(&trashed, &name_of(name), None).is_ok())
        };
        match verb {
            New(id, name) => {
                store.draft(session_of(id, name), None).and_then(|draft| store.publish(draft)).is_ok()
            }
            Remove(id) => locked(id).is_some_and(|(_lock, session)| store.trash_session(&session).is_ok()),
            Restore(id, name) => restored(Claim::Session(id), name),
            Rename(id, name) => locked(id)
                .is_some_and(|(_lock, session)| store.rename_session(&session, &name_of(name)).is_ok()),
            Empty(id) => trashed(Claim::Session(id))
                .is_some_and(|trashed| store.empty(&Piece::Whole(trashed), &[]).is_ok()),
            Import(id, name) => {
                let batch = store.batch().expect("begun");
                store.add_to_batch(&batch, id_of(id), Isolation::ConfigDir).expect("added");
                let arrival = store.publish_from_batch(&batch, &mut session_of(id, name), None);
                store.end_batch(batch);
                arrival == Ok(Arrival::Here)
            }
            CreateProfile(name) => {
                store.create_profile(&name_of(name), bare_account(), |_| Layout::default()).is_ok()
            }
            RemoveProfile(name) => store.trash_profile(&name_of(name)).is_ok(),
            RestoreProfile(name) => restored(Claim::Profile, name),
            Forget(name) => store.forget_name(&name_of(name)) == Ok(true),
            ClaimAgain(id, name) => {
                store.claim_again(&name_of(name), super::Claim::Session(id_of(id))).is_ok()
            }
        }
    }

    /// Returns the disk as the model has it.
    fn disk(&self) -> Disk {
        let mut disk = Disk::default();
        let root = self.store.root();
        let dir = |path: &Path, name: Name| os::is_dir(path).then_some(Dir { name, lock: None });
        let name_in = |path: &Path| {
            let text = fs::read(path.join("session.toml")).ok()?;
            let session = Store::parse_session(&text).expect("a record");
            (0..NAMES).find(|name| name_of(*name) == session.name)
        };
        let in_trash = |beginning: String| {
            let names = os::names_in(&root.join("trash"), &beginning).expect("listed");
            names.first().map(|name| root.join("trash").join(name))
        };
        for id in 0..SESSIONS {
            let entry = id_of(id).to_string();
            let of = |path: PathBuf| name_in(&path).and_then(|name| dir(&path, name));
            *disk.session(id) = Places {
                staged: of(root.join("staging").join(&entry)),
                here: of(root.join("sessions").join(&entry)),
                trashed: in_trash(format!("{entry}-")).and_then(of),
            };
        }
        for name in 0..NAMES {
            let key = name_of(name).key();
            *disk.profile(name) = Places {
                staged: dir(&root.join("staging").join(&key), name),
                here: dir(&root.join("profiles").join(&key), name),
                trashed: in_trash(format!("profile.{key}-")).and_then(|path| dir(&path, name)),
            };
            *disk.claim(name) =
                self.store.claim(&name_of(name)).expect("readable").map(|claim| match claim {
                    super::Claim::Profile => Claim::Profile,
                    super::Claim::Session(id) => {
                        Claim::Session((0..SESSIONS).find(|known| id_of(*known) == id).expect("one of them"))
                    }
                });
        }
        disk
    }
}

#[test]
fn a_verb_alone_does_in_the_store_what_it_does_in_the_model() {
    let made_by_another = Some(Dir { name: 0, lock: Some(Pid::MAX) });
    let mut all: Vec<Disk> = disks();
    // What somebody else is making right now. Who would make a profile of the same name waits for that.
    for of in [Claim::Session(OLD), Claim::Profile] {
        let mut disk = Disk::default();
        disk.of(0, of).staged = made_by_another;
        all.push(disk.clone());
        *disk.claim(0) = Some(of);
        all.push(disk);
    }
    let mut ended_well = 0;
    for disk in all {
        for verb in verbs(0) {
            if verb == CreateProfile(0) && disk.profiles[0].staged == made_by_another {
                continue;
            }
            let (done, mut expected) = alone(&disk, verb, TODAY);
            expected.free(Pid::MAX);
            let real = Real::of(&disk);
            assert_eq!(
                real.disk(),
                {
                    let mut disk = disk.clone();
                    disk.free(Pid::MAX);
                    disk
                },
                "{disk:?}"
            );
            assert_eq!((real.run(verb), real.disk()), (done, expected), "{verb:?} from {disk:?}");
            ended_well += usize::from(done);
        }
    }
    assert!(ended_well > 100, "the control: most do something somewhere, {ended_well}");
}
