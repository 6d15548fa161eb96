//! Taking over what other tools left, in place: whatever is imported from stays as it is, to the byte.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports that its footing is gone")]

#[path = "../support/mod.rs"]
mod support;

mod ccs;
mod claude;
mod claude_session;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use support::world::{World, listing};

/// What an import found: state and new name, by what it is and where it comes from.
fn found(world: &World, arguments: &[&str]) -> BTreeMap<(String, String), (String, String)> {
    let printed = world.cs(&[&["import"], arguments, &["--json"]].concat()).ok();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["schema"], 1);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found = printed["found"].as_array().unwrap().iter();
    found
        .map(|one| ((text(&one["what"]), text(&one["from"])), (text(&one["state"]), text(&one["as"]))))
        .collect()
}

/// Sees that `cs ARGUMENTS` opens no login, wherever it looks.
fn opens_no_login(world: &World, arguments: &[&str]) {
    let Some(strace) = support::needed("strace") else { return };
    let (trace, program) = (world.root().join("trace"), World::cs_program());
    let words = [
        "-f",
        "-qq",
        "-o",
        trace.to_str().unwrap(),
        "-e",
        "trace=open,openat,openat2",
        program.to_str().unwrap(),
    ];
    let words = [&words, arguments].concat();
    let _ = support::world::ran(&mut world.any_command(&strace, &world.home(), &words)).ok();
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(trace.contains("openat("), "the control: {trace}");
    assert!(!trace.contains(".credentials.json"), "a login was opened");
}

/// The state of what was found, and what it is called here.
fn is(state: &str, name: &str) -> (String, String) {
    (state.to_owned(), name.to_owned())
}

/// Everything below the directories `roots`.
fn all(roots: &[&Path]) -> BTreeMap<PathBuf, String> {
    roots
        .iter()
        .flat_map(|root| listing(root).into_iter().map(|(path, entry)| (root.join(path), entry)))
        .collect()
}
