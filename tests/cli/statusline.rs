//! `cs statusline`: what Claude shows under its prompt.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::support::snapshots::assert_snapshot;
use super::support::world::{Ran, World, ran};

/// What Claude sends, in the middle of a session with a subscription.
fn sent(world: &World) -> Value {
    let directory = world.project("api");
    fs::create_dir_all(directory.join(".git")).unwrap();
    fs::write(directory.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let soon = jiff::Timestamp::now().as_second() + 2 * 3600 + 630;
    json!({
        "session_id": "4099ff3b-6d1b-4d93-84d4-590dba6603b3",
        "cwd": directory.to_str().unwrap(),
        "session_name": "a title",
        "effort": {"level": "high"},
        "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
        "workspace": {"current_dir": directory.to_str().unwrap(), "project_dir": "/elsewhere", "added_dirs": []},
        "version": "2.1.329",
        "output_style": {"name": "default"},
        "cost": {"total_cost_usd": 1.2, "total_duration_ms": 3_840_000, "total_lines_added": 156, "total_lines_removed": 23},
        "context_window": {"context_window_size": 200_000, "used_percentage": 42, "remaining_percentage": 58},
        "rate_limits": {
            "five_hour": {"used_percentage": 23.5, "resets_at": soon},
            "seven_day": {"used_percentage": 86, "resets_at": soon + 86_400},
        },
        "something": ["new"],
    })
}

/// A world in session 'api' of profile 'work', without colours.
fn world() -> World {
    let mut world = World::new();
    world.set("CS_SESSION", "api");
    world.set("CS_PROFILE", "work");
    world.set("NO_COLOR", "1");
    world
}

/// What the status line says to these bytes; it never fails, and says nothing else.
#[track_caller]
fn says_to(world: &World, arguments: &[&str], bytes: &[u8]) -> String {
    let all = [&["statusline"], arguments].concat();
    let mut child = world
        .command(&world.home(), &all)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have heard enough before all is said.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

fn says(world: &World, arguments: &[&str], sent: &Value) -> String {
    says_to(world, arguments, sent.to_string().as_bytes())
}

#[test]
fn every_theme_shows_what_claude_says_and_where_one_is() {
    let world = world();
    let sent = sent(&world);
    let mut all = String::new();
    for theme in ["plain", "short", "full", "powerline"] {
        all += &format!("{theme}\n{}", says(&world, &["--theme", theme], &sent));
    }
    assert_snapshot!(all);
}

#[test]
fn colours_are_there_unless_nobody_wants_them_and_warn_of_what_is_nearly_used_up() {
    let mut world = world();
    world.unset("NO_COLOR");
    let mut sent = sent(&world);
    sent["context_window"]["used_percentage"] = json!(97);
    let text: String = ["plain", "powerline"].map(|theme| says(&world, &["--theme", theme], &sent)).concat();
    assert_snapshot!(text.replace('\x1b', "^"));
    sent["context_window"]["used_percentage"] = json!(80);
    assert!(!says(&world, &["--format", "{context}"], &sent).contains('\x1b'), "up to there is no warning");
}

#[test]
fn what_is_not_there_leaves_no_hole() {
    let world = world();
    // As it begins: nothing was said yet, and there is no subscription.
    let mut sent = sent(&world);
    for path in ["rate_limits", "cost", "session_name"] {
        sent[path] = Value::Null;
    }
    sent["context_window"]["used_percentage"] = Value::Null;
    assert_eq!(says(&world, &[], &sent), "api (work) | ~/src/api on main | Opus 5.5\n");
    assert_eq!(
        says(&world, &["--theme", "full"], &sent),
        "api (work) | ~/src/api on main | Opus 5.5, high\n"
    );
    let mut outside = World::new();
    outside.set("NO_COLOR", "1");
    assert_eq!(
        says(&outside, &[], &json!({"session_name": "mine", "cwd": "/"})),
        "mine | /\n",
        "in no session of ours it is Claude's own name"
    );
}

#[test]
fn whatever_comes_there_is_a_line() {
    let world = world();
    let here = "api (work) | ~\n";
    for nothing in [
        &b""[..],
        b"\n",
        b"{",
        b"null",
        b"[1,2,3]",
        b"\"text\"",
        b"\x00\xff\xfe",
        br#"{"cwd":7,"model":[],"workspace":null,"cost":"much","context_window":{"used_percentage":"42"}}"#,
        br#"{"model":{"display_name":null},"cost":{"total_cost_usd":"1.20"},"rate_limits":{"five_hour":{"used_percentage":"23"}}}"#,
        br#"{"cost":{"total_cost_usd":-1},"context_window":{"used_percentage":1e308},"workspace":{"current_dir":""}}"#,
    ] {
        assert_eq!(says_to(&world, &[], nothing), here, "{}", String::from_utf8_lossy(nothing));
    }
    let sent = sent(&world);
    let whole = sent.to_string();
    for end in [1, whole.len() / 2, whole.len() - 1] {
        assert_eq!(says_to(&world, &[], &whole.as_bytes()[..end]), here, "torn after {end} bytes");
    }
    // Ten megabytes are not read to their end, and no memory is had for them.
    let mut long = br#"{"session_name":""#.to_vec();
    long.resize(10 << 20, b'x');
    long.extend(b"\"}");
    assert_eq!(says_to(&world, &[], &long), here);
    // The control: whole, it is read.
    assert_eq!(
        says(&world, &[], &sent),
        "api (work) | ~/src/api on main | Opus 5.5 | 42% context | $1.20 | 5h 24% | week 86%\n"
    );
}

#[test]
fn nothing_of_it_acts_on_the_terminal() {
    let mut world = World::new();
    let hostile = "\u{1b}]0;owned\u{7}\u{202e}\u{9b}2J\r\nnext";
    let directory = world.project("evil\u{1b}[2J");
    fs::create_dir_all(directory.join(".git")).unwrap();
    fs::write(directory.join(".git/HEAD"), format!("ref: refs/heads/{hostile}")).unwrap();
    let sent = json!({
        "session_name": hostile, "model": {"display_name": hostile}, "effort": {"level": hostile},
        "workspace": {"current_dir": directory.to_str().unwrap()}, "version": hostile,
        "output_style": {"name": hostile}, "vim": {"mode": hostile},
    });
    world.set("CS_PROFILE", hostile.replace('\n', ""));
    let format = "{session} {profile} {dir} {branch} {model} {effort} {version} {style} {vim}\u{1b}[31m";
    world.write(".config/cs/config.toml", &format!("[statusline]\nformat = {}\n", json!(format)));
    for theme in ["plain", "short", "full", "powerline"] {
        world.set("NO_COLOR", "1");
        for arguments in [&["--theme", theme][..], &[], &["--theme", hostile], &["--format", hostile]] {
            let text = says(&world, arguments, &sent);
            let bad = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!text.contains(bad), "{text:?}");
            assert!(text.contains("\\x1b") || arguments.is_empty() || !text.contains("owned"), "{text:?}");
        }
    }
    // The control: it is shown, spelled out.
    assert!(says(&world, &[], &sent).contains("\\x1b]0;owned\\x07\\u{202e}\\x9b2J\\r\\nnext"));
}

#[test]
fn a_narrow_terminal_gets_the_middle_of_the_directory_cut_then_the_end_of_the_line() {
    let mut world = world();
    let mut sent = sent(&world);
    let deep = world.project("a/rather/deeply/nested/place/for/work");
    sent["workspace"]["current_dir"] = json!(deep.to_str().unwrap());
    let mut all = String::new();
    for columns in ["200", "90", "60", "30", "12", "4", "0", "x"] {
        world.set("COLUMNS", columns);
        all += &format!("{columns:>4}: {}", says(&world, &[], &sent));
    }
    assert_snapshot!(all);
}

#[test]
fn settings_that_make_no_sense_are_told_in_the_line() {
    let world = world();
    let sent = sent(&world);
    let mut all = String::new();
    for config in [
        "[statusline]\ntheme = \"powerlin\"\n",
        "[statusline]\nformat = \"{session} {brnch} {nonsense} {model\"\n",
        "[statusline]\nthem = \"plain\"\n",
        "[statusline\n",
    ] {
        world.write(".config/cs/config.toml", config);
        all += &format!("{config}=> {}\n", says(&world, &[], &sent));
    }
    assert_snapshot!(world.normal(&all));
    // Asked for by a person, they are failures.
    world.write(".config/cs/config.toml", "");
    for (arguments, said) in [
        (["--theme", "powerlin"], "cs: there is no theme 'powerlin'\n    did you mean 'powerline'?\n"),
        (["--format", "{brnch}"], "cs: no field 'brnch': did you mean 'branch'?\n"),
    ] {
        assert_eq!(world.cs(&[&["statusline", "--preview"], &arguments[..]].concat()).fails(2), said);
    }
}

#[test]
fn a_format_of_ones_own_is_used_and_a_theme_that_is_asked_for_goes_before_it() {
    let world = world();
    let sent = sent(&world);
    world.write(
        ".config/cs/config.toml",
        "[statusline]\ntheme = \"short\"\nformat = \"<{session}>\\n{{{cost}}}\"\n",
    );
    assert_eq!(says(&world, &[], &sent), "<api>\n{$1.20}\n");
    assert_eq!(says(&world, &["--theme", "short"], &sent), "api main 42% $1.20\n");
    assert_eq!(says(&world, &["--format", "{model}"], &sent), "Opus 5.5\n");
    world.write(".config/cs/config.toml", "[statusline]\ntheme = \"short\"\n");
    assert_eq!(says(&world, &[], &sent), "api main 42% $1.20\n");
}

#[test]
fn a_preview_shows_every_theme_and_which_is_in_use() {
    let world = world();
    assert_snapshot!(world.cs(&["statusline", "--preview"]).ok());
    let one = world.cs(&["statusline", "--preview", "--theme", "short"]).ok();
    assert_eq!(one, "short\napi main 42% $1.20\n");
    let format = world.cs(&["statusline", "--preview", "--format", "{week}"]).ok();
    assert_eq!(format, "this format\n86%\n");
}

#[test]
fn looking_changes_nothing_on_disk() {
    let world = world();
    let sent = sent(&world);
    let before = super::support::world::listing(world.root());
    let _ = says(&world, &["--theme", "full"], &sent);
    let _ = world.cs(&["statusline", "--preview"]).ok();
    assert_eq!(super::support::world::listing(world.root()), before);
}

/// The status line in the plan of a launch.
fn planned(ran: Ran) -> Option<String> {
    planned_in(&ran.ok())
}

fn planned_in(plan: &str) -> Option<String> {
    let plan: Value = serde_json::from_str(plan).unwrap();
    let command: Vec<&str> =
        plan["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let at = command.iter().position(|word| word.starts_with("--settings"))?;
    let text = command[at].strip_prefix("--settings=").unwrap_or_else(|| command[at + 1]);
    let settings: Value = serde_json::from_str(text).unwrap();
    Some(settings["statusLine"]["command"].as_str()?.to_owned())
}

#[test]
fn a_session_is_given_ours_only_where_it_has_none_of_its_own() {
    let world = World::with_fake_claude();
    let project = world.project("api");
    let plan =
        |arguments: &[&str]| planned(world.cs_in(&project, &[&["--dry-run", "--json"], arguments].concat()));
    let ours = Some(format!("'{}' statusline", World::cs_program().display()));
    let mine = r#"{"statusLine":{"type":"command","command":"mine"}}"#;

    assert_eq!(plan(&["fresh"]), ours, "the control: there is none");
    assert_eq!(plan(&["--isolation", "home", "fresh"]), ours);
    assert_eq!(plan(&["--isolation", "none", "fresh"]), None, "it is in the profile's own directory");
    assert_eq!(plan(&["default"]), None, "a profile is run as it is");

    // The user's own, through the link, before and after the first start.
    let settings = world.write(".claude/settings.json", mine);
    assert_eq!(plan(&["fresh"]), None);
    assert_eq!(plan(&["--bare", "fresh"]), ours, "a bare session does not have the user's");
    let _ = world.cs_in(&project, &["used"]).ok();
    assert_eq!(plan(&["used"]), None);
    fs::write(&settings, r#"{"env":{"X":"statusLine"},"note":"\"statusLine\""}"#).unwrap();
    assert_eq!(plan(&["used"]), ours, "one that only speaks of it");
    // The session's own file.
    let own = world.config_of("used").join("settings.json");
    fs::remove_file(&own).unwrap();
    fs::write(&own, mine).unwrap();
    assert_eq!(plan(&["used"]), None);
    assert_eq!(plan(&["fresh"]), ours);
    fs::remove_file(&own).unwrap();

    // The project's, of two kinds; that of a directory above is not read by Claude.
    for name in ["settings.json", "settings.local.json"] {
        let file = project.join(".claude").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, mine).unwrap();
        assert_eq!(plan(&["fresh"]), None, "{name}");
        let below = project.join("below");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(planned(world.cs_in(&below, &["--dry-run", "--json", "fresh"])), ours, "{name}");
        fs::write(&file, "{\"statusLine\": {").unwrap();
        assert_eq!(plan(&["fresh"]), None, "half-written");
        fs::remove_file(&file).unwrap();
    }

    // What stands on the command line.
    assert_eq!(plan(&["fresh", "--settings", mine]).as_deref(), Some("mine"));
    assert_eq!(plan(&["fresh", "--settings", "{\"model\":\"opus\"}"]), ours);

    world.write(".config/cs/config.toml", "[statusline]\ninstall = false\n");
    assert_eq!(plan(&["fresh"]), None);
}

#[test]
fn what_a_session_is_given_runs_wherever_the_program_lies() {
    let world = World::with_fake_claude();
    let place = world.root().join("it's a \"place\" $HOME");
    fs::create_dir(&place).unwrap();
    let program = place.join("cs");
    // By a process of its own: one that another test starts meanwhile must not hold it open for writing.
    let copied = ran(std::process::Command::new("cp").arg(World::cs_program()).arg(&program));
    let _ = copied.ok();
    let project = world.project("api");
    let plan = ran(&mut world.any_command(&program, &project, &["--dry-run", "--json", "api"]));
    let command = planned(plan).unwrap();
    let ran = ran(&mut world.any_command("/bin/sh".as_ref(), &project, &["-c", command.as_str()]));
    assert_eq!(ran.ok(), "\u{1b}[34m~/src/api\u{1b}[0m\n");
}

#[test]
fn in_a_home_of_its_own_a_session_shows_what_your_settings_say() {
    let world = World::with_fake_claude();
    let project = world.project("api");
    world.write(".config/cs/config.toml", "[statusline]\nformat = \"at {dir}\"\n");
    let plan = world.cs_in(&project, &["--dry-run", "--json", "--isolation", "home", "apart"]);
    let plan = plan.ok();
    let variables = serde_json::from_str::<Value>(&plan).unwrap()["env"].clone();
    let command = planned_in(&plan).unwrap();
    // As Claude runs it, whose home is the session's.
    let theirs = world.root().join("elsewhere");
    fs::create_dir(&theirs).unwrap();
    let shown = |names: &[&str]| {
        let mut shell = world.any_command("/bin/sh".as_ref(), &project, &["-c", &command]);
        shell.env("HOME", &theirs).env("NO_COLOR", "1");
        shell.envs(names.iter().map(|name| (*name, variables[*name].as_str().unwrap())));
        ran(&mut shell).ok()
    };
    assert_eq!(shown(&["CS_REAL_HOME", "CS_HOME", "CS_CONFIG"]), "at ~/src/api\n");
    // The control: without what the session is told, neither is found.
    assert!(!shown(&[]).contains("at ~/"), "{command}");
}
