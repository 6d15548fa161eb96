//! Machines that many people share, and homes that many machines share.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::Value;

use super::scenery::{TALK, has, is_root, state, talk, until};
use super::support::world::{Ran, World, git, ran};
use super::support::{needed, skipped};

/// Runs `cs` with what the kernel answers changed.
fn injected(world: &World, inject: &[&str], words: &[&str]) -> Ran {
    let cs = World::cs_program();
    let mut all = vec!["-f", "-qq", "-o", "/dev/null"];
    all.extend(inject.iter().flat_map(|inject| ["-e", inject]));
    all.push(cs.to_str().unwrap());
    all.extend(words);
    ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &all))
}

/// `statfs` finds NFS.
const NFS: &str = "inject=statfs:poke_exit=@arg2=6969000000000000";

#[test]
fn a_file_system_without_locks_is_named_with_what_to_do_and_nothing_is_changed() {
    if !has("strace") {
        return;
    }
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    talk(&world.config_of("api"), &world.home(), TALK, "hello");
    world.cs(&["bind", "default"]).ok();
    let before = state(&world.home());
    let root = world.data();
    for (number, reason) in [
        ("ENOLCK", "no locks available"),
        ("EOPNOTSUPP", "operation not supported"),
        ("ENOSYS", "function not implemented"),
    ] {
        let none = format!("inject=flock:error={number}");
        for words in [
            &["api"][..],
            &["new", "--no-open", "fresh"],
            &["rename", "api", "web"],
            &["rm", "api"],
            &["fork", "api", "idea"],
            &["bind", "--remove"],
            &["profile", "create", "work"],
            &["-t", "--detached", "api"],
        ] {
            let said = injected(&world, &[&none, NFS], words).fails(1);
            let known = format!("the file system (NFS) of {}", root.display());
            assert!(said.contains(&known), "{words:?}: {said}");
            assert!(
                said.contains(&format!("has no locks, which cs cannot work without: {reason}")),
                "{said}"
            );
            assert!(said.contains("export CS_HOME="), "{said}");
            assert!(!said.contains("os error"), "{said}");
        }
        // What only reads works.
        for words in
            [&["list"][..], &["show", "api"], &["path", "api"], &["--dry-run", "api"], &["env", "api"]]
        {
            injected(&world, &[&none], words).ok();
        }
        let mut after = state(&world.home());
        // What was begun is swept up when something can be made again.
        after.retain(|path, _| !path.ends_with("lock") && !path.ends_with("staging/work"));
        let mut expected = before.clone();
        expected.retain(|path, _| !path.ends_with("lock"));
        assert_eq!(after, expected, "{number}");
    }
    assert_eq!(world.starts().len(), 0);
    // The control: with locks it works, and another kind of failure is what it is.
    let said = injected(&world, &["inject=flock:error=EIO"], &["api"]).fails(1);
    assert!(said.contains("cannot lock ") && !said.contains("CS_HOME"), "{said}");
    world.cs(&["api"]).ok();
}

#[test]
fn doctor_tells_of_a_data_root_on_another_machine() {
    if !has("strace") {
        return;
    }
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "api"]).ok();
    let found = |inject: &[&str]| -> Vec<Value> {
        let done = injected(&world, inject, &["doctor", "--json"]);
        let all: Value = serde_json::from_str(&done.stdout).unwrap();
        let mut found = all["findings"].as_array().unwrap().clone();
        found.retain(|finding| finding["id"] == "network-file-system");
        found
    };
    assert_eq!(found(&[]), [] as [Value; 0], "the control: it is on a disk of this machine");
    for (number, kind) in
        [("6969000000000000", "NFS"), ("424d53fe00000000", "SMB"), ("d00bd00b00000000", "Lustre")]
    {
        let inject = format!("inject=statfs:poke_exit=@arg2={number}");
        let found = found(&[&inject]);
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0]["severity"], "advice");
        assert_eq!(found[0]["what"], format!("the data root is on a network file system ({kind})"));
        assert!(found[0]["why"].as_str().unwrap().contains("names stay unique"));
        assert!(found[0]["fix"].to_string().contains("CS_HOME"));
    }
}

