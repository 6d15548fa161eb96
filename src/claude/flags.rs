//! Claude's own command line, as far as Tab offers it after a name: flags, some of their values, and
//! commands. From `--help` of 2.1.329; the words about them are ours.

use std::ffi::OsString;

/// The completions that fit at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered<'a> {
    /// The beginning of the word that stays: `--model=`, or nothing.
    pub prefix: &'a str,
    /// The completions after that.
    pub what: Fits,
}

/// Words, or paths that a shell knows better how to complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fits {
    /// These words, each with a few more about it.
    Words(Vec<(&'static str, &'static str)>),
    /// Directories.
    Directories,
    /// Files.
    Files,
}

/// A flag: its spellings, the one to offer first.
struct Flag {
    names: &'static [&'static str],
    about: &'static str,
    value: Value,
}

#[derive(Clone, Copy)]
enum Value {
    /// It takes none, or one that can be left out and that only a person knows.
    None,
    /// Text.
    Text,
    OneOf(&'static [&'static str]),
    File,
    /// One or more, up to the next flag.
    Files,
    Directories,
    Texts,
}

/// A command: its name, what it does, and the commands below it.
struct Command {
    name: &'static str,
    about: &'static str,
    below: &'static [(&'static str, &'static str)],
}

const fn flag(names: &'static [&'static str], value: Value, about: &'static str) -> Flag {
    Flag { names, about, value }
}

const fn command(
    name: &'static str,
    about: &'static str,
    below: &'static [(&'static str, &'static str)],
) -> Command {
    Command { name, about, below }
}

const EFFORTS: &[&str] = &["low", "medium", "high", "xhigh", "max"];
// `manual` was called `default` in 2.1.197.
const MODES: &[&str] = &["acceptEdits", "auto", "bypassPermissions", "dontAsk", "manual", "plan"];
const MODELS: &[&str] = &["opus", "sonnet", "haiku"];
const ON_OFF: &[&str] = &["on", "off"];

