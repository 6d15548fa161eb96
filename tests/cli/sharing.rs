//! What is shared: by links that are noted, in groups, and by working in another profile's directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::faults::{CALLS, copy};
use super::scenery::{OTHER_TALK, Running, TALK, cs, may_trace, sessions, state, talk, waiting_claude};
use super::support::world::{World, ran};

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

#[test]
fn what_is_put_into_a_config_directory_is_noted_and_an_ordinary_launch_writes_no_note() {
    let world = world();
    let config = opened(&world, "work", "api");
    let noted = manifest(&config);
    let skills = world.home().join(".claude/skills");
    assert_eq!(noted["links"]["skills"].as_str(), skills.to_str());
    assert_eq!(noted["links"].as_table().unwrap().len(), 3, "{noted}");
    let hash = noted["servers"]["one"].as_str().unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(manifest(&world.config_of("work"))["links"], noted["links"]);

    let file = config.with_file_name("links.toml");
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    world.cs(&["api"]).ok();
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    // The control: where there is something new to link, it is noted.
    world.write(".claude/commands/c.md", "a command");
    world.cs(&["api"]).ok();
    assert!(
        config.join("commands").is_symlink() && fs::metadata(&file).unwrap().modified().unwrap() > before
    );
}

#[test]
fn a_damaged_note_is_left_as_it_is_and_then_nothing_is_taken_away() {
    let world = world();
    let config = opened(&world, "work", "api");
    let file = config.with_file_name("links.toml");
    for damaged in ["version = 1\nlinks = 3\n", "version = 99\n", "torn"] {
        fs::write(&file, damaged).unwrap();
        fs::remove_file(config.join("agents")).unwrap();
        world.write(".config/cs/config.toml", "[share]\nskills = \"private\"\n");
        world.cs(&["api"]).ok();
        assert!(config.join("skills").is_symlink() && config.join("agents").is_symlink());
        let told = world.cs(&["profile", "sync", "api"]).fails(1);
        assert!(told.contains("links.toml"), "{told}");
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
        fs::remove_file(world.home().join(".config/cs/config.toml")).unwrap();
    }
}

#[test]
fn the_table_says_what_is_shared_and_who_decided() {
    let world = world();
    world.write(".config/cs/config.toml", "[share]\nagents = \"private\"\n");
    world.cs(&["profile", "share", "work", "skills=private", "MEMORY=private", "history=link"]).ok();
    let rows = said(&world, &["profile", "share", "work", "--json"]);
    let row = |item: &str| {
        let row = rows["items"].as_array().unwrap().iter().find(|row| row["item"] == item).unwrap();
        (row["mode"].as_str().unwrap().to_owned(), row["by"].as_str().unwrap().to_owned())
    };
    let is = |mode: &str, by: &str| (mode.to_owned(), by.to_owned());
    assert_eq!(row("skills"), is("private", "profile"));
    assert_eq!(row("memory"), is("private", "profile"));
    assert_eq!(row("history"), is("link", "profile"));
    assert_eq!(row("agents"), is("private", "config.toml"));
    assert_eq!(row("rules"), is("link", "built in"));
    assert_eq!(rows["items"].as_array().unwrap().len(), 12);
    let table = world.cs(&["profile", "share", "work"]).ok();
    assert!(table.starts_with("ITEM") && table.lines().count() == 13, "{table}");
    for (arguments, code) in [
        (&["profile", "share", "work", "skils=private"][..], 2),
        (&["profile", "share", "work", "skills"], 2),
        (&["profile", "share", "work", "skills=maybe"], 2),
        (&["profile", "share", "work", "--dry-run"], 2),
        (&["profile", "share", "work", "--history", "../x"], 2),
        (&["profile", "share", "work", "--history", "a", "--no-history"], 2),
        (&["profile", "share", "nobody", "skills=link"], 4),
        (&["profile", "sync", "nobody"], 4),
    ] {
        let _ = world.cs(arguments).fails(code);
    }
}

#[test]
fn a_record_keeps_its_comments_and_that_of_the_default_profile_is_made() {
    let world = world();
    let record = world.data().join("profiles/work/profile.toml");
    let text =
        fs::read_to_string(&record).unwrap() + "\n# mine\n[share] # about it\nskills = \"link\" # why\n";
    fs::write(&record, &text).unwrap();
    world.cs(&["profile", "share", "work", "skills=private", "mcp=private"]).ok();
    let expected = text.replace("skills = \"link\" # why", "skills = \"private\" # why") + "mcp = false\n";
    assert_eq!(fs::read_to_string(&record).unwrap(), expected);

    world.cs(&["profile", "share", "default", "skills=private"]).ok();
    let made = fs::read_to_string(world.data().join("profiles/default/profile.toml")).unwrap();
    assert!(made.contains("# Your own ~/.claude.") && made.contains("skills = \"private\""), "{made}");
    assert!(!opened(&world, "default", "mine").join("skills").exists());
}

