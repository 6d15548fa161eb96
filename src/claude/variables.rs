//! The environment variables that decide who Claude Code is, and whose child.

/// The variables that a running Claude Code sets for its children. A Claude started with
/// `CLAUDE_CODE_CHILD_SESSION` writes no transcript, no history and no live file when it is interactive
/// (2.1.197, by experiment), so a session started from inside another one must not see any.
pub const CHILD_MARKERS: &[&str] = &[
    "AI_AGENT",
    "CLAUDECODE",
    "CLAUDE_AGENTS_AUTO_RELAUNCHED_AT",
    "CLAUDE_AGENTS_SELECT",
    "CLAUDE_BG_AUTH_SNAPSHOT_PATH",
    "CLAUDE_BG_AUTO_MEMORY_OFF",
    "CLAUDE_BG_BACKEND",
    "CLAUDE_BG_CARRIED_PROMPTS_SHA256",
    "CLAUDE_BG_CLAIM_AUTH",
    "CLAUDE_BG_DISPATCHER_RATE_LIMIT_TIER",
    "CLAUDE_BG_DISPATCHER_SUBSCRIPTION_TYPE",
    "CLAUDE_BG_DISPATCH_ENTRYPOINT",
    "CLAUDE_BG_GATEWAY_ROUTED",
    "CLAUDE_BG_GATEWAY_WITHHELD",
    "CLAUDE_BG_ISOLATION",
    "CLAUDE_BG_MEMORY_TOGGLED_OFF",
    "CLAUDE_BG_POST_CLEAR_RESPAWN",
    "CLAUDE_BG_PTY_AUTH",
    "CLAUDE_BG_RENDEZVOUS_SOCK",
    "CLAUDE_BG_RV_AUTH",
    "CLAUDE_BG_SESSION_CREDENTIAL",
    "CLAUDE_BG_SESSION_PERMISSION_RULES",
    "CLAUDE_BG_SILENT_PEER_TIMEOUT_MS",
    "CLAUDE_BG_SOCKET_TOKENS_PATH",
    "CLAUDE_BG_SOCK_ADMIT_SILENT_PEERS",
    "CLAUDE_BG_SOURCE",
    "CLAUDE_BG_STARTUP_WEDGE_MS",
    "CLAUDE_BG_TCC_DISCLAIMED",
    "CLAUDE_BG_WORKSPACE_TRUSTED",
    "CLAUDE_CODE_CHILD_NOTES_DIR",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_EXECPATH",
    "CLAUDE_CODE_MESSAGING_SOCKET",
    "CLAUDE_CODE_MESSAGING_TOKEN",
    "CLAUDE_CODE_RESUME_CACHE_WARM",
    "CLAUDE_CODE_RESUME_FROM_SESSION",
    "CLAUDE_CODE_RESUME_INTERRUPTED_TURN",
    "CLAUDE_CODE_RESUME_PROMPT",
    "CLAUDE_CODE_RESUME_REASON",
    "CLAUDE_CODE_RESUME_SHOWS_CUT_OFF_CALLS",
    "CLAUDE_CODE_RESUME_SOURCE_ALIVE",
    "CLAUDE_CODE_RESUME_TOLERATES_CONTEXT_APPENDS",
    "CLAUDE_CODE_RESUME_TOLERATES_CONTEXT_SEEDS",
    "CLAUDE_CODE_SESSION_ATTENDED",
    "CLAUDE_CODE_SESSION_BEGAN_AS_COPY",
    "CLAUDE_CODE_SESSION_CREATED_AT_MS",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_SESSION_KIND",
    "CLAUDE_CODE_SESSION_NAME",
    "CLAUDE_CODE_SESSION_ORIGIN",
    "CLAUDE_CODE_SESSION_START_ANNOUNCEMENTS_BEFORE_PROMPT",
    "CLAUDE_EFFORT",
    "CLAUDE_ENV_FILE",
    "CLAUDE_JOB_DIR",
    "CLAUDE_PID",
    "CLAUDE_PROJECT_DIR",
];

