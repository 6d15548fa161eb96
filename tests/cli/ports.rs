//! Ports of sessions: each block has one owner, is free when it is given, and is given back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::scenery::{TALK, list, optional, sessions, state, talk};
use super::support::world::{World, git, ran};

/// The first port of a session, as its record has it.
fn first(world: &World, name: &str) -> Option<u16> {
    let shown = world.show(name);
    let ports = &shown["ports"];
    if ports.is_null() {
        return None;
    }
    let (first, last) = (ports["first"].as_u64().unwrap(), ports["last"].as_u64().unwrap());
    assert_eq!(last, first + 9);
    Some(first.try_into().unwrap())
}

/// Whose each block is, as the claims say.
fn claims(world: &World) -> BTreeMap<u16, String> {
    let entries = fs::read_dir(world.data().join("ports")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names
        .filter(|name| !name.starts_with('.'))
        .map(|name| {
            let text = fs::read_to_string(world.data().join("ports").join(&name)).unwrap();
            (name.parse().unwrap(), text.trim().strip_prefix("session ").unwrap().to_owned())
        })
        .collect()
}

/// Whose each block is, as the records say. No port is in two of them.
#[track_caller]
fn recorded(world: &World) -> BTreeMap<u16, String> {
    let mut all = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (name, session) in sessions(world) {
        let Some(first) = session["ports"]["first"].as_u64() else { continue };
        for port in first..first + 10 {
            assert!(seen.insert(port), "{name} shares {port}");
        }
        all.insert(u16::try_from(first).unwrap(), session["id"].as_str().unwrap().to_owned());
    }
    all
}

/// The first port that the next new session would be given.
fn next(world: &World) -> Option<u16> {
    let plan = world.cs(&["--dry-run", "--json", "a-session-of-no-other-test"]).ok();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    plan["env"]["CS_PORT"].as_str().map(|port| port.parse().unwrap())
}

/// Has sessions take their ports from `first` to `last`.
fn range(world: &World, first: u16, last: u16) {
    world.write(".config/cs/config.toml", &format!("[ports]\nfirst = {first}\nlast = {last}\n"));
}

/// Makes a session one that was made before there were ports.
fn make_old(world: &World, name: &str) {
    let path = world.root_of(name).join("session.toml");
    let first = first(world, name).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(&format!("ports = {first}\n"), "")).unwrap();
    fs::remove_file(world.data().join("ports").join(first.to_string())).unwrap();
}

