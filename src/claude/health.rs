//! The health of Claude Code's own files. Changes nothing, and opens no login.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ground::ConfigGround;
use super::variables::CREDENTIALS;
use crate::model::reason;
use crate::os::{EntryKind, Foreign, MOST_BYTES};

/// The days that Claude keeps conversations by default (`cleanupPeriodDays`).
pub const RETENTION_DAYS: u64 = 30;

/// Returns the path of the file that Claude reads instead of `.claude.json` if it exists (2.1.197, by
/// experiment).
pub fn legacy_state_file(config: &Path) -> PathBuf {
    config.join(".config.json")
}

/// Returns the path of a config directory's settings.
pub fn settings_file(config: &Path) -> PathBuf {
    config.join("settings.json")
}

/// Returns the memory and rules of the base config directory `base`, as far as they exist: Claude reads
/// them in every directory below the one that `base` lies in.
pub fn memory_of_base(base: &Path) -> Vec<PathBuf> {
    ["CLAUDE.md", "rules"].map(|item| base.join(item)).into_iter().filter(|path| path.exists()).collect()
}

/// Returns the Keychain item of macOS that holds the login of the credential store `directory`, or of the
/// default one: `Claude Code-credentials`, and the beginning of a hash of the very text of the path
/// (2.1.197, from its code). `None` if the text is not ASCII: it is normalised there first.
pub fn keychain_item(directory: Option<&Path>) -> Option<String> {
    let Some(directory) = directory else { return Some("Claude Code-credentials".into()) };
    let text = directory.to_str().filter(|text| text.is_ascii())?;
    let hash = Sha256::digest(text.as_bytes());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("Claude Code-credentials-{short}"))
}

/// The facts of interest in a state file (`.claude.json`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateFacts {
    /// The account whose login it shows.
    pub account: Option<Account>,
    /// The projects that are trusted.
    pub trusted: Vec<PathBuf>,
}

/// The account that a state file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The key that tells it from others: its id, or else its address.
    pub id: String,
    /// Its address, all but the first letter and the host hidden.
    pub masked: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    oauth_account: Option<Value>,
    projects: BTreeMap<PathBuf, Value>,
}

/// Reads the state file at `path`; `None` if there is none. Fails with the reason if it cannot be read.
pub fn state_facts(path: &Foreign) -> Result<Option<StateFacts>, String> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let state: State = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let text = |key: &str| {
        let value = state.oauth_account.as_ref()?.get(key)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let address = text("emailAddress");
    let id = text("accountUuid").or_else(|| address.clone());
    let account = id.map(|id| Account { id, masked: address.as_deref().map_or_else(|| "?".into(), masked) });
    let trusts = |project: &Value| project.get("hasTrustDialogAccepted") == Some(&Value::Bool(true));
    let trusted =
        state.projects.into_iter().filter(|(_, project)| trusts(project)).map(|(path, _)| path).collect();
    Ok(Some(StateFacts { account, trusted }))
}

/// Returns an address shortened so that its owner knows it again, and others learn little.
fn masked(address: &str) -> String {
    let (name, host) = address.split_once('@').unwrap_or((address, ""));
    let first: String = name.chars().take(1).collect();
    if host.is_empty() { format!("{first}…") } else { format!("{first}…@{host}") }
}

/// The facts of interest in a settings file. Values of variables are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsFacts {
    /// The variables of its `env` that say where the config directory or the login is.
    pub directories: Vec<String>,
    /// The entries that decide who is billed: variables of its `env`, and `apiKeyHelper`.
    pub credentials: Vec<String>,
    /// Its `cleanupPeriodDays`.
    pub retention_days: Option<u64>,
    /// True if it excludes any memory (`claudeMdExcludes`).
    pub excludes_memory: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    env: Option<BTreeMap<String, Value>>,
    api_key_helper: Option<IgnoredAny>,
    cleanup_period_days: Option<Value>,
    claude_md_excludes: Option<Vec<IgnoredAny>>,
}

