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

/// Runs `script`, a Python program, in the session `boxed`.
fn python_inside(world: &World, script: &str) -> Ran {
    world.cs_in(&world.project("api"), &["exec", "boxed", "--", "/usr/bin/python3", "-c", script])
}

#[test]
fn no_open_file_of_the_caller_is_open_inside_and_the_lock_is_not_either() {
    let Some(world) = world_with("ls -l /proc/self/fd /proc/[0-9]*/fd > seen 2>/dev/null") else { return };
    world.write(".ssh/id", "a key\n");
    let look =
        "for fd in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do cat /proc/self/fd/$fd/.ssh/id; done";
    let cs = World::cs_program();
    // A shell that has the home directory open 18 times.
    let open: String = (3..=20).map(|fd| format!("exec {fd}<$HOME; ")).collect();
    let caller = |words: &str| {
        let script = format!("{open}{words}");
        ran(&mut world.any_command(Path::new("/bin/bash"), &world.project("api"), &["-c", &script]))
    };
    let through_exec = caller(&format!("exec {} exec boxed -- sh -c '{look}'", cs.display()));
    assert!(!through_exec.stdout.contains("a key"), "{}", through_exec.stdout);
    let listed = caller(&format!("exec {} exec boxed -- sh -c 'ls -l /proc/[0-9]*/fd'", cs.display())).stdout;
    let home = world.home();
    assert!(!listed.contains(home.to_str().unwrap()) && !listed.contains("inside"), "{listed}");
    caller(&format!("exec {} boxed", cs.display())).ok();
    let seen = fs::read_to_string(world.project("api").join("seen")).unwrap();
    let leads = |line: &&str| line.contains(&format!("-> {}", home.display())) && !line.ends_with("/seen");
    assert_eq!(seen.lines().filter(leads).collect::<Vec<_>>(), [""; 0]);
    assert!(
        seen.contains("0 -> ") && listed.contains("0 -> "),
        "the control: those that are open are listed"
    );
    // The control: a program that is in no sandbox is given what the caller has open.
    world.cs_in(&world.project("api"), &["new", "--no-open", "plain"]).ok();
    assert!(caller(&format!("exec {} exec plain -- sh -c '{look}'", cs.display())).stdout.contains("a key"));
}

#[test]
fn keys_name_spaces_and_other_kinds_of_calls_are_refused_inside() {
    let Some(world) = world_with("true") else { return };
    let (Some(_), Some(_)) = (needed("python3"), needed("unshare")) else { return };
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let script = "\
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    ctypes.set_errno(0)
    done = libc.syscall(*[ctypes.c_long(word) for word in words])
    return 'done' if done >= 0 else errno.errorcode[ctypes.get_errno()]
libc.syscall.restype = ctypes.c_long
print('keyctl', call(250, 0, -3, 0))
print('request_key', call(249, 0, 0, 0, 0))
print('unshare', call(272, 0x10000000))
print('clone3', call(435, 0, 0))
print('io_uring', call(425, 1, 0))
print('personality', call(135, 0x40000))
print('x32 getpid', call(0x40000000 + 39))
print('x32 keyctl', call(0x40000000 + 250, 0, -3, 0))
print('perf', call(298, 0, 0, -1, -1, 0))
print('bpf', call(321, 99, 0, 0))
print('getpid', call(39))
print('personality asked', call(135, 0xffffffff))
def family(number):
    try:
        socket.socket(number, socket.SOCK_STREAM).close()
        return 'done'
    except OSError as error:
        return errno.errorcode[error.errno]
print('vsock', family(40))
print('unix', family(1))
";
    let said = python_inside(&world, script).ok();
    let expected = "\
keyctl EPERM\nrequest_key EPERM\nunshare EPERM\nclone3 ENOSYS\nio_uring ENOSYS\npersonality EPERM\nx32 getpid ENOSYS
x32 keyctl ENOSYS\nperf EPERM\nbpf EPERM\ngetpid done\npersonality asked done\nvsock EAFNOSUPPORT\nunix done\n";
    assert_eq!(said, expected);
    let unshared =
        "unshare -U true 2>/dev/null && echo -U; unshare -Ur true 2>/dev/null && echo -Ur; echo end";
    assert_eq!(inside(&world, unshared).ok(), "end\n");
    // The control: outside the same calls are made.
    let outside_python = |script: &str| {
        ran(&mut world.any_command(Path::new("/usr/bin/python3"), &world.project("api"), &["-c", script]))
            .ok()
    };
    let said = outside_python(script);
    assert!(said.contains("keyctl done\n") && said.contains("personality done\n"), "{said}");
    assert!(outside(&world, unshared).ok().contains("-U\n"), "name spaces can be made here");
    // What Claude works with does work: threads, children, pipes, a network socket.
    let works = "\
import subprocess, threading, socket, multiprocessing
threading.Thread(target=print, args=('thread',)).start()
print(subprocess.run(['git', '--version'], capture_output=True, text=True).returncode)
listener = socket.create_server(('127.0.0.1', 0)); print(listener.getsockname()[0])
process = multiprocessing.Process(target=len, args=('',)); process.start(); process.join(); print(process.exitcode)
";
    let said = python_inside(&world, works).ok();
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0", "0", "127.0.0.1", "thread"]);
}

