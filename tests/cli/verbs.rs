//! Every verb for sessions and settings.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::scenery::{
    OTHER_TALK, Running, TALK, list, session_names, sessions, starts, state, talk, waiting_claude,
};
use super::support::world::World;

#[test]
fn new_makes_a_session_and_refuses_a_name_that_is_taken() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["new", "api", "-p", "hello"]).ok();
    assert_eq!(world.last_start().cwd, api);
    let before = state(&world.home());
    for taken in ["api", "API"] {
        let said = world.cs(&["new", taken]).fails(5);
        assert!(said.contains("there is already a session"), "{said}");
    }
    assert!(world.cs(&["--no-open", "api"]).fails(5).contains("already"));
    assert_eq!(state(&world.home()), before);
    assert_eq!(world.starts().len(), 1);
    world.cs(&["profile", "create", "work"]).ok();
    assert!(world.cs(&["new", "work"]).fails(5).contains("already a profile 'work'"));
    assert!(world.cs(&["profile", "create", "api"]).fails(5).contains("already a session 'api'"));
    assert_eq!(session_names(&world), ["api"]);
}

#[test]
fn list_says_in_json_what_there_is() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    assert_eq!(list(&world)["sessions"], json!([]));
    world.cs(&["profile", "create", "work"]).ok();
    world.cs_in(&api, &["-P", "work", "--no-open", "api"]).ok();
    world.cs(&["--no-open", "--bare", "--isolation", "home", "other"]).ok();
    let config = world.config_of("api");
    talk(&config, &api, TALK, "make it green");
    fs::create_dir(api.join(".git")).unwrap();
    fs::write(api.join(".git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();

    let all = list(&world);
    assert_eq!(all["schema"], 1);
    assert_eq!(all["damaged"], json!([]));
    let keys: Vec<&String> = all["sessions"][0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "name",
            "id",
            "profile",
            "directory",
            "isolation",
            "bare",
            "ephemeral",
            "ports",
            "created",
            "used",
            "live",
            "state",
            "pid",
            "waiting_for",
            "branch",
            "worktree",
            "title",
            "conversation"
        ]
    );
    let known = sessions(&world);
    let api_row = &known["api"];
    assert_eq!(api_row["profile"], "work");
    assert_eq!(api_row["directory"].as_str(), api.to_str());
    assert_eq!(api_row["branch"], "feature/x");
    assert_eq!(api_row["title"], "make it green");
    assert_eq!(api_row["conversation"], TALK);
    assert_eq!((&api_row["live"], &api_row["state"]), (&json!(false), &json!("-")));
    assert_eq!((&known["other"]["bare"], &known["other"]["isolation"]), (&json!(true), &json!("home")));
    let profiles = all["profiles"].as_array().unwrap();
    assert_eq!(profiles[0]["name"], "default");
    assert_eq!((&profiles[1]["name"], &profiles[1]["sessions"]), (&json!("work"), &json!(1)));

    let names = |arguments: &[&str]| -> Vec<String> {
        let found: Value =
            serde_json::from_str(&world.cs(&[&["list", "--json"], arguments].concat()).ok()).unwrap();
        let rows = found["sessions"].as_array().unwrap();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["--profile", "work"]), ["api"]);
    assert_eq!(names(&["--profile", "default"]), ["other"]);
    assert_eq!(names(&["--dir", api.to_str().unwrap()]), ["api"]);
    assert_eq!(names(&["--dir"]).len(), 2, "here and below");
    assert_eq!(names(&["--live"]), [] as [&str; 0]);
    world.cs(&["list", "--profile", "nothing"]).fails(4);
}

#[test]
fn a_session_is_live_while_its_program_runs() {
    let world = World::new();
    waiting_claude(&world);
    let running = Running::start(&world, &world.home(), &["api"]);
    let pid = running.0.id();
    let known = sessions(&world);
    assert_eq!((&known["api"]["live"], &known["api"]["pid"]), (&json!(true), &json!(pid)));
    let found: Value = serde_json::from_str(&world.cs(&["list", "--live", "--json"]).ok()).unwrap();
    assert_eq!(found["sessions"].as_array().unwrap().len(), 1);
    let before = state(&world.home());
    for refused in [&["api"][..], &["resume", "api"], &["api", "-p", "x"], &["rm", "api"]] {
        let said = world.cs(refused).fails(5);
        assert!(said.contains("'api' is open") && said.contains(&pid.to_string()), "{said}");
    }
    assert!(world.cs(&["last"]).fails(5).contains("every session is open: api"));
    assert_eq!(state(&world.home()), before, "a refusal changes nothing");
    // Claude's own commands say nothing in the conversation, so they may run beside it.
    world.fake_claude("");
    world.cs(&["api", "mcp", "list"]).ok();
    world.cs(&["exec", "api", "--", "true"]).ok();
    drop(running);
    assert_eq!(sessions(&world)["api"]["live"], false);
    world.cs(&["api"]).ok();
}