#[test]
fn an_item_made_private_loses_the_links_that_are_ours_and_nothing_else() {
    let world = world();
    let (red, blue, green) =
        (opened(&world, "work", "red"), opened(&world, "work", "blue"), opened(&world, "work", "green"));
    let other = opened(&world, "default", "other");
    // A real directory, and a link of the person's own, in the place of ours.
    fs::remove_file(blue.join("skills")).unwrap();
    fs::create_dir(blue.join("skills")).unwrap();
    fs::write(blue.join("skills/mine"), "mine").unwrap();
    fs::remove_file(green.join("skills")).unwrap();
    std::os::unix::fs::symlink(world.home(), green.join("skills")).unwrap();
    let before = own(&world);
    let data = state(&world.data());

    let plan = said(&world, &["profile", "share", "work", "skills=private", "--dry-run", "--json"]);
    assert_eq!(plan["record"], json!([{"item": "skills", "from": "link", "to": "private"}]));
    assert_eq!(state(&world.data()), data, "--dry-run changes nothing");
    let done = said(&world, &["profile", "share", "work", "skills=private", "--json"]);
    let changed = |said: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let changes = said["changes"].as_array().unwrap().iter();
        let mut all: Vec<_> =
            changes.map(|change| (text(&change["name"]), text(&change["change"]))).collect();
        all.sort();
        all
    };
    assert_eq!(changed(&done), [("red".into(), "unlink".into()), ("work".into(), "unlink".to_owned())]);
    assert_eq!(changed(&plan), changed(&done), "what was shown is what is done");
    assert_eq!(done["kept"][0]["name"], "green", "{done}");
    assert!(done["kept"][0]["fix"].as_str().unwrap().starts_with("rm "), "{done}");
    assert!(!red.join("skills").exists() && red.join("agents").is_symlink());
    assert_eq!(fs::read(blue.join("skills/mine")).unwrap(), b"mine");
    assert_eq!(fs::read_link(green.join("skills")).unwrap(), world.home());
    assert!(other.join("skills").is_symlink(), "another profile's session is not concerned");
    assert_eq!(manifest(&red)["links"].as_table().unwrap().get("skills"), None);
    assert_eq!(own(&world), before);
    let again = said(&world, &["profile", "share", "work", "skills=private", "--json"]);
    assert_eq!((&again["record"], &again["changes"]), (&json!([]), &json!([])));

    // And back: missing links are made, what is in the way is told with a way out.
    let back = said(&world, &["profile", "share", "work", "skills=link", "--json"]);
    assert_eq!(changed(&back), [("red".into(), "link".into()), ("work".into(), "link".to_owned())]);
    assert_eq!(back["kept"].as_array().unwrap().len(), 2, "{back}");
    assert_eq!(fs::read(blue.join("skills/mine")).unwrap(), b"mine");
    assert_eq!(fs::read_link(green.join("skills")).unwrap(), world.home());
}

#[test]
fn a_private_item_is_taken_away_at_the_next_launch_too() {
    let world = world();
    let (red, blue) = (opened(&world, "work", "red"), opened(&world, "work", "blue"));
    fs::remove_file(blue.join("skills")).unwrap();
    fs::write(blue.join("skills"), "mine").unwrap();
    world.write(".config/cs/config.toml", "[share]\nskills = \"private\"\n");
    world.cs(&["red"]).ok();
    world.cs(&["blue"]).ok();
    assert!(!red.join("skills").exists() && red.join("agents").is_symlink());
    assert_eq!(fs::read(blue.join("skills")).unwrap(), b"mine");
}

