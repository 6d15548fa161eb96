//! Sandboxes, by the real bubblewrap: what is in there, what is not, and that none outlives its session.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::scenery::{ended, until};
use super::support::needed;
use super::support::tmux::Tmux;
use super::support::world::{Ran, World, listing, ran};

const SOON: Duration = Duration::from_secs(30);

/// A world with a `claude` that runs `script`, and a session `boxed` in `src/api`, a repository; `None`, said
/// loudly, where there is no bubblewrap.
fn world_with(script: &str) -> Option<World> {
    needed("bwrap")?;
    let world = World::new();
    world.program("claude", &format!("#!/bin/sh\n{script}\n"));
    world.write(".gitconfig", "[user]\nname = A Tester\nemail = tester@example.com\n");
    let project = world.project("api");
    git(&world, &project, &["init", "-q", "-b", "main"]);
    git(&world, &project, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let made = world.cs_in(&project, &["new", "--no-open", "--isolation", "sandbox", "boxed"]);
    made.ok();
    Some(world)
}

fn git(world: &World, directory: &Path, words: &[&str]) -> String {
    ran(&mut world.any_command(Path::new("git"), directory, words)).ok()
}

/// Runs a shell command in the session `boxed`.
fn inside(world: &World, script: &str) -> Ran {
    world.cs_in(&world.project("api"), &["exec", "boxed", "--", "sh", "-c", script])
}

/// Runs the same outside.
fn outside(world: &World, script: &str) -> Ran {
    ran(&mut world.any_command(Path::new("/bin/sh"), &world.project("api"), &["-c", script]))
}

#[test]
fn nothing_of_the_user_is_in_a_sandbox_but_what_the_session_needs() {
    let Some(mut world) = world_with("true") else { return };
    world.set("SSH_AUTH_SOCK", world.root().join("agent"));
    world.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus");
    world.set("AWS_SECRET_ACCESS_KEY", "a-secret");
    world.set("EDITOR", "an-editor");
    world.cs(&["profile", "create", "work"]).ok();
    world.cs_in(&world.project("api"), &["new", "--no-open", "other"]).ok();
    let other = world.config_of("other");
    world.write(".claude/skills/hello/SKILL.md", "a skill\n");
    for path in [
        ".ssh/id_ed25519",
        ".claude/history.jsonl",
        ".aws/credentials",
        "src/private/file",
        ".config/cs/config.toml",
    ] {
        world.write(path, "");
    }
    let paths = [
        world.home().join(".ssh/id_ed25519"),
        world.home().join(".claude/history.jsonl"),
        world.home().join(".aws/credentials"),
        world.home().join("src/private/file"),
        world.home().join(".config/cs/config.toml"),
        world.data().join("names"),
        world.config_of("work"),
        other.parent().unwrap().to_path_buf(),
        world.config_of("boxed").parent().unwrap().join("session.toml"),
        world.bin().join("claude"),
    ];
    let look: Vec<String> = paths.iter().map(|path| format!("ls -d {}", path.display())).collect();
    let look = format!("({}) 2>/dev/null", look.join("; "));
    // The control: outside each of them is there.
    let all: String = paths.iter().map(|path| format!("{}\n", path.display())).collect();
    assert_eq!(outside(&world, &look).stdout, all);
    assert_eq!(inside(&world, &look).stdout, "");

    let needed =
        [world.project("api"), world.config_of("boxed"), world.home().join(".claude/skills/hello/SKILL.md")];
    for path in needed {
        inside(&world, &format!("test -e {}", path.display())).ok();
    }
    let variables = inside(&world, "env").ok();
    for gone in ["SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "AWS_SECRET_ACCESS_KEY", "TMPDIR"] {
        assert!(!variables.contains(gone), "{variables}");
    }
    assert!(
        variables.contains("EDITOR=an-editor\n") && variables.contains("CS_SESSION=boxed\n"),
        "{variables}"
    );
    let told = inside(&world, "true").stderr;
    assert!(told.contains("not in the sandbox: AWS_SECRET_ACCESS_KEY"), "{told}");
    // Other processes are not there either: the first, this shell and what it runs.
    assert!(inside(&world, "ls -d /proc/[0-9]* | wc -l").ok().trim().parse::<u32>().unwrap() <= 5);
}

#[test]
fn what_is_written_outside_of_the_session_fails_or_is_gone() {
    let Some(world) = world_with("true") else { return };
    world.write(".claude/skills/hello/SKILL.md", "a skill\n");
    let before = listing(&world.home().join(".claude"));
    for path in ["/usr/made", "/etc/made", "/made", "/opt/made"] {
        assert_ne!(inside(&world, &format!("touch {path}")).code, Some(0), "{path}");
        assert!(!Path::new(path).exists());
    }
    let skill = world.home().join(".claude/skills/hello/SKILL.md");
    assert_ne!(inside(&world, &format!("echo x >> {}", skill.display())).code, Some(0));
    inside(&world, "echo x > ~/notes; echo x > /tmp/notes; mkdir -p ~/.claude/projects").ok();
    assert!(!world.home().join("notes").exists() && !Path::new("/tmp/notes").exists());
    assert_eq!(listing(&world.home().join(".claude")), before);
    // The control: its own is there, and stays.
    inside(&world, "echo made > made; mkdir -p $CLAUDE_CONFIG_DIR/projects").ok();
    assert_eq!(fs::read_to_string(world.project("api").join("made")).unwrap(), "made\n");
    assert!(world.config_of("boxed").join("projects").is_dir());
}

#[test]
fn git_works_in_a_sandbox_and_nothing_that_git_runs_outside_can_be_put_there() {
    let Some(world) = world_with("true") else { return };
    let api = world.project("api");
    git(&world, &api, &["worktree", "add", "-q", "../tree", "-b", "side"]);
    let tree = world.project("tree");
    world.cs_in(&tree, &["new", "--no-open", "--isolation", "sandbox", "treed"]).ok();
    let common = api.join(".git");
    for (name, directory, branch) in [("boxed", &api, "main"), ("treed", &tree, "side")] {
        let run = |script: &str| world.cs_in(directory, &["exec", name, "--", "sh", "-c", script]);
        run("echo work > file && git add file && git commit -qm inside && git status --short").ok();
        assert_eq!(git(&world, &api, &["log", "-1", "--format=%s", branch]), "inside\n");
        let listed = listing(&common.join("hooks"));
        let config = fs::read(common.join("config")).unwrap();
        for attempt in [
            format!("echo x > {}/hooks/post-commit", common.display()),
            format!("echo x >> {}/config", common.display()),
            "git config core.fsmonitor /bin/false".to_owned(),
            format!("echo x > {}/info/attributes", common.display()),
            format!("mv {0} {0}-away", common.display()),
            format!("rm -rf {}/hooks", common.display()),
        ] {
            assert_ne!(run(&attempt).code, Some(0), "{name}: {attempt}");
        }
        assert_eq!(
            (listing(&common.join("hooks")), fs::read(common.join("config")).unwrap()),
            (listed, config)
        );
    }
    // In a worktree nothing else of the repository either, and neither can it be told to lie elsewhere.
    let run = |script: &str| world.cs_in(&tree, &["exec", "treed", "--", "sh", "-c", script]);
    let own = common.join("worktrees/tree");
    for attempt in [
        format!("echo .. > {}/commondir", common.display()),
        format!("echo /tmp > {}/commondir", own.display()),
        format!("rm {}/commondir", own.display()),
        "echo 'gitdir: /tmp' > .git".to_owned(),
        "rm .git".to_owned(),
    ] {
        assert_ne!(run(&attempt).code, Some(0), "{attempt}");
    }
    let _ = run(&format!("touch {}/made", api.display()));
    assert!(!api.join("made").exists(), "the main checkout is not there");
    // The control: in the worktree itself anything goes.
    run("echo x > .gitattributes && rm .gitattributes").ok();
    assert_eq!(git(&world, &tree, &["status", "--short"]), "");
}

#[test]
fn a_gitdir_file_or_a_link_that_leads_elsewhere_lets_nothing_in() {
    let Some(world) = world_with("true") else { return };
    world.write(".secret/file", "a secret\n");
    let secret = world.home().join(".secret");
    let forged = world.project("forged");
    fs::write(forged.join(".git"), format!("gitdir: {}\n", secret.display())).unwrap();
    let linked = world.project("linked");
    std::os::unix::fs::symlink(&secret, linked.join(".git")).unwrap();
    let planted = world.project("api").join(".git/modules");
    std::os::unix::fs::symlink(&secret, planted).unwrap();
    for project in ["forged", "linked", "api"] {
        let directory = world.project(project);
        let name = format!("in-{project}");
        world.cs_in(&directory, &["new", "--no-open", "--isolation", "sandbox", &name]).ok();
        let look = format!("cat {}/file", secret.display());
        let seen = world.cs_in(&directory, &["exec", &name, "--", "sh", "-c", &look]);
        assert_ne!(seen.code, Some(0), "{project}: {}", seen.stdout);
    }
}

#[test]
fn what_would_let_everything_in_is_refused_with_the_reason() {
    let Some(world) = world_with("true") else { return };
    world.write(".ssh/id", "");
    let refused = |directory: &Path| {
        let words = ["--isolation", "sandbox", "another"];
        world.cs_in(directory, &words).fails(5)
    };
    assert!(refused(&world.home()).contains("your home directory would be in it"));
    assert!(refused(world.root()).contains("your home directory would be in it"));
    assert!(refused(&world.data()).contains("what cs keeps is there"));
    assert!(refused(&world.home().join(".ssh")).contains("your ~/.ssh is there"));
    assert!(!world.cs(&["list"]).ok().contains("another"), "nothing was made");
    for (key, path, why) in [
        ("write", "~", "your home directory would be in it"),
        ("write", "/", "your home directory would be in it"),
        ("write", "~/.local", "what cs keeps would be in it"),
        ("write", "~/.config", "the settings of cs would be in it"),
        ("write", "~/.claude", "your ~/.claude is there"),
        ("read", "~/.ssh/id", "your ~/.ssh is there"),
        ("read", "~", "your home directory would be in it"),
    ] {
        world.write(".config/cs/config.toml", &format!("[sandbox]\n{key} = [\"{path}\"]\n"));
        fs::create_dir_all(world.home().join(".claude")).unwrap();
        let said = inside(&world, "true").fails(5);
        assert!(
            said.contains(&format!("'{path}' in [sandbox] {key} is not let into the sandbox: {why}")),
            "{said}"
        );
    }
    // The control; and what is of cs in something that may be read is still not there.
    world.write("notes/one", "a note\n");
    world.write(
        ".config/cs/config.toml",
        "[sandbox]\nread = [\"~/.local\", \"~/.config\"]\nwrite = [\"~/notes\"]\n",
    );
    world.write(".config/tool", "of a tool\n");
    let look =
        "cat ~/notes/one ~/.config/tool && echo two > ~/notes/two && ! touch ~/.config/tool 2>/dev/null";
    assert_eq!(inside(&world, look).ok(), "a note\nof a tool\n");
    assert_eq!(fs::read_to_string(world.home().join("notes/two")).unwrap(), "two\n");
    assert_eq!(
        inside(&world, "ls ~/.config/cs ~/.local/share/cs/names 2>/dev/null").stdout.trim(),
        format!("{}/.config/cs:", world.home().display())
    );
    world.write(".config/cs/config.toml", "[sandbox]\nread = [\"relative\"]\n");
    assert!(inside(&world, "true").fails(2).contains("is a relative path"));
}

#[test]
fn links_on_the_way_to_a_home_a_project_or_a_claude_are_there_too() {
    let Some(mut world) = world_with("true") else { return };
    let link = |from: &Path, to: &Path| std::os::unix::fs::symlink(to, from).unwrap();
    // A home by another name, a project that is elsewhere, and a Claude as its installer leaves it.
    let (named, elsewhere) = (world.root().join("named"), world.root().join("disk/api"));
    link(&named, &world.home());
    fs::create_dir_all(&elsewhere).unwrap();
    link(&world.home().join("src/linked"), &elsewhere);
    let versions = world.home().join(".local/share/claude/versions");
    fs::create_dir_all(&versions).unwrap();
    fs::rename(world.bin().join("claude"), versions.join("2")).unwrap();
    world.program(
        "node",
        "#!/bin/sh\nshift; pwd -P > seen; ls -A ~ >> seen; cat ~/.claude/skills/one >> seen\n",
    );
    fs::write(versions.join("2"), "#!/usr/bin/env node\n").unwrap();
    fs::create_dir_all(world.home().join(".local/bin")).unwrap();
    link(&world.home().join(".local/bin/claude"), &versions.join("2"));
    world.write(".claude/skills/one", "a skill\n");
    world.write(".ssh/id", "");
    world.set("HOME", &named);
    world.set("PATH", format!("{0}/.local/bin:{1}:/usr/bin:/bin", named.display(), world.bin().display()));
    let directory = named.join("src/linked");
    let words = ["--isolation", "sandbox", "--dir", directory.to_str().unwrap(), "linked"];
    world.cs_in(world.root(), &words).ok();
    let seen = fs::read_to_string(elsewhere.join("seen")).unwrap();
    assert!(seen.starts_with(elsewhere.to_str().unwrap()), "{seen}");
    assert!(seen.contains(".local") && seen.contains("a skill") && !seen.contains(".ssh"), "{seen}");
}

/// Starts the session in the background, and waits until its Claude says that it is there.
fn begin(world: &World) -> Child {
    let child = world
        .command(&world.project("api"), &["boxed"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    until("claude inside", || world.project("api").join("began").exists());
    child
}

fn signal(pid: u32, name: &str) {
    ran(Command::new("kill").args([format!("-{name}"), pid.to_string()])).ok();
}

/// Whether a process with this in its command line runs; on this side every process can be seen.
fn runs(text: &str) -> bool {
    let text = text.as_bytes();
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| line.windows(text.len()).any(|part| part == text))
    })
}

