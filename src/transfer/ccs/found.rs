//! The things that CCS keeps in its directory (`~/.ccs`), as its version 7.79.1 writes it and older ones did.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::model::{Failure, Result};
use crate::os;

/// Everything of CCS's that has a counterpart here.
#[derive(Debug, Default)]
pub(super) struct Ccs {
    /// Accounts by name: each has a config directory of its own.
    pub(super) accounts: BTreeMap<String, Account>,
    /// API profiles by name, and the settings file of each.
    pub(super) endpoints: BTreeMap<String, PathBuf>,
    /// The account in whose directory a profile works.
    pub(super) inherits: BTreeMap<String, String>,
    /// The profile that is used without a name.
    pub(super) default: Option<String>,
    /// Profiles of other kinds, which run through CCS itself.
    pub(super) others: BTreeSet<String>,
}

/// An account.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// The group its conversations live with.
    pub(super) group: Option<String>,
}

/// `config.yaml`. Whatever else is in it is about CCS's own services.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    accounts: Option<BTreeMap<String, Option<AccountConfig>>>,
    profiles: Option<BTreeMap<String, Option<ProfileConfig>>>,
    default: Option<String>,
    continuity: Option<Continuity>,
    cliproxy: Option<Proxy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccountConfig {
    context_mode: Option<String>,
    context_group: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProfileConfig {
    #[serde(rename = "type")]
    kind: Option<String>,
    settings: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Continuity {
    inherit_from_account: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Proxy {
    variants: Option<BTreeMap<String, Variant>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Variant {
    /// Only that it is there matters: it runs through CCS's own proxy.
    #[serde(rename = "provider")]
    _provider: Option<String>,
}

/// `profiles.json`, before there was a `config.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Registry {
    profiles: BTreeMap<String, AccountConfig>,
    default: Option<String>,
}

/// `config.json`, likewise: names and settings files.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoints {
    profiles: BTreeMap<String, String>,
}

/// Reads what CCS keeps in `root`; `home` is what its `~` means. Fails where there is none of its
/// files, or one cannot be read: half of what it says is not taken for all.
pub(super) fn read(root: &Path, home: &Path) -> Result<Ccs> {
    let config: Option<Config> = text_of(&root.join("config.yaml"))?
        .map(|text| {
            serde_saphyr::from_str(&text).map_err(|error| {
                let why = error.to_string();
                unreadable(&root.join("config.yaml"), why.lines().next().unwrap_or_default())
            })
        })
        .transpose()?;
    let registry: Option<Registry> = json_of(&root.join("profiles.json"))?;
    let endpoints: Option<Endpoints> = json_of(&root.join("config.json"))?;
    if config.is_none() && registry.is_none() && endpoints.is_none() {
        return Err(Failure::failed(format!("there is nothing of CCS in {}", root.display()))
            .hint("to look elsewhere: cs import ccs --from DIRECTORY"));
    }
    let (config, registry) = (config.unwrap_or_default(), registry.unwrap_or_default());
    let mut ccs = Ccs::default();
    for (name, path) in endpoints.unwrap_or_default().profiles {
        // Its own `default` is the user's own settings file.
        if name != "default" {
            ccs.endpoints.insert(name, expanded(&path, root, home));
        }
    }
    for (name, profile) in config.profiles.unwrap_or_default() {
        let profile = profile.unwrap_or_default();
        match (profile.kind.as_deref(), profile.settings) {
            (None | Some("api"), Some(path)) => _ = ccs.endpoints.insert(name, expanded(&path, root, home)),
            (None | Some("api"), None) => {
                let path = root.join(format!("{name}.settings.json"));
                ccs.endpoints.insert(name, path);
            }
            _ => _ = ccs.others.insert(name),
        }
    }
    ccs.others.extend(config.cliproxy.and_then(|proxy| proxy.variants).unwrap_or_default().into_keys());
    let accounts = config.accounts.unwrap_or_default().into_iter();
    let accounts = accounts.map(|(name, account)| (name, account.unwrap_or_default()));
    for (name, account) in registry.profiles.into_iter().chain(accounts) {
        let shares = account.context_mode.as_deref() == Some("shared");
        let group = shares.then(|| account.context_group.unwrap_or_else(|| "default".into()));
        ccs.accounts.insert(name, Account { group });
    }
    ccs.inherits = config.continuity.and_then(|said| said.inherit_from_account).unwrap_or_default();
    ccs.default = config.default.or(registry.default);
    Ok(ccs)
}

/// The config directory of an account.
pub(super) fn instance(root: &Path, account: &str) -> PathBuf {
    let name: String = account
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' })
        .collect();
    root.join("instances").join(name)
}

/// The directory of transcripts of a group.
pub(super) fn group_projects(root: &Path, group: &str) -> PathBuf {
    root.join("shared/context-groups").join(group).join("projects")
}

/// The variables in the settings file of an API profile. Its values are secrets, for the caller to
/// pick from.
pub(super) fn variables(settings: &Path) -> Result<Map<String, Value>> {
    let settings: Option<Map<String, Value>> = json_of(settings)?;
    let env = settings.and_then(|mut settings| settings.remove("env"));
    Ok(env.and_then(|env| env.as_object().cloned()).unwrap_or_default())
}

fn text_of(path: &Path) -> Result<Option<String>> {
    let bytes = os::read_optional(path).map_err(|error| Failure::io("read", path, &error))?;
    bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| unreadable(path, "it is not UTF-8"))).transpose()
}

