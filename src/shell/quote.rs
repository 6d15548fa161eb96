//! One quoter per shell: text in, a literal out that this shell reads back as the same text.
//!
//! Text that may be quoted is a type ([`Plain`]) and text that was quoted is another one ([`Quoted`]),
//! so a value cannot get into shell code without passing here. The quoters are total: there is no
//! `Plain` they refuse and none they change. `tests/shell_quote.rs` holds them against the shells.

use std::fmt;
use std::path::Path;

use super::kind::Shell;
use crate::model::{Failure, Result, VarName};

/// Text without control characters: no C0 (newline, tab, escape, NUL), no DEL, no C1.
///
/// A newline would let a value begin a new statement where a shell or a user joins or splits
/// lines, and zsh with `CSH_JUNKIE_QUOTES` ends a quoted string at it; escapes would reach a
/// terminal. No quoting style helps in every shell, so such text is no `Plain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'a>(&'a str);

impl<'a> Plain<'a> {
    /// Takes `text`. Fails with the first control character in it.
    pub fn new(text: &'a str) -> std::result::Result<Self, char> {
        match text.chars().find(|c| c.is_control()) {
            Some(control) => Err(control),
            None => Ok(Self(text)),
        }
    }

    /// Returns the text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// A literal of one shell: a single word, or in PowerShell a single expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(String);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Shell {
    /// Returns `text` as a literal of this shell.
    pub fn quote(self, text: Plain<'_>) -> Quoted {
        match self {
            Self::Bash | Self::Zsh => posix(text),
            Self::Fish => fish(text),
            Self::PowerShell => powershell(text),
            Self::Nushell => nushell(text),
        }
    }
}

/// Returns `text` as one word for a POSIX shell, in quotes; `None` if it holds a control character.
pub fn posix_word(text: &str) -> Option<String> {
    Some(posix(Plain::new(text).ok()?).to_string())
}

/// Returns `text` as a word for a person to type: in quotes if a shell would read it otherwise. Text
/// with a control character, which no quotes help, is returned unchanged.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:,%".contains(c);
    let quoted = if text.is_empty() || !text.chars().all(plain) { posix_word(text) } else { None };
    quoted.unwrap_or_else(|| text.to_owned())
}

/// Returns `path` as a word for a person to type, see [`word`].
pub fn quoted(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// Returns the value of the variable `name`. Fails with its name (exit 5) if the value holds a control
/// character.
pub(super) fn plain_value<'a>(name: &VarName, value: &'a str) -> Result<Plain<'a>> {
    Plain::new(value).map_err(|control| {
        Failure::refused(format!(
            "variable '{name}' holds a control character (U+{:04X}), which is given to no shell",
            u32::from(control)
        ))
    })
}

/// Quotes for bash, zsh, dash and every other POSIX shell: `'it'\''s'`.
///
/// Two quoted strings never touch (`'a''b'`): zsh with `RC_QUOTES` reads a quote there. A quote of
/// ours that closes a string is followed by `\`, or by the end.
pub(super) fn posix(text: Plain<'_>) -> Quoted {
    Quoted(format!("'{}'", text.0.replace('\'', r"'\''")))
}

/// Quotes for fish: `'it\'s'`.
///
/// Unlike in a POSIX shell, `\` escapes inside single quotes: left alone, a value that ends in one
/// would swallow the closing quote and make code of what follows.
pub(super) fn fish(text: Plain<'_>) -> Quoted {
    Quoted(format!("'{}'", text.0.replace('\\', r"\\").replace('\'', r"\'")))
}

/// Quotes for PowerShell: `'it''s'`, and `('caf' + [char]0xe9)` where there is more than ASCII.
///
/// Everything but ASCII is written as a number, one for each UTF-16 unit. Two reasons: the
/// curly quotes U+2018 to U+201B end a single-quoted string as `'` does, and Windows PowerShell 5.1
/// decodes what a program prints with the console's code page, where it is not UTF-8.
pub(super) fn powershell(text: Plain<'_>) -> Quoted {
    powershell_exact(text.0)
}

/// Quotes any bytes but NUL for bash and zsh: `$'a\x0ab'`. Not for other POSIX shells.
pub(super) fn posix_exact(bytes: &[u8]) -> Quoted {
    let mut literal = String::from("$'");
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => literal.extend(['\\', char::from(byte)]),
            b' '..=b'~' => literal.push(char::from(byte)),
            _ => literal += &format!("\\x{byte:02x}"),
        }
    }
    Quoted(literal + "'")
}