/// A project with a session `deep` in its directory `pkg/a`; and directories of the user's own beside it.
fn with_a_deep_session() -> Option<World> {
    let world = world_with("true")?;
    let deep = world.project("api").join("pkg/a");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(world.home().join(".local/bin")).unwrap();
    world.write(".gnupg/secret", "a secret\n");
    world.cs_in(&deep, &["new", "--no-open", "--isolation", "sandbox", "deep"]).ok();
    Some(world)
}

/// Runs a shell command in the session `name`, from a directory that it does not work in.
fn in_session(world: &World, name: &str, script: &str) -> Ran {
    world.cs_in(world.root(), &["exec", name, "--", "sh", "-c", script])
}

#[test]
fn a_link_that_is_put_inside_in_place_of_a_wall_is_refused_wherever_it_is() {
    let secret = "cat ~/.gnupg/secret; touch ~/.gnupg/made ~/.local/bin/made";
    // From inside: what is done in the checkout; then where the session works leads elsewhere.
    for (what, done) in [
        ("the directory itself", "rmdir pkg/a && ln -s ~/.gnupg pkg/a"),
        ("the one above it", "mv pkg pkg.old && ln -s ~ pkg && mkdir -p .gnupg"),
        ("both", "mv pkg pkg.old && mkdir pkg && ln -s ~/.local/bin pkg/a"),
        ("by a way around", "mv pkg pkg.old && ln -s ../.. pkg; ln -s .gnupg a"),
        ("another directory of the project", "rmdir pkg/a && mkdir b && ln -s ../b pkg/a"),
    ] {
        let Some(world) = with_a_deep_session() else { return };
        if what == "the one above it" {
            fs::create_dir(world.home().join("a")).unwrap();
        }
        if what == "by a way around" {
            fs::create_dir(world.home().join("a")).unwrap();
        }
        in_session(&world, "boxed", &format!("cd ~/src/api; {done}")).ok();
        let deep = world.project("api").join("pkg/a");
        assert!(deep.is_dir() || what == "both", "{what}: the control: by its path it is found");
        let before = listing(&world.home().join(".gnupg"));
        let started = world.cs_in(world.root(), &["deep"]).fails(5);
        assert!(
            started.contains("does not start in a sandbox") && started.contains("pkg/a"),
            "{what}: {started}"
        );
        let looked = in_session(&world, "deep", secret);
        assert_eq!((looked.code, looked.stdout.as_str()), (Some(5), ""), "{what}");
        assert_eq!(listing(&world.home().join(".gnupg")), before, "{what}");
        assert!(!world.home().join(".local/bin/made").exists(), "{what}");
        // Neither does a new one begin there.
        let new =
            world.cs_in(world.root(), &["--isolation", "sandbox", "--dir", deep.to_str().unwrap(), "fresh"]);
        assert!(new.code == Some(5) || what.starts_with("another"), "{what}: {}", new.stderr);
    }
    // The control: a link of a person's own, where no sandbox could make one, is followed.
    let Some(world) = world_with("true") else { return };
    std::os::unix::fs::symlink(world.project("api"), world.home().join("mine")).unwrap();
    let mine = world.home().join("mine");
    world.cs_in(world.root(), &["--isolation", "sandbox", "--dir", mine.to_str().unwrap(), "fresh"]).ok();
}

