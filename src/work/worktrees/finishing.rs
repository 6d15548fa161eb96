//! Finishing the work in a worktree: what is left of it, and bringing it to where it belongs.

use crate::git::{Bring, How, Onto, Resumed, State, Stuck};
use crate::model::{Failure, Kind, Result};
use crate::shell::quoted;
use crate::ui::count;
use crate::work::context::Context;
use crate::work::worktrees;
use crate::work::worktrees::removing::{self, Removed};
use crate::work::worktrees::tree::{self, Stays, Tree};

/// The work that is left in a worktree.
pub(crate) struct Left {
    /// The worktree.
    pub tree: Tree,
    /// The state of its work.
    pub state: State,
    /// The name that a person gave it.
    named: String,
    /// A person said where the work goes.
    is_asked: bool,
}

/// The way in which work will be brought to where it belongs: nothing stands in it.
pub(crate) struct Way {
    /// The branch it goes to.
    pub onto: Onto,
    /// The message of the commit that is made.
    pub message: String,
    how: How,
    head: String,
    /// The worktree cannot be taken away afterwards: the one who asks is in it.
    pub is_stood_in: bool,
}

/// Puts a worktree back on its branch, where an earlier `cs wt finish` was ended when it was on none. Refuses
/// that where somebody went on in it.
fn resume(context: &Context, tree: &Tree) -> Result<()> {
    let mut locks = Vec::new();
    for session in &tree.sessions {
        locks.push(context.store()?.lock_session(session)?);
    }
    let hooks = worktrees::hooks(context, &tree.repository, tree.root())?;
    match context.umask.lifted(|| tree.repository.resume(tree.root(), hooks))? {
        Resumed::Nothing => {}
        Resumed::BackOn(branch) => {
            context.say(&format!("an earlier finish was ended; the worktree is on {branch} again"));
        }
        Resumed::Changed(branch) => {
            let place = quoted(tree.root());
            return Err(Failure::refused(format!(
                "an earlier finish of worktree '{}' was ended, and there are changes in it since",
                tree.name()
            ))
            .hint(format!("to see them: git -C {place} status"))
            .hint(format!(
                "to give them up, and be on its branch again: git -C {place} switch -f {}",
                quoted(branch.as_ref())
            )));
        }
    }
    Ok(())
}

impl Left {
    /// Returns what is left in the worktree `name`, or the one that somebody is in. The work goes to the branch
    /// `onto`, or to the one it came from. Where an earlier finish was ended in the middle, the worktree is put back on
    /// its branch, unless this is a dry run.
    pub(crate) fn find(
        context: &Context,
        name: Option<&str>,
        onto: Option<&str>,
        dry_run: bool,
    ) -> Result<Self> {
        let tree = match name {
            Some(name) => tree::find(context, name)?,
            None => tree::around(context)?.ok_or_else(|| {
                Failure::usage("you are in no worktree, so say which one").hint("cs wt finish NAME")
            })?,
        };
        if tree.is_gone() {
            return Err(Failure::of(
                Kind::DirectoryGone,
                format!("the worktree is gone: {}", tree.root().display()),
            )
            .hint(format!("to have git forget it: cs wt rm {}", tree.name())));
        }
        let mut state = tree.state(onto)?;
        if state.unfinished == Some(State::FINISH) && !dry_run {
            resume(context, &tree)?;
            state = tree.state(onto)?;
        }
        if let Some(wanted) = onto
            && state.onto.as_ref().is_none_or(|onto| onto.name != wanted)
        {
            return Err(Failure::not_found(format!("there is no branch '{wanted}' that it could go to")));
        }
        let named = name.map_or_else(|| tree.name(), str::to_owned);
        Ok(Self { tree, state, named, is_asked: onto.is_some() })
    }

    /// Returns what a person called it.
    pub(crate) fn named(&self) -> &str {
        &self.named
    }

