//! `cs wt rm NAME…`: take worktrees away with their sessions, into the trash.

use crate::commands::report;
use crate::model::{Failure, Kind, Outcome, Result, Session, Target, own_branch};
use crate::os;
use crate::store::{Part, Store};
use crate::ui;
use crate::work::context::Context;
use crate::work::worktrees::away;
use crate::work::worktrees::tree::{self, Tree};
use crate::work::{binding, create};

/// What is taken away.
enum Wanted {
    Tree(Box<Tree>),
    /// A session whose worktree was being taken away when a process died.
    Half(Session),
}

pub(super) fn run(context: &Context, names: &[String], force: bool) -> Result<Outcome> {
    // All of them are looked up first: a mistyped name moves nothing.
    let mut wanted: Vec<Wanted> = Vec::new();
    for name in names {
        let found = look_up(context, name)?;
        let same = |other: &Wanted| match (other, &found) {
            (Wanted::Tree(one), Wanted::Tree(two)) => one.root() == two.root(),
            (Wanted::Half(one), Wanted::Half(two)) => one.id == two.id,
            _ => false,
        };
        if !wanted.iter().any(same) {
            wanted.push(found);
        }
    }
    for one in wanted {
        match one {
            Wanted::Tree(tree) => remove(context, &tree, force, false)?.say(),
            Wanted::Half(session) => finish(context, &session)?.say(),
        }
    }
    Ok(Outcome::Done)
}

fn look_up(context: &Context, name: &str) -> Result<Wanted> {
    let store = context.store()?;
    // As long as nothing was moved, it is one as any other.
    let is_half = |session: &Session| -> Result<bool> {
        let place = store.session_root(session.id);
        let Some(kept) = Store::stowed_worktree(&place)? else { return Ok(false) };
        let untouched = kept.root().is_dir() && Store::stowed_part(&place, Part::Git).is_none();
        Ok(!untouched || Store::stowed_part(&place, Part::Files).is_some())
    };
    let named = |session: &&Session| session.name.as_str().eq_ignore_ascii_case(name);
    let sessions = tree::sessions(context)?;
    if let Some(session) = sessions.iter().find(named)
        && is_half(session)?
    {
        return Ok(Wanted::Half(session.clone()));
    }
    let found = tree::find(context, name)?;
    for session in &found.sessions {
        if is_half(session)? {
            return Ok(Wanted::Half(session.clone()));
        }
    }
    Ok(Wanted::Tree(Box::new(found)))
}

/// What was taken away.
pub(super) struct Removed {
    /// The name of the worktree.
    pub name: String,
    /// The sessions that went with it; the first has it.
    pub sessions: Vec<Session>,
    /// How much room it takes in the trash.
    pub bytes: u64,
    /// A branch that stays.
    pub branch: Option<String>,
    /// Its directory was gone already.
    pub was_gone: bool,
}

impl Removed {
    pub(super) fn say(&self) {
        let name = &self.name;
        let names: Vec<String> = self.sessions.iter().map(|session| format!("'{}'", session.name)).collect();
        let with = match names.len() {
            0 => String::new(),
            1 => format!(" with session {}", names[0]),
            _ => format!(" with sessions {}", names.join(", ")),
        };
        if self.was_gone {
            report::say(&format!("git forgot worktree '{name}', whose directory was gone"));
            for session in &self.sessions {
                let session = &session.name;
                report::say(&format!(
                    "moved session '{session}' to the trash; to undo: cs restore {session}"
                ));
            }
        } else if let Some(first) = self.sessions.first() {
            let size = ui::size(self.bytes);
            report::say(&format!(
                "moved worktree '{name}'{with} to the trash ({size}); to undo: cs restore {}",
                first.name
            ));
        }
        if let Some(branch) = &self.branch {
            report::say(&format!("branch '{branch}' stays"));
        }
    }
}

/// Takes a worktree away, if nothing speaks against it. With `force` changes and commits of its own do not;
/// with `is_home` its commits were brought home just now.
pub(super) fn remove(context: &Context, tree: &Tree, force: bool, is_home: bool) -> Result<Removed> {
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