#[test]
fn resume_finds_a_session_by_whatever_a_person_has_of_it() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    for name in ["api", "apricot", "Backend"] {
        world.cs_in(&api, &["new", "--no-open", name]).ok();
    }
    let id = world.id_of("Backend");
    talk(&world.config_of("apricot"), &api, TALK, "one");
    talk(&world.config_of("apricot"), &api, OTHER_TALK, "two");
    let config = world.config_of("apricot");
    for (wanted, name) in
        [("api", "api"), ("apr", "apricot"), ("back", "Backend"), ("BACKEND", "Backend"), (&id, "Backend")]
    {
        world.cs(&["resume", wanted]).ok();
        assert_eq!(world.last_start().var("CS_SESSION"), Some(name), "{wanted}");
    }
    // A conversation is resumed by its own id, though it may not be the newest.
    let old = config.join("projects").join(claude_cs::claude::slug(&api)).join(format!("{TALK}.jsonl"));
    fs::File::open(old).unwrap().set_modified(SystemTime::now() - Duration::from_secs(9000)).unwrap();
    world.cs(&["resume", "apricot"]).ok();
    assert_eq!(world.last_start().args[..2], ["--resume", OTHER_TALK]);
    let before = world.starts().len();
    let ambiguous = world.cs(&["resume", "ap"]).fails(2);
    assert!(ambiguous.contains("api, apricot"), "{ambiguous}");
    assert!(world.cs(&["resume", "zzz"]).fails(4).contains("no session 'zzz'"));
    assert!(world.cs(&["resume", "01890000-0000-4000-8000-0000000000ff"]).fails(4).contains("0000ff"));
    assert!(world.cs(&["resume", "default"]).fails(2).contains("is a profile"));
    assert!(world.cs(&["resume"]).fails(2).contains("which session"), "without a terminal nobody can choose");
    assert_eq!(world.starts().len(), before);
}

#[test]
fn a_conversation_named_by_its_id_is_the_one_that_is_resumed() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["new", "--no-open", "api"]).ok();
    let old = talk(&world.config_of("api"), &api, TALK, "one");
    talk(&world.config_of("api"), &api, OTHER_TALK, "two");
    fs::File::open(&old).unwrap().set_modified(SystemTime::now() - Duration::from_secs(9000)).unwrap();
    world.cs(&["api"]).ok();
    assert_eq!(world.last_start().args[..2], ["--resume", OTHER_TALK], "the newest by itself");
    world.cs(&["resume", TALK]).ok();
    assert_eq!(world.last_start().args[..2], ["--resume", TALK]);
    world.cs(&["--resume", TALK]).ok();
    assert_eq!(world.last_start().args[..2], ["--resume", TALK]);
}

#[test]
fn last_resumes_what_was_used_last_and_is_not_open() {
    let world = World::with_fake_claude();
    assert!(world.cs(&["last"]).fails(4).contains("no session yet"));
    for name in ["first", "second", "third"] {
        world.cs(&["new", name]).ok();
    }
    world.cs(&["second"]).ok();
    let said = world.cs(&["last", "-p", "--help"]);
    assert_eq!(world.last_start().var("CS_SESSION"), Some("second"));
    let args = world.last_start().args;
    assert_eq!(args[args.len() - 2..], ["-p", "--help"]);
    assert!(!said.stderr.contains("skipping"), "{}", said.stderr);

    waiting_claude(&world);
    let running = Running::start(&world, &world.home(), &["second"]);
    world.fake_claude("");
    let said = world.cs(&["last"]);
    assert_eq!(said.code, Some(0));
    assert!(said.stderr.contains("skipping what is open: second"), "{}", said.stderr);
    assert_eq!(world.last_start().var("CS_SESSION"), Some("third"));
    drop(running);
}

