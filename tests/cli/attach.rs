//! Sessions inside tmux. The person's terminal is a tmux of the test's own (`Tmux`); the one that sessions
//! run in is the person's, with its socket in a directory of this world.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::scenery::{has, optional, until};
use super::support::tmux::Tmux;
use super::support::world::{Ran, World, ran};

const SOON: Duration = Duration::from_secs(30);

/// What the stand-in for Claude shows and does.
const STAYS: &str = "echo \"here is $CS_SESSION\"; exec sleep 300";

/// A world whose person has a tmux, which ends with the test.
struct Own {
    world: World,
}

impl std::ops::Deref for Own {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

impl Own {
    fn new() -> Option<Self> {
        if !Tmux::available() {
            return None;
        }
        let mut world = World::with_fake_claude();
        world.fake_claude(STAYS);
        let sockets = world.root().join("sockets");
        fs::create_dir(&sockets).unwrap();
        world.set("TMUX_TMPDIR", &sockets);
        world.set("SHELL", "/bin/sh");
        Some(Self { world })
    }

    fn tmux(&self, words: &[&str]) -> Ran {
        let tmux = which::which("tmux").unwrap();
        let mut command = self.any_command(&tmux, &self.home(), words);
        ran(command.env("TMUX_TMPDIR", self.root().join("sockets")))
    }

    /// A terminal in which `cs` runs with `arguments`.
    fn terminal(&self, directory: &Path, arguments: &[&str]) -> Tmux {
        let program = World::cs_program();
        let mut argv = vec![program.to_str().unwrap()];
        argv.extend(arguments);
        Tmux::start(&argv, directory, self.environment())
    }

    /// The panes there are: `session:window pid`.
    fn panes(&self) -> Vec<String> {
        let format = "#{session_name}:#{window_name} #{pane_pid}";
        let found = self.tmux(&["list-panes", "-a", "-F", format]);
        found.stdout.lines().map(str::to_owned).collect()
    }

    /// The clients that look at something: `session`.
    fn clients(&self) -> Vec<String> {
        let found = self.tmux(&["list-clients", "-F", "#{client_session}:#{window_name}"]);
        found.stdout.lines().map(str::to_owned).collect()
    }

    fn pid(&self, name: &str) -> u64 {
        self.show(name)["pid"].as_u64().unwrap_or_else(|| panic!("{name} is not open"))
    }

