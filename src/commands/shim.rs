//! `cs shim`: a `claude` for programs that start Claude themselves, and what it and the shell's
//! function `claude` become.
//!
//! See docs/decisions/007-claude-in-a-shell-in-use-is-the-session.md

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::report;
use crate::claude;
use crate::cli::ShimCommand;
use crate::model::{Failure, Kind, Outcome, Result, Subject};
use crate::os;
use crate::work::binding::{self, DirectoryBinding};
use crate::work::context::Context;
use crate::work::launch::{self, Request};
use crate::work::program;

pub(super) fn run(context: &Context, command: &ShimCommand) -> Result<Outcome> {
    let store = context.store()?;
    match command {
        ShimCommand::Install => {
            let shim = store.install_shim(&program::this_program(context)?)?;
            let directory = shim.parent().unwrap_or(&shim).display().to_string();
            report::print(&format!("{}\n", shim.display()))?;
            report::say(
                "that is a claude which applies the session or profile in use, or bound, and then is the real one",
            );
            report::say(&format!(
                "for scripts and tmux, put it first on PATH: export PATH=\"{directory}:$PATH\""
            ));
            report::say(&format!(
                "for VS Code, in settings.json: \"claudeCode.claudeProcessWrapper\": \"{}\"",
                shim.display()
            ));
            report::say("to take it away again: cs shim remove");
        }
        ShimCommand::Remove => match store.remove_shim()? {
            Some(shim) => report::say(&format!("removed {}", shim.display())),
            None => report::say(&format!("there is no shim at {}", store.shim_path().display())),
        },
    }
    Ok(Outcome::Done)
}

/// Becomes Claude: as the session or profile in use, else as what the directory is bound to, else
/// as if `cs` were not there, with the very arguments and environment.
pub(super) fn become_claude(context: &Context, arguments: &[OsString]) -> Result<Outcome> {
    let (wrapped, arguments) = wrapped_program(arguments);
    let Some(subject) = subject(context)? else {
        return become_real(context, wrapped, arguments);
    };
    let arguments = arguments.to_vec();
    if let Some(command) = wrapped {
        let _ = context.wrapped.set(command.to_vec());
    }
    let directory = Some(context.current_directory()?);
    launch::start(context, &Request { directory, ..Request::new(subject, arguments) })
}

/// Returns what Claude is to be started as; `None` for nothing of ours.
fn subject(context: &Context) -> Result<Option<Subject>> {
    let shell = &context.shell.environment;
    // A Claude that starts another one has been given everything, and passes it on.
    if shell.get(OsStr::new("CLAUDECODE")).is_some_and(|value| !value.is_empty()) {
        return Ok(None);
    }
    let in_use = ["CS_SESSION", "CS_PROFILE"].into_iter().find_map(|name| {
        shell.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(|value| value.to_string_lossy())
    });
    if let Some(name) = in_use {
        return match context.find(&name)? {
            Some(subject) => Ok(Some(subject)),
            None => Err(Failure::not_found(format!("'{name}' is in use in this shell, and is gone"))
                .hint("to be rid of it: cs off; to have it back: cs restore")),
        };
    }
    // Where there is no telling where anything is kept (cron may know no HOME), nothing is.
    if context.home().is_err() && context.store().is_err() {
        return Ok(None);
    }
    let Ok(here) = context.current_directory() else { return Ok(None) };
    match binding::of_directory(context, &here)? {
        DirectoryBinding::Bound(bound) => Ok(Some(bound.subject)),
        DirectoryBinding::Nothing | DirectoryBinding::Unallowed(_) => Ok(None),
    }
}

/// A program that wraps Claude (an editor's "process wrapper" setting) is given the command that it
/// wraps: the program, or an interpreter and a script, and then the arguments.
fn wrapped_program(arguments: &[OsString]) -> (Option<&[OsString]>, &[OsString]) {
    let is_program = |path: &OsString| Path::new(path).is_absolute() && claude::is_program(Path::new(path));
    let is_script = |path: &OsString| {
        let path = Path::new(path);
        let extension = path.extension().and_then(OsStr::to_str);
        path.is_absolute() && matches!(extension, Some("js" | "mjs" | "cjs")) && path.is_file()
    };
    let words = match arguments {
        [program, script, ..] if is_program(program) && is_script(script) => 2,
        [program, ..] if is_program(program) => 1,
        _ => return (None, arguments),
    };
    let (program, rest) = arguments.split_at(words);
    (Some(program), rest)
}

/// Becomes the real Claude. Settings that cannot be read are no reason not to: nothing of them is
/// wanted but where it is.
fn become_real(context: &Context, wrapped: Option<&[OsString]>, arguments: &[OsString]) -> Result<Outcome> {
    let command = match wrapped {
        Some(command) => command.to_vec(),
        None => vec![real_program(context)?.into()],
    };
    let [program, first @ ..] = command.as_slice() else { return Ok(Outcome::Done) };
    let arguments = [first, arguments].concat();
    let here = context.current_directory().unwrap_or_default();
    let path = Path::new(program);
    let error = os::become_program(path, &arguments, &context.shell.environment, &here, context.umask);
    Err(Failure::io("start", path, &error).with_kind(Kind::NoClaude))
}

fn real_program(context: &Context) -> Result<PathBuf> {
    program::claude_program(context).or_else(|failure| program::find(context, "claude").map_err(|_| failure))
}
