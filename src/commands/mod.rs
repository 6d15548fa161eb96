//! The verbs, one file each: resolve, plan, render.

mod allow;
mod bind;
mod bound;
mod cd;
mod complete;
mod completions;
mod config;
mod context;
mod directory;
mod dry_run;
mod editor;
mod env;
mod exec;
mod fork;
mod init;
mod last;
mod launch;
mod list;
mod liveness;
mod man;
mod new;
mod off;
mod open;
mod path;
mod profile;
mod prompt;
mod rename;
mod report;
mod restore;
mod resume;
mod rm;
mod scene;
mod shim;
mod show;
mod token;
mod tour;
mod use_;

use std::ffi::OsString;
use std::path::Path;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command, StartOptions};
use crate::model::{Failure, Outcome, Result};

pub use context::Context;
pub use report::end;

/// Parses `arguments` (the program's name first) and runs what they say. Help, the version and a
/// command line that makes no sense are printed here.
pub fn run(mut arguments: Vec<OsString>, context: &Context) -> Result<Outcome> {
    if context.variable(tour::STAND_IN).is_some()
        && arguments.first().is_some_and(|name| Path::new(name).file_stem() == Some("claude".as_ref()))
    {
        return tour::stand_in(context, &arguments[1..]);
    }
    // What the shells call by themselves is no part of the command line that people see.
    match arguments.get(1).and_then(|word| word.to_str()) {
        Some("__complete") => return Ok(complete::run(context, &arguments[2..])),
        Some("__claude") => return shim::become_claude(context, &arguments[2..]),
        Some("__hook") => return use_::hook(context),
        _ => {}
    }
    // What Claude prints when a session ends is `cs --resume ID`.
    if let Some(word) = arguments.get_mut(1).filter(|word| *word == "--resume" || *word == "-r") {
        *word = "resume".into();
    }
    let flag_first = arguments.get(1).is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let cli = match Cli::command()
        .try_get_matches_from(arguments)
        .and_then(|found| Cli::from_arg_matches(&found))
    {
        Ok(cli) => cli,
        Err(error) => return report::command_line(&error, flag_first),
    };
    let start = cli.start;
    // clap lifts its own requirement where a command, or a name, follows.
    if start.json && !start.dry_run {
        return Err(Failure::usage("--json goes with --dry-run").hint("cs --dry-run --json NAME"));
    }
    let Some(command) = cli.command else { return open::run(context, &start, Vec::new()) };
    if let Command::Name(words) = command {
        return open::run(context, &start, words);
    }
    if start != StartOptions::default() {
        return Err(Failure::usage("an option that belongs to a session stands before a command")
            .hint("options of a command come after it: cs new --profile work NAME"));
    }
    match command {
        Command::Open(args) => open::run(context, &args.start, args.words),
        Command::New(args) => new::run(context, &args.start, args.words),
        Command::List(args) => list::run(context, &args),
        Command::Resume(args) => resume::run(context, args),
        Command::Last(args) => last::run(context, args.arguments),
        Command::Show(args) => show::run(context, &args),
        Command::Exec(args) => exec::run(context, args.words),
        Command::Fork(args) => fork::run(context, args),
        Command::Env(args) => env::run(context, &args),
        Command::Path(args) => path::run(context, &args),
        Command::Rename(args) => rename::run(context, &args),
        Command::Rm(args) => rm::run(context, &args),
        Command::Restore(args) => restore::run(context, &args),
        Command::Config(args) => config::run(context, args.command),
        Command::Profile(args) => profile::run(context, args.command),
        Command::Use(args) => use_::run(context, &args),
        Command::Off => off::run(context),
        Command::Cd(args) => cd::run(context, &args),
        Command::Bind(args) => bind::run(context, &args),
        Command::Allow(args) => allow::run(context, &args),
        Command::Deny(args) => allow::deny(context, &args),
        Command::Shim(args) => shim::run(context, &args.command),
        Command::Prompt(args) => prompt::run(context, args.prompt),
        Command::Man(args) => man::run(context, &args),
        Command::Init(args) => init::run(context, &args),
        Command::Completions(args) => completions::run(&args),
        Command::Tour(args) => tour::run(context, &args),
        Command::Name(words) => open::run(context, &start, words),
    }
}
