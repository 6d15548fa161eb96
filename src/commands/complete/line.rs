//! What belongs where the cursor is, as far as the command line alone says. Pure.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Args, Command, CommandFactory, Id, ValueEnum};
use clap_complete::engine::{self, ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use super::Candidate;
use crate::claude::{self, Fits};
use crate::cli::{Cli, StartOptions};
use crate::model::verb::{self, Slot, Verb};
use crate::model::{Isolation, SHAREABLE, SWITCHES};
use crate::shell::Shell;
use crate::work::profiles;

/// What fits where the cursor is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// What is looked up for a slot, whose words begin with this prefix; then these words.
    Words { slot: Option<(String, Slot)>, words: Vec<Candidate> },
    /// A command line of its own, which begins with the word of this number.
    Command(usize),
}

/// What fits as the word that begins with `typed`, after `words`.
pub(super) fn offer(words: &[OsString], typed: &str) -> Offer {
    let root = StartOptions::augment_args(Command::new("cs").version(env!("CARGO_PKG_VERSION")));
    let own = match first_word(&root, words) {
        Stands::InOption => return by_clap(&root, &[], words, typed),
        Stands::AfterOptions => &[],
        Stands::Word(at) => &words[at..],
    };
    let first = own.first().and_then(|word| word.to_str());
    // To build the whole tree where no verb stands would make a Tab a sixth slower.
    if first.is_some_and(|word| word == "help" || verb::find(word).is_some()) {
        return below(&Cli::command(), words, own, typed);
    }
    // A first word that is no verb is what that of `cs open` is.
    match handed_on(verb::of("open").takes, &root, words.len(), own, typed) {
        // After an option there is a name, and no verb.
        Offer::Words { slot, .. } if words.is_empty() && !typed.starts_with('-') => {
            Offer::Words { slot, words: verbs(typed) }
        }
        offer => offer,
    }
}

/// What fits after `rest`, the words from a verb on.
fn below(root: &Command, words: &[OsString], mut rest: &[OsString], typed: &str) -> Offer {
    let mut command = root;
    let mut known: Option<&Verb> = None;
    loop {
        let takes = known.map_or(&[][..], |verb| verb.takes);
        let own = match first_word(command, rest) {
            Stands::InOption => return by_clap(command, takes, rest, typed),
            Stands::AfterOptions => &[],
            Stands::Word(at) => &rest[at..],
        };
        let word = own.first().and_then(|word| word.to_str()).unwrap_or_default();
        let found = known.map_or_else(|| verb::find(word), |verb| verb.find_below(word));
        if let Some(verb) = found
            && let Some(inner) = command.find_subcommand(verb.name)
        {
            (command, known, rest) = (inner, Some(verb), &own[1..]);
        } else if word == "help" && command.has_subcommands() {
            return help(command, &own[1..], typed);
        } else if takes.last().is_some_and(|slot| slot.is_rest()) {
            return handed_on(takes, command, words.len(), own, typed);
        } else {
            return by_clap(command, takes, rest, typed);
        }
    }
}

/// What fits after `own`, the words of a verb that hands on what follows its first ones. `words` is how many
/// there are in all.
fn handed_on(takes: &[Slot], command: &Command, words: usize, own: &[OsString], typed: &str) -> Offer {
    let at = own.len().min(takes.len() - 1);
    let before = &own[at..];
    match takes[at] {
        Slot::Claude => claudes(before, typed),
        Slot::Login => claudes(&[&["auth".into(), "login".into()], before].concat(), typed),
        Slot::Command if before.is_empty() && typed.starts_with('-') => {
            let dashes = "--".starts_with(typed).then(|| Candidate::new("--", "what follows is the command"));
            Offer::Words { slot: None, words: dashes.into_iter().collect() }
        }
        Slot::Command => {
            let dashes = before.first().is_some_and(|word| word == "--");
            Offer::Command(words - before.len() + usize::from(dashes))
        }
        // Options stand before the first word only.
        _ if own.is_empty() && typed.starts_with('-') => by_clap(command, takes, &[], typed),
        Slot::New => Offer::Words { slot: None, words: Vec::new() },
        slot => Offer::Words { slot: Some((String::new(), slot)), words: Vec::new() },
    }
}

