//! `cs wt finish [NAME]`: show what is left of the work in a worktree, bring it home if told how, and take
//! the worktree away.

use super::rm;
use crate::cli::FinishArgs;
use crate::commands::report;
use crate::git::{Bring, How, Onto, State, Stuck};
use crate::model::{Failure, Kind, Outcome, Result};
use crate::ui;
use crate::work::context::Context;
use crate::work::worktrees::tree::{self, Stays, Tree, quoted};

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
    let tree = match &args.name {
        Some(name) => tree::find(context, name)?,
        None => tree::around(context)?.ok_or_else(|| {
            Failure::usage("you are in no worktree, so say which one").hint("cs wt finish NAME")
        })?,
    };
    let name = tree.name();
    if tree.is_gone() {
        return Err(Failure::of(
            Kind::DirectoryGone,
            format!("the worktree is gone: {}", tree.root().display()),
        )
        .hint(format!("to have git forget it: cs wt rm {name}")));
    }
    let state = tree.state(args.onto.as_deref())?;
    if let Some(wanted) = &args.onto
        && state.onto.as_ref().is_none_or(|onto| onto.name != *wanted)
    {
        return Err(Failure::not_found(format!("there is no branch '{wanted}' that it could go to")));
    }
    let left = Left { tree: &tree, state: &state, is_asked: args.onto.is_some() };
    report::print(&left.shown()?)?;
    let name_of_it = args.name.clone().unwrap_or_else(|| name.clone());
    let Some(how) = how else { return left.without(context, args, &name_of_it) };
    left.with(context, args, how, &name_of_it)
}

/// What is left in a worktree.
struct Left<'a> {
    tree: &'a Tree,
    state: &'a State,
    /// A person said where the work goes.
    is_asked: bool,
}