fn at_once(world: &World, commands: impl Iterator<Item = Vec<String>>) {
    let start = |arguments: Vec<String>| {
        world
            .command(&world.home(), &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = commands.map(start).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn thirty_sessions_that_are_made_and_thirty_that_are_forked_at_once_have_sixty_blocks() {
    let world = World::with_fake_claude();
    at_once(&world, (0..30).map(|n| ["new", "--no-open", &format!("made-{n}")].map(str::to_owned).to_vec()));
    assert_eq!(recorded(&world).len(), 30);
    assert_eq!(recorded(&world), claims(&world));
    let source = first(&world, "made-0");
    talk(&world.config_of("made-0"), &world.home(), TALK, "hello");
    at_once(
        &world,
        (0..30).map(|n| ["fork", "--no-open", "made-0", &format!("fork-{n}")].map(str::to_owned).to_vec()),
    );
    assert_eq!(recorded(&world).len(), 60);
    assert_eq!(recorded(&world), claims(&world));
    assert_eq!(first(&world, "made-0"), source, "it keeps its own");
}

#[test]
fn a_session_and_its_launch_have_the_ports_that_were_planned() {
    let world = World::with_fake_claude();
    let planned = next(&world).unwrap();
    assert!(!world.data().join("ports").exists(), "a plan claims nothing");
    world.cs(&["api"]).ok();
    assert_eq!(first(&world, "api"), Some(planned));
    let start = world.last_start();
    assert_eq!(start.var("CS_PORT"), Some(planned.to_string().as_str()));
    for n in 1..10 {
        assert_eq!(start.var(&format!("CS_PORT_{n}")), Some((planned + n).to_string().as_str()));
    }
    assert!(world.cs(&["show", "api"]).ok().contains(&format!("ports       {planned}-{}\n", planned + 9)));
    assert_eq!(world.show("api")["slug"], "api");
    let listed = list(&world);
    assert_eq!(listed["sessions"][0]["ports"], json!({"first": planned, "last": planned + 9}));
    // Started again, it has the same; nothing is claimed a second time.
    let before = state(&world.data().join("ports"));
    world.cs(&["api"]).ok();
    assert_eq!(world.last_start().var("CS_PORT"), Some(planned.to_string().as_str()));
    assert_eq!(state(&world.data().join("ports")), before);
    let isolations = ["home", "none", "config-dir"];
    for isolation in isolations {
        world.cs(&["--no-open", "--isolation", isolation, &format!("by-{isolation}")]).ok();
        assert!(first(&world, &format!("by-{isolation}")).is_some(), "{isolation}");
    }
    assert_eq!(recorded(&world), claims(&world));
}

#[test]
fn ports_that_something_listens_on_are_given_to_nobody() {
    for (at, address) in ["127.0.0.1", "0.0.0.0", "[::1]", "[::]"].into_iter().enumerate() {
        let world = World::with_fake_claude();
        let free = next(&world).unwrap();
        assert_eq!(next(&world), Some(free), "the control: it is the same every time");
        let Ok(listener) = TcpListener::bind(format!("{address}:{}", free + 3 * u16::try_from(at).unwrap()))
        else {
            assert!(address.starts_with('['), "{address}");
            continue;
        };
        world.cs(&["new", "--no-open", "beside"]).ok();
        let beside = first(&world, "beside").unwrap();
        assert_ne!(beside, free, "{address}");
        drop(listener);
        world.cs(&["new", "--no-open", "api"]).ok();
        assert_eq!(first(&world, "api"), Some(free), "{address}, the control");
        assert_eq!(recorded(&world), claims(&world));
    }
}

#[test]
fn ports_come_back_with_their_session_if_nobody_has_them() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let own = first(&world, "api").unwrap();
    world.cs(&["rm", "api"]).ok();
    assert_eq!(claims(&world), BTreeMap::new(), "given back");
    let back = world.cs(&["restore", "api"]);
    assert_eq!(back.stderr, "cs: session 'api' is back\n");
    assert_eq!(first(&world, "api"), Some(own));
    assert_eq!(recorded(&world), claims(&world));

    // Another session has them by now.
    world.cs(&["rm", "api"]).ok();
    world.cs(&["new", "--no-open", "other"]).ok();
    assert_eq!(first(&world, "other"), Some(own), "the control");
    let back = world.cs(&["restore", "api"]);
    let now = first(&world, "api").unwrap();
    assert_ne!(now, own);
    assert_eq!(
        back.stderr,
        format!(
            "cs: session 'api' is back\ncs: its ports are {now}-{} now: something else has, or listens on, {own}-{}\n",
            now + 9,
            own + 9
        )
    );
    assert_eq!(recorded(&world), claims(&world));

    // Something listens there.
    world.cs(&["rm", "api"]).ok();
    let listener = TcpListener::bind(("127.0.0.1", now + 9)).unwrap();
    let back = world.cs(&["restore", "api", "--as", "again"]);
    assert!(back.stderr.contains(&format!("something else has, or listens on, {now}-")), "{}", back.stderr);
    assert_ne!(first(&world, "again"), Some(now));
    drop(listener);
    assert_eq!(recorded(&world), claims(&world));
}

#[test]
fn where_no_ports_are_left_a_session_is_made_without() {
    let world = World::with_fake_claude();
    range(&world, 20_995, 21_019);
    world.cs(&["new", "--no-open", "api"]).ok();
    let made = world.cs(&["new", "--no-open", "more"]);
    assert!(!made.stderr.contains("ports"), "{}", made.stderr);
    assert_eq!(claims(&world).into_keys().collect::<Vec<_>>(), [21_000, 21_010]);
    let none = "cs: session 'none' has no ports: the 2 blocks of [ports] in the settings are taken (cs cleanup, or a wider range)\n";
    let made = world.cs(&["new", "--no-open", "none"]);
    assert!(made.stderr.starts_with(none) && made.code == Some(0), "{made:?}");
    assert_eq!(first(&world, "none"), None);
    assert!(world.cs(&["show", "none"]).ok().contains("ports       none\n"));
    // What needs them is left out, and said.
    world.write(
        ".config/cs/config.toml",
        "[ports]\nfirst = 21000\nlast = 21019\n[env]\nPORT = \"${CS_PORT}\"\nPLACE = \"${CS_SLUG}\"\n",
    );
    let opened = world.cs(&["none"]);
    let said = format!("{none}cs: PORT in [env] of config.toml is left out: session 'none' has no CS_PORT\n");
    assert_eq!((opened.code, opened.stderr), (Some(0), said));
    let start = world.last_start();
    assert_eq!((start.var("PORT"), start.var("CS_PORT"), start.var("PLACE")), (None, None, Some("none")));
    world.cs(&["api"]).ok();
    assert!(world.last_start().var("PORT").is_some(), "the control");
    // A profile has neither ports nor a slug, and runs.
    assert_eq!(world.cs(&["default"]).stderr, "");
    assert_eq!(world.last_start().var("PORT"), None);
    // Given back, they are given to the one that has none when it starts.
    world.cs(&["rm", "more"]).ok();
    let opened = world.cs(&["none"]);
    assert_eq!((opened.code, opened.stderr.as_str()), (Some(0), ""));
    assert_eq!(recorded(&world), claims(&world));
    assert_eq!(world.last_start().var("PORT"), Some(first(&world, "none").unwrap().to_string().as_str()));
}

#[test]
fn who_wants_no_ports_has_none_and_a_range_without_room_is_refused() {
    let world = World::with_fake_claude();
    world.write(".config/cs/config.toml", "[ports]\nfirst = 0\n");
    let opened = world.cs(&["api"]);
    assert_eq!((opened.code, opened.stderr.as_str()), (Some(0), ""));
    assert_eq!((first(&world, "api"), world.last_start().var("CS_PORT")), (None, None));
    assert!(!world.data().join("ports").exists());
    range(&world, 21_001, 21_015);
    let before = state(&world.data());
    for arguments in [&["new", "--no-open", "other"][..], &["api"]] {
        let said = world.cs(arguments).fails(2);
        assert!(said.contains("config.toml:1: no session's ten ports lie between first = 21001"), "{said}");
    }
    assert_eq!(state(&world.data()), before);
}

#[test]
fn a_session_that_is_older_than_ports_is_given_some_when_it_starts() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    world.cs(&["new", "--no-open", "lodger"]).ok();
    make_old(&world, "api");
    let before = state(&world.data());
    assert_eq!(first(&world, "api"), None);
    world.cs(&["list"]).ok();
    let planned = world.cs(&["--dry-run", "api"]).ok();
    assert_eq!(state(&world.data()), before, "looking gives nothing");
    world.cs(&["api"]).ok();
    let given = first(&world, "api").unwrap();
    assert!(planned.contains(&format!("CS_PORT={given}\n")), "{planned}");
    assert_eq!(world.last_start().var("CS_PORT"), Some(given.to_string().as_str()));
    assert_eq!(recorded(&world), claims(&world));
    // Whoever was killed between the claim and the record is given the same.
    make_old(&world, "api");
    let far = world.data().join("ports/32000");
    fs::write(&far, format!("session {}\n", world.id_of("api"))).unwrap();
    world.cs(&["api"]).ok();
    assert_eq!(first(&world, "api"), Some(32_000));
    assert_eq!(recorded(&world), claims(&world));
}

#[test]
fn ports_of_nothing_are_taken_over_and_those_of_somebody_are_not() {
    let world = World::with_fake_claude();
    range(&world, 21_000, 21_009);
    fs::create_dir_all(world.data().join("ports")).unwrap();
    let claim = world.data().join("ports/21000");
    fs::write(&claim, format!("session {TALK}\n")).unwrap();
    world.cs(&["new", "--no-open", "api"]).ok();
    assert_eq!(first(&world, "api"), Some(21_000));
    assert_eq!(recorded(&world), claims(&world));
    // What cannot be read may be somebody's, and so may the ports of a record that cannot be.
    let made = |name: &str| {
        world.cs(&["new", "--no-open", name]).ok();
        first(&world, name)
    };
    let record = world.root_of("api").join("session.toml");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, "rubble").unwrap();
    assert_eq!(made("one"), None);
    fs::write(&record, text).unwrap();
    fs::write(&claim, "rubble").unwrap();
    assert_eq!(made("two"), None);
    assert_eq!(fs::read_to_string(&claim).unwrap(), "rubble");
    // In the trash it has none.
    fs::write(&claim, format!("session {}\n", world.id_of("api"))).unwrap();
    let kept = fs::read(&claim).unwrap();
    world.cs(&["rm", "api"]).ok();
    fs::write(&claim, kept).unwrap();
    assert_eq!(made("three"), Some(21_000));
    let back = world.cs(&["restore", "api"]);
    assert!(
        back.stderr.contains("it has no ports: something else has, or listens on, 21000-21009"),
        "{back:?}"
    );
    assert_eq!(recorded(&world), claims(&world));
}

