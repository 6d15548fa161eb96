//! The MCP servers of the user scope: those a profile has, those a session has of them, and what
//! became of each since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::model::{Failure, Kind, Result, SeedFile};
use crate::os::{self, Foreign, MOST_BYTES};

/// The key of Claude's state file under which they are.
const SERVERS: &str = "mcpServers";

/// The outcome for a server that differs between a session and its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The profile gained it.
    Added,
    /// The profile changed it, the session did not.
    Changed,
    /// The profile lost it, and the session has it as it was put in.
    Removed,
    /// Both changed it, or one changed what the other removed: the session's stays.
    Conflict,
}

/// The result of merging the servers of a session with those of its profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merge {
    /// The outcome by the name of the server, for those done and those left.
    pub fates: BTreeMap<String, Fate>,
    /// The state file as it should be; `None` if it stays as it is.
    pub file: Option<SeedFile>,
    /// The SHA-256 of each server as it was put in, from now on.
    pub base: BTreeMap<String, String>,
}

/// Returns the SHA-256 of each server of the user scope in a state file's text, by name.
pub fn server_hashes(state: &[u8]) -> BTreeMap<String, String> {
    let state: Map<String, Value> = serde_json::from_slice(state).unwrap_or_default();
    servers(&state).iter().map(|(name, server)| (name.clone(), hash(server))).collect()
}

/// Merges the servers in the state file `state`, which is `file`, three ways with those in `source`, the profile's; `base`
/// has those that were put in before. Servers named in `take` become the profile's whatever was done to
/// them here. With `wanted` false the profile is taken to have none. Writes nothing. Fails if a state
/// file cannot be read; with [`Kind::Io`] also where that of the profile is torn, so that there is no telling what it
/// has.
pub fn merge_servers(
    state: &Path,
    file: &Foreign,
    source: &Foreign,
    base: &BTreeMap<String, String>,
    take: &[String],
    wanted: bool,
) -> Result<Merge> {
    let Some((before, mut content)) = read(file)? else {
        return Ok(Merge { base: base.clone(), ..Merge::default() });
    };
    let template = || read(source).map_err(|failure| failure.with_kind(Kind::Io));
    let theirs = match if wanted { template()? } else { None } {
        Some((_, content)) => servers(&content),
        None => Map::new(),
    };
    let mut ours = servers(&content);
    let mut merge = Merge { base: base.clone(), ..Merge::default() };
    let names: BTreeSet<String> = theirs.keys().chain(ours.keys()).chain(base.keys()).cloned().collect();
    for name in names {
        let (their, our, put) = (theirs.get(&name).map(hash), ours.get(&name).map(hash), base.get(&name));
        let taken = take.contains(&name);
        let fate = match (&their, &our, put) {
            (Some(their), Some(our), _) if their == our => {
                merge.base.insert(name, their.clone());
                continue;
            }
            (Some(_), None, None) => Fate::Added,
            (Some(_), None, Some(_)) if taken => Fate::Added,
            // It was removed here, or is the session's own: so it stays.
            (Some(_), None, Some(_)) | (None, Some(_), None) => continue,
            (Some(_), Some(our), Some(put)) if our == put || taken => Fate::Changed,
            (Some(_), Some(_), None) if taken => Fate::Changed,
            // Changed here alone.
            (Some(their), Some(_), Some(put)) if their == put => continue,
            (None, Some(our), Some(put)) if our == put || taken => Fate::Removed,
            // What is no longer wanted and not as it was put in is the session's own.
            (None, Some(_), Some(_)) if !wanted => continue,
            (Some(_), Some(_), _) | (None, Some(_), Some(_)) => Fate::Conflict,
            (None, None, _) => {
                merge.base.remove(&name);
                continue;
            }
        };
        match (fate, theirs.get(&name), their) {
            (Fate::Added | Fate::Changed, Some(server), Some(hash)) => {
                ours.insert(name.clone(), server.clone());
                merge.base.insert(name.clone(), hash);
            }
            (Fate::Removed, ..) => {
                ours.remove(&name);
                merge.base.remove(&name);
            }
            _ => {}
        }
        merge.fates.insert(name, fate);
    }
    if merge.fates.values().any(|fate| *fate != Fate::Conflict) {
        content.insert(SERVERS.into(), Value::Object(ours));
        let text = serde_json::to_vec_pretty(&Value::Object(content))
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", state.display())))?;
        merge.file = Some(SeedFile { path: state.to_path_buf(), content: text, replaces: Some(before) });
    }
    Ok(merge)
}

/// The text of a state file, and what it says.
type StateFile = (Vec<u8>, Map<String, Value>);

/// Reads a state file, as it is and what it says; `None` if there is none. Claude rewrites it all the time, so what is
/// torn or cannot be read is tried again for a moment.
fn read(path: &Foreign) -> Result<Option<StateFile>> {
    os::patiently(|| {
        let text = path.read(MOST_BYTES).map_err(|error| {
            let failure = path.failure("read", &error);
            // What is no file of Claude's is nothing that the system failed at.
            if os::unfit(&error).is_some() { failure.with_kind(Kind::Failed) } else { failure }
        })?;
        let Some(text) = text else { return Ok(None) };
        match serde_json::from_slice(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text)) {
            Ok(content) => Ok(Some((text, content))),
            Err(error) => {
                let line = error.line();
                Err(Failure::failed(format!("{path} is no JSON (line {line}), so it is left alone")))
            }
        }
    })
}

