//! The requests of a repository in its `.cs.toml`: a profile by its name, and its programs' own names for
//! a session's values.
//!
//! See docs/decisions/011-a-repository-gives-names-to-what-a-session-has.md

use std::collections::BTreeMap;

use super::{Name, Ports, VarName};

/// The content of a `.cs.toml`. A stranger wrote it: nothing in it ever becomes the value of a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// The profile it names.
    pub profile: Option<Name>,
    /// Variables that its programs read, each with the variable of the session that has the value.
    pub env: BTreeMap<VarName, VarName>,
}

/// The ending of variables that are read as the number of a port.
const PORT: &str = "PORT";

/// The endings of variables that are read as the name of something of the session's own. Each is a whole
/// word, so `DB` ends in one and `HTTPDB` does not.
const NAMES: &[&str] = &[
    "APP_NAME",
    "CACHE_PREFIX",
    "DATABASE",
    "DATABASE_NAME",
    "DB",
    "DBNAME",
    "DB_NAME",
    "DB_PREFIX",
    "KEY_PREFIX",
    "PROJECT_NAME",
    "SCHEMA",
    "SCHEMA_NAME",
    "SLUG",
    "TABLE_PREFIX",
];

/// Variables of `psql` and its like, which have no `_`.
const TOGETHER: [(&str, &str); 2] = [("PGPORT", "PORT"), ("PGDATABASE", "DATABASE")];

/// Names that belong to somebody else although they end like that: variables with these beginnings, or
/// with this word in them, decide what runs, who is billed, or where requests go.
const NEVER: &[&str] = &["ANTHROPIC", "CLAUDE", "CS_", "GIT_"];

impl Repository {
    /// Checks that the variable `name` may stand for the session's `source`. Fails with the reason if
    /// not.
    ///
    /// The rule is a list of endings that are allowed, not of names that are not: every tool has
    /// variables that make it load or run something, and nobody knows them all. A variable that ends in
    /// one of these is read as a port, or as the name of something. A number is only for a port, and a
    /// name only for a name.
    pub fn may_name(name: &str, source: &str) -> Result<(), String> {
        let is_port = Ports::VARIABLES.contains(&source);
        if !is_port && !["CS_SLUG", "CS_SESSION"].contains(&source) {
            return Err(format!(
                "{name} is to be {source:?}: it can be CS_PORT, CS_PORT_1 to CS_PORT_9, CS_SLUG or CS_SESSION, and no text"
            ));
        }
        let capitals = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let theirs = NEVER.iter().any(|start| name.starts_with(start)) || name.contains("PROXY");
        let (name_of_port, name_of_name) = (ends_in_port(name), ends_in_name(name));
        if !capitals || theirs || !(name_of_port || name_of_name) {
            return Err(format!(
                "a repository may not set {name:?}: only what ends in PORT, or in one of {}",
                NAMES.join(", ")
            ));
        }
        match (is_port, name_of_port) {
            (true, false) => Err(format!("{name} is the name of something, and {source} is a port")),
            (false, true) => Err(format!("{name} is a port, and {source} is a name")),
            _ => Ok(()),
        }
    }
}

/// Returns true if `name` is `word`, or ends in it after a `_`, or is a known compound of it.
fn ends_in(name: &str, word: &str) -> bool {
    TOGETHER.contains(&(name, word))
        || name.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
}

/// Returns true for names like `PORT`, `WEB_PORT`, `WEB_PORT_2`, `PORT2`.
fn ends_in_port(name: &str) -> bool {
    let without = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.len() - without.len();
    let without = if digits > 0 { without.strip_suffix('_').unwrap_or(without) } else { without };
    digits <= 2 && ends_in(without, PORT)
}

fn ends_in_name(name: &str) -> bool {
    NAMES.iter().any(|word| ends_in(name, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_for_a_port_and_a_name_for_a_name() {
        for (name, source) in [
            ("PORT", "CS_PORT"),
            ("VITE_PORT", "CS_PORT_1"),
            ("WEB_PORT_2", "CS_PORT_9"),
            ("PORT2", "CS_PORT_2"),
            ("PGPORT", "CS_PORT_3"),
            ("PGDATABASE", "CS_SLUG"),
            ("POSTGRES_DB", "CS_SLUG"),
            ("DATABASE_NAME", "CS_SLUG"),
            ("COMPOSE_PROJECT_NAME", "CS_SLUG"),
            ("REDIS_KEY_PREFIX", "CS_SESSION"),
            ("DB_SCHEMA", "CS_SLUG"),
        ] {
            assert_eq!(Repository::may_name(name, source), Ok(()), "{name}");
        }
        for (name, source, said) in [
            ("PORT", "CS_SLUG", "is a port, and CS_SLUG is a name"),
            ("DB_NAME", "CS_PORT", "is the name of something, and CS_PORT is a port"),
            ("PORT", "3000", "and no text"),
            ("PORT", "$(id)", "and no text"),
            ("PORT", "CS_PORT_10", "and no text"),
            ("DB_NAME", "CS_PROFILE", "and no text"),
            ("DB_NAME", "CS_SESSION_ID", "and no text"),
            ("DB_NAME", "HOME", "and no text"),
        ] {
            let why = Repository::may_name(name, source).expect_err(name);
            assert!(why.contains(said), "{why}");
        }
    }

    #[test]
    fn what_decides_what_runs_where_requests_go_or_who_is_billed_is_no_repositorys_to_set() {
        let known = [
            "PATH",
            "HOME",
            "SHELL",
            "IFS",
            "ENV",
            "BASH_ENV",
            "PS4",
            "PROMPT_COMMAND",
            "ZDOTDIR",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "NODE_PATH",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "RUBYOPT",
            "PERL5OPT",
            "JAVA_TOOL_OPTIONS",
            "GIT_SSH_COMMAND",
            "GIT_DIR",
            "GIT_PROXY_COMMAND",
            "GIT_COMMITTER_NAME",
            "XDG_CONFIG_HOME",
            "EDITOR",
            "PAGER",
            "BROWSER",
            "PREFIX",
            "NPM_CONFIG_PREFIX",
            "HTTP_PROXY",
            "HTTP_PROXY_PORT",
            "CLAUDE_CODE_SSE_PORT",
            "ANTHROPIC_PORT",
            "CS_PORT",
            "CS_HOME",
            "USERNAME",
            "HOSTNAME",
            "LOGNAME",
            "DOCKER_HOST",
            "KUBECONFIG",
            "AWS_PROFILE",
            "REPORT",
            "SUPPORT",
            "EXPORT",
            "port",
            "Port",
            "_PORT",
            "PORT_123",
            "",
            "PORT ",
            "PORT\n",
            "PÖRT",
            "HTTPDB",
            "9PORT",
        ];
        for name in known {
            for source in ["CS_PORT", "CS_SLUG"] {
                assert!(Repository::may_name(name, source).is_err(), "{name:?} = {source}");
            }
        }
    }
}