#[test]
fn cleanup_frees_ports_of_nothing_and_no_others() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let orphan = |name: &str| {
        let path = world.data().join("ports").join(name);
        fs::write(&path, format!("session {TALK}\n")).unwrap();
        path
    };
    let (old, fresh) = (orphan("32000"), orphan("32010"));
    let hours = std::time::Duration::from_secs(2 * 3600);
    let aged = |path: &Path| {
        fs::File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(std::time::SystemTime::now() - hours)
            .unwrap();
    };
    aged(&old);
    aged(&world.data().join("ports").join(first(&world, "api").unwrap().to_string()));
    let told = world.cs(&["cleanup"]).ok();
    assert!(told.contains("ports of nothing") && old.exists(), "{told}");
    world.cs(&["cleanup", "--yes"]).ok();
    assert!(!old.exists() && fresh.exists());
    fs::remove_file(fresh).unwrap();
    assert_eq!(recorded(&world), claims(&world));
}

#[test]
fn an_archive_carries_no_ports_and_whoever_is_brought_in_is_given_some() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    talk(&world.config_of("api"), &world.home(), TALK, "hello");
    world.cs(&["export", "api", "api.tar"]).ok();
    let words = ["-xOf", "api.tar", "--wildcards", "sessions/*/session.toml"];
    let unpacked = ran(&mut world.any_command(Path::new("tar"), &world.home(), &words)).ok();
    assert!(unpacked.contains("name = \"api\"") && !unpacked.contains("ports"), "{unpacked}");
    let elsewhere = World::with_fake_claude();
    fs::copy(world.home().join("api.tar"), elsewhere.home().join("in.tar")).unwrap();
    elsewhere.cs(&["new", "--no-open", "here"]).ok();
    elsewhere.cs(&["import", "in.tar"]).ok();
    assert!(first(&elsewhere, "api").is_some());
    assert_ne!(first(&elsewhere, "api"), first(&elsewhere, "here"));
    assert_eq!(recorded(&elsewhere), claims(&elsewhere));
    // Directories of earlier scripts, too.
    let old = ".claude/sessions/0198c0de-0000-7000-8000-00000000abcd";
    let config = elsewhere.home().join(old);
    fs::create_dir_all(&config).unwrap();
    talk(&config, &elsewhere.home(), TALK, "hello");
    elsewhere.cs(&["import", "claude-session"]).ok();
    assert_eq!(sessions(&elsewhere).len(), 3, "{:?}", sessions(&elsewhere).keys());
    assert_eq!(recorded(&elsewhere).len(), 3);
    assert_eq!(recorded(&elsewhere), claims(&elsewhere));
}

