//! A command line read by the tree of clap: where its options end, and what fits next.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, Id, ValueEnum};
use clap_complete::engine::{self, ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::model::verb::Slot;
use crate::model::{Candidate, Isolation, SHAREABLE, SWITCHES};
use crate::shell::Shell;

/// How far the options of a command go.
pub(super) enum Stands {
    /// The cursor is at the value of the last one.
    InOption,
    /// All words are options and their values.
    AfterOptions,
    /// The word of this number is neither.
    Word(usize),
}

/// Returns where the first of `words`, which follow `command`, stands that is no option and no value of one.
pub(super) fn first_word(command: &Command, words: &[OsString]) -> Stands {
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

/// Returns what clap says that fits as the word that begins with `typed`, after `words`: the slot of what is
/// looked up there, with what stands before it in the word, and words. Options only where the word begins with `-`.
pub(super) fn fitting(
    command: &Command,
    takes: &[Slot],
    words: &[OsString],
    typed: &str,
) -> (Option<(String, Slot)>, Vec<Candidate>) {
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
    (slot, fits)
}

/// Stands before what clap is given in the place of what is looked up afterwards.
const MARK: char = '\u{1}';

/// The slots that are looked up, or left to the shell.
const LOOKED_UP: [Slot; 11] = [
    Slot::Name,
    Slot::NameOrDash,
    Slot::Session,
    Slot::Resumable,
    Slot::Profile,
    Slot::Provider,
    Slot::Worktree,
    Slot::Branch,
    Slot::Trash,
    Slot::Directory,
    Slot::File,
];

fn of_mark(mark: &str) -> Option<Slot> {
    LOOKED_UP.into_iter().find(|slot| format!("{slot:?}") == mark)
}

/// Returns the command of a verb that takes these words, each of its arguments with what fits it.
pub(super) fn with_slots(command: &Command, takes: &[Slot]) -> Command {
    let own: Vec<Id> = command.get_positionals().map(|arg| arg.get_id().clone()).collect();
    command.clone().mut_args(|arg| {
        let slot = match own.iter().position(|id| id == arg.get_id()) {
            Some(at) => takes.get(at).copied(),
            None => slot_of_option(&arg),
        };
        with_slot(slot, arg)
    })
}

/// Returns an argument with what fits it.
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
        _ => arg,
    }
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<CompletionCandidate> {
    words.into_iter().map(CompletionCandidate::new).collect()
}

/// Returns what fits an option, whichever verb it belongs to: most say so by what they call their value.
fn slot_of_option(arg: &Arg) -> Option<Slot> {
    let value = arg.get_value_names().and_then(<[_]>::first)?;
    match (arg.get_id().as_str(), value.as_str()) {
        ("profile" | "inherit", _) => Some(Slot::Profile),
        ("provider", _) => Some(Slot::Provider),
        (_, "DIRECTORY") => Some(Slot::Directory),
        (_, "FILE") => Some(Slot::File),
        (_, "BRANCH" | "REF") => Some(Slot::Branch),
        _ => None,
    }
}

/// Returns the first line of a help text.
pub(super) fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}
