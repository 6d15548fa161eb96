//! Profiles: accounts, endpoints, and directories that were there before.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::scenery::{Running, session_names, state, waiting_claude};
use super::support::world::World;

fn profiles(world: &World) -> BTreeMap<String, Value> {
    let printed: Value = serde_json::from_str(&world.cs(&["profile", "list", "--json"]).ok()).unwrap();
    assert_eq!(printed["schema"], 1);
    let entries = printed["profiles"].as_array().unwrap();
    entries.iter().map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry.clone())).collect()
}

#[test]
fn an_account_begins_with_what_it_shares_and_without_a_login() {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude/settings.json", "{}");
    world.write(
        ".claude.json",
        r#"{"mcpServers": {"x": {}}, "oauthAccount": {"emailAddress": "a@b"}, "userID": "u"}"#,
    );
    let base = state(&world.home().join(".claude"));
    let said = world.cs(&["profile", "create", "work"]);
    assert!(said.stderr.contains("cs profile login work"), "{}", said.stderr);
    let config = world.config_of("work");
    assert!(config.join("skills").is_symlink() && config.join("settings.json").is_symlink());
    let begun: Value = serde_json::from_slice(&fs::read(config.join(".claude.json")).unwrap()).unwrap();
    assert_eq!(begun, json!({"hasCompletedOnboarding": true, "mcpServers": {"x": {}}}), "nobody's identity");
    let known = profiles(&world);
    assert_eq!((&known["work"]["login"], &known["work"]["kind"]), (&json!("no login"), &json!("account")));
    assert_eq!(known["default"]["default"], true);

    world.cs(&["profile", "login", "work", "--console"]).ok();
    let start = world.last_start();
    assert_eq!(start.args, ["auth", "login", "--console"]);
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), config.to_str());
    assert_eq!(start.var("CLAUDE_SECURESTORAGE_CONFIG_DIR"), None);
    fs::write(config.join(".credentials.json"), "{}").unwrap();
    assert_eq!(profiles(&world)["work"]["login"], "logged in");
    assert_eq!(state(&world.home().join(".claude")), base);
}