#[test]
fn while_anything_runs_inside_a_second_start_is_refused_and_nothing_outlives_the_first() {
    // What it leaves in the background ignores every signal that can be ignored.
    let script = "(trap '' TERM HUP INT; exec sleep 4242.$PPID$$) & touch began; wait";
    let Some(world) = world_with(script) else { return };
    for name in ["TERM", "HUP", "INT", "KILL"] {
        let _ = fs::remove_file(world.project("api").join("began"));
        let mut child = begin(&world);
        let shown = world.show("boxed");
        assert_eq!((&shown["live"], &shown["pid"]), (&true.into(), &child.id().into()));
        assert!(world.cs(&["boxed"]).fails(5).contains("is open in another terminal"));
        assert!(world.cs(&["rm", "boxed"]).fails(5).contains("open"));
        // Looking around in it meanwhile is no second start.
        inside(&world, "true").ok();
        signal(child.id(), name);
        let status = ended(&mut child);
        assert!(!status.success(), "{name}");
        until("the end of the rest", || world.show("boxed")["live"] == false);
    }
    assert!(!runs("sleep\x004242."), "nothing is left of any of them");
}

#[test]
fn what_a_killed_claude_says_of_itself_fools_nobody() {
    let Some(world) = world_with("true") else { return };
    world.cs(&["boxed"]).ok();
    // Inside it had a pid that means somebody else out here, and the file was cut short.
    let sessions = world.config_of("boxed").join("sessions");
    fs::create_dir_all(&sessions).unwrap();
    fs::write(sessions.join("1.json"), "{\"pid\":1,\"sess").unwrap();
    assert_eq!(world.show("boxed")["live"], false);
    world.cs(&["boxed"]).ok();
    assert!(world.cs(&["top"]).ok().contains("nothing is open"));
}

