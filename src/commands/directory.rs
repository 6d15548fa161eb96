//! The directories that commands work in.

use std::fs;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::launch::Manner;
use super::{report, worktree};
use crate::model::{Failure, Kind, Profile, Result, Session};
use crate::os;
use crate::ui;

/// The directory a session is started in: the recorded one, or the one asked for. Where it is
/// gone, a person chooses what to do; without one it is refused. Never a silent new place.
pub(super) fn work_directory(
    context: &Context,
    session: &Session,
    profile: &Profile,
    manner: &Manner,
) -> Result<PathBuf> {
    let directory = match &manner.directory {
        Some(directory) => return Ok(directory.clone()),
        None => session.directory().to_path_buf(),
    };
    if directory.is_dir() {
        return Ok(directory);
    }
    let gone = gone(session);
    if manner.dry_run || !ui::can_ask() {
        return Err(gone);
    }
    let here = current_directory()?;
    report::say(&gone.message);
    let tree = session.worktree.as_deref().filter(|tree| !tree.root().is_dir());
    match tree.map(|tree| tree.branch.as_deref()) {
        None => eprintln!("  1  make it again, empty"),
        Some(None) => eprintln!("  1  make the worktree again"),
        Some(Some(branch)) => eprintln!("  1  make the worktree again, from {}", ui::escape(branch)),
    }
    eprintln!("  2  go on here: {}", ui::escape(&here.to_string_lossy()));
    match ui::choose("what now?", 2) {
        Some(0) if tree.is_some() => {
            worktree::make_again(context, session, profile)?;
            if directory.is_dir() { Ok(directory) } else { Err(self::gone(session)) }
        }
        Some(0) => {
            fs::create_dir_all(&directory).map_err(|error| Failure::io("create", &directory, &error))?;
            Ok(directory)
        }
        Some(_) => Ok(here),
        None => Err(gone),
    }
}

/// The refusal to go on in a directory that is gone.
fn gone(session: &Session) -> Failure {
    let (name, directory) = (&session.name, session.directory());
    let other = format!("to go on somewhere else: cs --dir DIRECTORY {name}");
    match session.worktree.as_deref().filter(|tree| !tree.root().is_dir()) {
        Some(tree) => Failure::of(
            Kind::DirectoryGone,
            format!("the worktree of session '{name}' is gone: {}", tree.root),
        )
        .hint(format!("to make it again from its branch: cd {} && cs -w {name}", tree.repository))
        .hint(other),
        None => Failure::of(
            Kind::DirectoryGone,
            format!("the directory of session '{name}' is gone: {}", directory.display()),
        )
        .hint(other)
        .hint(format!("to put it back: mkdir -p {}", directory.display())),
    }
}

/// The recorded directory of a session, which has to be there.
pub(super) fn recorded_directory(session: &Session) -> Result<PathBuf> {
    let directory = session.directory();
    if directory.is_dir() { Ok(directory.to_path_buf()) } else { Err(gone(session)) }
}

/// The directory this process is in.
pub(super) fn current_directory() -> Result<PathBuf> {
    std::env::current_dir()
        .map_err(|error| Failure::failed(format!("the current directory cannot be read: {error}")))
}

/// A directory a person named, as an absolute path that exists.
pub(super) fn existing_directory(given: &Path) -> Result<PathBuf> {
    let absolute =
        std::path::absolute(given).map_err(|error| Failure::io("use the directory", given, &error))?;
    if !absolute.is_dir() {
        return Err(Failure::failed(format!("there is no directory {}", absolute.display())));
    }
    Ok(absolute)
}

/// A directory as it stands in a record: text that a shell can be told.
pub(super) fn recordable(directory: &Path) -> Result<String> {
    match directory.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(Failure::usage(format!(
            "the directory {} has control characters or is not UTF-8, so it cannot be recorded",
            directory.display()
        ))),
    }
}

/// A directory with its links resolved, as Claude names it; as it is where it is gone.
pub(super) fn real(directory: &Path) -> PathBuf {
    os::real_path(directory).unwrap_or_else(|_| directory.to_path_buf())
}