#[test]
fn two_data_roots_begin_at_places_of_their_own() {
    let mut world = World::with_fake_claude();
    let here = next(&world).unwrap();
    let places: BTreeSet<u16> = (0..8)
        .map(|n| {
            world.set("CS_HOME", world.root().join(format!("data-{n}")));
            next(&world).unwrap()
        })
        .collect();
    assert!(places.len() > 4, "{places:?}");
    world.unset("CS_HOME");
    assert_eq!(next(&world), Some(here));
}

#[test]
fn a_dotenv_file_has_what_a_server_needs_and_nothing_of_claudes() {
    let world = World::with_fake_claude();
    let project = world.project("api");
    fs::write(project.join(".cs.toml"), "[env]\nWEB_PORT = \"CS_PORT_1\"\nDB_NAME = \"CS_SLUG\"\n").unwrap();
    world.write(
        ".config/cs/config.toml",
        "[env]\nPORT = \"${CS_PORT}\"\nURL = \"postgres://localhost:${CS_PORT_2}/${CS_SLUG}?a=1&b=2\"\nNPM_TOKEN = \"a-token\"\nCLAUDE_CODE_X = \"1\"\nANTHROPIC_API_KEY = \"a-key\"\n",
    );
    world.cs(&["profile", "create", "work"]).ok();
    world.cs(&["--no-open", "--dir", project.to_str().unwrap(), "-P", "work", "my-api"]).ok();
    world.cs_in(&project, &["allow"]).ok();
    let printed = world.cs(&["env", "my-api", "--dotenv"]);
    assert_eq!(printed.stderr, "cs: left out, as secrets do not belong in a file: NPM_TOKEN\n");
    let text = printed.ok();
    let port = first(&world, "my-api").unwrap();
    let mut expected: BTreeMap<String, String> =
        (1..10).map(|n| (format!("CS_PORT_{n}"), (port + n).to_string())).collect();
    for (name, value) in [
        ("CS_PORT", port.to_string()),
        ("CS_PROFILE", "work".into()),
        ("CS_SESSION", "my-api".into()),
        ("CS_SESSION_ID", world.id_of("my-api")),
        ("CS_SLUG", "my_api".into()),
        ("DB_NAME", "my_api".into()),
        ("PORT", port.to_string()),
        ("URL", format!("postgres://localhost:{}/my_api?a=1&b=2", port + 2)),
        ("WEB_PORT", (port + 1).to_string()),
    ] {
        expected.insert(name.into(), value);
    }
    // As `docker run --env-file` reads it: what is after the first `=`, to the letter.
    let raw: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            (name.to_owned(), if name == "URL" { value.trim_matches('"') } else { value }.to_owned())
        })
        .collect();
    assert_eq!(raw, expected, "{text}");
    let file = world.write("api.env", &text);
    let read_by = |program: &str, words: &[&str]| -> BTreeMap<String, String> {
        let printed = ran(&mut world.any_command(Path::new(program), &world.home(), words)).ok();
        let all: BTreeMap<String, String> = printed
            .split_terminator('\0')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        all.into_iter().filter(|(name, _)| expected.contains_key(name)).collect()
    };
    let script = format!("set -a; . '{}'; exec env -0", file.display());
    assert_eq!(read_by("/bin/sh", &["-c", &script]), expected);
    if let Some(node) = optional("node") {
        let print =
            "process.stdout.write(Object.entries(process.env).map(e => e.join('=') + '\\0').join(''))";
        assert_eq!(read_by(&node, &[&format!("--env-file={}", file.display()), "-e", print]), expected);
    }
    // The whole of it is for programs.
    let json: Value = serde_json::from_str(&world.cs(&["env", "my-api", "--json"]).ok()).unwrap();
    assert_eq!(json["env"]["NPM_TOKEN"], "a-token");
    assert_eq!(json["env"]["WEB_PORT"], (port + 1).to_string());
    assert_eq!(json["env"]["CLAUDECODE"], Value::Null);
}

