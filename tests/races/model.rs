//! The store as a value: who has a name, what is in the trash, and what a verb makes of that. And the question whether
//! some order of what was reported leads from one state to another.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use uuid::Uuid;

/// A session or profile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Owner {
    Profile,
    Session(Id),
}

/// Which session it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Id {
    Known(Uuid),
    /// One that was made meanwhile: which is not told.
    New,
}

/// What is there, by name, and what is in the trash.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    pub(crate) live: BTreeMap<String, Owner>,
    trash: Vec<(String, Owner)>,
}

impl State {
    pub(crate) fn throw(&mut self, name: String, owner: Owner) {
        self.trash.push((name, owner));
        self.trash.sort();
    }

    pub(crate) fn trashed(&self) -> &[(String, Owner)] {
        &self.trash
    }

    /// The ids that are known.
    pub(crate) fn ids(&self) -> BTreeSet<Uuid> {
        let all = self.live.values().chain(self.trash.iter().map(|(_, owner)| owner));
        all.filter_map(|owner| if let Owner::Session(Id::Known(id)) = owner { Some(*id) } else { None })
            .collect()
    }

    /// The same, where only sessions with one of `ids` are told from each other.
    fn seen(&self, ids: &BTreeSet<Uuid>) -> Self {
        let seen = |owner: &Owner| match owner {
            Owner::Session(Id::Known(id)) if ids.contains(id) => *owner,
            Owner::Session(_) => Owner::Session(Id::New),
            Owner::Profile => Owner::Profile,
        };
        let mut state = Self {
            live: self.live.iter().map(|(name, owner)| (name.clone(), seen(owner))).collect(),
            trash: self.trash.iter().map(|(name, owner)| (name.clone(), seen(owner))).collect(),
        };
        state.trash.sort();
        state
    }

    fn with(&self, name: &str, owner: Owner) -> Option<Self> {
        let mut state = self.clone();
        state.live.insert(name.into(), owner).is_none().then_some(state)
    }
}

/// One change that is made at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Make(String),
    /// Makes it where the name is free; else it is opened.
    Open(String),
    Rename(String, String),
    Remove(String),
    /// Any session goes to the trash: `cleanup`.
    RemoveAny,
    RemoveProfile(String),
    CreateProfile(String),
    /// What had the first name comes back under the second.
    Restore(String, String),
    /// It has got the name it was to come back under, and did not.
    RenameInTrash(String, String),
    /// Anything in the trash goes for good.
    EmptyOne,
    /// A session comes out of a file, under one of these names.
    Bring(Uuid, Vec<String>),
}

impl Change {
    /// Returns what may become of `state` by it; nothing if it cannot be done.
    fn of(&self, state: &State) -> Vec<State> {
        let session = |name: &str| state.live.get(name).copied().filter(|owner| *owner != Owner::Profile);
        let made = Owner::Session(Id::New);
        let without = |name: &str| {
            let mut state = state.clone();
            state.live.remove(name);
            state
        };
        let thrown = |name: &str, owner: Owner| {
            let mut state = without(name);
            state.throw(name.into(), owner);
            state
        };
        match self {
            Self::Make(name) => state.with(name, made).into_iter().collect(),
            Self::Open(name) => vec![state.with(name, made).unwrap_or_else(|| state.clone())],
            Self::Rename(name, new) => {
                session(name).and_then(|owner| without(name).with(new, owner)).into_iter().collect()
            }
            Self::Remove(name) => session(name).map(|owner| thrown(name, owner)).into_iter().collect(),
            Self::RemoveAny => {
                let sessions = state.live.iter().filter(|(_, owner)| **owner != Owner::Profile);
                sessions.map(|(name, owner)| thrown(name, *owner)).collect()
            }
            Self::RemoveProfile(name) => {
                let profile = state.live.get(name).filter(|owner| **owner == Owner::Profile);
                profile.map(|owner| thrown(name, *owner)).into_iter().collect()
            }
            Self::CreateProfile(name) => state.with(name, Owner::Profile).into_iter().collect(),
            Self::Restore(name, new) => self::out_of_trash(state)
                .filter(|((had, owner), _)| had == name || had == new && *owner != Owner::Profile)
                .filter_map(|((_, owner), without)| without.with(new, owner))
                .collect(),
            Self::RenameInTrash(name, new) => self::out_of_trash(state)
                .filter(|((had, owner), _)| had == name && *owner != Owner::Profile)
                .map(|((_, owner), mut without)| {
                    without.throw(new.clone(), owner);
                    without
                })
                .collect(),
            Self::EmptyOne => self::out_of_trash(state).map(|(_, without)| without).collect(),
            Self::Bring(id, names) => {
                let is_known = state.ids().contains(id);
                let brought = Owner::Session(Id::Known(*id));
                let all = names.iter().filter(|_| !is_known).filter_map(|name| state.with(name, brought));
                all.collect()
            }
        }
    }
}

