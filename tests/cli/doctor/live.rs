//! What runs, held against what is kept of it.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{HONEST, edit, examined, found, healthy, lock};
use crate::scenery::{OTHER_TALK, Running, TALK, until};
use crate::support::world::World;

/// Makes `claude` a program that runs until it is ended, as `script` has it.
fn staying(world: &World, script: &str) {
    let starts = world.root().join("starts");
    let stay = format!("touch '{}'/$n/ready; {script} sleep 60", starts.display());
    world.fake_claude(&format!("{HONEST}\n{stay}\n"));
}

/// Has the process `pid` be in `conversation`, as Claude says it in `config`.
fn says_it_is_in(config: &Path, pid: u32, conversation: &str) {
    fs::create_dir_all(config.join("sessions")).unwrap();
    let start = claude_cs::os::start_time(pid).unwrap();
    let text = json!({"pid": pid, "sessionId": conversation, "procStart": start, "kind": "interactive"});
    fs::write(config.join(format!("sessions/{pid}.json")), text.to_string()).unwrap();
}

/// Whether the process `pid` has become `sleep`.
fn sleeps(pid: u32) -> bool {
    let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split('\0').next().is_some_and(|program| program.rsplit('/').next() == Some("sleep"))
}

#[test]
fn what_runs_is_held_against_the_plan() {
    for (script, id) in [
        ("exec", None),
        ("exec env CLAUDE_CONFIG_DIR=/elsewhere", Some("live-variables")),
        ("exec env -u CLAUDE_SECURESTORAGE_CONFIG_DIR", Some("live-variables")),
        ("exec env CS_SESSION_ID=other", Some("live-variables")),
        ("exec env CLAUDE_CODE_CHILD_SESSION=1", Some("live-child")),
    ] {
        let world = healthy();
        staying(&world, script);
        world.cs(&["doctor"]).ok();
        let running = Running::start(&world, &world.project("api"), &["api"]);
        until("it is what it becomes", || sleeps(running.0.id()));
        let expected: Vec<_> = id.iter().map(|id| ((*id).to_owned(), Some("api".to_owned()))).collect();
        let (code, report) = examined(&world, &[]);
        assert_eq!(
            (code, found(&report)),
            (i32::from(id.is_some()), expected.clone()),
            "{script}: {report:#}"
        );
        assert_eq!(found(&examined(&world, &["api"]).1), expected);
        assert_eq!(found(&examined(&world, &["job"]).1), vec![]);
    }
}

#[test]
fn a_claude_in_the_default_directory_by_its_variable_is_found() {
    let world = healthy();
    let claude = world.home().join(".claude");
    for (set, expected) in [(false, vec![]), (true, vec![("default-set".into(), Some("default".into()))])] {
        let mut command = world.any_command(Path::new("/bin/sleep"), &world.home(), &["60"]);
        if set {
            command.env("CLAUDE_CONFIG_DIR", &claude);
        }
        let running = Running(command.spawn().unwrap());
        until("it sleeps", || sleeps(running.0.id()));
        says_it_is_in(&claude, running.0.id(), TALK);
        let (code, report) = examined(&world, &[]);
        assert_eq!((code, found(&report)), (i32::from(set), expected), "{report:#}");
        fs::remove_dir_all(claude.join("sessions")).unwrap();
    }
}

#[test]
fn two_claudes_in_one_conversation_or_session_are_found() {
    let world = healthy();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    let first = Running::start(&world, &world.project("api"), &["api"]);
    let (api, job) = (world.config_of("api"), world.config_of("job"));
    let pid = first.0.id();
    says_it_is_in(&api, pid, TALK);
    assert_eq!(found(&examined(&world, &[]).1), vec![], "one is as it should be");

    let second = Running::start(&world, &world.project("job"), &["job"]);
    says_it_is_in(&job, second.0.id(), OTHER_TALK);
    assert_eq!(found(&examined(&world, &[]).1), vec![], "two are, each in its own");
    let pair = |id: &str, of: &str| (id.to_owned(), Some(of.to_owned()));
    says_it_is_in(&job, second.0.id(), world.show("bare")["id"].as_str().unwrap());
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (1, vec![pair("live-conversation", "job")]), "{report:#}");
    says_it_is_in(&job, second.0.id(), TALK);
    let ids = found(&examined(&world, &[]).1);
    assert!(ids.contains(&pair("live-twice", "job")), "{ids:?}");
    drop(second);
    fs::remove_dir_all(job.join("sessions")).unwrap();

    // One more in the same session, in a conversation of its own: as the program of a test that
    // has the session's variables.
    let mut other = world.command(&world.home(), &["exec", "api", "--", "sleep", "60"]);
    let other = Running(other.spawn().unwrap());
    until("it sleeps", || sleeps(other.0.id()));
    says_it_is_in(&api, other.0.id(), OTHER_TALK);
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (1, vec![pair("live-twice", "api")]), "{report:#}");
    // Claude's own daemon runs beside it on purpose.
    let file = api.join(format!("sessions/{}.json", other.0.id()));
    edit(&file, "\"interactive\"", "\"bg\"");
    assert_eq!(found(&examined(&world, &[]).1), vec![]);
}

#[test]
fn to_go_on_with_a_conversation_of_ones_group_is_no_finding() {
    let world = healthy();
    world.cs(&["profile", "share", "job", "--history", "team"]).ok();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    let running = Running::start(&world, &world.project("job"), &["job"]);
    let conversation = |of: &str| world.id_of(of);
    says_it_is_in(&world.config_of("job"), running.0.id(), &conversation("shared"));
    assert_eq!(found(&examined(&world, &[]).1), vec![]);
    // The control: one that is not in the group.
    says_it_is_in(&world.config_of("job"), running.0.id(), &conversation("bare"));
    assert_eq!(found(&examined(&world, &[]).1), vec![("live-conversation".into(), Some("job".into()))]);
}

#[test]
fn two_sessions_open_in_one_directory_are_told() {
    let world = healthy();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    let _first = Running::start(&world, &world.project("api"), &["api"]);
    let _second = Running::start(&world, &world.project("api"), &["unused"]);
    let (code, report) = examined(&world, &[]);
    let ids: Vec<_> = found(&report).into_iter().map(|(id, _)| id).collect();
    assert_eq!((code, ids), (0, vec!["live-together".to_owned()]), "{report:#}");
}

#[test]
fn a_lock_of_a_session_that_is_open_is_nobody_elses_business() {
    let world = healthy();
    staying(&world, "exec");
    world.cs(&["doctor"]).ok();
    lock(&world.config_of("api").join(".claude.json.lock"), 30);
    let running = Running::start(&world, &world.project("api"), &["api"]);
    assert_eq!(found(&examined(&world, &["--fix"]).1), vec![]);
    assert!(world.config_of("api").join(".claude.json.lock").is_dir());
    drop(running);
    assert_eq!(found(&examined(&world, &[]).1).len(), 1, "the control");
}