#[test]
fn a_repository_names_variables_for_its_sessions_once_it_is_allowed() {
    let world = World::with_fake_claude();
    let project = world.project("api");
    let below = world.project("api/packages/web");
    world.cs_in(&below, &["new", "--no-open", "web"]).ok();
    let file = project.join(".cs.toml");
    let write = |text: &str| fs::write(&file, text).unwrap();
    write("[env]\nPORT = \"CS_PORT\"\nDATABASE_NAME = \"CS_SLUG\"\n");
    let given = |name: &str| {
        world.cs(&["web"]).ok();
        world.last_start().var(name).map(str::to_owned)
    };
    assert_eq!((given("PORT"), given("DATABASE_NAME")), (None, None), "not allowed");
    let opened = world.cs(&["web"]);
    let said = format!("cs: {} is not allowed, so it has no effect (cs allow, or cs deny)\n", file.display());
    assert_eq!(opened.stderr, said);
    let allowed = world.cs_in(&below, &["allow"]);
    assert_eq!(
        allowed.stderr,
        format!(
            "cs: allowed {}: its sessions have DATABASE_NAME=$CS_SLUG, PORT=$CS_PORT; to undo: cs deny\n",
            file.display()
        )
    );
    let port = first(&world, "web").unwrap().to_string();
    assert_eq!((given("PORT"), given("DATABASE_NAME")), (Some(port.clone()), Some("web".into())));
    let listed: Value = serde_json::from_str(&world.cs(&["allow", "--list", "--json"]).ok()).unwrap();
    assert_eq!(listed["trust"][0]["variables"], json!(["DATABASE_NAME", "PORT"]));
    assert_eq!(
        (&listed["trust"][0]["state"], &listed["trust"][0]["profile"]),
        (&json!("allowed"), &Value::Null)
    );
    // It is about the session, wherever its variables are wanted, and about no profile.
    let elsewhere = world.home();
    let printed = ran(&mut world.command(&elsewhere, &["exec", "web", "--", "printenv", "PORT"])).ok();
    assert_eq!(printed, format!("{port}\n"));
    assert_eq!(
        ran(&mut world.command(&project, &["exec", "default", "--", "printenv", "PORT"])).code,
        Some(1)
    );
    // A person's own goes over it.
    world.write(".config/cs/config.toml", "[env]\nPORT = \"1${CS_PORT}\"\n");
    assert_eq!(given("PORT"), Some(format!("1{port}")));
    world.write(".config/cs/config.toml", "");
    // A nearer one that names a profile only hides nothing.
    fs::write(below.join(".cs.toml"), "profile = \"default\"\n").unwrap();
    world.cs_in(&below, &["allow"]).ok();
    assert_eq!(given("PORT"), Some(port));
    // And one that has variables only binds nothing, nor hides a profile further up.
    let bound = |directory: &Path| -> Value {
        serde_json::from_str(&world.cs_in(directory, &["bind", "--json"]).ok()).unwrap()
    };
    assert_eq!(bound(&project)["bound"], Value::Null);
    // Every change asks again.
    write("[env]\nPORT = \"CS_PORT_1\"\n");
    assert_eq!(given("PORT"), None);
    write("[env]\nPORT = \"CS_PORT\"\nDATABASE_NAME = \"CS_SLUG\"\n");
    assert!(given("PORT").is_some(), "the control");
    world.cs_in(&project, &["deny"]).ok();
    assert_eq!(given("PORT"), None);
    assert_eq!(world.cs(&["web"]).stderr, "", "it is not spoken of");
}

