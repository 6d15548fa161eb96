//! What goes out comes in, and what must not go stays.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{SECRET, contents, full, names_in};
use crate::scenery::{
    OTHER_TALK, Running, TALK, Transcript, cs, list, session_names, state, talk, waiting_claude,
};
use crate::support::may_trace;
use crate::support::snapshots::assert_snapshot;
use crate::support::world::{Ran, World, listing, ran};

#[test]
fn what_goes_out_comes_in_and_nothing_else_goes_out() {
    let from = full();
    let file = from.root().join("api.tar.gz");
    let before = state(&from.home());
    from.cs(&["export", "api", file.to_str().unwrap()]).ok();
    assert_eq!(state(&from.home()), before, "nothing of the source is changed");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let id = from.id_of("api");
    let mut names = names_in(&file);
    assert_eq!(
        (names.remove(0).as_str(), names.pop().unwrap().as_str()),
        ("cs-export.toml", "cs-export.end")
    );
    names.sort();
    let slug = claude_cs::claude::slug(&from.home());
    let mut expected: Vec<String> = [
        "CLAUDE.md".to_owned(),
        "agents/mine.md".into(),
        "file-history/a/b@v1".into(),
        "history.jsonl".into(),
        "plans/plan.md".into(),
        "projects/-x/memory/MEMORY.md".into(),
        format!("projects/{slug}/{TALK}.jsonl"),
        "tasks/x/1.json".into(),
    ]
    .iter()
    .map(|inside| format!("sessions/{id}/claude/{inside}"))
    .collect();
    expected.push(format!("sessions/{id}/session.toml"));
    expected.sort();
    assert_eq!(names, expected);

    let to = World::with_fake_claude();
    let words = ["import", "--json", file.to_str().unwrap()];
    let said: Value = serde_json::from_str(&to.cs(&words).ok()).unwrap();
    assert_eq!(said["sessions"][0]["conversations"], 1);
    assert!(said["sessions"][0]["notes"].to_string().contains("not on this machine") || from.home().is_dir());
    let (old, new) = (from.config_of("api"), to.config_of("api"));
    for inside in expected.iter().filter_map(|path| path.split_once("/claude/")).map(|(_, inside)| inside) {
        assert_eq!(fs::read(old.join(inside)).unwrap(), fs::read(new.join(inside)).unwrap(), "{inside}");
        let time = |path: &Path| path.metadata().unwrap().modified().unwrap();
        let apart = time(&old.join(inside)).duration_since(time(&new.join(inside)));
        let apart = apart.unwrap_or_else(|error| error.duration());
        assert!(apart.as_secs() < 2, "{inside}: {apart:?}");
    }
    for (path, entry) in listing(&to.data()) {
        let private = entry.contains(" 700 ") || entry.contains(" 600 ");
        assert!(private, "{}: {entry}", path.display());
    }
    assert_eq!(to.show("api")["id"], id.as_str());
    // It goes on there.
    let done = to.cs(&["--dry-run", "--dir", to.home().to_str().unwrap(), "api"]).ok();
    assert!(done.contains("--resume") && done.contains(TALK), "{done}");
    assert!(!names_in(&file).iter().any(|name| name.contains("credentials")));
}

#[test]
fn a_tar_and_a_pipe_do_as_well_and_a_file_that_is_there_stays() {
    let from = full();
    let (tar, piped) = (from.root().join("a.tar"), from.root().join("b.tar"));
    from.cs(&["export", "api", "web", tar.to_str().unwrap()]).ok();
    let done = ran(from
        .command(&from.home(), &["export", "api", "web", "-"])
        .stdout(fs::File::create(&piped).unwrap()));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(names_in(&piped).len(), names_in(&tar).len());
    let refused = from.cs(&["export", "api", tar.to_str().unwrap()]).fails(5);
    assert!(refused.contains("is there already"), "{refused}");
    assert!(names_in(&tar).iter().any(|name| name.ends_with("session.toml")));
    from.cs(&["export", "--force", "web", tar.to_str().unwrap()]).ok();
    assert!(names_in(&tar).len() < names_in(&piped).len());
    // Beside the file nothing is left.
    let beside: Vec<_> = fs::read_dir(from.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!beside.iter().any(|name| name.to_string_lossy().ends_with(".new")), "{beside:?}");
    let to = World::with_fake_claude();
    let mut import = to.command(&to.home(), &["import", "-"]);
    import.stdin(fs::File::open(&piped).unwrap());
    let _ = ran(&mut import).ok();
    assert_eq!(session_names(&to), ["api", "web"]);
}