#[test]
fn sync_adds_what_a_profile_gained_takes_what_it_lost_and_follows_what_moved() {
    let world = world();
    let (red, blue) = (opened(&world, "default", "red"), opened(&world, "default", "blue"));
    world.write(".claude/commands/c.md", "a command");
    world.write("dotfiles/skills/s/SKILL.md", "a skill");
    fs::remove_dir_all(world.home().join(".claude/agents")).unwrap();
    fs::rename(world.home().join(".claude/skills"), world.home().join("old-skills")).unwrap();
    std::os::unix::fs::symlink(world.home().join("dotfiles/skills"), world.home().join(".claude/skills"))
        .unwrap();
    fs::remove_file(blue.join("agents")).unwrap();
    fs::create_dir(blue.join("agents")).unwrap();
    let before = own(&world);
    world.cs(&["profile", "sync"]).ok();
    for config in [&red, &blue] {
        assert!(config.join("commands").is_symlink());
        assert_eq!(fs::read_link(config.join("skills")).unwrap(), world.home().join("dotfiles/skills"));
    }
    assert!(fs::symlink_metadata(red.join("agents")).is_err(), "it led nowhere");
    assert!(blue.join("agents").is_dir());
    assert_eq!(own(&world), before);
    let again = said(&world, &["profile", "sync", "--json"]);
    assert_eq!((&again["changes"], &again["open"]), (&json!([]), &json!([])));
}

#[test]
fn a_session_from_before_there_was_a_note_gets_one_by_sync_and_by_a_change() {
    let world = world();
    let (red, blue) = (opened(&world, "work", "red"), opened(&world, "work", "blue"));
    for config in [&red, &blue, &world.config_of("work")] {
        fs::remove_file(config.with_file_name("links.toml")).unwrap();
    }
    world.cs(&["profile", "sync", "red"]).ok();
    assert_eq!(manifest(&red)["links"].as_table().unwrap().len(), 3);
    assert_eq!(manifest(&red)["servers"].as_table().unwrap().len(), 1);
    assert!(!blue.with_file_name("links.toml").exists());
    world.cs(&["profile", "share", "work", "skills=private"]).ok();
    assert!(!red.join("skills").exists() && !blue.join("skills").exists());
}

#[test]
fn mcp_servers_are_merged_three_ways_and_a_conflict_is_a_persons_to_settle() {
    let world = world();
    servers(
        &world,
        &json!({"one": {"command": "one"}, "two": {"command": "two"}, "three": {"command": "three"}}),
    );
    let config = opened(&world, "default", "api");
    let file = config.join(".claude.json");
    let mine = |servers: &Value| {
        let mut state = read_json(&file);
        state["mcpServers"] = servers.clone();
        fs::write(&file, state.to_string()).unwrap();
    };
    let now = || read_json(&file)["mcpServers"].clone();
    // 'one' goes, 'two' is changed in both, 'three' is removed here and changed there, 'four' is new, 'own' is this one's.
    mine(&json!({"one": {"command": "one"}, "two": {"command": "here"}, "own": {"command": "own"}}));
    let theirs = json!({"two": {"command": "there"}, "three": {"command": "3"}, "four": {"command": "4", "env": {"KEY": "a-secret"}}});
    servers(&world, &theirs);
    let before = own(&world);
    let done = said(&world, &["profile", "sync", "api", "--json"]);
    assert_eq!(
        now(),
        json!({"two": {"command": "here"}, "own": {"command": "own"}, "four": {"command": "4", "env": {"KEY": "a-secret"}}})
    );
    assert_eq!(read_json(&file)["hasCompletedOnboarding"], true);
    assert!(read_json(&file).get("secret").is_none());
    assert_eq!(done["kept"].as_array().unwrap().len(), 1, "{done}");
    assert_eq!(done["kept"][0]["fix"], "cs profile sync api --take two");
    assert!(!done.to_string().contains("a-secret"), "{done}");
    assert!(!fs::read_to_string(config.with_file_name("links.toml")).unwrap().contains("a-secret"));
    assert_eq!(said(&world, &["profile", "sync", "api", "--json"])["changes"], json!([]));

    world.cs(&["profile", "sync", "api", "--take", "two", "--take", "three"]).ok();
    assert_eq!(now()["two"], json!({"command": "there"}));
    assert_eq!(now()["three"], json!({"command": "3"}));
    assert_eq!(now()["own"], json!({"command": "own"}));
    assert_eq!(said(&world, &["profile", "sync", "api", "--json"])["kept"], json!([]));
    assert_eq!(own(&world), before);

    // Through a profile of ours: from ~/.claude.json to the profile, and on to its session.
    let (work, web) = (world.config_of("work"), opened(&world, "work", "web"));
    assert_eq!(read_json(&web.join(".claude.json"))["mcpServers"], json!({"one": {"command": "one"}}));
    world.cs(&["profile", "sync", "work"]).ok();
    for config in [&work, &web] {
        assert_eq!(read_json(&config.join(".claude.json"))["mcpServers"], theirs);
    }
    // Not while Claude writes it, and never a file that is none.
    fs::create_dir(file.with_file_name(".claude.json.lock")).unwrap();
    servers(&world, &json!({}));
    let busy = said(&world, &["profile", "sync", "api", "--json"]);
    assert!(busy["kept"].to_string().contains("was being written"), "{busy}");
    fs::remove_dir(file.with_file_name(".claude.json.lock")).unwrap();
    fs::write(&file, "{torn").unwrap();
    assert!(said(&world, &["profile", "sync", "api", "--json"])["kept"].to_string().contains("is no JSON"));
    assert_eq!(fs::read(&file).unwrap(), b"{torn");
}

