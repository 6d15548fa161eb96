//! Every message and help text, as a person reads it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use clap::CommandFactory;

use super::scenery::{Running, TALK, Transcript, granted, is_root, may_mount, state, talk, waiting_claude};
use super::support::skipped;
use super::support::snapshots::assert_snapshot;
use super::support::world::{Ran, World, ran};

/// Compares a transcript with the one that was looked at and kept.
macro_rules! assert_reads {
    ($transcript:expr) => {
        insta::with_settings!({
            omit_expression => true,
            filters => vec![
                (r"pid \d+", "pid [PID]"),
                (r"pts/\d+", "pts/[N]"),
                (r"since [0-9: -]+\d", "since [TIME]"),
                (r"(created|last start)( +)[0-9: -]+\d", "$1$2[TIME]"),
                (r"-tmp-\S*-home", "[SLUG]"),
                // What is unset is a long list of constants, and is looked at elsewhere.
                (r"(?m)^  unset .*\n", ""),
            ],
        }, { assert_snapshot!($transcript.text()) });
    };
}

/// A world with a session `api` that has a conversation, and a profile `work`.
fn furnished() -> World {
    let world = World::with_fake_claude();
    let api = world.project("api");
    world.cs_in(&api, &["new", "--no-open", "api"]).ok();
    talk(&world.config_of("api"), &api, TALK, "make it green");
    world.cs(&["profile", "create", "work"]).ok();
    world
}

#[test]
fn names_that_nothing_has() {
    let world = furnished();
    let before = state(world.root());
    let mut said = Transcript::new(&world);
    for words in [
        &["show", "apu"][..],
        &["show", "nothing-like-it"],
        &["rm", "APII"],
        &["rename", "wrok", "x"],
        &["env", "aip"],
        &["path", "defualt"],
        &["exec", "ap", "--", "true"],
        &["fork", "aip", "x"],
        &["resume", "aip"],
        &["resume", "01890000-0000-4000-8000-0000000000ff"],
        &["restore", "api"],
        &["profile", "show", "wok"],
        &["profile", "show", "api"],
        &["profile", "remove", "wokr"],
        &["profile", "default", "wokr"],
        &["profile", "login", "nobody"],
        &["profile", "sync", "nobody"],
        &["--profile", "wrk", "x"],
        &["list", "--profile", "wrk"],
    ] {
        said.cs(words);
    }
    assert_eq!(state(world.root()), before);
    assert_reads!(said);
}

#[test]
fn names_that_are_taken_or_none() {
    let world = furnished();
    let before = state(world.root());
    let (long, longest) = ("x".repeat(65), "x".repeat(4096));
    let mut said = Transcript::new(&world);
    for words in [
        &["new", "api"][..],
        &["new", "API"],
        &["new", "work"],
        &["--no-open", "api"],
        &["fork", "api", "work"],
        &["rename", "api", "work"],
        &["rename", "work", "job"],
        &["profile", "create", "api"],
        &["profile", "create", "Work"],
        &["profile", "create", "default"],
        &["profile", "remove", "default"],
        &["new", "list"],
        &["new", "default"],
        &["new", "doctor"],
        &["new", &long],
        &[&long],
        &["new", &longest[..70]],
        &["new", "../x"],
        &["../x"],
        &["/etc/passwd"],
        &["~/x"],
        &["new", ".x"],
        &["new", "x."],
        &["new", "größe"],
        &["new", "日本"],
        &["new", "a b"],
        &["new", "a\u{1b}[2Jb"],
        &["a\u{1b}[2Jb"],
        &["new", "a\nb"],
        &["new", "a\u{202e}b"],
        &["new", "con"],
        &["new", "COM1.txt"],
        &["new", "01890000-0000-7000-8000-000000000001"],
        &["01890000-0000-7000-8000-000000000001"],
        &["new", ""],
        &[""],
    ] {
        said.cs(words);
    }
    assert_eq!(state(world.root()), before);
    assert_reads!(said);
}

