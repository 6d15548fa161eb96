//! Emptying the trash.

use crate::model::{Age, Clock, Doubt, Failure, Result, StowedWorktree};
use crate::os;
use crate::store::{Piece, Store, Trashed, TrashedKind};
use crate::ui;
use crate::work::context::Context;
use crate::work::removal::{kept, say_left};
use crate::work::worktrees::away;

/// The result of removing things for good.
#[derive(Default)]
pub(crate) struct Emptied {
    /// The number of things that went.
    pub gone: usize,
    /// The space that frees.
    pub freed: u64,
    /// The last that was refused or failed.
    pub failed: Option<Failure>,
}

/// Removes `pieces` for good. One that cannot be is said, and keeps no other.
pub(crate) fn remove(context: &Context, pieces: &[Piece]) -> Result<Emptied> {
    let kept = kept(context)?;
    let store = context.store()?;
    let mut done = Emptied::default();
    for piece in pieces {
        let size = os::tree_size(piece.path()).bytes;
        let worktree = worktree_in(piece);
        let result = store.empty(piece, &kept).and_then(|left| {
            if left.is_empty() {
                forget_commits(context, worktree.as_ref());
                return Ok(());
            }
            say_left(context, &left);
            Err(Failure::failed(format!("not all of {} could be removed", piece.path().display()))
                .hint("what is left is finished by: cs trash empty"))
        });
        match result {
            Ok(()) => {
                done.gone += 1;
                done.freed += size;
            }
            Err(failure) => {
                // The last one is what the command ends with.
                if let Some(earlier) = done.failed.replace(failure) {
                    context.say(&earlier.message);
                }
            }
        }
    }
    Ok(done)
}

/// Returns the session whose worktree lies in a piece of trash, and what is known of that.
fn worktree_in(piece: &Piece) -> Option<(uuid::Uuid, StowedWorktree)> {
    let kept = Store::stowed_worktree(piece.path()).ok()??;
    let name = piece.path().file_name()?.to_str()?;
    let (id, _) = name.trim_start_matches("removing.").rsplit_once('-')?;
    Some((id.parse().ok()?, kept))
}

/// Lets go of the commits of a worktree that is removed for good. One whose repository is gone has none, and
/// where git fails `cs doctor` tells of them.
fn forget_commits(context: &Context, worktree: Option<&(uuid::Uuid, StowedWorktree)>) {
    let Some((id, kept)) = worktree else { return };
    if let Ok(repository) = away::repository_of(kept)
        && let Err(why) = context.umask.lifted(|| repository.forget(*id))
    {
        context.say(&format!("the commits of {} are still kept (git: {why})", kept.root));
    }
}

/// Returns the refusal to remove something for its age, where the clock is not believed.
pub(crate) fn doubted(doubt: &Doubt) -> Failure {
    Failure::refused(doubt.to_string())
        .hint("set the clock")
        .hint("if it is right, remove by name: cs rm NAME, cs trash empty NAME")
}

/// Tells of things in the trash that stay because the clock was off when they were removed.
pub(crate) fn say_undated(context: &Context, number: usize) {
    if number > 0 {
        let things = ui::count(number, "thing");
        context.say(&format!(
            "{things} went to the trash while the clock was off, so their age is unknown: cs trash empty NAME"
        ));
    }
}

/// Returns what is to go: all that is known, or what has these names or ids, and is old enough. Something half
/// removed goes in any case, if nothing is named. Refuses to go by the age where the clock is not believed.
pub(crate) fn chosen(
    context: &Context,
    pieces: Vec<Piece>,
    names: &[String],
    older_than: Option<Age>,
) -> Result<Vec<Piece>> {
    let clock = older_than.map(|_| context.clock()).transpose()?;
    let (mut is_held_back, mut undated) = (false, 0);
    let mut is_old = |removed: jiff::Timestamp| {
        let (Some(clock), Some(age)) = (&clock, older_than) else { return true };
        if clock.keeps(age, removed) {
            is_held_back |= clock.doubt().is_some();
            undated += usize::from(clock.doubt().is_none());
        }
        clock.has_reached(age, removed)
    };
    let is_called = |trashed: &Trashed, name: &str| {
        trashed.name().as_str().eq_ignore_ascii_case(name)
            || matches!(&trashed.kind, TrashedKind::Session(session) if session.id.to_string() == name)
    };
    for name in names {
        if !pieces.iter().any(|piece| matches!(piece, Piece::Whole(trashed) if is_called(trashed, name))) {
            return Err(Failure::not_found(format!("there is no '{name}' in the trash"))
                .hint("to see what is: cs trash"));
        }
    }
    let wanted = |piece: &Piece| match piece {
        Piece::Whole(trashed) => {
            (names.is_empty() || names.iter().any(|name| is_called(trashed, name))) && is_old(trashed.removed)
        }
        Piece::Half { .. } => names.is_empty(),
        Piece::Unknown { .. } => false,
    };
    let chosen = pieces.into_iter().filter(wanted).collect();
    if let Some(doubt) = clock.as_ref().and_then(Clock::doubt).filter(|_| is_held_back) {
        return Err(doubted(doubt));
    }
    say_undated(context, undated);
    Ok(chosen)
}
