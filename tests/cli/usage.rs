//! `cs usage`: what was used, from transcripts made by hand.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::snapshots::assert_snapshot;
use super::support::world::{World, listing};

/// Opus 4.5 costs 5, 25, 6.25, 10 and 0.50 dollars for a million tokens.
const OPUS: &str = "claude-opus-4-5-20251101";

/// A line of an answer, as Claude writes it. `tokens`: input, output, written for 5 minutes, for an hour, read.
fn answer(id: &str, at: &str, model: &str, tokens: [u64; 5]) -> Value {
    let [input, output, write, write_1h, read] = tokens;
    json!({
        "parentUuid": null, "isSidechain": false, "type": "assistant", "timestamp": at,
        "requestId": format!("req_{id}"), "sessionId": "00000000-0000-4000-8000-000000000000", "cwd": "/w",
        "message": {
            "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": model,
            "content": [{"type": "text", "text": "a secret answer"}],
            "usage": {
                "input_tokens": input, "output_tokens": output, "cache_read_input_tokens": read,
                "cache_creation_input_tokens": write + write_1h,
                "cache_creation": {"ephemeral_5m_input_tokens": write, "ephemeral_1h_input_tokens": write_1h},
                "service_tier": "standard", "speed": "standard",
            },
        },
    })
}

fn prompt() -> Value {
    json!({"type": "user", "message": {"role": "user", "content": "a secret \"usage\" question"}})
}

