//! A command line as a value: nothing is looked at but its words, and nothing is done.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches};

use super::{Cli, Command, InitArgs, StartOptions, StatuslineArgs, UseArgs};
use crate::model::verb::{self, Internal};
use crate::model::{Failure, Result};

/// A thing that `cs` is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    /// To answer what shells, Claude and `cs` itself call, with these arguments.
    Internal(Internal, Vec<OsString>),
    /// To open what the first of the words names, or to take it for a prompt; what follows is Claude's.
    Open {
        /// The options before the words.
        options: StartOptions,
        /// The words.
        words: Vec<OsString>,
    },
    /// To run a verb.
    Verb(Command),
    /// To print this, the help or the version.
    Print(String),
}

/// A command line that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Misread {
    /// The failure.
    pub failure: Failure,
    /// True if a start-up file evaluates what is printed, so that it has to be something harmless.
    pub evaluated: bool,
}

impl From<Failure> for Misread {
    fn from(failure: Failure) -> Self {
        Self { failure, evaluated: false }
    }
}

impl Invocation {
    /// Reads a command line, the name that the program was started by first.
    ///
    /// The words a person waits for are read without clap's tree: to build it takes as long as all else that is done
    /// before Claude starts. Only where it has something to say (help, errors), or options stand first, is it
    /// built; for the width of its help it asks the terminal.
    ///
    /// Fails where the words make no sense.
    pub fn read(mut arguments: Vec<OsString>) -> Result<Self, Misread> {
        if let Some(internal) = arguments.first().and_then(|name| called_by(name)) {
            return Ok(Self::Internal(internal, arguments.split_off(1)));
        }
        let first = arguments.get(1).and_then(|word| word.to_str()).unwrap_or_default();
        if let Some(internal) = Internal::of(first) {
            return Ok(Self::Internal(internal, arguments.split_off(2)));
        }
        if can_only_be_a_name(first) {
            return Ok(Self::Open { options: StartOptions::default(), words: arguments.split_off(1) });
        }
        if let Some(verb) = verb::of_flag(first) {
            arguments[1] = verb.name.into();
        }
        if let Some(command) = alone(&arguments) {
            return Ok(Self::Verb(command));
        }
        by_clap(arguments)
    }
}

/// Returns the internal call that the program was started as: the shim by the name `claude`, else an internal word.
fn called_by(name: &OsStr) -> Option<Internal> {
    match Path::new(name).file_stem()?.to_str()? {
        "claude" => Some(Internal::Claude),
        stem => Internal::of(stem),
    }
}

/// Returns true if the tree has nothing to say about `word`, the first.
fn can_only_be_a_name(word: &str) -> bool {
    !word.is_empty() && !word.starts_with('-') && !verb::is_reserved(word)
}

/// The verbs that a shell waits for, read without the rest of the tree.
fn alone(arguments: &[OsString]) -> Option<Command> {
    match arguments.get(1)?.to_str()? {
        "init" => arguments_of::<InitArgs>("init", arguments).map(Command::Init),
        "use" => arguments_of::<UseArgs>("use", arguments).map(Command::Use),
        "statusline" => arguments_of::<StatuslineArgs>("statusline", arguments).map(Command::Statusline),
        "off" if arguments.len() == 2 => Some(Command::Off),
        _ => None,
    }
}

/// The arguments of one verb; `None` where there is more to say, which the whole tree says.
fn arguments_of<T: Args + FromArgMatches>(verb: &'static str, arguments: &[OsString]) -> Option<T> {
    let command = T::augment_args(clap::Command::new(verb).disable_help_flag(true));
    T::from_arg_matches(&command.try_get_matches_from(&arguments[1..]).ok()?).ok()
}