#[test]
fn how_a_program_ends_inside_is_how_it_ends_outside() {
    let Some(world) = world_with("exit 7") else { return };
    assert_eq!(world.cs(&["boxed"]).code, Some(7));
    assert_eq!(inside(&world, "exit 3").code, Some(3));
    assert_eq!(inside(&world, "kill -TERM $$").code, Some(143), "as a shell has it");
    let absent = world.cs(&["exec", "boxed", "--", world.bin().join("claude").to_str().unwrap()]).fails(127);
    assert!(absent.contains("is not in the sandbox") && absent.contains("[sandbox]"), "{absent}");
    // Elsewhere than where the session works it is run there.
    assert_eq!(world.cs(&["exec", "boxed", "--", "pwd"]).ok().trim(), world.project("api").to_str().unwrap());
}

#[test]
fn nobody_inside_types_on_the_terminal_outside() {
    let Some(world) = world_with("true").filter(|_| Tmux::available() && needed("perl").is_some()) else {
        return;
    };
    let cs = World::cs_program();
    let typing =
        "perl -e '$c = qq{X}; ioctl(STDIN, 0x5412, $c) ? print qq{typed\\n} : print qq{refused: $!\\n}'";
    let script = format!("echo; {} exec boxed -- {typing}; echo done", cs.display());
    let tmux = Tmux::start(&["sh", "-c", &script], &world.project("api"), world.environment());
    let screen = tmux.wait_for("done", SOON);
    assert!(screen.contains("refused: Operation not permitted"), "{screen}");
    // The control, where the kernel still has it.
    let tmux = Tmux::start(
        &["sh", "-c", &format!("echo; {typing}; echo done")],
        &world.project("api"),
        world.environment(),
    );
    let screen = tmux.wait_for("done", SOON);
    let legacy = fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").is_ok_and(|text| text.trim() == "1");
    assert!(!legacy || screen.contains("typed"), "{screen}");
}

