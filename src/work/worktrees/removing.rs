//! Taking worktrees away with their sessions, into the trash.

use crate::model::{Failure, Kind, Name, Result, Session, Target, own_branch};
use crate::os;
use crate::store::{Part, Store, Trashed};
use crate::work::context::Context;
use crate::work::worktrees::away;
use crate::work::worktrees::tree::{self, Tree};
use crate::work::{binding, create};

/// A worktree that is to be taken away, or what is left of one.
pub(crate) enum Doomed {
    /// A worktree.
    Tree(Box<Tree>),
    /// A session whose worktree was being taken away when a process died.
    Half(Session),
}

impl Doomed {
    /// Returns what `name` names. Fails if there is no such worktree.
    pub(crate) fn find(context: &Context, name: &str) -> Result<Self> {
        if let Some(session) = half_of_session(context, name)? {
            return Ok(Self::Half(session));
        }
        let found = tree::find(context, name)?;
        for session in &found.sessions {
            if is_half(context, session)? {
                return Ok(Self::Half(session.clone()));
            }
        }
        Ok(Self::Tree(Box::new(found)))
    }

    /// Returns true if both are the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tree(one), Self::Tree(two)) => one.root() == two.root(),
            (Self::Half(one), Self::Half(two)) => one.id == two.id,
            _ => false,
        }
    }

    /// Takes it away; with `force` changes and commits of its own do not speak against it.
    pub(crate) fn remove(&self, context: &Context, force: bool) -> Result<Removed> {
        match self {
            Self::Tree(tree) => remove(context, tree, force, false),
            Self::Half(session) => finish(context, session),
        }
    }
}

/// Returns the session `name`, if its worktree was being taken away when a process died.
fn half_of_session(context: &Context, name: &str) -> Result<Option<Session>> {
    let named = |session: &Session| session.name.as_str().eq_ignore_ascii_case(name);
    let session = tree::sessions(context)?.into_iter().find(named);
    session.map_or(Ok(None), |session| Ok(is_half(context, &session)?.then_some(session)))
}

/// Returns true if the worktree of `session` was being taken away when a process died.
fn is_half(context: &Context, session: &Session) -> Result<bool> {
    let place = context.store()?.session_root(session.id);
    // As long as nothing was moved, it is one as any other.
    let Some(kept) = Store::stowed_worktree(&place)? else { return Ok(false) };
    let untouched = kept.root().is_dir() && Store::stowed_part(&place, Part::Git).is_none();
    Ok(!untouched || Store::stowed_part(&place, Part::Files).is_some())
}

/// A worktree that is not there any more: it was, or was being, taken away.
pub(crate) enum Gone {
    /// It lies with this session, half of it taken away. Its commits are in this branch, or are not.
    Half(Session, Result<String, String>),
    /// It is in the trash with its session.
    InTrash(Name),
}

impl Gone {
    /// Returns what became of the worktree `name`, whose work belongs to `onto`, or to where its record says; `None` where
    /// nothing is known of one.
    pub(crate) fn find(context: &Context, name: &str, onto: Option<&str>) -> Result<Option<Self>> {
        let store = context.store()?;
        if let Some(session) = half_of_session(context, name)? {
            let onto = onto.or(session.onto()).unwrap_or("HEAD").to_owned();
            let kept = Store::stowed_worktree(&store.session_root(session.id))?;
            let head =
                kept.as_ref().and_then(|kept| Some((away::repository_of(kept).ok()?, kept.head.clone()?)));
            let is_in = head.is_some_and(|(repository, head)| repository.is_in(&head, &onto));
            return Ok(Some(Self::Half(session, if is_in { Ok(onto) } else { Err(onto) })));
        }
        let has_one =
            |trashed: &Trashed| Store::stowed_worktree(&trashed.path).is_ok_and(|kept| kept.is_some());
        let named =
            |trashed: &&Trashed| trashed.name().as_str().eq_ignore_ascii_case(name) && has_one(trashed);
        Ok(store.trash()?.iter().rev().find(named).map(|trashed| Self::InTrash(trashed.name().clone())))
    }

