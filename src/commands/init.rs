//! `cs init SHELL`: the code that sets up a shell. It prints, and changes nothing; `--install` puts
//! the line that runs it into the shell's start-up file.

use clap::ValueEnum;

use super::{install, report};
use crate::cli::InitArgs;
use crate::model::{Failure, Outcome, Result};
use crate::shell::{InitOptions, Shell};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &InitArgs) -> Result<Outcome> {
    let change_file = args.install || args.uninstall;
    if (args.yes || args.dry_run) && !change_file {
        return Err(Failure::usage("--yes and --dry-run go with --install or --uninstall"));
    }
    let text = shell(context, args).and_then(|shell| {
        let options = InitOptions {
            cmd: &args.cmd,
            aliases: !args.no_aliases,
            hook: !args.no_hook,
            wrap: !args.no_wrap,
            completion: !args.no_completion,
            program: &install::program(context)?,
        };
        // What could not be run is not installed either.
        Ok((shell, shell.init(&options)?))
    });
    match text {
        Ok((shell, _)) if change_file => install::run(context, shell, args),
        Ok((_, text)) => {
            report::print(&text)?;
            Ok(Outcome::Done)
        }
        Err(failure) => {
            if !change_file {
                leave_alone()?;
            }
            Err(failure)
        }
    }
}

/// Prints what is harmless in every shell: a start-up file evaluates whatever comes. Nothing at all
/// would be an error for Invoke-Expression; a comment is none anywhere.
pub(super) fn leave_alone() -> Result<()> {
    report::print("# cs: nothing was set up\n")
}

fn shell(context: &Context, args: &InitArgs) -> Result<Shell> {
    match &args.shell {
        Some(text) => match Shell::from_str(text, true) {
            Ok(shell) if shell.is_supported() => Ok(shell),
            Ok(shell) => Err(Failure::usage(format!(
                "{} is not supported yet: {} are",
                shell.name(),
                Shell::supported()
            ))
            .hint(format!("its variables are to be had: cs env NAME --shell {}", shell.name()))),
            Err(_) => Err(Failure::usage(format!(
                "'{text}' is no shell that is supported: {} are",
                Shell::supported()
            ))),
        },
        None if args.install || args.uninstall => install::login_shell(context)
            .ok_or_else(|| Failure::usage("which shell? $SHELL does not say").hint("cs init zsh --install")),
        None => Err(Failure::usage(format!("which shell? {}", Shell::supported())).hint("cs init zsh")),
    }
}