#[test]
fn what_a_hostile_repository_says_is_refused_and_never_a_value() {
    let world = World::with_fake_claude();
    let project = world.project("api");
    world.cs_in(&project, &["new", "--no-open", "web"]).ok();
    let file = project.join(".cs.toml");
    let before = state(&world.data());
    for (text, said) in [
        ("[env]\nPATH = \"CS_SLUG\"\n", ":2: a repository may not set \"PATH\""),
        ("[env]\nNODE_OPTIONS = \"CS_SESSION\"\n", ":2: a repository may not set"),
        ("[env]\nCLAUDE_CODE_SSE_PORT = \"CS_PORT\"\n", ":2: a repository may not set"),
        ("[env]\nANTHROPIC_DB = \"CS_SLUG\"\n", ":2: a repository may not set"),
        ("[env]\nPORT = \"3000\"\n", ":2: PORT is to be \"3000\""),
        ("[env]\nDB_NAME = \"$(touch /tmp/x)\"\n", ":2: DB_NAME is to be"),
        ("[env]\nDB_NAME = \"${HOME}\"\n", ":2: DB_NAME is to be"),
        ("[env]\n\nDB_NAME = \"\\u001b]0;x\\u0007\"\n", ":3: DB_NAME is to be \"\\u{1b}"),
        ("[env]\nPORT = [\"CS_PORT\"]\n", ":2: invalid type"),
        ("[env.PORT]\nx = \"CS_PORT\"\n", ": invalid type"),
        ("[env]\n", " says nothing"),
        ("", " says nothing"),
        ("on_create = [\"id\"]\n", ":1: unknown key 'on_create'"),
        ("[worktree]\non_create = [\"id\"]\n", ":1: unknown key 'worktree'"),
    ] {
        fs::write(&file, text).unwrap();
        let refused = world.cs_in(&project, &["allow"]);
        assert_eq!(refused.code, Some(2), "{text}: {refused:?}");
        assert!(refused.stderr.contains(said), "{text}: {}", refused.stderr);
        assert!(!refused.stderr.contains('\u{1b}'), "{}", refused.stderr);
    }
    let plain = |env: &BTreeMap<String, String>| -> BTreeSet<String> { env.keys().cloned().collect() };
    assert_eq!(state(&world.data()), before, "nothing is noted of what is refused");
    fs::write(&file, "[env]\nPATH = \"CS_SLUG\"\nPORT = \"CS_PORT\"\n").unwrap();
    world.cs(&["web"]).ok();
    let with = plain(&world.last_start().env);
    fs::remove_file(&file).unwrap();
    world.cs(&["web"]).ok();
    assert_eq!(with, plain(&world.last_start().env));
    // Of a file that was tampered with after it was allowed nothing is left.
    fs::write(&file, "[env]\nPORT = \"CS_PORT\"\n").unwrap();
    world.cs_in(&project, &["allow"]).ok();
    world.cs(&["web"]).ok();
    assert!(world.last_start().var("PORT").is_some(), "the control");
    fs::write(&file, "[env]\nPORT = \"CS_PORT\"\nPATH = \"CS_SLUG\"\n").unwrap();
    world.cs(&["web"]).ok();
    assert_eq!(world.last_start().var("PORT"), None);
    assert_eq!(plain(&world.last_start().env), with);
}