    /// Returns the commits that are nowhere else, oldest first: the id, and the subject.
    pub(crate) fn commits(&self) -> Result<Vec<(String, String)>> {
        let ends = self.state.onto.as_ref().zip(self.state.head.as_ref()).filter(|_| !self.is_home());
        let Some((onto, head)) = ends else { return Ok(Vec::new()) };
        Ok(self.tree.repository.commits(&onto.commit, head)?)
    }

    /// Returns true if there is nothing to bring to where it belongs.
    pub(crate) fn is_home(&self) -> bool {
        self.state.ahead == 0 || (self.state.merged && !self.is_asked)
    }

    /// Refuses to take it away as long as anything in it would be missed.
    pub(crate) fn refuse_unsaved(&self) -> Result<()> {
        self.refuse(self.tree.unfinished(&self.state).or_else(|| self.unsaved()))
    }

    fn refuse(&self, stays: Option<Stays>) -> Result<()> {
        stays.map_or(Ok(()), |stays| Err(stays.failure(&self.tree.name())))
    }

    fn unsaved(&self) -> Option<Stays> {
        let name = &self.named;
        if self.state.is_dirty() {
            let place = quoted(self.tree.root());
            let mut stays = Stays::new(
                format!("not all is committed: {}", tree::changes(&self.state)),
                format!("commit it first: cd {place}"),
            );
            stays.hints.extend(tree::unknown(&self.state));
            stays.hints.push(format!(
                "or remove it with that, which cs restore brings back: cs wt rm --force {name}"
            ));
            return Some(stays);
        }
        if self.state.merged {
            return None;
        }
        let onto = self.state.onto.as_ref().map_or("anything", |onto| onto.name.as_str());
        let commits = count(usize::try_from(self.state.ahead).unwrap_or(usize::MAX), "commit");
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

    /// Returns the way the work will be brought to where it belongs, with `message` or one of its own. Fails with
    /// what stands in it. Changes nothing.
    pub(crate) fn way(&self, context: &Context, how: How, message: Option<&str>) -> Result<Way> {
        let (tree, state, name) = (&self.tree, &self.state, &self.named);
        self.refuse(tree.unfinished(state))?;
        if state.is_dirty() {
            self.refuse(self.unsaved())?;
        }
        let in_use = tree.held(context)?;
        let is_stood_in = in_use.is_some();
        self.refuse(in_use.filter(|stays| !stays.standing))?;
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
        let message = match message {
            Some(message) => message.to_owned(),
            None => self.message(how, onto, head)?,
        };
        Ok(Way { onto: onto.clone(), message, how, head: head.to_owned(), is_stood_in })
    }

    /// Brings the work to where it belongs, under the locks of its sessions. Returns the commit that is there
    /// then; `None` where all of it was there.
    pub(crate) fn bring(&self, context: &Context, way: &Way) -> Result<Option<String>> {
        let tree = &self.tree;
        let mut locks = Vec::new();
        for session in &tree.sessions {
            locks.push(context.store()?.lock_session(session)?);
        }
        if self.is_home() {
            return Ok(None);
        }
        let bring = Bring {
            root: tree.root(),
            branch: self.state.branch.as_deref(),
            head: &way.head,
            onto: &way.onto.name,
            how: way.how,
            message: &way.message,
            hooks: worktrees::hooks(context, &tree.repository, tree.root())?,
        };
        let done = context.umask.lifted(|| tree.repository.bring(&bring));
        done.map(Some).map_err(|stuck| self.stuck(&stuck, &way.onto, way.how))
    }

    /// Takes the worktree away; with `is_home` its commits were brought home just now.
    pub(crate) fn remove(&self, context: &Context, is_home: bool) -> Result<Removed> {
        removing::remove(context, &self.tree, false, is_home)
    }

    /// Returns the message of the commit that is made where nobody gives one.
    fn message(&self, how: How, onto: &Onto, head: &str) -> Result<String> {
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

    /// Returns why nothing was brought anywhere.
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
