//! Links to what is the user's: which there are, who decided it, and how they follow a change.

use std::fs;

use serde_json::{Value, json};

use super::{manifest, opened, own, read_json, said, servers, world};
use crate::scenery::{Running, state, waiting_claude};

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