fn by_clap(arguments: Vec<OsString>) -> Result<Invocation, Misread> {
    let first = arguments.get(1).map(|word| word.as_encoded_bytes()).unwrap_or_default();
    let (flag_first, evaluated) = (first.starts_with(b"-"), first == b"init");
    let read = Cli::command().try_get_matches_from(arguments).and_then(|found| Cli::from_arg_matches(&found));
    let Cli { start, command } = match read {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => return Ok(Invocation::Print(error.render().to_string())),
        Err(error) => return Err(Misread { failure: told(&error, flag_first), evaluated }),
    };
    go_together(&start)?;
    match command {
        None => Ok(Invocation::Open { options: start, words: Vec::new() }),
        Some(Command::Name(words)) => Ok(Invocation::Open { options: start, words }),
        Some(_) if start != StartOptions::default() => {
            Err(Failure::usage("an option that belongs to a session stands before a command")
                .hint("options of a command come after it: cs new --profile work NAME")
                .into())
        }
        Some(command) => Ok(Invocation::Verb(command)),
    }
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

/// Returns what clap found wrong, as a failure of ours. `flag_first` says that the command line began with an option.
fn told(error: &clap::Error, flag_first: bool) -> Failure {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or("the command line makes no sense");
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let mut failure = Failure::usage(message.trim_end_matches('.'));
    if flag_first && error.kind() == ErrorKind::UnknownArgument {
        failure = failure.hint("Claude's own options come after a name: cs NAME -p 'a prompt'");
    }
    for line in lines {
        failure = match line {
            line if line.starts_with("For more information") => failure,
            line => failure.hint(line.trim_start_matches("tip: ")),
        };
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{LastArgs, ListArgs, NewArgs, OpenArgs, ResumeArgs, WtArgs, WtCommand};

    fn os(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    /// Reads `cs` followed by `words`.
    fn read(words: &[&str]) -> Result<Invocation, Misread> {
        Invocation::read([&["/usr/bin/cs"], words].concat().into_iter().map(OsString::from).collect())
    }

    fn open(options: StartOptions, words: &[&str]) -> Invocation {
        Invocation::Open { options, words: os(words) }
    }

    fn message(words: &[&str]) -> String {
        read(words).expect_err("it is refused").failure.message
    }

    #[test]
    fn a_name_a_prompt_or_nothing_opens_and_all_that_follows_is_claudes() {
        let plain = StartOptions::default;
        for words in [
            &["api"][..],
            &["api", "-p", "--help"],
            &["api", "--profile", "work"],
            &["fix the build"],
            &["fix the build", "--", "-x"],
            &["LISTING"],
            &["__unknown"],
            &["api", "--resume", "x"],
        ] {
            assert_eq!(read(words), Ok(open(plain(), words)), "{words:?}");
        }
        assert_eq!(read(&[]), Ok(open(plain(), &[])));
        assert_eq!(read(&["--", "list"]), Ok(open(plain(), &["list"])));
        assert_eq!(read(&[""]), Ok(open(plain(), &[""])));
        assert_eq!(Invocation::read(Vec::new()), Ok(open(plain(), &[])), "started without even a name");
    }

    #[test]
    fn options_before_a_name_are_ours() {
        let work = || StartOptions { profile: Some("work".into()), ..StartOptions::default() };
        assert_eq!(read(&["-P", "work", "api", "-y"]), Ok(open(work(), &["api", "-y"])));
        assert_eq!(read(&["--profile=work"]), Ok(open(work(), &[])));
        let planned = StartOptions { dry_run: true, json: true, ..StartOptions::default() };
        assert_eq!(read(&["--json", "--dry-run", "api"]), Ok(open(planned, &["api"])));
        let branch = StartOptions { worktree: true, branch: Some("b".into()), ..StartOptions::default() };
        assert_eq!(read(&["-w", "--branch", "b", "a prompt"]), Ok(open(branch, &["a prompt"])));
    }

    #[test]
    fn an_option_is_refused_without_the_one_it_goes_with_and_before_a_verb() {
        assert_eq!(message(&["--json", "api"]), "--json goes with --dry-run");
        assert_eq!(message(&["--branch", "b", "api"]), "--branch and --from go with --worktree");
        assert_eq!(message(&["--from", "b", "api"]), "--branch and --from go with --worktree");
        assert_eq!(message(&["--detached", "api"]), "--detached goes with --tmux");
        let before_a_verb = "an option that belongs to a session stands before a command";
        for verb in [&["list"][..], &["new", "api"], &["open", "api"], &["off"]] {
            assert_eq!(message(&[&["-P", "work"], verb].concat()), before_a_verb);
        }
    }

    #[test]
    fn a_verb_is_a_command_with_its_arguments() {
        for word in ["list", "ls"] {
            let json = true;
            let list = ListArgs { json, all: false, profile: None, dir: None, live: false, resources: false };
            assert_eq!(read(&[word, "--json"]), Ok(Invocation::Verb(Command::List(list))));
        }
        let start = StartOptions { bare: true, ..StartOptions::default() };
        let new = NewArgs { start: start.clone(), words: os(&["api", "--bare"]) };
        assert_eq!(read(&["new", "--bare", "api", "--bare"]), Ok(Invocation::Verb(Command::New(new))));
        let open = OpenArgs { start, words: os(&["list"]) };
        assert_eq!(read(&["open", "--bare", "list"]), Ok(Invocation::Verb(Command::Open(open))));
        let last = LastArgs { arguments: os(&["-p", "hi"]) };
        assert_eq!(read(&["last", "-p", "hi"]), Ok(Invocation::Verb(Command::Last(last))));
        let rm = WtCommand::Rm { names: vec!["x".into()], force: false };
        let wt = WtArgs { command: Some(rm) };
        assert_eq!(read(&["wt", "rm", "x"]), Ok(Invocation::Verb(Command::Wt(wt))));
    }

    #[test]
    fn what_claude_prints_at_the_end_of_a_session_resumes_it() {
        for flag in ["--resume", "-r", "resume"] {
            let words = os(&["0198", "-p", "x"]);
            let resume = ResumeArgs { yes: false, dir: None, words };
            let expected = Ok(Invocation::Verb(Command::Resume(resume)));
            assert_eq!(read(&[flag, "0198", "-p", "x"]), expected, "{flag}");
        }
        assert!(message(&["-y", "--resume", "0198"]).contains("--resume"), "only where it comes first");
    }

    #[test]
    fn what_a_shell_waits_for_is_the_same_as_the_whole_tree_has_it() {
        for words in [
            &["init", "zsh"][..],
            &["init", "zsh", "--cmd", "ccs", "--no-hook"],
            &["use"],
            &["use", "api"],
            &["use", "-"],
            &["statusline"],
            &["statusline", "--preview"],
            &["off"],
        ] {
            let all = [&["cs"], words].concat();
            let whole = by_clap(os(&all));
            assert!(matches!(whole, Ok(Invocation::Verb(_))), "{words:?}");
            assert_eq!(read(words), whole);
            assert!(alone(&os(&all)).is_some(), "{words:?}");
        }
        for words in [&["init", "--help"][..], &["use", "a", "b"], &["off", "x"], &["statusline", "x"]] {
            assert!(alone(&os(&[&["cs"], words].concat())).is_none(), "{words:?}");
        }
    }

    #[test]
    fn a_start_up_file_is_given_something_harmless_where_its_line_is_wrong() {
        let evaluated = |words: &[&str]| read(words).expect_err("it is refused").evaluated;
        assert!(evaluated(&["init", "zsh", "--no-such"]));
        assert!(!evaluated(&["list", "--no-such"]) && !evaluated(&["--no-such"]));
    }

    #[test]
    fn what_makes_no_sense_is_told_in_our_words() {
        let Misread { failure, .. } = read(&["--model", "opus"]).expect_err("it is refused");
        assert_eq!(failure.message, "unexpected argument '--model' found");
        assert_eq!(failure.hints[0], "Claude's own options come after a name: cs NAME -p 'a prompt'");
        let Misread { failure, .. } = read(&["rename", "api"]).expect_err("it is refused");
        assert_eq!(failure.message, "the following required arguments were not provided:");
        assert!(!failure.hints.iter().any(|hint| hint.contains("For more information")), "{failure:?}");
    }

    #[test]
    fn help_and_the_version_are_printed() {
        let printed = |words: &[&str]| match read(words) {
            Ok(Invocation::Print(text)) => text,
            other => panic!("{other:?}"),
        };
        for words in [&["--help"][..], &["-h"], &["help"]] {
            assert_eq!(printed(words), crate::cli::help(), "{words:?}");
        }
        assert_eq!(printed(&["-V"]), format!("cs {}\n", env!("CARGO_PKG_VERSION")));
        assert!(printed(&["init", "--help"]).contains("Usage: cs init"));
        assert!(printed(&["help", "wt", "rm"]).contains("Usage: cs wt rm"));
    }

    #[test]
    fn internal_words_and_the_name_it_was_started_by_are_no_part_of_what_people_type() {
        for internal in Internal::ALL {
            let expected = Ok(Invocation::Internal(*internal, os(&["a", "--help"])));
            assert_eq!(read(&[internal.word(), "a", "--help"]), expected);
        }
        let claude = |words: &[&str]| Ok(Invocation::Internal(Internal::Claude, os(words)));
        for name in ["claude", "/home/me/.local/share/cs/shim/claude", "claude.exe"] {
            assert_eq!(Invocation::read(os(&[name])), claude(&[]));
            assert_eq!(Invocation::read(os(&[name, "__tidy", "x"])), claude(&["__tidy", "x"]));
            assert_eq!(Invocation::read(os(&[name, "--resume", "x"])), claude(&["--resume", "x"]));
        }
        let stand_in = Ok(Invocation::Internal(Internal::StandIn, os(&["-p"])));
        assert_eq!(Invocation::read(os(&["/tmp/bin/__stand-in", "-p"])), stand_in);
    }
}
