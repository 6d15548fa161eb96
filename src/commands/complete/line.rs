//! What belongs where the cursor is, as far as the command line alone says. Pure.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Args, Command, CommandFactory, ValueEnum, ValueHint};
use clap_complete::engine::{self, ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use super::Candidate;
use crate::claude::{self, Fits};
use crate::cli::{Cli, StartOptions};
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

/// A place for something that is looked up, or that the shell knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Sessions and profiles.
    Names,
    /// The same, and `-` for the one before.
    NamesOrDash,
    Sessions,
    /// Sessions, by what they are about; and ids.
    Resumable,
    Profiles,
    /// Worktrees of this repository; sessions elsewhere.
    Worktrees,
    /// Branches of this repository.
    Branches,
    Trash,
    Directories,
    Files,
}

/// What follows the words of a verb's own, word for word.
#[derive(Clone, Copy)]
enum Then {
    /// Arguments for Claude.
    Claude,
    /// Arguments for `claude auth login`.
    Login,
    /// A command line.
    Command,
}

/// A verb whose words are in one list for clap.
struct HandsOn {
    verb: &'static [&'static str],
    /// What its first words are; nothing is offered for a new name.
    own: &'static [Option<Slot>],
    /// What follows them.
    then: Then,
}

const HANDS_ON: &[HandsOn] = &[
    // `cs` itself, whose first word may be a verb as well.
    HandsOn { verb: &[], own: &[Some(Slot::Names)], then: Then::Claude },
    HandsOn { verb: &["open"], own: &[Some(Slot::Names)], then: Then::Claude },
    HandsOn { verb: &["new"], own: &[None], then: Then::Claude },
    HandsOn { verb: &["resume"], own: &[Some(Slot::Resumable)], then: Then::Claude },
    HandsOn { verb: &["last"], own: &[], then: Then::Claude },
    HandsOn { verb: &["wt", "open"], own: &[Some(Slot::Worktrees)], then: Then::Claude },
    HandsOn { verb: &["fork"], own: &[Some(Slot::Sessions), None], then: Then::Claude },
    HandsOn { verb: &["exec"], own: &[Some(Slot::Names)], then: Then::Command },
    HandsOn { verb: &["profile", "login"], own: &[Some(Slot::Profiles)], then: Then::Login },
];

/// Arguments with a slot, by verb and the argument's name. Options have theirs in [`slot_of_option`].
const SLOTS: &[(&[&str], &str, Slot)] = &[
    (&["show"], "name", Slot::Names),
    (&["env"], "name", Slot::Names),
    (&["path"], "name", Slot::Names),
    (&["rename"], "name", Slot::Sessions),
    (&["rm"], "names", Slot::Sessions),
    (&["restore"], "name", Slot::Trash),
    (&["attach"], "name", Slot::Sessions),
    (&["wt", "finish"], "name", Slot::Worktrees),
    (&["wt", "rm"], "names", Slot::Worktrees),
    (&["cleanup"], "names", Slot::Sessions),
    (&["trash", "empty"], "names", Slot::Trash),
    (&["du"], "name", Slot::Names),
    (&["doctor"], "name", Slot::Names),
    (&["export"], "words", Slot::Sessions),
    (&["import"], "source", Slot::Files),
    (&["import"], "from", Slot::Directories),
    (&["usage"], "name", Slot::Names),
    (&["profile", "share"], "name", Slot::Names),
    (&["use"], "name", Slot::NamesOrDash),
    (&["cd"], "name", Slot::Sessions),
    (&["bind"], "name", Slot::Names),
    (&["allow"], "path", Slot::Directories),
    (&["deny"], "path", Slot::Directories),
    (&["man"], "directory", Slot::Directories),
    (&["profile", "show"], "name", Slot::Profiles),
    (&["profile", "default"], "name", Slot::Profiles),
    (&["profile", "edit"], "name", Slot::Profiles),
    (&["profile", "sync"], "name", Slot::Names),
    (&["profile", "remove"], "name", Slot::Profiles),
    (&["profile", "adopt"], "directory", Slot::Directories),
];