    fn staging(&self) -> Vec<PathBuf> {
        fs::read_dir(self.data().join("staging")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// Waits until the stand-in for Claude has been started `number` times, and has said how.
fn started(world: &World, number: usize) {
    let arguments = |start: usize| world.root().join("starts").join(start.to_string()).join("args");
    until("the start", || {
        (0..number).all(|start| arguments(start).metadata().is_ok_and(|about| about.len() > 0))
    });
    assert_eq!(world.starts().len(), number);
}

fn signal(pid: u32, name: &str) {
    ran(Command::new("kill").args([format!("-{name}"), pid.to_string()])).ok();
}

#[test]
fn a_session_inside_tmux_outlives_its_terminal_and_is_shown_again() {
    let Some(own) = Own::new() else { return };
    let project = own.project("api");
    let terminal = own.terminal(&project, &["-t", "api"]);
    terminal.wait_for("here is api", SOON);
    let pid = own.pid("api");
    assert_eq!(own.panes(), [format!("api:api {pid}")], "the process of the pane is Claude");
    assert_eq!(u64::from(own.last_start().pid), pid);
    assert_eq!(own.last_start().cwd, project);
    assert_eq!(own.staging(), [] as [PathBuf; 0], "nothing of the way there is left");

    for (verb, name) in [(&["attach", "api"][..], "HUP"), (&["-t", "api"], "KILL"), (&["-t", "api"], "TERM")]
    {
        let again = own.terminal(&own.home(), verb);
        again.wait_for("here is api", SOON);
        // The program in the terminal has become tmux's client: nothing of cs stays.
        until("both to look", || own.clients().len() == 2);
        signal(again.pid(), name);
        let _ = again.wait_exit(SOON);
        until("one to look", || own.clients() == ["api:api"]);
    }
    signal(terminal.pid(), "KILL");
    until("nobody to look", || own.clients().is_empty());
    assert_eq!(own.pid("api"), pid, "it lives");
    assert_eq!(own.starts().len(), 1);
    assert_eq!(own.show("api")["inside"]["session"], "api");

    // A person who detaches is back in the shell; when Claude ends, likewise.
    let terminal = own.terminal(&own.home(), &["attach", "api"]);
    terminal.wait_for("here is api", SOON);
    terminal.send_keys(&["C-b", "d"]);
    assert_eq!(terminal.wait_exit(SOON), 0);
    let terminal = own.terminal(&own.home(), &["attach", "api"]);
    terminal.wait_for("here is api", SOON);
    signal(u32::try_from(pid).unwrap(), "TERM");
    assert_eq!(terminal.wait_exit(SOON), 0);
    assert_eq!(own.show("api")["live"], false);
    assert!(own.show("api")["inside"].is_null());
}

#[test]
fn what_is_started_inside_has_the_environment_it_was_called_with_and_no_secret_is_to_be_seen() {
    let Some(mut own) = Own::new() else { return };
    let canary = format!("sk-canary-{}", std::process::id());
    let project = own.project("api");
    let file = own.write(".gw-token", &canary);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (url, file) = ("http://127.0.0.1:9", file.to_str().unwrap().to_owned());
    own.cs(&["profile", "create", "gw", "--base-url", url, "--token-file", &file]).ok();
    // The person's tmux runs already, with other variables.
    assert_eq!(own.tmux(&["new-session", "-d", "-s", "mine", "exec sleep 300"]).code, Some(0));
    own.world.set("MINE", "is\nhere");
    own.world.set("SSH_TTY", "/dev/pts/99");
    own.world.set("TERM", "xterm-kitty");

    let (seen, done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + SOON;
            while !done.load(Ordering::Relaxed) && Instant::now() < end {
                if on_a_command_line(&canary) {
                    seen.store(true, Ordering::Relaxed);
                }
            }
        });
        let said = own.cs_in(&project, &["-t", "--detached", "-P", "gw", "api", "-p", "a private prompt"]);
        done.store(true, Ordering::Relaxed);
        assert!(
            said.stderr.contains("session 'api' runs inside tmux (api:0) (to see it: cs attach api)"),
            "{said:?}"
        );
        assert_eq!(said.ok(), "");
    });
    started(&own, 1);
    let start = own.last_start();
    assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some(canary.as_str()), "the control: Claude has it");
    assert_eq!(start.var("MINE"), Some("is\nhere"));
    assert_eq!(start.var("CS_SESSION"), Some("api"));
    assert!(start.var("TMUX").is_some_and(|server| server.contains("/sockets/")), "{start:?}");
    assert!(start.var("TMUX_PANE").is_some());
    assert!(start.var("TERM").is_some_and(|term| term.starts_with("tmux") || term.starts_with("screen")));
    assert_eq!(start.var("SSH_TTY"), None);
    assert_eq!(start.args[start.args.len() - 2..], ["-p", "a private prompt"]);

    assert!(!seen.load(Ordering::Relaxed) && !on_a_command_line(&canary), "it was on a command line");
    let shown =
        own.tmux(&["show-environment", "-g"]).ok() + &own.tmux(&["show-environment", "-t", "api"]).ok();
    assert!(!shown.contains(&canary) && !shown.contains("is here"), "{shown}");
    let made_with = own.tmux(&["list-panes", "-a", "-F", "#{pane_start_command}"]).ok();
    assert!(made_with.contains("__inside") && !made_with.contains("private"), "{made_with}");
    let held = ran(Command::new("grep").args(["-rlF", &canary]).arg(own.home())).stdout;
    assert_eq!(held.lines().collect::<Vec<_>>(), [file], "it is where the person put it");
}