/// The variables that decide who is billed and which login is used, above the profile. Each is unset for
/// every session unless the profile or `config.toml` sets it; one that was set is named on stderr.
pub const CREDENTIALS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_MANTLE_API_KEY",
    "ANTHROPIC_CONFIG_DIR",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "ANTHROPIC_ORGANIZATION_ID",
    "ANTHROPIC_PROFILE",
    "ANTHROPIC_SERVICE_ACCOUNT_ID",
    "ANTHROPIC_UNIX_SOCKET",
    "ANTHROPIC_WORKSPACE_ID",
    "CLAUDE_API_KEY",
    "CLAUDE_BRIDGE_OAUTH_TOKEN",
    "CLAUDE_CODE_ACCOUNT_UUID",
    "CLAUDE_CODE_API_BASE_URL",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_CUSTOM_OAUTH_URL",
    "CLAUDE_CODE_GATEWAY_TOKEN",
    "CLAUDE_CODE_HFI_BEARER_TOKEN",
    "CLAUDE_CODE_HOST_AUTH_ENV_VAR",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_ORGANIZATION_UUID",
    "CLAUDE_CODE_SESSIONS_OAUTH_TOKEN",
    "CLAUDE_CODE_SESSION_ACCESS_TOKEN",
    "CLAUDE_CODE_SUBSCRIPTION_TYPE",
    "CLAUDE_CODE_USER_EMAIL",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_GATEWAY",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_TRUSTED_DEVICE_TOKEN",
];

/// Model names. They belong to an endpoint: they go where another endpoint's variables are dropped,
/// and an api profile sets its own.
pub const MODELS: &[&str] = &[
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
];

/// The variables that keep Claude Code from talking to anybody but the API on its own account. Each is
/// set to `1`.
pub const QUIET: &[&str] = &[
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_AUTOUPDATER",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
];

/// The variables that `cs` alone decides: a person's `[env]` cannot set these.
pub const OURS: &[&str] = &[
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_SECURESTORAGE_CONFIG_DIR",
    "CLAUDE_SESSION_ID",
    "CLAUDE_SESSION_DIR",
    "CLAUDE_HISTORY_FILE",
    "CLAUDE_CODE_RESUME_HINT_COMMAND",
    "CS_SESSION",
    "CS_SESSION_ID",
    "CS_PORT",
    "CS_PORT_1",
    "CS_PORT_2",
    "CS_PORT_3",
    "CS_PORT_4",
    "CS_PORT_5",
    "CS_PORT_6",
    "CS_PORT_7",
    "CS_PORT_8",
    "CS_PORT_9",
    "CS_PROFILE",
    "CS_REAL_HOME",
    "CS_MEMORY",
    "CS_SAVED",
    "CS_SHELL",
    "CS_SLUG",
];

/// Returns true if a variable is Claude Code's, and says nothing to other programs.
pub fn is_claudes(name: &str) -> bool {
    name.starts_with("ANTHROPIC_") || name.starts_with("CLAUDE") || QUIET.contains(&name)
}

/// The variables that would lead a program out of a `HOME` of its own, to directories elsewhere.
pub const XDG: &[&str] = &["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];

/// Returns true if a variable is secret by its name.
pub fn looks_secret(name: &str) -> bool {
    ["TOKEN", "KEY", "SECRET", "PASSWORD"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    use crate::model::Repository;

    #[test]
    fn none_of_them_is_a_repositorys_to_set() {
        for name in [CHILD_MARKERS, CREDENTIALS, MODELS, QUIET, OURS].concat() {
            for source in ["CS_PORT", "CS_SLUG"] {
                assert!(Repository::may_name(name, source).is_err(), "{name} = {source}");
            }
        }
    }

    #[test]
    fn the_lists_are_disjoint_and_hold_nothing_twice() {
        let all: Vec<_> = [CHILD_MARKERS, CREDENTIALS, MODELS, OURS].concat();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn nobody_else_decides_the_ports_of_a_session() {
        for name in crate::model::Ports::VARIABLES {
            assert!(OURS.contains(&name), "{name}");
        }
    }
}