/// Writes a transcript of `lines` below `config`, under a name or an id.
fn transcript(config: &Path, name: &str, lines: &[Value]) {
    let path = config.join("projects/-w").join(format!("{name}.jsonl"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text: String = [prompt()].iter().chain(lines).map(|line| format!("{line}\n")).collect();
    fs::write(path, text).unwrap();
}

const A: &str = "01890000-0000-7000-8000-00000000000a";
const B: &str = "01890000-0000-7000-8000-00000000000b";

fn json_of(world: &World, arguments: &[&str]) -> Value {
    let all = [&["usage", "--json", "--since", "all"], arguments].concat();
    serde_json::from_str(&world.cs(&all).ok()).unwrap()
}

/// Messages, tokens (input, output, 5 minutes, hour, read) and cost of a sum.
fn sum(value: &Value) -> (u64, [u64; 5], Option<f64>) {
    let tokens = ["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"]
        .map(|kind| value["tokens"][kind].as_u64().unwrap());
    (value["messages"].as_u64().unwrap(), tokens, value["cost_usd"].as_f64())
}

#[test]
fn tokens_are_summed_and_priced_to_the_last_one() {
    let world = World::new();
    let config = world.home().join(".claude");
    transcript(
        &config,
        A,
        &[
            answer("1", "2026-05-01T10:00:00.000Z", OPUS, [1_000_000, 0, 0, 0, 0]),
            answer("2", "2026-05-01T11:00:00.000Z", OPUS, [0, 1_000_000, 0, 0, 0]),
            answer("3", "2026-05-02T10:00:00.000Z", OPUS, [0, 0, 1_000_000, 0, 0]),
            answer("4", "2026-05-02T10:00:01.000Z", OPUS, [0, 0, 0, 1_000_000, 0]),
            answer("5", "2026-05-03T10:00:00.000Z", "claude-haiku-4-5@20251001", [0, 0, 0, 0, 1_000_000]),
        ],
    );
    let million = 1_000_000;
    let found = json_of(&world, &[]);
    let days: Vec<_> =
        found["by"].as_array().unwrap().iter().map(|day| (day["day"].as_str().unwrap(), sum(day))).collect();
    assert_eq!(
        days,
        [
            ("2026-05-01", (2, [million, million, 0, 0, 0], Some(30.0))),
            ("2026-05-02", (2, [0, 0, million, million, 0], Some(16.25))),
            ("2026-05-03", (1, [0, 0, 0, 0, million], Some(0.1))),
        ]
    );
    assert_eq!(sum(&found["total"]), (5, [million; 5], Some(46.35)));
    assert_eq!(found["schema"], 1);
    let models = json_of(&world, &["--by", "model"]);
    let models: Vec<_> = models["by"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["model"].as_str().unwrap(), sum(row).2))
        .collect();
    assert_eq!(models, [(OPUS, Some(46.25)), ("claude-haiku-4-5@20251001", Some(0.1))], "the dearest first");
    assert_snapshot!(world.cs(&["usage", "--since", "all"]).ok());
}

#[test]
fn each_answer_counts_once_however_often_it_was_copied() {
    let world = World::new();
    let config = world.home().join(".claude");
    let at = "2026-05-01T10:00:00.000Z";
    // One answer stands in a line for each of its blocks, the first with fewer tokens.
    let first = answer("1", at, OPUS, [10, 1, 0, 0, 5]);
    let whole = answer("1", at, OPUS, [10, 50, 0, 0, 5]);
    let next = answer("2", at, OPUS, [3, 4, 0, 0, 0]);
    transcript(&config, A, &[first.clone(), whole.clone(), next.clone()]);
    // Resumed into a new file, as older versions do, and forked by Claude: with new ids of everything but the message.
    let mut forked = whole.clone();
    forked["sessionId"] = json!(B);
    forked["uuid"] = json!("something else");
    transcript(&config, B, &[forked, next, answer("3", at, OPUS, [100, 0, 0, 0, 0])]);
    // The same message of another request is another one: not every endpoint has ids of its own.
    let mut again = whole;
    again["requestId"] = json!("req_other");
    transcript(&config, "agent-1", &[again]);
    assert_eq!(
        sum(&json_of(&world, &[])["total"]),
        (4, [10 + 3 + 100 + 10, 50 + 4 + 50, 0, 0, 10], Some(0.003_220))
    );
}

/// Two sessions of one profile and one of another, each with something of its own.
fn three_sessions() -> World {
    let world = World::new();
    let project = world.project("api");
    let _ = world.cs(&["profile", "create", "work"]).ok();
    for arguments in
        [&["--no-open", "old"][..], &["--no-open", "young"], &["-P", "work", "--no-open", "office"]]
    {
        let _ = world.cs_in(&project, arguments).ok();
    }
    let at = "2026-05-01T10:00:00.000Z";
    let old = answer("old", at, OPUS, [1, 0, 0, 0, 0]);
    transcript(&world.config_of("old"), A, std::slice::from_ref(&old));
    // `cs fork` copies a transcript, and Claude writes a new one that begins with it.
    transcript(&world.config_of("young"), A, std::slice::from_ref(&old));
    transcript(&world.config_of("young"), B, &[old, answer("young", at, OPUS, [10, 0, 0, 0, 0])]);
    transcript(&world.config_of("office"), B, &[answer("office", at, OPUS, [100, 0, 0, 0, 0])]);
    transcript(&world.home().join(".claude"), B, &[answer("mine", at, OPUS, [1000, 0, 0, 0, 0])]);
    transcript(&world.config_of("work"), B, &[answer("works", at, OPUS, [10_000, 0, 0, 0, 0])]);
    // What a subagent took is its session's, beside the transcript and as older versions put it.
    let beside = world.config_of("young").join("projects/-w").join(B).join("subagents");
    fs::create_dir_all(&beside).unwrap();
    let mut side = answer("side", at, OPUS, [20, 0, 0, 0, 0]);
    side["isSidechain"] = json!(true);
    fs::write(beside.join("agent-7.jsonl"), format!("{side}\n")).unwrap();
    let side = answer("side-2", at, OPUS, [40, 0, 0, 0, 0]);
    transcript(&world.config_of("young"), "agent-8", &[side]);
    world
}

fn inputs(found: &Value) -> Vec<(String, u64)> {
    let name = |row: &Value| {
        let session = row["session"].as_str();
        format!("{}/{}", row["profile"].as_str().unwrap(), session.unwrap_or_default())
    };
    let mut rows: Vec<_> =
        found["by"].as_array().unwrap().iter().map(|row| (name(row), sum(row).1[0])).collect();
    rows.sort();
    rows
}

#[test]
fn what_was_copied_is_counted_for_whom_it_was_there_first() {
    let world = three_sessions();
    let by = |arguments: &[&str]| {
        let rows = inputs(&json_of(&world, arguments));
        rows.into_iter().map(|(name, input)| format!("{name} {input}")).collect::<Vec<_>>()
    };
    assert_eq!(
        by(&["--by", "session"]),
        ["default/ 1000", "default/old 1", "default/young 70", "work/ 10000", "work/office 100"]
    );
    assert_eq!(by(&["--by", "profile"]), ["default/ 1071", "work/ 10100"]);
    assert_eq!(by(&["--by", "session", "--profile", "work"]), ["work/ 10000", "work/office 100"]);
    assert_eq!(by(&["--by", "session", "young"]), ["default/young 70"]);
    assert_eq!(by(&["--by", "session", "work"]), ["work/ 10000"], "the profile itself");
    assert_eq!(sum(&json_of(&world, &[])["total"]).1[0], 11_171);
    assert_snapshot!(world.cs(&["usage", "--since", "all", "--by", "session"]).ok());
}

#[test]
fn what_sessions_share_is_counted_once_and_for_whom_its_id_tells() {
    let world = World::new();
    let project = world.project("api");
    world.write(".config/cs/config.toml", "[share]\nhistory = true\n");
    fs::create_dir_all(world.home().join(".claude/projects")).unwrap();
    for name in ["one", "two"] {
        let _ = world.cs_in(&project, &["--no-open", name]).ok();
        let config = world.config_of(name);
        fs::create_dir_all(&config).unwrap();
        std::os::unix::fs::symlink(world.home().join(".claude/projects"), config.join("projects")).unwrap();
    }
    let id = world.id_of("two");
    let at = "2026-05-01T10:00:00.000Z";
    transcript(&world.config_of("two"), &id, &[answer("1", at, OPUS, [1, 0, 0, 0, 0])]);
    transcript(&world.home().join(".claude"), A, &[answer("2", at, OPUS, [10, 0, 0, 0, 0])]);
    let rows = inputs(&json_of(&world, &["--by", "session"]));
    assert_eq!(rows, [("default/".to_owned(), 10), ("default/two".to_owned(), 1)]);
}

#[test]
fn a_model_without_a_price_is_said_and_in_no_sum() {
    let world = World::new();
    let at = "2026-05-01T10:00:00.000Z";
    let mut said = answer("3", at, "glm-\u{1b}[2J4.6", [0, 1, 0, 0, 0]);
    said["costUSD"] = json!(2.5);
    transcript(
        &world.home().join(".claude"),
        A,
        &[
            answer("1", at, "glm-\u{1b}[2J4.6", [7, 0, 0, 0, 0]),
            answer("2", at, OPUS, [1_000_000, 0, 0, 0, 0]),
            said,
            answer("4", at, "<synthetic>", [9, 9, 9, 9, 9]),
        ],
    );
    let found = json_of(&world, &["--by", "model"]);
    assert_eq!(found["total"]["cost_usd"], 7.5);
    assert_eq!(found["total"]["messages_without_price"], 1);
    assert_eq!(found["models_without_price"], json!(["glm-\u{1b}[2J4.6"]));
    assert_eq!(sum(&found["total"]).1[0], 1_000_007, "its tokens count");
    let ran = world.cs(&["usage", "--since", "all", "--by", "model"]);
    assert_snapshot!(format!("{}---\n{}", ran.stdout, ran.stderr));
}

#[test]
fn a_day_is_one_where_the_person_is_and_has_23_or_25_hours_where_it_must() {
    let mut world = World::new();
    let lines: Vec<Value> = [
        "2026-03-29T00:30:00.000Z", // 01:30 in Berlin, an hour before the clocks go on
        "2026-03-29T21:59:59.000Z", // 23:59:59
        "2026-03-29T22:00:00.000Z", // midnight: that day had 23 hours
        "2026-10-24T22:00:00.000Z", // midnight
        "2026-10-25T22:59:59.000Z", // 23:59:59: that day had 25 hours
        "2026-10-25T23:00:00.000Z",
    ]
    .iter()
    .enumerate()
    .map(|(at, time)| answer(&at.to_string(), time, OPUS, [1, 0, 0, 0, 0]))
    .collect();
    transcript(&world.home().join(".claude"), A, &lines);
    let days = |world: &World| -> Vec<(String, u64)> {
        let found = json_of(world, &[]);
        let day = |row: &Value| (row["day"].as_str().unwrap().to_owned(), row["messages"].as_u64().unwrap());
        found["by"].as_array().unwrap().iter().map(day).collect()
    };
    let expected =
        |days: &[(&str, u64)]| days.iter().map(|(day, n)| ((*day).to_owned(), *n)).collect::<Vec<_>>();
    world.set("TZ", "Europe/Berlin");
    assert_eq!(
        days(&world),
        expected(&[("2026-03-29", 2), ("2026-03-30", 1), ("2026-10-25", 2), ("2026-10-26", 1)])
    );
    world.set("TZ", "UTC");
    assert_eq!(days(&world), expected(&[("2026-03-29", 3), ("2026-10-24", 1), ("2026-10-25", 2)]));
    world.set("TZ", "Pacific/Auckland");
    assert_eq!(
        days(&world),
        expected(&[("2026-03-29", 1), ("2026-03-30", 2), ("2026-10-25", 1), ("2026-10-26", 2)])
    );
    // Where a day begins decides what is still in it.
    let since = |day: &str| {
        let all = ["usage", "--json", "--since", day];
        let found: Value = serde_json::from_str(&world.cs(&all).ok()).unwrap();
        found["total"]["messages"].as_u64().unwrap()
    };
    assert_eq!([since("2026-10-25"), since("2026-10-26"), since("2026-10-27"), since("all")], [3, 2, 0, 6]);
}

#[test]
fn lines_and_files_that_make_no_sense_are_left_out_and_said() {
    let world = World::new();
    let config = world.home().join(".claude");
    let good = answer("1", "2026-05-01T10:00:00.000Z", OPUS, [1_000_000, 0, 0, 0, 0]);
    transcript(&config, A, std::slice::from_ref(&good));
    let project = config.join("projects/-w");
    let torn = good.to_string();
    // What is being written now ends anywhere; numbers may be none; a directory may have the name of a file.
    let strange = json!({"type": "assistant", "message": {"id": "x", "model": OPUS, "usage": {
        "input_tokens": "7", "output_tokens": -1, "cache_read_input_tokens": 1.5, "cache_creation_input_tokens": u64::MAX}}});
    let text = format!("\n\0\n[]\n\"usage\"\n{}\n{strange}\n{}", "{\"usage\"", &torn[..torn.len() - 2]);
    fs::write(project.join(format!("{B}.jsonl")), text).unwrap();
    fs::create_dir(project.join("directory.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", project.join("zero.jsonl")).unwrap();
    std::os::unix::fs::symlink(&config, project.join("round")).unwrap();
    let _ =
        super::support::world::ran(std::process::Command::new("mkfifo").arg(project.join("fifo.jsonl"))).ok();
    let found = json_of(&world, &[]);
    assert_eq!(sum(&found["total"]), (2, [1_000_000, 0, 0, 0, 0], Some(5.0)));
    assert_eq!((&found["unreadable_lines"], &found["unreadable_files"]), (&json!(2), &json!(0)));
    let ran = world.cs(&["usage", "--since", "all"]);
    assert_eq!(ran.stderr, "cs: left out: 2 lines that make no sense, 0 files that cannot be read\n");
    assert!(!ran.stdout.contains("secret"));
}

#[test]
fn what_is_older_is_left_out_and_nothing_at_all_is_said() {
    let world = World::new();
    let said = "cs: no transcript has any tokens in it, as far back as that; further back: --since all\n";
    let nothing = world.cs(&["usage"]);
    assert_eq!((nothing.code, nothing.stdout.as_str(), nothing.stderr.as_str()), (Some(0), "", said));
    let now = jiff::Timestamp::now();
    let hours_ago = |hours: i64| (now - jiff::SignedDuration::from_hours(hours)).to_string();
    let lines =
        [1, 30, 24 * 40].map(|hours| answer(&hours.to_string(), &hours_ago(hours), OPUS, [1, 0, 0, 0, 0]));
    transcript(&world.home().join(".claude"), A, &lines);
    let count = |arguments: &[&str]| {
        let all = [&["usage", "--json"], arguments].concat();
        let found: Value = serde_json::from_str(&world.cs(&all).ok()).unwrap();
        found["total"]["messages"].as_u64().unwrap()
    };
    assert_eq!(count(&["--since", "2h"]), 1);
    assert_eq!(count(&[]), 2, "30 days");
    assert_eq!(count(&["--since", "all"]), 3);
    for wrong in ["yesterday", "-3d", "2026-13-01", ""] {
        let _ = world.cs(&["usage", "--since", wrong]).fails(2);
    }
    let _ = world.cs(&["usage", "nobody"]).fails(4);
    let _ = world.cs(&["usage", "--profile", "nobody"]).fails(4);
}

#[test]
fn looking_changes_nothing() {
    let world = three_sessions();
    let before = listing(world.root());
    let _ = world.cs(&["usage", "--since", "all"]).ok();
    let _ = json_of(&world, &["--by", "session"]);
    assert_eq!(listing(world.root()), before);
}