/// Returns each piece of trash with the state without it.
fn out_of_trash(state: &State) -> impl Iterator<Item = ((String, Owner), State)> {
    let mut trash = state.trash.clone();
    trash.dedup();
    trash.into_iter().map(|piece| {
        let mut without = state.clone();
        let at = without.trash.iter().position(|other| *other == piece);
        if let Some(at) = at {
            without.trash.remove(at);
        }
        (piece, without)
    })
}

/// A change that was, or may have been, made between two moments.
#[derive(Clone, Debug)]
pub(crate) struct Reported {
    pub(crate) change: Change,
    /// It was made: the command ended well.
    pub(crate) surely: bool,
    /// It may have been made more than once.
    pub(crate) often: bool,
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
}

/// The most that is tried for one question: what takes longer is left undecided.
const MOST: usize = 200_000;

/// A question, and what was tried for it.
struct Search<'a> {
    reported: &'a [Reported],
    known: BTreeSet<Uuid>,
    after: State,
    /// Those of the known that are nowhere in the end.
    gone: BTreeSet<Uuid>,
    tried: HashSet<(u64, Option<Instant>, State)>,
}

/// Returns true if some order of what was reported leads from `before` to `after`: what had ended before another began
/// stands before it. `outside` are the ids of sessions that may come from outside. `None` if that takes too long.
pub(crate) fn is_explained(
    before: &State,
    after: &State,
    reported: &[Reported],
    outside: &BTreeSet<Uuid>,
) -> Option<bool> {
    assert!(reported.len() <= 64, "they are counted in 64 bits");
    let known: BTreeSet<Uuid> = before.ids().union(outside).copied().collect();
    let after = after.seen(&known);
    let gone = &known - &(&after.ids() - outside);
    let mut search = Search { reported, known, after, gone, tried: HashSet::new() };
    let found = search.leads_there(before, 0, None);
    (found || search.tried.len() < MOST).then_some(found)
}