/// Quotes any bytes but NUL for fish: `'a'\X0a'b'`.
pub(super) fn fish_exact(bytes: &[u8]) -> Quoted {
    let mut literal = String::from("'");
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => literal.extend(['\\', char::from(byte)]),
            b' '..=b'~' => literal.push(char::from(byte)),
            _ => literal += &format!("'\\X{byte:02x}'"),
        }
    }
    Quoted(literal + "'")
}

/// Quotes any text for PowerShell, as [`powershell`] does, with control characters as numbers too.
pub(super) fn powershell_exact(text: &str) -> Quoted {
    let plain = |c: char| c.is_ascii() && !c.is_ascii_control();
    if text.chars().all(plain) {
        return Quoted(format!("'{}'", text.replace('\'', "''")));
    }
    // It begins with a string even if that is empty: `[char] + …` would be a sum of numbers.
    let mut literal = String::from("('");
    let mut in_string = true;
    for c in text.chars() {
        if plain(c) {
            if !in_string {
                literal.push_str(" + '");
                in_string = true;
            }
            literal.push(c);
            if c == '\'' {
                literal.push(c);
            }
        } else {
            if in_string {
                literal.push('\'');
                in_string = false;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                let number = format!(" + [char]0x{unit:x}");
                literal.push_str(&number);
            }
        }
    }
    literal.push_str(if in_string { "')" } else { ")" });
    Quoted(literal)
}