#[test]
fn a_project_that_a_person_moved_is_let_in_again_once_they_say_so() {
    let Some(world) = world_with("pwd -P > ~/src/where/seen 2>/dev/null || pwd -P > seen") else { return };
    let (api, moved) = (world.project("api"), world.root().join("disk/api"));
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(&api, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &api).unwrap();
    let said = world.cs_in(world.root(), &["boxed"]).fails(5);
    assert!(said.contains(&format!("leads to {} now", moved.display())), "{said}");
    let hint = format!("cs --dir {} boxed", api.display());
    assert!(said.contains(&hint), "{said}");
    world.cs_in(world.root(), &["--dir", api.to_str().unwrap(), "boxed"]).ok();
    assert_eq!(fs::read_to_string(moved.join("seen")).unwrap().trim(), moved.to_str().unwrap());
    // From then on that is where it works.
    world.cs_in(world.root(), &["boxed"]).ok();
}

#[test]
fn a_session_that_was_made_before_its_walls_were_noted_gets_them_at_its_next_start() {
    let Some(world) = with_a_deep_session() else { return };
    let record = |name: &str| world.config_of(name).parent().unwrap().join("session.toml");
    for name in ["boxed", "deep"] {
        let text = fs::read_to_string(record(name)).unwrap();
        assert!(text.contains("[walls]"), "{text}");
        fs::write(record(name), text.split("[walls]").next().unwrap()).unwrap();
    }
    world.cs(&["boxed"]).ok();
    let text = fs::read_to_string(record("boxed")).unwrap();
    assert!(text.contains(&format!("[walls]\ndirectory = \"{}\"", world.project("api").display())), "{text}");
    // Not, where it leads elsewhere by then.
    in_session(&world, "boxed", "cd ~/src/api; rmdir pkg/a && ln -s ~/.gnupg pkg/a").ok();
    let said = world.cs_in(world.root(), &["deep"]).fails(5);
    assert!(said.contains("may have been put there from inside one"), "{said}");
    assert!(!fs::read_to_string(record("deep")).unwrap().contains("[walls]"));
}