#[test]
fn show_tells_all_there_is_to_know() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["api"]).ok();
    let config = world.config_of("api");
    talk(&config, &api, TALK, "make it green");
    let shown = world.show("api");
    let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "schema",
            "kind",
            "name",
            "id",
            "profile",
            "directory",
            "directory_exists",
            "branch",
            "isolation",
            "bare",
            "ephemeral",
            "created",
            "worktree",
            "forked_from",
            "slug",
            "ports",
            "config_dir",
            "live",
            "pid",
            "inside",
            "last_run",
            "bound",
            "conversations_with",
            "conversations"
        ]
    );
    assert_eq!(shown["config_dir"].as_str(), config.to_str());
    assert_eq!(shown["conversations"][0]["id"], TALK);
    assert_eq!(shown["conversations"][0]["title"], "make it green");
    let text = world.cs(&["show", "API"]).ok();
    for part in ["api", "make it green", TALK, config.to_str().unwrap(), api.to_str().unwrap()] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    fs::remove_dir(&api).unwrap();
    assert!(world.cs(&["show", "api"]).ok().contains("(gone)"));
    assert_eq!(world.show("api")["directory_exists"], false);
}

#[test]
fn exec_runs_any_program_here_with_the_sessions_variables() {
    let world = World::with_fake_claude();
    let (api, elsewhere) = (world.project("api"), world.project("elsewhere"));
    world.cs_in(&api, &["new", "--no-open", "api"]).ok();
    let printed = world
        .cs_in(
            &elsewhere,
            &[
                "exec",
                "api",
                "--",
                "sh",
                "-c",
                "pwd; echo $CLAUDE_CONFIG_DIR; printf '%s|' \"$@\"",
                "sh",
                "--help",
                "",
                "--",
                "a b",
            ],
        )
        .ok();
    let config = world.config_of("api");
    assert_eq!(printed, format!("{}\n{}\n--help||--|a b|", elsewhere.display(), config.display()));
    assert!(config.is_dir(), "what is run may start Claude");
    assert_eq!(world.cs(&["exec", "api", "sh", "-c", "exit 42"]).code, Some(42), "-- may be left out");
    assert_eq!(world.cs(&["exec", "api", "--", "sh", "-c", "kill -TERM $$"]).signal, Some(15));
    assert_eq!(
        world.cs(&["exec", "default", "--", "sh", "-c", "echo ${CLAUDE_CONFIG_DIR-none}"]).ok(),
        "none\n"
    );
    assert!(
        world
            .cs(&["exec", "api", "--", "no-such-program"])
            .fails(127)
            .contains("no program 'no-such-program'")
    );
    assert!(world.cs(&["exec", "api"]).fails(2).contains("no command"));
    assert!(world.cs(&["exec", "nothing", "--", "true"]).fails(4).contains("'nothing'"));
    assert_eq!(world.starts().len(), 0);
}

#[test]
fn a_fork_goes_on_from_a_copy_beside_the_original() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["new", "--no-open", "api"]).ok();
    let said = world.cs(&["fork", "api", "idea"]).fails(5);
    assert!(said.contains("no conversation to continue"), "{said}");
    assert_eq!(session_names(&world), ["api"]);
    let config = world.config_of("api");
    let original = talk(&config, &api, TALK, "make it green");
    let beside = original.with_extension("").join("subagents");
    fs::create_dir_all(&beside).unwrap();
    fs::write(beside.join("agent.jsonl"), "{}\n").unwrap();
    let before = state(&config);

    world.cs(&["fork", "--no-open", "api", "idea"]).ok();
    assert_eq!(world.starts().len(), 0);
    let copy = world.config_of("idea").join(original.strip_prefix(&config).unwrap());
    assert_eq!(fs::read(&copy).unwrap(), fs::read(&original).unwrap());
    assert_eq!(copy.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(copy.with_extension("").join("subagents/agent.jsonl").is_file());
    assert_eq!(world.show("idea")["forked_from"], TALK);
    let id = world.id_of("idea");
    world.cs(&["idea"]).ok();
    let start = world.last_start();
    assert_eq!(start.args[..7], ["--resume", TALK, "--fork-session", "--session-id", &id, "-n", "idea"]);
    assert_eq!(start.cwd, api);

    world.cs(&["fork", "api", "now", "-p", "--help"]).ok();
    let args = world.last_start().args;
    assert_eq!(args[args.len() - 2..], ["-p", "--help"]);
    assert_eq!(world.last_start().var("CS_SESSION"), Some("now"));
    assert_eq!(state(&config), before, "the original is not touched");
    world.cs(&["fork", "api", "now"]).fails(5);
    world.cs(&["fork", "nothing", "new-one"]).fails(4);
    world.cs(&["fork", "api"]).fails(2);
    world.cs(&["fork", "default", "new-one"]).fails(2);
}

