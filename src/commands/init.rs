//! `cs init SHELL`: the code that sets up a shell. It prints, and changes nothing; `--install` puts
//! the line that runs it into the shell's start-up file.

use std::path::Path;

use clap::ValueEnum;

use super::report;
use crate::cli::InitArgs;
use crate::model::{Failure, Outcome, Result};
use crate::shell::{InitOptions, Shell};
use crate::ui;
use crate::work::context::Context;
use crate::work::program::this_program;
use crate::work::start_up::{self, StartUp};

pub(super) fn run(context: &Context, args: &InitArgs) -> Result<Outcome> {
    let change_file = args.install || args.uninstall;
    if (args.yes || args.dry_run) && !change_file {
        return Err(Failure::usage("--yes and --dry-run go with --install or --uninstall"));
    }
    let text = shell(context, args).and_then(|shell| {
        let program = this_program(context)?;
        // What could not be run is not installed either.
        let text = shell.init(&options(args, &program))?;
        Ok((shell, program, text))
    });
    match text {
        Ok((shell, program, _)) if change_file => change(context, shell, &options(args, &program), args),
        Ok((.., text)) => {
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

fn options<'a>(args: &'a InitArgs, program: &'a Path) -> InitOptions<'a> {
    InitOptions {
        cmd: &args.cmd,
        aliases: !args.no_aliases,
        hook: !args.no_hook,
        wrap: !args.no_wrap,
        completion: !args.no_completion,
        program,
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
        None if args.install || args.uninstall => start_up::login_shell(context)
            .ok_or_else(|| Failure::usage("which shell? $SHELL does not say").hint("cs init zsh --install")),
        None => Err(Failure::usage(format!("which shell? {}", Shell::supported())).hint("cs init zsh")),
    }
}

/// Puts the line into the start-up file of `shell`, or takes it out, once a person has agreed to that.
fn change(context: &Context, shell: Shell, options: &InitOptions<'_>, args: &InitArgs) -> Result<Outcome> {
    let start_up = StartUp::read(context, shell)?;
    let file = start_up.file.display();
    let change = if args.install {
        if let Some(number) = start_up.line_number() {
            report::say(&format!("the line is already there: {file}:{number}"));
            return Ok(Outcome::Done);
        }
        start_up.with_line(context, options)?
    } else {
        let Some(change) = start_up.without_line() else {
            report::say(&format!("there is no line of cs in {file}"));
            return Ok(Outcome::Done);
        };
        change
    };
    let shown = start_up.shown(&change);
    if args.dry_run {
        report::print(&shown)?;
        return Ok(Outcome::Done);
    }
    if !args.yes {
        if !ui::can_ask() {
            return Err(Failure::usage(format!("this changes {file}, and there is nobody to ask"))
                .hint("to go ahead: --yes; to see the change: --dry-run"));
        }
        eprint!("{shown}");
        if !ui::confirm(&format!("change {file}?")) {
            return Ok(Outcome::Code(1));
        }
    }
    start_up.write(&change)?;
    let (what, next) = if args.install {
        let now = match shell {
            Shell::PowerShell => String::new(),
            _ => format!(", or: exec {}", shell.name()),
        };
        ("added a line to", format!("open a new terminal{now}"))
    } else {
        ("took the line out of", "terminals that are open keep the functions".to_owned())
    };
    report::say(&format!("{what} {file} ({next})"));
    Ok(Outcome::Done)
}
