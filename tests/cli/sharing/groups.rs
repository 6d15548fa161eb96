//! Groups that share their conversations: joining, working in one, and leaving with what is one's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{own, said, world};
use crate::scenery::{OTHER_TALK, Running, TALK, sessions, state, talk, waiting_claude};
use crate::support::world::World;

/// Two sessions of two profiles with a conversation each, beside a third that has nothing to do with them.
pub(super) fn in_two_profiles() -> (World, PathBuf, PathBuf) {
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
pub(super) fn conversations(projects: &Path) -> BTreeMap<PathBuf, String> {
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
