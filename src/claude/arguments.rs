//! The meaning of a person's arguments for Claude.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// The kind of run that arguments ask for, as far as it decides what `cs` adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A conversation, and which one is ours to say.
    Conversation,
    /// A conversation that they name themselves (`--resume`, `--continue`, `--session-id`).
    OwnConversation,
    /// One of Claude's own commands, or only its help or version: no conversation at all.
    Command,
}

/// Claude's own commands: those of `--help` in 2.1.197 and 2.1.329, and the hidden ones seen there.
const COMMANDS: &[&str] = &[
    "agents",
    "attach",
    "auth",
    "auto-mode",
    "daemon",
    "design-login",
    "doctor",
    "gateway",
    "import",
    "import-conversations",
    "install",
    "kill",
    "logs",
    "mcp",
    "plugin",
    "plugins",
    "project",
    "purge",
    "rc",
    "remote-control",
    "respawn",
    "rm",
    "sandbox",
    "setup-token",
    "stop",
    "ultrareview",
    "update",
    "upgrade",
    "workspace-trust",
];

/// Reads arguments, up to a `--`.
pub fn asked(arguments: &[OsString]) -> Asked {
    if let Some(first) = arguments.first().and_then(|first| first.to_str())
        && (COMMANDS.contains(&first) || matches!(first, "--version" | "-v" | "--help" | "-h"))
    {
        return Asked::Command;
    }
    if has_flag(arguments, &["--resume", "-r", "--continue", "-c", "--session-id", "--from-pr", "--teleport"])
    {
        return Asked::OwnConversation;
    }
    Asked::Conversation
}

/// Returns true if one of `flags` is among the arguments, as `--flag` or `--flag=value`.
pub(super) fn has_flag(arguments: &[OsString], flags: &[&str]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| {
        let Some(argument) = argument.to_str() else { return false };
        let flag = argument.split_once('=').map_or(argument, |(flag, _)| flag);
        flags.contains(&flag)
    })
}

/// The conversation that arguments ask to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoesOn {
    /// The conversation of this id; `None` if they name it otherwise, or let a person choose.
    Conversation(Option<Uuid>),
    /// The newest one of the directory.
    Newest,
}

/// Returns the conversation that the arguments themselves go on with; `None` for a new one, and for a
/// copy of one.
pub fn goes_on(arguments: &[OsString]) -> Option<GoesOn> {
    if arguments.iter().any(|argument| argument == "--fork-session") {
        return None;
    }
    let mut words = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(word) = words.next() {
        let value = match word.as_ref() {
            "--continue" | "-c" => return Some(GoesOn::Newest),
            "--resume" | "-r" => words.next().unwrap_or_default().into_owned(),
            word => match word.strip_prefix("--resume=") {
                Some(value) => value.to_owned(),
                None => continue,
            },
        };
        // Claude takes the path of a transcript too.
        let stem = Path::new(&value).file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        return Some(GoesOn::Conversation(stem));
    }
    None
}

/// A `--settings` among the arguments, the one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SettingsArgument {
    /// The index of the word that holds the value.
    pub index: usize,
    /// True if the flag is in that word too: `--settings=VALUE`.
    pub joined: bool,
    /// The value.
    pub value: OsString,
}

impl SettingsArgument {
    /// Returns the value as JSON, if Claude takes it for that: in braces, with blanks around it or not. Everything
    /// else is the path of a file, but nothing at all is no settings (2.1.329, by experiment).
    pub(super) fn inline(&self) -> Option<&str> {
        let text = self.value.to_str()?;
        let trimmed = text.trim();
        let braced = trimmed.starts_with('{') && trimmed.ends_with('}');
        (braced || text.is_empty()).then_some(text)
    }

    /// Returns the word with another value.
    pub(super) fn with(&self, value: &OsStr) -> OsString {
        let mut word = OsString::from(if self.joined { "--settings=" } else { "" });
        word.push(value);
        word
    }
}

/// Returns the path of the file of settings that the arguments name; `None` if they name none, or hold the settings
/// themselves.
pub fn settings_path(arguments: &[OsString]) -> Option<PathBuf> {
    let argument = settings_argument(arguments)?;
    argument.inline().is_none().then(|| argument.value.into())
}