/// The verbs by all their names, in the order of clap's tree, which a test holds them against, and in
/// fewer words than there. To build the whole tree would make a Tab a sixth slower.
const VERBS: &[(&[&str], &str)] = &[
    (&["open"], "resume a session, or make it here"),
    (&["new"], "make a session"),
    (&["list", "ls"], "list sessions and profiles"),
    (&["resume"], "resume a session, by name or id"),
    (&["last"], "resume the session used last"),
    (&["show"], "all about a session or profile"),
    (&["exec"], "run any program in a session"),
    (&["attach"], "show a session that runs in tmux"),
    (&["wt"], "worktrees: list, open, finish, remove"),
    (&["fork"], "go on from a copy of a conversation"),
    (&["env"], "print the variables of a session"),
    (&["path"], "print the config directory of a session"),
    (&["rename"], "give a session another name"),
    (&["rm"], "move sessions to the trash"),
    (&["restore"], "bring something back from the trash"),
    (&["cleanup"], "find what can go, and take it away"),
    (&["trash"], "list the trash, or empty it"),
    (&["du"], "how much room everything takes"),
    (&["doctor"], "look for what is wrong, and repair it"),
    (&["export"], "write sessions to a file"),
    (&["import"], "take over sessions and profiles"),
    (&["usage"], "tokens and cost, from the transcripts"),
    (&["top"], "what the open sessions use"),
    (&["statusline"], "a status line for Claude"),
    (&["config"], "show or edit the settings"),
    (&["profile", "auth"], "profiles: accounts and API endpoints"),
    (&["use"], "enter a session in this shell"),
    (&["off"], "leave it again"),
    (&["cd"], "go to the directory of a session"),
    (&["bind"], "bind a directory to a profile or session"),
    (&["allow"], "let a .cs.toml choose the profile"),
    (&["deny"], "never let it"),
    (&["init"], "print the code for your shell"),
    (&["completions"], "print a static completion script"),
    (&["shim"], "a claude for editors and scripts"),
    (&["prompt"], "print a piece for your prompt"),
    (&["man"], "print or write the manual pages"),
    (&["tour"], "see it work, in a throw-away place"),
];

/// What fits as the word that begins with `typed`, after `words`.
pub(super) fn offer(words: &[OsString], typed: &str) -> Offer {
    let root = StartOptions::augment_args(Command::new("cs").version(env!("CARGO_PKG_VERSION")));
    let own = match first_word(&root, words) {
        Stands::InOption => return by_clap(&root, &[], words, typed),
        Stands::AfterOptions => &[],
        Stands::Word(at) => &words[at..],
    };
    let is_verb = |word: &OsString| VERBS.iter().any(|(names, _)| names.iter().any(|name| word == name));
    if own.first().is_some_and(|word| word == "help" || is_verb(word)) {
        return below(&Cli::command(), words, own, typed);
    }
    of_hands_on(&HANDS_ON[0], &root, words, own, typed)
}

/// What fits after `rest`, the words from a verb on.
fn below(root: &Command, words: &[OsString], mut rest: &[OsString], typed: &str) -> Offer {
    let (mut command, mut path) = (root, Vec::new());
    loop {
        let own = match first_word(command, rest) {
            Stands::InOption => return by_clap(command, &path, rest, typed),
            Stands::AfterOptions => &[],
            Stands::Word(at) => &rest[at..],
        };
        let word = own.first().and_then(|word| word.to_str()).unwrap_or_default();
        if let Some(found) = command.find_subcommand(word) {
            path.push(found.get_name());
            (command, rest) = (found, &own[1..]);
        } else if word == "help" && command.has_subcommands() {
            return help(command, &own[1..], typed);
        } else if let Some(verb) = HANDS_ON.iter().find(|known| known.verb == path) {
            return of_hands_on(verb, command, words, own, typed);
        } else {
            return by_clap(command, &path, rest, typed);
        }
    }
}