const FLAGS: &[Flag] = &[
    flag(&["--add-dir"], Value::Directories, "more directories to work in"),
    flag(&["--agent"], Value::Text, "the agent to be"),
    flag(&["--agents"], Value::File, "agents, as JSON or a file"),
    flag(
        &["--allow-dangerously-skip-permissions"],
        Value::None,
        "make it possible to switch permissions off",
    ),
    flag(&["--allowedTools", "--allowed-tools"], Value::Texts, "tools that need no permission"),
    flag(&["--append-system-prompt"], Value::Text, "text after the system prompt"),
    flag(&["--autocompact"], Value::OneOf(&["auto"]), "from how many tokens on to compact"),
    flag(&["--ax-screen-reader"], Value::None, "output for screen readers"),
    flag(&["--bare"], Value::None, "without hooks, plugins, memory and CLAUDE.md"),
    flag(&["--betas"], Value::Texts, "beta headers, with an API key"),
    flag(&["--bg", "--background"], Value::None, "start in the background"),
    flag(&["--brief"], Value::None, "let it send you messages"),
    flag(&["--chrome"], Value::None, "with Claude in Chrome"),
    flag(&["--cloud"], Value::None, "a session in the cloud"),
    flag(&["--continue", "-c"], Value::None, "the newest conversation of this directory"),
    flag(&["--dangerously-skip-permissions"], Value::None, "ask for no permission at all"),
    flag(&["--debug", "-d"], Value::None, "say what it does inside"),
    flag(&["--debug-file"], Value::File, "where to write that"),
    flag(&["--desktop"], Value::None, "open in the desktop app"),
    flag(&["--disable-slash-commands"], Value::None, "without skills and commands"),
    flag(&["--disallowedTools", "--disallowed-tools"], Value::Texts, "tools it may not use"),
    flag(&["--effort"], Value::OneOf(EFFORTS), "how hard to think"),
    flag(&["--environment"], Value::Text, "the environment of a cloud session"),
    flag(
        &["--exclude-dynamic-system-prompt-sections"],
        Value::None,
        "nothing about this machine in the system prompt",
    ),
    flag(&["--fallback-model"], Value::OneOf(MODELS), "models for when the first is busy"),
    flag(&["--file"], Value::Texts, "files to download first"),
    flag(&["--fork-session"], Value::None, "go on under a new id"),
    flag(&["--forward-subagent-text"], Value::None, "with --print: what subagents say"),
    flag(&["--from-pr"], Value::None, "the conversation of a pull request"),
    flag(&["--help", "-h"], Value::None, "Claude's help"),
    flag(&["--ide"], Value::None, "connect to the editor"),
    flag(&["--include-hook-events"], Value::None, "with stream-json: what hooks do"),
    flag(&["--include-partial-messages"], Value::None, "with stream-json: messages as they grow"),
    flag(&["--input-format"], Value::OneOf(&["text", "stream-json"]), "with --print: form of the input"),
    flag(&["--json-schema"], Value::Text, "with --print: form of the answer"),
    flag(&["--max-budget-usd"], Value::Text, "with --print: most to spend"),
    flag(&["--mcp-config"], Value::Files, "MCP servers, from files"),
    flag(&["--model"], Value::OneOf(MODELS), "the model"),
    flag(&["--name", "-n"], Value::Text, "a title for the conversation"),
    flag(&["--no-chrome"], Value::None, "without Claude in Chrome"),
    flag(&["--no-session-persistence"], Value::None, "with --print: keep no transcript"),
    flag(
        &["--output-format"],
        Value::OneOf(&["text", "json", "stream-json"]),
        "with --print: form of the output",
    ),
    flag(&["--permission-mode"], Value::OneOf(MODES), "what to ask permission for"),
    flag(&["--permission-prompts"], Value::OneOf(&["host", "none"]), "with --print: who is asked"),
    flag(&["--plugin-dir"], Value::File, "a plugin, for this once"),
    flag(&["--plugin-url"], Value::Text, "a plugin from an address, for this once"),
    flag(&["--print", "-p"], Value::None, "answer and end"),
    flag(&["--prompt-suggestions"], Value::OneOf(&["true", "false"]), "suggest what to say next"),
    flag(&["--remote-control"], Value::None, "with remote control"),
    flag(&["--remote-control-session-name-prefix"], Value::Text, "how those sessions are called"),
    flag(&["--replay-user-messages"], Value::None, "with stream-json: repeat the input"),
    flag(&["--restricted"], Value::None, "without tools that run code"),
    flag(&["--resume", "-r"], Value::None, "a conversation, by id or search"),
    flag(&["--safe-mode"], Value::None, "without anything you customized"),
    flag(&["--session-id"], Value::Text, "the id of the conversation"),
    flag(&["--setting-sources"], Value::OneOf(&["user", "project", "local"]), "which settings to read"),
    flag(&["--settings"], Value::File, "more settings, as JSON or a file"),
    flag(&["--strict-mcp-config"], Value::None, "only the servers of --mcp-config"),
    flag(&["--system-prompt"], Value::Text, "another system prompt"),
    flag(&["--system-prompt-snapshot"], Value::OneOf(ON_OFF), "keep the system prompt as it was first"),
    flag(&["--teleport"], Value::None, "go on with a session of the web"),
    flag(&["--tmux"], Value::None, "with --worktree: in tmux"),
    flag(&["--tools"], Value::Texts, "the built-in tools to have"),
    flag(&["--verbose"], Value::None, "show more"),
    flag(&["--version", "-v"], Value::None, "Claude's version"),
    flag(&["--worktree", "-w"], Value::None, "in a new git worktree"),
];

const LOGIN: &[Flag] = &[
    flag(&["--claudeai"], Value::None, "with a subscription"),
    flag(&["--console"], Value::None, "with the console, billed by use"),
    flag(&["--email"], Value::Text, "the address to fill in"),
    flag(&["--help", "-h"], Value::None, "Claude's help"),
    flag(&["--sso"], Value::None, "with single sign-on"),
];

const HELP: &[Flag] = &[flag(&["--help", "-h"], Value::None, "Claude's help")];