#[test]
fn command_lines_that_make_no_sense() {
    let world = furnished();
    let before = state(world.root());
    let mut said = Transcript::new(&world);
    for words in [
        &["--frobnicate"][..],
        &["--jsn", "api"],
        &["list", "--jsn"],
        &["new"],
        &["show"],
        &["rename", "api"],
        &["exec", "api"],
        &["exec", "api", "--", "no-such-program"],
        &["fork", "api"],
        &["--json", "api"],
        &["--branch", "x", "api"],
        &["--from", "x", "api"],
        &["--detached", "api"],
        &["-w", "--dir", ".", "api"],
        &["--isolation", "jail", "api"],
        &["--isolation", "none", "api"],
        &["--profile", "work", "api"],
        &["--profile", "work", "list"],
        &["--bare", "work"],
        &["--dir", "/nowhere", "api"],
        &["resume"],
        &["resume", "work"],
        &["rm", "work"],
        &["env", "api", "--shell", "tcsh"],
        &["env", "api", "--json", "--dotenv"],
        &["restore", "--as", "x"],
        &["init"],
        &["init", "tcsh"],
        &["completions", "tcsh"],
        &["config", "frob"],
        &["profile", "frob"],
        &["profile", "adopt", "x", "/nowhere"],
        &["profile", "adopt", "x", "."],
        &["profile", "create", "x", "--provider", "kimmi"],
        &["profile", "create", "x", "--base-url", "gateway.example"],
        &["profile", "create", "x", "--base-url", "https://gateway.example"],
        &["profile", "create", "x", "--token-env", "not a name"],
        &["profile", "create", "x", "--token-env", "A", "--token-file", "b"],
        &["profile", "remove", "work"],
    ] {
        said.cs(words);
    }
    assert_eq!(state(world.root()), before);
    assert_reads!(said);
}

#[test]
fn what_is_said_when_things_go_well() {
    let mut world = furnished();
    let mut said = Transcript::new(&world);
    for words in [
        &["list"][..],
        &["show", "api"],
        &["show", "work"],
        &["profile", "show", "default"],
        &["new", "--no-open", "other"],
        &["fork", "--no-open", "api", "idea"],
        &["rename", "other", "else"],
        &["rm", "else", "idea"],
        &["restore", "else"],
        &["restore", "idea", "--as", "thought"],
        &["restore"],
        &["profile", "default"],
        &["profile", "default", "work"],
        &["profile", "list"],
        &["profile", "sync"],
        &["profile", "remove", "--force", "work"],
        &["restore", "work"],
        &["profile", "create", "glm", "--provider", "glm"],
        &["profile", "create", "plain", "--base-url", "https://gateway.example", "--token", "t"],
        &["profile", "show", "glm"],
        &["profile", "show", "plain"],
        &["--dry-run", "api", "-p", "hello"],
        &["config"],
    ] {
        said.cs(words);
    }
    assert_reads!(said);
    world.set("CLAUDE_CONFIG_DIR", "/somewhere");
    world.set("ANTHROPIC_API_KEY", "k");
    let mut said = Transcript::new(&world);
    assert_reads!(said.cs(&["api", "-p", "x"]).cs(&["last"]).cs(&["default"]));
}