#[test]
fn a_worktree_whose_git_file_or_place_was_changed_from_the_main_checkout_is_refused() {
    let Some(world) = world_with("true") else { return };
    let api = world.project("api");
    let other = world.project("other");
    git(&world, &other, &["init", "-q", "-b", "main"]);
    git(&world, &other, &["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&world, &other, &["worktree", "add", "-q", "../aside", "-b", "side"]);
    for name in ["one", "two"] {
        world.cs_in(&api, &["--isolation", "sandbox", "-w", name]).ok();
    }
    let tree = |name: &str| api.join(".claude/worktrees").join(name);
    let writes_there = |name: &str, place: &Path| {
        let ran = in_session(&world, name, &format!("touch {}/made", place.display()));
        (ran.code, place.join("made").exists())
    };
    assert_eq!(writes_there("one", &tree("one")), (Some(0), true), "the control: its own");
    fs::remove_file(tree("one").join("made")).unwrap();
    // From the main checkout, in which they lie: the place of a sibling.
    inside(&world, "cd .claude/worktrees && mv one one.old && ln -s two one").ok();
    assert_eq!(writes_there("one", &tree("two")), (Some(5), false));
    inside(&world, "cd .claude/worktrees && rm one && mv one.old one").ok();
    assert_eq!(writes_there("one", &tree("one")), (Some(0), true), "the control: it is back");
    // Another repository's directory, whose worktree is elsewhere; then the sibling's.
    let kept = fs::read_to_string(tree("one").join(".git")).unwrap();
    for leads in [other.join(".git/worktrees/aside"), api.join(".git/worktrees/two"), other.join(".git")] {
        inside(&world, &format!("echo gitdir: {} > .claude/worktrees/one/.git", leads.display())).ok();
        let said = world.cs_in(world.root(), &["exec", "one", "--", "true"]).fails(5);
        assert!(said.contains("does not start in a sandbox: the repository of"), "{said}");
        assert_eq!(writes_there("one", &other.join(".git/objects")), (Some(5), false));
    }
    fs::write(tree("one").join(".git"), kept).unwrap();
    in_session(&world, "one", "git status --short").ok();
    // One whose directory is replaced by a repository made inside.
    inside(&world, "cd .claude/worktrees && mv one one.old && git init -q one").ok();
    let ran = in_session(&world, "one", &format!("touch {}/made", api.join(".git/objects").display()));
    assert_ne!(ran.code, Some(0));
}

#[test]
fn what_git_keeps_of_submodules_and_worktrees_is_only_read_inside_also_where_there_is_none_yet() {
    let Some(world) = world_with("true") else { return };
    let api = world.project("api");
    for part in ["modules", "worktrees", "hooks", "info"] {
        let _ = fs::remove_dir_all(api.join(".git").join(part));
        let ran = inside(&world, &format!("mkdir -p .git/{part}/x && touch .git/{part}/x/config"));
        assert_ne!(ran.code, Some(0), "{part}");
        assert_ne!(inside(&world, &format!("mv .git/{part} .git/away")).code, Some(0), "{part}");
        assert_eq!(fs::read_dir(api.join(".git").join(part)).unwrap().count(), 0, "{part}");
    }
    inside(&world, "touch .git/description").ok();
    // Settings of a worktree alone, where git reads them.
    git(&world, &api, &["config", "extensions.worktreeConfig", "true"]);
    assert_ne!(inside(&world, "git config --worktree core.fsmonitor false").code, Some(0));
    assert_ne!(inside(&world, "echo x > .git/config.worktree").code, Some(0));
    inside(&world, "git status --short && git commit -q --allow-empty -m inside").ok();
    git(&world, &api, &["worktree", "add", "-q", "../tree", "-b", "side"]);
    let tree = world.project("tree");
    world.cs_in(&tree, &["new", "--no-open", "--isolation", "sandbox", "treed"]).ok();
    for modules in [".git/modules", ".git/worktrees/tree/modules"] {
        fs::create_dir_all(api.join(modules).join("sub")).unwrap();
        let ran = in_session(&world, "treed", &format!("touch {}/sub/config", api.join(modules).display()));
        assert_ne!(ran.code, Some(0), "{modules}");
        assert!(!api.join(modules).join("sub/config").exists());
    }
    // What git would follow outside, instead of what is guarded.
    inside(&world, "mkdir elsewhere && echo ../elsewhere > .git/commondir").ok();
    assert!(inside(&world, "true").fails(5).contains(".git/commondir has git take its settings"));
    fs::remove_file(api.join(".git/commondir")).unwrap();
    // One in place of which anything could be put.
    fs::remove_dir(api.join(".git/hooks")).unwrap();
    std::os::unix::fs::symlink("/usr/share", api.join(".git/hooks")).unwrap();
    assert!(inside(&world, "true").fails(5).contains(".git/hooks is a link"), "a link");
}

#[test]
fn what_is_let_in_besides_is_not_looked_for_through_a_link_from_inside() {
    let Some(world) = world_with("true") else { return };
    world.write(".gnupg/secret", "a secret\n");
    world.write("src/api/data/file", "of the project\n");
    world.write("src/api/ca.pem", "certificates\n");
    world.write("notes/file", "a note\n");
    let settings = |text: &str| world.write(".config/cs/config.toml", text);
    // The control: each is let in as it is.
    settings("[sandbox]\nread = [\"~/src/api/data\", \"~/notes\"]\n");
    inside(&world, "cat ~/notes/file data/file").ok();
    inside(&world, "mkdir gnupg && ln -s ~/.gnupg link && ln -s ~/.gnupg/secret ca.link").ok();
    let look = "cat ~/.gnupg/secret; echo x > ~/.gnupg/made";
    for (key, path) in
        [("read", "~/src/api/link"), ("write", "~/src/api/link"), ("read", "~/src/api/link/secret")]
    {
        settings(&format!("[sandbox]\n{key} = [\"{path}\"]\n"));
        let ran = inside(&world, look);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(5), ""), "{key} {path}");
        assert!(
            ran.stderr.contains(&format!("{key} in [sandbox]")) && ran.stderr.contains("src/api/link"),
            "{}",
            ran.stderr
        );
    }
    // A directory that may be written is ground of a sandbox too.
    settings("[sandbox]\nwrite = [\"~/notes\"]\n");
    inside(&world, "ln -s ~/.gnupg ~/notes/link").ok();
    settings("[sandbox]\nwrite = [\"~/notes\"]\nread = [\"~/notes/link\"]\n");
    assert!(inside(&world, look).fails(5).contains("notes/link"));
    settings("");
    for (name, value) in [
        ("SSL_CERT_FILE", "ca.link"),
        ("NODE_EXTRA_CA_CERTS", "link/secret"),
        ("SSL_CERT_DIR", "link"),
        ("GIT_SSL_CAINFO", "gnupg/../ca.link"),
    ] {
        let mut command = world.command(&world.project("api"), &["exec", "boxed", "--", "sh", "-c", look]);
        command.env(name, world.project("api").join(value));
        let ran = ran(&mut command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(5), ""), "{name}");
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
    // Git's own settings, in a project of a person's that a sandbox works in.
    let home = world.home();
    fs::remove_file(home.join(".gitconfig")).unwrap();
    std::os::unix::fs::symlink("src/api/gitconfig", home.join(".gitconfig")).unwrap();
    world.write("src/api/gitconfig", "[user]\nname = Another\n");
    assert_eq!(
        inside(&world, "git config user.name").ok(),
        "Another\n",
        "the control: a link of a person's own"
    );
    // While it is named it can be read only; before, it could be replaced.
    assert_ne!(inside(&world, "rm gitconfig").code, Some(0));
    fs::remove_file(home.join(".gitconfig")).unwrap();
    inside(&world, "rm gitconfig && ln -s ~/.gnupg/secret gitconfig").ok();
    std::os::unix::fs::symlink("src/api/gitconfig", home.join(".gitconfig")).unwrap();
    assert!(inside(&world, look).fails(5).contains("~/.gitconfig"));
    fs::remove_file(home.join(".gitconfig")).unwrap();
    // A program, and what a script of a sandbox's says that it needs.
    world.write("src/api/bin/claude", &format!("#!{}\n", home.join(".gnupg/secret").display()));
    ran(Command::new("chmod").arg("+x").arg(world.project("api").join("bin/claude"))).ok();
    // By its path, as a person names it: from `PATH` it is not taken.
    settings(&format!("claude = {:?}\n", world.project("api").join("bin/claude")));
    let ran = world.cs(&["--dry-run", "boxed"]).ok();
    assert!(!ran.contains(".gnupg"), "{ran}");
    assert!(ran.contains("src/api/bin/claude"), "the control: it is that one: {ran}");
    inside(&world, "rm bin/claude && ln -s ~/.gnupg/secret bin/claude").ok();
    ran_chmod(&home.join(".gnupg/secret"));
    let said = world.cs(&["boxed"]).fails(5);
    assert!(said.contains("what is run in it") && said.contains("bin/claude"), "{said}");
}