#[test]
fn what_is_said_about_exporting_and_importing() {
    let world = full();
    let (file, all) = (world.home().join("api.tar"), world.home().join("all.tgz"));
    // The file has whole seconds: which of two that were used within one is the newer, it does not know.
    let prompts =
        fs::File::options().append(true).open(world.config_of("api").join("history.jsonl")).unwrap();
    prompts.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60)).unwrap();

    let web = world.config_of("web");
    let settings = json!({"apiKeyHelper": "print-it", "env": {"GITHUB_TOKEN": "t", "PORT": "1"}, "deep": {"er": SECRET},
                          "hooks": {"Stop": []}});
    let _ = fs::remove_file(web.join("settings.json"));
    fs::write(web.join("settings.json"), settings.to_string()).unwrap();
    let said = talk(&web, &world.home(), OTHER_TALK, "hello");
    let line = format!("{{\"type\":\"system\",\"content\":\"my key is {SECRET}\"}}\n");
    fs::File::options().append(true).open(said).unwrap().write_all(line.as_bytes()).unwrap();
    world
        .cs(&[
            "profile",
            "create",
            "gw",
            "--base-url",
            "http://127.0.0.1:9/x",
            "--token",
            SECRET,
            "--model",
            "m",
        ])
        .ok();
    world.cs(&["new", "--no-open", "-P", "gw", "job"]).ok();
    let mut transcript = Transcript::new(&world);
    transcript
        .cs(&["export", "api", file.to_str().unwrap()])
        .cs(&["export", "api", file.to_str().unwrap()])
        .cs(&["export", "--all", all.to_str().unwrap()])
        .cs(&["export", "api"])
        .cs(&["export", "--all", "api", "x.tar"])
        .cs(&["export", "nothing", "x.tar"])
        .cs(&["export", "api", world.home().to_str().unwrap()])
        .cs(&["export", "api", "/nowhere/x.tar"])
        .cs(&["import", file.to_str().unwrap()])
        .cs(&["import", "nothing.tar"])
        .cs(&["import", world.home().to_str().unwrap()])
        .cs(&["import", "--from", "/x", file.to_str().unwrap()]);
    for name in ["api", "web", "job"] {
        world.cs(&["rm", name]).ok();
    }
    transcript.cs(&["import", file.to_str().unwrap()]);
    world.cs(&["trash", "empty", "--yes"]).ok();
    world.cs(&["profile", "remove", "--force", "gw"]).ok();
    world.cs(&["new", "--no-open", "api"]).ok();
    transcript
        .cs(&["import", "--dry-run", all.to_str().unwrap()])
        .cs(&["import", "--as", "x", all.to_str().unwrap()])
        .cs(&["import", "--as", "api", file.to_str().unwrap()])
        .cs(&["import", "--profile", "nobody", file.to_str().unwrap()])
        .cs(&["import", "--yes", all.to_str().unwrap()])
        .cs(&["list"]);
    let text = transcript.text().to_owned();
    assert!(!text.contains(SECRET), "{text}");
    let filters = vec![(r"\d+(\.\d+)? (KiB|B)\b", "[SIZE]")];
    insta::with_settings!({filters => filters}, { assert_snapshot!(text) });
}

#[test]
fn a_session_that_is_open_goes_out_up_to_its_last_whole_line() {
    let world = World::with_fake_claude();
    waiting_claude(&world);
    let _running = Running::start(&world, &world.home(), &["api"]);
    let path = talk(&world.config_of("api"), &world.home(), TALK, "hello");
    let whole = fs::read_to_string(&path).unwrap();
    fs::File::options().append(true).open(&path).unwrap().write_all(b"{\"type\":\"user\",\"mess").unwrap();
    let file = world.root().join("api.tar");
    let said = world.cs(&["export", "api", file.to_str().unwrap()]);
    assert!(said.stderr.contains("is open (pid"), "{said:?}");
    said.ok();
    let to = World::with_fake_claude();
    to.cs(&["import", file.to_str().unwrap()]).ok();
    let found = fs::read_dir(to.config_of("api").join("projects")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(found.join(format!("{TALK}.jsonl"))).unwrap(), whole);
}

#[test]
fn a_name_that_is_taken_is_counted_up_and_an_id_that_is_here_stays_as_it_is() {
    let from = full();
    let file = from.root().join("api.tar");
    from.cs(&["export", "api", file.to_str().unwrap()]).ok();
    let to = World::with_fake_claude();
    to.cs(&["new", "--no-open", "api"]).ok();
    to.cs(&["profile", "create", "api-2"]).ok();
    let mine = state(&to.data().join("sessions"));
    let said = to.cs(&["import", file.to_str().unwrap()]);
    assert!(said.stderr.contains("'api' is taken, so it is 'api-3' here"), "{said:?}");
    said.ok();
    assert_eq!(session_names(&to), ["api", "api-3"]);
    for (path, entry) in mine {
        assert_eq!(state(&to.data().join("sessions")).get(&path), Some(&entry));
    }
    let before = state(&to.data());
    let again = to.cs(&["import", file.to_str().unwrap()]);
    assert!(again.stderr.contains("it is here already ('api-3')"), "{again:?}");
    again.ok();
    assert_eq!(contents(&to), contents(&to));
    assert_eq!(state(&to.data()), before);
}

