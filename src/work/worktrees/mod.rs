//! `cs -w NAME`: a session in a git worktree of its own, where Claude puts them too.
//!
//! The name is claimed first, then the worktree is made, then the session is published: cut short anywhere,
//! there is nothing, or a worktree without a session, which the next `cs -w NAME` takes over.

pub(crate) mod away;
pub(crate) mod clearing;
pub(crate) mod finishing;
pub(crate) mod listing;
pub(crate) mod removing;
mod target;
pub(crate) mod tree;

use std::path::Path;

use crate::git::{self, Beginning, Checkout, Hooks, LockedBy, Making, Repository};
use crate::model::{Failure, Isolation, Name, Profile, Result, Session, WorktreeChange};
use crate::os;
use crate::work::context::Context;
use crate::work::directory;
use crate::work::worktrees::target::{
    Taken, checked_out, entry_at, hold, is_free, locked, no_links, other_branch, said,
};

pub(crate) use crate::work::worktrees::target::{Branches, Made, Spot, Target};

/// The names that new sessions in worktrees of a repository are given.
pub(crate) struct Names {
    /// The first of them, made from the repository's directory.
    pub base: Name,
    taken: Option<Taken>,
}

impl Names {
    /// Returns those of the repository of the current directory; outside of one, those of the directory. With a
    /// `branch` that a person named, those named like worktrees are no obstacle.
    pub(crate) fn here(context: &Context, branch: Option<&str>) -> Result<Self> {
        let current = context.current_directory()?;
        let spot = Spot::of(&current)?;
        let path = spot.as_ref().map_or(current.as_path(), |spot| &spot.repository.main);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let base = Name::suggest(name.strip_suffix(".git").unwrap_or(&name));
        Ok(Self { base, taken: spot.map(|spot| Taken::new(spot, branch.is_none())) })
    }

    /// Returns true if a worktree, or a branch, has the name already: somebody gave it that, for something.
    pub(crate) fn are_taken(&mut self, name: &Name) -> Result<bool> {
        self.taken.as_mut().map_or(Ok(false), |taken| taken.has(name))
    }
}

/// Returns the hooks that run in the checkout at `root` when a person has something made there: none, which is said, if
/// they lie among files that a sandbox can write. Refused in a repository that a sandbox can have made.
pub(crate) fn hooks(context: &Context, repository: &Repository, root: &Path) -> Result<Hooks> {
    refuse_planted(context, repository)?;
    let Some(place) = repository.hooks_in_tree(root)? else { return Ok(Hooks::Run) };
    let is_one = |session: &Session| {
        let directory = directory::real(session.directory());
        session.isolation == Isolation::Sandbox
            && [root, &repository.main, &repository.common].iter().any(|place| directory.starts_with(place))
    };
    if !tree::sessions(context)?.iter().any(is_one) {
        return Ok(Hooks::Run);
    }
    context.say(&format!(
        "the hooks of git are not run: they are in {}, where a sandbox can write",
        place.display()
    ));
    Ok(Hooks::Off)
}

/// Refuses a repository inside of another checkout in which a sandbox works: its settings and hooks are whatever that
/// wrote.
fn refuse_planted(context: &Context, repository: &Repository) -> Result<()> {
    let mut above = repository.main.ancestors().skip(1);
    if !above.any(|above| os::exists(&above.join(".git"))) {
        return Ok(());
    }
    let can_write = |session: &&Session| {
        let directory = directory::real(session.directory());
        let Some(checkout) = Checkout::of(&directory) else {
            return repository.common.starts_with(directory);
        };
        // Its own, and those of its submodules, it can only read.
        repository.common.starts_with(&checkout.root) && !repository.common.starts_with(checkout.git_dir())
    };
    let sessions = tree::sessions(context)?;
    let mut sandboxes = sessions.iter().filter(|session| session.isolation == Isolation::Sandbox);
    match sandboxes.find(can_write) {
        None => Ok(()),
        Some(session) => Err(Failure::refused(format!(
            "the repository {} is where sandbox '{}' can write, so cs has git make nothing in it",
            repository.main.display(),
            session.name
        ))
        .hint(format!(
            "look at {} and its hooks, then: git worktree add",
            repository.common.join("config").display()
        ))),
    }
}

/// Makes a repository with an empty first commit in `directory`.
pub(crate) fn make_repository(context: &Context, directory: &Path) -> Result<()> {
    context
        .umask
        .lifted(|| git::init(directory))
        .map_err(|why| Failure::failed(format!("cannot make a repository in {}: {why}", directory.display())))
}

