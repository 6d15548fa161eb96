//! The verbs, one file each: resolve, plan, render.

mod allow;
mod attach;
mod bind;
mod cd;
mod cleanup;
mod complete;
mod completions;
mod config;
mod details;
mod doctor;
mod du;
mod editor;
mod ended;
mod env;
mod exec;
mod export;
mod fork;
mod import;
mod init;
#[cfg(unix)]
mod inside;
mod last;
mod launched;
mod list;
mod man;
mod new;
mod off;
pub(crate) mod open;
mod path;
pub(crate) mod profile;
mod prompt;
mod rename;
pub(crate) mod report;
mod restore;
mod resume;
mod rm;
mod shim;
mod show;
mod start;
mod statusline;
mod tables;
mod top;
mod tour;
mod trash;
mod trashed;
mod usage;
mod use_;
mod wt;

use std::ffi::OsString;

use crate::cli::{Command, Invocation, Misread, StartOptions};
use crate::model::verb::Internal;
use crate::model::{Exit, Outcome, Result};
use crate::work::Context;

pub use report::{end, say};

/// Reads `arguments` (the program's name first) and does what they say.
pub fn run(arguments: Vec<OsString>, context: &Context) -> Result<Outcome> {
    match answered(arguments, context)? {
        // What was left out was told.
        Outcome::Done if context.is_partial() => Ok(Outcome::Code(Exit::Failed as u8)),
        outcome => Ok(outcome),
    }
}

fn answered(arguments: Vec<OsString>, context: &Context) -> Result<Outcome> {
    match Invocation::read(arguments) {
        Ok(Invocation::Internal(internal, arguments)) => answer(context, internal, &arguments),
        Ok(Invocation::Open { options, words }) => open::run(context, &options, words),
        Ok(Invocation::Verb(command)) => carry_out(context, command),
        Ok(Invocation::Print(text)) => {
            report::print(&text)?;
            Ok(Outcome::Done)
        }
        Err(Misread { failure, evaluated }) => {
            if evaluated {
                init::leave_alone()?;
            }
            Err(failure)
        }
    }
}

/// Answers what shells, Claude and `cs` itself call.
fn answer(context: &Context, internal: Internal, arguments: &[OsString]) -> Result<Outcome> {
    match internal {
        Internal::Claude => shim::become_claude(context, arguments),
        Internal::Complete => Ok(complete::run(context, arguments)),
        Internal::Ended => ended::announced(context, arguments),
        Internal::Hook => use_::hook(context),
        #[cfg(unix)]
        Internal::Inside => inside::run(context, arguments),
        Internal::StandIn => tour::stand_in(context, arguments),
        Internal::Tidy => ended::tidy(context, arguments),
    }
}

/// Runs a verb.
fn carry_out(context: &Context, command: Command) -> Result<Outcome> {
    match command {
        Command::Open(args) => open::run(context, &args.start, args.words),
        Command::New(args) => new::run(context, &args.start, args.words),
        Command::List(args) => list::run(context, &args),
        Command::Resume(args) => resume::run(context, args),
        Command::Last(args) => last::run(context, args.arguments),
        Command::Show(args) => show::run(context, &args),
        Command::Exec(args) => exec::run(context, args.words),
        Command::Attach(args) => attach::run(context, &args),
        Command::Wt(args) => wt::run(context, args.command),
        Command::Fork(args) => fork::run(context, args),
        Command::Env(args) => env::run(context, &args),
        Command::Path(args) => path::run(context, &args),
        Command::Rename(args) => rename::run(context, &args),
        Command::Rm(args) => rm::run(context, &args),
        Command::Restore(args) => restore::run(context, &args),
        Command::Cleanup(args) => cleanup::run(context, &args),
        Command::Trash(args) => trash::run(context, args.command),
        Command::Du(args) => du::run(context, &args),
        Command::Doctor(args) => doctor::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Import(args) => import::run(context, &args),
        Command::Usage(args) => usage::run(context, &args),
        Command::Top(args) => top::run(context, &args),
        Command::Statusline(args) => statusline::run(context, &args),
        Command::Config(args) => config::run(context, args.command),
        Command::Profile(args) => profile::run(context, args.command),
        Command::Use(args) => use_::run(context, &args),
        Command::Off => off::run(context),
        Command::Cd(args) => cd::run(context, &args),
        Command::Bind(args) => bind::run(context, &args),
        Command::Allow(args) => allow::run(context, &args),
        Command::Deny(args) => allow::deny(context, &args),
        Command::Shim(args) => shim::run(context, &args.command),
        Command::Prompt(args) => prompt::run(args.prompt),
        Command::Man(args) => man::run(context, &args),
        Command::Init(args) => init::run(context, &args),
        Command::Completions(args) => completions::run(&args),
        Command::Tour(args) => tour::run(context, &args),
        Command::Name(words) => open::run(context, &StartOptions::default(), words),
    }
}