fn claudes(before: &[OsString], typed: &str) -> Offer {
    let offered = claude::offered(before, typed);
    let prefix = offered.prefix.to_owned();
    let slot = match offered.what {
        Fits::Directories => Slot::Directory,
        Fits::Files => Slot::File,
        Fits::Words(words) => {
            let words = words.into_iter().map(|(word, about)| Candidate::new(prefix.clone() + word, about));
            return Offer::Words { slot: None, words: words.collect() };
        }
    };
    Offer::Words { slot: Some((prefix, slot)), words: Vec::new() }
}

/// The verbs that begin with `typed`; another name of one only where it begins so and the first
/// does not.
fn verbs(typed: &str) -> Vec<Candidate> {
    let fits = |verb: &Verb| verb.words().find(|word| word.starts_with(typed));
    verb::all().filter_map(|verb| Some(Candidate::new(fits(verb)?, verb.brief))).collect()
}

/// What fits after `help`, as clap has it.
fn help(command: &Command, words: &[OsString], typed: &str) -> Offer {
    let found = words.iter().try_fold(command, |command, word| command.find_subcommand(word));
    let below = found.into_iter().flat_map(Command::get_subcommands);
    let fits = below.filter(|verb| !verb.is_hide_set() && verb.get_name().starts_with(typed));
    let words = fits.map(|verb| Candidate::new(verb.get_name(), first_line(verb.get_about()))).collect();
    Offer::Words { slot: None, words }
}

fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

/// How far the options of a command go.
enum Stands {
    /// The cursor is at the value of the last one.
    InOption,
    /// All words are options and their values.
    AfterOptions,
    /// The word of this number is neither.
    Word(usize),
}

fn first_word(command: &Command, words: &[OsString]) -> Stands {
    let takes_value = |found: Option<&Arg>| found.is_some_and(|arg| arg.get_action().takes_values());
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let word = word.to_str().unwrap_or_default();
        let awaits_value = if let Some(long) = word.strip_prefix("--") {
            takes_value(command.get_arguments().find(|arg| arg.get_long() == Some(long)))
        } else if let Some(shorts) = word.strip_prefix('-').filter(|shorts| !shorts.is_empty()) {
            // What follows the first one that takes a value is its value.
            let mut shorts = shorts.chars();
            shorts
                .any(|short| takes_value(command.get_arguments().find(|arg| arg.get_short() == Some(short))))
                && shorts.as_str().is_empty()
        } else {
            return Stands::Word(at);
        };
        at += 1;
        if awaits_value {
            if at == words.len() {
                return Stands::InOption;
            }
            at += 1;
        }
    }
    Stands::AfterOptions
}

/// What clap says that fits: options only where the word begins with `-`.
fn by_clap(command: &Command, takes: &[Slot], words: &[OsString], typed: &str) -> Offer {
    let mut command = with_slots(command, takes);
    let at = words.len() + 1;
    // For a bare dash clap would offer short options, and hide the long ones behind them.
    let asked = if typed == "-" { "--" } else { typed };
    let arguments = [&[command.get_name().into()], words, &[asked.into()]].concat();
    let found = engine::complete(&mut command, arguments, at, None).unwrap_or_default();
    let (mut slot, mut fits) = (None, Vec::new());
    for candidate in found.iter().filter(|candidate| !candidate.is_hide_set()) {
        let Some(value) = candidate.get_value().to_str() else { continue };
        if let Some((prefix, mark)) = value.split_once(MARK) {
            slot = slot.or(of_mark(mark).map(|slot| (prefix.to_owned(), slot)));
        } else if (typed.starts_with('-') || !value.starts_with('-')) && value != "help" {
            fits.push(Candidate::new(value, first_line(candidate.get_help())));
        }
    }
    Offer::Words { slot, words: fits }
}