/// Reads the settings file at `path`; `None` if there is none. Fails with the reason if it cannot be read.
pub fn settings_facts(path: &Foreign) -> Result<Option<SettingsFacts>, String> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    // An empty file is as good as none.
    if bytes.trim_ascii().is_empty() {
        return Ok(Some(SettingsFacts::default()));
    }
    let settings: Settings = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let env: Vec<String> = settings.env.unwrap_or_default().into_keys().collect();
    let is_directory =
        |name: &&String| matches!(name.as_str(), "CLAUDE_CONFIG_DIR" | "CLAUDE_SECURESTORAGE_CONFIG_DIR");
    let mut credentials: Vec<String> =
        env.iter().filter(|name| CREDENTIALS.contains(&name.as_str())).cloned().collect();
    credentials.extend(settings.api_key_helper.map(|_| "apiKeyHelper".to_owned()));
    Ok(Some(SettingsFacts {
        directories: env.iter().filter(is_directory).cloned().collect(),
        credentials,
        retention_days: settings.cleanup_period_days.and_then(|days| days.as_u64()),
        excludes_memory: settings.claude_md_excludes.is_some_and(|excludes| !excludes.is_empty()),
    }))
}

/// Reads a file of Claude's, without the mark that editors on Windows begin a text with.
fn read(path: &Foreign) -> Result<Option<Vec<u8>>, String> {
    let bytes = path.read(MOST_BYTES).map_err(|error| reason(&error))?;
    Ok(bytes.map(|bytes| bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes)))
}

/// Reads the installed plugins that are recorded on `ground`, each with its place: absolute
/// paths through the config directory that they were installed from (2.1.197).
pub fn plugin_places(ground: &ConfigGround) -> Vec<(String, PathBuf)> {
    let path = ground.at("plugins/installed_plugins.json");
    let Ok(Some(bytes)) = read(&path) else { return Vec::new() };
    let Ok(record) = serde_json::from_slice::<Value>(&bytes) else { return Vec::new() };
    let mut places = Vec::new();
    for (name, installed) in record.get("plugins").and_then(Value::as_object).into_iter().flatten() {
        // One entry in older records, one for each scope in newer ones.
        let entries = match installed {
            Value::Array(entries) => entries.as_slice(),
            entry => std::slice::from_ref(entry),
        };
        let paths = entries.iter().filter_map(|entry| entry.get("installPath")?.as_str());
        places.extend(paths.map(|path| (name.clone(), PathBuf::from(path))));
    }
    places
}

/// Returns the lock directories of Claude in and beside the config directory `config` on `ground` (and beside the
/// state file `state`), with the time since each was last touched. Claude makes one for each write, and
/// touches it every few seconds while it holds it (proper-lockfile; 2.1.197).
pub fn locks_of(ground: &ConfigGround, config: &Path, state: &Path) -> Vec<(PathBuf, Duration)> {
    let entries = ground.at("").entries().ok().flatten().unwrap_or_default();
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::Directory)
        .map(|entry| config.join(entry.name))
        .filter(|path| path.extension().is_some_and(|extension| extension == "lock"))
        .collect();
    for file in [config, state] {
        let mut lock = file.to_path_buf().into_os_string();
        lock.push(".lock");
        paths.push(lock.into());
    }
    paths.sort_unstable();
    paths.dedup();
    let age = |path: &Path| {
        let about = path.symlink_metadata().ok().filter(fs::Metadata::is_dir)?;
        Some(SystemTime::now().duration_since(about.modified().ok()?).unwrap_or_default())
    };
    paths.into_iter().filter_map(|path| Some((age(&path)?, path))).map(|(age, path)| (path, age)).collect()
}