/// Whether any process has `text` among its arguments.
fn on_a_command_line(text: &str) -> bool {
    fs::read_dir("/proc").into_iter().flatten().flatten().any(|entry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        words.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn one_that_runs_outside_is_refused_and_one_that_a_person_put_inside_is_found() {
    let Some(own) = Own::new() else { return };
    let project = own.project("api");
    let outside = own.terminal(&project, &["out"]);
    outside.wait_for("here is out", SOON);
    for verb in [&["-t", "out"][..], &["attach", "out"], &["-t", "--detached", "out"]] {
        let said = own.cs(verb).fails(5);
        let known = format!("session 'out' is open in another terminal (pid {}, pts/", own.pid("out"));
        assert!(said.contains(&known), "{said}");
        assert!(!said.contains("cs attach"), "{said}");
    }
    assert!(own.show("out")["inside"].is_null());

    let cs = World::cs_program();
    let made = ["new-session", "-d", "-s", "my own work", cs.to_str().unwrap(), "hand"];
    assert_eq!(own.tmux(&made).code, Some(0));
    until("it to be open", || own.cs(&["show", "hand"]).stdout.contains("inside tmux (my own work:0)"));
    let refused = own.cs(&["hand"]).fails(5);
    assert!(refused.contains("session 'hand' is open inside tmux (my own work:0) (pid "), "{refused}");
    assert!(refused.contains("to see it here: cs attach hand"), "{refused}");
    let shown = own.terminal(&own.home(), &["attach", "hand"]);
    shown.wait_for("here is hand", SOON);
    assert!(own.clients()[0].starts_with("my own work:"), "{:?}", own.clients());
    let lost = own.cs(&["-t", "hand", "-p", "a prompt"]).fails(5);
    assert!(lost.contains("is open already, inside tmux (my own work:0)"), "{lost}");
    let said = own.cs(&["-t", "--detached", "hand"]);
    assert!(said.stderr.contains("session 'hand' is open already, inside tmux"), "{said:?}");
    said.ok();

    // A terminal that was opened from inside a pane has the variables of the pane, and is not in it.
    let variables =
        own.tmux(&["display-message", "-p", "-t", "my own work", "#{socket_path},#{pid},0 #{pane_id}"]).ok();
    let (server, pane) = variables.trim().split_once(' ').unwrap();
    let mut environment = own.environment();
    environment.extend([("TMUX".into(), server.to_owned()), ("TMUX_PANE".into(), pane.to_owned())]);
    let other = Tmux::start(&[cs.to_str().unwrap(), "other"], &own.home(), environment);
    other.wait_for("here is other", SOON);
    assert!(own.cs(&["attach", "other"]).fails(5).contains("is open in another terminal"));
    assert_eq!(own.starts().len(), 3);
}

#[test]
fn inside_tmux_a_session_gets_a_window_beside_and_another_is_switched_to() {
    let Some(own) = Own::new() else { return };
    let project = own.project("api");
    own.cs_in(&project, &["-t", "--detached", "far"]).ok();
    let cs = World::cs_program();
    let cs = cs.to_str().unwrap();
    let home = own.home();
    let argv = ["tmux", "new-session", "-s", "mine", "-n", "sh", "env", "PS1=ready> ", "sh"];
    let terminal = Tmux::start(&argv, &home, own.environment());
    terminal.wait_for("ready>", SOON);
    terminal.enter(&format!("cd {}; {cs} -t near", project.display()));
    terminal.wait_for("here is near", SOON);
    assert_eq!(own.clients(), ["mine:near"]);
    assert!(own.panes().contains(&format!("mine:near {}", own.pid("near"))), "{:?}", own.panes());
    terminal.send_keys(&["C-b", "p"]);
    terminal.wait_for("ready>", SOON);
    terminal.enter(&format!("clear; {cs} attach far"));
    terminal.wait_for("here is far", SOON);
    assert_eq!(own.clients(), ["far:far"], "the same client looks at another session");
    terminal.send_keys(&["C-b", "("]);
    until("it to be back", || own.clients() == ["mine:sh"]);
    terminal.enter(&format!("clear; {cs} -t --detached beside; {cs} -t near"));
    until("it to look at 'near'", || own.clients() == ["mine:near"]);
    // When Claude ends there, the person is back where it was started from.
    signal(u32::try_from(own.pid("near")).unwrap(), "TERM");
    until("it to be back", || own.clients() == ["mine:sh"]);
    let listed = own.panes();
    assert!(listed.contains(&format!("mine:beside {}", own.pid("beside"))), "{listed:?}");

    // Inside the tmux of somebody else, or of another socket, there is nothing to switch.
    let mut environment = own.environment();
    environment.push(("TMUX".into(), "/somewhere/else,1,0".into()));
    let other = Tmux::start(&[cs, "attach", "far"], &home, environment);
    assert_eq!(other.wait_exit(SOON), 5);
    let screen = other.scrollback();
    assert!(
        screen.contains("runs inside another tmux server") && screen.contains("env -u TMUX cs attach far"),
        "{screen}"
    );
}

#[test]
fn what_goes_wrong_before_claude_runs_is_said_and_leaves_no_pane() {
    let Some(mut own) = Own::new() else { return };
    let project = own.project("api");
    let before = |own: &Own| {
        assert_eq!(own.panes(), [] as [String; 0]);
        assert_eq!(own.starts().len(), 0);
    };
    for (words, code, said) in [
        (&["attach", "nope"][..], 4, "there is no session 'nope'"),
        (&["-t", "default"], 2, "'default' is a profile: only sessions"),
        (&["attach", "default"], 2, "'default' is a profile, not a session"),
        (&["-t", "api", "mcp", "list"], 2, "'mcp' is a command of Claude's own"),
        (&["--detached", "api"], 2, "--detached goes with --tmux"),
        (&["-t", "-P", "nope", "api"], 4, "there is no profile 'nope'"),
    ] {
        let done = own.cs_in(&project, words).fails(code);
        assert!(done.contains(said), "{words:?}: {done}");
    }
    before(&own);
    assert!(!own.data().exists(), "nothing was made");

    own.cs_in(&project, &["new", "--no-open", "api"]).ok();
    // A Claude that the system cannot start: known to the pane only.
    own.program("claude", "#!/no/such/interpreter\n");
    let said = own.cs_in(&project, &["attach", "api"]).fails(127);
    assert!(said.contains("cannot start") && said.contains("bin/claude: no such file"), "{said}");
    until("the pane to be gone", || own.panes().is_empty());
    assert_eq!(own.staging(), [] as [PathBuf; 0]);

    fs::remove_file(own.bin().join("claude")).unwrap();
    assert!(own.cs(&["-t", "api"]).fails(127).contains("claude"));
    own.fake_claude(STAYS);
    let gone = own.home().join("src/gone");
    fs::rename(&project, &gone).unwrap();
    assert!(own.cs(&["attach", "api"]).fails(5).contains("the directory of session 'api' is gone"));
    fs::rename(&gone, &project).unwrap();
    let id = own.id_of("api");
    let record = own.data().join("sessions").join(id).join("session.toml");
    let whole = fs::read(&record).unwrap();
    fs::write(&record, "version = ").unwrap();
    assert!(own.cs(&["-t", "--detached", "api"]).fails(1).contains("session.toml"));
    fs::write(&record, whole).unwrap();
    own.write(".config/cs/config.toml", "multiplexer = \"screen\"\n");
    assert!(own.cs(&["-t", "api"]).fails(2).contains("config.toml:1"));
    fs::remove_file(own.home().join(".config/cs/config.toml")).unwrap();
    before(&own);
    // A directory in which no tmux can have its socket.
    own.world.set("TMUX_TMPDIR", "/dev/null");
    let said = own.cs(&["-t", "api"]).fails(1);
    assert!(said.contains("session 'api' was not started: tmux: "), "{said}");

    own.world.set("TMUX_TMPDIR", own.root().join("sockets"));
    // A data root whose file system has no sockets, and a pane that goes meanwhile.
    if has("strace") {
        let program = World::cs_program();
        for (inject, known) in [
            ("inject=bind:error=EOPNOTSUPP:when=1", "CS_HOME names a directory on another one"),
            ("inject=sendto:error=EPIPE:when=1", "its pane in tmux ended before it began"),
        ] {
            let words = ["-qq", "-o", "/dev/null", "-e", inject, program.to_str().unwrap(), "-t", "api"];
            let said = ran(&mut own.any_command(Path::new("/usr/bin/strace"), &own.home(), &words)).fails(1);
            assert!(said.contains(known), "{inject}: {said}");
            until("the pane to be gone", || own.panes().is_empty());
            assert_eq!(own.staging(), [] as [PathBuf; 0]);
        }
    }
    // A working directory that is gone, or that one may only pass through.
    let closed = own.project("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o300)).unwrap();
    own.cs_in(&closed, &["-t", "--detached", "--dir", project.to_str().unwrap(), "api"]).ok();
    started(&own, 1);
    signal(u32::try_from(own.pid("api")).unwrap(), "TERM");
    until("the pane to be gone", || own.panes().is_empty());

    // Neither of both on the PATH: said before anything is made.
    let bin = own.bin();
    own.world.set("PATH", &bin);
    let said = own.cs_in(&project, &["-t", "fresh"]).fails(127);
    assert!(said.contains("there is no tmux (nor zellij) on PATH"), "{said}");
    assert!(said.contains("apt install tmux"), "{said}");
    own.write(".config/cs/config.toml", "multiplexer = \"zellij\"\n");
    assert!(own.cs(&["attach", "api"]).fails(127).contains("there is no zellij on PATH"));
    assert!(own.cs(&["show", "fresh"]).code == Some(4));
    assert_eq!(own.starts().len(), 1);
}

#[test]
fn names_of_a_person_s_own_sessions_stay_theirs() {
    let Some(own) = Own::new() else { return };
    let project = own.project("api");
    assert_eq!(own.tmux(&["new-session", "-d", "-s", "api", "exec sleep 300"]).code, Some(0));
    let theirs = own.panes();
    own.cs_in(&project, &["-t", "--detached", "api"]).ok();
    own.cs_in(&project, &["-t", "--detached", "a.b.c"]).ok();
    own.cs_in(&project, &["-t", "--detached", "a_b_c"]).ok();
    let mut expected = theirs;
    for (session, window, name) in
        [("cs-api", "api", "api"), ("a_b_c", "a_b_c", "a.b.c"), ("cs-a_b_c", "a_b_c", "a_b_c")]
    {
        expected.push(format!("{session}:{window} {}", own.pid(name)));
    }
    expected.sort();
    let mut found = own.panes();
    found.sort();
    assert_eq!(found, expected);
    // Each is found again where it is.
    for (name, session) in [("api", "cs-api"), ("a.b.c", "a_b_c"), ("a_b_c", "cs-a_b_c")] {
        let terminal = own.terminal(&own.home(), &["attach", name]);
        terminal.wait_for(&format!("here is {name}"), SOON);
        assert!(own.clients()[0].starts_with(&format!("{session}:")), "{:?}", own.clients());
        terminal.send_keys(&["C-b", "d"]);
        assert_eq!(terminal.wait_exit(SOON), 0);
    }
}

#[test]
fn ten_at_once_are_ten_sessions_and_one_name_at_once_is_one() {
    let Some(own) = Own::new() else { return };
    let project = own.project("api");
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    thread::scope(|scope| {
        for name in &names {
            let (own, project) = (&own, &project);
            scope.spawn(move || own.cs_in(project, &["-t", "--detached", name]).ok());
        }
    });
    let mut expected: Vec<String> =
        names.iter().map(|name| format!("{name}:{name} {}", own.pid(name))).collect();
    let mut found = own.panes();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    started(&own, 10);

    own.cs_in(&project, &["new", "--no-open", "one"]).ok();
    thread::scope(|scope| {
        for _ in 0..6 {
            let own = &own;
            scope.spawn(move || own.cs(&["-t", "--detached", "one"]).ok());
        }
    });
    assert_eq!(own.panes().len(), 11);
    started(&own, 11);
    assert_eq!(own.staging(), [] as [PathBuf; 0]);
}

#[test]
fn a_caller_that_is_killed_on_the_way_leaves_nothing_harmful() {
    let Some(own) = Own::new() else { return };
    if !has("strace") {
        return;
    }
    let project = own.project("api");
    own.cs_in(&project, &["new", "--no-open", "api"]).ok();
    let program = World::cs_program();
    let cs = program.to_str().unwrap();
    // As it waits for the pane, as it writes the note, as it hands over, as it waits for the end.
    let mut killed = 0;
    for call in [
        "accept4:signal=KILL:when=1",
        "shutdown:signal=KILL:when=1",
        "recvfrom:signal=KILL:when=1",
        "unlinkat:signal=KILL:when=1",
    ] {
        let inject = format!("inject={call}");
        let words = ["-qq", "-o", "/dev/null", "-e", &inject, cs, "-t", "--detached", "api"];
        let done = ran(&mut own.any_command(Path::new("/usr/bin/strace"), &own.home(), &words));
        killed += usize::from(done.signal == Some(9) || done.code == Some(137));
        // It may have been told all it needs before.
        if let Some(pid) = own.show("api")["pid"].as_u64() {
            let _ = ran(Command::new("kill").arg(pid.to_string()));
        }
        // A pane that was not told what to become has ended by itself, and the session is as it was.
        until("the pane to be gone", || own.panes().is_empty());
        assert_eq!(own.show("api")["live"], false, "{call}");
    }
    assert!(killed >= 3, "the control: it was killed");
    own.cs(&["-t", "--detached", "api"]).ok();
    assert_eq!(own.panes().len(), 1);
    for left in own.staging() {
        let inside: Vec<_> = fs::read_dir(&left).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            inside.iter().all(|name| name == "s"),
            "a socket that nobody listens at, and nothing else: {inside:?}"
        );
        assert_eq!(fs::metadata(&left).unwrap().permissions().mode() & 0o7777, 0o700);
    }
}

#[test]
fn however_a_session_is_opened_it_can_be_inside() {
    let Some(own) = Own::new() else { return };
    let (project, other) = (own.project("api"), own.project("other"));
    let other_text = other.to_str().unwrap();
    for (words, name, directory) in [
        (&["new", "-t", "--detached", "a"][..], "a", &project),
        (&["open", "-t", "--detached", "b", "-p", "x"], "b", &project),
        (&["-t", "--detached"], "api", &project),
        (&["-t", "--detached", "a prompt of many words"], "api-2", &project),
        (&["--tmux", "--detached", "--dir", other_text, "--ephemeral", "c"], "c", &other),
        (&["-t", "--detached", "--isolation", "home", "d"], "d", &project),
        (&["-t", "--detached", "--isolation", "none", "e"], "e", &project),
    ] {
        let before = own.starts().len();
        own.cs_in(&project, words).ok();
        started(&own, before + 1);
        let start = own.last_start();
        assert_eq!((start.var("CS_SESSION"), &start.cwd), (Some(name), directory), "{words:?}");
        assert_eq!(own.pid(name), u64::from(start.pid), "{words:?}");
        assert!(own.show(name)["inside"]["pane"].is_string(), "{words:?}");
    }
    assert_eq!(own.starts()[3].args.last().map(String::as_str), Some("a prompt of many words"));
    // One that ended is resumed there, by attach; where there is no terminal that is said.
    signal(u32::try_from(own.pid("a")).unwrap(), "TERM");
    until("it to have ended", || own.show("a")["live"] == false);
    let said = own.cs(&["attach", "a"]);
    assert!(
        said.stderr.contains("session 'a' runs inside tmux (a:0); there is no terminal here to show it"),
        "{said:?}"
    );
    said.ok();
    started(&own, 8);
    assert_eq!(own.pid("a"), u64::from(own.last_start().pid));
    // Verbs without the option refuse as they do, and say where it is.
    for words in [&["resume", "a"][..], &["open", "a"]] {
        assert!(own.cs(words).fails(5).contains("to see it here: cs attach a"));
    }
    assert!(own.cs(&["new", "-t", "a"]).fails(5).contains("there is already a session 'a'"));
}

#[test]
fn what_ends_soon_leaves_no_pane_and_is_not_waited_for() {
    let Some(own) = Own::new() else { return };
    let project = own.project("api");
    own.fake_claude("exit 3");
    own.cs_in(&project, &["-t", "--detached", "api"]).ok();
    until("the pane to be gone", || own.panes().is_empty());
    own.fake_claude("sleep 1; exit 3");
    // What it ended with is the pane's to know: the terminal is where it was.
    let terminal = own.terminal(&project, &["-t", "api"]);
    assert_eq!(terminal.wait_exit(SOON), 0, "{}", terminal.scrollback());
    assert_eq!(own.show("api")["live"], false);
    assert_eq!(own.staging(), [] as [PathBuf; 0]);
}

/// A zellij of the person's, which ends with the test.
struct OwnZellij<'a>(&'a World);

impl Drop for OwnZellij<'_> {
    fn drop(&mut self) {
        let program = self.0.bin().join("zellij");
        let _ = ran(&mut self.0.any_command(&program, &self.0.home(), &["kill-all-sessions", "--yes"]));
    }
}