#[test]
fn what_is_open_is_left_until_it_is_closed() {
    let world = world();
    let (red, blue) = (opened(&world, "work", "red"), opened(&world, "work", "blue"));
    waiting_claude(&world);
    let running = Running::start(&world, &world.project("red"), &["red"]);
    let before = state(&red);
    let done = said(&world, &["profile", "share", "work", "skills=private", "--history", "team", "--json"]);
    assert_eq!(done["open"], json!(["red"]));
    assert_eq!(state(&red), before);
    assert!(!blue.join("skills").exists(), "the control");
    let refused = world.cs(&["profile", "share", "red", "--history", "team"]).fails(5);
    assert!(refused.contains("is open"), "{refused}");
    drop(running);
    world.fake_claude("");
    world.cs(&["red"]).ok();
    assert!(!red.join("skills").exists());
}

/// Two sessions of two profiles with a conversation each, beside a third that has nothing to do with them.
fn in_two_profiles() -> (World, PathBuf, PathBuf) {
    let world = world();
    let project = world.project("shared");
    world.cs(&["profile", "create", "play"]).ok();
    for (profile, name, id) in [("work", "red", TALK), ("play", "blue", OTHER_TALK), ("work", "apart", TALK)]
    {
        world.cs_in(&project, &["-P", profile, name]).ok();
        talk(&world.config_of(name), &project, id, name);
        fs::write(
            world.config_of(name).join("history.jsonl"),
            format!("{}\n", json!({"display": name, "sessionId": id})),
        )
        .unwrap();
    }
    let beside = world.config_of("red").join("projects").join(claude_cs::claude::slug(&project)).join(TALK);
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("result"), "a result").unwrap();
    let (red, blue) = (world.config_of("red"), world.config_of("blue"));
    (world, red, blue)
}

/// The transcripts and what is beside them, by path below `projects` and content.
fn conversations(projects: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut inner = vec![projects.to_path_buf()];
    while let Some(directory) = inner.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().unwrap().is_dir() {
                inner.push(entry.path());
            } else if !entry.file_name().to_string_lossy().ends_with(".new") {
                let text = fs::read_to_string(entry.path()).unwrap();
                found.insert(entry.path().strip_prefix(projects).unwrap().to_path_buf(), text);
            }
        }
    }
    found
}

