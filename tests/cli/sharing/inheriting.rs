//! A profile that works in another's directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{opened, said, world};
use crate::scenery::{TALK, state, talk};

#[test]
fn a_profile_that_inherits_works_in_the_others_directory() {
    let mut world = world();
    world.set("GLM", "a-token");
    let project = world.project("api");
    world.cs_in(&project, &["-P", "work", "api"]).ok();
    talk(&world.config_of("api"), &project, TALK, "planned");
    let made = world.cs(&[
        "profile",
        "create",
        "glm",
        "--provider",
        "glm",
        "--token-env",
        "GLM",
        "--inherit",
        "work",
    ]);
    assert!(made.stderr.contains("config directory of 'work'"), "{}", made.stderr);
    let _ = made.ok();
    assert_eq!(world.config_of("glm"), world.config_of("work"));
    assert!(!world.data().join("profiles/glm/claude").exists());
    let shown = said(&world, &["profile", "show", "glm", "--json"]);
    assert_eq!(shown["inherit"], "work");
    assert!(world.cs(&["profile", "list"]).ok().contains("api (glm) in work"));

    world.cs(&["glm", "-p", "x"]).ok();
    let start = world.last_start();
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), world.config_of("work").to_str());
    assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some("a-token"));
    assert_eq!(start.var("CS_PROFILE"), Some("glm"));

    // The same session, for this once at the other endpoint; its record stays.
    let record = state(&world.data().join("sessions"));
    let without_runs = |mut found: BTreeMap<PathBuf, String>| {
        found.retain(|path, _| !path.ends_with("run.toml"));
        found
    };
    world.cs(&["--profile", "glm", "api"]).ok();
    let start = world.last_start();
    assert_eq!(start.flag("--resume"), Some(TALK));
    assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some("a-token"));
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), world.config_of("api").to_str());
    assert_eq!(without_runs(state(&world.data().join("sessions"))), without_runs(record));
    world.cs(&["api"]).ok();
    assert_eq!(world.last_start().var("ANTHROPIC_AUTH_TOKEN"), None, "and then again as ever");
    // The control: one that does not inherit is refused.
    world.cs(&["profile", "create", "kimi", "--provider", "kimi", "--token-env", "GLM"]).ok();
    let refused = world.cs(&["--profile", "kimi", "api"]).fails(5);
    assert!(refused.contains("belongs to profile 'work'"), "{refused}");

    // What work's sessions share, its sessions share.
    world.cs(&["profile", "share", "work", "skills=private"]).ok();
    let config = opened(&world, "glm", "mine");
    assert!(!config.join("skills").exists() && config.join("agents").is_symlink());
    let rows = said(&world, &["profile", "share", "glm", "--json"]);
    assert_eq!(rows["items"][0], json!({"item": "skills", "mode": "private", "by": "profile 'work'"}));

    let refused = world.cs(&["profile", "remove", "--force", "work"]).fails(5);
    assert!(refused.contains("'glm'"), "{refused}");
    let refused = world.cs(&["profile", "create", "third", "--inherit", "glm"]).fails(5);
    assert!(refused.contains("inherits 'work' itself"), "{refused}");
    let _ = world.cs(&["profile", "create", "third", "--inherit", "nobody"]).fails(4);
    world.cs(&["profile", "remove", "--force", "glm"]).ok();
    assert!(world.config_of("work").is_dir(), "the directory was not its own");
    world.cs(&["profile", "remove", "--force", "work"]).ok();
    world.cs(&["restore", "glm"]).ok();
    let damaged = world.cs(&["profile", "show", "glm"]).fails(1);
    assert!(damaged.contains("inherits profile 'work', which is gone"), "{damaged}");
    world.cs(&["restore", "work"]).ok();
    let _ = world.cs(&["profile", "show", "glm"]).ok();
}

#[test]
fn inheriting_in_a_circle_or_twice_is_a_damage_that_spoils_no_other() {
    let world = world();
    world.cs(&["profile", "create", "one", "--inherit", "work"]).ok();
    world.cs(&["profile", "create", "two", "--inherit", "work"]).ok();
    let record = |name: &str| world.data().join("profiles").join(name).join("profile.toml");
    for (inherit, why) in [
        ("inherit = \"one\"", "it inherits itself"),
        ("inherit = \"two\"", "which inherits 'work'"),
        ("inherit = \"default\"\nconfig_dir = \"/x\"", "no config_dir"),
    ] {
        fs::write(record("one"), format!("version = 1\n{inherit}\n")).unwrap();
        let damaged = world.cs(&["profile", "show", "one"]).fails(1);
        assert!(damaged.contains(why), "{damaged}");
        let _ = world.cs(&["profile", "show", "two"]).ok();
        assert!(world.cs(&["profile", "list"]).ok().contains("damaged"));
    }
    // The control: the user's own directory can be worked in.
    fs::write(record("one"), "version = 1\ninherit = \"default\"\n").unwrap();
    world.cs(&["one"]).ok();
    assert_eq!(world.last_start().var("CLAUDE_CONFIG_DIR"), None);
}
