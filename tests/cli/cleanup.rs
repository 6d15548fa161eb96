//! `cs cleanup` and `cs du`: what can go goes, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::scenery::{Running, TALK, ended, list, session_names, state, talk, waiting_claude};
use super::support::world::{World, git};

/// Makes it look as if nothing of the session `name` had been touched for so many days.
fn age(world: &World, name: &str, days: i64) {
    let root = world.root_of(name);
    let record = root.join("session.toml");
    let text = fs::read_to_string(&record).unwrap();
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    let lines = text.lines().map(|line| {
        if line.starts_with("created") { format!("created = \"{then}\"\n") } else { format!("{line}\n") }
    });
    fs::write(&record, lines.collect::<String>()).unwrap();
    let done = Command::new("find")
        .arg(&root)
        .args(["-exec", "touch", "-h", "-d", &format!("{days} days ago"), "{}", "+"])
        .status();
    assert!(done.unwrap().success());
}

fn cleanup(world: &World, more: &[&str]) -> Value {
    let words = [&["cleanup", "--json"], more].concat();
    serde_json::from_str(&world.cs(&words).ok()).unwrap()
}

/// The names of what can go, with why.
fn going(found: &Value) -> Vec<(String, Vec<String>)> {
    let mut going: Vec<(String, Vec<String>)> = found["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| {
            let reasons = session["reasons"].as_array().unwrap().iter();
            (
                session["name"].as_str().unwrap().to_owned(),
                reasons.map(|reason| reason.as_str().unwrap().to_owned()).collect(),
            )
        })
        .collect();
    going.sort();
    going
}

fn talked(world: &World, name: &str) -> PathBuf {
    world.cs(&["new", "--no-open", name]).ok();
    talk(&world.config_of(name), &world.home(), TALK, "hello")
}

