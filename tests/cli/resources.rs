//! What open sessions use, and the advice that is given where there are many.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::scenery::until;
use super::support::snapshots::assert_snapshot;
use super::support::tmux::Tmux;
use super::support::world::World;

/// A Claude that holds some memory, is busy for a moment, starts two processes, and waits for its end.
const BUSY: &str = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done\n\
                    held=$(head -c 3000000 /dev/zero | tr '\\0' x)\n\
                    sleep 600 & (sleep 600 & exec sleep 601) & : > \"$CLAUDE_SESSION_DIR/ready\"; wait";

/// A session that is open until this is dropped.
struct Opened(Child, Vec<u32>);

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        for pid in &self.1 {
            let pid = rustix::process::Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Every process below `pid`.
fn below(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat[stat.rfind(')').unwrap() + 2..].split(' ').nth(1).unwrap().parse::<u32>().unwrap();
        if parent == pid {
            found.push(child);
            found.extend(below(child));
        }
    }
    found
}

/// Opens a session and waits until its Claude runs.
fn open(world: &World, directory: &Path, arguments: &[&str]) -> Opened {
    let child =
        world.command(directory, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let name = arguments.last().unwrap();
    let ready = || {
        let path = world.cs(&["path", name]);
        path.code == Some(0) && Path::new(path.stdout.trim_end()).join("ready").exists()
    };
    until(&format!("'{name}' to be open"), ready);
    let below = below(child.id());
    Opened(child, below)
}

fn json_of(world: &World, arguments: &[&str]) -> Value {
    serde_json::from_str(&world.cs(arguments).ok()).unwrap()
}

/// The text with every number and size that differs from run to run made the same, and its spaces too.
fn level(text: &str) -> String {
    let words = |line: &str| -> String {
        let words = line.split_whitespace().map(|word| {
            let is_number = word.trim_end_matches(['s', 'm']).parse::<f64>().is_ok();
            if is_number { "N" } else { word }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|line| words(line) + "\n").collect()
}

#[test]
fn a_session_uses_what_its_claude_and_all_that_it_started_use() {
    let world = World::with_fake_claude();
    world.fake_claude(BUSY);
    let project = world.project("api");
    let _ = world.cs_in(&project, &["--no-open", "asleep"]).ok();
    let opened = open(&world, &project, &["awake"]);
    fs::write(world.config_of("awake").join("file"), vec![7; 500_000]).unwrap();

    let top = json_of(&world, &["top", "--json"]);
    let open = top["open"].as_array().unwrap();
    assert_eq!(open.len(), 1, "{top}");
    let awake = &open[0];
    assert_eq!((awake["name"].as_str(), awake["kind"].as_str()), (Some("awake"), Some("session")));
    assert_eq!(awake["pid"], opened.0.id());
    // The shell in Claude's place, and three that sleep.
    assert_eq!(awake["processes"].as_u64(), Some(4), "{awake}");
    let memory = awake["memory_bytes"].as_u64().unwrap();
    assert!((3_000_000..200_000_000).contains(&memory), "{awake}");
    let disk = awake["disk_bytes"].as_u64().unwrap();
    assert!((500_000..1_000_000).contains(&disk), "{awake}");
    assert!(awake["cpu_seconds"].as_f64().unwrap() > 0.0, "{awake}");
    assert!(awake["cpu_percent"].as_f64().is_some_and(|percent| percent < 50.0), "it waits: {awake}");
    assert!(top["memory_free_bytes"].as_u64().unwrap() > 1 << 20);

    let list = json_of(&world, &["list", "--json", "--resources"]);
    let resources = |name: &str| {
        let sessions = list["sessions"].as_array().unwrap();
        sessions.iter().find(|session| session["name"] == name).unwrap()["resources"].clone()
    };
    assert_eq!(resources("awake")["processes"], 4);
    assert_eq!(resources("asleep")["processes"], 0);
    assert_eq!(resources("asleep")["memory_bytes"], 0);
    assert!(
        json_of(&world, &["list", "--json"])["sessions"][0]["resources"].is_null(),
        "only where it is asked for"
    );

    assert_snapshot!(format!(
        "{}---\n{}",
        level(&world.cs(&["top", "--once"]).ok()),
        level(&world.normal(&world.cs(&["list", "--resources"]).ok()))
    ));
    drop(opened);
    until("nothing to be open", || world.cs(&["top", "--once"]).ok() == "nothing is open\n");
}

#[test]
fn a_process_that_was_let_go_of_still_belongs_to_the_session_it_was_started_in() {
    let world = World::with_fake_claude();
    world.fake_claude(
        "setsid sleep 600 </dev/null >/dev/null 2>&1 & : > \"$CLAUDE_SESSION_DIR/ready\"; exec sleep 600",
    );
    let project = world.project("api");
    let opened = open(&world, &project, &["one"]);
    let other = open(&world, &project, &["two"]);
    let used = |name: &str| {
        let list = json_of(&world, &["list", "--json", "--resources"]);
        let sessions = list["sessions"].as_array().unwrap();
        let found = sessions.iter().find(|session| session["name"] == name).unwrap();
        found["resources"]["processes"].as_u64().unwrap()
    };
    assert_eq!((used("one"), used("two")), (2, 2));
    // Its Claude ends; what it let go of goes on.
    let pid = rustix::process::Pid::from_raw(i32::try_from(opened.0.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    until("one to have ended", || used("one") == 1);
    assert_eq!(used("two"), 2);
    drop((opened, other));
}

#[test]
fn a_profile_that_is_open_itself_is_seen_too() {
    let world = World::with_fake_claude();
    let _ = world.cs(&["profile", "create", "work"]).ok();
    // What the real Claude says of itself in a live file.
    world.fake_claude(
        "mkdir -p \"$CLAUDE_CONFIG_DIR/sessions\"\n\
         start=$(cut -d' ' -f22 /proc/$$/stat)\n\
         printf '{\"pid\":%s,\"procStart\":\"%s\",\"status\":\"busy\"}' $$ $start > \"$CLAUDE_CONFIG_DIR/sessions/$$.json\"\n\
         : > \"$CLAUDE_CONFIG_DIR/ready\"; exec sleep 600",
    );
    let project = world.project("api");
    let opened = open(&world, &project, &["work"]);
    let top = json_of(&world, &["top", "--json"]);
    let seen: Vec<_> = top["open"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (
                e["kind"].as_str().unwrap(),
                e["name"].as_str().unwrap(),
                e["state"].as_str().unwrap(),
                e["processes"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("profile", "work", "busy", 1)]);
    drop(opened);
}

#[test]
fn top_keeps_the_screen_until_a_person_leaves_and_gives_it_back() {
    if !Tmux::available() {
        return;
    }
    let world = World::with_fake_claude();
    world.fake_claude(BUSY);
    let project = world.project("api");
    let opened = open(&world, &project, &["awake"]);
    for keys in ["q", "C-c"] {
        let cs = World::cs_program();
        let script = format!(
            "echo before; {} top; echo \"after $?\"; stty -a | grep -o ' echo '; exec cat",
            cs.display()
        );
        let tmux = Tmux::start(&["/bin/sh", "-c", &script], &project, world.environment());
        let screen = tmux.wait_for("awake", Duration::from_secs(30));
        assert!(
            screen.starts_with("cs top: 1 open, ")
                && screen.lines().next().unwrap().ends_with("free; q leaves"),
            "{screen}"
        );
        assert!(!screen.contains("before"), "{screen}");
        // It looks again by itself: another session comes in.
        let other = open(&world, &project, &["late"]);
        tmux.wait_for("late", Duration::from_secs(30));
        drop(other);
        tmux.wait_until(Duration::from_secs(30), "late to be gone", |screen| !screen.contains("late"));
        tmux.send_keys(&[keys]);
        let screen = tmux.wait_for("after 0", Duration::from_secs(30));
        assert!(screen.starts_with("before\nafter 0\n"), "the screen is as it was: {screen}");
        tmux.wait_for("\n echo", Duration::from_secs(30));
        let _ = world.cs(&["rm", "late"]).ok();
    }
    drop(opened);
}

/// What opening a session says.
fn said(world: &World, directory: &Path, name: &str) -> String {
    let ran = world.cs_in(directory, &[name]);
    assert_eq!(ran.code, Some(0));
    ran.stderr
}

/// A world in which what is open stays open while `hold` is there.
fn with_limits(limits: &str) -> (World, std::path::PathBuf) {
    let world = World::with_fake_claude();
    world.write(".config/cs/config.toml", &format!("[limits]\n{limits}\n"));
    world.fake_claude(
        ": > \"$CLAUDE_SESSION_DIR/ready\"\nif [ \"$CS_SESSION\" != asked ]; then exec sleep 600; fi",
    );
    let project = world.project("api");
    (world, project)
}

#[test]
fn advice_is_given_from_the_limit_on_and_not_before() {
    let (world, project) = with_limits("live = 2\nfree_memory = 0");
    assert_eq!(said(&world, &project, "asked"), "", "nothing is open");
    let one = open(&world, &project, &["one"]);
    assert_eq!(said(&world, &project, "asked"), "", "one is");
    let two = open(&world, &project, &["two"]);
    let advice = "cs: 2 others are open; what each uses: cs top ([limits] in config.toml)\n";
    assert_eq!(said(&world, &project, "asked"), advice);
    let ran = world.cs_in(&project, &["asked", "--version"]);
    assert_eq!(ran.stderr, "", "a command of Claude's own opens nothing");
    drop(two);
    assert_eq!(said(&world, &project, "asked"), "", "one has ended");
    let id = world.id_of("one");
    let mut noted: Vec<_> =
        fs::read_dir(world.data().join("open")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    noted.retain(|name| *name == *id);
    assert_eq!(noted.len(), 1);
    // The limits can be turned off.
    let two = open(&world, &project, &["two"]);
    world.write(".config/cs/config.toml", "[limits]\nlive = 0\nfree_memory = 0\n");
    assert_eq!(said(&world, &project, "asked"), "");
    drop((one, two));
}

#[test]
fn little_memory_is_said_where_something_else_is_open() {
    let (world, project) = with_limits("live = 0\nfree_memory = 100000000");
    assert_eq!(said(&world, &project, "asked"), "", "there is nothing to close");
    let one = open(&world, &project, &["one"]);
    let text = said(&world, &project, "asked");
    assert!(
        text.starts_with("cs: 1 other is open, and ")
            && text.contains("iB of memory are free; what each uses: cs top"),
        "{text}"
    );
    world.write(".config/cs/config.toml", "[limits]\nfree_memory = 1\n");
    assert_eq!(said(&world, &project, "asked"), "", "the control: there is enough");
    drop(one);
}

#[test]
fn what_ended_is_forgotten_and_a_profile_counts() {
    let (world, project) = with_limits("live = 1\nfree_memory = 0");
    let _ = world.cs(&["profile", "create", "work"]).ok();
    for name in ["a", "b", "c"] {
        let opened = open(&world, &project, &[name]);
        drop(opened);
    }
    assert_eq!(said(&world, &project, "asked"), "");
    let noted = fs::read_dir(world.data().join("open")).unwrap().count();
    assert_eq!(noted, 1, "only the one that was asked for, which ends now");
    world.fake_claude(
        ": > \"${CLAUDE_CONFIG_DIR}/ready\"; if [ \"$CS_SESSION\" != asked ]; then exec sleep 600; fi",
    );
    let opened = open(&world, &project, &["work"]);
    assert!(said(&world, &project, "asked").starts_with("cs: 1 other is open;"));
    drop(opened);
}

#[test]
fn notes_that_cannot_be_kept_or_make_no_sense_are_in_nobodys_way() {
    let (world, project) = with_limits("live = 1\nfree_memory = 0");
    assert_eq!(said(&world, &project, "asked"), "");
    let notes = world.data().join("open");
    // Somebody's own file is left alone, and counts as nothing.
    fs::write(notes.join("no name: at all"), "x").unwrap();
    fs::create_dir(notes.join("01890000-0000-7000-8000-00000000000a")).unwrap();
    assert_eq!(said(&world, &project, "asked"), "");
    assert!(notes.join("no name: at all").exists());
    fs::remove_dir_all(&notes).unwrap();
    assert_eq!(said(&world, &project, "asked"), "", "it is made again");
    assert!(notes.is_dir());
    fs::remove_dir_all(&notes).unwrap();
    fs::write(&notes, "a file in its place").unwrap();
    assert_eq!(said(&world, &project, "asked"), "");
    assert_eq!(fs::read_to_string(&notes).unwrap(), "a file in its place");
}