#[test]
fn what_is_open_on_another_host_is_asked_about_and_said_where_to_look() {
    let world = World::with_fake_claude();
    world.cs(&["api"]).ok();
    let id = world.id_of("api");
    let note = world.data().join("sessions").join(&id).join("run.toml");
    let text = fs::read_to_string(&note).unwrap();
    let host = world.show("api")["last_run"]["host"].as_str().unwrap().to_owned();
    let text = text.trim_end().replace(&format!("host = \"{host}\""), "host = \"node7\"");
    assert!(text.contains("node7"));
    fs::write(&note, text + "\n").unwrap();
    let pid = world.last_start().pid;
    let live = world.config_of("api").join("sessions");
    fs::create_dir_all(&live).unwrap();
    fs::write(live.join(format!("{pid}.json")), "{}").unwrap();
    for words in [&["api"][..], &["attach", "api"], &["-t", "--detached", "api"]] {
        let said = world.cs(words).fails(5);
        assert!(
            said.contains(&format!("was opened on host 'node7' (pid {pid}) and may still be open there")),
            "{said}"
        );
        assert!(said.contains("ssh node7 -t cs attach api"), "{said}");
        assert!(said.contains("cs --yes api"), "{said}");
    }
    assert_eq!(world.starts().len(), 1);

    // A lock that is held there is told with the host.
    let other = World::with_fake_claude();
    other.cs(&["new", "--no-open", "api"]).ok();
    let id = other.id_of("api");
    let path = other.data().join("sessions").join(id).join("lock");
    let held =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
    held.lock().unwrap();
    fs::write(&path, format!("{:<10} {:<64}\n", 4242, "node7")).unwrap();
    let said = other.cs(&["rename", "api", "web"]).fails(5);
    assert!(said.contains("another cs (pid 4242 on host 'node7') is working on session 'api'"), "{said}");
    drop(held);
    other.cs(&["rename", "api", "web"]).ok();
    let by = fs::read_to_string(&path).unwrap();
    assert!(by.contains(&format!(" {host} ")) && by.ends_with(" \n"), "{by:?}");
}

/// One line of a trace: the process, the call, and the paths in it, absolute.
struct Call<'a> {
    pid: u32,
    name: &'a str,
    text: &'a str,
}

impl<'a> Call<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (pid, rest) = line.split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        let (name, _) = rest.split_once('(')?;
        Some(Self { pid: pid.parse().ok()?, name, text: rest })
    }

    /// The paths, each after the directory it is relative to (as `strace -y` shows both).
    fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut directory = PathBuf::new();
        let mut rest = self.text;
        while let Some(at) = rest.find(['<', '"']) {
            let close = if rest.as_bytes()[at] == b'<' { '>' } else { '"' };
            let Some(end) = rest[at + 1..].find(close) else { break };
            let inner = &rest[at + 1..at + 1 + end];
            if close == '>' {
                directory = inner.into();
            } else {
                paths.push(directory.join(inner));
            }
            rest = &rest[at + end + 2..];
        }
        paths
    }

    /// Whether it makes, changes or removes something.
    fn writes(&self) -> bool {
        match self.name {
            "open" | "openat" => {
                ["O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC"].iter().any(|flag| self.text.contains(flag))
            }
            name => {
                [
                    "mkdir", "rmdir", "unlink", "rename", "link", "symlink", "mknod", "chmod", "fchmodat",
                    "chown", "utime", "truncate", "setxattr",
                ]
                .iter()
                .any(|call| name.trim_start_matches('f').starts_with(call))
                    && name != "readlink"
            }
        }
    }
}

