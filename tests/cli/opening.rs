//! Opening sessions and profiles: exactly what the program that is started gets.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use super::scenery::{TALK, cs, ended, session_names, shell, talk};
use super::support::world::{StartOfClaude, World, listing, ran};

/// What a start was given, without what the recording shell itself adds.
fn environment_of(start: &StartOfClaude) -> BTreeMap<String, String> {
    let mut environment = start.env.clone();
    for own in ["PWD", "OLDPWD", "SHLVL", "_"] {
        environment.remove(own);
    }
    environment
}

#[test]
fn a_name_makes_a_session_here_and_later_goes_on_there() {
    let world = World::with_fake_claude();
    let (api, elsewhere) = (world.project("api"), world.project("elsewhere"));
    world.cs_in(&api, &["api", "-p", "hello"]).ok();
    let first = world.last_start();
    assert_eq!(first.cwd, api);
    let id = world.id_of("api");
    assert_eq!(first.flag("--session-id"), Some(id.as_str()));
    assert_eq!(first.flag("-n"), Some("api"));
    assert_eq!(first.args[first.args.len() - 2..], ["-p", "hello"]);

    talk(&world.config_of("api"), &api, &id, "hello");
    world.cs_in(&elsewhere, &["api"]).ok();
    let second = world.last_start();
    assert_eq!(second.cwd, api, "in its own directory, from wherever it is opened");
    assert_eq!(second.args[..2], ["--resume", id.as_str()]);
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_new_session_gives_claude_exactly_these_arguments_and_variables() {
    let mut world = World::with_fake_claude();
    world.set("EDITOR", "an editor");
    let api = world.project("api");
    world.cs_in(&api, &["api"]).ok();
    let start = world.last_start();
    let id = world.id_of("api");
    let config = world.data().join(format!("sessions/{id}/claude"));
    assert_eq!(world.config_of("api"), config);

    let [flag, session, name_flag, name, settings_flag, settings] = start.args.as_slice() else {
        panic!("{:?}", start.args)
    };
    assert_eq!(
        [flag, session, name_flag, name, settings_flag],
        ["--session-id", &id, "-n", "api", "--settings"]
    );
    let base = world.home().join(".claude");
    let memory = world.data().join("profiles/default/memory").join(claude_cs::claude::slug(&api));
    assert_eq!(
        serde_json::from_str::<Value>(settings).unwrap(),
        json!({
            "claudeMdExcludes": [base.join("CLAUDE.md"), base.join("rules/**")],
            "autoMemoryDirectory": memory,
            "statusLine": {
                "type": "command",
                "command": format!("'{}' statusline", World::cs_program().display()),
                "padding": 0,
            },
        })
    );

    let mut expected: BTreeMap<String, String> = world.environment().into_iter().collect();
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    for (name, value) in [
        ("CLAUDE_CONFIG_DIR", text(config.clone())),
        ("CLAUDE_SECURESTORAGE_CONFIG_DIR", String::new()),
        ("CLAUDE_SESSION_ID", id.clone()),
        ("CLAUDE_SESSION_DIR", text(config.clone())),
        ("CLAUDE_HISTORY_FILE", text(config.join("history.jsonl"))),
        ("CLAUDE_CODE_RESUME_HINT_COMMAND", "cs".into()),
        ("CS_SESSION", "api".into()),
        ("CS_SESSION_ID", id.clone()),
        ("CS_PROFILE", "default".into()),
        ("CS_SLUG", "api".into()),
    ] {
        expected.insert(name.into(), value);
    }
    let first = world.show("api")["ports"]["first"].as_u64().unwrap();
    expected.insert("CS_PORT".into(), first.to_string());
    expected.extend((1..10).map(|number| (format!("CS_PORT_{number}"), (first + number).to_string())));
    assert_eq!(environment_of(&start), expected);
}

#[test]
fn arguments_after_the_name_reach_claude_untouched() {
    let world = World::with_fake_claude();
    let hostile: Vec<&OsStr> = [
        "--profile",
        "x",
        "--help",
        "--json",
        "--dry-run",
        "-d",
        "--bare",
        "--yes",
        "--no-open",
        "-w",
        "--version",
        "",
        " ",
        "a\nb",
        "$HOME",
        "`id`",
        "'",
        "--",
        "--resume",
        "--profile=y",
        "-",
        "*",
        "\u{202e}",
    ]
    .map(OsStr::new)
    .into_iter()
    .chain([OsStr::from_bytes(b"not \xff utf-8")])
    .collect();
    let forms: [&[&str]; 3] = [&["api"], &["open", "api-open"], &["new", "api-new"]];
    for form in forms {
        let words: Vec<&OsStr> = form.iter().map(OsStr::new).chain(hostile.iter().copied()).collect();
        world.cs(&words).ok();
        let number = world.root().join("starts").read_dir().unwrap().count() - 1;
        let args = fs::read(world.root().join(format!("starts/{number}/args"))).unwrap();
        let args: Vec<&[u8]> = args.strip_suffix(b"\0").unwrap().split(|byte| *byte == 0).collect();
        let expected: Vec<&[u8]> = hostile.iter().map(|word| word.as_bytes()).collect();
        assert_eq!(args[args.len() - hostile.len()..], expected, "{form:?}");
        assert_eq!(args[0], b"--session-id", "what stands after `--` is no flag");
        fs::remove_dir_all(world.root().join("starts")).unwrap();
        fs::create_dir(world.root().join("starts")).unwrap();
    }
}

#[test]
fn arguments_that_choose_a_conversation_or_a_command_get_no_session_flag() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let own: [&[&str]; 9] = [
        &["--resume", TALK],
        &["--resume"],
        &["-r", TALK],
        &["-c"],
        &["--continue"],
        &["--session-id", TALK],
        &["--session-id=01890000-0000-4000-8000-00000000000a"],
        &["-p", "x", "--resume=y"],
        &["--from-pr", "4"],
    ];
    for arguments in own {
        world.cs(&[&["api"], arguments].concat()).ok();
        let start = world.last_start();
        assert_eq!(start.args[0], "--settings", "{arguments:?}");
        assert_eq!(start.args[2..], *arguments);
    }
    for command in ["mcp", "plugin", "doctor", "auth", "update", "agents", "--version", "-v", "--help", "-h"]
    {
        world.cs(&["api", command, "list"]).ok();
        assert_eq!(world.last_start().args, [command, "list"]);
    }
    // And the control: anything else gets them.
    world.cs(&["api", "tell me about mcp"]).ok();
    assert_eq!(world.last_start().args[0], "--session-id");
}