#[test]
fn members_of_a_group_resume_each_others_conversations_and_leave_with_their_own() {
    let (world, red, blue) = in_two_profiles();
    let project = world.project("shared");
    // Its conversation has the id of red's.
    fs::remove_dir_all(world.config_of("apart").join("projects")).unwrap();
    let (before, apart) = (own(&world), state(&world.config_of("apart")));
    let alone = conversations(&red.join("projects"));
    let shown = said(&world, &["profile", "share", "red", "--history", "Team", "--dry-run", "--json"]);
    assert_eq!(shown["changes"].as_array().unwrap().len(), 2, "{shown}");
    assert!(
        !world.data().join("history").exists()
            && red.join("projects").is_dir()
            && !red.join("projects").is_symlink()
    );
    world.cs(&["profile", "share", "red", "--history", "Team"]).ok();
    world.cs(&["profile", "share", "blue", "--history", "team"]).ok();
    let group = world.data().join("history/team");
    assert_eq!(fs::read_link(red.join("projects")).unwrap(), group.join("projects"));
    assert_eq!(fs::read_link(blue.join("history.jsonl")).unwrap(), group.join("history.jsonl"));
    assert_eq!(conversations(&red.with_file_name("own-projects")), alone);
    assert_eq!(conversations(&group.join("projects")).len(), 3);
    assert_eq!(fs::read_to_string(group.join("history.jsonl")).unwrap().lines().count(), 2);
    assert_eq!(sessions(&world)["red"]["conversation"], TALK);
    assert_eq!(world.show("blue")["conversations_with"], "group 'team'");
    assert_eq!(world.show("apart")["conversations_with"], json!(null));

    // Each goes on with its own, and can go on with the other's.
    world.cs(&["red"]).ok();
    assert_eq!(world.last_start().flag("--resume"), Some(TALK));
    world.cs(&["blue"]).ok();
    assert_eq!(world.last_start().flag("--resume"), Some(OTHER_TALK));
    world.cs(&["blue", "--resume", TALK]).ok();
    assert_eq!(world.last_start().flag("--resume"), Some(TALK));
    // By its id alone a conversation is opened as whose own it is.
    for (id, name) in [(TALK, "red"), (OTHER_TALK, "blue")] {
        world.cs(&["resume", id]).ok();
        let start = world.last_start();
        assert_eq!((start.flag("--resume"), start.var("CS_SESSION")), (Some(id), Some(name)));
    }

    // What grows in the group comes along; what is another's does not.
    let grown = talk(&group, &project, TALK, "red");
    fs::write(&grown, fs::read_to_string(&grown).unwrap() + "{\"more\":1}\n").unwrap();
    talk(
        &group,
        &project,
        "01890000-0000-4000-8000-00000000000c",
        "made in the group by nobody in particular",
    );
    let left = world.cs(&["profile", "share", "red", "--no-history"]).ok();
    assert!(left.contains("2 of others stay there"), "{left}");
    assert!(!red.join("projects").is_symlink() && !red.with_file_name("own-projects").exists());
    let mut expected = alone.clone();
    expected
        .values_mut()
        .filter(|text| text.starts_with("{\"type\""))
        .for_each(|text| text.push_str("{\"more\":1}\n"));
    assert_eq!(conversations(&red.join("projects")), expected);
    assert!(!fs::read_to_string(red.join("history.jsonl")).unwrap().contains("blue"));
    assert_eq!(conversations(&group.join("projects")).len(), 4, "nothing is taken from the group");
    world.cs(&["red"]).ok();
    assert_eq!(world.last_start().flag("--resume"), Some(TALK));
    // Joined once more, what only grew is no conflict.
    let again = said(&world, &["profile", "share", "red", "--history", "team", "--json"]);
    assert_eq!(again["kept"], json!([]));
    assert_eq!((own(&world), state(&world.config_of("apart"))), (before, apart));
}

#[test]
fn a_profile_in_a_group_takes_its_sessions_and_its_own_directory_along() {
    let (world, red, _) = in_two_profiles();
    let work = world.config_of("work");
    let project = world.project("shared");
    talk(&work, &project, OTHER_TALK, "as the profile itself");
    let none = world.cs_in(&project, &["-P", "work", "--isolation", "none", "--no-open", "bare-bones"]);
    let _ = none.ok();
    world.cs(&["profile", "share", "work", "--history", "team"]).ok();
    let group = world.data().join("history/team/projects");
    for config in [&work, &red, &world.config_of("apart")] {
        assert_eq!(fs::read_link(config.join("projects")).unwrap(), group);
    }
    // The same id with other content: the group's stays, and so does its own, aside.
    let mine = conversations(&world.config_of("apart").with_file_name("own-projects"));
    assert!(mine.values().any(|text| text.contains("apart")), "{mine:?}");
    assert!(!conversations(&group).values().any(|text| text.contains("\"apart\"")));
    // A new session begins there; one of its own stays apart.
    world.cs_in(&project, &["-P", "work", "new-one"]).ok();
    assert!(world.config_of("new-one").join("projects").is_symlink());
    world.cs(&["profile", "share", "new-one", "--no-history"]).ok();
    assert!(!world.config_of("new-one").join("projects").is_symlink());
    world.cs(&["profile", "share", "work", "--no-history"]).ok();
    for config in [&work, &red, &world.config_of("apart")] {
        assert!(!config.join("projects").is_symlink());
    }
    assert!(
        conversations(&work.join("projects")).values().any(|text| text.contains("as the profile itself"))
    );
    assert!(
        conversations(&world.config_of("apart").join("projects")).values().all(|text| text.contains("apart"))
    );
}

