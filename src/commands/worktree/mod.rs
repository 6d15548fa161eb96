//! `cs -w NAME`: a session in a git worktree of its own, where Claude puts them too.
//!
//! The name is claimed first, then the worktree is made, then the session is published: cut short anywhere,
//! there is nothing, or a worktree without a session, which the next `cs -w NAME` takes over.

mod target;

use std::ffi::OsString;
use std::path::Path;

use self::target::{Somebodys, checked_out, entry_at, hold, locked, no_links, other_branch, said};
use super::context::Context;
use super::inside::{self, Inside};
use super::launch::{self, Manner, Planned};
use super::{directory, dry_run, open, ports, report, scene};
use crate::claude::Start;
use crate::cli::StartOptions;
use crate::git::{self, Beginning, LockedBy, Making};
use crate::model::{Failure, Kind, Name, Outcome, Profile, Result, Session};
use crate::store::{self, Claim};
use crate::ui;

pub(super) use self::target::{Spot, Target, Wanted};

/// Makes a session in a worktree of its own, and starts Claude in it, as far as `options` say so.
pub(super) fn create_and_start(
    context: &Context,
    options: &StartOptions,
    name: &Name,
    arguments: Vec<OsString>,
) -> Result<Outcome> {
    let Some(spot) = Spot::of(&directory::current_directory()?)? else {
        return without_git(context, options, name, arguments);
    };
    refuse_taken(context, name)?;
    let inside = Inside::wanted(options);
    if inside.is_some() {
        inside::check(context, name, &arguments)?;
    }
    let target = Target::find(context, spot, name, Wanted::of(options))?;
    let (session, profile) = open::describe(context, options, name)?;
    let session = target.described(session)?;
    if options.dry_run {
        let session = ports::expected(context, session)?;
        let included = target.included();
        let planned = plan(context, &session, &profile, arguments)?;
        let shown = target.shown(context, &included)?;
        return dry_run::print_plan_of_worktree(context, planned.plan(), options.json, &shown);
    }
    if !options.no_open {
        // A checkout can take minutes: what stops the launch anyway is said before.
        scene::claude_program(context)?;
    }
    let store = context.store()?;
    let mut draft = ports::draft(context, session)?;
    let session = draft.session().clone();
    if let Err(failure) = store.reserve(&mut draft) {
        store.discard(draft);
        return Err(failure);
    }
    let made = match target.make(context) {
        Ok(made) => made,
        Err(failure) => {
            store.discard(draft);
            return Err(failure);
        }
    };
    let planned = if options.no_open {
        None
    } else {
        match plan(context, &session, &profile, arguments) {
            Ok(planned) => Some(planned),
            Err(failure) => {
                store.discard(draft);
                return Err(made.undone(failure));
            }
        }
    };
    let lock = store.publish(draft).map_err(|failure| made.undone(failure))?;
    target.settle(context, &session);
    // Before what may take long: who ends that should know what there is.
    let about = target.about(&session, &profile);
    if planned.is_none() {
        report::say(&format!("made {about}"));
    } else if ui::can_ask() {
        report::say(&format!("new {about}"));
    }
    target.set_up(context, &session, &profile);
    match planned {
        None => Ok(Outcome::Done),
        Some(planned) => planned.shown_inside(inside).start(context, Some(lock)),
    }
}

/// Refuses a name that somebody has, before anything is looked at that is meant for a new one.
pub(super) fn refuse_taken(context: &Context, name: &Name) -> Result<()> {
    match context.store()?.claim(name)? {
        // A claim may name what is not there.
        Some(Claim::Session(_)) if context.find(name.as_str())?.is_none() => Ok(()),
        Some(holder) => Err(store::taken(name, holder)),
        None => Ok(()),
    }
}

/// A new session and worktree with a name made from the repository's directory.
pub(super) fn create_unnamed(
    context: &Context,
    options: &StartOptions,
    arguments: &[OsString],
) -> Result<Outcome> {
    let current = directory::current_directory()?;
    let spot = Spot::of(&current)?;
    let named = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Name::suggest(name.strip_suffix(".git").unwrap_or(&name))
    };
    let base = named(spot.as_ref().map_or(&current, |spot| &spot.repository.main));
    let mut somebodys = spot.as_ref().map(|spot| Somebodys::new(spot, options.branch.is_none()));
    open::under_a_free_name(context, &base, |name| {
        if let Some(somebodys) = &mut somebodys
            && somebodys.has(name)?
        {
            return Ok(None);
        }
        create_and_start(context, options, name, arguments.to_vec()).map(Some)
    })
}