/// Stands before what clap is given in the place of what is looked up afterwards.
const MARK: char = '\u{1}';

/// What is looked up, or left to the shell.
const LOOKED_UP: [Slot; 10] = [
    Slot::Name,
    Slot::NameOrDash,
    Slot::Session,
    Slot::Resumable,
    Slot::Profile,
    Slot::Worktree,
    Slot::Branch,
    Slot::Trash,
    Slot::Directory,
    Slot::File,
];

fn of_mark(mark: &str) -> Option<Slot> {
    LOOKED_UP.into_iter().find(|slot| format!("{slot:?}") == mark)
}

/// The command of a verb that takes these words, each of its arguments with what fits it.
fn with_slots(command: &Command, takes: &[Slot]) -> Command {
    let own: Vec<Id> = command.get_positionals().map(|arg| arg.get_id().clone()).collect();
    command.clone().mut_args(|arg| {
        let slot = match own.iter().position(|id| id == arg.get_id()) {
            Some(at) => takes.get(at).copied(),
            None => slot_of_option(&arg),
        };
        with_slot(slot, arg)
    })
}

/// An argument with what fits it.
fn with_slot(slot: Option<Slot>, arg: Arg) -> Arg {
    match (slot, arg.get_id().as_str()) {
        // What makes clap say that this belongs in the argument's place.
        (Some(slot), _) if LOOKED_UP.contains(&slot) => arg.add(ArgValueCompleter::new(move |_: &OsStr| {
            vec![CompletionCandidate::new(format!("{MARK}{slot:?}"))]
        })),
        (Some(Slot::Shell), _) => arg.add(ArgValueCandidates::new(|| {
            let supported = Shell::value_variants().iter().filter(|shell| shell.is_supported());
            words(supported.map(|shell| shell.name()))
        })),
        (Some(Slot::Item), _) => arg.add(ArgValueCandidates::new(|| {
            let items = SHAREABLE.iter().chain(SWITCHES).chain(&["history"]);
            items
                .flat_map(|item| {
                    ["link", "private"].map(|mode| CompletionCandidate::new(format!("{item}={mode}")))
                })
                .collect()
        })),
        (None, "isolation") => {
            arg.add(ArgValueCandidates::new(|| words(Isolation::ALL.map(|(word, _)| word))))
        }
        (None, "provider") => arg.add(ArgValueCandidates::new(|| {
            let known = profiles::create::providers().into_iter();
            known.map(|(name, title)| CompletionCandidate::new(name).help(Some(title.into()))).collect()
        })),
        _ => arg,
    }
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<CompletionCandidate> {
    words.into_iter().map(CompletionCandidate::new).collect()
}

/// What fits an option, whichever verb it belongs to: most say so by what they call their value.
fn slot_of_option(arg: &Arg) -> Option<Slot> {
    let value = arg.get_value_names().and_then(<[_]>::first)?;
    match (arg.get_id().as_str(), value.as_str()) {
        ("profile" | "inherit", _) => Some(Slot::Profile),
        (_, "DIRECTORY") => Some(Slot::Directory),
        (_, "FILE") => Some(Slot::File),
        (_, "BRANCH" | "REF") => Some(Slot::Branch),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str], typed: &str) -> Offer {
        offer(&words.iter().map(OsString::from).collect::<Vec<_>>(), typed)
    }

    /// What is looked up, and the words that are offered beside it.
    fn shown(words: &[&str], typed: &str) -> (Option<Slot>, Vec<String>) {
        match of(words, typed) {
            Offer::Words { slot, words } => {
                (slot.map(|(_, slot)| slot), words.into_iter().map(|candidate| candidate.value).collect())
            }
            Offer::Command(at) => panic!("a command from word {at} on"),
        }
    }

    fn slot(words: &[&str], typed: &str) -> Option<Slot> {
        let (slot, words) = shown(words, typed);
        assert_eq!(words, Vec::<String>::new());
        slot
    }

    fn words(words: &[&str], typed: &str) -> Vec<String> {
        let (slot, words) = shown(words, typed);
        assert_eq!(slot, None);
        words
    }

    #[test]
    fn the_first_word_is_a_name_or_a_verb_and_an_option_only_after_a_dash() {
        let (slot, first) = shown(&[], "");
        assert_eq!((slot, first.len()), (Some(Slot::Name), verb::all().count()));
        assert_eq!(shown(&[], "re").1, ["resume", "rename", "restore"]);
        assert_eq!(shown(&[], "l").1, ["list", "last"]);
        assert_eq!(shown(&[], "ls").1, ["ls"], "another name of a verb, where only it fits");
        assert_eq!(shown(&["--profile", "work"], ""), (Some(Slot::Name), vec![]), "then a verb is refused");
        assert_eq!(words(&[], "--pro"), ["--profile"]);
        assert!(words(&[], "-").contains(&"--isolation".to_owned()));
        assert_eq!(words(&["help"], "profile"), ["profile"]);
        assert_eq!(words(&["help", "profile"], "cr"), ["create"]);
    }

    #[test]
    fn names_stand_where_a_verb_takes_one() {
        for verb in ["show", "env", "path", "bind", "open", "exec"] {
            assert_eq!(slot(&[verb], ""), Some(Slot::Name), "{verb}");
        }
        for verb in ["rename", "rm", "fork", "cd"] {
            assert_eq!(slot(&[verb], ""), Some(Slot::Session), "{verb}");
        }
        for verb in ["show", "default", "login", "edit", "remove"] {
            assert_eq!(slot(&["profile", verb], ""), Some(Slot::Profile), "{verb}");
        }
        for verb in ["share", "sync"] {
            assert_eq!(slot(&["profile", verb], ""), Some(Slot::Name), "{verb}: sessions too");
        }
        assert_eq!(words(&["profile", "share", "work"], "skills=p"), ["skills=private"]);
        assert_eq!(slot(&["auth", "login"], "w"), Some(Slot::Profile));
        assert_eq!(slot(&["rm", "api", "web"], ""), Some(Slot::Session));
        assert_eq!(slot(&["restore"], ""), Some(Slot::Trash));
        assert_eq!(slot(&["use"], ""), Some(Slot::NameOrDash));
        assert_eq!(slot(&["resume"], ""), Some(Slot::Resumable));
        for (new, typed) in [(&["new"][..], ""), (&["rename", "api"], ""), (&["fork", "api"], "-")] {
            assert_eq!(slot(new, typed), None, "{new:?}: a new name is for a person to choose");
        }
    }

    #[test]
    fn options_are_followed_by_what_they_take() {
        for option in ["--profile", "-P"] {
            assert_eq!(slot(&[option], ""), Some(Slot::Profile));
            assert_eq!(slot(&["new", "--bare", option], ""), Some(Slot::Profile));
            assert_eq!(slot(&["list", option], ""), Some(Slot::Profile));
        }
        let prefixed = |typed| match of(&[], typed) {
            Offer::Words { slot, words } if words.is_empty() => slot,
            other => panic!("{other:?}"),
        };
        assert_eq!(prefixed("--profile=w"), Some(("--profile=".into(), Slot::Profile)));
        assert_eq!(prefixed("-Pw"), Some(("-P".into(), Slot::Profile)));
        assert_eq!(prefixed("--dir=~/x"), Some(("--dir=".into(), Slot::Directory)));
        assert_eq!(slot(&["-yd"], ""), Some(Slot::Directory), "the last of some short ones takes it");
        assert_eq!(shown(&["-d/tmp"], "").0, Some(Slot::Name), "it has its value already");
        assert_eq!(words(&["--isolation"], ""), ["config-dir", "home", "sandbox", "none"]);
        assert_eq!(words(&["env", "api", "--shell"], "power"), ["powershell"]);
        assert_eq!(words(&["init"], ""), ["bash", "zsh", "fish", "powershell"]);
        assert_eq!(words(&["completions"], ""), words(&["init"], ""));
        assert!(words(&["profile", "create", "x", "--provider"], "").contains(&"kimi".to_owned()));
        assert_eq!(slot(&["profile", "create", "x", "--token-file"], ""), Some(Slot::File));
        for words in [&["allow"][..], &["deny"], &["man"], &["profile", "adopt", "x"], &["bind", "--dir"]] {
            assert_eq!(slot(words, ""), Some(Slot::Directory), "{words:?}");
        }
    }

    #[test]
    fn what_follows_a_name_is_claudes() {
        for before in [&["api"][..], &["-P", "work", "api"], &["open", "api"], &["last"], &["fork", "a", "b"]]
        {
            assert_eq!(words(before, "--mo"), ["--model"], "{before:?}");
            assert_eq!(words(before, "mc"), ["mcp"], "{before:?}");
        }
        assert_eq!(words(&["new", "--bare", "api", "--model"], "op"), ["opus"]);
        assert_eq!(words(&["api"], "--model=ha"), ["--model=haiku"]);
        assert_eq!(slot(&["api", "--add-dir"], ""), Some(Slot::Directory));
        assert_eq!(words(&["profile", "login", "work"], "--ss"), ["--sso"]);
        assert_eq!(words(&["a prompt"], ""), words(&["api"], ""), "what is no name is taken for one here");
    }

    #[test]
    fn what_follows_exec_is_a_command_line_of_its_own() {
        assert_eq!(of(&["exec", "api"], ""), Offer::Command(2));
        assert_eq!(of(&["exec", "api", "--"], ""), Offer::Command(3));
        assert_eq!(of(&["exec", "api", "--", "ls", "-l"], "-"), Offer::Command(3));
        assert_eq!(words(&["exec", "api"], "-"), ["--"]);
    }

    /// Every argument that takes a value and for which nothing is offered, by verb. `verb` is what `command`
    /// stands for.
    fn left_alone(command: &Command, path: &str, verb: Option<&Verb>) -> Vec<String> {
        let takes = verb.map_or(&[][..], |verb| verb.takes);
        let handed_on = takes.last().is_some_and(|slot| slot.is_rest());
        let mut found = Vec::new();
        for arg in with_slots(command, takes).get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let known = arg.get::<ArgValueCompleter>().is_some()
                || arg.get::<ArgValueCandidates>().is_some()
                || !arg.get_possible_values().is_empty()
                || (handed_on && arg.is_positional());
            if !known {
                found.push(format!("{path}{}", arg.get_id()));
            }
        }
        for below in command.get_subcommands() {
            let name = below.get_name();
            let verb = verb.map_or_else(|| verb::find(name), |verb| verb.find_below(name));
            assert!(verb.is_some(), "{path}{name} is not in the table");
            found.extend(left_alone(below, &format!("{path}{name} "), verb));
        }
        found
    }

    #[test]
    fn an_argument_for_which_nothing_is_offered_is_text_that_only_a_person_knows() {
        let found = left_alone(&Cli::command(), "", None);
        let text = [
            "wt finish message",
            "wt gc older_than",
            "rename new",
            "restore new",
            "cleanup older_than",
            "trash empty older_than",
            "import new",
            "usage since",
            "statusline theme",
            "statusline format",
            "profile create name",
            "profile create base_url",
            "profile create model",
            "profile create token_env",
            "profile create token_command",
            "profile create token",
            "profile share history",
            "profile sync take",
            "profile adopt name",
            "bind remote",
            "init cmd",
        ];
        assert_eq!(found, text, "left: what nothing is offered for");
    }
}
