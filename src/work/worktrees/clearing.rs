//! Worktrees that can go: those whose work is done.

use crate::git::State;
use crate::model::{Age, Clock, Result};
use crate::work::cleanup::{GRACE, last_used};
use crate::work::context::Context;
use crate::work::history;
use crate::work::removal::paths_of;
use crate::work::worktrees::listing;
use crate::work::worktrees::tree::{Measured, Tree};

/// A worktree, and the judgement on it.
pub(crate) struct Judged {
    /// The worktree.
    pub tree: Tree,
    /// When it, or a session in it, was last used.
    pub used: Option<jiff::Timestamp>,
    /// The space it takes.
    pub bytes: u64,
    /// The reason that it stays; `None` where it can go.
    pub stays: Option<String>,
}

impl Judged {
    /// Returns why it can go.
    pub(crate) fn why(&self) -> &'static str {
        if self.tree.is_gone() { "its directory is gone" } else { "all of it is merged" }
    }
}

/// Judges the worktrees of this repository, or of every one that a session works in. Those used within `older_than`
/// stay. `at` is told how far that is. Changes nothing.
pub(crate) fn judge_all(
    context: &Context,
    all: bool,
    older_than: Option<Age>,
    at: impl FnMut(&str),
) -> Result<Vec<Judged>> {
    let (_, measured) = listing::measured(context, all, at)?;
    let clock = context.clock()?;
    measured.into_iter().map(|(tree, measured)| judge(context, tree, &measured, older_than, &clock)).collect()
}

fn judge(
    context: &Context,
    tree: Tree,
    measured: &Measured,
    older_than: Option<Age>,
    clock: &Clock,
) -> Result<Judged> {
    let mut used = None;
    for session in &tree.sessions {
        let (paths, profile) = paths_of(context, session)?;
        let ground = history::ground_left(context.store()?, session, &paths, profile.as_ref());
        used = used.max(Some(last_used(context, session, &paths, &ground)?));
    }
    // What is committed or checked out by hand is use as well.
    let log = tree.git_dir().and_then(|dir| dir.join("logs/HEAD").metadata().ok()?.modified().ok());
    used = used.max(log.and_then(|time| jiff::Timestamp::try_from(time).ok()));
    let stays = stays(context, &tree, &measured.state, used, older_than, clock)?;
    Ok(Judged { tree, used, bytes: measured.bytes, stays })
}

fn stays(
    context: &Context,
    tree: &Tree,
    state: &Result<State, String>,
    used: Option<jiff::Timestamp>,
    older_than: Option<Age>,
    clock: &Clock,
) -> Result<Option<String>> {
    // What a person made by hand is theirs to take away.
    if !tree.root().parent().is_some_and(|room| room.ends_with(".claude/worktrees")) {
        return Ok(Some("it is not in .claude/worktrees".into()));
    }
    if tree.sessions.is_empty() {
        return Ok(Some("it has no session".into()));
    }
    if let Some(stays) = tree.held(context)? {
        return Ok(Some(stays.why));
    }
    if !tree.is_gone() {
        let state = match state {
            Ok(state) => state,
            Err(why) => return Ok(Some(format!("git: {why}"))),
        };
        if let Some(stays) = tree.unfinished(state).or_else(|| tree.unsaved(state)) {
            return Ok(Some(stays.why));
        }
        if !state.merged {
            return Ok(Some("its commits are not merged".into()));
        }
    }
    let is_old = |age: Age| used.is_none_or(|used| clock.has_reached(age, used));
    let Some(age) = [Some(GRACE), older_than].into_iter().flatten().find(|age| !is_old(*age)) else {
        return Ok(None);
    };
    Ok(Some(match (clock.doubt(), used) {
        (Some(doubt), _) => doubt.to_string(),
        (None, Some(used)) if clock.keeps(age, used) => {
            format!("its last use was noted while the clock was off ({})", used.strftime("%Y-%m-%d"))
        }
        (None, _) => format!("it was used less than {age} ago"),
    }))
}
