//! `--settings FILE`: what stands in it reaches Claude in a file that only its owner may read, and goes with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::scenery::{TALK, list, shell, state, talk};
use super::support::world::{World, listing, ran};
use super::support::{may_trace, needed};

const CANARY: &str = "sk-ant-api03-canary-of-a-settings-file";

/// A world with a session `api` in `src/api`, and a file of settings with a token in it.
fn world() -> (World, PathBuf, PathBuf) {
    let world = World::with_fake_claude();
    let project = world.project("api");
    let text = format!(r#"{{"env":{{"ANTHROPIC_AUTH_TOKEN":"{CANARY}"}},"apiKeyHelper":"echo {CANARY}"}}"#);
    let file = world.write("conf/mine.json", &text);
    world.cs_in(&project, &["new", "--no-open", "api"]).ok();
    (world, project, file)
}

/// The files of settings that are kept for a session.
fn kept(world: &World, name: &str) -> Vec<PathBuf> {
    let directory = world.root_of(name).join("settings");
    let mut found: Vec<PathBuf> =
        fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The path that Claude was given last.
fn given(world: &World) -> PathBuf {
    world.last_start().flag("--settings").unwrap().into()
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn settings_in_a_file_are_handed_on_in_one_that_only_its_owner_may_read() {
    let (world, project, file) = world();
    let before = fs::read(&file).unwrap();
    // Relative to where it is typed, which is not where Claude is started.
    let elsewhere = world.home().join("conf");
    let forms: &[(&Path, &[&str])] = &[
        (&project, &["--settings", file.to_str().unwrap()]),
        (&elsewhere, &["--settings", "mine.json"]),
        (&elsewhere, &["--settings=./mine.json"]),
        (&elsewhere, &["--settings", "not-this-one.json", "--settings", "mine.json"]),
    ];
    for (directory, words) in forms {
        let script = "umask 000; program=$1; shift; exec \"$program\" \"$@\"";
        let program = World::cs_program();
        let all = [&[program.to_str().unwrap(), "api"][..], words, &["-p", "x"]].concat();
        ran(shell(&world, script, &all).current_dir(directory)).ok();
        let start = world.last_start();
        assert!(!start.args.iter().any(|word| word.contains(CANARY)), "{:?}", start.args);
        let named = start.args.iter().rfind(|word| word.contains("/settings/")).unwrap();
        let path = PathBuf::from(named.strip_prefix("--settings=").unwrap_or(named));
        assert_eq!(
            kept(&world, "api"),
            std::slice::from_ref(&path),
            "{words:?}: one, and that of the last start is gone"
        );
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "whatever the mask");
        let merged: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(merged["env"]["ANTHROPIC_AUTH_TOKEN"], CANARY);
        assert!(merged["claudeMdExcludes"].is_array(), "with ours: {merged}");
        assert!(!path.starts_with(world.config_of("api")), "not where Claude writes");
    }
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(!world.home().join(".claude").exists(), "nothing is written to the user's own");

    world.cs(&["api", "-p", "x"]).ok();
    assert_eq!(kept(&world, "api"), [] as [PathBuf; 0], "without the file, nothing of it stays");
    assert!(world.last_start().flag("--settings").unwrap().starts_with('{'));
}

#[test]
fn settings_of_any_length_start_claude() {
    let (world, project, _) = world();
    let rules: Vec<String> = (0..8000).map(|number| format!("Bash(command-{number}:*)")).collect();
    let text = serde_json::json!({"permissions": {"allow": rules}}).to_string();
    assert!(text.len() > 128 << 10, "the control: longer than a word of a command line");
    let file = world.write("long.json", &text);
    world.cs_in(&project, &["api", "--settings", file.to_str().unwrap(), "-p", "x"]).ok();
    let merged: Value = serde_json::from_slice(&fs::read(given(&world)).unwrap()).unwrap();
    assert_eq!(merged["permissions"]["allow"].as_array().unwrap().len(), 8000);
    // Typed as they are, they may be just short enough, and with ours not any more.
    let typed = format!(r#"{{"x":"{}"}}"#, "y".repeat((128 << 10) - 20));
    world.cs_in(&project, &["api", "--settings", &typed, "-p", "x"]).ok();
    assert!(fs::read_to_string(given(&world)).unwrap().contains("yyy"));
}

#[test]
fn a_dry_run_tells_the_path_of_settings_and_not_what_is_in_them() {
    let (world, project, file) = world();
    let before = listing(world.root());
    for form in [&["--dry-run"][..], &["--dry-run", "--json"]] {
        let words = [form, &["api", "--settings", file.to_str().unwrap()]].concat();
        let done = world.cs_in(&project, &words);
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(CANARY));
        assert!(done.ok().contains("/settings/"));
    }
    assert_eq!(listing(world.root()), before);
    let plan =
        world.cs_in(&project, &["--dry-run", "--json", "api", "--settings", file.to_str().unwrap()]).ok();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["do"] == "write-settings").unwrap();
    assert!(plan["command"].as_array().unwrap().contains(&step["path"]), "{plan}");
    // What is printed for others is printed for them, and says nothing of it.
    let env = world.cs_in(&project, &["env", "api", "--json"]).ok();
    assert!(!env.contains(CANARY) && !env.contains("/settings/"));
}

#[test]
fn what_is_no_file_to_read_is_claudes_and_nobody_waits_for_it() {
    let (world, project, file) = world();
    let conf = world.home().join("conf");
    for (name, text) in [("list.json", "[]"), ("torn.json", "{\"env\":"), ("latin.json", "{\"a\":\"\u{e9}\"")]
    {
        fs::write(conf.join(name), text).unwrap();
    }
    fs::create_dir(conf.join("directory")).unwrap();
    let sparse = fs::File::create(conf.join("sparse.json")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, conf.join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let said_of = |name: &str| {
        let done = world.cs_in(&conf, &["api", "--settings", name, "-p", "x"]);
        let said = done.stderr.clone();
        done.ok();
        // Where Claude is started, the name would mean another file.
        assert_eq!(given(&world), conf.join(name), "{name}");
        assert_eq!(kept(&world, "api"), [] as [PathBuf; 0]);
        said
    };
    assert_ne!(conf, project);
    assert_eq!(said_of("missing.json"), "", "Claude says so, and ends");
    for name in ["list.json", "torn.json", "latin.json"] {
        let said = said_of(name);
        assert!(said.contains("without the settings that cs adds: it is no JSON object"), "{said}");
    }
    for name in ["directory", "sparse.json", "fifo"] {
        let said = said_of(name);
        assert!(said.contains(&format!("{name} goes to Claude without the settings that cs adds")), "{said}");
    }
    // The control: what can be merged is.
    world.cs_in(&conf, &["api", "--settings", file.to_str().unwrap(), "-p", "x"]).ok();
    assert_eq!(kept(&world, "api").len(), 1);
}

#[test]
fn a_profile_itself_and_a_session_without_isolation_have_a_persons_file_as_it_is() {
    let (world, project, file) = world();
    world.cs_in(&project, &["new", "--no-open", "--isolation", "none", "bare"]).ok();
    for name in ["default", "bare"] {
        let conf = file.parent().unwrap();
        world.cs_in(conf, &[name, "--settings", "mine.json", "-p", "x"]).ok();
        let start = world.last_start();
        assert_eq!(start.cwd.join(start.flag("--settings").unwrap()), file, "{name}");
    }
    assert_eq!(kept(&world, "bare"), [] as [PathBuf; 0]);
    // One that ends with Claude is told of the end by a hook, which is merged.
    world
        .cs_in(
            &project,
            &["--ephemeral", "--isolation", "none", "once", "--settings", file.to_str().unwrap()],
        )
        .ok();
    let merged: Value = serde_json::from_slice(&fs::read(given(&world)).unwrap()).unwrap();
    assert_eq!(merged["apiKeyHelper"], format!("echo {CANARY}"));
    assert!(merged["hooks"]["SessionEnd"].is_array());
}

#[test]
fn settings_stay_for_as_long_as_a_background_job_is_started_with_them() {
    let (world, project, file) = world();
    let settings = ["--settings", file.to_str().unwrap()];
    let start = |words: &[&str]| world.cs_in(&project, &[&["api"], words].concat()).ok();
    start(&settings);
    let first = given(&world);
    let job = world.config_of("api").join("jobs/0a1b2c3d");
    fs::create_dir_all(&job).unwrap();
    let state = serde_json::json!({"state": "stopped", "respawnFlags": ["--settings", first]}).to_string();
    fs::write(job.join("state.json"), state).unwrap();
    start(&["-p", "x"]);
    assert_eq!(kept(&world, "api"), std::slice::from_ref(&first));
    start(&settings);
    let second = given(&world);
    assert_ne!(first, second, "nobody writes to it again");
    assert_eq!(kept(&world, "api"), [first.clone(), second]);
    // What a start that was killed left behind is no job's.
    let name = first.file_name().unwrap().to_str().unwrap();
    fs::write(first.with_file_name(format!(".{name}.0189abcd.new")), CANARY).unwrap();
    // What a person put there is theirs.
    let notes = first.with_file_name("notes");
    fs::write(&notes, "mine").unwrap();
    start(&["-p", "x"]);
    assert_eq!(kept(&world, "api"), [first, notes.clone()]);
    fs::remove_file(notes).unwrap();
    fs::remove_dir_all(job).unwrap();
    start(&["-p", "x"]);
    assert_eq!(kept(&world, "api"), [] as [PathBuf; 0]);
}

#[test]
fn what_takes_no_part_in_a_conversation_leaves_settings_where_they_are() {
    let (world, project, file) = world();
    world.cs_in(&project, &["api", "--settings", file.to_str().unwrap(), "-p", "x"]).ok();
    let directory = world.root_of("api").join("settings");
    let before = state(&directory);
    assert_eq!(before.len(), 2, "{before:?}");
    for words in [
        &["exec", "api", "--", "true"][..],
        &["env", "api"],
        &["api", "mcp", "list"],
        &["show", "api"],
        &["doctor"],
        &["cleanup"],
        &["--dry-run", "api"],
        &["profile", "sync"],
        &["rename", "api", "app"],
        &["rename", "app", "api"],
    ] {
        let done = world.cs_in(&project, words);
        // doctor gives advice here.
        let code = if words == ["doctor"] { 2 } else { 0 };
        assert_eq!(done.code, Some(code), "{words:?}: {} {}", done.stdout, done.stderr);
        assert_eq!(state(&directory), before, "{words:?}");
    }
}

#[test]
fn settings_go_with_their_session_and_into_no_archive() {
    let (world, project, file) = world();
    world.cs_in(&project, &["api", "--settings", file.to_str().unwrap(), "-p", "x"]).ok();
    let path = given(&world);
    talk(&world.config_of("api"), &project, TALK, "hello");
    let archive = world.home().join("out.tar");
    world.cs_in(&project, &["export", "api", archive.to_str().unwrap()]).ok();
    let text = String::from_utf8_lossy(&fs::read(&archive).unwrap()).into_owned();
    assert!(text.contains("hello") && !text.contains(CANARY) && !text.contains("settings/"));
    world.cs_in(&project, &["fork", "--no-open", "api", "other"]).ok();
    assert_eq!(list(&world)["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(kept(&world, "other"), [] as [PathBuf; 0]);
    world.cs_in(&project, &["rm", "api"]).ok();
    assert!(!path.exists());
    world.cs_in(&project, &["restore", "api"]).ok();
    assert!(path.exists(), "the control: it went to the trash with the rest");
    world.cs_in(&project, &["rm", "api"]).ok();
    world.cs_in(&project, &["trash", "empty", "--yes", "api"]).ok();
    let left: Vec<_> = listing(&world.data())
        .into_keys()
        .filter(|path| fs::read_to_string(world.data().join(path)).is_ok_and(|text| text.contains(CANARY)))
        .collect();
    assert_eq!(left, [] as [PathBuf; 0]);
}

#[test]
fn settings_are_private_from_the_first_moment() {
    if !may_trace() {
        return;
    }
    let (world, project, file) = world();
    let trace = world.root().join("trace");
    let program = World::cs_program();
    let words = ["-f", "-qq", "-e", "trace=openat,open,mkdir,mkdirat", "-o", trace.to_str().unwrap()];
    let words =
        [&words[..], &[program.to_str().unwrap(), "api", "--settings", file.to_str().unwrap()]].concat();
    ran(&mut world.any_command(Path::new("/usr/bin/strace"), &project, &words)).ok();
    let trace = fs::read_to_string(&trace).unwrap();
    let made: Vec<&str> = trace
        .lines()
        // By its path, or by its name in the directory that is held open.
        .filter(|line| line.contains("/settings") || line.contains("\"settings\""))
        .filter(|line| line.contains("O_CREAT") || line.contains("mkdir"))
        .collect();
    assert_eq!(made.len(), 2, "{made:?}");
    assert!(
        made[0].contains("0700") && made[1].contains("O_EXCL") && made[1].contains(", 0600)"),
        "{made:?}"
    );
}

#[test]
fn in_a_sandbox_settings_can_be_read_and_not_changed() {
    if needed("bwrap").is_none() {
        return;
    }
    let (world, project, file) = world();
    let seen = project.join("seen");
    // What is given last is read, written to, removed, and moved away with its directory; then one is planted.
    let script = format!(
        "for path in \"$@\"; do :; done; dir=${{path%/*}}; cat \"$path\" >{0}; ls -A \"$dir\" >>{0}\n\
         exec 2>/dev/null; echo x >>\"$path\"; chmod 666 \"$path\"; rm -f \"$path\"; mv \"$path\" \"$dir/x\"\n\
         mv \"$dir\" \"$dir-2\"; mkdir \"$dir\"; echo planted >\"$path\"; mkdir \"${{dir%/*}}/claude/inside\"; exit 0",
        seen.display()
    );
    world.program("claude", &format!("#!/bin/sh\n{script}\n"));
    world.cs_in(&project, &["new", "--no-open", "--isolation", "sandbox", "boxed"]).ok();
    let root = world.root_of("boxed");
    for number in 1..=2 {
        world.cs_in(&project, &["boxed", "--settings", file.to_str().unwrap()]).ok();
        let [path] = &kept(&world, "boxed")[..] else { panic!("{number}: {:?}", kept(&world, "boxed")) };
        let text = fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(text.contains(CANARY) && !text.contains("planted") && !text.contains("}x"), "{text}");
        assert_eq!(fs::read_to_string(&seen).unwrap(), format!("{text}{name}\n"), "it is read there, alone");
        assert_eq!((mode(path), root.join("settings-2").exists()), (0o600, false));
        let own = root.join("claude/inside");
        assert!(own.is_dir(), "the control: what is its own is written");
        fs::remove_dir(own).unwrap();
    }
}

#[test]
fn a_link_that_a_sandbox_left_brings_no_file_of_yours_into_it() {
    if needed("bwrap").is_none() {
        return;
    }
    let (world, project, _) = world();
    let login = format!("{{\"claudeAiOauth\":{{\"accessToken\":\"{CANARY}\"}}}}");
    let login = world.write(".claude/.credentials.json", &login);
    fs::create_dir(project.join("conf")).unwrap();
    for file in ["own.json", "conf/own.json"] {
        fs::write(project.join(file), "{\"model\":\"opus\"}").unwrap();
    }
    let seen = project.join("seen");
    let script = format!(
        "#!/bin/sh\nfor path in \"$@\"; do :; done; cat \"$path\" >{}\neval \"$(cat plant)\"\n",
        seen.display()
    );
    world.program("claude", &script);
    world.cs_in(&project, &["new", "--no-open", "--isolation", "sandbox", "boxed"]).ok();
    let start = |file: &Path| world.cs_in(&project, &["boxed", "--settings", file.to_str().unwrap()]);
    let planted = |script: &str| fs::write(project.join("plant"), script).unwrap();
    // The control: what is named is read, also by a link to what is in the sandbox anyway.
    planted("true");
    start(Path::new("conf/own.json")).ok();
    assert!(fs::read_to_string(&seen).unwrap().contains("opus"));
    let login_is = login.display();
    planted(&format!(
        "ln -s own.json linked.json; ln -s {login_is} led.json; rm -r conf; ln -s ~/.claude conf"
    ));
    start(Path::new("own.json")).ok();
    planted("true");
    start(Path::new("linked.json")).ok();
    assert!(fs::read_to_string(&seen).unwrap().contains("opus"));
    fs::remove_file(&seen).unwrap();
    for file in ["led.json", "conf/.credentials.json"] {
        // The control: outside, the link leads there.
        assert!(fs::read_to_string(project.join(file)).unwrap().contains(CANARY));
        let said = start(Path::new(file)).fails(5);
        assert!(said.contains("which is not in the sandbox") && !said.contains(CANARY), "{said}");
        assert!(!seen.exists(), "nothing was started");
    }
    let copies: Vec<_> = listing(&world.data())
        .into_keys()
        .filter(|path| fs::read_to_string(world.data().join(path)).is_ok_and(|text| text.contains(CANARY)))
        .collect();
    assert_eq!(copies, [] as [PathBuf; 0]);
    // Who names the file itself means it.
    start(&login).ok();
    assert!(fs::read_to_string(&seen).unwrap().contains(CANARY));
}
