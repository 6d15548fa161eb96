//! The trash: what is in it, and for good.

use std::fs;

use serde_json::Value;

use super::scenery::{Transcript, ended, session_names, state};
use super::support::snapshots::assert_snapshot;
use super::support::tmux::Tmux;
use super::support::world::World;

fn pieces(world: &World) -> Value {
    serde_json::from_str(&world.cs(&["trash", "list", "--json"]).ok()).unwrap()
}

fn names(world: &World) -> Vec<String> {
    let all = pieces(world);
    let mut names: Vec<String> =
        all["trash"].as_array().unwrap().iter().map(|piece| piece["name"].as_str().unwrap().into()).collect();
    names.sort();
    names
}

/// A world with two sessions and a profile in the trash.
fn world() -> World {
    let world = World::with_fake_claude();
    for name in ["api", "web", "stays"] {
        world.cs(&["new", "--no-open", name]).ok();
    }
    world.cs(&["profile", "create", "work"]).ok();
    // Apart, so that their times differ.
    world.cs(&["rm", "api"]).ok();
    world.cs(&["rm", "web"]).ok();
    world.cs(&["profile", "remove", "--force", "work"]).ok();
    world
}

#[test]
fn what_is_said_about_the_trash() {
    let world = world();
    let mut transcript = Transcript::new(&world);
    transcript
        .cs(&["trash", "empty"])
        .cs(&["trash", "empty", "nothing"])
        .cs(&["trash", "empty", "--older-than", "1d", "--yes"])
        .cs(&["trash", "empty", "--older-than", "soon"])
        .cs(&["trash", "empty", "api", "--yes"])
        .cs(&["restore", "api"])
        .cs(&["trash", "empty", "--yes"])
        .cs(&["trash", "empty", "--yes"])
        .cs(&["trash"]);
    let text: String = transcript
        .text()
        .lines()
        // How much room files take depends on the file system.
        .map(|line| {
            if line.contains("for good, ") {
                "! cs: removed … for good, …\n".into()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let filters = vec![(r" +\d+(\.\d+)? (KiB|B)\b", " [SIZE]"), (r" +SIZE", " SIZE")];
    insta::with_settings!({filters => filters}, { assert_snapshot!(text) });
}

#[test]
fn emptying_takes_what_is_named_or_old_and_nothing_else() {
    let world = world();
    let stays = state(&world.data().join("sessions"));
    world.cs(&["trash", "empty", "--yes", "API"]).ok();
    assert_eq!(names(&world), ["web", "work"]);
    let id = pieces(&world)["trash"].as_array().unwrap().iter().find(|piece| piece["name"] == "web").unwrap()
        ["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(world.cs(&["trash", "empty", "--yes", "--older-than", "1h"]).ok().is_empty());
    assert_eq!(names(&world), ["web", "work"], "they were removed a moment ago");
    world.cs(&["trash", "empty", "--yes", &id]).ok();
    assert_eq!(names(&world), ["work"]);
    world.cs(&["trash", "empty", "--yes", "--older-than", "0d"]).ok();
    assert_eq!(names(&world), [] as [&str; 0]);
    assert_eq!(fs::read_dir(world.data().join("trash")).unwrap().count(), 0);
    assert_eq!(state(&world.data().join("sessions")), stays);
    assert_eq!(session_names(&world), ["stays"]);
    // Their names are free.
    world.cs(&["new", "--no-open", "api"]).ok();
    world.cs(&["profile", "create", "work"]).ok();
}

#[test]
fn what_nobody_knows_is_listed_and_never_removed() {
    let world = world();
    let trash = world.data().join("trash");
    fs::write(trash.join("notes.txt"), "mine").unwrap();
    fs::create_dir(trash.join("my directory")).unwrap();
    fs::create_dir(trash.join("01890000-0000-7000-8000-00000000000c-1700000000000")).unwrap();
    // A record that is damaged, and one of another session.
    let web = pieces(&world)["trash"]
        .as_array()
        .unwrap()
        .iter()
        .find(|piece| piece["name"] == "web")
        .unwrap()["path"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(format!("{web}/session.toml"), "torn").unwrap();
    let all = pieces(&world);
    assert_eq!(all["unknown"].as_array().unwrap().len(), 4, "{all}");
    let before = |name: &str| state(&trash.join(name));
    let mine = (before("notes.txt"), before("my directory"));
    let said = world.cs(&["trash", "empty", "--yes"]);
    assert!(said.stderr.contains("2 things in the trash that cs does not know"), "{said:?}");
    assert!(said.fails(1).contains("the record of something in the trash is"));
    assert_eq!((before("notes.txt"), before("my directory")), mine);
    assert_eq!(pieces(&world)["unknown"].as_array().unwrap().len(), 4);
    assert_eq!(names(&world), [] as [&str; 0]);
    let text = world.cs(&["trash"]).ok();
    assert!(text.contains("unknown") && text.contains("damaged"), "{text}");
}

#[test]
fn a_removal_that_was_cut_short_is_finished_and_never_offered() {
    let world = world();
    let trash = world.data().join("trash");
    let api = fs::read_dir(&trash).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        fs::read_to_string(path.join("session.toml")).is_ok_and(|text| text.contains("\"api\""))
    });
    let api = api.unwrap();
    let half = trash.join(format!("removing.{}", api.file_name().unwrap().to_str().unwrap()));
    fs::rename(&api, &half).unwrap();
    assert_eq!(names(&world), ["web", "work"]);
    assert!(world.cs(&["restore", "api"]).fails(4).contains("no 'api' in the trash"));
    assert!(world.cs(&["trash"]).ok().contains("half gone"));
    assert!(world.cs(&["cleanup"]).ok().contains("something half removed"));
    world.cs(&["trash", "empty", "--yes", "web"]).ok();
    assert!(half.exists(), "only what is named goes");
    world.cs(&["trash", "empty", "--yes"]).ok();
    assert_eq!(fs::read_dir(&trash).unwrap().count(), 0);
}

#[test]
fn of_a_restore_and_a_removal_one_wins() {
    for _ in 0..20 {
        let world = World::with_fake_claude();
        world.cs(&["new", "--no-open", "api"]).ok();
        world.cs(&["rm", "api"]).ok();
        let start = |words: &[&str]| {
            let mut command = world.command(&world.home(), words);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
        };
        let mut both = [start(&["trash", "empty", "--yes"]), start(&["restore", "api"])];
        let codes: Vec<Option<i32>> = both.iter_mut().map(|child| ended(child).code()).collect();
        let left = fs::read_dir(world.data().join("trash")).unwrap().count();
        assert_eq!(left, 0, "{codes:?}");
        match session_names(&world).as_slice() {
            [] => assert!(codes[0] == Some(0) && matches!(codes[1], Some(4 | 5 | 1)), "{codes:?}"),
            [name] => {
                assert_eq!((name.as_str(), codes[1]), ("api", Some(0)), "{codes:?}");
                world.cs(&["api"]).ok();
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_login_that_goes_is_told_of_before() {
    let world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    fs::write(world.config_of("work").join(".credentials.json"), "{}").unwrap();
    world.cs(&["profile", "remove", "--force", "work"]).ok();
    let refused = world.cs(&["trash", "empty"]).fails(5);
    assert!(refused.contains("profile 'work' holds its own login"), "{refused}");
    assert_eq!(names(&world), ["work"]);
    world.cs(&["trash", "empty", "--yes"]).ok();
    assert_eq!(names(&world), [] as [&str; 0]);
}

#[test]
fn on_a_terminal_it_shows_what_goes_and_asks() {
    if !Tmux::available() {
        return;
    }
    let world = world();
    let program = World::cs_program();
    for (answer, left) in [("n", 3), ("y", 0)] {
        let tmux =
            Tmux::start(&[program.to_str().unwrap(), "trash", "empty"], &world.home(), world.environment());
        let soon = std::time::Duration::from_secs(20);
        tmux.wait_until(soon, "the question", |screen| screen.contains("remove 3 things for good?"));
        let screen = tmux.screen();
        assert!(screen.contains("web") && screen.contains("profile"), "{screen}");
        tmux.enter(answer);
        let _ = tmux.wait_exit(soon);
        assert_eq!(names(&world).len(), left);
    }
}
