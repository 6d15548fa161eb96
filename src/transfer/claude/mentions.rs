//! The places in a shell's start-up file that set `CLAUDE_CONFIG_DIR`: in an alias, in a function, or for good.

use std::path::{Path, PathBuf};

/// One place that names a config directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// The directory, with `~` and the home directory's variable filled in.
    pub(super) directory: PathBuf,
    /// The alias or function it is set by; `None` where it is set for good.
    pub(super) by: Option<String>,
    /// The line, from 1.
    pub(super) line: usize,
}

const VARIABLE: &str = "CLAUDE_CONFIG_DIR";

/// The mentions in the text of a start-up file of bash, zsh, fish or PowerShell. It is read, not run:
/// a value that is made by a command or of another variable than the home directory is left out.
pub(super) fn mentions(text: &str, home: &Path) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut function: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim().replace("${HOME}", "$HOME").replace("${env:USERPROFILE}", "$env:USERPROFILE");
        let line = line.as_str();
        if line.starts_with('#') {
            continue;
        }
        if let Some(name) = function_name(line) {
            function = Some(name);
        }
        if let Some(value) = value(line)
            && let Some(directory) = expanded(&value, home)
        {
            let by = alias_name(line).or_else(|| function.clone());
            found.push(Mention { directory, by, line: number + 1 });
        }
        if line.ends_with('}') || line == "end" {
            function = None;
        }
    }
    found
}

/// The value that a line gives the variable, as it is written.
fn value(line: &str) -> Option<String> {
    let at = line.find(VARIABLE)?;
    // `X_CLAUDE_CONFIG_DIR` is another one, and `$CLAUDE_CONFIG_DIR` only reads it.
    let before = line[..at].chars().next_back();
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '{')) {
        return None;
    }
    let rest = &line[at + VARIABLE.len()..];
    let rest = match rest.trim_start().strip_prefix('=') {
        Some(rest) => rest.trim_start(),
        // fish: set -gx CLAUDE_CONFIG_DIR /path
        None if line.contains("set ") && rest.starts_with(' ') => rest.trim_start(),
        None => return None,
    };
    // Within an alias's own quotes, those quotes end the value.
    let outer = line[..at].chars().rev().find(|c| matches!(c, '\'' | '"'));
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let text: String = match quote {
        Some(quote) => rest[1..].chars().take_while(|c| *c != quote).collect(),
        None => rest
            .chars()
            .take_while(|c| {
                !c.is_whitespace() && !matches!(c, ';' | '&' | '|' | '}' | ')') && Some(*c) != outer
            })
            .collect(),
    };
    (!text.is_empty()).then_some(text)
}

fn expanded(value: &str, home: &Path) -> Option<PathBuf> {
    let homes = ["~", "$HOME", "$env:HOME", "$env:USERPROFILE"];
    let path = match homes.iter().find_map(|word| value.strip_prefix(word)) {
        Some("") => home.to_path_buf(),
        Some(rest) if rest.starts_with(['/', '\\']) => home.join(rest.trim_start_matches(['/', '\\'])),
        Some(_) => return None,
        None => PathBuf::from(value),
    };
    let plain = !path.to_string_lossy().contains(['`', '(', '*', '$']);
    (plain && path.is_absolute()).then(|| path.components().collect())
}

/// `alias NAME=…`, `alias NAME '…'` (fish).
fn alias_name(line: &str) -> Option<String> {
    let rest = line.strip_prefix("alias ")?.trim_start();
    let rest = rest.strip_prefix("-g ").or_else(|| rest.strip_prefix("-s ")).unwrap_or(rest);
    word(rest)
}

/// `NAME() {`, `function NAME`, in any of the shells.
fn function_name(line: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix("function ") {
        return word(rest.trim_start().trim_start_matches("global:"));
    }
    let (name, _) = line.split_once("()")?;
    word(name).filter(|word| word == name.trim_end())
}

fn word(text: &str) -> Option<String> {
    let word: String =
        text.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')).collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<(String, Option<String>)> {
        let found = mentions(text, Path::new("/home/me"));
        assert!(found.len() < 2, "{found:?}");
        let found = found.into_iter().next()?;
        Some((found.directory.to_str().expect("UTF-8").to_owned(), found.by))
    }

    #[test]
    fn aliases_functions_and_settings_of_every_shell_are_found() {
        for (text, directory, by) in [
            ("alias cw='CLAUDE_CONFIG_DIR=~/.claude-work claude'", "/home/me/.claude-work", Some("cw")),
            ("alias cw=\"CLAUDE_CONFIG_DIR=$HOME/.claude-work claude\"", "/home/me/.claude-work", Some("cw")),
            ("alias cw='CLAUDE_CONFIG_DIR=\"$HOME/my work\" claude'", "/home/me/my work", Some("cw")),
            ("alias cw 'CLAUDE_CONFIG_DIR=/w/x claude'", "/w/x", Some("cw")),
            ("cw() { CLAUDE_CONFIG_DIR=${HOME}/.w claude \"$@\"; }", "/home/me/.w", Some("cw")),
            ("cw () {\n  CLAUDE_CONFIG_DIR=~/.w command claude \"$@\"\n}", "/home/me/.w", None),
            ("function cw\n  set -lx CLAUDE_CONFIG_DIR ~/.w\n  claude $argv\nend", "/home/me/.w", Some("cw")),
            (
                "function cw { $env:CLAUDE_CONFIG_DIR = \"$env:USERPROFILE/w\"; claude @args }",
                "/home/me/w",
                Some("cw"),
            ),
            ("export CLAUDE_CONFIG_DIR=/w/x", "/w/x", None),
            ("set -gx CLAUDE_CONFIG_DIR $HOME/.claude", "/home/me/.claude", None),
            ("f() {\n true\n}\nexport CLAUDE_CONFIG_DIR=\"/w/x/\"", "/w/x", None),
        ] {
            let by = by.map(str::to_owned);
            let found = one(text);
            // `name ()` with a space is a function too.
            let by = if text.starts_with("cw ()") { Some("cw".to_owned()) } else { by };
            assert_eq!(found, Some((directory.to_owned(), by)), "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_could_tell_is_left_out() {
        for text in [
            "# export CLAUDE_CONFIG_DIR=/w/x",
            "export CLAUDE_CONFIG_DIR=$(mktemp -d)",
            "export CLAUDE_CONFIG_DIR=\"$WORK/x\"",
            "export CLAUDE_CONFIG_DIR=relative",
            "export CLAUDE_CONFIG_DIR=",
            "echo $CLAUDE_CONFIG_DIR",
            "echo \"${CLAUDE_CONFIG_DIR:-none}\"",
            "MY_CLAUDE_CONFIG_DIR=/w/x",
            "unset CLAUDE_CONFIG_DIR",
        ] {
            assert_eq!(one(text), None, "{text}");
        }
    }
}
