//! The search for Claude Code's program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::model::{Failure, Kind, Result};

/// Returns the absolute path of the program that `configured` (a name or a path, already expanded) names,
/// found on the absolute entries of `path` (the value of `PATH`). Fails if there is none, with what to
/// do.
///
/// Relative entries are left out: `.` on `PATH` would run whatever a repository holds. So is a program
/// that `is_ours` says yes to: a `claude` that is `cs` would start itself for ever.
pub fn find_program(
    configured: &str,
    path: Option<&OsStr>,
    is_ours: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    if Path::new(configured).is_absolute() {
        let found = PathBuf::from(configured);
        return match is_program(&found) {
            true if is_ours(&found) => Err(Failure::usage(format!("claude = \"{configured}\" is cs itself"))
                .hint("name the real program: cs config edit")),
            true => Ok(found),
            false => Err(missing(configured)),
        };
    }
    if configured.contains(std::path::is_separator) {
        return Err(Failure::usage(format!("claude = \"{configured}\" is a relative path"))
            .hint("give an absolute path or a name on PATH: cs config edit"));
    }
    let directories: Vec<PathBuf> =
        path.map(std::env::split_paths).into_iter().flatten().filter(|dir| dir.is_absolute()).collect();
    let joined = std::env::join_paths(directories).unwrap_or_default();
    which::which_in_all(configured, Some(joined), "/")
        .into_iter()
        .flatten()
        .find(|found| !is_ours(found))
        .ok_or_else(|| missing(configured))
}

/// Returns true if the absolute path `path` is a file that can be run.
pub fn is_program(path: &Path) -> bool {
    which::which_in(path, None::<&OsStr>, "/").is_ok()
}

fn missing(configured: &str) -> Failure {
    Failure::of(Kind::NoClaude, format!("there is no program '{configured}'"))
        .hint("to install Claude Code: npm install -g @anthropic-ai/claude-code")
        .hint("if it is somewhere else, say where: cs config edit (claude = \"/path/to/claude\")")
}