#[test]
fn a_session_whose_conversations_are_shared_takes_its_own_along() {
    let from = World::with_fake_claude();
    from.cs(&["new", "--no-open", "--isolation", "none", "loose"]).ok();
    let id = from.id_of("loose");
    let own = from.home().join(".claude");
    talk(&own, &from.home(), &id, "mine");
    talk(&own, &from.home(), TALK, "somebody else's");
    from.write(".claude/CLAUDE.md", "the user's");
    let file = from.root().join("loose.tar");
    from.cs(&["export", "loose", file.to_str().unwrap()]).ok();
    let names = names_in(&file);
    assert!(names.iter().any(|name| name.ends_with(&format!("{id}.jsonl"))), "{names:?}");
    assert_eq!(names.len(), 4, "{names:?}");
    let to = World::with_fake_claude();
    to.cs(&["import", file.to_str().unwrap()]).ok();
    assert_eq!(to.show("loose")["isolation"], "config-dir");
    assert_eq!(to.show("loose")["conversations"].as_array().unwrap().len(), 1);
    assert!(!to.home().join(".claude").exists());
}

#[test]
fn profiles_come_without_what_they_must_not_decide_here() {
    let from = World::with_fake_claude();
    from.cs(&["profile", "create", "gw", "--base-url", "http://127.0.0.1:9", "--token-command", "print-it"])
        .ok();
    from.cs(&["profile", "create", "acct"]).ok();
    fs::write(from.config_of("acct").join(".credentials.json"), SECRET).unwrap();
    let record = from.data().join("profiles/acct/profile.toml");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, format!("{text}\n[env]\nMY_SECRET = \"{SECRET}\"\nPORT = \"1\"\n")).unwrap();
    from.cs(&["new", "--no-open", "-P", "gw", "job"]).ok();
    let file = from.root().join("all.tar");
    let said = from.cs(&["export", "--all", file.to_str().unwrap()]);
    assert!(said.stderr.contains("profile 'acct': left out: env.MY_SECRET"), "{said:?}");
    said.ok();
    assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains(SECRET));
    // Without a yes no profile is made.
    let to = World::with_fake_claude();
    let said = to.cs(&["import", file.to_str().unwrap()]);
    assert!(said.stderr.contains("profile 'gw' is left out: it is only made with --yes"), "{said:?}");
    said.ok();
    assert_eq!(list(&to)["profiles"].as_array().unwrap().len(), 1);
    assert_eq!(to.show("job")["profile"], "default");
    let to = World::with_fake_claude();
    let said = to.cs(&["import", "--yes", file.to_str().unwrap()]);
    assert!(said.stderr.contains("profile 'gw': left out: token_command"), "{said:?}");
    said.ok();
    assert_eq!(to.show("job")["profile"], "gw");
    let text = fs::read_to_string(to.data().join("profiles/gw/profile.toml")).unwrap();
    assert!(text.contains("127.0.0.1:9") && !text.contains("print-it"), "{text}");
    let text = fs::read_to_string(to.data().join("profiles/acct/profile.toml")).unwrap();
    assert!(text.contains("PORT") && !text.contains("SECRET"), "{text}");
    assert!(!to.config_of("acct").join(".credentials.json").exists());
}

#[test]
fn a_failing_disk_leaves_the_file_whole_or_not_there() {
    if !may_trace() {
        return;
    }
    let world = full();
    let directory = world.root().join("out");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("api.tar");
    let program = cs();
    let traced = |options: &[&str]| -> Ran {
        let words =
            [&["-qq"], options, &[program.as_str(), "export", "--force", "api", file.to_str().unwrap()]]
                .concat();
        ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words))
    };
    let calls = ["openat", "write", "rename", "fsync", "unlink"];
    let trace = world.root().join("trace");
    let mut swept = 0;
    for call in calls {
        let _ = traced(&["-y", "-o", trace.to_str().unwrap(), "-e", &format!("trace={call}")]).ok();
        let lines: Vec<String> = fs::read_to_string(&trace).unwrap().lines().map(str::to_owned).collect();
        for (at, line) in lines.iter().enumerate() {
            if !line.contains(directory.to_str().unwrap()) && !line.contains(".local/share") {
                continue;
            }
            for fault in ["signal=KILL", "error=ENOSPC", "error=EIO", "error=EINTR"] {
                if line.contains("O_DIRECTORY") && fault == "error=EINTR" {
                    continue;
                }
                let _ = fs::remove_dir_all(&directory);
                fs::create_dir(&directory).unwrap();
                fs::write(&file, "the old one").unwrap();
                let inject = format!("inject={call}:{fault}:when={}", at + 1);
                let done = traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
                let what = format!("{inject}: {line}: {done:?}");
                let text = fs::read(&file).unwrap();
                let is_new = text != b"the old one";
                if is_new {
                    assert_eq!(names_in(&file).last().map(String::as_str), Some("cs-export.end"), "{what}");
                }
                if done.signal.is_none() {
                    assert_eq!(done.code == Some(0), is_new, "{what}");
                    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "{what}");
                }
                swept += 1;
            }
        }
    }
    assert!(swept > 20, "{swept}");
}

#[test]
fn a_reader_that_goes_away_is_a_failure_and_no_panic() {
    let world = full();
    let mut export = world.command(&world.home(), &["export", "api", "-"]);
    let mut child = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_ne!(done.status.code(), Some(101), "{done:?}");
}
