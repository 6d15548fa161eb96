//! `cs __complete SHELL FAMILY INDEX -- WORDS…`: what Tab offers. Called by `shells/*/completion.*`.
//!
//! WORDS are the command line from the name it was called by, quotes taken off, INDEX the number of
//! the word with the cursor, which ends there. Standard output has a line for each word that fits,
//! in the order they are to be shown: the word, and, but for bash, a tab and a few words about it.
//! For zsh, which shows groups, an empty line parts what is looked up from what is not.
//! Or it is one line that leaves it to the shell, as only that knows `~`, blanks and its user's
//! settings:
//!
//! ```text
//! :dirs<TAB>PREFIX      directories; PREFIX of the word, such as --dir=, stays as it is
//! :files<TAB>PREFIX     files
//! :command<TAB>NUMBER   a command line of its own, which begins with that word
//! ```
//!
//! Nothing on disk is changed, no lock is waited for, and nothing is ever said on standard error:
//! where the settings or records are damaged, what is left is offered.
//!
//! See docs/decisions/008-completion-has-glue-of-its-own.md

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::report;
use crate::cli::{self, Offer};
use crate::model::verb::{self, Slot};
use crate::model::{Candidate, Outcome};
use crate::shell::{Shell, short_form};
use crate::ui;
use crate::work::candidates::candidates;
use crate::work::context::Context;

/// Answers a Tab. Whatever is wrong, it ends well.
pub(super) fn run(context: &Context, arguments: &[OsString]) -> Outcome {
    if let Some(text) = answer(context, arguments) {
        // A shell that no longer reads wants nothing more.
        let _ = report::print(&text);
    }
    Outcome::Done
}

fn answer(context: &Context, arguments: &[OsString]) -> Option<String> {
    let [shell, family, index, _, given @ ..] = arguments else { return None };
    let described = shell != Shell::Bash.name();
    let index: usize = index.to_str()?.parse().ok()?;
    // Windows PowerShell hands no empty word on.
    let typed = given.get(index).map_or("", |word| word.to_str().unwrap_or("\0"));
    let mut words: Vec<OsString> = given.get(1..index)?.to_vec();
    let verb = verb_of(family, given.first()?);
    if let Some(verb) = verb {
        words.insert(0, verb.into());
    } else if let Some(first) = words.first_mut()
        && let Some(verb) = first.to_str().and_then(verb::of_flag)
    {
        *first = verb.name.into();
    }
    Some(match cli::offer(&words, typed) {
        Offer::Command(at) => format!(":command\t{}\n", at + 1 - usize::from(verb.is_some())),
        Offer::Words { slot: Some((prefix, Slot::Directory)), words } if words.is_empty() => {
            format!(":dirs\t{prefix}\n")
        }
        Offer::Words { slot: Some((prefix, Slot::File)), words } if words.is_empty() => {
            format!(":files\t{prefix}\n")
        }
        Offer::Words { slot, words: known } => {
            let mut lines = Lines { described, ..Lines::default() };
            if let Some((prefix, slot)) = slot {
                let rest = typed.strip_prefix(prefix.as_str()).unwrap_or_default();
                lines.prefix = prefix;
                lines.extend(&candidates(context, slot, rest, &words, described));
                lines.prefix.clear();
            }
            if shell == Shell::Zsh.name() && !lines.text.is_empty() && !known.is_empty() {
                lines.text.push('\n');
            }
            lines.extend(&known);
            lines.text
        }
    })
}

/// Returns the verb that a short form stands for, which may have been called by a path.
fn verb_of(family: &OsStr, called: &OsStr) -> Option<&'static str> {
    short_form(family.to_str()?, Path::new(called).file_name()?.to_str()?)
}

/// The output, a line for each word.
#[derive(Default)]
struct Lines {
    text: String,
    /// The beginning of each word, as it was typed.
    prefix: String,
    /// True if the shell shows what is said about a word.
    described: bool,
}

impl Lines {
    /// Adds those that a shell takes as they are.
    fn extend(&mut self, candidates: &[Candidate]) {
        for Candidate { value, about } in candidates.iter().filter(|found| means_itself(&found.value)) {
            self.text.push_str(&self.prefix);
            self.text.push_str(value);
            if self.described && !about.is_empty() {
                self.text.push('\t');
                self.text.push_str(&ui::escape(about));
            }
            self.text.push('\n');
        }
    }
}

/// Returns true if a word means itself in every shell, so that no glue has to quote it, and no script is
/// needed to take a line apart.
fn means_itself(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.=/+".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(described: bool, prefix: &str, words: &[(&str, &str)]) -> String {
        let mut lines = Lines { described, prefix: prefix.into(), ..Lines::default() };
        let candidates: Vec<_> = words.iter().map(|(value, about)| Candidate::new(*value, *about)).collect();
        lines.extend(&candidates);
        lines.text
    }

    #[test]
    fn a_word_that_a_shell_would_read_otherwise_is_not_offered() {
        let words = ["api", "it's", "a b", "$HOME", ":dirs", "~", "--profile=work", "", "a\tb", "a\nb", "-"];
        let text = lines(true, "", &words.map(|word| (word, "")));
        assert_eq!(text, "api\n--profile=work\n-\n");
    }

    #[test]
    fn what_is_said_about_a_word_is_safe_for_a_terminal_and_not_said_to_bash() {
        let words = [("api", "2h ago, \u{1b}[2J\t\n"), ("b", "")];
        assert_eq!(lines(true, "-P", &words), "-Papi\t2h ago, \\x1b[2J\\t\\n\n-Pb\n");
        assert_eq!(lines(false, "", &words), "api\nb\n");
    }
}