fn ran_chmod(path: &Path) {
    ran(Command::new("chmod").arg("+x").arg(path)).ok();
}

#[test]
fn a_link_that_comes_and_goes_while_a_sandbox_is_started_lets_nothing_in() {
    let Some(world) = with_a_deep_session() else { return };
    let deep = world.project("api").join("pkg/a");
    let (aside, link) = (world.project("api").join("pkg/aside"), world.project("api").join("pkg/link"));
    std::os::unix::fs::symlink(world.home().join(".gnupg"), &link).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let swap = || {
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            fs::rename(&deep, &aside).unwrap();
            fs::rename(&link, &deep).unwrap();
            fs::rename(&deep, &link).unwrap();
            fs::rename(&aside, &deep).unwrap();
        }
    };
    let secret = world.home().join(".gnupg/secret");
    std::thread::scope(|scope| {
        scope.spawn(swap);
        let look = format!("cat {}", secret.display());
        let naive = |_| {
            let words = [
                "--bind",
                "/usr",
                "/usr",
                "--symlink",
                "usr/lib",
                "/lib",
                "--symlink",
                "usr/lib64",
                "/lib64",
            ];
            let mut command = Command::new("bwrap");
            command
                .args(words)
                .arg("--bind")
                .args([&deep, &deep])
                .arg("/usr/bin/cat")
                .arg(deep.join("secret"));
            ran(&mut command).stdout.contains("a secret")
        };
        let fell = (0..200).any(naive);
        let (mut begun, mut seen) = (0, 0);
        for _ in 0..25 {
            let ran = in_session(&world, "deep", &look);
            begun += usize::from(ran.code == Some(1));
            seen += usize::from(ran.stdout.contains("a secret"));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(fell, "the control: who takes the path is led there");
        assert_eq!(seen, 0, "{begun} of 25 began");
    });
    // The control: with nobody in the way it starts, and does not see it.
    assert_eq!(in_session(&world, "deep", &format!("cat {}", secret.display())).code, Some(1));
}