/// Quotes for Nushell (0.92 and newer), with a raw string: `r#'it's'#`, with one `#` more than any `'#…` in it has.
///
/// The quote it opens with counts: Nushell (0.108) takes the `'#` of `r#'#x'#` for the end.
pub(super) fn nushell(text: Plain<'_>) -> Quoted {
    let longest =
        text.0.split('\'').map(|after| after.chars().take_while(|&c| c == '#').count()).max().unwrap_or(0);
    let hashes = "#".repeat(longest + 1);
    Quoted(format!("r{hashes}'{}'{hashes}", text.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Plain<'_> {
        Plain::new(text).expect("the test gives no control character")
    }

    #[test]
    fn every_control_character_is_refused_and_nothing_else() {
        for code in 0u32..=0x2100 {
            let Some(c) = char::from_u32(code) else { continue };
            let control = code < 0x20 || (0x7f..=0x9f).contains(&code);
            let text = format!("a{c}b");
            assert_eq!(Plain::new(&text).err(), control.then_some(c), "U+{code:04X}");
        }
    }

    #[test]
    fn a_word_to_type_has_quotes_only_if_it_needs_them() {
        assert_eq!(word("/srv/caf\u{e9}/a-b_c.d@e:1,2%+"), "/srv/caf\u{e9}/a-b_c.d@e:1,2%+");
        assert_eq!(word(""), "''");
        assert_eq!(word("it's here"), r"'it'\''s here'");
        assert_eq!(word("~/x"), "'~/x'");
        assert_eq!(word("a\nb"), "a\nb");
        assert_eq!(posix_word("plain").as_deref(), Some("'plain'"));
        assert_eq!(posix_word("a\nb"), None);
    }

    #[test]
    fn posix_quotes_are_closed_escaped_and_opened_again() {
        assert_eq!(posix(plain("")).to_string(), "''");
        assert_eq!(posix(plain("a b$c`d`\\")).to_string(), "'a b$c`d`\\'");
        assert_eq!(posix(plain("it's")).to_string(), r"'it'\''s'");
        assert_eq!(posix(plain("''")).to_string(), r"''\'''\'''");
    }

    #[test]
    fn fish_escapes_the_backslash_before_the_quote() {
        assert_eq!(fish(plain("")).to_string(), "''");
        assert_eq!(fish(plain(r"C:\")).to_string(), r"'C:\\'");
        assert_eq!(fish(plain(r"\'")).to_string(), r"'\\\''");
    }

    #[test]
    fn powershell_doubles_quotes_and_writes_more_than_ascii_as_numbers() {
        assert_eq!(powershell(plain("")).to_string(), "''");
        assert_eq!(powershell(plain("it's $a `b")).to_string(), "'it''s $a `b'");
        assert_eq!(powershell(plain("caf\u{e9}")).to_string(), "('caf' + [char]0xe9)");
        assert_eq!(powershell(plain("\u{2019}x")).to_string(), "('' + [char]0x2019 + 'x')");
        assert_eq!(powershell(plain("\u{1f600}")).to_string(), "('' + [char]0xd83d + [char]0xde00)");
    }

    #[test]
    fn nushell_takes_as_many_hashes_as_it_needs() {
        assert_eq!(nushell(plain("")).to_string(), "r#''#");
        assert_eq!(nushell(plain("it's")).to_string(), "r#'it's'#");
        assert_eq!(nushell(plain("a'#b")).to_string(), "r##'a'#b'##");
        assert_eq!(nushell(plain("'##'#")).to_string(), "r###''##'#'###");
        assert_eq!(nushell(plain("#x")).to_string(), "r##'#x'##");
    }

    /// Returns what PowerShell reads in a literal of ours; `None` if it would not be one expression.
    /// Any of its quotes ends a string, the curly ones too, unless it stands twice.
    fn powershell_reads(literal: &str) -> Option<String> {
        let inner = match literal.strip_prefix('(') {
            Some(rest) => rest.strip_suffix(')')?,
            None => literal,
        };
        let (mut units, mut rest, mut first) = (Vec::new(), inner, true);
        while !rest.is_empty() {
            if !first {
                rest = rest.strip_prefix(" + ")?;
            }
            if let Some(number) = rest.strip_prefix("[char]0x") {
                let end = number.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(number.len());
                units.push(u16::from_str_radix(&number[..end], 16).ok()?);
                rest = &number[end..];
                if first {
                    return None; // a sum that begins with a [char] is a number
                }
            } else {
                let mut chars = rest.strip_prefix('\'')?.char_indices().peekable();
                let body = &rest[1..];
                let is_quote = |c: char| c == '\'' || ('\u{2018}'..='\u{201b}').contains(&c);
                let after = loop {
                    let (at, c) = chars.next()?;
                    if is_quote(c) {
                        match chars.peek() {
                            Some(&(_, next)) if is_quote(next) => {
                                chars.next();
                            }
                            _ => break &body[at + c.len_utf8()..],
                        }
                    }
                    units.extend(c.encode_utf16(&mut [0; 2]).iter());
                };
                rest = after;
            }
            first = false;
        }
        String::from_utf16(&units).ok()
    }

    /// Returns what Nushell reads in a raw string; `None` if the string ends early or never.
    fn nushell_reads(literal: &str) -> Option<&str> {
        let hashes = literal.strip_prefix('r')?.find('\'')?;
        let end = format!("'{}", &literal[1..=hashes]);
        let body = &literal[hashes + 1..];
        let at = body.find(&end)?;
        (at > 0 && at + end.len() == body.len()).then(|| &body[1..at])
    }

    /// Returns the next of a fixed sequence of numbers (xorshift).
    fn next(state: &mut u64) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from(*state >> 33).expect("31 bits")
    }

    #[test]
    fn powershell_and_nushell_read_back_every_value() {
        let alphabet: Vec<char> = "'\"`$(){}[];&|<>#@%!~*?=+,.:/\\ aZ0-_\u{2018}\u{2019}\u{201a}\u{201b}\u{201c}\u{e9}\u{65e5}\u{1f600}\u{202e}\u{feff}\u{a0}"
            .chars()
            .collect();
        let mut state = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..20_000 {
            let length = next(&mut state) % 12;
            let value: String = (0..length).map(|_| alphabet[next(&mut state) % alphabet.len()]).collect();
            let literal = powershell(plain(&value)).to_string();
            assert!(literal.is_ascii(), "{literal}");
            assert_eq!(powershell_reads(&literal).as_deref(), Some(value.as_str()), "{literal}");
            let literal = nushell(plain(&value)).to_string();
            assert_eq!(nushell_reads(&literal), Some(value.as_str()), "{literal}");
        }
    }

    #[test]
    fn the_inverse_of_powershell_notices_a_wrong_literal() {
        for wrong in ["'it's'", "'a\u{2019}b'", "[char]0x41", "('a' + )", "'a", "a"] {
            assert_eq!(powershell_reads(wrong), None, "{wrong}");
        }
    }
}