/// Returns the `--settings` among the arguments. Claude takes the last one whole and forgets the others (2.1.197 and
/// 2.1.329, by experiment).
pub(super) fn settings_argument(arguments: &[OsString]) -> Option<SettingsArgument> {
    const FLAG: &str = "--settings";
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    for (index, argument) in arguments[..end].iter().enumerate().rev() {
        if argument == FLAG {
            let (index, value) = (index + 1, arguments.get(index + 1)?.clone());
            return Some(SettingsArgument { index, joined: false, value });
        }
        // The path after it may be in any encoding.
        if let Some(rest) = argument.as_encoded_bytes().strip_prefix(FLAG.as_bytes())
            && rest.starts_with(b"=")
        {
            let value = after(argument, FLAG.len() + 1)?;
            return Some(SettingsArgument { index, joined: true, value });
        }
    }
    None
}

/// Returns what stands in `word` from the byte `at` on.
#[cfg(unix)]
fn after(word: &OsStr, at: usize) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    Some(OsStr::from_bytes(word.as_bytes().get(at..)?).to_owned())
}

/// Returns what stands in `word` from the byte `at` on; `None` if it is no text.
#[cfg(not(unix))]
fn after(word: &OsStr, at: usize) -> Option<OsString> {
    word.to_str()?.get(at..).map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Asked {
        asked(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read_for_what_they_ask() {
        assert_eq!(of(&[]), Asked::Conversation);
        assert_eq!(of(&["-p", "hello"]), Asked::Conversation);
        assert_eq!(of(&["mcp", "list"]), Asked::Command);
        assert_eq!(of(&["--version"]), Asked::Command);
        assert_eq!(of(&["tell me about mcp"]), Asked::Conversation);
        for own in [&["--resume", "x"][..], &["-c"], &["-p", "x", "--session-id=1"], &["-r"]] {
            assert_eq!(of(own), Asked::OwnConversation, "{own:?}");
        }
        assert_eq!(of(&["--", "--resume"]), Asked::Conversation);
    }

    #[test]
    fn the_last_settings_count_and_braces_make_them_json() {
        let of = |arguments: &[&str]| {
            let found = settings_argument(&arguments.iter().map(OsString::from).collect::<Vec<_>>())?;
            let text = found.value.to_str().expect("UTF-8").to_owned();
            Some((found.index, text, found.inline().is_some()))
        };
        let is = |index: usize, value: &str, json: bool| Some((index, value.to_owned(), json));
        assert_eq!(of(&["-p", "x"]), None);
        assert_eq!(of(&["--settings"]), None, "Claude says what is missing");
        assert_eq!(of(&["--settings", "a.json", "x"]), is(1, "a.json", false));
        assert_eq!(of(&["--settings=a.json"]), is(0, "a.json", false));
        assert_eq!(of(&["--settings", "a.json", "--settings={}"]), is(2, "{}", true));
        assert_eq!(of(&["--settings={}", "--settings", "a.json"]), is(2, "a.json", false));
        assert_eq!(of(&["--settings", " {\"a\":1}\n"]), is(1, " {\"a\":1}\n", true));
        assert_eq!(of(&["--settings", "{x"]), is(1, "{x", false), "a file may be called so");
        assert_eq!(of(&["--settings", "[]"]), is(1, "[]", false));
        assert_eq!(of(&["--settings", ""]), is(1, "", true), "no settings");
        assert_eq!(of(&["--", "--settings", "a.json"]), None, "a prompt");
        assert_eq!(of(&["--settingsx=a.json"]), None);
    }

    #[cfg(unix)]
    #[test]
    fn settings_in_a_file_whose_name_is_no_utf_8_are_found() {
        use std::os::unix::ffi::OsStringExt;
        let name = OsString::from_vec(b"a\xff.json".to_vec());
        let mut joined = OsString::from("--settings=");
        joined.push(&name);
        for arguments in [vec!["--settings".into(), name.clone()], vec![joined]] {
            assert_eq!(settings_path(&arguments), Some(PathBuf::from(&name)));
        }
    }

    #[test]
    fn what_is_gone_on_with_is_an_id_a_transcript_or_the_newest() {
        let of = |arguments: &[&str]| goes_on(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        let id = "01890000-0000-7000-8000-00000000000a";
        let this = Some(GoesOn::Conversation(id.parse().ok()));
        let (inline, file) = (format!("--resume={id}"), format!("/x/{id}.jsonl"));
        for by_id in [&["--resume", id][..], &["-r", id], &[&inline, "-p", "x"], &["-p", "x", "-r", &file]] {
            assert_eq!(of(by_id), this, "{by_id:?}");
        }
        assert_eq!([of(&["-c"]), of(&["--continue", "--resume", id])], [Some(GoesOn::Newest); 2]);
        assert_eq!([of(&["-r"]), of(&["--resume", "a title"])], [Some(GoesOn::Conversation(None)); 2]);
        assert_eq!([of(&[]), of(&["-p", "x"]), of(&["-r", id, "--fork-session"])], [None; 3]);
    }
}