/// The lines of a trace, with those joined that another process interrupted.
fn whole_lines(trace: &str) -> Vec<String> {
    let mut waiting: BTreeMap<&str, &str> = BTreeMap::new();
    let mut whole = Vec::new();
    for line in trace.lines() {
        let Some((pid, rest)) = line.split_once(char::is_whitespace) else { continue };
        if let Some(beginning) = line.strip_suffix(" <unfinished ...>") {
            waiting.insert(pid, beginning);
        } else if rest.trim_start().starts_with("<... ") {
            let end = rest.split_once(" resumed>").map_or("", |(_, end)| end);
            whole.push(format!("{}{end}", waiting.remove(pid).unwrap_or_default()));
        } else {
            whole.push(line.to_owned());
        }
    }
    whole
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table, one entry a line")]
fn nothing_is_written_outside_of_the_users_own_places() {
    if !has("strace") || !super::support::tmux::Tmux::available() {
        return;
    }
    let mut world = World::with_fake_claude();
    let sockets = world.root().join("sockets");
    fs::create_dir(&sockets).unwrap();
    world.set("TMUX_TMPDIR", &sockets);
    world.set("SHELL", "/bin/sh");
    world.set("EDITOR", "true");
    let project = world.project("api");
    world.write(".claude/skills/s/SKILL.md", "mine\n");
    world.write(".claude.json", "{\"hasCompletedOnboarding\": true}");
    world.write(".gitconfig", "[user]\n\tname = Tester\n\temail = tester@example.org\n");
    for words in [&["init", "-q"][..], &["commit", "-q", "--allow-empty", "-m", "first"]] {
        git(&world, &project, words);
    }
    let trace = world.root().join("trace");
    let cs = World::cs_program();
    let commands: &[&[&str]] = &[
        &["api"],
        &["list"],
        &["--isolation", "home", "homely"],
        &["--isolation", "none", "plain"],
        &["--ephemeral", "once"],
        &["new", "--no-open", "web"],
        &["new", "-w", "--no-open", "tree"],
        &["wt"],
        &["wt", "rm", "tree"],
        &["restore", "tree"],
        &["wt", "gc", "--yes"],
        &["wt", "finish", "tree"],
        &["new", "--isolation", "sandbox", "--no-open", "boxed"],
        &["exec", "boxed", "--", "true"],
        &["-t", "--detached", "inside"],
        &["attach", "web"],
        &["show", "inside"],
        &["resume", "api"],
        &["last"],
        &["profile", "create", "work"],
        &["profile", "share", "work", "skills=private"],
        &["profile", "share", "work", "--history", "team"],
        &["profile", "sync"],
        &["-P", "work", "job"],
        &["work", "-p", "x"],
        &["rename", "web", "web-2"],
        &["exec", "api", "--", "true"],
        &["env", "api"],
        &["bind", "work"],
        &["allow", "--list"],
        &["config", "show"],
        &["shim", "install"],
        &["shim", "remove"],
        &["usage"],
        &["top", "--once"],
        &["du"],
        &["doctor"],
        &["doctor", "--fix"],
        &["rm", "job"],
        &["restore", "job"],
        &["cleanup"],
        &["cleanup", "--yes", "--older-than", "0d"],
        &["export", "--all", "all.tgz"],
        &["import", "--dry-run", "all.tgz"],
        &["trash", "empty", "--yes"],
        &["init", "bash"],
        &["init", "bash", "--install", "--yes"],
        &["completions", "zsh"],
        &["statusline", "--preview"],
        &["__complete", "bash", "cs", "1", "--", "cs", ""],
    ];
    // The data root, the settings, what a person named (a project, the file of a shell), and the throw-away
    // directory in which doctor tries a Claude.
    let tried = world.root().join("tmp/cs-doctor-");
    let settings = world.home().join(".config/cs");
    let shell = [".bashrc", "..bashrc."].map(|name| world.home().join(name));
    let own = [&[world.data(), settings, project.clone(), tried][..], &shell].concat();
    // As text: what a file is replaced by is made beside it.
    let is_own =
        |path: &Path| own.iter().any(|own| path.to_str().unwrap().starts_with(own.to_str().unwrap()));
    let (mut written, mut bound, mut outside) = (0, 0, BTreeSet::new());
    for words in commands {
        let filter = "trace=%file,%process,mkdirat,unlinkat,fchmod,ftruncate,bind,connect,listen";
        let mut all = vec!["-f", "-y", "-qq", "-s", "4096", "-o", trace.to_str().unwrap(), "-e", filter];
        all.push(cs.to_str().unwrap());
        all.extend(*words);
        let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &project, &all));
        assert!(matches!(done.code, Some(0..=2)), "{words:?}: {done:?}");
        let text = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
        let mut program: BTreeMap<u32, bool> = BTreeMap::new();
        let mut first = None;
        let lines = whole_lines(&text);
        for call in lines.iter().filter_map(|line| Call::read(line)) {
            first.get_or_insert(call.pid);
            let is_cs = *program.entry(call.pid).or_insert(first == Some(call.pid));
            let result = call.text.rsplit(" = ").next().unwrap_or_default();
            if call.name == "execve" && result == "0" {
                let becomes = call.paths().first().is_some_and(|path| *path == cs);
                program.insert(call.pid, becomes);
            } else if matches!(call.name, "clone" | "clone3" | "vfork" | "fork")
                && let Ok(child) = result.trim().parse()
            {
                // It may be known already: what it did first may stand before this line.
                program.entry(child).or_insert(is_cs);
            } else if is_cs && !result.starts_with('-') && call.writes() {
                // What a link leads to is not touched by making it.
                for path in call.paths().into_iter().skip(usize::from(call.name.starts_with("symlink"))) {
                    let known = ["/dev/null", "/dev/tty", "/proc/self/"];
                    let above = call.name.starts_with("mkdir") && world.data().starts_with(&path);
                    if above || known.iter().any(|known| path.starts_with(known)) {
                        continue;
                    }
                    written += 1;
                    if !is_own(&path) {
                        outside.insert(format!("{words:?}: {}", call.text));
                    }
                }
            }
            if is_cs && matches!(call.name, "bind" | "connect" | "listen") {
                bound += usize::from(call.name == "bind" && call.text.contains("AF_INET"));
                let is_reached = match call.name {
                    "connect" => call.text.contains("AF_INET"),
                    // The socket through which a pane is handed its program is a file.
                    "listen" => !["-t", "attach"].contains(&words[0]),
                    _ => false,
                };
                assert!(!is_reached, "{words:?}: {}", call.text);
            }
        }
    }
    let tmux = which::which("tmux").unwrap();
    let _ = ran(&mut world.any_command(&tmux, Path::new("/"), &["kill-server"]));
    assert!(written > 300, "the control: {written} writes were seen");
    assert!(bound > 0, "the control: ports are tried, and left at that");
    assert_eq!(outside, BTreeSet::new());
}