/// Opens a session that exists, if it works in a worktree of the repository one is in.
pub(super) fn open_existing(
    context: &Context,
    options: &StartOptions,
    session: Session,
    profile: Profile,
    arguments: Vec<OsString>,
    manner: &Manner,
) -> Result<Outcome> {
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
    let place = Spot::of(&directory::current_directory()?)?;
    let repository = directory::real(tree.repository());
    if place.as_ref().is_none_or(|place| place.repository.main != repository) {
        return Err(Failure::refused(format!(
            "session '{name}' works in a worktree of another repository: {}",
            tree.repository
        ))
        .hint(format!("to open it: cs {name}"))
        .hint(other()));
    }
    if options.from.is_some() {
        return Err(Failure::refused(format!("session '{name}' has its worktree already: {}", tree.root))
            .hint(format!("to open it: cs -w {name}")));
    }
    let known = place.as_ref().and_then(|place| entry_at(&place.worktrees, tree.root()));
    let branch = known.map_or(tree.branch.as_deref(), |entry| entry.branch.as_deref());
    if let Some(wanted) = options.branch.as_deref()
        && Some(wanted) != branch
    {
        return Err(other_branch(tree.root(), branch, wanted));
    }
    if !manner.dry_run {
        if !tree.root().is_dir() {
            make_again(context, &session, &profile)?;
        } else if let (Some(place), Some(entry)) = (&place, known) {
            hold(context, &place.repository, entry.locked.as_deref(), tree.root(), &session);
        }
    }
    launch::start_session(context, session, profile, arguments, manner)
}

/// Makes the worktree of a session again, whose directory is gone: from its branch, with what git does not
/// keep of the work lost. Refused where the branch is gone, or checked out elsewhere.
pub(super) fn make_again(context: &Context, session: &Session, profile: &Profile) -> Result<()> {
    let Some(tree) = session.worktree.as_deref() else { return Ok(()) };
    let (name, root) = (&session.name, tree.root());
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
    let target = Target {
        directory: session.directory().to_path_buf(),
        making: Some(making),
        record: tree.clone(),
        locked: None,
        spot: place,
    };
    target.make(context)?;
    report::say(&format!(
        "made the worktree of '{name}' again, from {}",
        tree.branch.as_deref().unwrap_or("its last commit")
    ));
    target.settle(context, session);
    target.set_up(context, session, profile);
    Ok(())
}

fn plan(
    context: &Context,
    session: &Session,
    profile: &Profile,
    arguments: Vec<OsString>,
) -> Result<Planned> {
    let start = Start::New(session.id);
    Planned::new(context, session.clone(), profile.clone(), arguments, session.directory(), start)
}

/// The first thing that people meet: there is no repository. A person chooses; else it is refused.
fn without_git(
    context: &Context,
    options: &StartOptions,
    name: &Name,
    arguments: Vec<OsString>,
) -> Result<Outcome> {
    let current = directory::current_directory()?;
    let none = Failure::of(Kind::NoRepository, format!("{} is not in a git repository", current.display()));
    let refused = none
        .clone()
        .hint("to make one: git init && git commit --allow-empty -m 'First commit'")
        .hint(format!("for a session without a worktree: cs {name}"));
    if options.dry_run || !ui::can_ask() {
        return Err(refused);
    }
    report::say(&none.message);
    let is_empty = std::fs::read_dir(&current).is_ok_and(|mut entries| entries.next().is_none());
    let left_out = if is_empty { "" } else { "; what is here is in no worktree before you commit it" };
    eprintln!("  1  git init here, with an empty first commit{left_out}");
    eprintln!("  2  a session '{name}' here, without a worktree");
    match ui::choose("what now?", 2) {
        Some(0) => {
            context.umask.lifted(|| git::init(&current)).map_err(|why| {
                Failure::failed(format!("cannot make a repository in {}: {why}", current.display()))
            })?;
            create_and_start(context, options, name, arguments)
        }
        Some(_) => {
            let plain = StartOptions { worktree: false, branch: None, from: None, ..options.clone() };
            open::create_and_start(context, &plain, name, arguments)
        }
        None => Err(refused),
    }
}
