//! CCS, as its own program leaves its directory.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::skipped;
use crate::support::world::{Ran, World, ran};
use crate::{all, found, is, opens_no_login};

/// CCS's program, a script for Node; `None`, after saying so, where the test run was given none.
fn ccs_program() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    match set("CS_TEST_CCS").map(PathBuf::from) {
        Some(program) if program.is_file() => Some(program),
        Some(program) => panic!("CS_TEST_CCS names no file: {}", program.display()),
        None => {
            assert!(set("CS_TEST_REQUIRE").is_none(), "CS_TEST_REQUIRE is set, but CS_TEST_CCS names no CCS");
            skipped("set CS_TEST_CCS to the script of CCS 7.79.1 (dist/ccs.js) to run it");
            None
        }
    }
}

/// Runs CCS in this world.
fn ccs(world: &World, program: &Path, arguments: &[&str]) -> Ran {
    let node = which::which("node").unwrap();
    let words = [&[program.to_str().unwrap()], arguments].concat();
    ran(world.any_command(&node, &world.home(), &words).env("CI", "1").env("NO_COLOR", "1"))
}

/// A world in which CCS has accounts, one with a login, two that share their conversations, and endpoints.
fn with_ccs() -> Option<(World, PathBuf)> {
    let program = ccs_program()?;
    let world = World::new();
    // Claude, as CCS calls it for a login: it leaves what a login leaves.
    world.fake_claude("[ -z \"$CLAUDE_CONFIG_DIR\" ] || { mkdir -p \"$CLAUDE_CONFIG_DIR\"; echo a-canary > \"$CLAUDE_CONFIG_DIR/.credentials.json\"; }");
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude/settings.json", "{}");
    for arguments in [
        &["auth", "create", "work"][..],
        &["auth", "create", "play", "--share-context", "--context-group", "Team"],
        &["auth", "create", "third", "--share-context", "--context-group", "team"],
        &["auth", "create", "alone", "--bare"],
        // A name that is a command here.
        &["auth", "create", "doctor"],
        &["api", "create", "--preset", "glm", "--api-key", "glm-canary", "--yes"],
        &[
            "api",
            "create",
            "gw",
            "--base-url",
            "http://127.0.0.1:9/anthropic",
            "--api-key",
            "gw-canary",
            "--model",
            "m-1",
            "--yes",
        ],
        &["auth", "default", "work"],
    ] {
        let done = ccs(&world, &program, arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}{}", done.stdout, done.stderr);
    }
    // What it lets be said only in its file.
    let config = world.home().join(".ccs/config.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let said = "continuity:\n  inherit_from_account:\n    glm: work\n";
    let text = if text.contains("\ncontinuity:") {
        text.replacen("\ncontinuity:\n", &format!("\n{said}"), 1)
    } else {
        format!("{text}\n{said}")
    };
    fs::write(&config, text).unwrap();
    let shown = ccs(&world, &program, &["auth", "list", "--json"]);
    assert!(shown.stdout.contains("third"), "CCS still reads it: {}{}", shown.stdout, shown.stderr);
    fs::remove_dir_all(world.root().join("starts")).unwrap();
    world.fake_claude("");
    Some((world, program))
}

#[test]
fn what_the_real_ccs_made_is_taken_over_in_place_and_once() {
    let Some((world, program)) = with_ccs() else { return };
    let root = world.home().join(".ccs");
    let roots = [root.as_path(), &world.home().join(".claude")];
    let before = all(&roots);

    let shown = found(&world, &["ccs", "--dry-run"]);
    assert!(!world.data().exists(), "--dry-run makes nothing");
    opens_no_login(&world, &["import", "ccs"]);
    fs::remove_dir_all(world.data()).unwrap();
    let done = found(&world, &["ccs"]);
    assert_eq!(shown.len(), done.len());
    let one = |what: &str, from: &str| done[&(what.to_owned(), from.to_owned())].clone();
    for name in ["work", "play", "third", "alone", "glm", "gw"] {
        assert_eq!(one("profile", name), is("imported", name));
        assert_eq!(shown[&("profile".to_owned(), name.to_owned())], is("imported", name));
    }
    assert_eq!(one("profile", "doctor"), is("imported", "doctor-ccs"));
    assert_eq!(one("group", "team"), is("imported", "team"));
    assert_eq!(one("default", "work").0, "skipped", "nobody was asked");
    assert_eq!(all(&roots), before);
    assert!(world.cs(&["profile", "list"]).ok().contains("api in work"));

    let again = found(&world, &["ccs", "--yes"]);
    for ((what, name), (state, _)) in &again {
        let expected = if what == "default" { "imported" } else { "there" };
        assert_eq!(state, expected, "{what} {name}");
    }
    assert!(found(&world, &["ccs", "--yes"]).values().all(|(state, _)| state == "there"));
    assert_eq!(world.cs(&["profile", "default"]).ok(), "work\n");
    assert_eq!(all(&roots), before);
    let mut kept = String::new();
    for (path, _) in crate::support::world::listing(&world.data()) {
        kept += &fs::read_to_string(world.data().join(path)).unwrap_or_default();
    }
    assert!(!kept.contains("canary"), "no token and no login is copied");

    // It works: the account in its own directory, the endpoint with its token and in the account's.
    world.cs(&["work", "-p", "x"]).ok();
    let instance = root.join("instances/work");
    assert_eq!(world.last_start().var("CLAUDE_CONFIG_DIR"), instance.to_str());
    world.cs(&["glm", "-p", "x"]).ok();
    let start = world.last_start();
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), instance.to_str());
    assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some("glm-canary"));
    assert!(
        start.var("ANTHROPIC_BASE_URL").unwrap().contains("z.ai") && start.var("ANTHROPIC_MODEL").is_some()
    );
    let _ = world.cs(&["gw", "-p", "x"]).ok();
    assert_eq!(world.last_start().var("ANTHROPIC_BASE_URL"), Some("http://127.0.0.1:9/anthropic"));
    assert_eq!(world.last_start().var("ANTHROPIC_MODEL"), Some("m-1"));
    // Sessions of two accounts that share their conversations there share them here, in the same place.
    for profile in ["play", "third"] {
        let name = format!("of-{profile}");
        world.cs_in(&world.project("p"), &["-P", profile, &name]).ok();
        let projects = fs::canonicalize(world.config_of(&name).join("projects")).unwrap();
        assert_eq!(projects, root.join("shared/context-groups/team/projects"), "{profile}");
    }
    world.cs_in(&world.project("p"), &["-P", "work", "of-work"]).ok();
    assert!(!world.config_of("of-work").join("projects").exists(), "the control");
    assert_eq!(all(&roots), before, "and CCS has all of it as it was");
    let listed = ccs(&world, &program, &["auth", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout[listed.stdout.find('{').unwrap()..]).unwrap();
    assert_eq!(listed["profiles"].as_array().unwrap().len(), 5);
}

