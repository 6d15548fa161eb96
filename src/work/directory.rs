//! The directories that commands work in.

use std::path::{Path, PathBuf};

use crate::model::{Failure, Kind, Result, Session};
use crate::os::{self, EntryKind, Foreign, Unfit};
use crate::work::Context;

/// Returns the directory a session is started in: `asked`, or else the recorded one, which has to be there.
/// Never a new place in silence.
pub(crate) fn work_directory(session: &Session, asked: Option<&Path>) -> Result<PathBuf> {
    match asked {
        Some(directory) => Ok(directory.to_path_buf()),
        None => recorded_directory(session),
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

/// Returns true if a link stands on the way from the repository of the session's worktree to that: none was there when
/// it was made, and whoever works in the repository can put one there, which leads anywhere.
pub(crate) fn is_behind_a_link(session: &Session) -> bool {
    let Some(tree) = session.worktree.as_deref().filter(|tree| tree.root().starts_with(tree.repository()))
    else {
        return false;
    };
    match Foreign::at(tree.repository(), tree.root()).facts() {
        Ok(facts) => facts.is_some_and(|facts| facts.kind == EntryKind::Link),
        Err(error) => os::unfit(&error) == Some(Unfit::Link),
    }
}

/// The recorded directory of a session, which has to be there. Refused where a link leads to its worktree by now.
pub(crate) fn recorded_directory(session: &Session) -> Result<PathBuf> {
    let directory = session.directory();
    if is_behind_a_link(session) {
        let name = &session.name;
        return Err(Failure::refused(format!(
            "a link that somebody made leads to the worktree of session '{name}': {}",
            directory.display()
        ))
        .hint("take the link away and put the worktree back")
        .hint(format!("to go on somewhere else: cs --dir DIRECTORY {name}")));
    }
    if directory.is_dir() { Ok(directory.to_path_buf()) } else { Err(gone(session)) }
}

/// A directory a person named, as an absolute path that exists.
pub(crate) fn existing_directory(context: &Context, given: &Path) -> Result<PathBuf> {
    let absolute =
        context.absolute(given).map_err(|error| Failure::io("use the directory", given, &error))?;
    if !absolute.is_dir() {
        return Err(Failure::failed(format!("there is no directory {}", absolute.display())));
    }
    Ok(absolute)
}

/// A directory as it stands in a record: text that a shell can be told.
pub(crate) fn recordable(directory: &Path) -> Result<String> {
    match directory.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(Failure::usage(format!(
            "the directory {} has control characters or is not UTF-8, so it cannot be recorded",
            directory.display()
        ))),
    }
}

/// Refuses to make the file `path` where a link stands that leads to nothing: the link would go.
pub(crate) fn refuse_dangling(path: &Path) -> Result<()> {
    let Ok(target) = path.read_link() else { return Ok(()) };
    Err(Failure::refused(format!(
        "{} is a link to {}, which does not exist",
        path.display(),
        target.display()
    ))
    .hint("make what it leads to, or remove the link"))
}

/// A directory with its links resolved, as Claude names it; as it is where it is gone.
pub(crate) fn real(directory: &Path) -> PathBuf {
    os::real_path(directory).unwrap_or_else(|_| directory.to_path_buf())
}
