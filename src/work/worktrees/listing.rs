//! Worktrees, and what is left to do in each.

use crate::git::{LockedBy, Repository, State};
use crate::model::{Result, Session};
use crate::work::context::Context;
use crate::work::open;
use crate::work::removal::paths_of;
use crate::work::worktrees::tree::{self, Measured, Tree};

/// A worktree with all that is shown of it.
pub(crate) struct Row {
    /// The worktree.
    pub tree: Tree,
    /// Its state, or why git does not say.
    pub state: Result<State, String>,
    /// The space it takes.
    pub bytes: u64,
    /// For each of its sessions, true if it is open.
    pub open: Vec<bool>,
    /// When the first one was last used.
    pub used: Option<jiff::Timestamp>,
}

/// Worktrees, each with what was measured of it.
type Trees = Vec<(Tree, Measured)>;

/// Returns the worktrees of this repository, or of every one that a session works in, each measured; and these
/// repositories. `at` is told how far that is.
pub(crate) fn measured(
    context: &Context,
    all: bool,
    at: impl FnMut(&str),
) -> Result<(Vec<Repository>, Trees)> {
    let sessions = tree::sessions(context)?;
    let repositories = if all { tree::repositories(context, &sessions)? } else { vec![tree::here(context)?] };
    let mut trees = Vec::new();
    for repository in &repositories {
        trees.extend(tree::trees(repository, &sessions)?);
    }
    let measured = tree::measure(&trees, at);
    Ok((repositories, trees.into_iter().zip(measured).collect()))
}

/// Returns the same as rows.
pub(crate) fn rows(
    context: &Context,
    all: bool,
    at: impl FnMut(&str),
) -> Result<(Vec<Repository>, Vec<Row>)> {
    let (repositories, measured) = measured(context, all, at)?;
    let rows = measured.into_iter().map(|(tree, measured)| Row::of(context, tree, measured));
    Ok((repositories, rows.collect::<Result<_>>()?))
}

impl Row {
    fn of(context: &Context, tree: Tree, measured: Measured) -> Result<Self> {
        let store = context.store()?;
        let is_open = |session: &Session| -> Result<bool> {
            let (paths, _) = paths_of(context, session)?;
            let run = store.noted_run(&store.session_run_path(session.id))?;
            Ok(open::open_state(session, &paths, run.as_ref()).is_some())
        };
        let open = tree.sessions.iter().map(is_open).collect::<Result<_>>()?;
        let Measured { state, bytes } = measured;
        let used = tree.owner().and_then(|session| store.entry(session.id)?.used);
        Ok(Self { tree, state, bytes, open, used })
    }

    /// Returns true if somebody has locked it: for its session it always is.
    pub(crate) fn is_locked(&self) -> bool {
        self.tree.entry.locked.as_deref().is_some_and(|reason| match LockedBy::read(reason) {
            LockedBy::Session(id) => self.tree.sessions.iter().all(|session| session.id != id),
            LockedBy::EndedClaude => false,
            _ => true,
        })
    }
}
