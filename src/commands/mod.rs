//! The verbs, one file each: resolve, plan, render.

mod allow;
mod archive;
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
mod env;
mod exec;
mod export;
mod fork;
mod import;
mod in_shell;
mod init;
mod install;
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

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Args, CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command, StartOptions};
use crate::model::{Failure, Outcome, RESERVED, Result};
use crate::work::Context;

pub use report::{end, say};

/// Parses `arguments` (the program's name first) and runs what they say. Help, the version and a
/// command line that makes no sense are printed here.
pub fn run(mut arguments: Vec<OsString>, context: &Context) -> Result<Outcome> {
    if context.variable(tour::STAND_IN).is_some()
        && arguments.first().is_some_and(|name| Path::new(name).file_stem() == Some("claude".as_ref()))
    {
        return tour::stand_in(context, &arguments[1..]);
    }
    if arguments.first().is_some_and(|name| Path::new(name).file_stem() == Some("claude".as_ref())) {
        return shim::become_claude(context, &arguments[1..]);
    }
    // What the shells call by themselves is no part of the command line that people see.
    match arguments.get(1).and_then(|word| word.to_str()) {
        Some("__complete") => return Ok(complete::run(context, &arguments[2..])),
        Some("__claude") => return shim::become_claude(context, &arguments[2..]),
        Some("__hook") => return use_::hook(context),
        // What Claude calls at the end of an ephemeral session, and what that starts.
        Some("__ended") => return crate::work::ending::announced(&arguments[2..]),
        // What a pane is made with for `cs -t`.
        #[cfg(unix)]
        Some("__inside") => return crate::work::pane::take(context, &arguments[2..]),
        Some("__tidy") => return crate::work::ending::wait_and_tidy(context, &arguments[2..]),
        _ => {}
    }
    // What Claude prints when a session ends is `cs --resume ID`.
    if let Some(word) = arguments.get_mut(1).filter(|word| *word == "--resume" || *word == "-r") {
        *word = "resume".into();
    }
    if let Some(args) = alone(&arguments, "init") {
        return init::run(context, &args);
    }
    if let Some(args) = alone(&arguments, "use") {
        return use_::run(context, &args);
    }
    if let Some(args) = alone(&arguments, "statusline") {
        return statusline::run(context, &args);
    }
    if arguments.len() == 2 && arguments[1] == "off" {
        return off::run(context);
    }
    if arguments.get(1).is_some_and(|word| can_only_be_a_name(word)) {
        arguments.remove(0);
        return open::run(context, &StartOptions::default(), arguments);
    }
    let flag_first = arguments.get(1).is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let for_a_start_up_file = arguments.get(1).is_some_and(|word| word == "init");
    let cli = match Cli::command()
        .try_get_matches_from(arguments)
        .and_then(|found| Cli::from_arg_matches(&found))
    {
        Ok(cli) => cli,
        Err(error) => {
            if for_a_start_up_file && error.use_stderr() {
                init::leave_alone()?;
            }
            return report::command_line(&error, flag_first);
        }
    };
    let start = cli.start;
    go_together(&start)?;
    let Some(command) = cli.command else { return open::run(context, &start, Vec::new()) };
    if let Command::Name(words) = command {
        return open::run(context, &start, words);
    }
    if start != StartOptions::default() {
        return Err(Failure::usage("an option that belongs to a session stands before a command")
            .hint("options of a command come after it: cs new --profile work NAME"));
    }
    carry_out(context, command)
}

/// Refuses an option without the one it belongs to: clap lifts its own requirement where a command, or a name,
/// follows.
fn go_together(start: &StartOptions) -> Result<()> {
    if start.json && !start.dry_run {
        return Err(Failure::usage("--json goes with --dry-run").hint("cs --dry-run --json NAME"));
    }
    if (start.branch.is_some() || start.from.is_some()) && !start.worktree {
        return Err(Failure::usage("--branch and --from go with --worktree")
            .hint("cs --worktree --branch BRANCH --from REF NAME"));
    }
    if start.detached && !start.tmux {
        return Err(Failure::usage("--detached goes with --tmux").hint("cs --tmux --detached NAME"));
    }
    Ok(())
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

/// Whether the command line has nothing to say about `word`, the first: building it, which takes as
/// long as all else that is done before Claude starts, would only hand it on.
fn can_only_be_a_name(word: &OsStr) -> bool {
    let Some(text) = word.to_str() else { return false };
    !text.is_empty() && !text.starts_with('-') && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

/// The arguments of one command, read without building the rest of the command line: for what a
/// shell waits for. Whatever else there is to say (help, errors) the whole one says.
fn alone<T: Args + FromArgMatches>(arguments: &[OsString], verb: &'static str) -> Option<T> {
    if arguments.get(1)? != verb {
        return None;
    }
    let command = T::augment_args(clap::Command::new(verb).disable_help_flag(true));
    T::from_arg_matches(&command.try_get_matches_from(&arguments[1..]).ok()?).ok()
}