#[test]
fn the_users_own_directory_and_an_adopted_one_join_nothing_themselves() {
    let world = world();
    let adopted = world.write(".claude-old/settings.json", "{}").parent().unwrap().to_path_buf();
    let project = world.project("p");
    world.cs(&["profile", "adopt", "old", adopted.to_str().unwrap()]).ok();
    for (profile, config) in [("default", world.home().join(".claude")), ("old", adopted)] {
        talk(&config, &project, TALK, "before");
        let before = state(&config);
        world.cs(&["profile", "share", profile, "--history", "team"]).ok();
        world.cs(&[profile]).ok();
        assert_eq!(state(&config), before, "{profile}");
        // The control: its sessions do.
        let name = format!("of-{profile}");
        world.cs_in(&project, &["-P", profile, &name]).ok();
        assert!(world.config_of(&name).join("projects").is_symlink());
        // And nothing is copied into it where conversations live with it.
        let apart = format!("apart-{profile}");
        world.cs(&["profile", "share", profile, "--no-history"]).ok();
        world.cs_in(&project, &["-P", profile, &apart]).ok();
        talk(&world.config_of(&apart), &project, OTHER_TALK, "its own");
        let done = said(&world, &["profile", "share", profile, "history=link", "--json"]);
        assert!(done["kept"].to_string().contains("stay its own"), "{done}");
        assert_eq!(state(&config), before, "{profile}");
        assert!(world.config_of(&apart).join("projects").is_dir());
    }
}