#[test]
fn two_users_of_one_machine_never_see_each_other() {
    if !is_root() {
        skipped("only root can act as two users");
        return;
    }
    let world = World::new();
    let (root, bin) = (world.root().to_owned(), world.bin());
    for path in [&root, &bin] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = bin.join("cs");
    fs::copy(World::cs_program(), &program).unwrap();
    world.program("claude", "#!/bin/sh\nid -u; echo \"$CS_SESSION $CLAUDE_CONFIG_DIR\"\n");
    // A project of both, as a group has one.
    let common = root.join("common");
    fs::create_dir(&common).unwrap();
    fs::set_permissions(&common, fs::Permissions::from_mode(0o2777)).unwrap();
    let users = [41_001, 41_002].map(|uid| {
        let home = root.join(format!("home-{uid}"));
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(&home, Some(uid), Some(uid)).unwrap();
        (uid, home)
    });
    let command = |uid: u32, home: &Path, words: &[&str]| {
        let mut command = Command::new("/bin/sh");
        // With a generous mask: what is private must be so by itself.
        command.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(&program).args(words);
        command.env_clear().env("HOME", home).env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        command.env("TMPDIR", home).current_dir(&common).uid(uid).gid(uid).stdin(std::process::Stdio::null());
        command
    };
    let first = ran(&mut command(users[0].0, &users[0].1, &["list"]));
    if first.stderr.contains("permission denied") || first.code.is_none() {
        skipped("another user cannot reach this test's directory");
        return;
    }
    first.ok();
    // At once, the same names, in the same directory.
    thread::scope(|scope| {
        for (uid, home) in &users {
            for name in ["api", "web", "job"] {
                let command = &command;
                scope.spawn(move || {
                    let said = ran(&mut command(*uid, home, &[name])).ok();
                    assert!(said.starts_with(&format!("{uid}\n{name} {}", home.display())), "{said}");
                });
            }
        }
    });
    for ((uid, home), (other_uid, other)) in [(&users[0], &users[1]), (&users[1], &users[0])] {
        let listed = ran(&mut command(*uid, home, &["list", "--json"])).ok();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed["sessions"].as_array().unwrap().len(), 3);
        assert!(!listed.to_string().contains(other.to_str().unwrap()));
        // Neither by a look at the disk, nor by saying that it is one's own.
        let theirs = other.join(".local/share/cs");
        let look = ran(Command::new("/bin/ls").arg(&theirs).uid(*uid).gid(*uid));
        assert!(look.stderr.contains("Permission denied"), "{look:?}");
        for words in [&["list"][..], &["api"], &["new", "--no-open", "mine"]] {
            let done = ran(command(*uid, home, words).env("CS_HOME", &theirs));
            assert!(done.fails(5).contains(&format!("belongs to another user (uid {other_uid})")));
        }
        // Every file of it is its owner's, and nobody else can use it.
        let mut left = vec![theirs];
        while let Some(path) = left.pop() {
            use std::os::unix::fs::MetadataExt;
            let about = path.symlink_metadata().unwrap();
            assert_eq!(about.uid(), *other_uid, "{}", path.display());
            if !about.is_symlink() {
                // What the stand-in for Claude makes would be its own.
                assert_eq!(about.mode() & 0o077, 0, "{} {:o}", path.display(), about.mode());
            }
            if about.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
    }
    assert_eq!(fs::read_dir(&common).unwrap().count(), 0, "nothing was left in the common directory");
}