#[test]
fn each_reason_is_found_and_what_is_in_use_has_none() {
    let world = World::with_fake_claude();
    for name in ["unused", "used", "fresh", "empty", "gone", "orphan"] {
        if name == "orphan" {
            world.cs(&["profile", "create", "work"]).ok();
            world.cs(&["new", "--no-open", "-P", "work", name]).ok();
        } else if name == "gone" {
            let project = world.project("gone");
            world.cs_in(&project, &["new", "--no-open", name]).ok();
            fs::remove_dir(project).unwrap();
        } else {
            world.cs(&["new", "--no-open", name]).ok();
        }
        if !matches!(name, "fresh" | "empty") {
            talk(&world.config_of(name), &world.home(), TALK, "hello");
        }
    }
    for (name, days) in [("unused", 31), ("used", 29), ("empty", 2), ("gone", 2), ("orphan", 2)] {
        age(&world, name, days);
    }
    world.cs(&["profile", "remove", "--force", "work"]).ok();
    let before = state(&world.data());
    let found = cleanup(&world, &[]);
    let reasons = |name: &str, reasons: &[&str]| {
        (name.to_owned(), reasons.iter().map(|reason| (*reason).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(
        going(&found),
        [
            reasons("empty", &["no-conversation"]),
            reasons("gone", &["directory-gone"]),
            reasons("orphan", &["profile-gone"]),
            reasons("unused", &["unused"]),
        ]
    );
    assert!(found["bytes"]["to_trash"].as_u64().unwrap() > 0 && found["done"] == false);
    world.cs(&["cleanup"]).ok();
    assert_eq!(state(&world.data()), before, "looking changes nothing");
    // Only what is named, and by another age.
    assert_eq!(
        going(&cleanup(&world, &["--older-than", "28d", "used", "fresh"])),
        [reasons("used", &["unused"])]
    );
    assert!(world.cs(&["cleanup", "nothing"]).fails(4).contains("no session 'nothing'"));

    let done = cleanup(&world, &["--yes"]);
    assert!(done["sessions"].as_array().unwrap().iter().all(|session| session["moved"] == true), "{done}");
    assert_eq!(session_names(&world), ["fresh", "used"]);
    assert_eq!(going(&cleanup(&world, &[])), []);
    // What was brought back is in use.
    world.cs(&["restore", "unused"]).ok();
    assert_eq!(going(&cleanup(&world, &[])), []);
    assert_eq!(session_names(&world), ["fresh", "unused", "used"]);
}

#[test]
fn a_prompt_or_an_answer_is_use() {
    let world = World::with_fake_claude();
    let (one, two) = (talked(&world, "one"), talked(&world, "two"));
    for name in ["one", "two"] {
        age(&world, name, 40);
    }
    assert_eq!(going(&cleanup(&world, &[])).len(), 2, "the control");
    fs::write(one, "{\"type\":\"user\"}\n").unwrap();
    fs::write(two.ancestors().nth(3).unwrap().join("history.jsonl"), "{}\n").unwrap();
    assert_eq!(going(&cleanup(&world, &[])), []);
}

#[test]
fn what_is_open_locked_damaged_or_elsewhere_stays() {
    let world = World::with_fake_claude();
    for name in ["locked", "damaged", "elsewhere", "working", "control"] {
        talked(&world, name);
        age(&world, name, 40);
    }
    let root = |name: &str| world.root_of(name);
    let run = r#"version = 1
at = "2025-01-01T00:00:00Z"

[process]
pid = 1
start = "1"
boot = "x"
host = "another-host"
"#;
    fs::write(root("elsewhere").join("run.toml"), run).unwrap();
    age(&world, "elsewhere", 40);
    let job = world.config_of("working").join("jobs/0a1b2c3d");
    fs::create_dir_all(&job).unwrap();
    fs::write(job.join("state.json"), r#"{"state":"working"}"#).unwrap();
    age(&world, "working", 40);
    let locked = fs::File::options().append(true).open(root("locked").join("lock")).unwrap();
    locked.lock().unwrap();
    let damaged = root("damaged");
    fs::write(damaged.join("session.toml"), "torn").unwrap();
    waiting_claude(&world);
    let _running = Running::start(&world, &world.home(), &["live"]);
    let kept = |name: &str| state(&root(name));
    let before = [kept("elsewhere"), kept("working"), kept("locked"), state(&damaged)];

    let done = cleanup(&world, &["--yes", "--older-than", "0d"]);
    let why = |name: &str| {
        let kept = done["kept"].as_array().unwrap().iter().find(|kept| kept["name"] == name);
        kept.map(|kept| kept["why"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert!(why("elsewhere").contains("host 'another-host'"), "{done}");
    assert!(why("working").contains("background job"), "{done}");
    assert!(why("locked").contains("being worked on"), "{done}");
    assert!(why("live").contains("it is open (pid"), "{done}");
    assert_eq!(done["damaged"].as_array().unwrap().len(), 1);
    assert_eq!([kept("elsewhere"), kept("working"), kept("locked"), state(&damaged)], before);
    assert_eq!(session_names(&world), ["elsewhere", "live", "locked", "working"], "the control went");
    drop(locked);
    let done = cleanup(&world, &["--yes", "--older-than", "0d", "locked"]);
    assert_eq!(done["sessions"][0]["moved"], true, "{done}");
}

#[test]
fn a_merged_worktree_can_go_and_unsaved_work_never() {
    let world = World::with_fake_claude();
    let repo = world.project("repo");
    git(&world, &repo, &["init", "-q", "-b", "main"]);
    fs::write(repo.join("file"), "one\n").unwrap();
    git(&world, &repo, &["add", "."]);
    git(&world, &repo, &["commit", "-qm", "one"]);
    for name in ["merged", "dirty", "untracked", "unmerged", "broken"] {
        let tree = world.home().join("trees").join(name);
        git(&world, &repo, &["worktree", "add", "-q", "-b", &format!("b-{name}"), tree.to_str().unwrap()]);
        world.cs_in(&tree, &["new", "--no-open", name]).ok();
        talk(&world.config_of(name), &tree, TALK, "hello");
    }
    let tree = |name: &str| world.home().join("trees").join(name);
    fs::write(tree("merged").join("file"), "two\n").unwrap();
    git(&world, &tree("merged"), &["commit", "-qam", "two"]);
    git(&world, &repo, &["merge", "-q", "b-merged"]);
    fs::write(tree("dirty").join("file"), "precious\n").unwrap();
    fs::write(tree("untracked").join("new"), "precious\n").unwrap();
    fs::write(tree("unmerged").join("file"), "three\n").unwrap();
    git(&world, &tree("unmerged"), &["commit", "-qam", "three"]);
    // A hook, a monitor and an alias of the repository must not be run.
    let ran = world.root().join("ran");
    let program = world.root().join("program");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", ran.display())).unwrap();
    std::os::unix::fs::symlink("/bin/sh", world.root().join("sh")).unwrap();
    Command::new("chmod").arg("+x").arg(&program).status().unwrap();
    git(&world, &repo, &["config", "core.fsmonitor", program.to_str().unwrap()]);
    fs::copy(&program, repo.join(".git/hooks/post-index-change")).unwrap();
    for name in ["merged", "dirty", "untracked", "unmerged", "broken"] {
        age(&world, name, 40);
    }
    let head = repo.join(".git/worktrees/broken/HEAD");
    fs::write(&head, "garbage\n").unwrap();
    let before = state(&world.home().join("trees"));

    // What a hook leaves in the environment does not choose another repository.
    let mut command = world.command(&world.home(), &["cleanup", "--yes", "--json"]);
    command
        .env("GIT_DIR", "/nowhere")
        .env("GIT_WORK_TREE", "/nowhere")
        .env("GIT_INDEX_FILE", "/nowhere/index");
    let done: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(session_names(&world), ["broken", "dirty", "unmerged", "untracked"], "{done:#}");
    let reasons = &going(&done)[0];
    assert_eq!(reasons.0, "merged");
    assert!(reasons.1.contains(&"merged".to_owned()), "{done:#}");
    let why = |name: &str| {
        let kept = done["kept"].as_array().unwrap().iter().find(|kept| kept["name"] == name).unwrap();
        kept["why"].as_str().unwrap().to_owned()
    };
    assert!(why("dirty").contains("not all is committed"), "{done:#}");
    assert!(why("untracked").contains("not all is committed"), "{done:#}");
    assert!(why("unmerged").contains("branch b-unmerged is not merged"), "{done:#}");
    assert!(why("broken").contains("no telling"), "{done:#}");
    assert_eq!(state(&world.home().join("trees")), before);
    assert!(!ran.exists(), "a program of the repository was run");
    // The control: git itself does run it.
    let _ = Command::new("git").arg("-C").arg(tree("dirty")).arg("status").output();
    assert!(ran.exists());
}

#[test]
fn what_belongs_to_nothing_goes_and_what_is_young_or_somebodys_stays() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let data = world.data();
    let id = |number: u8| format!("01890000-0000-7000-8000-0000000000{number:02}");
    let old = |path: &Path| {
        assert!(
            Command::new("touch").args(["-h", "-d", "2 hours ago"]).arg(path).status().unwrap().success()
        );
    };
    let make = |path: PathBuf, content: Option<&str>, aged: bool| {
        match content {
            Some(text) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
            }
            None => fs::create_dir_all(&path).unwrap(),
        }
        if aged {
            old(&path);
        }
        path
    };
    let nobody = format!("session {}\n", id(9));
    let unfinished = format!(".links.toml.{}.new", id(8).replace('-', ""));
    let root = world.config_of("api").parent().unwrap().to_path_buf();
    // A link in the place of a group leads to nothing of ours.
    fs::create_dir_all(data.join("history")).unwrap();
    std::os::unix::fs::symlink(world.home().join("elsewhere"), data.join("history/linked")).unwrap();
    let go = [
        make(data.join("staging").join(id(1)), None, true),
        make(data.join("names/nobodys"), Some(&nobody), true),
        make(data.join("names").join(&unfinished), Some("x"), true),
        make(data.join(&unfinished), Some("x"), true),
        make(root.join(&unfinished), Some("x"), true),
        make(data.join("history/team").join(&unfinished), Some("x"), true),
        make(data.join("sessions").join(id(2)), None, true),
        make(data.join("profiles/hollow"), None, true),
    ];
    let filled = data.join("sessions").join(id(3));
    make(filled.join("claude/projects/x/y.jsonl"), Some("precious"), false);
    old(&filled);
    let stay = [
        make(data.join("staging").join(id(4)), None, false),
        make(data.join("names/young"), Some(&nobody), false),
        make(data.join("names").join(format!(".y{unfinished}")), Some("x"), false),
        make(root.join(".mine.new"), Some("x"), true),
        make(root.join("claude").join(&unfinished), Some("x"), true),
        make(world.home().join("elsewhere").join(&unfinished), Some("x"), true),
        make(data.join("sessions").join(id(5)), None, false),
        make(data.join("names/odd"), Some("what is this"), true),
        make(data.join("bindings.toml"), Some(""), true),
        filled,
    ];
    let found = cleanup(&world, &[]);
    assert_eq!(found["leftovers"].as_array().unwrap().len(), go.len(), "{found:#}");
    cleanup(&world, &["--yes"]);
    for path in &go {
        assert!(path.symlink_metadata().is_err(), "{}", path.display());
    }
    for path in &stay {
        assert!(path.symlink_metadata().is_ok(), "{}", path.display());
    }
    assert_eq!(session_names(&world), ["api"]);
    assert_eq!(cleanup(&world, &[])["leftovers"], json!([]));
}

/// What stands in a config directory beside the caches.
const KEPT: [&str; 7] =
    ["file-history/a", "plans/b", "tasks/c", "jobs/d", "uploads/e", "paste-cache/f", "plugins/cache/g"];

#[test]
fn caches_alone_go_and_only_where_they_are_ours_and_nothing_is_open() {
    let world = World::with_fake_claude();
    talked(&world, "api");
    world.cs(&["profile", "create", "work"]).ok();
    let fill = |config: &Path| {
        for cache in claude_cs::claude::CACHES {
            if cache.contains('.') {
                fs::write(config.join(cache), "x").unwrap();
            } else {
                fs::create_dir_all(config.join(cache).join("deep")).unwrap();
                fs::write(config.join(cache).join("deep/file"), "x").unwrap();
            }
        }
        for kept in KEPT {
            fs::create_dir_all(config.join(kept)).unwrap();
            fs::write(config.join(kept).join("file"), "precious").unwrap();
        }
    };
    let own = world.home().join(".claude");
    let adopted = world.home().join(".claude-old");
    for directory in [&own, &adopted] {
        fs::create_dir_all(directory).unwrap();
    }
    world.cs(&["profile", "adopt", "old", adopted.to_str().unwrap()]).ok();
    waiting_claude(&world);
    let _running = Running::start(&world, &world.home(), &["live"]);
    let (api, work, live) = (world.config_of("api"), world.config_of("work"), world.config_of("live"));
    for config in [&own, &adopted, &api, &work, &live] {
        fill(config);
    }
    let theirs = [state(&own), state(&adopted), state(&live)];
    let before = state(&world.data());
    let shown: Value = serde_json::from_str(&world.cs(&["cleanup", "--caches", "--json"]).ok()).unwrap();
    assert_eq!(state(&world.data()), before, "looking changes nothing");
    assert_eq!(shown["caches"].as_array().unwrap().len(), 3, "{shown:#}");
    for name in ["default", "old"] {
        let refused = world.cs(&["cleanup", "--caches", "--yes", name]).fails(5);
        assert!(refused.contains("your own"), "{refused}");
    }
    let said = world.cs(&["cleanup", "--caches", "--yes"]);
    assert!(said.stderr.contains("stays: live: it is open"), "{said:?}");
    said.ok();
    assert_eq!([state(&own), state(&adopted), state(&live)], theirs);
    for config in [&api, &work] {
        for cache in claude_cs::claude::CACHES {
            assert!(!config.join(cache).exists(), "{cache}");
        }
        for kept in KEPT {
            assert!(config.join(kept).join("file").exists(), "{kept}");
        }
    }
    assert!(fs::read_dir(api.join("projects")).unwrap().count() == 1);
    assert!(world.cs(&["cleanup", "--caches"]).ok().contains("stays: live"));
    assert!(world.cs(&["cleanup", "--caches", "--older-than", "1d"]).fails(2).contains("--older-than"));
}

#[test]
fn what_is_in_the_trash_for_long_goes_for_good_and_is_said() {
    let world = World::with_fake_claude();
    for name in ["old", "young"] {
        world.cs(&["new", "--no-open", name]).ok();
        world.cs(&["rm", name]).ok();
    }
    let trash = world.data().join("trash");
    let piece = fs::read_dir(&trash)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| fs::read_to_string(path.join("session.toml")).unwrap().contains("\"old\""));
    let piece = piece.unwrap();
    let name = piece.file_name().unwrap().to_str().unwrap().to_owned();
    let (id, when) = name.rsplit_once('-').unwrap();
    let earlier: i64 = when.parse::<i64>().unwrap() - 15 * 86_400_000;
    fs::rename(&piece, trash.join(format!("{id}-{earlier}"))).unwrap();
    assert!(world.cs(&["cleanup"]).ok().contains("for good: 1 thing"));
    cleanup(&world, &["--yes"]);
    let left: Value = serde_json::from_str(&world.cs(&["trash", "list", "--json"]).ok()).unwrap();
    assert_eq!(left["trash"].as_array().unwrap().len(), 1);
    assert_eq!(left["trash"][0]["name"], "young");
}

#[test]
fn twenty_cleanups_and_openings_at_once_lose_nothing() {
    let world = World::with_fake_claude();
    world.fake_claude("sleep 0.2");
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    for name in &names {
        talked(&world, name);
        age(&world, name, 40);
    }
    let start = |words: &[&str]| {
        let mut command = world.command(&world.home(), words);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut cleanups = Vec::new();
    let mut opened = Vec::new();
    for round in 0..20 {
        cleanups.push(start(&["cleanup", "--yes"]));
        let name = &names[round % names.len()];
        // Only one that was made before: an opened name that is gone would be made again.
        opened.push((name.clone(), start(&["resume", name, "-p", "x"])));
    }
    for mut child in cleanups {
        assert!(matches!(ended(&mut child).code(), Some(0 | 5)));
    }
    for (name, mut child) in opened {
        let code = ended(&mut child).code();
        assert!(matches!(code, Some(0 | 1 | 4 | 5)), "{name}: {code:?}");
    }
    let trash: Value = serde_json::from_str(&world.cs(&["trash", "list", "--json"]).ok()).unwrap();
    let mut all = session_names(&world);
    all.extend(
        trash["trash"].as_array().unwrap().iter().map(|piece| piece["name"].as_str().unwrap().to_owned()),
    );
    all.sort();
    assert_eq!(all, names, "each is here or in the trash, once");
    assert_eq!(list(&world)["damaged"], json!([]));
    for piece in trash["trash"].as_array().unwrap() {
        let config = Path::new(piece["path"].as_str().unwrap()).join("claude/projects");
        assert!(config.is_dir(), "{piece}");
        world.cs(&["restore", piece["name"].as_str().unwrap()]).ok();
    }
    for name in &names {
        assert_eq!(world.show(name)["conversations"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn an_ephemeral_session_with_unsaved_work_stays_and_that_is_said_once() {
    let world = World::with_fake_claude();
    let repo = world.project("repo");
    git(&world, &repo, &["init", "-q", "-b", "main"]);
    git(&world, &repo, &["commit", "-q", "--allow-empty", "-m", "one"]);
    let tree = world.home().join("tree");
    git(&world, &repo, &["worktree", "add", "-q", tree.to_str().unwrap()]);
    fs::write(tree.join("new"), "precious").unwrap();
    world.cs_in(&tree, &["--ephemeral", "once"]).ok();
    assert_eq!(list(&world)["sessions"][0]["ephemeral"], true);
    // This Claude runs no hooks; the next launch does what they would.
    let said = world.cs(&["other"]);
    assert!(said.stderr.contains("'once' has ended and stays: not all is committed"), "{said:?}");
    let said = world.cs(&["other"]);
    assert!(!said.stderr.contains("once"), "{said:?}");
    assert_eq!(session_names(&world), ["once", "other"]);
    git(&world, &tree, &["add", "."]);
    assert_eq!(cleanup(&world, &[])["kept"][0]["name"], "once");
    git(&world, &tree, &["commit", "-qm", "two"]);
    git(&world, &repo, &["merge", "-q", "tree"]);
    assert_eq!(going(&cleanup(&world, &["--yes"]))[0].1, ["ended"]);
    assert_eq!(session_names(&world), ["other"]);
    // With the setting, every new session is one; an old one does not become one.
    world.write(".config/cs/config.toml", "[isolation]\ncleanup_on_close = true\n");
    world.cs(&["third"]).ok();
    let said = world.cs(&["other"]);
    assert!(said.stderr.contains("moved ephemeral session 'third'"), "{said:?}");
    assert!(world.cs(&["--ephemeral", "other"]).fails(5).contains("was not made with --ephemeral"));
}

#[test]
fn sizes_are_told_for_each_and_in_all() {
    let world = World::with_fake_claude();
    world.write(".claude/projects/-x/a.jsonl", &"x".repeat(300_000));
    talked(&world, "api");
    talked(&world, "small");
    let config = world.config_of("api");
    fs::write(config.join("projects/big.jsonl"), "x".repeat(200_000)).unwrap();
    fs::create_dir(config.join("debug")).unwrap();
    fs::write(config.join("debug/log"), "x".repeat(100_000)).unwrap();
    world.cs(&["profile", "create", "work"]).ok();
    fs::write(world.data().join("profiles/work/profile.toml"), "torn").unwrap();
    world.cs(&["rm", "small"]).ok();
    let before = state(world.root());
    let all: Value = serde_json::from_str(&world.cs(&["du", "--json"]).ok()).unwrap();
    let rows = all["rows"].as_array().unwrap();
    let row =
        |kind: &str, name: &str| rows.iter().find(|row| row["kind"] == kind && row["name"] == name).unwrap();
    let bytes = |row: &Value, part: &str| row[part]["bytes"].as_u64().unwrap();
    let api = row("session", "api");
    assert!(bytes(api, "conversations") >= 200_000 && bytes(api, "conversations") < 250_000, "{api}");
    assert!(bytes(api, "caches") >= 100_000 && bytes(api, "caches") < 130_000, "{api}");
    assert!(bytes(row("profile", "default"), "conversations") >= 300_000);
    assert!(row("profile", "work")["note"].as_str().unwrap().contains("damaged"));
    assert!(row("trash", "")["bytes"].as_u64().unwrap() > 0);
    let sizes: Vec<u64> = rows.iter().map(|row| row["bytes"].as_u64().unwrap()).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<u64>(), all["bytes"].as_u64().unwrap());
    let text = world.cs(&["du"]).ok();
    assert!(text.lines().next().unwrap().starts_with("SIZE") || text.contains("  KIND"), "{text}");
    assert!(text.lines().last().unwrap().ends_with("in all"), "{text}");
    assert!(world.cs(&["du", "api"]).ok().lines().count() == 2);
    assert!(world.cs(&["du", "nothing"]).fails(4).contains("nothing"));
    assert_eq!(state(world.root()), before);
}