const COMMANDS: &[Command] = &[
    command("agents", "background agents", &[]),
    command("attach", "open a background session", &[]),
    command(
        "auth",
        "the login",
        &[("login", "log in"), ("logout", "log out"), ("status", "who is logged in")],
    ),
    command(
        "auto-mode",
        "the rules of auto mode",
        &[
            ("config", "those in force"),
            ("critique", "what Claude thinks of yours"),
            ("defaults", "the built-in ones"),
        ],
    ),
    command("doctor", "look for what is wrong with the installation", &[]),
    command("gateway", "run the enterprise gateway", &[]),
    command("import", "take over the settings of another agent", &[]),
    command("install", "install the native build", &[]),
    command("logs", "what a background session printed", &[]),
    command(
        "mcp",
        "MCP servers",
        &[
            ("add", "add one"),
            ("add-from-claude-desktop", "take them over from the desktop app"),
            ("add-json", "add one, as JSON"),
            ("get", "show one"),
            ("list", "list them"),
            ("login", "log in to one"),
            ("logout", "log out of one"),
            ("remove", "remove one"),
            ("reset-project-choices", "forget which of a project were allowed"),
            ("serve", "be one"),
        ],
    ),
    command(
        "plugin",
        "plugins",
        &[
            ("details", "what is in one"),
            ("disable", "switch one off"),
            ("enable", "switch one on"),
            ("init", "begin one of your own"),
            ("install", "install one"),
            ("list", "list them"),
            ("marketplace", "where they come from"),
            ("prune", "remove what nothing needs any more"),
            ("tag", "tag a release of one"),
            ("uninstall", "uninstall one"),
            ("update", "update one"),
            ("validate", "check one"),
        ],
    ),
    command("purge", "delete what is kept of a project", &[]),
    command("respawn", "restart a background session", &[]),
    command("rm", "remove a background session", &[]),
    command("setup-token", "make a token that lasts", &[]),
    command("stop", "stop a background session", &[]),
    command("ultrareview", "review a branch in the cloud", &[]),
    command("update", "update Claude Code", &[]),
];

/// Returns the completions of the word that begins with `typed`, after the arguments `before`. Offers
/// flags only if it begins with `-`, and nothing for a value that only a person can know.
pub fn offered<'a>(before: &[OsString], typed: &'a str) -> Offered<'a> {
    let nothing = Offered { prefix: "", what: Fits::Words(Vec::new()) };
    let before: Vec<&str> = before.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    if before.contains(&"--") {
        return nothing;
    }
    let first = before.first().and_then(|first| COMMANDS.iter().find(|command| command.name == *first));
    let flags = match (first, &before[..]) {
        (None, _) => FLAGS,
        (Some(_), ["auth", "login", ..]) => LOGIN,
        (Some(_), _) => HELP,
    };
    if let Some((name, value)) = typed.split_once('=') {
        let Some(flag) = flags.iter().find(|flag| flag.names.contains(&name)) else { return nothing };
        return Offered { prefix: &typed[..=name.len()], what: flag.value.fits(value) };
    }
    if let Some(flag) = waiting(flags, &before)
        && !typed.starts_with('-')
    {
        return Offered { prefix: "", what: flag.value.fits(typed) };
    }
    let mut words: Vec<(&str, &str)> = Vec::new();
    if typed.starts_with('-') {
        for flag in flags {
            // The first spelling stands for all, unless only another one fits.
            words.extend(
                flag.names.iter().find(|name| name.starts_with(typed)).map(|name| (*name, flag.about)),
            );
        }
    } else if let (Some(command), [_]) = (first, &before[..]) {
        words.extend(command.below.iter().filter(|(name, _)| name.starts_with(typed)));
    } else if before.is_empty() {
        words.extend(COMMANDS.iter().map(|c| (c.name, c.about)).filter(|(name, _)| name.starts_with(typed)));
    }
    Offered { prefix: "", what: Fits::Words(words) }
}

/// Returns the flag that the next word is a value of.
fn waiting<'a>(flags: &'a [Flag], before: &[&str]) -> Option<&'a Flag> {
    let at = before.iter().rposition(|word| word.starts_with('-'))?;
    let flag = flags.iter().find(|flag| flag.names.contains(&before[at]))?;
    let values = before.len() - at - 1;
    match flag.value {
        Value::None => None,
        Value::Files | Value::Directories | Value::Texts => Some(flag),
        _ => Some(flag).filter(|_| values == 0),
    }
}