fn with_zellij() -> World {
    let mut world = World::with_fake_claude();
    world.fake_claude(STAYS);
    let sockets = world.root().join("run");
    fs::create_dir(&sockets).unwrap();
    fs::set_permissions(&sockets, fs::Permissions::from_mode(0o700)).unwrap();
    world.set("XDG_RUNTIME_DIR", &sockets);
    world.set("SHELL", "/bin/sh");
    world.write(".config/cs/config.toml", "multiplexer = \"zellij\"\n");
    world.write(".config/zellij/config.kdl", "show_release_notes false\nshow_startup_tips false\n");
    world
}

#[test]
fn inside_zellij_a_session_outlives_its_terminal_too() {
    let Some(zellij) = optional("zellij") else { return };
    let world = with_zellij();
    std::os::unix::fs::symlink(zellij, world.bin().join("zellij")).unwrap();
    let _end = OwnZellij(&world);
    let project = world.project("api");
    let said = world.cs_in(&project, &["-t", "--detached", "api"]);
    assert!(said.stderr.contains("session 'api' runs inside zellij (api)"), "{said:?}");
    said.ok();
    started(&world, 1);
    let pid = world.last_start().pid;
    assert_eq!(world.show("api")["pid"], pid);
    assert_eq!(world.show("api")["inside"]["program"], "zellij");
    assert!(world.cs(&["api"]).fails(5).contains("is open inside zellij (api)"));
    let program = World::cs_program();
    for name in ["KILL", "HUP"] {
        let terminal =
            Tmux::start(&[program.to_str().unwrap(), "attach", "api"], &world.home(), world.environment());
        terminal.wait_for("here is api", SOON);
        signal(terminal.pid(), name);
        let _ = terminal.wait_exit(SOON);
        assert_eq!(world.show("api")["pid"], pid, "it lives");
    }
    // Another one of that name gets another session; and when Claude ends, the terminal is free.
    signal(pid, "TERM");
    until("it to have ended", || world.show("api")["live"] == false);
    let terminal = Tmux::start(&[program.to_str().unwrap(), "-t", "web"], &world.home(), world.environment());
    terminal.wait_for("here is web", SOON);
    signal(world.last_start().pid, "TERM");
    assert_eq!(terminal.wait_exit(SOON), 0);
}