#[test]
fn a_bare_profile_takes_nothing_from_the_base() {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude/settings.json", "{}");
    world.write(".claude.json", r#"{"mcpServers": {"x": {}}}"#);
    world.cs(&["profile", "create", "clean", "--bare"]).ok();
    let config = world.config_of("clean");
    assert!(!config.join("skills").exists() && !config.join("settings.json").is_symlink());
    let begun: Value = serde_json::from_slice(&fs::read(config.join(".claude.json")).unwrap()).unwrap();
    assert_eq!(begun, json!({"hasCompletedOnboarding": true}));
    let settings: Value = serde_json::from_slice(&fs::read(config.join("settings.json")).unwrap()).unwrap();
    assert!(settings["claudeMdExcludes"].as_array().unwrap().len() == 2, "{settings}");
    world.cs(&["clean"]).ok();
    assert!(!config.join("skills").exists());
    world.cs(&["profile", "create", "full"]).ok();
    assert!(world.config_of("full").join("skills").exists(), "the control");
}

#[test]
fn a_token_comes_from_where_the_profile_says() {
    let mut world = World::with_fake_claude();
    let file = world.write("token", "from-file\nsecond line\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    world.write("said", " from-command \nx\n");
    let url = "http://127.0.0.1:9/x";
    let sources: [(&str, &[&str], &str); 4] = [
        ("variable", &["--token-env", "MY_TOKEN"], "from-env"),
        ("command", &["--token-command", "cat ~/said"], "from-command"),
        ("from-a-file", &["--token-file", file.to_str().unwrap()], "from-file"),
        ("literal", &["--token", "from-literal"], "from-literal"),
    ];
    world.set("MY_TOKEN", "from-env");
    for (name, source, token) in sources {
        let ran = world.cs(&[&["profile", "create", name, "--base-url", url], source].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("plain text"), name == "literal", "{}", ran.stderr);
        world.cs(&[name, "-p", "x"]).ok();
        let start = world.last_start();
        assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some(token));
        assert_eq!(start.var("ANTHROPIC_API_KEY"), None);
        assert_eq!(start.var("ANTHROPIC_BASE_URL"), Some(url));
        assert_eq!(start.args, ["-p", "x"]);
        for arguments in [
            &["profile", "show", name][..],
            &["profile", "show", name, "--json"],
            &["profile", "list"],
            &["--dry-run", name],
            &["--dry-run", "--json", name],
        ] {
            let ran = world.cs(arguments);
            assert!(
                !format!("{}{}", ran.stdout, ran.stderr).contains(token),
                "{arguments:?} shows the token"
            );
        }
        assert!(world.cs(&["profile", "login", name]).fails(2).contains("API endpoint"));
    }
    world.cs(&["profile", "create", "key", "--token-env", "MY_TOKEN"]).ok();
    world.cs(&["key"]).ok();
    assert_eq!(
        world.last_start().var("ANTHROPIC_API_KEY"),
        Some("from-env"),
        "Anthropic's own API takes keys"
    );
    world
        .cs(&[
            "profile",
            "create",
            "as",
            "--base-url",
            url,
            "--token-env",
            "MY_TOKEN",
            "--token-as",
            "api-key",
        ])
        .ok();
    world.cs(&["as"]).ok();
    assert_eq!(world.last_start().var("ANTHROPIC_API_KEY"), Some("from-env"));

    let started = world.starts().len();
    world.unset("MY_TOKEN");
    assert!(world.cs(&["variable"]).fails(1).contains("MY_TOKEN, which is not set"));
    assert!(world.cs(&["exec", "variable", "--", "true"]).fails(1).contains("MY_TOKEN"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(world.cs(&["from-a-file"]).fails(5).contains("chmod 600"));
    fs::remove_file(&file).unwrap();
    assert!(world.cs(&["from-a-file"]).fails(1).contains("no token file"));
    assert_eq!(world.starts().len(), started);
}

#[test]
fn an_endpoint_is_described_by_its_provider_or_by_hand() {
    let mut world = World::with_fake_claude();
    world.set("ZAI_API_KEY", "z");
    world.set("MOONSHOT_API_KEY", "m");
    world.set("ANTHROPIC_MODEL", "of-the-shell");
    world.cs(&["profile", "create", "glm", "--provider", "glm"]).ok();
    world.cs(&["glm"]).ok();
    let start = world.last_start();
    assert_eq!(start.var("ANTHROPIC_BASE_URL"), Some("https://api.z.ai/api/anthropic"));
    assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some("z"));
    assert_eq!(start.var("ANTHROPIC_DEFAULT_OPUS_MODEL"), Some("glm-4.6"));
    assert_eq!(start.var("ANTHROPIC_MODEL"), None, "the shell's model belongs to another endpoint");
    world.cs(&["profile", "create", "kimi", "--api", "Kimi", "--model", "kimi-x"]).ok();
    world.cs(&["-P", "kimi", "session"]).ok();
    let start = world.last_start();
    assert_eq!(start.var("ANTHROPIC_MODEL"), Some("kimi-x"));
    assert_eq!(start.var("ANTHROPIC_BASE_URL"), Some("https://api.moonshot.ai/anthropic"));
    world.cs(&["profile", "create", "local", "--provider", "ollama"]).ok();
    assert_eq!(profiles(&world)["glm"]["kind"], "api");

    let before = state(&world.home());
    for bad in [
        &["--provider", "kimmi"][..],
        &["--base-url", "ftp://x", "--token-env", "A"],
        &["--base-url", "https://x"],
        &["--token-env", "A", "--token", "b"],
        &["--token-env", "not a name"],
        &["--token-as", "nothing"],
    ] {
        world.cs(&[&["profile", "create", "bad"], bad].concat()).fails(2);
    }
    assert_eq!(state(&world.home()), before);
}

#[test]
fn the_default_profile_is_chosen_in_the_settings_and_comments_stay() {
    let world = World::with_fake_claude();
    assert_eq!(world.cs(&["profile", "default"]).ok(), "default\n");
    world.cs(&["profile", "create", "work"]).ok();
    world.cs(&["profile", "default", "WORK"]).ok();
    assert_eq!(world.cs(&["profile", "default"]).ok(), "work\n");
    let path = world.home().join(".config/cs/config.toml");
    let real = world.write("dotfiles/config.toml", "# mine\nclaude = \"claude\" # here\n");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&real, &path).unwrap();
    world.cs(&["profile", "default", "work"]).ok();
    assert!(path.is_symlink(), "dotfiles are often links");
    let text = fs::read_to_string(&real).unwrap();
    assert_eq!(text, "# mine\nclaude = \"claude\" # here\ndefault_profile = \"work\"\n");
    world.cs(&["api"]).ok();
    assert_eq!(world.last_start().var("CS_PROFILE"), Some("work"));
    world.cs(&["profile", "default", "nothing"]).fails(4);
    world.cs(&["profile", "default", "api"]).fails(2);
    assert_eq!(fs::read_to_string(&real).unwrap(), text);
    fs::write(&real, "broken = [").unwrap();
    world.cs(&["profile", "default", "work"]).fails(2);
    assert_eq!(fs::read_to_string(&real).unwrap(), "broken = [", "a broken file is left alone");
}

#[test]
fn a_profile_is_edited_in_the_users_editor() {
    let mut world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    world.program("editor", "#!/bin/sh\nprintf 'version = 1\n[env]\nMINE = \"yes\"\n' > \"$1\"\n");
    world.set("EDITOR", "editor");
    for profile in ["work", "default"] {
        world.cs(&["profile", "edit", profile]).ok();
        world.cs(&[profile]).ok();
        assert_eq!(world.last_start().var("MINE"), Some("yes"));
    }
    // What was written stays, though it makes no sense, and can be opened again.
    world.set("EDITOR", "printf 'version = 1\nkin = 1' >");
    let record = world.data().join("profiles/work/profile.toml");
    for _ in 0..2 {
        let said = world.cs(&["profile", "edit", "work"]).fails(1);
        assert!(said.contains("profile.toml") && said.contains("cs profile edit work"), "{said}");
        assert_eq!(fs::read_to_string(&record).unwrap(), "version = 1\nkin = 1");
    }
    world.cs(&["profile", "edit", "nothing"]).fails(4);
}

#[test]
fn a_profile_is_the_same_in_any_case() {
    let world = World::new();
    waiting_claude(&world);
    world.cs(&["profile", "create", "Work"]).ok();
    world.cs(&["new", "--no-open", "-P", "WORK", "idle"]).ok();
    let running = Running::start(&world, &world.home(), &["-P", "wORK", "api"]);
    for name in ["work", "Work", "WORK"] {
        let found: Value =
            serde_json::from_str(&world.cs(&["list", "--json", "--profile", name]).ok()).unwrap();
        assert_eq!(found["sessions"].as_array().unwrap().len(), 2, "{name}");
        assert!(world.cs(&["profile", "remove", "--force", name]).fails(5).contains("in use: session 'api'"));
    }
    assert_eq!(profiles(&world)["work"]["sessions"], 2);
    drop(running);
}

#[test]
fn sync_gives_sessions_what_the_profile_gained() {
    let world = World::with_fake_claude();
    world.write(".claude/settings.json", "{}");
    world.cs(&["api"]).ok();
    let nothing = world.cs(&["profile", "sync"]);
    assert!(nothing.stderr.contains("everything is as it should be"), "{nothing:?}");
    world.write(".claude/skills/s/SKILL.md", "a skill");
    let before = state(&world.home());
    let dry = world.cs(&["profile", "sync", "--dry-run"]);
    assert!(dry.stdout.contains("skills") && dry.stderr.contains("1 would be changed"), "{dry:?}");
    assert_eq!(state(&world.home()), before);
    assert!(world.cs(&["profile", "sync", "default"]).ok().contains("skills"));
    assert!(world.config_of("api").join("skills").is_symlink());
    world.cs(&["profile", "sync", "nothing"]).fails(4);
}

#[test]
fn an_adopted_directory_is_never_written_to() {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude-work/settings.json", "{}");
    world.write(".claude-work/.credentials.json", "secret");
    let directory = world.home().join(".claude-work");
    let before = state(&directory);
    let with_slash = format!("{}/", directory.display());
    world.cs(&["profile", "adopt", "work", &with_slash]).ok();
    assert_eq!(world.config_of("work"), directory);
    for arguments in [
        &["list"][..],
        &["profile", "list"],
        &["profile", "show", "work"],
        &["show", "work", "--json"],
        &["profile", "sync"],
        &["env", "work"],
        &["work", "-p", "x"],
        &["new", "--no-open", "-P", "work", "api"],
        &["profile", "default", "work"],
    ] {
        world.cs(arguments).ok();
        assert_eq!(state(&directory), before, "{arguments:?}");
    }
    assert_eq!(world.last_start().var("CLAUDE_CONFIG_DIR"), directory.to_str());
    let twice = world.cs(&["profile", "adopt", "again", directory.to_str().unwrap()]).fails(5);
    assert!(twice.contains("is the profile 'work' already"), "{twice}");
    world.cs(&["rm", "api"]).ok();
    let said = world.cs(&["profile", "remove", "--force", "work"]);
    assert!(said.stderr.contains("was adopted and stays"), "{}", said.stderr);
    assert_eq!(state(&directory), before);
    world.cs(&["show", "work"]).fails(4);
    world.cs(&["restore", "work"]).ok();
    assert_eq!((world.config_of("work"), state(&directory)), (directory.clone(), before));
}

#[test]
fn what_is_no_config_directory_is_not_adopted() {
    let world = World::with_fake_claude();
    world.write(".claude/settings.json", "{}");
    world.cs(&["new", "--no-open", "api"]).ok();
    let link = world.home().join("link");
    std::os::unix::fs::symlink(world.home().join(".claude"), &link).unwrap();
    let before = state(&world.home());
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    for (directory, code) in [
        (text(world.home().join(".claude")), 5),
        (text(link), 5),
        (text(world.home()), 5),
        ("/".into(), 5),
        (text(world.root().to_path_buf()), 5),
        (text(world.data()), 5),
        (text(world.data().join("sessions")), 5),
        (text(world.home().join("src/../.claude")), 2),
        ("/nowhere".into(), 1),
    ] {
        world.cs(&["profile", "adopt", "work", &directory]).fails(code);
        assert_eq!(state(&world.home()), before, "{directory}");
    }
}

#[test]
fn a_profile_in_use_is_not_removed_and_one_that_is_comes_back_whole() {
    let world = World::new();
    waiting_claude(&world);
    world.cs(&["profile", "create", "work"]).ok();
    let running = Running::start(&world, &world.home(), &["-P", "work", "api"]);
    let before = state(&world.home());
    let said = world.cs(&["profile", "remove", "--force", "work"]).fails(5);
    assert!(said.contains("in use: session 'api'"), "{said}");
    assert!(world.cs(&["profile", "remove", "--force", "default"]).fails(5).contains("stays"));
    assert_eq!(state(&world.home()), before);
    drop(running);
    let asked = world.cs(&["profile", "remove", "work"]).fails(5);
    assert!(asked.contains("1 session(s)") && asked.contains("--force"), "{asked}");
    let profile = state(&world.data().join("profiles/work"));
    world.cs(&["profile", "remove", "--force", "work"]).ok();
    assert!(world.cs(&["api"]).fails(1).contains("profile 'work' of session 'api' is gone"));
    assert_eq!(session_names(&world), ["api"], "its sessions are still listed");
    world.cs(&["new", "--no-open", "work"]).ok();
    world.cs(&["restore", "work"]).fails(5);
    world.cs(&["rename", "work", "job"]).ok();
    world.cs(&["restore", "work", "--as", "other"]).fails(5);
    world.cs(&["restore", "work"]).ok();
    assert_eq!(state(&world.data().join("profiles/work")), profile);
    world.fake_claude("");
    world.cs(&["api"]).ok();
}

#[test]
fn a_profiles_config_directory_deleted_by_hand_is_laid_out_anew() {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.cs(&["profile", "create", "work"]).ok();
    let config = world.config_of("work");
    let record = fs::read(world.data().join("profiles/work/profile.toml")).unwrap();
    fs::remove_dir_all(&config).unwrap();
    assert_eq!(profiles(&world)["work"]["login"], "no login");
    world.cs(&["work"]).ok();
    assert!(config.join("skills").is_symlink());
    assert_eq!(fs::read(world.data().join("profiles/work/profile.toml")).unwrap(), record);
}