/// Returns the live files on `ground`, which is `config`, of processes that run no more. Their directory may be a
/// link only where it is the person's.
pub fn live_files_left(ground: &ConfigGround, config: &Path) -> Vec<PathBuf> {
    let live: Vec<u32> = super::live_in(ground).iter().map(|live| live.pid).collect();
    let entries = ground.at("sessions").entries().ok().flatten().unwrap_or_default();
    let mut left: Vec<PathBuf> = entries
        .into_iter()
        .filter_map(|entry| {
            let pid: u32 = entry.name.to_str()?.strip_suffix(".json")?.parse().ok()?;
            (!live.contains(&pid)).then(|| config.join("sessions").join(entry.name))
        })
        .collect();
    left.sort_unstable();
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> (tempfile::TempDir, Foreign) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file.json");
        fs::write(&path, content).expect("written");
        (dir, Foreign::ground(&path.with_file_name("")).join("file.json"))
    }

    #[test]
    fn a_keychain_item_is_named_by_the_text_of_the_path() {
        let item = |path: &str| keychain_item(Some(Path::new(path)));
        assert_eq!(item("/Users/me/.claude-work").as_deref(), Some("Claude Code-credentials-1e91dd84"));
        assert_eq!(item("/Users/me/.claude-work/").as_deref(), Some("Claude Code-credentials-d3ebdfac"));
        assert_eq!(item("/Users/me/.claude").as_deref(), Some("Claude Code-credentials-0bd83d07"));
        assert_eq!(item("/Users/mé"), None);
        assert_eq!(keychain_item(None).as_deref(), Some("Claude Code-credentials"));
    }

    #[test]
    fn a_settings_file_gives_names_and_never_values() {
        let (_dir, path) = file(
            r#"{"env": {"ANTHROPIC_API_KEY": "sk-secret", "CLAUDE_CONFIG_DIR": "/x", "EDITOR": "vi"},
                "apiKeyHelper": "sk-secret", "cleanupPeriodDays": 7, "claudeMdExcludes": ["x"], "model": "opus"}"#,
        );
        let facts = settings_facts(&path).expect("readable").expect("there");
        assert_eq!(facts.credentials, ["ANTHROPIC_API_KEY", "apiKeyHelper"]);
        assert_eq!(facts.directories, ["CLAUDE_CONFIG_DIR"]);
        assert!(facts.retention_days == Some(7) && facts.excludes_memory);
        assert!(!format!("{facts:?}").contains("sk-secret"));
        assert_eq!(settings_facts(&Foreign::ground(Path::new("/nowhere")).join("settings.json")), Ok(None));
        let (_dir, torn) = file("{\"env\": {");
        assert!(settings_facts(&torn).is_err());
        let (_dir, empty) = file("\n");
        assert_eq!(settings_facts(&empty), Ok(Some(SettingsFacts::default())));
    }

    #[test]
    fn an_account_is_known_by_its_id_and_shown_masked() {
        let (_dir, path) = file(
            r#"{"oauthAccount": {"accountUuid": "u-1", "emailAddress": "someone@example.com"},
                "projects": {"/a": {"hasTrustDialogAccepted": true}, "/b": {}}}"#,
        );
        let facts = state_facts(&path).expect("readable").expect("there");
        let account = facts.account.expect("an account");
        assert_eq!((account.id.as_str(), account.masked.as_str()), ("u-1", "s…@example.com"));
        assert_eq!(facts.trusted, [PathBuf::from("/a")]);
        let (_dir, none) = file("{}");
        assert_eq!(state_facts(&none), Ok(Some(StateFacts::default())));
        let (_dir, torn) = file("{\"pro");
        assert!(state_facts(&torn).is_err());
    }

    #[test]
    fn plugins_are_found_in_records_old_and_new() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(dir.path().join("plugins")).expect("made");
        let record = r#"{"version": 2, "plugins": {
            "a@m": {"installPath": "/x/a"}, "b@m": [{"scope": "user", "installPath": "/x/b"}], "c@m": [{}]}}"#;
        fs::write(dir.path().join("plugins/installed_plugins.json"), record).expect("written");
        let places = plugin_places(&ConfigGround::of_profile(dir.path()));
        assert_eq!(places, [("a@m".into(), "/x/a".into()), ("b@m".into(), "/x/b".into())]);
    }

    #[test]
    fn locks_are_directories_by_their_name_in_and_beside_a_config_directory() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = dir.path().join("claude");
        for made in ["claude/.claude.json.lock", "claude/projects", "claude.lock"] {
            fs::create_dir_all(dir.path().join(made)).expect("made");
        }
        fs::write(config.join("file.lock"), "").expect("written");
        let found = locks_of(&ConfigGround::of_profile(&config), &config, &config.join(".claude.json"));
        let found: Vec<PathBuf> = found.into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, [config.join(".claude.json.lock"), dir.path().join("claude.lock")]);
    }
}
