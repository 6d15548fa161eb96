//! The meaning of a person's arguments for Claude.

use std::ffi::OsString;
use std::path::Path;

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

/// Returns the value of `--settings` among the arguments: a file's path, or JSON.
pub fn settings_argument(arguments: &[OsString]) -> Option<String> {
    settings_value(arguments).map(|(_, value)| value)
}

/// Returns the index and the value of `--settings` among the arguments. Claude takes the last one whole
/// and forgets the others (2.1.197 and 2.1.329, by experiment).
pub(super) fn settings_value(arguments: &[OsString]) -> Option<(usize, String)> {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    for (index, argument) in arguments[..end].iter().enumerate().rev() {
        let Some(argument) = argument.to_str() else { continue };
        if let Some(value) = argument.strip_prefix("--settings=") {
            return Some((index, value.to_owned()));
        }
        if argument == "--settings" {
            return arguments
                .get(index + 1)
                .and_then(|value| value.to_str())
                .map(|value| (index + 1, value.to_owned()));
        }
    }
    None
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