#[test]
fn what_is_said_about_directories() {
    let world = furnished();
    for (path, text) in [
        ("src/repo/.cs.toml", "profile = \"work\"\n"),
        ("src/odd/.cs.toml", "profil = \"work\"\n"),
        ("src/far/.cs.toml", "profile = \"wrok\"\n"),
        ("src/note", "x\n"),
    ] {
        world.write(path, text);
    }
    let before = state(world.root());
    let mut said = Transcript::new(&world);
    for words in [
        &["bind"][..],
        &["bind", "--list"],
        &["allow", "--list"],
        &["bind", "wrok"],
        &["bind", "../x"],
        &["bind", "work", "--remote", "["],
        &["bind", "work", "--remote", ""],
        &["bind", "--remote", "github.com/acme/*"],
        &["bind", "work", "--dir", "/nowhere"],
        &["bind", "work", "--list"],
        &["bind", "work", "--remove"],
        &["bind", "work", "--json"],
        &["bind", "--remote", "x", "--dir", "y"],
        &["bind", "--remove"],
        &["bind", "--remove", "--dir", "/nowhere"],
        &["bind", "--remove", "--remote", "github.com/acme/*"],
        &["allow"],
        &["allow", "/nowhere"],
        &["allow", "src/odd"],
        &["allow", "src/far"],
        &["allow", "src/far/.cs.toml/x"],
        &["allow", "src/note"],
        &["allow", "--json"],
        &["deny"],
        &["deny", "src/nothing/.cs.toml"],
    ] {
        said.cs(words);
    }
    assert_eq!(state(world.root()), before);
    for words in [
        &["bind", "work"][..],
        &["bind", "work"],
        &["bind"],
        &["bind", "api"],
        &["bind", "work", "--dir", "src/api"],
        &["bind", "work", "--remote", "git@GitHub.com:acme/*"],
        &["bind", "--list"],
        &["bind", "--remove", "--dir", "src"],
        &["show", "api"],
        &["show", "work"],
        &["rm", "api"],
        &["bind"],
        &["bind", "--list"],
        &["bind", "work"],
        &["profile", "remove", "--force", "work"],
        &["new", "x"],
        &["restore", "work"],
        &["bind", "--remove"],
        &["bind", "--remove", "--remote", "https://github.com/acme/*"],
        &["allow", "src/repo"],
        &["allow", "src/repo"],
        &["allow", "--list"],
        &["deny", "src/repo/.cs.toml"],
        &["deny", "src/repo"],
        &["allow", "--list"],
    ] {
        said.cs(words);
    }
    let api = world.home().join("src/api");
    for guard in ["warn", "strict"] {
        world.write(".config/cs/config.toml", &format!("guard = \"{guard}\"\n"));
        said.add("default", &world.cs_in(&api, &["default"]));
    }
    let repo = world.project("repo");
    world.cs_in(&repo, &["allow"]).ok();
    said.add("default", &world.cs_in(&repo, &["default"]));
    world.write("src/repo/.cs.toml", "profile = \"default\"\n");
    said.add("bind", &world.cs_in(&repo, &["bind"]))
        .add("new --no-open y", &world.cs_in(&repo, &["new", "--no-open", "y"]));
    assert_reads!(said);
}

#[test]
fn a_session_that_is_open() {
    let world = World::new();
    waiting_claude(&world);
    let running = Running::start(&world, &world.home(), &["api"]);
    let mut said = Transcript::new(&world);
    for words in
        [&["api"][..], &["resume", "api"], &["last"], &["rm", "api"], &["profile", "remove", "default"]]
    {
        said.cs(words);
    }
    drop(running);
    assert_reads!(said);
}

#[test]
fn no_claude() {
    let mut world = World::new();
    world.set("PATH", "/usr/bin:/bin");
    let before = state(world.root());
    let mut said = Transcript::new(&world);
    said.cs(&["api"]).cs(&["new", "api"]).cs(&["a prompt"]).cs(&["default"]).cs(&["--dry-run", "api"]);
    assert_eq!(state(world.root()), before, "no session is left behind that could not be started");
    world.cs(&["new", "--no-open", "api"]).ok();
    said.cs(&["api"]).cs(&["last"]).cs(&["profile", "login", "default"]).cs(&["list"]);
    world.write(".config/cs/config.toml", "claude = \"/opt/claude code/claude\"\n");
    said.cs(&["api"]);
    assert_reads!(said);
}

#[test]
fn records_that_are_damaged_or_newer_spoil_no_other() {
    let world = World::with_fake_claude();
    for name in ["good", "torn", "newer", "empty", "other-id", "unknown-key", "folder"] {
        world.cs(&["new", "--no-open", name]).ok();
    }
    world.cs(&["profile", "create", "work"]).ok();
    world.cs(&["profile", "create", "odd"]).ok();
    let record = |name: &str| {
        let claim = fs::read_to_string(world.data().join("names").join(name)).unwrap();
        world
            .data()
            .join("sessions")
            .join(claim.trim().strip_prefix("session ").unwrap())
            .join("session.toml")
    };
    let change = |name: &str, with: &dyn Fn(&str) -> String| {
        let path = record(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, with(&text)).unwrap();
    };
    change("torn", &|text| text[..text.len() / 2].to_owned());
    change("newer", &|text| text.replace("version = 1", "version = 7") + "mood = \"good\"\n");
    change("empty", &|_| String::new());
    change("other-id", &|text| text.replace("id = \"0", "id = \"1"));
    change("unknown-key", &|text| format!("{text}mood = \"good\"\n"));
    fs::remove_file(record("folder")).unwrap();
    fs::create_dir(record("folder")).unwrap();
    fs::write(world.data().join("profiles/odd/profile.toml"), "version = 1\nkin = \"api\"\n").unwrap();
    let before = state(world.root());
    let mut said = Transcript::new(&world);
    for name in ["torn", "newer", "empty", "other-id", "unknown-key", "folder", "odd"] {
        said.cs(&["show", name]);
    }
    said.cs(&["newer"])
        .cs(&["rm", "torn"])
        .cs(&["rename", "newer", "x"])
        .cs(&["new", "torn"])
        .cs(&["env", "odd"]);
    said.cs(&["profile", "list"]);
    assert_eq!(state(world.root()), before, "a damaged record is never changed");
    // The id of a damaged record is made of the time it was made at, so their order is theirs.
    said.cs(&["list"]);
    let all = super::scenery::list(&world);
    assert_eq!(all["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(all["damaged"].as_array().unwrap().len(), 6);
    world.cs(&["good"]).ok();
    world.cs(&["last"]).ok();
    assert_reads!(said);
}

#[test]
fn a_record_cut_at_any_length_is_damaged_or_whole() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "good"]).ok();
    world.cs(&["new", "--no-open", "api"]).ok();
    let path = world.config_of("api").parent().unwrap().join("session.toml");
    let text = fs::read(&path).unwrap();
    for length in 0..text.len() - 1 {
        fs::write(&path, &text[..length]).unwrap();
        let all = super::scenery::list(&world);
        let (good, bad) =
            (all["sessions"].as_array().unwrap().len(), all["damaged"].as_array().unwrap().len());
        assert_eq!((good, bad), (1, 1), "cut at {length}: {all}");
        assert_eq!(fs::read(&path).unwrap(), text[..length]);
    }
}

