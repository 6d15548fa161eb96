//! What `cs wt list`, `open` and `gc` make of what there is.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::stage::Stage;
use crate::scenery::{Running, session_names, state, waiting_claude};

#[test]
fn the_state_of_each_worktree_is_told() {
    let stage = Stage::new();
    let said = stage.cs(&["wt"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    assert!(said.stderr.contains("there are no worktrees; to make one: cs -w NAME"), "{said:?}");
    for name in ["clean", "dirty", "ahead", "merged", "squashed", "rebased", "behind"] {
        stage.add(name);
    }
    fs::write(stage.tree("dirty").join("file"), "x\n").unwrap();
    fs::write(stage.tree("dirty").join("new"), "x\n").unwrap();
    fs::write(stage.tree("clean").join(".env"), "ignored\n").unwrap();
    for name in ["ahead", "merged", "squashed", "rebased"] {
        stage.work(&stage.tree(name), name, "one\n");
        stage.work(&stage.tree(name), name, "two\n");
    }
    stage.git(&stage.repo, &["merge", "-q", "--no-ff", "--no-edit", "worktree-merged"]);
    stage.git(&stage.repo, &["merge", "-q", "--squash", "worktree-squashed"]);
    stage.git(&stage.repo, &["commit", "-qm", "squashed"]);
    stage.git(&stage.repo, &["cherry-pick", "worktree-rebased~1", "worktree-rebased"]);
    let facts = |name: &str| {
        let tree = stage.listed(name);
        let word = |key: &str| tree[key].clone();
        json!([
            word("merged"),
            word("ahead"),
            word("unpushed"),
            tree["dirty"]["changed"],
            tree["dirty"]["untracked"]
        ])
    };
    assert_eq!(facts("clean"), json!([true, 0, 0, 0, 0]));
    assert_eq!(facts("dirty"), json!([true, 0, 0, 1, 1]));
    assert_eq!(facts("ahead"), json!([false, 2, 2, 0, 0]));
    assert_eq!(facts("merged"), json!([true, 0, 0, 0, 0]));
    assert_eq!(facts("squashed"), json!([true, 2, 2, 0, 0]));
    assert_eq!(facts("rebased"), json!([true, 2, 2, 0, 0]));
    let behind = stage.listed("behind");
    assert_eq!((&behind["behind"], &behind["onto"]), (&json!(6), &json!("main")));
    let table = stage.cs(&["wt", "list"]).ok();
    let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("dirty").contains("1 changed, 1 new  "), "{table}");
    assert!(line("ahead").contains("+2 -6"), "{table}");
    assert!(line("squashed").contains("merged"), "{table}");
    assert!(!table.contains("main "), "the main checkout is left out: {table}");
}

#[test]
fn outside_of_git_it_says_what_to_do_and_all_repositories_can_be_seen() {
    let stage = Stage::new();
    let said = stage.world.cs(&["wt"]).fails(5);
    assert!(said.contains("is in no git repository") && said.contains("cs wt list --all"), "{said}");
    let said = stage.world.cs(&["wt", "list", "--all"]);
    assert!(said.stderr.contains("no session has a worktree"), "{said:?}");
    stage.with_session("x");
    let second = stage.world.project("second");
    stage.git(&second, &["init", "-q"]);
    stage.work(&second, "file", "one\n");
    let tree = stage.world.home().join("far");
    stage.git(&second, &["worktree", "add", "-q", tree.to_str().unwrap()]);
    stage.world.cs_in(&tree, &["new", "--no-open", "y"]).ok();
    let list: Value = serde_json::from_str(&stage.world.cs(&["wt", "list", "--all", "--json"]).ok()).unwrap();
    let pairs: Vec<(&str, &str)> = list["worktrees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tree| (tree["name"].as_str().unwrap(), tree["session"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!((list["schema"].as_u64(), pairs), (Some(1), vec![("x", "x"), ("far", "y")]));
    let table = stage.world.cs(&["wt", "list", "--all"]).ok();
    assert!(table.contains("~/src/repo\n") && table.contains("~/src/second\n"), "{table}");
    // By its session one is found from everywhere.
    stage.world.cs(&["wt", "rm", "y"]).ok();
    assert!(!tree.exists());
}

#[test]
fn opening_a_worktree_makes_its_session_once() {
    let stage = Stage::new();
    let tree = stage.add("x");
    stage.world.cs(&["new", "--no-open", "x"]).ok();
    let said = stage.cs(&["wt", "open", "worktree-x", "--model", "haiku"]);
    assert!(said.stderr.contains("made session 'x-2'"), "the name was taken: {said:?}");
    said.ok();
    let start = stage.world.last_start();
    assert_eq!((start.cwd.as_path(), start.flag("--model")), (tree.as_path(), Some("haiku")));
    let shown = stage.world.show("x-2");
    assert_eq!(shown["worktree"]["root"], tree.to_str().unwrap());
    assert_eq!(shown["worktree"]["onto"], "main");
    assert_eq!(stage.listed("x")["locked"], format!("cs session {}", shown["id"].as_str().unwrap()));
    stage.cs(&["wt", "open", "worktree-x"]).ok();
    assert_eq!(session_names(&stage.world), ["x", "x-2"]);
    assert_eq!(stage.world.starts().len(), 2);
    stage.cs(&["wt", "open", "y"]).fails(4);
}

#[test]
fn a_name_that_means_two_worktrees_is_refused() {
    let stage = Stage::new();
    stage.add("x");
    let other = stage.with_session("y");
    stage.world.cs(&["rename", "y", "x"]).ok();
    let before = stage.everything();
    let said = stage.cs(&["wt", "rm", "--force", "x"]).fails(5);
    assert!(said.contains("'x' names more than one worktree"), "{said}");
    assert!(said.contains(other.to_str().unwrap()), "{said}");
    assert_eq!(stage.everything(), before);
    stage.cs(&["wt", "rm", "y"]).ok();
    stage.cs(&["wt", "rm", "x"]).ok();
}

/// Makes it look as if nothing of the worktree `name` and its session had been touched for so many days.
fn age(stage: &Stage, name: &str, days: i64) {
    let id = stage.world.id_of(name);
    let root = stage.world.data().join("sessions").join(id);
    let record = root.join("session.toml");
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    let text = fs::read_to_string(&record).unwrap();
    let lines = text.lines().map(|line| {
        if line.starts_with("created") { format!("created = \"{then}\"\n") } else { format!("{line}\n") }
    });
    fs::write(&record, lines.collect::<String>()).unwrap();
    let old = |place: &Path| {
        let date = format!("{days} days ago");
        let done =
            Command::new("find").arg(place).args(["-exec", "touch", "-h", "-d", &date, "{}", "+"]).status();
        assert!(done.unwrap().success());
    };
    old(&root);
    old(&stage.repo.join(".git/worktrees"));
}

#[test]
fn only_what_is_done_and_unused_and_ours_is_collected() {
    let stage = Stage::new();
    for name in ["done", "dirty", "ahead", "pushed", "busy", "gone"] {
        stage.with_session(name);
    }
    stage.add("nobodys");
    let outside = stage.world.home().join("outside");
    stage.git(&stage.repo, &["worktree", "add", "-q", outside.to_str().unwrap()]);
    stage.world.cs_in(&outside, &["new", "--no-open", "outside"]).ok();
    fs::write(stage.tree("dirty").join("new"), "x\n").unwrap();
    fs::write(stage.tree("done").join(".env"), "SECRET=1\n").unwrap();
    stage.work(&stage.tree("ahead"), "ahead", "x\n");
    stage.work(&stage.tree("pushed"), "pushed", "x\n");
    stage.git(&stage.repo, &["branch", "elsewhere", "worktree-pushed"]);
    fs::remove_dir_all(stage.tree("gone")).unwrap();
    waiting_claude(&stage.world);
    let running = Running::start(&stage.world, &stage.tree("busy"), &["busy"]);
    let found = |words: &[&str]| -> Value {
        serde_json::from_str(&stage.cs(&[&["wt", "gc", "--json"], words].concat()).ok()).unwrap()
    };
    let going = |found: &Value| -> Vec<String> {
        let all = found["worktrees"].as_array().unwrap().iter();
        all.map(|tree| tree["name"].as_str().unwrap().to_owned()).collect()
    };
    let why = |found: &Value, name: &str| -> String {
        let kept = found["kept"].as_array().unwrap().iter().find(|tree| tree["name"] == name);
        kept.unwrap()["why"].as_str().unwrap().to_owned()
    };
    assert_eq!(going(&found(&[])), [] as [&str; 0], "all of it was just used");
    for name in ["done", "dirty", "ahead", "pushed", "busy", "gone", "outside"] {
        age(&stage, name, 3);
    }
    let before = state(&stage.world.home());
    let looked = found(&[]);
    assert_eq!(going(&looked), ["done", "gone"]);
    assert!(why(&looked, "dirty").contains("not all is committed"), "{looked:#}");
    assert!(why(&looked, "ahead").contains("nowhere else"), "{looked:#}");
    assert!(why(&looked, "pushed").contains("not merged"), "{looked:#}");
    assert!(why(&looked, "busy").contains("it is open"), "{looked:#}");
    assert!(why(&looked, "nobodys").contains("no session"), "{looked:#}");
    assert!(why(&looked, "outside").contains("not in .claude/worktrees"), "{looked:#}");
    assert_eq!(going(&found(&["--older-than", "5d"])), [] as [&str; 0]);
    assert!(stage.cs(&["wt", "gc"]).ok().contains("to do it: cs wt gc --yes"));
    assert_eq!(state(&stage.world.home()), before, "looking changes nothing");
    let done = found(&["--yes"]);
    assert_eq!(going(&done), ["done", "gone"]);
    assert!(done["worktrees"].as_array().unwrap().iter().all(|tree| tree["removed"] == true), "{done:#}");
    assert!(!stage.tree("done").exists());
    for name in ["dirty", "ahead", "pushed", "busy", "nobodys"] {
        assert!(stage.tree(name).exists(), "{name}");
    }
    assert!(outside.exists());
    drop(running);
    stage.world.cs(&["restore", "done"]).ok();
    assert_eq!(fs::read_to_string(stage.tree("done").join(".env")).unwrap(), "SECRET=1\n");
}