/// Refuses a session that exists unless it works in a worktree, on the branch of `branches`, of the repository one is in.
/// Returns the worktree where something is to be done to it before ([`get_ready`]): it is gone, or nobody holds it.
pub(crate) fn agree(context: &Context, session: &Session, branches: Branches<'_>) -> Result<Option<Target>> {
    let name = &session.name;
    let other = || format!("for a worktree give it another name: cs -w {}", name.numbered(2));
    let Some(tree) = session.worktree.as_deref() else {
        return Err(Failure::refused(format!(
            "session '{name}' has no worktree of its own: it works in {}",
            session.directory
        ))
        .hint(format!("to open it there: cs {name}"))
        .hint(other()));
    };
    let place = Spot::of(&context.current_directory()?)?;
    let repository = directory::real(tree.repository());
    if place.as_ref().is_none_or(|place| place.repository.main != repository) {
        return Err(Failure::refused(format!(
            "session '{name}' works in a worktree of another repository: {}",
            tree.repository
        ))
        .hint(format!("to open it: cs {name}"))
        .hint(other()));
    }
    if branches.from.is_some() {
        return Err(Failure::refused(format!("session '{name}' has its worktree already: {}", tree.root))
            .hint(format!("to open it: cs -w {name}")));
    }
    let known = place.as_ref().and_then(|place| entry_at(&place.worktrees, tree.root()).cloned());
    let branch = known.as_ref().map_or(tree.branch.as_deref(), |entry| entry.branch.as_deref());
    if let Some(other) = branches.branch
        && Some(other) != branch
    {
        return Err(other_branch(tree.root(), branch, other));
    }
    if !tree.root().is_dir() {
        return again(session).map(Some);
    }
    let Some((spot, entry)) = place.zip(known) else { return Ok(None) };
    if !is_free(entry.locked.as_deref()) {
        return Ok(None);
    }
    let directory = session.directory().to_path_buf();
    Ok(Some(Target { spot, making: None, record: tree.clone(), locked: entry.locked, directory }))
}

/// Returns what [`get_ready`] does.
pub(crate) fn preview(context: &Context, target: &Target) -> Result<WorktreeChange> {
    let change = target.change(context)?;
    // What is copied is copied when it is made.
    Ok(if target.making.is_some() { change } else { WorktreeChange { copied: Vec::new(), ..change } })
}

/// Makes the worktree of a session that exists again, where it is gone; else locks it for the session.
pub(crate) fn get_ready(
    context: &Context,
    target: &Target,
    session: &Session,
    profile: &Profile,
) -> Result<()> {
    if target.making.is_none() {
        hold(context, &target.spot.repository, target.locked.as_deref(), target.record.root(), session);
        return Ok(());
    }
    target.make(context)?.keep();
    context.say(&format!(
        "made the worktree of '{}' again, from {}",
        session.name,
        target.record.branch.as_deref().unwrap_or("its last commit")
    ));
    target.settle(context, session);
    target.set_up(context, session, profile);
    Ok(())
}

/// Makes the worktree of a session again, if it has one.
pub(crate) fn make_again(context: &Context, session: &Session, profile: &Profile) -> Result<()> {
    if session.worktree.is_none() {
        return Ok(());
    }
    get_ready(context, &again(session)?, session, profile)
}

/// Returns the worktree of a session whose directory is gone, to be made again: from its branch, with what git does not
/// keep of the work lost. Refused where the branch is gone, or checked out elsewhere.
fn again(session: &Session) -> Result<Target> {
    let name = &session.name;
    let tree = session.worktree.as_deref();
    let tree = tree.ok_or_else(|| Failure::failed(format!("session '{name}' has no worktree")))?;
    let root = tree.root();
    let Some(place) = Spot::of(tree.repository())? else {
        return Err(Failure::refused(format!(
            "the repository of session '{name}' is gone: {}",
            tree.repository
        ))
        .hint(format!("to go on somewhere else: cs --dir DIRECTORY {name}")));
    };
    no_links(&place.repository, root)?;
    let known = entry_at(&place.worktrees, root);
    if let Some(reason) = known.and_then(|entry| entry.locked.as_deref()) {
        match LockedBy::read(reason) {
            LockedBy::Session(id) if id == session.id => {}
            LockedBy::EndedClaude => {}
            _ => return Err(locked(root, reason)),
        }
    }
    let branch = known.and_then(|entry| entry.branch.clone()).or_else(|| tree.branch.clone());
    let beginning = match (branch, known.and_then(|entry| entry.head.clone())) {
        (Some(branch), _) => {
            if let Some(other) = place
                .worktrees
                .iter()
                .find(|entry| entry.path != root && entry.branch.as_deref() == Some(&branch))
            {
                return Err(checked_out(&branch, other));
            }
            if said(place.repository.branch_like(&branch))?.as_ref() != Some(&branch) {
                return Err(Failure::refused(format!("the branch of session '{name}' is gone: {branch}"))
                    .hint(format!("if you know its last commit: git branch {branch} COMMIT"))
                    .hint(format!("to go on somewhere else: cs --dir DIRECTORY {name}")));
            }
            Beginning::Branch(branch)
        }
        (None, Some(commit)) => Beginning::Commit(commit),
        (None, None) => {
            return Err(Failure::refused(format!(
                "there is no telling what was checked out in {}",
                root.display()
            ))
            .hint(format!("to go on somewhere else: cs --dir DIRECTORY {name}")));
        }
    };
    let making = Making { root: root.to_path_buf(), beginning, again: known.is_some() };
    Ok(Target {
        directory: session.directory().to_path_buf(),
        making: Some(making),
        record: tree.clone(),
        locked: None,
        spot: place,
    })
}
