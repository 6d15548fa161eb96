//! Common to the verbs that make or start something: from options to what is to be done, and the
//! questions that only a person can answer.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{launched, report};
use crate::cli::StartOptions;
use crate::model::{Failure, InPane, Kind, Name, Outcome, Result, Session, Subject};
use crate::os;
use crate::ui;
use crate::work::context::Context;
use crate::work::create::{Description, New};
use crate::work::launch::{self, Request};
use crate::work::worktrees::Branches;
use crate::work::{directory, pane, worktrees};

/// Returns whether, and how, `options` want it inside a multiplexer.
pub(super) fn in_pane(options: &StartOptions) -> Option<InPane> {
    options.tmux.then_some(InPane { detached: options.detached })
}

/// Starts what `request` says. Where the directory of a session is gone, a person chooses what to do; without one
/// that is refused.
pub(super) fn start(context: &Context, request: &Request) -> Result<Outcome> {
    match launch::start(context, request) {
        Err(gone) if gone.kind == Kind::DirectoryGone && ui::can_ask() => {
            let Subject::Session(session, profile) = &request.subject else { return Err(gone) };
            match another_directory(context, session, &gone)? {
                Way::Again => {
                    if session.worktree.as_deref().is_some_and(|tree| !tree.root().is_dir()) {
                        worktrees::make_again(context, session, profile)?;
                    } else {
                        let directory = session.directory();
                        std::fs::create_dir_all(directory)
                            .map_err(|error| Failure::io("create", directory, &error))?;
                    }
                    launch::start(context, request)
                }
                Way::Here => {
                    let here = Some(context.current_directory()?);
                    launch::start(context, &Request { directory: here, ..request.clone() })
                }
            }
        }
        started => started,
    }
}

/// A way on where a directory is gone.
enum Way {
    Again,
    Here,
}

fn another_directory(context: &Context, session: &Session, gone: &Failure) -> Result<Way> {
    let here = context.current_directory()?;
    context.say(&gone.message);
    let tree = session.worktree.as_deref().filter(|tree| !tree.root().is_dir());
    match tree.map(|tree| tree.branch.as_deref()) {
        None => eprintln!("  1  make it again, empty"),
        Some(None) => eprintln!("  1  make the worktree again"),
        Some(Some(branch)) => eprintln!("  1  make the worktree again, from {}", ui::escape(branch)),
    }
    eprintln!("  2  go on here: {}", ui::escape(&here.to_string_lossy()));
    match ui::choose("what now?", 2) {
        Some(0) => Ok(Way::Again),
        Some(_) => Ok(Way::Here),
        None => Err(gone.clone()),
    }
}

/// Makes the session `name`, and starts Claude in it, as far as `options` say so.
pub(super) fn create(
    context: &Context,
    options: &StartOptions,
    name: &Name,
    arguments: Vec<OsString>,
) -> Result<Outcome> {
    let said = description(context, options)?;
    let new = if options.worktree {
        match New::in_worktree(context, name, &said, branches(options)) {
            Err(none) if none.kind == Kind::NoRepository && !options.dry_run && ui::can_ask() => {
                return without_git(context, options, name, arguments, none);
            }
            new => new?,
        }
    } else {
        New::here(context, name, &said)?
    };
    let pane = in_pane(options);
    if pane.is_some() {
        pane::check(context, name, &arguments)?;
    }
    if options.dry_run {
        return launched::print(context, &new.started(arguments, pane).preview(context)?, options.json);
    }
    let new = if options.no_open { new } else { new.started(arguments, pane) };
    let made = new.make(context, |_| Ok(()))?;
    // Before what may take long: who ends that should know what there is.
    if options.no_open {
        report::say(&format!("made {}", made.about()));
    } else if ui::can_ask() {
        report::say(&format!("new {}", made.about()));
    }
    made.set_up(context);
    made.start(context)
}

/// Returns what `options` say of a session that is to be made.
fn description(context: &Context, options: &StartOptions) -> Result<Description> {
    Ok(Description {
        directory: directory(context, options)?,
        profile: options.profile.clone(),
        isolation: options.isolation,
        bare: options.bare,
        ephemeral: options.ephemeral,
    })
}

/// Returns the directory that `options` name, which has to be there.
pub(super) fn directory(context: &Context, options: &StartOptions) -> Result<Option<PathBuf>> {
    options.dir.as_deref().map(|given| directory::existing_directory(context, given)).transpose()
}

/// Returns what `options` say of a worktree.
pub(super) fn branches(options: &StartOptions) -> Branches<'_> {
    Branches { branch: options.branch.as_deref(), from: options.from.as_deref() }
}

/// The first thing that people meet: there is no repository. A person chooses.
fn without_git(
    context: &Context,
    options: &StartOptions,
    name: &Name,
    arguments: Vec<OsString>,
    none: Failure,
) -> Result<Outcome> {
    let current = context.current_directory()?;
    report::say(&none.message);
    let is_empty = os::entries_of(&current).is_ok_and(|entries| entries.is_empty());
    let left_out = if is_empty { "" } else { "; what is here is in no worktree before you commit it" };
    eprintln!("  1  git init here, with an empty first commit{left_out}");
    eprintln!("  2  a session '{name}' here, without a worktree");
    match ui::choose("what now?", 2) {
        Some(0) => {
            worktrees::make_repository(context, &current)?;
            create(context, options, name, arguments)
        }
        Some(_) => {
            let plain = StartOptions { worktree: false, branch: None, from: None, ..options.clone() };
            create(context, &plain, name, arguments)
        }
        None => Err(none),
    }
}
