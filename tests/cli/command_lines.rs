//! What everybody on the machine may read: the command lines of all programs that `cs` starts. No secret is on one.

use std::fs;
use std::path::{Path, PathBuf};

use super::scenery::{TALK, cs, talk};
use super::support::world::{World, git, ran};
use super::support::{may_trace, needed};

/// What begins every secret of this world; what follows says where it stands.
const CANARY: &str = "sk-canary-in-";

fn canary(place: &str) -> String {
    format!("{CANARY}{place}-end")
}

/// A world with a secret in each place that there is for one.
fn world() -> World {
    let mut world = World::with_fake_claude();
    world.set("EDITOR", "true");
    world.set("GW_TOKEN", canary("the-variable-of-a-profile"));
    world.set("ANTHROPIC_API_KEY", canary("a-variable-of-claudes"));
    world.set("DEPLOY_TOKEN", canary("a-variable-of-the-shell"));
    let helper = canary("a-key-helper");
    let env = canary("the-env-of-a-settings-file");
    world.write("mine.json", &format!(r#"{{"env":{{"A_TOKEN":"{env}"}},"apiKeyHelper":"echo {helper}"}}"#));
    let settings = format!(r#"{{"env":{{"B_TOKEN":"{}"}}}}"#, canary("the-users-settings"));
    world.write(".claude/settings.json", &settings);
    world.write(".claude/.credentials.json", &format!(r#"{{"token":"{}"}}"#, canary("a-login")));
    let servers = format!(r#"{{"s":{{"command":"x","env":{{"K":"{}"}}}}}}"#, canary("the-env-of-a-server"));
    world.write(".claude.json", &format!(r#"{{"hasCompletedOnboarding":true,"mcpServers":{servers}}}"#));
    let lines = canary("a-line-of-on-create");
    world.write(
        ".config/cs/config.toml",
        &format!(
            "[env]\nC_TOKEN = \"{}\"\n[worktree]\non_create = [\"X={lines} true\"]\n",
            canary("the-env-of-all-sessions")
        ),
    );
    let file = world.write("token", &canary("the-file-of-a-profile"));
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (file, literal) = (file.to_str().unwrap().to_owned(), canary("the-record-of-a-profile"));
    let command = format!("printf %s {}", canary("the-command-of-a-profile"));
    for (name, option, value) in [
        ("var", "--token-env", "GW_TOKEN"),
        ("cmd", "--token-command", &command),
        ("file", "--token-file", &file),
        ("literal", "--token", &literal),
    ] {
        world.cs(&["profile", "create", name, "--base-url", "http://127.0.0.1:9", option, value]).ok();
    }
    let record = world.data().join("profiles/var/profile.toml");
    let text = fs::read_to_string(&record).unwrap();
    let more = format!("\n[env]\nD_TOKEN = \"{}\"\n", canary("the-env-of-a-profile"));
    fs::write(&record, text + &more).unwrap();
    let project = world.project("api");
    git(&world, &project, &["init", "-q", "-b", "main"]);
    git(&world, &project, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let url = format!("https://me:{}@127.0.0.1:9/api.git", canary("the-address-of-a-remote"));
    git(&world, &project, &["remote", "add", "origin", &url]);
    world
}

/// The command lines, as strace writes them, of all programs that `program` starts, itself among them.
fn command_lines(
    world: &World,
    directory: &Path,
    program: &str,
    words: &[&str],
) -> (Vec<String>, Option<i32>) {
    let trace = world.root().join("trace");
    let _ = fs::remove_file(&trace);
    let before =
        ["-f", "-qq", "-s", "1000000", "-e", "trace=execve,execveat", "-o", trace.to_str().unwrap(), program];
    let words = [&before[..], words].concat();
    let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), directory, &words));
    let text = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
    (text.lines().filter(|line| line.contains("execve")).map(str::to_owned).collect(), done.code)
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table, one entry a line")]
fn no_secret_is_on_the_command_line_of_anything_that_is_started() {
    if !may_trace() {
        return;
    }
    let world = world();
    let project = world.project("api");
    let file = world.home().join("mine.json");
    let file = file.to_str().unwrap();
    let mut commands: Vec<Vec<&str>> = [
        &["api", "-p", "x"][..],
        &["api", "--settings", file, "-p", "x"],
        &["api", "--settings=../../mine.json"],
        &["-P", "var", "one", "--settings", file],
        &["-P", "cmd", "two"],
        &["-P", "file", "three", "-p", "x"],
        &["-P", "literal", "four"],
        &["--isolation", "home", "home", "--settings", file],
        &["--isolation", "none", "none", "--settings", file],
        &["--ephemeral", "once", "--settings", file],
        &["--bare", "plain", "--settings", file],
        &["var"],
        &["cmd", "--settings", file],
        &["literal", "mcp", "list"],
        &["new", "five", "--settings", file],
        &["fork", "api", "six", "--settings", file],
        &["last"],
        &["resume", "api"],
        &["exec", "one", "--", "true"],
        &["env", "two"],
        &["env", "one", "--dotenv"],
        &["list", "--json"],
        &["show", "api"],
        &["-w", "tree", "--settings", file],
        &["wt"],
        &["wt", "finish", "tree", "--yes"],
        &["wt", "rm", "tree"],
        &["profile", "list"],
        &["profile", "login", "cmd"],
        &["profile", "edit", "literal"],
        &["profile", "sync"],
        &["profile", "share", "var"],
        &["bind", "--remote"],
        &["config", "edit"],
        &["doctor"],
        &["import", "claude"],
        &["import", "ccs"],
        &["export", "api", "out.tar"],
        &["rename", "six", "seven"],
        &["rm", "seven"],
        &["restore", "seven"],
        &["usage"],
        &["du"],
        &["cleanup", "--yes"],
        &["cleanup", "--caches", "--yes"],
        &["trash", "empty", "--yes"],
    ]
    .iter()
    .map(|words| words.to_vec())
    .collect();
    if needed("bwrap").is_some() {
        commands.push(vec!["--isolation", "sandbox", "-P", "cmd", "boxed", "--settings", file]);
        commands.push(vec!["exec", "boxed", "--", "true"]);
    }
    let (mut started, mut failed) = (0, Vec::new());
    for (number, words) in commands.iter().enumerate() {
        if words.contains(&"boxed") {
            // Where the other one writes what it was given is not in there.
            world.program("claude", "#!/bin/sh\nexit 0\n");
        }
        let (lines, code) = command_lines(&world, &project, &cs(), words);
        let leaks: Vec<&String> = lines.iter().filter(|line| line.contains(CANARY)).collect();
        assert!(leaks.is_empty(), "{words:?}: {leaks:#?}");
        started += lines.len() - 1;
        if code != Some(0) {
            failed.push(words);
        }
        if number == 0 {
            talk(&world.config_of("api"), &project, TALK, "hello");
        }
    }
    assert!(failed.len() < 8, "most of them do what they are for: {failed:?}");
    assert!(started > commands.len(), "the control: they start programs");

    // The control: the secrets were handed on, each where it should be.
    let starts = world.starts();
    for place in [
        "the-variable-of-a-profile",
        "the-command-of-a-profile",
        "the-file-of-a-profile",
        "the-record-of-a-profile",
        "the-env-of-all-sessions",
        "the-env-of-a-profile",
        "a-variable-of-the-shell",
    ] {
        let has = |value: &String| *value == canary(place);
        assert!(starts.iter().any(|start| start.env.values().any(has)), "{place}");
    }
    let given = |start: &super::support::world::StartOfClaude| -> Option<PathBuf> {
        start
            .args
            .iter()
            .find(|word| word.contains("/settings/"))
            .map(|word| word.strip_prefix("--settings=").unwrap_or(word).into())
    };
    let given: Vec<PathBuf> = starts.iter().filter_map(given).collect();
    assert!(given.len() >= 7, "{given:?}");
    for path in given.iter().filter(|path| path.exists()) {
        let text = fs::read_to_string(path).unwrap();
        assert!(
            text.contains(&canary("a-key-helper")) && text.contains(&canary("the-env-of-a-settings-file"))
        );
    }
}

#[test]
fn a_secret_on_a_command_line_is_found_where_it_is() {
    if !may_trace() {
        return;
    }
    let world = world();
    let project = world.project("api");
    let claude = world.bin().join("claude");
    let text = fs::read_to_string(world.home().join("mine.json")).unwrap();
    for (program, words) in [
        (claude.to_str().unwrap(), vec!["--settings", &text]),
        ("sh", vec!["-c", "claude --settings \"$(cat ../../mine.json)\""]),
        ("sh", vec!["-c", "sh -c \"true $GW_TOKEN\"; :"]),
        ("sh", vec!["-c", "git ls-remote \"$(git config remote.origin.url)\"; :"]),
    ] {
        let (lines, _) = command_lines(&world, &project, program, &words);
        assert!(lines.iter().any(|line| line.contains(CANARY)), "{words:?}: {lines:#?}");
    }
}

#[test]
fn an_address_with_a_password_is_not_given_to_git() {
    if !may_trace() {
        return;
    }
    let world = world();
    let project = world.project("api");
    for (name, remote, back) in [
        ("secret", git(&world, &project, &["config", "remote.origin.url"]), false),
        ("plain", "https://127.0.0.1:9/fork.git".to_owned(), true),
    ] {
        world.cs_in(&project, &["-w", name]).ok();
        let branch = world.show(name)["branch"].as_str().unwrap().to_owned();
        git(&world, &project, &["config", &format!("branch.{branch}.remote"), &remote]);
        git(&world, &project, &["config", &format!("branch.{branch}.merge"), "refs/heads/main"]);
        let (mut lines, code) = command_lines(&world, &project, &cs(), &["wt", "rm", name]);
        assert_eq!(code, Some(0), "{lines:#?}");
        assert_eq!(git(&world, &project, &["branch", "--list", &branch]), "", "the control: it went along");
        let (more, code) = command_lines(&world, &project, &cs(), &["restore", name]);
        assert_eq!(code, Some(0), "{more:#?}");
        lines.extend(more);
        assert!(!lines.iter().any(|line| line.contains(CANARY)), "{lines:#?}");
        assert_eq!(
            lines.iter().any(|line| line.contains(&remote)),
            back,
            "the control: the other one is given to git"
        );
        let words = ["config", "--default", "", &format!("branch.{branch}.remote")];
        assert_eq!(git(&world, &project, &words), if back { remote.as_str() } else { "" });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_session_in_a_pane_has_no_secret_on_a_command_line_either() {
    use super::support::tmux::Tmux;
    if !may_trace() || !Tmux::available() {
        return;
    }
    let mut world = world();
    world.fake_claude("sleep 1");
    let sockets = world.root().join("sockets");
    fs::create_dir(&sockets).unwrap();
    world.set("TMUX_TMPDIR", &sockets);
    world.set("SHELL", "/bin/sh");
    let project = world.project("api");
    let file = world.home().join("mine.json");
    // The server is one of the programs that are followed: this waits for its end, which is that of its only pane.
    let words = ["-t", "--detached", "-P", "cmd", "paned", "--settings", file.to_str().unwrap()];
    let (lines, code) = command_lines(&world, &project, &cs(), &words);
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("tmux")) && lines.iter().any(|line| line.contains("__inside"))
    );
    let leaks: Vec<&String> = lines.iter().filter(|line| line.contains(CANARY)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    let start = world.last_start();
    let token = canary("the-command-of-a-profile");
    assert_eq!(start.var("ANTHROPIC_AUTH_TOKEN"), Some(token.as_str()), "the control: it has it");
    assert!(start.flag("--settings").unwrap().contains("/settings/"));
}