impl Value {
    fn fits(self, typed: &str) -> Fits {
        match self {
            Self::None | Self::Text | Self::Texts => Fits::Words(Vec::new()),
            Self::OneOf(words) => Fits::Words(
                words.iter().filter(|word| word.starts_with(typed)).map(|word| (*word, "")).collect(),
            ),
            Self::File | Self::Files => Fits::Files,
            Self::Directories => Fits::Directories,
        }
    }
}

/// Returns every flag and every command that is offered: to be held against the program.
pub fn all_offered() -> (Vec<&'static str>, Vec<&'static str>) {
    let flags = FLAGS.iter().flat_map(|flag| flag.names).copied().collect();
    (flags, COMMANDS.iter().map(|command| command.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claude::{Asked, asked};

    fn of<'a>(before: &[&str], typed: &'a str) -> (&'a str, Fits) {
        let before: Vec<OsString> = before.iter().map(OsString::from).collect();
        let Offered { prefix, what } = offered(&before, typed);
        (prefix, what)
    }

    fn words(before: &[&str], typed: &str) -> Vec<&'static str> {
        match of(before, typed) {
            ("", Fits::Words(words)) => words.into_iter().map(|(word, _)| word).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_are_offered_after_a_dash_and_commands_as_the_first_word() {
        assert_eq!(words(&[], "--mo"), ["--model"]);
        assert_eq!(words(&["--verbose", "a prompt"], "--permission-m"), ["--permission-mode"]);
        assert_eq!(words(&[], "-p"), ["-p"]);
        assert_eq!(words(&[], "--allowed-"), ["--allowed-tools"], "the second spelling, where only it fits");
        assert_eq!(words(&[], "pl"), ["plugin"]);
        assert!(words(&[], "").iter().all(|word| !word.starts_with('-')));
        assert!(words(&[], "").contains(&"mcp"));
        assert_eq!(words(&["a prompt"], ""), [""; 0], "after a prompt there is no command");
        assert_eq!(words(&["mcp"], "add"), ["add", "add-from-claude-desktop", "add-json"]);
        assert_eq!(words(&["mcp", "add"], ""), [""; 0]);
        assert_eq!(words(&["mcp"], "-"), ["--help"], "its flags are not those of a conversation");
        assert_eq!(words(&["auth", "login"], "--c"), ["--claudeai", "--console"]);
        assert_eq!(words(&["--"], "-"), [""; 0], "what follows -- is a prompt");
    }

    #[test]
    fn values_are_offered_after_their_flag_and_in_one_word_with_it() {
        assert_eq!(words(&["--model"], ""), MODELS);
        assert_eq!(words(&["--model", "opus"], ""), [""; 0]);
        assert_eq!(words(&["--output-format"], "s"), ["stream-json"]);
        let ("--model=", Fits::Words(models)) = of(&[], "--model=s") else { panic!() };
        assert_eq!(models, [("sonnet", "")]);
        assert_eq!(of(&["--add-dir", "a", "b"], ""), ("", Fits::Directories));
        assert_eq!(of(&[], "--settings="), ("--settings=", Fits::Files));
        assert_eq!(of(&["--mcp-config"], "x"), ("", Fits::Files));
        assert_eq!(words(&["-n"], ""), [""; 0], "a title is for a person to choose");
        assert_eq!(words(&["--add-dir", "a"], "--mod"), ["--model"]);
    }

    #[test]
    fn every_command_that_is_offered_is_known_to_begin_no_conversation() {
        for command in COMMANDS {
            assert_eq!(asked(&[command.name.into()]), Asked::Command, "{}", command.name);
        }
    }

    #[test]
    fn whatever_is_offered_means_itself_in_every_shell() {
        let (flags, commands) = all_offered();
        let below = COMMANDS.iter().flat_map(|command| command.below).map(|(name, _)| *name);
        let values = [EFFORTS, MODES, MODELS, ON_OFF].concat();
        for word in flags.into_iter().chain(commands).chain(below).chain(values) {
            assert!(word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{word}");
        }
    }
}