fn servers(state: &Map<String, Value>) -> Map<String, Value> {
    state.get(SERVERS).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Returns the SHA-256 of a server, whatever the order of its keys.
fn hash(server: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let map: BTreeMap<&String, Value> =
                    map.iter().map(|(key, value)| (key, sorted(value))).collect();
                Value::Object(map.into_iter().map(|(key, value)| (key.clone(), value)).collect())
            }
            Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
            other => other.clone(),
        }
    }
    Sha256::digest(sorted(server).to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    /// Merges `ours` with `theirs`, given the hash `put` of what was put in. Returns the outcome, and the
    /// server there is then.
    fn merged(ours: &Value, theirs: &Value, put: &Value, take: &[&str], wanted: bool) -> (Merge, Value) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str, servers: &Value| {
            let path = dir.path().join(name);
            fs::write(&path, json!({"mcpServers": servers, "other": 1}).to_string()).expect("written");
            path
        };
        let (state, source) = (file("state", ours), file("source", theirs));
        let base = server_hashes(json!({"mcpServers": put}).to_string().as_bytes());
        let take: Vec<String> = take.iter().map(|name| (*name).to_owned()).collect();
        let merge =
            merge_servers(&state, &Foreign::led_to(&state), &Foreign::led_to(&source), &base, &take, wanted)
                .expect("merged");
        let after = match &merge.file {
            Some(file) => serde_json::from_slice::<Value>(&file.content).expect("JSON"),
            None => json!({"mcpServers": ours, "other": 1}),
        };
        assert_eq!(after["other"], 1, "nothing else is touched");
        (merge, after["mcpServers"].clone())
    }

    type Side<'a> = Option<&'a Value>;

    #[test]
    fn each_of_the_three_sides_has_its_say() {
        let (a, b, c) = (json!({"command": "a"}), json!({"command": "b"}), json!({"command": "c"}));
        let one = |server: Option<&Value>| server.map_or(json!({}), |server| json!({"s": server}));
        // ours, the profile's, as put in: what happens, and what there is then
        let cases: &[(Side<'_>, Side<'_>, Side<'_>, Option<Fate>, Side<'_>)] = &[
            (None, Some(&a), None, Some(Fate::Added), Some(&a)),
            (Some(&a), Some(&b), Some(&a), Some(Fate::Changed), Some(&b)),
            (Some(&a), None, Some(&a), Some(Fate::Removed), None),
            (Some(&b), Some(&c), Some(&a), Some(Fate::Conflict), Some(&b)),
            (Some(&b), None, Some(&a), Some(Fate::Conflict), Some(&b)),
            (Some(&b), Some(&c), None, Some(Fate::Conflict), Some(&b)),
            (None, Some(&b), Some(&a), None, None),
            (Some(&b), Some(&a), Some(&a), None, Some(&b)),
            (Some(&a), None, None, None, Some(&a)),
            (Some(&a), Some(&a), None, None, Some(&a)),
        ];
        for (ours, theirs, put, fate, then) in cases {
            let (merge, after) = merged(&one(*ours), &one(*theirs), &one(*put), &[], true);
            let what = format!("{ours:?} {theirs:?} {put:?}");
            assert_eq!(merge.fates.get("s"), fate.as_ref(), "{what}");
            assert_eq!(after, one(*then), "{what}");
            // Merged once more, nothing more happens, but for what a person has to decide.
            let dir = tempfile::tempdir().expect("a temporary directory");
            let (state, source) = (dir.path().join("state"), dir.path().join("source"));
            fs::write(&state, json!({"mcpServers": after}).to_string()).expect("written");
            fs::write(&source, json!({"mcpServers": one(*theirs)}).to_string()).expect("written");
            let again = merge_servers(
                &state,
                &Foreign::led_to(&state),
                &Foreign::led_to(&source),
                &merge.base,
                &[],
                true,
            )
            .expect("merged");
            assert_eq!(again.file, None, "{what}");
        }
        let (merge, after) = merged(&one(Some(&b)), &one(Some(&c)), &one(Some(&a)), &["s"], true);
        assert_eq!((merge.fates["s"], after), (Fate::Changed, one(Some(&c))), "the profile's is taken");
        let (merge, after) = merged(&one(None), &one(Some(&c)), &one(Some(&a)), &["s"], true);
        assert_eq!((merge.fates["s"], after), (Fate::Added, one(Some(&c))), "also where it was removed");
        let (merge, after) = merged(&one(Some(&a)), &one(Some(&a)), &one(Some(&a)), &[], false);
        assert_eq!((merge.fates["s"], after), (Fate::Removed, one(None)), "servers are private now");
        let (merge, after) = merged(&one(Some(&b)), &one(Some(&a)), &one(Some(&a)), &[], false);
        assert_eq!((merge.fates.get("s"), after), (None, one(Some(&b))), "what was changed is its own");
    }

    #[test]
    fn a_server_is_known_again_whatever_the_order_of_its_keys() {
        let one = json!({"command": "a", "env": {"X": "1", "Y": "2"}, "args": [1, {"b": 1, "a": 2}]});
        let other = json!({"args": [1, {"a": 2, "b": 1}], "env": {"Y": "2", "X": "1"}, "command": "a"});
        assert_eq!(hash(&one), hash(&other));
        assert_ne!(hash(&one), hash(&json!({"command": "b"})));
        assert_eq!(hash(&one).len(), 64);
    }
}