impl Left<'_> {
    /// For a person: where it stands, the commits, the changes.
    fn shown(&self) -> Result<String> {
        let State { branch, onto, ahead, behind, .. } = self.state;
        let on = branch.as_ref().map_or_else(|| "on no branch".into(), |branch| format!("on {branch}"));
        let mut text = format!("worktree '{}' {on}", self.tree.name());
        if let Some(onto) = onto {
            text.push_str(&format!(", for {}: {ahead} ahead, {behind} behind", onto.name));
        }
        if self.is_home() && !self.state.is_dirty() {
            text.push_str(", all merged");
        }
        let mut lines = vec![text];
        if let Some((onto, head)) = onto.as_ref().zip(self.state.head.as_ref()).filter(|_| !self.is_home()) {
            let commits = self.tree.repository.commits(&onto.commit, head)?;
            let skipped = commits.len().saturating_sub(SHOWN);
            if skipped > 0 {
                lines.push(format!("  … {skipped} more"));
            }
            lines.extend(commits.iter().skip(skipped).map(|(id, subject)| format!("  {id}  {subject}")));
        }
        if self.state.is_dirty() {
            lines.push(format!("  not committed: {}", tree::changes(self.state)));
        }
        Ok(lines.iter().map(|line| format!("{}\n", ui::escape(line))).collect())
    }

    /// Whether there is nothing to bring to where it belongs.
    fn is_home(&self) -> bool {
        self.state.ahead == 0 || (self.state.merged && !self.is_asked)
    }

    /// Nothing is brought anywhere.
    fn without(&self, context: &Context, args: &FinishArgs, name: &str) -> Result<Outcome> {
        let unfinished = self.tree.unfinished(self.state);
        if let Some(stays) = unfinished.or_else(|| self.unsaved(name)) {
            return Err(stays.failure(&self.tree.name()));
        }
        if args.keep {
            report::say("nothing is left to do");
            return Ok(Outcome::Done);
        }
        if args.dry_run {
            report::say(&format!("would remove worktree '{}'", self.tree.name()));
            return Ok(Outcome::Done);
        }
        rm::remove(context, self.tree, false, false)?.say();
        Ok(Outcome::Done)
    }

    fn unsaved(&self, name: &str) -> Option<Stays> {
        if self.state.is_dirty() {
            let place = quoted(self.tree.root());
            let mut stays = Stays::new(
                format!("not all is committed: {}", tree::changes(self.state)),
                format!("commit it first: cd {place}"),
            );
            stays.hints.push(format!(
                "or remove it with that, which cs restore brings back: cs wt rm --force {name}"
            ));
            return Some(stays);
        }
        if self.state.merged {
            return None;
        }
        let onto = self.state.onto.as_ref().map_or("anything", |onto| onto.name.as_str());
        let commits = ui::count(usize::try_from(self.state.ahead).unwrap_or(usize::MAX), "commit");
        let mut stays = Stays::new(
            format!("{commits} not merged into {onto}"),
            format!("to bring them there: cs wt finish {name} --merge (or --rebase, --squash)"),
        );
        stays.hints.push(if self.state.alone == 0 {
            format!("they are on another branch too; to remove it without: cs wt rm {name}")
        } else {
            format!("to remove it with them, which cs restore brings back: cs wt rm --force {name}")
        });
        Some(stays)
    }

    /// The work is brought to where it belongs.
    fn with(&self, context: &Context, args: &FinishArgs, how: How, name: &str) -> Result<Outcome> {
        let (tree, state) = (self.tree, self.state);
        let refuse = |stays: Stays| Err(stays.failure(&tree.name()));
        if let Some(stays) = tree.unfinished(state) {
            return refuse(stays);
        }
        if let Some(stays) = Some(state).filter(|state| state.is_dirty()).and_then(|_| self.unsaved(name)) {
            return refuse(stays);
        }
        let in_use = tree.held(context)?;
        let by_others = |stays: &&Stays| !stays.standing;
        if let Some(stays) = in_use.as_ref().filter(by_others) {
            return refuse(stays.clone());
        }
        let Some((onto, head)) = state.onto.as_ref().zip(state.head.as_deref()) else {
            return Err(Failure::refused("there is no branch that it came from")
                .hint(format!("say where it goes: cs wt finish {name} --onto BRANCH …")));
        };
        if onto.reference != format!("refs/heads/{}", onto.name) && !self.is_home() {
            return Err(Failure::refused(format!(
                "there is no branch '{}' here, only the remote's",
                onto.name
            ))
            .hint(format!("make it: git branch {} {}", onto.name, onto.reference)));
        }
        let message = self.message(args, how, onto, head)?;
        if args.dry_run {
            self.say_what_would_be(args, how, onto, &message);
            return Ok(Outcome::Done);
        }
        let mut locks = Vec::new();
        for session in &tree.sessions {
            locks.push(context.store()?.lock_session(session)?);
        }
        if self.is_home() {
            report::say(&format!("nothing to bring: all of it is in {}", onto.name));
        } else {
            let bring = Bring {
                root: tree.root(),
                branch: state.branch.as_deref(),
                head,
                onto: &onto.name,
                how,
                message: &message,
            };
            let done = context.umask.lifted(|| tree.repository.bring(&bring));
            let new = done.map_err(|stuck| self.stuck(&stuck, onto, how))?;
            let what = ui::count(usize::try_from(state.ahead).unwrap_or(usize::MAX), "commit");
            let how = match how {
                How::Merge => "merged",
                How::Rebase => "rebased",
                How::Squash => "squashed",
            };
            report::say(&format!("{how} {what} into {}, now at {}", onto.name, new.get(..8).unwrap_or(&new)));
        }
        drop(locks);
        if args.keep {
            return Ok(Outcome::Done);
        }
        if in_use.is_some() {
            let there = quoted(&tree.elsewhere());
            report::say(&format!(
                "the worktree stays, as you are in it; to remove it: cd {there} && cs wt rm {name}"
            ));
            return Ok(Outcome::Done);
        }
        rm::remove(context, tree, false, true)?.say();
        Ok(Outcome::Done)
    }

    /// The message of the commit that is made.
    fn message(&self, args: &FinishArgs, how: How, onto: &Onto, head: &str) -> Result<String> {
        if let Some(message) = &args.message {
            return Ok(message.clone());
        }
        let repository = &self.tree.repository;
        let own = self.state.branch.clone().unwrap_or_else(|| self.tree.name());
        if how == How::Merge {
            return Ok(match onto.name.as_str() {
                // As git has it.
                "main" | "master" => format!("Merge branch '{own}'"),
                onto => format!("Merge branch '{own}' into {onto}"),
            });
        }
        let commits = repository.commits(&onto.commit, head)?;
        let subjects: Vec<&str> = commits.iter().map(|(_, subject)| subject.as_str()).collect();
        match subjects[..] {
            [_] => Ok(repository.message(head)?),
            [first, ..] => {
                let list: String = subjects.iter().map(|subject| format!("* {subject}\n")).collect();
                Ok(format!("{first}\n\n{list}"))
            }
            [] => Ok(own),
        }
    }

    fn say_what_would_be(&self, args: &FinishArgs, how: How, onto: &Onto, message: &str) {
        let onto = &onto.name;
        report::say(&match how {
            _ if self.is_home() => format!("nothing to bring: all of it is in {onto}"),
            How::Merge => format!("would merge it into {onto}"),
            How::Rebase => format!("would put its commits on top of {onto}"),
            How::Squash => {
                format!("would make one commit of it on {onto}: {}", message.lines().next().unwrap_or(""))
            }
        });
        if !args.keep {
            report::say(&format!("would remove worktree '{}'", self.tree.name()));
        }
    }

    /// Why nothing was brought anywhere.
    fn stuck(&self, stuck: &Stuck, onto: &Onto, how: How) -> Failure {
        let (name, onto, place) = (self.tree.name(), &onto.name, quoted(self.tree.root()));
        let named = |files: &[String]| {
            const MOST: usize = 3;
            let mut text = files[..files.len().min(MOST)].join(", ");
            if files.len() > MOST {
                text.push_str(&format!(" and {} more", files.len() - MOST));
            }
            text
        };
        match stuck {
            Stuck::Conflict(files) => {
                let what = if how == How::Rebase { "rebase" } else { "merge" };
                Failure::refused(format!("worktree '{name}' and {onto} conflict in {}", named(files)))
                    .hint("nothing was changed")
                    .hint(format!("to solve it in the worktree: git -C {place} {what} {onto}"))
                    .hint(format!("then again: cs wt finish {name} --merge"))
            }
            Stuck::Untracked(files) => Failure::refused(format!(
                "{onto} has files that are not tracked in worktree '{name}', and would be overwritten: {}",
                named(files)
            ))
            .hint("nothing was changed; move them away first"),
            Stuck::InTheWay(checkout, files) => Failure::refused(format!(
                "{onto} has changes in the way in {}: {}",
                checkout.display(),
                named(files)
            ))
            .hint("nothing was changed; commit or stash them there first"),
            Stuck::Git(error) => Failure::from(error.clone()).hint("nothing was changed"),
        }
    }
}