#[test]
fn a_session_that_is_open_can_be_forked() {
    let world = World::new();
    waiting_claude(&world);
    let running = Running::start(&world, &world.home(), &["api"]);
    talk(&world.config_of("api"), &world.home(), TALK, "hello");
    world.fake_claude("");
    world.cs(&["fork", "api", "api-2"]).ok();
    assert_eq!(world.last_start().args[..2], ["--resume", TALK]);
    assert_eq!(sessions(&world)["api"]["live"], true);
    drop(running);
}

#[test]
fn rename_changes_the_name_and_nothing_else() {
    let world = World::with_fake_claude();
    world.cs(&["new", "api"]).ok();
    world.cs(&["new", "--no-open", "other"]).ok();
    let config = world.config_of("api");
    let (before, inside) = (world.show("api"), state(&config));
    world.cs(&["rename", "api", "Server"]).ok();
    let mut after = world.show("server");
    assert_eq!(after["name"], "Server");
    after["name"] = json!("api");
    assert_eq!(after["slug"], "server");
    after["slug"] = json!("api");
    assert_eq!(after, before);
    assert_eq!((world.config_of("Server"), state(&config)), (config, inside));
    world.cs(&["show", "api"]).fails(4);
    world.cs(&["new", "--no-open", "api"]).ok();
    let all = sessions(&world);
    assert!(world.cs(&["rename", "Server", "other"]).fails(5).contains("already a session 'other'"));
    world.cs(&["rename", "Server", "../x"]).fails(2);
    world.cs(&["rename", "Server", "list"]).fails(2);
    world.cs(&["rename", "nothing", "x"]).fails(4);
    assert!(world.cs(&["rename", "default", "x"]).fails(5).contains("keeps its name"));
    assert_eq!(sessions(&world), all);
    world.cs(&["rename", "Server", "SERVER"]).ok();
    assert_eq!(world.show("server")["name"], "SERVER", "only the case");
    world.cs(&["server"]).ok();
}

#[test]
fn what_was_removed_comes_back_as_it_was() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["api"]).ok();
    world.cs(&["new", "--no-open", "other"]).ok();
    talk(&world.config_of("api"), &api, TALK, "hello");
    let root = world.config_of("api").parent().unwrap().to_path_buf();
    let (before, shown, all) = (state(&root), world.show("api"), sessions(&world));

    assert!(world.cs(&["rm", "api", "nothing"]).fails(4).contains("'nothing'"));
    assert_eq!(sessions(&world), all, "a mistyped name removes nothing");
    world.cs(&["rm", "api", "api"]).ok();
    assert!(!root.exists());
    assert_eq!(session_names(&world), ["other"]);
    world.cs(&["show", "api"]).fails(4);

    let trash: Value = serde_json::from_str(&world.cs(&["restore", "--json"]).ok()).unwrap();
    assert_eq!(trash["schema"], 1);
    let entry = &trash["trash"][0];
    assert_eq!(
        (&entry["kind"], &entry["name"], &entry["id"]),
        (&json!("session"), &json!("api"), &shown["id"])
    );
    assert_eq!(state(Path::new(entry["path"].as_str().unwrap())), before, "nothing in it was touched");
    assert!(world.cs(&["restore"]).ok().contains("api"));

    world.cs(&["restore", "api"]).ok();
    assert_eq!((state(&root), world.show("api"), sessions(&world)), (before, shown.clone(), all));
    assert!(world.cs(&["restore", "api"]).fails(4).contains("no 'api' in the trash"));

    // The name was taken meanwhile.
    world.cs(&["rm", "api"]).ok();
    world.cs(&["new", "--no-open", "api"]).ok();
    let said = world.cs(&["restore", "api"]).fails(5);
    assert!(said.contains("already a session 'api'") && said.contains("--as NAME"), "{said}");
    world.cs(&["restore", "api", "--as", "../x"]).fails(2);
    world.cs(&["restore", shown["id"].as_str().unwrap(), "--as", "api-old"]).ok();
    assert_eq!(world.show("api-old")["id"], shown["id"]);
    assert_eq!(session_names(&world), ["api", "api-old", "other"]);
    assert_eq!(world.cs(&["restore"]).ok(), "");
}

