//! The first state file of a new session: the allow-listed keys of Claude's state file (`.claude.json`).
//!
//! Only answers that the profile, or an earlier session of it, really gave are carried over. Trust in a
//! directory is never invented, and nothing about other projects is copied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Project;
use super::place::project_key;
use crate::model::{Failure, Kind, Result, SeedFile, reason};
use crate::os::{self, Foreign, MOST_BYTES, unfit};

/// The answers that a session should have at its start.
#[derive(Clone, Debug)]
pub struct SeedRequest<'a> {
    /// Its working directory: trust is looked for there and above.
    pub project: &'a Project,
    /// True if the user-scope MCP servers of the profile are copied.
    pub mcp: bool,
    /// True if it is given an API key, whose use Claude asks about once.
    pub key: bool,
}

/// Keys copied from the profile when a session is made. (`theme` and the like are in
/// `settings.json`; `machineID`, caches and other projects stay behind.)
const KEYS: &[&str] = &[
    "autoUpdates",
    "customApiKeyResponses",
    "hasCompletedOnboarding",
    "installMethod",
    "lastOnboardingVersion",
    "migrationVersion",
    "oauthAccount",
    "seenNotifications",
    "userID",
];

/// Keys of the entry of this very project.
const PROJECT_KEYS: &[&str] = &[
    "allowedTools",
    "disabledMcpjsonServers",
    "enabledMcpjsonServers",
    "hasClaudeMdExternalIncludesApproved",
    "hasTrustDialogAccepted",
];