fn json_of<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(text) = text_of(path)? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| unreadable(path, &format!("it is not as CCS writes it (line {})", error.line())))
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::failed(format!("cannot read {}: {why}", path.display())).hint("nothing was imported")
}

/// A path as CCS writes it: `~/.ccs/…`, where `~/.ccs` is its own directory wherever that is.
fn expanded(path: &str, root: &Path, home: &Path) -> PathBuf {
    if let Some(inner) = path.strip_prefix("~/.ccs/") {
        return root.join(inner);
    }
    match path.strip_prefix("~/") {
        Some(inner) => home.join(inner),
        None => root.join(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const YAML: &str = "version: 13\n\n# ---- comment\ndefault: \"work\"\naccounts:\n  work:\n    created: \"x\"\n    last_used: null\n    context_mode: isolated\n  Play:\n    context_mode: shared\n    context_group: team\n  third:\n    context_mode: shared\nprofiles:\n  glm:\n    type: api\n    settings: ~/.ccs/glm.settings.json\n  cop:\n    type: copilot\ncliproxy:\n  variants:\n    mine: {provider: gemini}\ncontinuity:\n  inherit_from_account:\n    glm: work\n";

    #[test]
    fn accounts_endpoints_groups_and_what_inherits_are_read_and_the_rest_is_left() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("config.yaml"), YAML).expect("written");
        let old = r#"{"version":"2.0.0","profiles":{"old":{"type":"account"},"work":{}},"default":"old"}"#;
        fs::write(dir.path().join("profiles.json"), old).expect("written");
        let old = r#"{"profiles":{"kimi":"~/.ccs/kimi.settings.json","default":"~/.claude/settings.json"}}"#;
        fs::write(dir.path().join("config.json"), old).expect("written");
        let ccs = read(dir.path(), Path::new("/home/me")).expect("read");
        let accounts: Vec<_> =
            ccs.accounts.iter().map(|(name, one)| (name.as_str(), one.group.as_deref())).collect();
        assert_eq!(
            accounts,
            [("Play", Some("team")), ("old", None), ("third", Some("default")), ("work", None)]
        );
        assert_eq!(ccs.endpoints.keys().collect::<Vec<_>>(), ["glm", "kimi"]);
        assert_eq!(ccs.endpoints["glm"], dir.path().join("glm.settings.json"));
        assert_eq!(ccs.inherits["glm"], "work");
        assert_eq!(ccs.default.as_deref(), Some("work"));
        assert_eq!(ccs.others.iter().collect::<Vec<_>>(), ["cop", "mine"]);
        assert_eq!(instance(Path::new("/c"), "Play Me"), Path::new("/c/instances/play-me"));
    }

    #[test]
    fn a_broken_file_is_told_and_an_empty_directory_too() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let told = |text: &str| {
            fs::write(dir.path().join("config.yaml"), text).expect("written");
            read(dir.path(), Path::new("/h")).expect_err("broken").message
        };
        assert!(told("accounts: [").contains("config.yaml"));
        assert!(told("accounts: 3").contains("config.yaml"));
        fs::remove_file(dir.path().join("config.yaml")).expect("removed");
        assert!(read(dir.path(), Path::new("/h")).expect_err("empty").message.contains("nothing of CCS"));
    }
}
