//! What Tab offers after a name is what the real Claude Code has.

use std::process::Command;

use claude_cs::claude;

use crate::support::claude::RealClaude;
use crate::support::world::{World, ran};

/// Flags and commands that came after 2.1.197; all others are as old.
const SINCE: &[&str] = &[
    "--autocompact",
    "--cloud",
    "--desktop",
    "--environment",
    "--forward-subagent-text",
    "--permission-prompts",
    "--restricted",
    "--system-prompt-snapshot",
    "--teleport",
    "attach",
    "import",
    "logs",
    "purge",
    "respawn",
    "rm",
    "stop",
];

/// The version whose `--help` the table was made from.
const MADE_FROM: [u32; 3] = [2, 1, 329];

fn help(claude: &RealClaude, world: &World, arguments: &[&str]) -> String {
    let mut command: Command = claude.command(&world.home());
    ran(command.args(arguments)).ok()
}

#[test]
fn every_flag_and_command_that_is_offered_is_in_claudes_help() {
    let Some(claude) = RealClaude::find() else { return };
    let world = World::new();
    let version = help(&claude, &world, &["--version"]);
    let number = version.split_whitespace().next().unwrap();
    let number: Vec<u32> = number.split('.').map(|part| part.parse().unwrap()).collect();
    let older = number < MADE_FROM.to_vec();

    let text = help(&claude, &world, &["--help"]);
    // A flag stands at the beginning of its line, with its other spellings; so does a command. What is
    // said about it follows after two blanks.
    let lines = text.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let heads = lines.filter_map(|line| line.split("  ").next());
    let words: Vec<&str> = heads.flat_map(|head| head.split([' ', ',', '|'])).collect();
    let known = |word: &str| words.contains(&word);
    assert!(known("--model") && known("mcp"), "{text}");
    assert!(!known("--no-such-flag"), "the control");
    let (flags, commands) = claude::all_offered();
    for word in flags.iter().chain(&commands) {
        assert!(known(word) || (older && SINCE.contains(word)), "{version} has no {word}");
    }

    // And the table misses none of that version.
    if number == MADE_FROM {
        for word in words.iter().filter(|word| word.starts_with("--")) {
            assert!(flags.contains(word), "{word} is not offered");
        }
    }
}