#[test]
fn zellij_is_asked_for_a_session_nobody_has_and_an_old_one_is_told() {
    let world = with_zellij();
    let project = world.project("api");
    let asked = world.root().join("asked");
    // In zellij's place: it has sessions already, and loses a race for one more.
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>'{0}'\ncase $1 in list-sessions) printf 'api\\nmine\\n';; attach)\n\
         [ \"$3\" != cs-api ] || {{ echo 'Session already exists' >&2; exit 1; }}\n\
         export ZELLIJ=0 ZELLIJ_SESSION_NAME=$3 ZELLIJ_PANE_ID=0\n\
         while [ \"$1\" != -- ]; do shift; done; shift; setsid \"$@\" </dev/null >/dev/null 2>&1 & ;; esac\n",
        asked.display()
    );
    world.program("zellij", &script);
    let said = world.cs_in(&project, &["-t", "--detached", "api", "-p", "private"]);
    assert!(said.stderr.contains("session 'api' runs inside zellij (cs-api-2)"), "{said:?}");
    said.ok();
    started(&world, 1);
    let start = world.last_start();
    assert_eq!((start.var("ZELLIJ_SESSION_NAME"), &start.cwd), (Some("cs-api-2"), &project));
    assert_eq!(start.args.last().map(String::as_str), Some("private"));
    let lines = fs::read_to_string(&asked).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let cs = World::cs_program();
    let begins = format!("attach --create-background cs-api-2 --close-on-exit -- {} __inside ", cs.display());
    assert!(lines[2].starts_with(&begins) && !lines[2].contains("private"), "{lines:?}");
    signal(start.pid, "KILL");
    until("it to have ended", || world.show("api")["live"] == false);

    world.program("zellij", "#!/bin/sh\n[ $1 = list-sessions ] || { echo \"error: unexpected argument '--close-on-exit' found\" >&2; exit 2; }\n");
    let said = world.cs(&["-t", "--detached", "api"]).fails(1);
    assert!(said.contains("zellij is older than 0.45"), "{said}");
}
