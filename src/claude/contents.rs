//! The contents of a config directory: those worth a backup, and those that Claude makes again.

use std::path::Path;

/// The contents that Claude Code makes again when they are gone: logs, snapshots of the shell, lists it
/// fetches, measurements of itself. By the names that 2.1.197 and 2.1.329 build from the config
/// directory, and by what they do with them:
///
/// - `shell-snapshots` are written at the first command of a run and removed at its end;
/// - `image-cache` is emptied of all other conversations' images at every start;
/// - `cache`, `mcp-discovery-cache` and `gh-pr-status-cache.json` are fetched again;
/// - `debug`, `logs`, `dump-prompts`, `startup-perf`, `telemetry`, `traces` and `statsig` are logs.
///
/// Not among them, although their names sound like it: `paste-cache` (the prompt history refers to it),
/// `stats-cache.json` (it counts transcripts that are gone by now), `file-history`, `plans`, `tasks`,
/// `projects`, `jobs`, `uploads`, `backups`, `session-env`, `plugins`.
pub const CACHES: &[&str] = &[
    "cache",
    "debug",
    "dump-prompts",
    "gh-pr-status-cache.json",
    "image-cache",
    "logs",
    "mcp-discovery-cache",
    "shell-snapshots",
    "startup-perf",
    "statsig",
    "telemetry",
    "traces",
];

/// The contents that hold what was said and done: conversations, and what belongs to them.
pub const CONVERSATIONS: &[&str] =
    &["projects", "history.jsonl", "file-history", "paste-cache", "plans", "tasks", "todos", "uploads"];

/// The contents that a backup takes besides, if they are the session's own and no links.
pub const OWN: &[&str] = &[
    "CLAUDE.md",
    "agents",
    "commands",
    "keybindings.json",
    "output-styles",
    "rules",
    "settings.json",
    "skills",
];

/// Returns true if a backup may hold something of this name, wherever in a config directory it is: no
/// login, no state file (it has the account in it), none of their backups, and no key.
pub fn may_be_copied(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !(lower.starts_with(".credentials.json")
        || lower.starts_with(".claude.json")
        || lower == ".config.json"
        || lower == "backups"
        || Path::new(&lower).extension().is_some_and(|ending| ending == "key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_kept_is_a_cache() {
        for kept in CONVERSATIONS.iter().chain(OWN) {
            assert!(!CACHES.contains(kept), "{kept}");
            assert!(may_be_copied(kept), "{kept}");
        }
    }

    #[test]
    fn no_login_and_no_key_may_be_copied_however_it_is_spelled() {
        for secret in [
            ".credentials.json",
            ".credentials.json.lock",
            ".CREDENTIALS.json",
            ".claude.json",
            ".claude.json.backup.1",
            "backups",
            "1234.abc.key",
            "id.KEY",
        ] {
            assert!(!may_be_copied(secret), "{secret}");
        }
        assert!(may_be_copied("a.jsonl") && may_be_copied("keybindings.json"));
    }
}