/// What fits after `own`, the words of a verb that hands on what follows its first ones. `words` are
/// all there are.
fn of_hands_on(
    verb: &HandsOn,
    command: &Command,
    words: &[OsString],
    own: &[OsString],
    typed: &str,
) -> Offer {
    match verb.own.get(own.len()) {
        // Options stand before the first word only.
        Some(_) if own.is_empty() && typed.starts_with('-') => by_clap(command, verb.verb, &[], typed),
        Some(slot) => {
            // After an option there is a name, and no verb.
            let verbs = if verb.verb.is_empty() && words.is_empty() { verbs(typed) } else { Vec::new() };
            Offer::Words { slot: slot.map(|slot| (String::new(), slot)), words: verbs }
        }
        None => beyond(verb.then, words.len(), &own[verb.own.len()..], typed),
    }
}

/// What fits after the words that are a verb's own; `before` are those that follow them already.
fn beyond(then: Then, words: usize, before: &[OsString], typed: &str) -> Offer {
    match then {
        Then::Command if before.is_empty() && typed.starts_with('-') => {
            let dashes = "--".starts_with(typed).then(|| Candidate::new("--", "what follows is the command"));
            Offer::Words { slot: None, words: dashes.into_iter().collect() }
        }
        Then::Command => {
            let dashes = before.first().is_some_and(|word| word == "--");
            Offer::Command(words - before.len() + usize::from(dashes))
        }
        Then::Claude => claudes(before, typed),
        Then::Login => claudes(&[&["auth".into(), "login".into()], before].concat(), typed),
    }
}