#[test]
fn a_session_whose_conversations_are_in_the_way_is_told_and_goes_on_with_them() {
    let (world, red, _) = in_two_profiles();
    let record = world.data().join("profiles/work/profile.toml");
    let text = fs::read_to_string(&record).unwrap() + "\n[share]\nhistory = \"team\"\n";
    fs::write(&record, text).unwrap();
    let told = world.cs(&["red"]);
    assert!(told.stderr.contains("cs profile sync work"), "{}", told.stderr);
    assert_eq!(world.last_start().flag("--resume"), Some(TALK));
    assert!(!red.join("projects").is_symlink() && !red.join("history.jsonl").is_symlink());
    world.cs(&["profile", "sync", "work"]).ok();
    let told = world.cs(&["red"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    assert_eq!(world.last_start().flag("--resume"), Some(TALK));
}

#[test]
fn a_conversation_that_another_member_has_open_is_refused() {
    let (world, ..) = in_two_profiles();
    world.cs(&["profile", "share", "red", "--history", "team"]).ok();
    world.cs(&["profile", "share", "blue", "--history", "team"]).ok();
    let me = std::process::id();
    let start = claude_cs::os::start_time(me).unwrap();
    let file = world.config_of("blue").join("sessions").join(format!("{me}.json"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let live = |id: &str| json!({"pid": me, "procStart": start, "sessionId": id}).to_string();
    fs::write(&file, live(TALK)).unwrap();
    let starts = world.starts().len();
    for arguments in
        [&["red"][..], &["red", "--resume", TALK], &["red", &format!("--resume={TALK}"), "-p", "x"]]
    {
        let refused = world.cs(arguments).fails(5);
        assert!(refused.contains("session 'blue'") && refused.contains(&me.to_string()), "{refused}");
    }
    // A record that is damaged hides nobody.
    let record = world.config_of("blue").with_file_name("session.toml");
    let text = fs::read(&record).unwrap();
    fs::write(&record, "version = ").unwrap();
    let refused = world.cs(&["red"]).fails(5);
    assert!(refused.contains("is open in session '") && refused.contains(&me.to_string()), "{refused}");
    fs::write(&record, text).unwrap();
    assert_eq!(world.starts().len(), starts);
    // The controls: a copy of it, and another one that blue has open.
    world.cs(&["red", "--resume", TALK, "--fork-session"]).ok();
    fs::write(&file, live(OTHER_TALK)).unwrap();
    world.cs(&["red"]).ok();
    assert_eq!(world.last_start().flag("--resume"), Some(TALK));
    fs::remove_file(&file).unwrap();

    // From the moment on that it is started: Claude takes a while to say that it runs.
    world.cs(&["profile", "share", "work", "--history", "team"]).ok();
    waiting_claude(&world);
    let project = world.project("shared");
    let running = Running::start(&world, &project, &["red"]);
    let red = running.0.id().to_string();
    talk(&world.data().join("history/team"), &project, TALK, "the newest one");
    for arguments in [
        &["blue", "--resume", TALK][..],
        &["blue", "-c"],
        &["work", "--resume", TALK],
        &["work", "--continue"],
    ] {
        let refused = world.cs_in(&project, arguments).fails(5);
        assert!(refused.contains("session 'red'") && refused.contains(&red), "{arguments:?}: {refused}");
    }
    drop(running);
    // Also where it is another's that a person went on with.
    let running = Running::start(&world, &project, &["blue", "--resume", TALK]);
    let blue = running.0.id().to_string();
    for arguments in [&["red"][..], &["work", "--resume", TALK]] {
        let refused = world.cs_in(&project, arguments).fails(5);
        assert!(refused.contains("session 'blue'") && refused.contains(&blue), "{arguments:?}: {refused}");
    }
    drop(running);
    world.fake_claude("");
    world.cs_in(&project, &["work", "--continue"]).ok();
    world.cs(&["blue"]).ok();
    assert_eq!(world.last_start().flag("--resume"), Some(OTHER_TALK), "it is no more its own for that");
}

#[test]
fn a_fork_in_a_group_begins_as_a_copy_there() {
    let (world, ..) = in_two_profiles();
    world.cs(&["profile", "share", "red", "--history", "team"]).ok();
    world.cs(&["fork", "--no-open", "red", "idea"]).ok();
    assert!(world.config_of("idea").join("projects").is_symlink());
    world.cs(&["idea"]).ok();
    let start = world.last_start();
    assert_eq!(start.flag("--resume"), Some(TALK));
    assert!(start.args.contains(&"--fork-session".to_owned()));
}

#[test]
fn two_processes_at_once_share_and_leave_nothing_half_done() {
    let (world, red, blue) = in_two_profiles();
    let project = world.project("shared");
    for (arguments, shared) in
        [(["--history", "team"], true), (["--history", "other"], true), (["--no-history", "--json"], false)]
    {
        let children: Vec<_> = ["red", "blue", "red", "blue"]
            .into_iter()
            .map(|name| {
                world
                    .command(&project, &["profile", "share", name, arguments[0], arguments[1]])
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut child in children {
            let code = child.wait().unwrap().code();
            assert!(matches!(code, Some(0 | 5)), "{arguments:?}: {code:?}");
        }
        for (name, config) in [("red", &red), ("blue", &blue)] {
            world.cs(&[&["profile", "share", name], &arguments[..]].concat()).ok();
            assert_eq!(config.join("projects").is_symlink(), shared, "{name} {arguments:?}");
        }
    }
    assert_eq!(conversations(&red.join("projects")).len(), 2);
    assert_eq!(conversations(&blue.join("projects")).len(), 1);
    let items = ["skills=private", "agents=private", "rules=private", "mcp=private", "memory=private"];
    let children: Vec<_> = items
        .iter()
        .map(|item| world.command(&project, &["profile", "share", "work", item]).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(matches!(child.wait().unwrap().code(), Some(0 | 5)));
    }
    let rows = said(&world, &["profile", "share", "work", "--json"]);
    let private = rows["items"].as_array().unwrap().iter().filter(|row| row["by"] == "profile").count();
    assert_eq!(private, items.len(), "no change of a record is lost: {rows}");
}

/// The system calls of `cs ARGUMENTS` that touch this world: which, and the how manieth.
fn points(world: &World, arguments: &[&str]) -> Vec<(String, usize)> {
    let trace = world.root().join("trace");
    let filter = format!("trace={}", CALLS.join(","));
    let words = ["-qq", "-y", "-o", trace.to_str().unwrap(), "-e", &filter, &cs()].map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
    let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for line in fs::read_to_string(trace).unwrap().lines() {
        let Some((call, rest)) = line.split_once('(') else { continue };
        let count = counts.entry(call.to_owned()).or_default();
        *count += 1;
        // A kill at a read is one at the next write.
        if rest.contains(world.home().to_str().unwrap()) && !rest.contains("O_RDONLY") {
            found.push((call.to_owned(), *count));
        }
    }
    found
}

/// Kills `cs ARGUMENTS` at every one of its system calls, in the world as it is now. `check` sees what
/// is left; then the same command has to bring it to the end it has without a kill.
fn killed_everywhere(world: &World, arguments: &[&str], check: impl Fn(&str)) {
    cut_short_everywhere(world, arguments, "signal=KILL", check);
}

/// As [`killed_everywhere`], with a fault of strace's. An error has to be told: a command that says it is
/// done has done it.
fn cut_short_everywhere(world: &World, arguments: &[&str], fault: &str, check: impl Fn(&str)) {
    let is_kill = fault == "signal=KILL";
    let saved = world.root().join("saved");
    let _ = fs::remove_dir_all(&saved);
    copy(&world.home(), &saved);
    let reset = || {
        fs::remove_dir_all(world.home()).unwrap();
        copy(&saved, &world.home());
    };
    let end = || -> BTreeMap<PathBuf, String> {
        let mut found = state(&world.data());
        found.retain(|path, _| {
            path.extension().is_none_or(|extension| extension != "new") && !path.ends_with("run.toml")
                // Left by who died and had written all; Claude takes it over, as we do.
                && !path.ends_with(".claude.json.lock")
                && !path.ends_with("team/lock")
                // A hint of what is open, which a launch of the check left.
                && !path.starts_with("open")
        });
        found
    };
    let all = points(world, arguments);
    assert!(all.len() > 10, "{all:?}");
    let expected = end();
    let (mut killed, mut failed) = (0, 0);
    for (call, number) in &all {
        reset();
        let inject = format!("inject={call}:{fault}:when={number}");
        let words = ["-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject, &cs()]
            .map(str::to_owned);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
        killed += usize::from(done.signal == Some(9));
        failed += usize::from(done.code.is_some_and(|code| code != 0));
        let what = format!("{arguments:?}, {fault} at {call} {number}");
        if !is_kill {
            assert!(done.code.is_some(), "{what}: {done:?}");
            assert!(done.code != Some(0) || end() == expected, "{what}: done, it says: {done:?}");
            assert!(done.code == Some(0) || done.stderr.starts_with("cs: "), "{what}: {done:?}");
        }
        check(&what);
        let again = world.cs(arguments);
        assert_eq!(again.code, Some(0), "again, after {what}: {again:?}");
        assert_eq!(end(), expected, "again, after {what}");
    }
    if is_kill {
        assert_eq!(killed, all.len(), "the control");
    } else {
        assert!(failed > all.len() / 4, "the control: {failed} of {}", all.len());
    }
    reset();
    world.cs(arguments).ok();
}

#[test]
fn a_kill_at_any_moment_of_joining_or_leaving_loses_no_conversation() {
    joining_and_leaving_under("signal=KILL");
}

#[test]
fn a_full_or_failing_disk_while_joining_or_leaving_loses_no_conversation() {
    joining_and_leaving_under("error=ENOSPC");
    joining_and_leaving_under("error=EIO");
}

fn joining_and_leaving_under(fault: &str) {
    if !may_trace() {
        return;
    }
    let (world, red, _) = in_two_profiles();
    let group = world.data().join("history/team/projects");
    let others = conversations(&world.config_of("blue").join("projects"));
    world.cs(&["profile", "share", "blue", "--history", "team"]).ok();
    let mine = conversations(&red.join("projects"));
    let check = |what: &str| {
        let places =
            [red.join("projects"), red.with_file_name("own-projects")].map(|place| conversations(&place));
        for (path, text) in &mine {
            let kept = places.iter().any(|place| place.get(path).is_some_and(|kept| kept.starts_with(text)));
            assert!(kept, "{what}: {} is lost", path.display());
        }
        for (path, text) in &others {
            assert_eq!(conversations(&group).get(path), Some(text), "{what}");
        }
        // Whatever state that is: it is opened with the conversation it had.
        world.cs(&["red"]).ok();
        assert_eq!(world.last_start().flag("--resume"), Some(TALK), "{what}");
    };
    cut_short_everywhere(&world, &["profile", "share", "red", "--history", "team"], fault, check);
    cut_short_everywhere(&world, &["profile", "share", "red", "--no-history"], fault, check);
    assert_eq!(conversations(&red.join("projects")), mine);
    assert!(!conversations(&red.join("projects")).keys().any(|path| others.contains_key(path)));
}

#[test]
fn a_kill_at_any_moment_of_a_change_or_a_sync_is_made_good_by_the_next() {
    if !may_trace() {
        return;
    }
    let world = world();
    let config = opened(&world, "work", "api");
    fs::remove_file(config.join("agents")).unwrap();
    fs::write(config.join("agents"), "mine").unwrap();
    let before = own(&world);
    let check = |what: &str| {
        // Claude's own lock, held by who died, is taken over after ten seconds. Here they have passed.
        for config in [&config, &world.config_of("work")] {
            if let Ok(lock) = fs::File::open(config.join(".claude.json.lock")) {
                lock.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(20)).unwrap();
            }
        }
        assert_eq!(own(&world), before, "{what}");
        assert_eq!(fs::read(config.join("agents")).unwrap(), b"mine", "{what}");
        assert!(
            toml::from_str::<toml::Table>(
                &fs::read_to_string(world.data().join("profiles/work/profile.toml")).unwrap()
            )
            .is_ok()
        );
        let _ = world.cs(&["profile", "show", "work"]).ok();
    };
    killed_everywhere(
        &world,
        &["profile", "share", "work", "skills=private", "agents=private", "mcp=private"],
        check,
    );
    assert!(!config.join("skills").exists());
    killed_everywhere(&world, &["profile", "share", "work", "skills=link", "mcp=link"], check);
    assert!(config.join("skills").is_symlink());
    assert_eq!(read_json(&config.join(".claude.json"))["mcpServers"], json!({"one": {"command": "one"}}));
}

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