#[test]
fn what_exec_runs_has_the_sandbox_open_and_runs_beside_claude_and_others() {
    let Some(world) = world_with("touch began; sleep 30") else { return };
    world.cs_in(&world.project("api"), &["new", "--no-open", "plain"]).ok();
    assert_eq!(world.show("boxed")["live"], false, "the control");
    let exec = |script: &str| {
        let mut command = world.command(&world.project("api"), &["exec", "boxed", "--", "sh", "-c", script]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap()
    };
    let (mut one, mut two) = (exec("touch one; exec sleep 30"), exec("touch two; exec sleep 30"));
    until("both", || ["one", "two"].iter().all(|file| world.project("api").join(file).exists()));
    assert_eq!(world.show("boxed")["live"], true);
    assert!(world.cs(&["list", "--live"]).ok().contains("boxed"));
    let pids = [one.id(), two.id()].map(|pid| format!("(pid {pid})"));
    let said = world.cs(&["boxed"]).fails(5);
    assert!(said.contains("a program that cs exec started runs in its sandbox"), "{said}");
    assert!(pids.iter().any(|pid| said.contains(pid)), "{said}");
    assert!(world.cs(&["rm", "boxed"]).fails(5).contains("is open"));
    let kept = world.cs(&["cleanup", "--yes", "--older-than", "0d"]).ok();
    assert!(world.cs(&["list"]).ok().contains("boxed"), "{kept}");
    signal(one.id(), "KILL");
    ended(&mut one);
    assert!(world.cs(&["rm", "boxed"]).fails(5).contains(&format!("(pid {})", two.id())));
    signal(two.id(), "TERM");
    ended(&mut two);
    until("the end of both", || world.show("boxed")["live"] == false);
    // Beside Claude it runs, and when Claude has gone it has the session open alone.
    let mut claude = begin(&world);
    let mut beside = exec("touch beside; exec sleep 30");
    until("one beside Claude", || world.project("api").join("beside").exists());
    assert_eq!(world.show("boxed")["pid"], claude.id());
    signal(claude.id(), "KILL");
    ended(&mut claude);
    until("the end of Claude", || world.show("boxed")["pid"] == beside.id());
    signal(beside.id(), "KILL");
    ended(&mut beside);
    until("the end of that", || world.show("boxed")["live"] == false);
    world.cs(&["rm", "boxed"]).ok();
}

#[test]
fn what_a_new_worktree_runs_can_run_in_the_sandbox_of_its_session() {
    let Some(world) = world_with("true") else { return };
    let line = format!("{} exec $CS_SESSION -- sh -c 'ls -A ~ > inside'", World::cs_program().display());
    world.write(".config/cs/config.toml", &format!("[worktree]\non_create = [\"{line}\"]\n"));
    let began = std::time::Instant::now();
    let ran = world.cs_in(&world.project("api"), &["--isolation", "sandbox", "-w", "tree"]);
    assert!(!ran.stderr.contains("another cs"), "{}", ran.stderr);
    ran.ok();
    let seen = fs::read_to_string(world.project("api").join(".claude/worktrees/tree/inside")).unwrap();
    assert!(seen.contains("src") && !seen.contains(".config"), "{seen}");
    assert!(began.elapsed() < Duration::from_secs(5), "it waits for nobody");
}

#[test]
fn nothing_inside_can_say_that_nothing_runs_inside() {
    let Some(world) = world_with("true").filter(|_| needed("python3").is_some()) else { return };
    // Unlocks whatever is open in any process in there.
    let script = "\
import fcntl, glob, os, time
for path in glob.glob('/proc/[0-9]*/fd/*'):
    try:
        fd = os.open(path, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_UN); os.ftruncate(fd, 0)
    except OSError: pass
for fd in range(3, 64):
    try: fcntl.flock(fd, fcntl.LOCK_UN)
    except OSError: pass
open('done', 'w').close()
time.sleep(30)
";
    let words = ["exec", "boxed", "--", "/usr/bin/python3", "-c", script];
    let mut command = world.command(&world.project("api"), &words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    until("it is done", || world.project("api").join("done").exists());
    assert_eq!(world.show("boxed")["live"], true);
    world.cs(&["rm", "boxed"]).fails(5);
    signal(child.id(), "KILL");
    ended(&mut child);
    until("the end", || world.show("boxed")["live"] == false);
}

#[test]
fn a_sandbox_that_may_run_on_another_host_is_asked_about() {
    let Some(world) = world_with("touch began; sleep 30") else { return };
    let root = world.config_of("boxed").parent().unwrap().to_path_buf();
    let mut child = begin(&world);
    signal(child.id(), "KILL");
    ended(&mut child);
    until("the end", || world.show("boxed")["live"] == false);
    // As if another host had noted that, and its locks were not seen here.
    let host = world.show("boxed")["last_run"]["host"].as_str().unwrap().to_owned();
    let on_another = |file: &str| {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let other = format!("{:<1$}", "node7", host.len());
        fs::write(root.join(file), text.replace(&host, if file == "inside" { &other } else { "node7" }))
            .unwrap();
    };
    on_another("run.toml");
    on_another("inside");
    let said = world.cs(&["boxed"]).fails(5);
    assert!(said.contains("was opened on host 'node7'") && said.contains("cs --yes boxed"), "{said}");
    let mut command = world.command(&world.project("api"), &["--yes", "boxed"]);
    let _ = fs::remove_file(world.project("api").join("began"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    until("it runs", || world.project("api").join("began").exists());
    signal(child.id(), "TERM");
    ended(&mut child);
    // The control: one that ended there by itself is not asked about.
    world.program("claude", "#!/bin/sh\ntrue\n");
    world.cs(&["boxed"]).ok();
    on_another("run.toml");
    on_another("inside");
    world.cs(&["boxed"]).ok();
}
