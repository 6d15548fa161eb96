//! Completion: the words that fit where the cursor is, as far as the command line alone says.
//!
//! Pure: what has to be looked up is a [`Slot`], and what is left to the shell too.
//!
//! See docs/decisions/008-completion-has-glue-of-its-own.md

mod tree;

use std::ffi::OsString;

use clap::{Args, Command, CommandFactory};

use super::{Cli, StartOptions};
use crate::claude::{self, Fits};
use crate::model::Candidate;
use crate::model::verb::{self, Slot, Verb};

use tree::{Stands, first_line, first_word};

/// The words that fit where the cursor is.
#[derive(Debug, PartialEq, Eq)]
pub enum Offer {
    /// Words.
    Words {
        /// The slot that is looked up, or left to the shell, and comes first; each word of it begins with the prefix.
        slot: Option<(String, Slot)>,
        /// The words that are known already.
        words: Vec<Candidate>,
    },
    /// A command line of its own, which begins with the word of this number.
    Command(usize),
}

/// Returns what fits as the word that begins with `typed`, after `words`.
pub fn offer(words: &[OsString], typed: &str) -> Offer {
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

/// Returns what fits after `rest`, the words from a verb on.
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

/// Returns what fits after `own`, the words of a verb that hands on what follows its first ones. `words` is how many
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

/// Returns what fits after `before`, arguments for Claude.
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

/// Returns the verbs that begin with `typed`; another name of one only where it begins so and the first
/// does not.
fn verbs(typed: &str) -> Vec<Candidate> {
    let fits = |verb: &Verb| verb.words().find(|word| word.starts_with(typed));
    verb::all().filter_map(|verb| Some(Candidate::new(fits(verb)?, verb.brief))).collect()
}

/// Returns what the tree of clap says that fits after `words`, which follow `command`.
fn by_clap(command: &Command, takes: &[Slot], words: &[OsString], typed: &str) -> Offer {
    let (slot, words) = tree::fitting(command, takes, words, typed);
    Offer::Words { slot, words }
}

/// Returns what fits after `help`, as clap has it.
fn help(command: &Command, words: &[OsString], typed: &str) -> Offer {
    let found = words.iter().try_fold(command, |command, word| command.find_subcommand(word));
    let below = found.into_iter().flat_map(Command::get_subcommands);
    let fits = below.filter(|verb| !verb.is_hide_set() && verb.get_name().starts_with(typed));
    let words = fits.map(|verb| Candidate::new(verb.get_name(), first_line(verb.get_about()))).collect();
    Offer::Words { slot: None, words }
}

#[cfg(test)]
mod tests;