#[test]
fn what_stands_in_the_place_of_a_file_is_never_waited_for() {
    let world = World::with_fake_claude();
    world.cs(&["new", "--no-open", "good"]).ok();
    world.cs(&["new", "--no-open", "api"]).ok();
    let root = world.config_of("api").parent().unwrap().to_path_buf();
    let config = world.write(".config/cs/config.toml", "");
    for path in [root.join("session.toml"), root.join("run.toml"), world.data().join("names/api"), config] {
        let saved = fs::read(&path).ok();
        let _ = fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        for words in [&["list"][..], &["show", "api"], &["show", "good"]] {
            let mut command = world.command(&world.home(), words);
            let mut child = command
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            super::scenery::until(&format!("{words:?} ends with a FIFO at {}", path.display()), || {
                claude_cs::os::start_time(child.id()).is_none()
            });
            child.wait().unwrap();
        }
        fs::remove_file(&path).unwrap();
        if let Some(saved) = saved {
            fs::write(&path, saved).unwrap();
        }
    }
    world.cs(&["show", "api"]).ok();
}

#[test]
fn a_broken_config_file() {
    let world = World::with_fake_claude();
    let mut said = Transcript::new(&world);
    for text in [
        "claude = \n",
        "\n\nclude = \"x\"\n",
        "[isolation]\nmethd = \"home\"\n",
        "[isolation]\nmethod = \"jail\"\n",
        "[share]\nskils = \"link\"\n",
        "[share]\nskills = \"copy\"\n",
        "[env]\n\"not a name\" = \"x\"\n",
        "[env]\nHOME = \"/x\"\n",
        "[env]\nCLAUDE_CONFIG_DIR = \"/x\"\n",
        "[env]\nX = \"${NOT_SET}\"\n",
        "[isolation]\nhome_symlinks = [\"../x\"]\n",
        "default_profile = \"nothing\"\n",
        "default_profile = \"../x\"\n",
        "zzzzzzzzzzzz = 1\n",
        "claude = \"a\"\nclaude = \"b\"\n",
    ] {
        let path = world.write(".config/cs/config.toml", text);
        said.cs(&["api"]);
        assert_eq!(fs::read_to_string(path).unwrap(), text);
    }
    fs::write(world.home().join(".config/cs/config.toml"), b"claude = \"\xff\"\n").unwrap();
    said.cs(&["api"]).cs(&["list"]);
    assert_eq!(world.starts().len(), 0);
    assert!(!world.data().exists(), "what could not be started was not made");
    assert_reads!(said);
}

