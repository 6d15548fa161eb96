//! Filling the tokens of an embedded script, in one pass.
//!
//! A token is upper case between double underscores, `__NAME__`, so that a script with tokens is
//! still valid in its own language and its linters can read it. A value that was filled in is
//! never looked at again, so a path that happens to hold `__NAME__` stays unchanged.

use super::quote::Quoted;
use crate::model::{Failure, Result};

/// The text that takes a token's place.
#[derive(Clone, Copy)]
pub(super) enum Fill<'a> {
    /// A word that needs no quotes: checked to be `[A-Za-z0-9_-]`.
    Word(&'a str),
    /// A whole literal. Its token stands in quotes and braces in the script, `'{__PROGRAM__}'`, and
    /// they go with it. The quotes keep the script valid as stored; the braces keep the quotes,
    /// which `fish_indent` takes from a word that needs none.
    Literal(&'a Quoted),
}

/// Returns the text of `script` with every token filled.
///
/// Fails if the script has a token that `fills` does not know, if it has no place for one that
/// `fills` gives, or if a literal's token does not stand in quotes.
pub(super) fn fill(script: &str, fills: &[(&str, Fill<'_>)]) -> Result<String> {
    let mut out = String::with_capacity(script.len() + 128);
    let mut used = vec![false; fills.len()];
    let mut rest = script;
    while let Some((before, name, after)) = next_token(rest) {
        let Some(index) = fills.iter().position(|(known, _)| *known == name) else {
            return Err(Failure::failed(format!("a script of cs has an unknown token __{name}__")));
        };
        used[index] = true;
        match fills[index].1 {
            Fill::Word(word) => {
                if word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) {
                    return Err(Failure::failed(format!("'{word}' is no word to write into a script")));
                }
                out.push_str(before);
                out.push_str(word);
                rest = after;
            }
            Fill::Literal(literal) => {
                let (Some(before), Some(after)) = (before.strip_suffix("'{"), after.strip_prefix("}'"))
                else {
                    return Err(Failure::failed(format!("in a script of cs, __{name}__ is not quoted")));
                };
                out.push_str(before);
                out.push_str(&literal.to_string());
                rest = after;
            }
        }
    }
    out.push_str(rest);
    match used.iter().position(|used| !used) {
        Some(index) => {
            Err(Failure::failed(format!("a script of cs has no place for __{}__", fills[index].0)))
        }
        None => Ok(out),
    }
}

/// Finds the first token of `text`; returns the text before it, its name, and the text after it.
fn next_token(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("__") {
        let start = from + found;
        let inner = &text[start + 2..];
        let length = inner.find("__").filter(|&length| {
            length > 0 && inner[..length].bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        });
        if let Some(length) = length {
            return Some((&text[..start], &inner[..length], &inner[length + 2..]));
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::quote::{Plain, posix};

    fn quoted(text: &str) -> Quoted {
        posix(Plain::new(text).expect("the test gives no control character"))
    }

    #[test]
    fn words_keep_what_is_around_them_and_literals_take_their_quotes_along() {
        let program = quoted("/it's here");
        let text = fill(
            "function __CMD__ { '__CMD__'; x='{__THE_PROGRAM__}'; }",
            &[("CMD", Fill::Word("c-s")), ("THE_PROGRAM", Fill::Literal(&program))],
        );
        assert_eq!(text.as_deref(), Ok(r"function c-s { 'c-s'; x='/it'\''s here'; }"));
    }

    #[test]
    fn what_is_filled_in_is_not_looked_at_again() {
        let program = quoted("/__CMD__/__OTHER__");
        let text = fill(
            "'{__PROGRAM__}' __CMD__",
            &[("CMD", Fill::Word("cs")), ("PROGRAM", Fill::Literal(&program))],
        );
        assert_eq!(text.as_deref(), Ok("'/__CMD__/__OTHER__' cs"));
    }

    #[test]
    fn names_of_our_functions_are_no_tokens() {
        assert_eq!(fill("__cs_run ____ __ __A", &[]).as_deref(), Ok("__cs_run ____ __ __A"));
        assert_eq!(fill("__cs__CMD__x", &[("CMD", Fill::Word("a"))]).as_deref(), Ok("__csax"));
    }

    #[test]
    fn unknown_left_over_and_unquoted_tokens_are_failures() {
        let program = quoted("/x");
        assert!(fill("__CMD__ __MORE__", &[("CMD", Fill::Word("cs"))]).is_err());
        assert!(fill("nothing", &[("CMD", Fill::Word("cs"))]).is_err());
        assert!(fill("x=__PROGRAM__", &[("PROGRAM", Fill::Literal(&program))]).is_err());
        assert!(fill("x='__PROGRAM__'", &[("PROGRAM", Fill::Literal(&program))]).is_err());
    }

    #[test]
    fn a_word_that_is_code_is_a_failure() {
        for word in ["", "a b", "a;b", "$a", "a'"] {
            assert!(fill("__CMD__", &[("CMD", Fill::Word(word))]).is_err(), "{word}");
        }
    }
}