#[test]
fn a_sandbox_without_network_has_none_and_says_so() {
    let Some(world) = world_with("cat /proc/net/dev | wc -l > devices") else { return };
    let devices = || {
        let ran = world.cs(&["boxed"]);
        let stderr = ran.stderr.clone();
        ran.ok();
        let count = fs::read_to_string(world.project("api").join("devices")).unwrap();
        (count.trim().parse::<u32>().unwrap(), stderr)
    };
    let (with, said) = devices();
    assert!(!said.contains("no network"), "{said}");
    world.write(".config/cs/config.toml", "[sandbox]\nnetwork = \"none\"\n");
    let (without, said) = devices();
    assert!(without == 3 && with >= without, "only the loopback: {without} lines of {with}");
    assert!(said.contains("this sandbox has no network, so Claude cannot reach its API"), "{said}");
}

#[test]
fn the_whole_command_is_shown_and_nothing_is_made() {
    let Some(world) = world_with("true") else { return };
    let before = listing(&world.home());
    let shown = world.cs(&["--dry-run", "boxed"]).ok();
    let run = shown.lines().find(|line| line.starts_with("run ")).unwrap();
    let api = world.project("api");
    for part in
        ["bwrap --die-with-parent", &format!("--bind {0} {0}", api.display()), "--remount-ro /", "-- "]
    {
        assert!(run.contains(part), "{run}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&world.cs(&["--dry-run", "--json", "boxed"]).ok()).unwrap();
    assert!(json["command"][0].as_str().unwrap().ends_with("/bwrap"), "{json:#}");
    assert_eq!(listing(&world.home()), before);
}

#[test]
fn an_engine_that_is_missing_or_forbidden_is_named_and_nothing_is_made() {
    let Some(world) = world_with("true") else { return };
    let api = world.project("api");
    world.program("bwrap", "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n");
    let said = world.cs_in(&api, &["--isolation", "sandbox", "second"]).fails(1);
    assert!(said.contains("bwrap cannot make a sandbox here: bwrap: No permissions"), "{said}");
    assert!(said.lines().count() >= 2 && !world.cs(&["list"]).ok().contains("second"));
    fs::remove_file(world.bin().join("bwrap")).unwrap();
    let mut bare = world.command(&api, &["boxed"]);
    let said = ran(bare.env("PATH", world.bin())).fails(1);
    assert!(
        said.contains("there is no bwrap or podman") && said.contains("apt install bubblewrap"),
        "{said}"
    );
    // A session that is none needs no engine.
    let mut plain = world.command(&api, &["plain"]);
    ran(plain.env("PATH", world.bin())).ok();
}

#[test]
fn a_shell_that_uses_a_sandbox_keeps_its_own_and_is_told_that_it_is_outside() {
    let Some(mut world) = world_with("ls -A ~ > seen") else { return };
    world.write(".ssh/id", "");
    world.set("SSH_AUTH_SOCK", "/run/agent");
    let env = world.cs(&["env", "boxed"]);
    assert!(env.stderr.contains("who has its variables is not in it"), "{}", env.stderr);
    assert!(!env.stdout.contains("SSH_AUTH_SOCK"), "{}", env.stdout);
    // Claude, by its own name in a shell that uses the session.
    let mut claude = world.command(&world.project("api"), &["__claude"]);
    ran(claude.env("CS_SESSION", "boxed")).ok();
    let seen = fs::read_to_string(world.project("api").join("seen")).unwrap();
    assert!(!seen.contains(".ssh") && seen.contains("src"), "{seen}");
}

#[test]
fn a_session_from_a_sandbox_is_not_what_others_begin_with() {
    let Some(world) = world_with("true") else { return };
    world.cs(&["boxed"]).ok();
    let state = world.config_of("boxed").join(".claude.json");
    let server = |name: &str| {
        format!("{{\"hasCompletedOnboarding\":true,\"mcpServers\":{{\"{name}\":{{\"command\":\"x\"}}}}}}")
    };
    fs::write(&state, server("planted")).unwrap();
    let api = world.project("api");
    world.cs_in(&api, &["plain"]).ok();
    let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    assert!(!text(world.config_of("plain").join(".claude.json")).contains("planted"));
    let told = world.cs(&["profile", "share", "boxed", "--history", "team"]).fails(5);
    assert!(told.contains("is a sandbox"), "{told}");
}
