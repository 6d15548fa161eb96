//! Where Claude Code is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::model::{Exit, Failure, Result};

/// The absolute path of the program `configured` (a name or a path, already expanded) names, found
/// on the absolute entries of `path` (the value of `PATH`).
///
/// Relative entries are left out: `.` on `PATH` would run whatever a repository holds.
pub fn find_program(configured: &str, path: Option<&OsStr>) -> Result<PathBuf> {
    if Path::new(configured).is_absolute() {
        let found = PathBuf::from(configured);
        return if is_program(&found) { Ok(found) } else { Err(missing(configured)) };
    }
    if configured.contains(std::path::is_separator) {
        return Err(Failure::usage(format!("claude = \"{configured}\" is a relative path"))
            .hint("give an absolute path or a name on PATH: cs config edit"));
    }
    let directories: Vec<PathBuf> =
        path.map(std::env::split_paths).into_iter().flatten().filter(|dir| dir.is_absolute()).collect();
    let joined = std::env::join_paths(directories).unwrap_or_default();
    which::which_in(configured, Some(joined), "/").map_err(|_| missing(configured))
}

fn is_program(path: &Path) -> bool {
    which::which_in(path, None::<&OsStr>, "/").is_ok()
}

fn missing(configured: &str) -> Failure {
    Failure::new(Exit::NoClaude, format!("there is no program '{configured}'"))
        .hint("to install Claude Code: npm install -g @anthropic-ai/claude-code")
        .hint("if it is somewhere else, say where: cs config edit (claude = \"/path/to/claude\")")
}