    /// Takes the rest of it away, if its commits are where they belong. Refused otherwise.
    pub(crate) fn finish(&self, context: &Context) -> Result<Removed> {
        match self {
            Self::Half(session, Ok(_)) => finish(context, session),
            Self::Half(session, Err(onto)) => {
                let name = &session.name;
                Err(Failure::refused(format!(
                    "worktree '{name}' was being removed, and is not all merged into {onto}"
                ))
                .hint(format!("to have it back: cs restore {name}"))
                .hint(format!("to remove it all the same: cs wt rm {name}")))
            }
            Self::InTrash(name) => {
                Err(Failure::not_found(format!("worktree '{name}' is in the trash, with its session"))
                    .hint(format!("to have it back: cs restore {name}")))
            }
        }
    }
}

/// A worktree that was taken away.
pub(crate) struct Removed {
    /// The name of the worktree.
    pub name: String,
    /// The sessions that went with it; the first has it.
    pub sessions: Vec<Session>,
    /// The space it takes in the trash.
    pub bytes: u64,
    /// A branch that stays.
    pub branch: Option<String>,
    /// Its directory was gone already.
    pub was_gone: bool,
}

/// Takes a worktree away, if nothing speaks against it. With `force` changes and commits of its own do not;
/// with `is_home` its commits were brought home just now.
pub(crate) fn remove(context: &Context, tree: &Tree, force: bool, is_home: bool) -> Result<Removed> {
    let store = context.store()?;
    let mut locks = Vec::new();
    for session in &tree.sessions {
        locks.push(store.lock_session(session)?);
    }
    let name = tree.name();
    if let Some(stays) = tree.held(context)? {
        return Err(stays.failure(&name));
    }
    if tree.is_gone() {
        return forget(context, tree);
    }
    let state = tree.state(None)?;
    let unsaved = || tree.unsaved(&state).filter(|_| !force && (state.is_dirty() || !is_home));
    if let Some(stays) = tree.unfinished(&state).or_else(unsaved) {
        return Err(stays.failure(&name));
    }
    let size = tree.survey().map_err(|stays| stays.failure(&name))?;
    let mut sessions = tree.sessions.clone();
    if sessions.is_empty() {
        let made = create::adopt(context, tree)?;
        sessions.push(made.session);
        locks.push(made.lock);
    }
    // As it is now: the list may be older than the lock.
    let mut now = tree.clone();
    (now.entry.head, now.entry.branch) = (state.head.clone(), state.branch.clone());
    away::take(context, &now, &sessions[0])?;
    to_trash(context, &sessions)?;
    let branch = state.branch.filter(|branch| own_branch(tree.root(), Some(branch)).is_none());
    Ok(Removed { name, sessions, bytes: size.bytes, branch, was_gone: false })
}

/// Moves sessions whose worktree is with the first of them to the trash. Under their locks.
fn to_trash(context: &Context, sessions: &[Session]) -> Result<()> {
    // The one that has the worktree goes last: as long as it is here, this can be finished.
    for session in sessions.iter().rev() {
        context.store()?.trash_session(session)?;
        binding::say_still_bound(context, &Target::Session(session.id));
    }
    Ok(())
}

/// Has git forget a worktree whose directory is gone; its sessions go to the trash.
fn forget(context: &Context, tree: &Tree) -> Result<Removed> {
    context.umask.lifted(|| tree.repository.forget_gone(tree.root()))?;
    to_trash(context, &tree.sessions)?;
    Ok(Removed {
        name: tree.name(),
        sessions: tree.sessions.clone(),
        bytes: 0,
        branch: tree.entry.branch.clone(),
        was_gone: true,
    })
}

/// Finishes what was cut short.
fn finish(context: &Context, session: &Session) -> Result<Removed> {
    let store = context.store()?;
    let _lock = store.lock_session(session)?;
    let place = store.session_root(session.id);
    let kept = Store::stowed_worktree(&place)?.ok_or_else(|| {
        Failure::of(Kind::Changed, format!("session '{}' has changed meanwhile", session.name))
    })?;
    away::finish(context, session.id, &kept)?;
    let bytes = os::tree_size(&place.join("worktree")).bytes;
    let mut sessions = vec![session.clone()];
    let is_there = |other: &Session| other.directory().starts_with(kept.root()) && other.id != session.id;
    let others = tree::sessions(context)?.into_iter().filter(is_there);
    let mut locks = Vec::new();
    for other in others.filter(|other| !os::exists(other.directory())) {
        locks.push(store.lock_session(&other)?);
        sessions.push(other);
    }
    to_trash(context, &sessions)?;
    let name = kept.root().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let branch = kept.branch.clone().filter(|_| kept.own_branch().is_none());
    Ok(Removed { name, sessions, bytes, branch, was_gone: false })
}