#[test]
fn a_session_without_a_name_is_named_after_its_directory() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    let mine = world.project("my project!");
    world.cs_in(&api, &[] as &[&str]).ok();
    assert_eq!(world.last_start().flag("-n"), Some("api"));
    world.cs_in(&api, &["why is the build red?"]).ok();
    let prompted = world.last_start();
    assert_eq!(prompted.flag("-n"), Some("api-2"));
    assert_eq!(prompted.args.last().map(String::as_str), Some("why is the build red?"));
    world.cs_in(&api, &["fix\nthis", "-p"]).ok();
    let lines = world.last_start();
    assert_eq!(lines.flag("-n"), Some("api-3"));
    assert_eq!(lines.args[lines.args.len() - 2..], ["fix\nthis", "-p"]);
    world.cs_in(&mine, &["/review"]).ok();
    assert_eq!(world.last_start().flag("-n"), Some("my-project"));
    world.cs_in(&mine, &["--dir", api.to_str().unwrap(), "another prompt"]).ok();
    assert_eq!(world.last_start().flag("-n"), Some("api-4"));
    assert_eq!(world.last_start().cwd, api);
    assert_eq!(session_names(&world), ["api", "api-2", "api-3", "api-4", "my-project"]);
}

#[test]
fn options_before_the_name_say_how_the_session_is_made() {
    let world = World::with_fake_claude();
    let place = world.project("place");
    let place_text = place.to_str().unwrap();
    world.write(".claude/skills/s/SKILL.md", "a skill");
    world.write(".gitconfig", "[user]\n");
    world.cs(&["profile", "create", "work"]).ok();

    world.cs(&["--profile", "work", "--dir", place_text, "a", "-p", "x"]).ok();
    let start = world.last_start();
    assert_eq!(start.cwd, place);
    assert_eq!(start.var("CS_PROFILE"), Some("work"));
    let work = world.config_of("work");
    assert_eq!(start.var("CLAUDE_SECURESTORAGE_CONFIG_DIR"), work.to_str());
    assert!(world.config_of("a").join("skills").is_symlink());

    world.cs(&["--bare", "b"]).ok();
    assert!(world.config_of("b").is_dir() && !world.config_of("b").join("skills").exists());
    assert_eq!(world.show("b")["bare"], true);

    world.cs(&["--isolation", "home", "c"]).ok();
    let start = world.last_start();
    let home = world.data().join(format!("sessions/{}/home", world.show("c")["id"].as_str().unwrap()));
    assert_eq!(start.var("HOME"), home.to_str());
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), None);
    assert_eq!(start.var("CLAUDE_SECURESTORAGE_CONFIG_DIR"), world.home().join(".claude").to_str());
    assert_eq!(fs::read_link(home.join(".gitconfig")).unwrap(), world.home().join(".gitconfig"));

    world.cs(&["--isolation", "none", "d"]).ok();
    let start = world.last_start();
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), None);
    assert_eq!(start.var("HOME"), world.home().to_str());
    assert_eq!(start.args[..4], ["--session-id", world.show("d")["id"].as_str().unwrap(), "-n", "d"]);
    assert_eq!(start.args.len(), 4, "nothing is injected into what is the profile's own");

    let before = world.starts().len();
    assert!(world.cs(&["--no-open", "e"]).ok().is_empty());
    assert_eq!(world.starts().len(), before);
    assert_eq!(session_names(&world), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_profile_is_run_as_it_is() {
    let world = World::with_fake_claude();
    world.cs(&["profile", "create", "work"]).ok();
    let before = session_names(&world);
    world.cs(&["work", "mcp", "list"]).ok();
    assert_eq!(world.last_start().args, ["mcp", "list"]);
    assert_eq!(world.last_start().var("CLAUDE_CONFIG_DIR"), world.config_of("work").to_str());
    world.cs(&["work"]).ok();
    assert_eq!(world.last_start().args, [] as [&str; 0]);
    world.cs(&["default", "--continue"]).ok();
    let start = world.last_start();
    assert_eq!(start.args, ["--continue"]);
    assert_eq!(start.var("CLAUDE_CONFIG_DIR"), None, "the user's own is entered by its absence");
    assert_eq!(start.var("CLAUDE_SECURESTORAGE_CONFIG_DIR"), None);
    assert_eq!(start.var("CS_SESSION"), None);
    assert_eq!(session_names(&world), before, "no session is made for it");
}

#[test]
fn nothing_is_written_by_what_only_shows() {
    let world = World::with_fake_claude();
    let reading: &[&[&str]] = &[
        &["--help"],
        &["--version"],
        &["list"],
        &["list", "--json"],
        &["ls", "--all"],
        &["restore"],
        &["restore", "--json"],
        &["config"],
        &["config", "show", "--json"],
        &["config", "path"],
        &["profile"],
        &["profile", "list", "--json"],
        &["profile", "show", "default"],
        &["profile", "default"],
        &["profile", "sync", "--dry-run"],
        &["show", "default", "--json"],
        &["path", "default"],
        &["init", "bash"],
        &["init", "zsh"],
        &["init", "fish"],
        &["init", "powershell"],
        &["completions", "zsh"],
        &["--dry-run", "api", "-p", "x"],
        &["--dry-run", "--json", "api"],
        &["new", "--dry-run", "api"],
        &["--dry-run", "a prompt"],
        &["--dry-run", "default"],
        &["--dry-run", "--isolation", "home", "api"],
    ];
    let empty = listing(world.root());
    for arguments in reading {
        world.cs(arguments).ok();
        assert_eq!(listing(world.root()), empty, "{arguments:?} in an empty world");
    }
    for failing in [&["show", "nothing"][..], &["rm", "nothing"], &["last"], &["resume"], &["env", "nothing"]]
    {
        assert_ne!(world.cs(failing).code, Some(0));
        assert_eq!(listing(world.root()), empty, "{failing:?} in an empty world");
    }
    // The control: making one does change something.
    world.cs(&["new", "--no-open", "made"]).ok();
    world.cs(&["profile", "create", "work"]).ok();
    let full = listing(world.root());
    assert_ne!(full, empty);
    let more: &[&[&str]] = &[
        &["show", "made"],
        &["path", "made"],
        &["--dry-run", "made"],
        &["--dry-run", "work"],
        &["show", "work"],
    ];
    for arguments in reading.iter().chain(more) {
        world.cs(arguments).ok();
        assert_eq!(listing(world.root()), full, "{arguments:?} where there is something");
    }
    assert_eq!(world.starts().len(), 0);
}

#[test]
fn a_dry_run_says_what_the_launch_then_does() {
    let world = World::with_fake_claude();
    world.write(".claude/settings.json", "{}");
    world.cs(&["new", "--no-open", "api"]).ok();
    let plan: Value =
        serde_json::from_str(&world.cs(&["--dry-run", "--json", "api", "-p", "hello"]).ok()).unwrap();
    assert_eq!(plan["schema"], 1);
    world.cs(&["api", "-p", "hello"]).ok();
    let start = world.last_start();
    let command: Vec<&str> =
        plan["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(command[0], world.bin().join("claude").to_str().unwrap());
    assert_eq!(command[1..], start.args);
    for (name, value) in plan["env"].as_object().unwrap() {
        assert_eq!(start.var(name), value.as_str(), "{name}");
    }
    assert_eq!(plan["directory"].as_str(), start.cwd.to_str());
}

#[test]
fn the_programs_own_end_is_passed_on() {
    let world = World::with_fake_claude();
    for code in [0, 1, 2, 5, 42, 126, 127, 255] {
        world.fake_claude(&format!("exit {code}"));
        assert_eq!(world.cs(&["api"]).code, Some(code));
    }
    for (word, number) in [("TERM", 15), ("KILL", 9), ("INT", 2), ("SEGV", 11)] {
        world.fake_claude(&format!("kill -{word} $$"));
        let ran = world.cs(&["api"]);
        assert_eq!((ran.code, ran.signal), (None, Some(number)));
    }
}

#[test]
fn standard_output_holds_what_claude_prints_and_nothing_else() {
    let mut world = World::with_fake_claude();
    world.fake_claude("printf '{\"result\": 1}'; printf 'on stderr' >&2; cat");
    world.set("ANTHROPIC_API_KEY", "sk-secret");
    world.set("CLAUDE_CONFIG_DIR", "/somewhere");
    for arguments in
        [&["api", "-p", "x"][..], &["api"], &["default"], &["a prompt"], &["exec", "api", "--", "claude"]]
    {
        let ran = world.cs(arguments);
        assert_eq!(ran.stdout, "{\"result\": 1}", "{arguments:?}");
        assert!(ran.stderr.ends_with("on stderr"));
        assert!(
            ran.stderr.contains("not passing on"),
            "the control: there was something to say: {}",
            ran.stderr
        );
    }
    let mut command = world.command(&world.home(), &["api"]);
    let input = world.write("input", "from standard input");
    command.stdin(fs::File::open(input).unwrap());
    assert_eq!(ran(&mut command).stdout, "{\"result\": 1}from standard input");
}

#[test]
fn credentials_of_the_shell_are_not_passed_on_and_are_named() {
    let mut world = World::with_fake_claude();
    let credentials = [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
    ];
    for name in credentials {
        world.set(name, format!("secret-of-{name}"));
    }
    for marker in
        ["CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SESSION_ID"]
    {
        world.set(marker, "1");
    }
    world.set("UNRELATED_TOKEN", "stays");
    for arguments in [&["api"][..], &["default"], &["exec", "api", "--", "claude"]] {
        let ran = world.cs(arguments);
        let start = world.last_start();
        for name in
            credentials.iter().chain(&["CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_SESSION_ID"])
        {
            assert_eq!(start.var(name), None, "{arguments:?}");
        }
        assert_eq!(start.var("UNRELATED_TOKEN"), Some("stays"), "the control");
        for name in credentials {
            assert!(ran.stderr.contains(name), "{name} is not named: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("secret-of"), "a value is shown: {}", ran.stderr);
        assert_eq!(ran.code, Some(0));
    }
    // What config.toml names is wanted.
    world.write(".config/cs/config.toml", "[env]\nANTHROPIC_API_KEY = \"${ANTHROPIC_API_KEY}\"\n");
    let said = world.cs(&["api"]).stderr;
    assert_eq!(world.last_start().var("ANTHROPIC_API_KEY"), Some("secret-of-ANTHROPIC_API_KEY"));
    assert!(!said.contains("ANTHROPIC_API_KEY") && said.contains("ANTHROPIC_AUTH_TOKEN"), "{said}");
}

#[test]
fn a_config_directory_of_the_shell_is_not_used_and_that_is_said() {
    let mut world = World::with_fake_claude();
    assert_eq!(world.cs(&["api"]).stderr, "", "the control: nothing to say");
    world.set("CLAUDE_CONFIG_DIR", "/somewhere/else");
    let ran = world.cs(&["api"]);
    assert!(ran.stderr.contains("not using CLAUDE_CONFIG_DIR=/somewhere/else"), "{}", ran.stderr);
    assert_eq!(world.last_start().var("CLAUDE_CONFIG_DIR"), world.config_of("api").to_str());
    world.cs(&["default"]).ok();
    assert_eq!(world.last_start().var("CLAUDE_CONFIG_DIR"), None);
    // Inside a session of ours the variable is ours.
    world.set("CS_PROFILE", "default");
    assert_eq!(world.cs(&["api"]).stderr, "");
}

#[test]
fn the_program_gets_the_users_umask_signals_and_files_and_the_very_process() {
    let world = World::with_fake_claude();
    let seen = world.root().join("seen");
    world.fake_claude(&format!(
        "{{ umask; grep '^SigIgn' /proc/$$/status; ls /proc/$$/fd; }} > '{}'",
        seen.display()
    ));
    // The same program started directly and by cs sees the same. The caller's own descriptor and
    // an ignored signal are among it, so that an empty answer proves nothing.
    for umask in ["022", "027", "077", "000"] {
        let script = format!("umask {umask}; trap '' HUP; exec 7</dev/null; p=$1; shift; exec \"$p\" \"$@\"");
        let claude = world.bin().join("claude");
        ran(&mut shell(&world, &script, &[claude.to_str().unwrap()])).ok();
        let directly = fs::read_to_string(&seen).unwrap();
        ran(&mut shell(&world, &script, &[&cs(), "default"])).ok();
        assert_eq!(fs::read_to_string(&seen).unwrap(), directly, "a profile");
        ran(&mut shell(&world, &script, &[&cs(), "api"])).ok();
        // A session's has one more: the lock that tells from a container that it runs, out of a script's way.
        let here = fs::read_to_string(&seen).unwrap();
        let (more, same): (Vec<&str>, Vec<&str>) = here.lines().partition(|line| *line == "64");
        assert_eq!((more.len(), same.join("\n") + "\n"), (1, directly.clone()));
        assert!(directly.starts_with(&format!("0{umask}\n")) && directly.contains("\n7\n"), "{directly}");
        let ignored = directly.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        let ignored = u64::from_str_radix(ignored, 16).unwrap();
        assert_eq!(ignored & (1 | 1 << 12), 1, "HUP is ignored as the caller wished, PIPE is not");
    }
    let mut child = world.command(&world.home(), &["api"]).spawn().unwrap();
    let pid = child.id();
    ended(&mut child);
    assert_eq!(world.last_start().pid, pid, "cs becomes Claude");
}

#[test]
fn settings_of_a_person_are_merged_into_ours() {
    let world = World::with_fake_claude();
    let file = world.write("mine.json", r#"{"model": "opus"}"#);
    for settings in [file.to_str().unwrap(), r#"{"model": "opus"}"#] {
        world.cs(&["api", "--settings", settings, "-p", "x"]).ok();
        let start = world.last_start();
        let given = start.flag("--settings").unwrap();
        let text =
            if settings.starts_with('{') { given.to_owned() } else { fs::read_to_string(given).unwrap() };
        let merged: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(merged["model"], "opus");
        assert!(merged["claudeMdExcludes"].is_array());
        assert_eq!(start.args.iter().filter(|word| *word == "--settings").count(), 1);
    }
    assert_eq!(fs::read_to_string(file).unwrap(), r#"{"model": "opus"}"#);
}

#[test]
fn what_claude_prints_at_its_end_can_be_typed() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["new", "--no-open", "api"]).ok();
    talk(&world.config_of("api"), &api, TALK, "hello");
    for form in [&["--resume", TALK][..], &["-r", TALK], &["--resume", "api"], &["resume", "api"]] {
        world.cs(form).ok();
        let start = world.last_start();
        assert_eq!(start.args[..2], ["--resume", TALK], "{form:?}");
        assert_eq!(start.cwd, api);
    }
    world.cs(&["resume", TALK, "-p", "--help"]).ok();
    let start = world.last_start();
    assert_eq!(start.args[start.args.len() - 2..], ["-p", "--help"]);
}

#[test]
fn arguments_that_are_no_text_are_said_to_be_no_name() {
    let world = World::with_fake_claude();
    let bad = OsString::from(OsStr::from_bytes(b"a\xffb"));
    let before = listing(world.root());
    for form in [&[][..], &[OsString::from("new")], &[OsString::from("resume")], &[OsString::from("show")]] {
        let failed = world.cs(&[form, std::slice::from_ref(&bad)].concat());
        assert_eq!(failed.code, Some(2), "{failed:?}");
    }
    assert_eq!(listing(world.root()), before);
}

#[test]
fn where_conversations_cannot_be_read_no_new_one_is_begun() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["api"]).ok();
    let id = world.id_of("api");
    let config = world.config_of("api");
    talk(&config, &api, &id, "hello");
    world.cs_in(&api, &["api"]).ok();
    assert_eq!(world.last_start().args[..2], ["--resume", id.as_str()], "it can be resumed");

    // A directory that is no directory any more is as unreadable to root as to anybody.
    let projects = config.join("projects");
    fs::rename(&projects, config.join("aside")).unwrap();
    fs::write(&projects, "").unwrap();
    let before = listing(&world.data());
    let said = world.cs_in(&api, &["api"]).fails(1);
    assert!(said.contains(&format!("cannot list {}", projects.display())), "{said}");
    assert_eq!(world.starts().len(), 2, "Claude was not started");
    let after = listing(&world.data());
    let changed: Vec<_> = before.iter().filter(|(path, entry)| after.get(*path) != Some(entry)).collect();
    assert!(changed.iter().all(|(path, _)| path.ends_with("lock")), "{changed:?}");
    assert!(world.cs(&["list"]).ok().contains("api"), "the list does not depend on it");
    assert!(world.cs(&["fork", "api", "beside"]).fails(1).contains("cannot list"));
}

#[test]
fn what_the_base_gains_later_reaches_the_sessions_of_a_profile_made_before() {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs(&["profile", "create", "work"]).ok();
    world.cs(&["profile", "create", "clean", "--bare"]).ok();
    let skill = world.write(".claude/skills/late/SKILL.md", "late");
    world.write(".claude/CLAUDE.md", "base");
    fs::write(world.config_of("work").join("CLAUDE.md"), "its own").unwrap();
    for (profile, name) in [("work", "one"), ("clean", "two")] {
        world.cs_in(&api, &["--profile", profile, name]).ok();
    }
    let shared = world.config_of("one");
    assert_eq!(fs::canonicalize(shared.join("skills/late/SKILL.md")).unwrap(), skill);
    assert_eq!(fs::read_to_string(shared.join("CLAUDE.md")).unwrap(), "its own");
    assert!(!world.config_of("two").join("skills").exists(), "a bare profile takes nothing");
}
