//! The search for Claude Code's program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::model::{Failure, Kind, Result};
use crate::os::{self, Candidate, PassedOver};

/// Returns the absolute path of the program that `configured` (a name or a path, already expanded) names,
/// found on the absolute entries of `path` (the value of `PATH`). Fails if there is none, with what to
/// do.
///
/// What a repository or a session can have put on `PATH` is left out (see [`os::find_program`]); a link from outside
/// into where a session works is taken if `is_fit` says so. So is a program that `is_ours` says yes to: a `claude` that
/// is `cs` would start itself for ever. A path in the settings is taken wherever it leads.
pub fn find_program(
    configured: &str,
    path: Option<&OsStr>,
    is_ours: impl Fn(&Candidate) -> bool,
    is_fit: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    if Path::new(configured).is_absolute() {
        let found = PathBuf::from(configured);
        let candidate = || {
            let real = os::real_path(&found).unwrap_or_else(|_| found.clone());
            Candidate { path: found.clone(), real, leads_into: None }
        };
        return match is_program(&found) {
            true if is_ours(&candidate()) => {
                Err(Failure::usage(format!("claude = \"{configured}\" is cs itself"))
                    .hint("name the real program: cs config edit"))
            }
            true => Ok(found),
            false => Err(missing(configured, None)),
        };
    }
    if configured.contains(std::path::is_separator) {
        return Err(Failure::usage(format!("claude = \"{configured}\" is a relative path"))
            .hint("give an absolute path or a name on PATH: cs config edit"));
    }
    let is_taken = |candidate: &Candidate| {
        !is_ours(candidate) && (candidate.leads_into.is_none() || is_fit(&candidate.real))
    };
    os::find_program(configured, path, is_taken).map_err(|not_taken| missing(configured, not_taken))
}

/// Returns true if the absolute path `path` is a file that can be run.
pub fn is_program(path: &Path) -> bool {
    which::which_in(path, None::<&OsStr>, "/").is_ok()
}

fn missing(configured: &str, not_taken: Option<PassedOver>) -> Failure {
    let but = not_taken.as_ref().map(|it| format!(" on PATH; {it}")).unwrap_or_default();
    let failure = Failure::of(Kind::NoClaude, format!("there is no program '{configured}'{but}"));
    match not_taken {
        Some(it) => failure.hint(format!(
            "if it is yours, and you trust it there: cs config edit (claude = \"{}\")",
            it.program.display()
        )),
        None => failure
            .hint("to install Claude Code: npm install -g @anthropic-ai/claude-code")
            .hint("if it is somewhere else, say where: cs config edit (claude = \"/path/to/claude\")"),
    }
}