#[test]
fn each_checkout_of_a_repository_has_ports_of_its_own_by_the_same_names() {
    let world = World::with_fake_claude();
    let main = world.project("api");
    git(&world, &main, &["init", "-q"]);
    fs::write(main.join(".cs.toml"), "[env]\nPORT = \"CS_PORT\"\n").unwrap();
    git(&world, &main, &["add", "."]);
    git(&world, &main, &["commit", "-qm", "a"]);
    let linked = world.home().join("src/linked");
    git(&world, &main, &["worktree", "add", "-q", linked.to_str().unwrap()]);
    let copied = world.project("copied");
    fs::copy(main.join(".cs.toml"), copied.join(".cs.toml")).unwrap();
    for (name, directory) in [("main", &main), ("linked", &linked), ("copied", &copied)] {
        world.cs_in(directory, &["new", "--no-open", name]).ok();
    }
    world.cs_in(&main, &["allow"]).ok();
    let port = |name: &str| {
        world.cs(&[name]).ok();
        world.last_start().var("PORT").map(str::to_owned)
    };
    let of = |name: &str| Some(first(&world, name).unwrap().to_string());
    assert_eq!((port("main"), port("linked")), (of("main"), of("linked")), "allowed in the main checkout");
    assert_ne!(of("main"), of("linked"));
    assert_eq!(port("copied"), None, "another path is another file");
    fs::write(linked.join(".cs.toml"), "[env]\nPORT = \"CS_PORT_1\"\n").unwrap();
    assert_eq!((port("linked"), port("main")), (None, of("main")), "another content is another file");
}