impl Search<'_> {
    /// Returns true if those that are not in `done` lead on from `state`. `latest` is the latest beginning in it.
    fn leads_there(&mut self, state: &State, done: u64, latest: Option<Instant>) -> bool {
        let left = |at: &usize| done & (1 << at) == 0;
        let is_late = |one: &Reported| latest.is_some_and(|latest| one.ended < latest);
        let mut sure =
            (0..self.reported.len()).filter(left).filter(|at| self.reported[*at].surely).peekable();
        if sure.peek().is_none() && state.seen(&self.known) == self.after {
            return true;
        }
        if sure.any(|at| is_late(&self.reported[at]))
            || self.tried.len() >= MOST
            || !self.tried.insert((done, latest, state.clone()))
        {
            return false;
        }
        // Those that were made first: most did happen as they were begun.
        let mut next: Vec<usize> =
            (0..self.reported.len()).filter(left).filter(|at| !is_late(&self.reported[*at])).collect();
        next.sort_by_key(|at| (!self.reported[*at].surely, self.reported[*at].begun));
        for at in next {
            let one = &self.reported[at];
            let then = if one.often { done } else { done | 1 << at };
            for next in one.change.of(state) {
                // What is there in the end was never removed for good.
                let is_lost =
                    one.change == Change::EmptyOne && !state.ids().is_subset(&(&next.ids() | &self.gone));
                if !is_lost && self.leads_there(&next, then, latest.max(Some(one.begun))) {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Changes that were all made at once.
    fn at_once(changes: &[Change]) -> Vec<Reported> {
        let begun = Instant::now();
        let ended = begun + Duration::from_secs(1);
        let one = |change: &Change| {
            let change = change.clone();
            Reported { change, surely: true, often: false, begun, ended }
        };
        changes.iter().map(one).collect()
    }

    fn state(live: &[(&str, Owner)], trash: &[(&str, Owner)]) -> State {
        let mut state = State::default();
        state.live.extend(live.iter().map(|(name, owner)| ((*name).to_owned(), *owner)));
        for (name, owner) in trash {
            state.throw((*name).to_owned(), *owner);
        }
        state
    }

    fn explained(before: &State, after: &State, reported: &[Reported]) -> bool {
        is_explained(before, after, reported, &BTreeSet::new()).expect("decided")
    }

    #[test]
    fn some_order_explains_what_may_be_and_none_what_may_not() {
        use Change::{CreateProfile, Make, Remove, RemoveProfile, Rename, Restore};
        let name = String::from;
        let known = Owner::Session(Id::Known(Uuid::from_u128(7)));
        let (new, none) = (Owner::Session(Id::New), State::default());
        // Two made one name: only if one was removed in between.
        let twice = [Make(name("a")), Make(name("a"))];
        assert!(!explained(&none, &state(&[("a", new)], &[]), &at_once(&twice)));
        let removed = [Make(name("a")), Make(name("a")), Remove(name("a"))];
        assert!(explained(&none, &state(&[("a", new)], &[("a", new)]), &at_once(&removed)));
        // One that was lost.
        assert!(!explained(&none, &none, &at_once(&removed[..1])));
        assert!(!explained(&state(&[("a", known)], &[]), &none, &at_once(&[Remove(name("a"))])));
        // It is the very one that is back, not another.
        let (before, back) = (state(&[], &[("a", known)]), [Restore(name("a"), name("b"))]);
        assert!(explained(&before, &state(&[("b", known)], &[]), &at_once(&back)));
        assert!(!explained(&before, &state(&[("b", new)], &[]), &at_once(&back)));
        // A profile and a session of one name.
        let both = [CreateProfile(name("a")), Make(name("a"))];
        assert!(!explained(&none, &state(&[("a", new)], &[]), &at_once(&both)));
        let moved = [RemoveProfile(name("a")), Make(name("a")), Rename(name("a"), name("b"))];
        let before = state(&[("a", Owner::Profile)], &[]);
        let after = state(&[("b", new)], &[("a", Owner::Profile)]);
        assert!(explained(&before, &after, &at_once(&moved)));
    }

    #[test]
    fn what_had_ended_before_another_began_stands_before_it() {
        let name = String::from("a");
        let mut reported = at_once(&[Change::Remove(name.clone()), Change::Make(name)]);
        let new = Owner::Session(Id::New);
        let after = state(&[], &[("a", new)]);
        assert!(explained(&State::default(), &after, &reported));
        let later = reported[0].ended + Duration::from_secs(1);
        (reported[1].begun, reported[1].ended) = (later, later);
        assert!(!explained(&State::default(), &after, &reported));
    }

    #[test]
    fn what_was_killed_may_have_happened_or_not() {
        let mut reported = at_once(&[Change::Make("a".into())]);
        reported[0].surely = false;
        let made = state(&[("a", Owner::Session(Id::New))], &[]);
        assert!(explained(&State::default(), &made, &reported));
        assert!(explained(&State::default(), &State::default(), &reported));
        assert!(!explained(&State::default(), &state(&[("b", Owner::Profile)], &[]), &reported));
    }
}
