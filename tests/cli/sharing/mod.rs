//! What is shared: by links that are noted, in groups, and by working in another profile's directory.

mod groups;
mod inheriting;
mod interrupted;
mod links;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scenery::state;
use super::support::world::World;

/// A person with skills, agents, settings and an MCP server, who has a profile 'work'.
fn world() -> World {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude/agents/a.md", "an agent");
    world.write(".claude/settings.json", "{}");
    servers(&world, &json!({"one": {"command": "one"}}));
    world.cs(&["profile", "create", "work"]).ok();
    world
}

/// Writes the user's own MCP servers.
fn servers(world: &World, servers: &Value) {
    let state = json!({"hasCompletedOnboarding": true, "mcpServers": servers, "secret": "kept"});
    world.write(".claude.json", &state.to_string());
}

/// Starts a session once, in its own project.
fn opened(world: &World, profile: &str, name: &str) -> PathBuf {
    world.cs_in(&world.project(name), &["-P", profile, name]).ok();
    world.config_of(name)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn manifest(config: &Path) -> toml::Table {
    fs::read_to_string(config.with_file_name("links.toml")).unwrap().parse().unwrap()
}

/// What `cs … --json` says.
fn said(world: &World, arguments: &[&str]) -> Value {
    let said: Value = serde_json::from_str(&world.cs(arguments).ok()).unwrap();
    assert_eq!(said["schema"], 1);
    said
}

/// Everything the user has outside the data root.
fn own(world: &World) -> BTreeMap<PathBuf, String> {
    let mut found = state(&world.home().join(".claude"));
    found.extend(state(&world.home().join(".claude.json")));
    found
}
