//! `cs wt finish [NAME]`: show what is left of the work in a worktree, bring it home if told how, and take
//! the worktree away.

use super::removed;
use crate::cli::FinishArgs;
use crate::commands::report;
use crate::git::{How, State};
use crate::model::{Failure, Kind, Outcome, Result};
use crate::shell::quoted;
use crate::ui;
use crate::ui::count;
use crate::work::context::Context;
use crate::work::worktrees::finishing::{Left, Way};
use crate::work::worktrees::removing::Gone;
use crate::work::worktrees::tree;

/// How many commits are shown.
const SHOWN: usize = 20;

pub(super) fn run(context: &Context, args: &FinishArgs) -> Result<Outcome> {
    let how = match args {
        FinishArgs { merge: true, .. } => Some(How::Merge),
        FinishArgs { rebase: true, .. } => Some(How::Rebase),
        FinishArgs { squash: true, .. } => Some(How::Squash),
        _ => None,
    };
    if args.message.is_some() && !matches!(how, Some(How::Merge | How::Squash)) {
        return Err(Failure::usage("--message goes with --squash or --merge"));
    }
    let found = Left::find(context, args.name.as_deref(), args.onto.as_deref(), args.dry_run);
    let left = match (found, &args.name) {
        (Ok(left), _) => left,
        (Err(gone), Some(name)) if matches!(gone.kind, Kind::NotFound | Kind::DirectoryGone) => {
            return finish_removal(context, args, name, gone);
        }
        (Err(failure), _) => return Err(failure),
    };
    report::print(&shown(&left)?)?;
    match how {
        None => without(context, args, &left),
        Some(how) => with(context, args, how, &left),
    }
}

/// Finishes the removal of a worktree that is not there any more, where that was cut short: what it was removed after
/// is done. `missing` says that there is none.
fn finish_removal(context: &Context, args: &FinishArgs, name: &str, missing: Failure) -> Result<Outcome> {
    let is_there = tree::find(context, name).is_ok_and(|tree| !tree.is_gone());
    let gone = if is_there { None } else { Gone::find(context, name, args.onto.as_deref())? };
    let Some(gone) = gone else { return Err(missing) };
    if args.dry_run && matches!(gone, Gone::Half(_, Ok(_))) {
        report::say(&format!("would finish removing worktree '{name}'"));
        return Ok(Outcome::Done);
    }
    removed::say(&gone.finish(context)?);
    Ok(Outcome::Done)
}

/// Returns for a person: where it stands, the commits, the changes.
fn shown(left: &Left) -> Result<String> {
    let State { branch, onto, ahead, behind, .. } = &left.state;
    let on = branch.as_ref().map_or_else(|| "on no branch".into(), |branch| format!("on {branch}"));
    let mut text = format!("worktree '{}' {on}", left.tree.name());
    if let Some(onto) = onto {
        text.push_str(&format!(", for {}: {ahead} ahead, {behind} behind", onto.name));
    }
    if left.is_home() && !left.state.is_dirty() {
        text.push_str(", all merged");
    }
    let mut lines = vec![text];
    let commits = left.commits()?;
    let skipped = commits.len().saturating_sub(SHOWN);
    if skipped > 0 {
        lines.push(format!("  … {skipped} more"));
    }
    lines.extend(commits.iter().skip(skipped).map(|(id, subject)| format!("  {id}  {subject}")));
    if left.state.is_dirty() {
        lines.push(format!("  not committed: {}", tree::changes(&left.state)));
    }
    Ok(lines.iter().map(|line| format!("{}\n", ui::escape(line))).collect())
}

/// Brings nothing anywhere.
fn without(context: &Context, args: &FinishArgs, left: &Left) -> Result<Outcome> {
    left.refuse_unsaved()?;
    if args.keep {
        report::say("nothing is left to do");
    } else if args.dry_run {
        report::say(&format!("would remove worktree '{}'", left.tree.name()));
    } else {
        removed::say(&left.remove(context, false)?);
    }
    Ok(Outcome::Done)
}

/// Brings the work to where it belongs.
fn with(context: &Context, args: &FinishArgs, how: How, left: &Left) -> Result<Outcome> {
    let way = left.way(context, how, args.message.as_deref())?;
    if args.dry_run {
        say_what_would_be(args, how, left, &way);
        return Ok(Outcome::Done);
    }
    let onto = &way.onto.name;
    match left.bring(context, &way)? {
        None => report::say(&format!("nothing to bring: all of it is in {onto}")),
        Some(new) => {
            let what = count(usize::try_from(left.state.ahead).unwrap_or(usize::MAX), "commit");
            let how = match how {
                How::Merge => "merged",
                How::Rebase => "rebased",
                How::Squash => "squashed",
            };
            report::say(&format!("{how} {what} into {onto}, now at {}", new.get(..8).unwrap_or(&new)));
        }
    }
    if args.keep {
        return Ok(Outcome::Done);
    }
    if way.is_stood_in {
        let there = quoted(&left.tree.elsewhere());
        report::say(&format!(
            "the worktree stays, as you are in it; to remove it: cd {there} && cs wt rm {}",
            left.named()
        ));
        return Ok(Outcome::Done);
    }
    removed::say(&left.remove(context, true)?);
    Ok(Outcome::Done)
}

fn say_what_would_be(args: &FinishArgs, how: How, left: &Left, way: &Way) {
    let onto = &way.onto.name;
    report::say(&match how {
        _ if left.is_home() => format!("nothing to bring: all of it is in {onto}"),
        How::Merge => format!("would merge it into {onto}"),
        How::Rebase => format!("would put its commits on top of {onto}"),
        How::Squash => {
            format!("would make one commit of it on {onto}: {}", way.message.lines().next().unwrap_or(""))
        }
    });
    if !args.keep {
        report::say(&format!("would remove worktree '{}'", left.tree.name()));
    }
}