#[test]
fn a_name_that_is_taken_gets_another_and_what_is_missing_is_told() {
    let Some((world, _)) = with_ccs() else { return };
    world.cs(&["new", "--no-open", "work"]).ok();
    world.cs(&["profile", "create", "--base-url", "http://127.0.0.1:9", "--token-env", "T", "gw"]).ok();
    fs::remove_dir_all(world.home().join(".ccs/instances/play")).unwrap();
    fs::remove_file(world.home().join(".ccs/glm.settings.json")).unwrap();
    let done = found(&world, &["ccs"]);
    let one = |what: &str, from: &str| done[&(what.to_owned(), from.to_owned())].clone();
    assert_eq!(one("profile", "work"), is("imported", "work-ccs"));
    assert_eq!(one("profile", "gw"), is("imported", "gw-ccs"));
    assert_eq!(one("profile", "play").0, "skipped");
    assert_eq!(one("profile", "glm").0, "skipped");
    assert_eq!(one("profile", "third"), is("imported", "third"));
    assert!(found(&world, &["ccs"]).values().all(|(state, _)| state != "imported"));
}

/// A directory as CCS leaves it, made by hand: for what needs no CCS.
fn by_hand(world: &World, root: &str) -> PathBuf {
    world.write(
        &format!("{root}/config.yaml"),
        "version: 13\ndefault: work\naccounts:\n  work: {context_mode: isolated}\nprofiles:\n  gw: {type: api, settings: ~/.ccs/gw.settings.json}\n  cop: {type: copilot}\n",
    );
    world.write(
        &format!("{root}/gw.settings.json"),
        r#"{"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_API_KEY": "a-key"}}"#,
    );
    fs::create_dir_all(world.home().join(root).join("instances/work")).unwrap();
    let root = world.home().join(root);
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    root
}

#[test]
fn it_is_looked_for_where_ccs_itself_would() {
    for (variable, value, root) in
        [("CCS_DIR", "elsewhere", "elsewhere"), ("CCS_HOME", "other", "other/.ccs"), ("X", "x", ".ccs")]
    {
        let mut world = World::with_fake_claude();
        let root = by_hand(&world, root);
        let value = world.home().join(value);
        world.set(variable, value);
        let done = found(&world, &["ccs"]);
        assert_eq!(done[&("profile".into(), "work".into())], is("imported", "work"), "{variable}");
        assert_eq!(done[&("profile".into(), "cop".into())].0, "skipped");
        assert_eq!(world.config_of("work"), root.join("instances/work"));
        assert!(
            found(&world, &["ccs", "--from", root.to_str().unwrap()])
                .values()
                .all(|(state, _)| state != "imported")
        );
    }
    let world = World::with_fake_claude();
    assert!(world.cs(&["import", "ccs"]).fails(1).contains("nothing of CCS"));
    by_hand(&world, ".ccs");
    world.write(".ccs/config.yaml", "accounts: [");
    assert!(world.cs(&["import", "ccs"]).fails(1).contains("config.yaml"));
    assert!(world.cs(&["import", "ccs", "--as", "x"]).fails(2).contains("--as"));
    assert!(!world.data().exists());
}

#[test]
fn a_token_that_others_could_read_is_refused_and_one_behind_a_closed_door_is_not() {
    let world = World::with_fake_claude();
    let root = by_hand(&world, ".ccs");
    found(&world, &["ccs"]);
    fs::set_permissions(root.join("gw.settings.json"), fs::Permissions::from_mode(0o644)).unwrap();
    world.cs(&["gw"]).ok();
    let start = world.last_start();
    assert_eq!((start.var("ANTHROPIC_API_KEY"), start.var("ANTHROPIC_AUTH_TOKEN")), (Some("a-key"), None));
    let open = |mode| {
        fs::set_permissions(&root, fs::Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(world.root(), fs::Permissions::from_mode(mode)).unwrap();
    };
    open(0o755);
    let refused = world.cs(&["gw"]).fails(5);
    assert!(refused.contains("can be read by others"), "{refused}");
    open(0o700);
    fs::write(root.join("gw.settings.json"), "{}").unwrap();
    assert!(world.cs(&["gw"]).fails(1).contains("no text at env.ANTHROPIC_API_KEY"));
    fs::remove_file(root.join("gw.settings.json")).unwrap();
    assert!(world.cs(&["gw"]).fails(1).contains("no token file"));
}