type Raw = BTreeMap<String, Box<RawValue>>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answers {
    has_completed_onboarding: bool,
    projects: BTreeMap<PathBuf, Trust>,
    custom_api_key_responses: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Trust {
    has_trust_dialog_accepted: Option<bool>,
}

impl Answers {
    fn trusts(&self, project: &Project) -> bool {
        project.trust_keys().any(|key| {
            self.projects.get(key).is_some_and(|project| project.has_trust_dialog_accepted == Some(true))
        })
    }

    fn complete(&self, wanted: &SeedRequest<'_>) -> bool {
        self.has_completed_onboarding
            && self.trusts(wanted.project)
            && (!wanted.key || self.custom_api_key_responses.is_some())
    }
}

/// The answers that a session is given.
#[derive(Debug, Default)]
pub struct Seed {
    /// Its state file with them; `None` if nothing is to be added.
    pub file: Option<SeedFile>,
    /// What a person should know: a state file could not be read, so its answers are not among them.
    pub without: Option<String>,
}

/// Returns the state file `state` of a session, which is `file`, with the answers it lacks, as far as its `profile`'s
/// state file, or one of its `siblings` (earlier sessions of the profile, newest first, asked for only when
/// needed), has them. None if nothing is to be added, or if the file cannot be read: that is left to
/// Claude, and told where a link, or no file, stands in its place.
///
/// Fails where there is no state file yet and the profile's cannot be read, also when it was tried for a moment: the
/// session would lack for good what is only put in when it is made. One that has a state file goes without until the
/// next launch.
pub fn seed_for<I: IntoIterator<Item = Foreign>>(
    state: &Path,
    file: &Foreign,
    profile: &Foreign,
    siblings: impl FnOnce() -> I,
    wanted: &SeedRequest<'_>,
) -> Result<Seed> {
    let before = match file.read(MOST_BYTES) {
        Ok(before) => before,
        Err(error) => {
            let why = unfit(&error)
                .map(|why| format!("{file} is not read ({why}): what the session lacks there is not added"));
            return Ok(Seed { file: None, without: why });
        }
    };
    let lacking = |bytes: &[u8]| {
        let answers: Answers = serde_json::from_slice(bytes).ok()?;
        if answers.complete(wanted) { None } else { serde_json::from_slice(bytes).ok() }
    };
    let mut content: Map<String, Value> = match before.as_deref().map(lacking) {
        Some(Some(content)) => content,
        Some(None) => return Ok(Seed::default()),
        None => Map::new(),
    };
    let untouched = content.clone();
    let mut seed = Seed::default();
    match read_template(profile) {
        Ok(source) => {
            if before.is_none() {
                copy_all(&source, wanted, &mut content);
            }
            copy_answers(&source, wanted, &mut content);
        }
        Err(failure) if before.is_none() => return Err(failure),
        Err(failure) => {
            seed.without = Some(format!("{}: its answers are not added", failure.message));
        }
    }
    if !is_complete(&content, wanted) {
        for sibling in siblings() {
            if let Some(source) = read(&sibling) {
                copy_answers(&source, wanted, &mut content);
            }
            if is_complete(&content, wanted) {
                break;
            }
        }
    }
    if content != untouched {
        let content = text_of(content);
        seed.file = Some(SeedFile { path: state.to_path_buf(), content, replaces: before });
    }
    Ok(seed)
}

fn text_of(content: Map<String, Value>) -> Vec<u8> {
    format!("{:#}", Value::Object(content)).into_bytes()
}

/// Returns the state file of a profile that is being made: the questions of a first start that have no
/// bearing on whose login it is, and the MCP servers of `base` (the user's own state file).
///
/// `hasCompletedOnboarding` skips the choice of a theme and of a way to log in: `cs profile login` is
/// where a profile logs in, and an endpoint needs no login.
///
/// Fails where `base` is there and cannot be read, also when it was tried for a moment.
pub fn fresh_profile_state(base: Option<&Path>) -> Result<Vec<u8>> {
    let mut content = Map::new();
    content.insert("hasCompletedOnboarding".into(), json!(true));
    if let Some(base) = base {
        let source = read_template(&Foreign::led_to(base))?;
        for key in ["lastOnboardingVersion", "mcpServers", "migrationVersion"] {
            copy(&source, key, &mut content);
        }
        copy_migrations(&source, &mut content);
    }
    Ok(text_of(content))
}

/// Reads a state file of the user's own, or of a profile, that others begin with; nothing if there is none. Claude
/// rewrites it all the time, so what is torn or cannot be read is tried again for a moment. Then it is a failure.
fn read_template(path: &Foreign) -> Result<Raw> {
    const LARGEST: u64 = 256 << 20;
    let attempt = || match path.read(LARGEST) {
        Ok(None) => Ok(Raw::new()),
        Ok(Some(text)) => serde_json::from_slice(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text))
            .map_err(|error| format!("it is no JSON (line {})", error.line())),
        Err(error) => Err(reason(&error)),
    };
    os::patiently(attempt).map_err(|why| {
        Failure::of(Kind::Io, format!("cannot read Claude's state file {path}: {why}")).hint(
            "what begins without it would lack MCP servers for good; Claude keeps copies of it in backups/, beside or in ~/.claude",
        )
    })
}

fn read(path: &Foreign) -> Option<Raw> {
    serde_json::from_slice(&path.read(MOST_BYTES).ok()??).ok()
}

fn is_complete(content: &Map<String, Value>, wanted: &SeedRequest<'_>) -> bool {
    Answers::deserialize(Value::Object(content.clone())).is_ok_and(|answers| answers.complete(wanted))
}

fn copy(source: &Raw, key: &str, content: &mut Map<String, Value>) {
    if let Some(value) = source.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok()) {
        content.insert(key.to_owned(), value);
    }
}

fn copy_migrations(source: &Raw, content: &mut Map<String, Value>) {
    for key in source.keys().filter(|key| key.ends_with("MigrationComplete") || key.starts_with("hasSeen")) {
        copy(source, key, content);
    }
}