#[test]
fn the_newest_of_two_of_one_name_comes_back_first() {
    let world = World::with_fake_claude();
    let mut ids = Vec::new();
    for _ in 0..2 {
        world.cs(&["new", "--no-open", "api"]).ok();
        ids.push(world.show("api")["id"].clone());
        world.cs(&["rm", "api"]).ok();
        std::thread::sleep(Duration::from_millis(5));
    }
    world.cs(&["restore", "api"]).ok();
    assert_eq!(world.show("api")["id"], ids[1]);
}

#[test]
fn a_session_whose_directory_is_gone_is_never_started_somewhere_else_in_silence() {
    let world = World::with_fake_claude();
    let (api, moved) = (world.project("api"), world.project("moved"));
    world.cs_in(&api, &["new", "--no-open", "api"]).ok();
    let transcript = talk(&world.config_of("api"), &api, TALK, "hello");
    fs::remove_dir(&api).unwrap();
    let before = state(&world.home());
    for arguments in [&["api"][..], &["last"], &["resume", "api"], &["--dry-run", "api"]] {
        let said = world.cs(arguments).fails(5);
        assert!(said.contains("is gone") && said.contains("--dir DIRECTORY api"), "{said}");
    }
    assert_eq!((world.starts().len(), state(&world.home())), (0, before));
    // Claude looks for an id below the slug of the directory it is in: the file it is given instead.
    for arguments in
        [&["--dir", moved.to_str().unwrap(), "api"][..], &["resume", "-d", moved.to_str().unwrap(), "api"]]
    {
        world.cs(arguments).ok();
        let start = world.last_start();
        assert_eq!(start.cwd, moved);
        assert_eq!(start.args[..2], ["--resume", transcript.to_str().unwrap()]);
    }
    assert_eq!(world.show("api")["directory"].as_str(), api.to_str(), "for this once only");
    fs::create_dir(&api).unwrap();
    world.cs(&["api"]).ok();
    assert_eq!(world.last_start().args[..2], ["--resume", TALK]);
    assert!(world.cs(&["--dir", "/nowhere", "api"]).fails(1).contains("no directory /nowhere"));
}

#[test]
fn a_config_directory_deleted_by_hand_is_laid_out_anew_and_the_record_kept() {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude/settings.json", "{}");
    world.cs(&["api"]).ok();
    let config = world.config_of("api");
    let root = config.parent().unwrap().to_path_buf();
    let (before, shown) = (state(&config), world.show("api"));
    let record = fs::read(root.join("session.toml")).unwrap();
    fs::remove_dir_all(&config).unwrap();
    world.cs(&["api"]).ok();
    assert_eq!(state(&config), before);
    assert_eq!(fs::read(root.join("session.toml")).unwrap(), record);
    let mut after = world.show("api");
    after["last_run"] = shown["last_run"].clone();
    assert_eq!(after, shown);
}