#[test]
fn an_environment_that_does_not_say_where_things_are() {
    let mut world = furnished();
    let home = world.home();
    let mut said = String::new();
    let mut with = |name: &str, value: Option<&str>, words: &[&[&str]]| {
        let mut changed = Vec::new();
        for words in words {
            let mut command = world.command(&home, words);
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
            changed.push(ran(&mut command));
        }
        let mut transcript = Transcript::new(&world);
        for (words, ran) in words.iter().zip(changed) {
            transcript.add(&words.join(" "), &ran);
        }
        said += &format!("# {name}: {}\n{}", value.unwrap_or("not set"), transcript.text());
    };
    with(
        "HOME",
        None,
        &[
            &["list"],
            &["api"],
            &["show", "default"],
            &["config", "path"],
            &["init", "fish", "--no-aliases", "--cmd", "9"],
        ],
    );
    with("HOME", Some(""), &[&["list"]]);
    with("HOME", Some("relative"), &[&["list"]]);
    with("CS_HOME", Some("relative/dir"), &[&["list"], &["new", "x"]]);
    with("CS_HOME", Some("/dev/null"), &[&["list"], &["new", "--no-open", "x"]]);
    with("CS_HOME", Some("/dev/null/x"), &[&["list"]]);
    with("XDG_DATA_HOME", Some("data"), &[&["list"]]);
    with("XDG_CONFIG_HOME", Some("./config"), &[&["config"]]);
    with("CS_CONFIG", Some("x.toml"), &[&["config"]]);
    assert!(!home.join("relative").exists());
    world.set("CS_HOME", home.join("newer"));
    world.write("newer/version", "9\n");
    fs::set_permissions(home.join("newer"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut transcript = Transcript::new(&world);
    said += transcript.cs(&["list"]).cs(&["new", "--no-open", "x"]).text();
    insta::with_settings!({omit_expression => true}, { assert_snapshot!(said) });
}

/// Runs `cs` where the data root cannot be written to.
fn read_only(world: &World, words: &[&str]) -> Ran {
    let data = world.data();
    if is_root() {
        let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && exec \"$@\"";
        let program = super::scenery::cs();
        let words = [&["-m", "sh", "-c", script, "sh", data.to_str().unwrap(), &program][..], words].concat();
        return ran(&mut world.any_command(Path::new("/usr/bin/unshare"), &world.home(), &words));
    }
    let directories: Vec<_> =
        state(&data).into_iter().filter(|(_, entry)| entry.starts_with("dir")).collect();
    let chmod = |mode| {
        for (path, _) in &directories {
            fs::set_permissions(data.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    chmod(0o500);
    let done = world.cs(words);
    chmod(0o700);
    done
}

#[test]
fn a_data_root_that_cannot_be_written_to_can_be_read() {
    if is_root() && !may_mount() {
        return;
    }
    let world = World::with_fake_claude();
    world.cs(&["api"]).ok();
    world.cs(&["profile", "create", "work"]).ok();
    talk(&world.config_of("api"), &world.home(), TALK, "make it green");
    let before = state(world.root());
    for reading in [
        &["list"][..],
        &["list", "--json"],
        &["show", "api"],
        &["path", "api"],
        &["env", "api"],
        &["exec", "api", "--", "true"],
        &["exec", "work", "--", "true"],
        &["restore"],
        &["profile", "list"],
        &["profile", "show", "work"],
        &["--dry-run", "api"],
        &["config"],
    ] {
        let done = read_only(&world, reading);
        assert_eq!(done.code, Some(0), "{reading:?}: {}", done.stderr);
    }
    for writing in [
        &["new", "--no-open", "x"][..],
        &["x"],
        &["api"],
        &["rename", "api", "x"],
        &["rm", "api"],
        &["fork", "api", "x"],
        &["profile", "create", "x"],
        &["profile", "remove", "--force", "work"],
    ] {
        let done = read_only(&world, writing);
        assert_eq!(done.code, Some(1), "{writing:?}: {}", done.stderr);
        assert!(
            done.stdout.is_empty() && done.stderr.starts_with("cs: cannot "),
            "{writing:?}: {}",
            done.stderr
        );
        assert!(done.stderr.contains(world.data().to_str().unwrap()), "it says which: {}", done.stderr);
        assert!(done.stderr.lines().count() <= 2, "{}", done.stderr);
    }
    assert_eq!(state(world.root()), before);
}

#[test]
fn a_data_root_that_others_could_have_prepared_is_refused() {
    let world = furnished();
    let data = world.data();
    let mut said = Transcript::new(&world);
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
        let before = state(&world.home());
        said.cs(&["list"]).cs(&["new", "--no-open", "x"]).cs(&["api"]);
        assert_eq!(state(&world.home()), before);
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    world.cs(&["list"]).ok();
    // A directory above that anybody can write to, unless it is like /tmp.
    let share = data.parent().unwrap().to_path_buf();
    fs::set_permissions(&share, fs::Permissions::from_mode(0o777)).unwrap();
    said.cs(&["list"]);
    fs::set_permissions(&share, fs::Permissions::from_mode(0o1777)).unwrap();
    world.cs(&["list"]).ok();
    fs::set_permissions(&share, fs::Permissions::from_mode(0o700)).unwrap();
    let aside = world.home().join("aside");
    fs::rename(&data, &aside).unwrap();
    fs::write(&data, "a file").unwrap();
    said.cs(&["list"]).cs(&["new", "--no-open", "x"]);
    assert_reads!(said);
}

#[test]
fn a_data_root_of_another_user_is_refused() {
    if !is_root() {
        skipped("only root can give a directory to another user");
        return;
    }
    let world = furnished();
    std::os::unix::fs::chown(world.data(), Some(65534), Some(65534)).unwrap();
    let before = state(&world.home());
    for words in [&["list"][..], &["new", "--no-open", "x"], &["api"], &["rm", "api"]] {
        let said = world.cs(words).fails(5);
        assert!(said.contains("belongs to another user (uid 65534)") && said.contains("CS_HOME="), "{said}");
    }
    assert_eq!(state(&world.home()), before);
    // And one of root's is refused to another user, who can read it.
    let theirs = world.root().join("theirs");
    fs::create_dir(&theirs).unwrap();
    for path in [world.root(), &theirs] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = world.bin().join("cs");
    fs::copy(World::cs_program(), &program).unwrap();
    let words = ["--reuid=65534", "--regid=65534", "--clear-groups", program.to_str().unwrap(), "list"];
    let mut command = world.any_command(Path::new("/usr/bin/setpriv"), Path::new("/"), &words);
    command.env("CS_HOME", &theirs);
    if !granted(Path::new("/usr/bin/setpriv").exists(), "there is no setpriv") {
        return;
    }
    let done = ran(&mut command);
    if done.stderr.contains("permission denied") {
        skipped("another user cannot reach this test's directory");
        return;
    }
    assert!(done.fails(5).contains("belongs to another user (uid 0)"));
}

/// The words of every command that is shown, the program itself first.
fn every_command() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        found.push(path.to_vec());
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            walk(inner, &[path, &[inner.get_name().to_owned()]].concat(), found);
        }
    }
    let mut found = Vec::new();
    walk(&claude_cs::cli::Cli::command(), &[], &mut found);
    found
}

#[test]
fn help() {
    let world = World::new();
    let mut said = Transcript::new(&world);
    let commands = every_command();
    assert!(commands.len() > 25, "{commands:?}");
    for words in &commands {
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        said.cs(&words);
    }
    assert!(!state(&world.home()).keys().any(|path| path.starts_with(".local")));
    assert_reads!(said);
}

#[test]
fn every_command_is_in_the_help_that_is_read_first() {
    let world = World::new();
    let help = world.cs(&["--help"]).ok();
    assert_eq!(world.cs(&["-h"]).ok(), help);
    let mentions = |word: &str| {
        help.lines()
            .any(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|part| part == word))
    };
    for words in every_command().into_iter().filter(|words| !words.is_empty()) {
        let last = words.last().unwrap();
        assert!(mentions(last), "{words:?} is not in it");
        assert!(
            world.cs(&[&words[..], &["--help".to_owned()]].concat()).ok().contains("Usage: cs "),
            "{words:?}"
        );
    }
    assert!(!mentions("frobnicate"), "the control");
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_version_is_said() {
    let world = World::new();
    assert_eq!(world.cs(&["--version"]).ok(), format!("cs {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(world.cs(&["-V"]).ok(), world.cs(&["--version"]).ok());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = World::with_fake_claude();
    for n in 0..40 {
        world.cs(&["new", "--no-open", &format!("session-{n}")]).ok();
    }
    for words in ["list", "list --json", "--help", "completions bash", "init zsh"] {
        let script = format!("set -o pipefail; \"$1\" {words} | head -c 1 >/dev/null; echo $?");
        let words = ["-c", &script, "bash", &super::scenery::cs()].map(str::to_owned);
        let done = ran(&mut world.any_command(Path::new("/bin/bash"), &world.home(), &words));
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("0\n", ""));
    }
}