fn copy_all(source: &Raw, wanted: &SeedRequest<'_>, content: &mut Map<String, Value>) {
    for key in KEYS {
        copy(source, key, content);
    }
    copy_migrations(source, content);
    if wanted.mcp {
        copy(source, "mcpServers", content);
    }
    let Some(project) = projects(source).remove(&project_key(&wanted.project.root)) else { return };
    let Ok(project) = serde_json::from_str::<Raw>(project.get()) else { return };
    let mut kept = Map::new();
    for key in PROJECT_KEYS.iter().chain(wanted.mcp.then_some(&"mcpServers")) {
        copy(&project, key, &mut kept);
    }
    if !kept.is_empty() {
        projects_of(content).insert(project_key(&wanted.project.root), Value::Object(kept));
    }
}

/// Copies the answers that `content` lacks.
fn copy_answers(source: &Raw, wanted: &SeedRequest<'_>, content: &mut Map<String, Value>) {
    if content.get("hasCompletedOnboarding") != Some(&Value::Bool(true)) {
        copy(source, "hasCompletedOnboarding", content);
        copy(source, "lastOnboardingVersion", content);
    }
    if !content.contains_key("oauthAccount") {
        copy(source, "oauthAccount", content);
    }
    if !content.contains_key("customApiKeyResponses") {
        copy(source, "customApiKeyResponses", content);
    }
    let mut theirs = projects(source);
    for key in wanted.project.trust_keys() {
        let key = project_key(key);
        let trusted = theirs
            .remove(&key)
            .and_then(|raw| serde_json::from_str::<Trust>(raw.get()).ok())
            .is_some_and(|project| project.has_trust_dialog_accepted == Some(true));
        if trusted {
            let entry = projects_of(content).entry(key).or_insert_with(|| json!({}));
            if let Value::Object(entry) = entry {
                entry.insert("hasTrustDialogAccepted".into(), json!(true));
            }
            break;
        }
    }
}

