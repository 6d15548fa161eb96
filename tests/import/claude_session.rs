//! Directories that shell scripts used as config directories, `~/.claude/sessions/<uuid>`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::world::World;
use crate::{all, found, is, opens_no_login};

const ONE: &str = "3f2a8c1e-5b7d-4e9a-8c3f-1a2b3c4d5e6f";
const TWO: &str = "7c1d9e2b-4a6f-4b8c-9d0e-2f3a4b5c6d7e";
const EMPTY: &str = "9e8d7c6b-5a4f-4e3d-8c2b-1a0f9e8d7c6b";
const TALK: &str = "01890000-0000-4000-8000-00000000000a";
const OLDER: &str = "01890000-0000-4000-8000-00000000000b";

fn talk(config: &Path, directory: &Path, id: &str, said: &str) -> PathBuf {
    let folder = config.join("projects").join(claude_cs::claude::slug(directory));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{id}.jsonl"));
    let line = json!({"type": "user", "cwd": directory, "message": {"role": "user", "content": said}});
    fs::write(&path, format!("{line}\n")).unwrap();
    path
}

/// Two sessions with conversations, one without, and what Claude itself keeps in that place.
fn world() -> (World, PathBuf) {
    let world = World::with_fake_claude();
    let root = world.home().join(".claude/sessions");
    let (api, web) = (world.project("api"), world.project("web"));
    let older = talk(&root.join(ONE), &api, OLDER, "older");
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options().append(true).open(older).unwrap().set_modified(past).unwrap();
    talk(&root.join(ONE), &api, TALK, "newest");
    fs::write(root.join(ONE).join("history"), "a prompt\n").unwrap();
    fs::write(root.join(ONE).join(".credentials.json"), "a-canary").unwrap();
    talk(&root.join(TWO), &web, TALK, "web");
    fs::write(root.join(TWO).join("title"), "My Title\n").unwrap();
    fs::write(root.join(TWO).join("history.jsonl"), "{\"display\":\"x\"}\n").unwrap();
    fs::create_dir(root.join(EMPTY)).unwrap();
    fs::write(root.join("4242.json"), "{\"pid\":4242}").unwrap();
    (world, root)
}

fn session(id: &str) -> (String, String) {
    ("session".to_owned(), id.to_owned())
}

#[test]
fn each_with_a_conversation_becomes_a_session_that_resumes_it() {
    let (world, root) = world();
    let before = all(&[&world.home().join(".claude")]);
    let shown = found(&world, &["claude-session", "--dry-run"]);
    assert!(!world.data().exists());
    opens_no_login(&world, &["import", "claude-session"]);
    fs::remove_dir_all(world.data()).unwrap();
    let done = found(&world, &["claude-session"]);
    assert_eq!(shown, done, "what was shown is what is done");
    assert_eq!(done.len(), 3, "Claude's own files there are none: {done:?}");
    assert_eq!(done[&session(ONE)], is("imported", "api"));
    assert_eq!(done[&session(TWO)], is("imported", "My-Title"));
    assert_eq!(done[&session(EMPTY)].0, "skipped");
    assert_eq!(world.show("api")["id"], ONE, "its id stays");
    world.cs(&["api"]).ok();
    let start = world.last_start();
    assert_eq!(start.flag("--resume"), Some(TALK));
    assert_eq!(start.cwd, world.project("api"));
    let config = world.config_of("api");
    assert_eq!(fs::read(config.join("history")).unwrap(), b"a prompt\n");
    assert!(!config.join(".credentials.json").exists());
    assert!(world.config_of("My-Title").join("history.jsonl").is_file());
    // Copies, not links: what is said now is not said there.
    let copy = talk(&config, &world.project("api"), TALK, "changed here");
    assert!(!copy.is_symlink() && !config.join("projects").is_symlink());
    assert_eq!(all(&[&world.home().join(".claude")]), before);

    assert!(found(&world, &["claude-session"]).values().all(|(state, _)| state != "imported"));
    world.cs(&["rm", "api"]).ok();
    let again = found(&world, &["claude-session"]);
    assert_eq!(again[&session(ONE)].0, "skipped", "it is in the trash");
    let _ = root;
}

#[test]
fn a_name_and_a_profile_can_be_said_and_a_taken_name_is_numbered() {
    let (world, root) = world();
    world.cs(&["profile", "create", "work"]).ok();
    world.cs(&["new", "--no-open", "api"]).ok();
    assert!(world.cs(&["import", "claude-session", "--as", "mine"]).fails(2).contains("has 3"));
    let done = found(&world, &["claude-session", "--profile", "work"]);
    assert_eq!(done[&session(ONE)], is("imported", "api-2"));
    assert_eq!(world.show("api-2")["profile"], "work");

    let alone = world.home().join("alone");
    fs::create_dir(&alone).unwrap();
    let id = "11111111-2222-4333-8444-555555555555";
    fs::rename(root.join(TWO), alone.join(id)).unwrap();
    let done = found(&world, &["claude-session", "--from", alone.to_str().unwrap(), "--as", "mine"]);
    assert_eq!(done[&session(id)], is("imported", "mine"));
    let _ = world.cs(&["import", "claude-session", "--from", "/nowhere"]).fails(1);
}