#[test]
fn a_file_where_a_link_belongs_is_reported_and_stays() {
    let world = World::with_fake_claude();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".claude/settings.json", "{}");
    world.write(".claude/CLAUDE.md", "base");
    let elsewhere = world.write("elsewhere/settings.json", "{\"x\": 1}");
    world.cs(&["api"]).ok();
    let config = world.config_of("api");
    fs::remove_file(config.join("CLAUDE.md")).unwrap();
    fs::write(config.join("CLAUDE.md"), "my own").unwrap();
    fs::remove_file(config.join("settings.json")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, config.join("settings.json")).unwrap();
    fs::remove_file(config.join("skills")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", config.join("skills")).unwrap();

    let ran = world.cs(&["api"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("CLAUDE.md is the session's own"), "{}", ran.stderr);
    assert!(ran.stderr.contains("settings.json points somewhere else"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(config.join("CLAUDE.md")).unwrap(), "my own");
    assert_eq!(fs::read_link(config.join("settings.json")).unwrap(), elsewhere);
    assert_eq!(
        fs::read_link(config.join("skills")).unwrap(),
        world.home().join(".claude/skills"),
        "a dangling one hides nothing, and is put right"
    );
    assert_eq!(fs::read_to_string(world.home().join(".claude/CLAUDE.md")).unwrap(), "base");
}

#[test]
fn options_that_contradict_the_record_are_refused() {
    let world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    world.cs(&["new", "--no-open", "api"]).ok();
    let before = state(&world.home());
    for options in [&["--profile", "work"][..], &["--isolation", "none"], &["--bare"]] {
        world.cs(&[options, &["api"]].concat()).fails(5);
    }
    for options in [&["--profile", "work"][..], &["--isolation", "none"], &["--bare"], &["--no-open"]] {
        world.cs(&[options, &["work"]].concat()).fails(2);
    }
    assert!(world.cs(&["--profile", "work", "list"]).fails(2).contains("before a command"));
    assert_eq!((world.starts().len(), state(&world.home())), (0, before));
    world.cs(&["--profile", "DEFAULT", "--isolation", "config-dir", "api"]).ok();
}

#[test]
fn config_is_shown_located_and_edited() {
    let mut world = World::with_fake_claude();
    let path = world.home().join(".config/cs/config.toml");
    assert_eq!(world.cs(&["config", "path"]).ok(), format!("{}\n", path.display()));
    assert!(world.cs(&["config"]).ok().contains("no such file"));
    world.program("editor", "#!/bin/sh\ncp \"$2\" \"$2.seen\"; echo \"claude = \\\"$1\\\"\" > \"$2\"\n");
    world.set("EDITOR", "editor 'my claude'");
    world.cs(&["config", "edit"]).ok();
    let seen = fs::read_to_string(path.with_extension("toml.seen")).unwrap();
    assert!(seen.contains("#default_profile"), "it begins with the starter file: {seen}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "claude = \"my claude\"\n");
    let shown: Value = serde_json::from_str(&world.cs(&["config", "show", "--json"]).ok()).unwrap();
    assert_eq!((&shown["schema"], &shown["claude"]), (&json!(1), &json!("my claude")));
    assert!(world.cs(&["config", "show"]).ok().contains("claude = \"my claude\""));
    // What a person wrote stays, even if it makes no sense; but they are told.
    world.set("VISUAL", "printf 'clude = 1' >");
    let said = world.cs(&["config", "edit"]).fails(2);
    assert!(said.contains("config.toml:1") && said.contains("did you mean 'claude'?"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "clude = 1");
    world.set("VISUAL", "false");
    assert!(world.cs(&["config", "edit"]).fails(1).contains("'false' failed"));
    // Another place, by variable.
    world.set("CS_CONFIG", world.home().join("other.toml"));
    assert!(world.cs(&["config", "path"]).ok().ends_with("/home/other.toml\n"));
    world.unset("CS_CONFIG");
    world.set("XDG_CONFIG_HOME", world.home().join("xdg"));
    assert!(world.cs(&["config", "path"]).ok().ends_with("/home/xdg/cs/config.toml\n"));
}

#[test]
fn the_data_root_is_where_the_variables_say() {
    let mut world = World::with_fake_claude();
    let home = world.home();
    world.cs(&["new", "--no-open", "here"]).ok();
    assert!(home.join(".local/share/cs/names/here").is_file());
    world.set("XDG_DATA_HOME", home.join("data"));
    world.cs(&["new", "--no-open", "there"]).ok();
    assert!(home.join("data/cs/names/there").is_file());
    world.set("CS_HOME", home.join("own/"));
    world.cs(&["new", "--no-open", "own"]).ok();
    assert!(home.join("own/names/own").is_file());
    assert_eq!(session_names(&world), ["own"]);
    assert_eq!(world.config_of("own").parent().unwrap().parent(), Some(&*home.join("own/sessions")));
}

#[test]
fn the_claude_that_the_settings_name_is_the_one_that_runs() {
    let mut world = World::with_fake_claude();
    let other = world.home().join("bin/other claude");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, "#!/bin/sh\necho other\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    world.set("MINE", "other claude");
    world.write(".config/cs/config.toml", "claude = \"~/bin/$MINE\"\n");
    assert_eq!(world.cs(&["api"]).ok(), "other\n");
    world.write(".config/cs/config.toml", "claude = \"bin/x\"\n");
    assert!(world.cs(&["api"]).fails(2).contains("relative path"));
    world.write(".config/cs/config.toml", "claude = \"$NOT_SET/x\"\n");
    assert!(world.cs(&["api"]).fails(2).contains("NOT_SET"));
    // `.` on PATH would run what a repository holds.
    world.write(".config/cs/config.toml", "");
    let trap = world.project("trap");
    fs::write(trap.join("claude"), "#!/bin/sh\necho trapped\n").unwrap();
    fs::set_permissions(trap.join("claude"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = world.environment().into_iter().find(|(name, _)| name == "PATH").unwrap().1;
    world.set("PATH", format!(".::{path}"));
    assert_eq!(world.cs_in(&trap, &["api"]).ok(), "");
    assert_eq!(starts(&world), 0);
    assert_eq!(world.starts().len(), 1, "the control: the one on the absolute path ran");
}