fn projects(source: &Raw) -> Raw {
    source.get("projects").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn projects_of(content: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let projects = content.entry("projects").or_insert_with(|| json!({}));
    if !projects.is_object() {
        *projects = json!({});
    }
    match projects {
        Value::Object(projects) => projects,
        _ => unreachable!("it was just made an object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct World {
        dir: tempfile::TempDir,
        project: Project,
    }

    impl World {
        fn new() -> Self {
            let project = Project { directory: "/w/repo/src".into(), root: "/w/repo".into() };
            Self { dir: tempfile::tempdir().expect("a temporary directory"), project }
        }

        fn file(&self, name: &str, content: &Value) -> Foreign {
            let path = self.dir.path().join(name);
            fs::write(&path, content.to_string()).expect("written");
            Foreign::led_to(&path)
        }

        fn seed(&self, profile: &Foreign, siblings: Vec<Foreign>) -> Option<Value> {
            let wanted = SeedRequest { project: &self.project, mcp: true, key: false };
            let state = self.dir.path().join("state");
            let file = Foreign::at(self.dir.path(), &state);
            let seed = seed_for(&state, &file, profile, || siblings, &wanted).expect("read");
            serde_json::from_slice(&seed.file?.content).ok()
        }
    }

    #[test]
    fn a_new_session_takes_the_listed_keys_and_nothing_else() {
        let world = World::new();
        let profile = world.file(
            "profile",
            &json!({
                "hasCompletedOnboarding": true, "machineID": "m", "userID": "u", "oauthAccount": {"emailAddress": "a@b"},
                "mcpServers": {"s": {}}, "xMigrationComplete": true, "cachedStuff": {},
                "projects": {
                    "/w/repo": {"hasTrustDialogAccepted": true, "lastCost": 3, "allowedTools": ["x"]},
                    "/secret": {"hasTrustDialogAccepted": true}
                }
            }),
        );
        assert_eq!(
            world.seed(&profile, vec![]),
            Some(json!({
                "hasCompletedOnboarding": true, "userID": "u", "oauthAccount": {"emailAddress": "a@b"},
                "mcpServers": {"s": {}}, "xMigrationComplete": true,
                "projects": {"/w/repo": {"hasTrustDialogAccepted": true, "allowedTools": ["x"]}}
            }))
        );
    }

    #[test]
    fn trust_comes_from_above_or_from_a_sibling_and_is_never_invented() {
        let world = World::new();
        let above = world.file("above", &json!({"projects": {"/w": {"hasTrustDialogAccepted": true}}}));
        assert_eq!(
            world.seed(&above, vec![]),
            Some(json!({"projects": {"/w": {"hasTrustDialogAccepted": true}}}))
        );
        let none = world.file("none", &json!({"projects": {"/w/repo": {"hasTrustDialogAccepted": false}}}));
        let seeded = world.seed(&none, vec![]).expect("the entry itself is copied");
        assert_eq!(seeded["projects"]["/w/repo"]["hasTrustDialogAccepted"], json!(false));
        let sibling = world.file(
            "sibling",
            &json!({"hasCompletedOnboarding": true, "mcpServers": {"private": {}},
                    "projects": {"/w/repo": {"hasTrustDialogAccepted": true, "lastCost": 1}}}),
        );
        let seeded = world.seed(&none, vec![sibling]).expect("the sibling's answers");
        assert_eq!(
            seeded,
            json!({"hasCompletedOnboarding": true, "projects": {"/w/repo": {"hasTrustDialogAccepted": true}}})
        );
    }

    #[test]
    fn an_existing_state_only_gains_answers_it_lacks() {
        let world = World::new();
        let profile = world.file(
            "profile",
            &json!({"hasCompletedOnboarding": true, "userID": "profile",
                    "projects": {"/w/repo": {"hasTrustDialogAccepted": true}}}),
        );
        world.file(
            "state",
            &json!({"userID": "mine", "hasCompletedOnboarding": true, "projects": {"/x": {}}}),
        );
        assert_eq!(
            world.seed(&profile, vec![]),
            Some(json!({"userID": "mine", "hasCompletedOnboarding": true,
                        "projects": {"/x": {}, "/w/repo": {"hasTrustDialogAccepted": true}}}))
        );
        world.file(
            "state",
            &json!({"hasCompletedOnboarding": true, "projects": {"/w/repo": {"hasTrustDialogAccepted": true}}}),
        );
        assert_eq!(world.seed(&profile, vec![]), None, "nothing to add");
        fs::write(world.dir.path().join("state"), "{torn").expect("written");
        assert_eq!(world.seed(&profile, vec![]), None, "a damaged file is Claude's to mend");
    }

    #[test]
    fn a_template_that_is_there_and_cannot_be_read_is_never_taken_for_none() {
        let world = World::new();
        let wanted = SeedRequest { project: &world.project, mcp: true, key: false };
        let state = world.dir.path().join("state");
        let torn = world.dir.path().join("torn");
        fs::write(&torn, r#"{"mcpServers": {"s"#).expect("written");
        let told =
            |failure: Failure| (failure.kind, failure.message.contains("torn: it is no JSON (line 1)"));
        let file = Foreign::at(world.dir.path(), &state);
        let seeded = |profile: &Path| seed_for(&state, &file, &Foreign::led_to(profile), Vec::new, &wanted);
        assert_eq!(told(seeded(&torn).expect_err("a new session")), (Kind::Io, true));
        assert_eq!(told(fresh_profile_state(Some(&torn)).expect_err("a new profile")), (Kind::Io, true));
        fs::write(&state, "{}").expect("written");
        let seed = seeded(&torn).expect("one that is there goes on");
        assert!(seed.file.is_none() && seed.without.expect("told").contains("torn"));
        // The controls: none at all, and one that is whole again after a moment.
        assert!(seeded(&world.dir.path().join("none")).expect("none").without.is_none());
        fs::remove_file(&state).expect("removed");
        fs::write(&torn, "\u{feff}{\"mcpServers\": {\"s\": {}}}").expect("written");
        let seed = seeded(&torn).expect("whole").file.expect("a file");
        assert!(String::from_utf8_lossy(&seed.content).contains("\"s\""));
    }
}