/// Runs `cs` among processes that have pids of their own, as in a container that has the home directory.
fn among_other_pids(world: &World, words: &[&str]) -> Ran {
    let cs = World::cs_program();
    let mut all = vec!["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", cs.to_str().unwrap()];
    all.extend(words);
    ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &world.project("api"), &all))
}

#[test]
fn what_is_open_among_other_pids_is_open_here_and_the_other_way_round() {
    if needed("unshare").is_none() {
        return;
    }
    let world = World::new();
    world.fake_claude("touch began; exec sleep ${WAIT:-0}");
    world.cs_in(&world.project("api"), &["new", "--no-open", "api"]).ok();
    if among_other_pids(&world, &["list"]).code != Some(0) {
        skipped("a home among other pids cannot be had here");
        return;
    }
    let began = world.project("api").join("began");
    let refused = |look: &dyn Fn(&[&str]) -> Ran| {
        let said = look(&["api"]).fails(5);
        assert!(said.contains("session 'api' is open in a container"), "{said}");
        assert!(look(&["rm", "api"]).fails(5).contains("is open"), "not to the trash under it");
        let kept = look(&["cleanup", "--yes", "--older-than", "0d"]).ok();
        assert!(look(&["list"]).ok().contains("api"), "{kept}");
        let shown: Value = serde_json::from_str(&look(&["show", "--json", "api"]).ok()).unwrap();
        assert_eq!(shown["live"], true);
    };
    let outer = |words: &[&str]| world.cs_in(&world.project("api"), words);
    let inner = |words: &[&str]| among_other_pids(&world, words);
    // Here, and looked at from there.
    let mut command = world.command(&world.project("api"), &["api"]);
    let mut child = command.env("WAIT", "30").spawn().unwrap();
    until("it runs", || began.exists());
    refused(&inner);
    // The control: the pid itself is not there.
    let pid = child.id().to_string();
    let there = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "test", "-e"];
    let mut looked = world.any_command(Path::new("/usr/bin/unshare"), world.root(), &there);
    assert_eq!(ran(looked.arg(format!("/proc/{pid}"))).code, Some(1));
    child.kill().unwrap();
    child.wait().unwrap();
    until("the end", || world.show("api")["live"] == false);
    // What has ended here is no obstacle there, nor the other way round; and it is open here while it runs there.
    inner(&["api"]).ok();
    outer(&["api"]).ok();
    fs::remove_file(&began).unwrap();
    let cs = World::cs_program();
    let words = [
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        cs.to_str().unwrap(),
        "api",
    ];
    let mut command = world.any_command(Path::new("/usr/bin/unshare"), &world.project("api"), &words);
    let mut child = command.env("WAIT", "30").spawn().unwrap();
    until("it runs there", || began.exists());
    refused(&outer);
    child.kill().unwrap();
    child.wait().unwrap();
    until("the end there", || world.show("api")["live"] == false);
    outer(&["rm", "api"]).ok();
}

#[test]
fn a_run_that_was_noted_before_name_spaces_were_is_judged_by_its_pid() {
    let world = World::with_fake_claude();
    world.cs(&["api"]).ok();
    let note = world.data().join("sessions").join(world.id_of("api")).join("run.toml");
    let text = fs::read_to_string(&note).unwrap();
    assert!(text.contains("\nspace = \""), "the control: {text}");
    let without =
        |text: &str| text.lines().filter(|line| !line.starts_with("space")).collect::<Vec<_>>().join("\n");
    fs::write(&note, without(&text) + "\n").unwrap();
    assert_eq!(world.show("api")["live"], false);
    world.cs(&["api"]).ok();
    // A field of a later version is passed over.
    let text = fs::read_to_string(&note).unwrap();
    fs::write(&note, format!("{}\nlater = \"x\"\n", text.trim_end())).unwrap();
    assert_eq!(world.show("api")["live"], false);
    assert!(world.show("api")["last_run"]["host"].is_string());
}