fn claudes(before: &[OsString], typed: &str) -> Offer {
    let offered = claude::offered(before, typed);
    let prefix = offered.prefix.to_owned();
    let slot = match offered.what {
        Fits::Directories => Slot::Directories,
        Fits::Files => Slot::Files,
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
    let fits = |names: &[&'static str]| names.iter().find(|name| name.starts_with(typed)).copied();
    VERBS.iter().filter_map(|(names, about)| Some(Candidate::new(fits(names)?, *about))).collect()
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
fn by_clap(command: &Command, path: &[&str], words: &[OsString], typed: &str) -> Offer {
    let mut command = command.clone().mut_args(|arg| with_slot(path, arg));
    let at = words.len() + 1;
    // For a bare dash clap would offer short options, and hide the long ones behind them.
    let asked = if typed == "-" { "--" } else { typed };
    let arguments = [&[command.get_name().into()], words, &[asked.into()]].concat();
    let found = engine::complete(&mut command, arguments, at, None).unwrap_or_default();
    let (mut slot, mut fits) = (None, Vec::new());
    for candidate in found.iter().filter(|candidate| !candidate.is_hide_set()) {
        let Some(value) = candidate.get_value().to_str() else { continue };
        if let Some((prefix, mark)) = value.split_once(MARK) {
            slot = slot.or(Slot::of_mark(mark).map(|slot| (prefix.to_owned(), slot)));
        } else if (typed.starts_with('-') || !value.starts_with('-')) && value != "help" {
            fits.push(Candidate::new(value, first_line(candidate.get_help())));
        }
    }
    Offer::Words { slot, words: fits }
}

/// Stands before what clap is given in the place of what is looked up afterwards.
const MARK: char = '\u{1}';

impl Slot {
    const ALL: [Self; 10] = [
        Self::Names,
        Self::NamesOrDash,
        Self::Sessions,
        Self::Resumable,
        Self::Profiles,
        Self::Worktrees,
        Self::Branches,
        Self::Trash,
        Self::Directories,
        Self::Files,
    ];

    fn of_mark(mark: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| format!("{slot:?}") == mark)
    }

    /// What makes clap say that this belongs in an argument's place.
    fn completer(self) -> ArgValueCompleter {
        ArgValueCompleter::new(move |_: &OsStr| vec![CompletionCandidate::new(format!("{MARK}{self:?}"))])
    }
}

/// An argument of the verb at `path`, with what fits it.
fn with_slot(path: &[&str], arg: Arg) -> Arg {
    let id = arg.get_id().as_str();
    let slot = SLOTS.iter().find(|(verb, name, _)| *verb == path && *name == id).map(|(.., slot)| *slot);
    if let Some(slot) = slot.or_else(|| slot_of_option(&arg)) {
        return arg.add(slot.completer());
    }
    match (path, id) {
        (_, "isolation") => arg.add(ArgValueCandidates::new(|| words(Isolation::ALL.map(|(word, _)| word)))),
        (["init"], "shell") => arg.add(ArgValueCandidates::new(|| {
            let supported = Shell::value_variants().iter().filter(|shell| shell.is_supported());
            words(supported.map(|shell| shell.name()))
        })),
        (["profile", "create"], "provider") => arg.add(ArgValueCandidates::new(|| {
            let known = profiles::create::providers().into_iter();
            known.map(|(name, title)| CompletionCandidate::new(name).help(Some(title.into()))).collect()
        })),
        (["profile", "share"], "items") => arg.add(ArgValueCandidates::new(|| {
            let items = SHAREABLE.iter().chain(SWITCHES).chain(&["history"]);
            items
                .flat_map(|item| {
                    ["link", "private"].map(|mode| CompletionCandidate::new(format!("{item}={mode}")))
                })
                .collect()
        })),
        _ => arg,
    }
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<CompletionCandidate> {
    words.into_iter().map(CompletionCandidate::new).collect()
}

/// What fits an option, whichever verb it belongs to.
fn slot_of_option(arg: &Arg) -> Option<Slot> {
    match arg.get_id().as_str() {
        "profile" | "inherit" => Some(Slot::Profiles),
        "dir" => Some(Slot::Directories),
        "branch" | "from" | "onto" => Some(Slot::Branches),
        _ => (arg.get_value_hint() == ValueHint::AnyPath).then_some(Slot::Files),
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
    fn the_verbs_are_those_of_the_command_line_in_its_order() {
        let root = Cli::command();
        let visible = root.get_subcommands().filter(|verb| !verb.is_hide_set());
        let all: Vec<Vec<&str>> = visible
            .map(|verb| std::iter::once(verb.get_name()).chain(verb.get_visible_aliases()).collect())
            .collect();
        assert_eq!(VERBS.iter().map(|(names, _)| names.to_vec()).collect::<Vec<_>>(), all);
        for (names, about) in VERBS {
            assert!(!about.is_empty() && about.len() <= 48, "{names:?}: a line beside the name");
        }
    }

    #[test]
    fn the_first_word_is_a_name_or_a_verb_and_an_option_only_after_a_dash() {
        let (slot, first) = shown(&[], "");
        assert_eq!((slot, first.len()), (Some(Slot::Names), VERBS.len()));
        assert_eq!(shown(&[], "re").1, ["resume", "rename", "restore"]);
        assert_eq!(shown(&[], "l").1, ["list", "last"]);
        assert_eq!(shown(&[], "ls").1, ["ls"], "another name of a verb, where only it fits");
        assert_eq!(shown(&["--profile", "work"], ""), (Some(Slot::Names), vec![]), "then a verb is refused");
        assert_eq!(words(&[], "--pro"), ["--profile"]);
        assert!(words(&[], "-").contains(&"--isolation".to_owned()));
        assert_eq!(words(&["help"], "profile"), ["profile"]);
        assert_eq!(words(&["help", "profile"], "cr"), ["create"]);
    }

    #[test]
    fn names_stand_where_a_verb_takes_one() {
        for verb in ["show", "env", "path", "bind", "open", "exec"] {
            assert_eq!(slot(&[verb], ""), Some(Slot::Names), "{verb}");
        }
        for verb in ["rename", "rm", "fork", "cd"] {
            assert_eq!(slot(&[verb], ""), Some(Slot::Sessions), "{verb}");
        }
        for verb in ["show", "default", "login", "edit", "remove"] {
            assert_eq!(slot(&["profile", verb], ""), Some(Slot::Profiles), "{verb}");
        }
        for verb in ["share", "sync"] {
            assert_eq!(slot(&["profile", verb], ""), Some(Slot::Names), "{verb}: sessions too");
        }
        assert_eq!(words(&["profile", "share", "work"], "skills=p"), ["skills=private"]);
        assert_eq!(slot(&["auth", "login"], "w"), Some(Slot::Profiles));
        assert_eq!(slot(&["rm", "api", "web"], ""), Some(Slot::Sessions));
        assert_eq!(slot(&["restore"], ""), Some(Slot::Trash));
        assert_eq!(slot(&["use"], ""), Some(Slot::NamesOrDash));
        assert_eq!(slot(&["resume"], ""), Some(Slot::Resumable));
        for (new, typed) in [(&["new"][..], ""), (&["rename", "api"], ""), (&["fork", "api"], "-")] {
            assert_eq!(slot(new, typed), None, "{new:?}: a new name is for a person to choose");
        }
    }

    #[test]
    fn options_are_followed_by_what_they_take() {
        for option in ["--profile", "-P"] {
            assert_eq!(slot(&[option], ""), Some(Slot::Profiles));
            assert_eq!(slot(&["new", "--bare", option], ""), Some(Slot::Profiles));
            assert_eq!(slot(&["list", option], ""), Some(Slot::Profiles));
        }
        let prefixed = |typed| match of(&[], typed) {
            Offer::Words { slot, words } if words.is_empty() => slot,
            other => panic!("{other:?}"),
        };
        assert_eq!(prefixed("--profile=w"), Some(("--profile=".into(), Slot::Profiles)));
        assert_eq!(prefixed("-Pw"), Some(("-P".into(), Slot::Profiles)));
        assert_eq!(prefixed("--dir=~/x"), Some(("--dir=".into(), Slot::Directories)));
        assert_eq!(slot(&["-yd"], ""), Some(Slot::Directories), "the last of some short ones takes it");
        assert_eq!(shown(&["-d/tmp"], "").0, Some(Slot::Names), "it has its value already");
        assert_eq!(words(&["--isolation"], ""), ["config-dir", "home", "sandbox", "none"]);
        assert_eq!(words(&["env", "api", "--shell"], "power"), ["powershell"]);
        assert_eq!(words(&["init"], ""), ["bash", "zsh", "fish", "powershell"]);
        assert_eq!(words(&["completions"], ""), words(&["init"], ""));
        assert!(words(&["profile", "create", "x", "--provider"], "").contains(&"kimi".to_owned()));
        assert_eq!(slot(&["profile", "create", "x", "--token-file"], ""), Some(Slot::Files));
        for words in [&["allow"][..], &["deny"], &["man"], &["profile", "adopt", "x"], &["bind", "--dir"]] {
            assert_eq!(slot(words, ""), Some(Slot::Directories), "{words:?}");
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
        assert_eq!(slot(&["api", "--add-dir"], ""), Some(Slot::Directories));
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

    /// Every argument that takes a value and stands in no list, by verb.
    fn left_alone(command: &Command, path: &mut Vec<String>, found: &mut Vec<String>) {
        let verb: Vec<&str> = path.iter().map(String::as_str).collect();
        let handed_on = HANDS_ON.iter().any(|known| known.verb == verb);
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let known = with_slot(&verb, arg.clone());
            let offers = known.get::<ArgValueCompleter>().is_some()
                || known.get::<ArgValueCandidates>().is_some()
                || !arg.get_possible_values().is_empty();
            let handed_on = handed_on && arg.is_positional();
            if !offers && !handed_on {
                found.push(format!("{} {}", path.join(" "), arg.get_id()));
            }
        }
        for below in command.get_subcommands() {
            path.push(below.get_name().to_owned());
            left_alone(below, path, found);
            path.pop();
        }
    }

    #[test]
    fn an_argument_for_which_nothing_is_offered_is_text_that_only_a_person_knows() {
        let mut found = Vec::new();
        left_alone(&Cli::command(), &mut Vec::new(), &mut found);
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
        for (verb, name, _) in SLOTS {
            let root = Cli::command();
            let command = verb.iter().try_fold(&root, |command, verb| command.find_subcommand(verb));
            let arguments = command.into_iter().flat_map(Command::get_arguments);
            assert!(arguments.into_iter().any(|arg| arg.get_id() == name), "there is no {verb:?} {name}");
        }
    }
}
