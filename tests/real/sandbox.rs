//! The real Claude Code in a sandbox: it talks, it works, it is logged in, and it sees nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::stage::{MAY_RUN, SOON, Stage, end, files_with, leave, ready, say, signal, until};
use crate::support::claude::{RealClaude, quiet_env};
use crate::support::needed;
use crate::support::oauth::Oauth;
use crate::support::tmux::Tmux;
use crate::support::world::{World, listing};
use tempfile::TempDir;

fn set() -> Option<Stage> {
    needed("bwrap")?;
    Stage::set()
}

const SANDBOX: &[&str] = &["--isolation", "sandbox"];

#[test]
fn claude_talks_works_and_resumes_in_a_sandbox_and_its_work_arrives_outside() {
    let Some(stage) = set() else { return };
    let project = stage.project("api");
    stage.write(".ssh/id_ed25519", "a key\n");
    stage.write("src/api/notes.txt", "one\n");
    stage.write("outside.txt", "outside\n");
    let _ = stage.cs_in(&project, &["plain", "-p", "SAY:said outside"]).ok();
    let begin = [SANDBOX, &["boxed", "-p", "SAY:said inside"]].concat();
    assert_eq!(stage.cs_in(&project, &begin).ok(), "said inside\n");

    // The control: the same command, outside.
    let look = |name: &str| {
        let what = "(cat ~/.ssh/id_ed25519; cat ~/outside.txt; ls ~/.local/share/cs/sessions | wc -l; cat notes.txt)";
        let prompt = format!("RUN:{what} > seen-by-{name} 2>/dev/null");
        let _ = stage.cs_in(&project, &[&[name, "-p", &prompt], MAY_RUN].concat()).ok();
        fs::read_to_string(project.join(format!("seen-by-{name}"))).unwrap()
    };
    assert_eq!(look("plain"), "a key\noutside\n2\none\n");
    assert_eq!(look("boxed"), "1\none\n", "only itself, and the project");

    let edit = format!(
        "TOOL:Write {{\"file_path\":\"{}\",\"content\":\"made inside\\n\"}}",
        project.join("made.txt").display()
    );
    let words = ["boxed", "-p", &edit, "--permission-mode", "acceptEdits"];
    let _ = stage.cs_in(&project, &words).ok();
    assert_eq!(fs::read_to_string(project.join("made.txt")).unwrap(), "made inside\n");

    let _ = stage.cs(&["boxed", "-p", "SAY:resumed inside"]).ok();
    let body = stage.request_with("resumed inside").to_string();
    assert!(body.contains("said inside"), "it goes on with its conversation: {body}");
    assert!(!body.contains("said outside"));
    assert_eq!(stage.transcripts_of("boxed").len(), 1);
}

#[test]
fn an_interactive_claude_in_a_sandbox_is_one_session_that_is_open_and_ends_as_any_other() {
    let Some(stage) = set().filter(|_| Tmux::available()) else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let tmux = stage.terminal(&project, &[SANDBOX, &["boxed"]].concat());
    let screen = ready(&tmux);
    assert!(screen.contains("boxed"), "our status line is there: {screen}");
    say(&tmux, "SAY:from inside", "from inside");
    let pid = stage.show("boxed")["pid"].as_u64();
    assert_eq!(pid, Some(u64::from(tmux.pid())), "{:#}", stage.show("boxed"));
    let shown = stage.cs(&["show", "boxed"]).ok();
    assert!(shown.contains(&format!("yes (pid {}, idle)", tmux.pid())), "{shown}");
    let refused = stage.cs_in(&project, &["boxed"]).fails(5);
    assert!(refused.contains("is open in another terminal"), "{refused}");
    let sound = stage.cs(&["doctor", "boxed"]).stdout;
    assert!(!sound.contains("live-"), "{sound}");
    leave(&tmux);
    assert_eq!(stage.show("boxed")["live"], false);
    let again = stage.terminal(&project, &["boxed"]);
    again.wait_for("from inside", SOON);
    // However it is ended from outside, nothing of it goes on inside.
    signal(again.pid(), "KILL");
    until("the end of what is inside", || (stage.show("boxed")["live"] == false).then_some(()));
    assert_eq!(stage.cs_in(&project, &["boxed", "-p", "SAY:after the kill"]).ok(), "after the kill\n");
    assert!(stage.request_with("after the kill").to_string().contains("from inside"));
}

/// The stage with the login service, and no other way to the API.
fn with_logins() -> Option<(Stage, Oauth)> {
    let (mut stage, login) = (set()?, Oauth::start());
    stage.write(".config/cs/config.toml", "");
    for (name, value) in login.env() {
        stage.world.set(&name, value);
    }
    Some((stage, login))
}

#[test]
fn six_sandboxes_of_a_profile_refresh_their_login_once_and_the_profiles_own_login_is_not_touched() {
    let Some((stage, login)) = with_logins() else { return };
    let project = stage.project("api");
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let (own, boxed) = (stage.config_of("work"), stage.data().join("profiles/work/sandbox"));
    login.log_in_expired(&own);
    login.log_in_expired(&boxed);
    let begin = |name: String, isolation: &str| -> Child {
        stage.begin(&project, &["-P", "work", "--isolation", isolation, &name, "-p", "SAY:an answer"])
    };
    let inside: Vec<Child> = (0..6).map(|number| begin(format!("boxed-{number}"), "sandbox")).collect();
    for child in inside {
        assert_eq!(end(child).ok(), "an answer\n");
    }
    assert_eq!((login.refreshes(), login.rejections()), (1, 0), "one login for all of them");
    let of = |store: &Path| fs::read_to_string(store.join(".credentials.json")).unwrap();
    assert!(!of(&boxed).contains("\"expired\"") && of(&own).contains("\"expired\""));

    // Those outside have theirs, and everybody stays logged in.
    let outside: Vec<Child> = (0..3).map(|number| begin(format!("plain-{number}"), "config-dir")).collect();
    for child in outside {
        assert_eq!(end(child).ok(), "an answer\n");
    }
    assert_eq!((login.refreshes(), login.rejections()), (2, 0));
    assert_eq!(stage.cs_in(&project, &["boxed-0", "-p", "SAY:still"]).ok(), "still\n");
    assert_eq!((login.refreshes(), login.rejections()), (2, 0));
    assert_eq!(files_with(&stage.data().join("sessions"), ".credentials"), [] as [PathBuf; 0]);
}

#[test]
fn a_sandbox_of_the_users_own_profile_changes_nothing_in_their_claude_directory_and_sees_nothing_of_it() {
    let Some((stage, login)) = with_logins() else { return };
    let project = stage.project("api");
    let store = stage.home().join(".claude");
    stage.write(".claude/history.jsonl", "what was asked before\n");
    stage.at_home(&[]);
    login.log_in_expired(&store);
    let before = listing(&store);
    let words = [SANDBOX, &["boxed", "-p", "SAY:hello"]].concat();
    // Without a login of its own there is none, and it says what to do.
    let refused = stage.cs_in(&project, &words);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("cs boxed auth login"), "{}", refused.stderr);
    // Logging in, without the browser that a person would use for it.
    let token = login.refresh_token();
    let settings = format!(
        "[env]\nCLAUDE_CODE_OAUTH_REFRESH_TOKEN = \"{token}\"\nCLAUDE_CODE_OAUTH_SCOPES = \"user:inference user:profile\"\n"
    );
    stage.write(".config/cs/config.toml", &settings);
    let _ = stage.cs_in(&project, &["boxed", "auth", "login"]).ok();
    stage.write(".config/cs/config.toml", "");
    assert!(stage.data().join("profiles/default/sandbox/.credentials.json").is_file());
    let answered = stage.cs_in(&project, &["boxed", "-p", "SAY:hello"]);
    assert_eq!((answered.stdout.as_str(), answered.stderr.as_str()), ("hello\n", ""));
    assert_eq!((login.refreshes(), login.rejections()), (1, 0));
    assert_eq!(listing(&store), before);
    let seen = stage.cs_in(&project, &["exec", "boxed", "--", "ls", "-A", store.to_str().unwrap()]);
    assert_ne!(seen.code, Some(0), "{}", seen.stdout);
}

/// How a Claude with an expired login fares in a sandbox that has `store` as `bound` says: what it spent, and whether
/// it kept what it got for that.
fn fared(claude: &RealClaude, bound: impl Fn(&Path) -> Vec<[PathBuf; 2]>) -> (usize, bool) {
    let (login, dir) = (Oauth::start(), TempDir::new().unwrap());
    let root = fs::canonicalize(dir.path()).unwrap();
    let (home, store, config) = (root.join("home"), root.join("profile/claude"), root.join("session"));
    for directory in [&home, &store, &config] {
        fs::create_dir_all(directory).unwrap();
    }
    login.log_in_expired(&store);
    let mut command = Command::new("bwrap");
    command.args(["--die-with-parent", "--unshare-pid", "--symlink", "usr/bin", "/bin"]);
    command.args(["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]);
    command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    let authority = login.env().into_iter().find(|(name, _)| name == "NODE_EXTRA_CA_CERTS").unwrap().1;
    let readable = [Path::new("/usr"), Path::new("/etc"), claude.program(), Path::new(&authority)];
    let mut binds: Vec<[PathBuf; 2]> = readable.map(|path| ["--ro-bind".into(), path.into()]).into();
    binds.extend([&home, &config].map(|path| ["--bind".into(), path.clone()]));
    binds.extend(bound(&store));
    for [how, path] in binds {
        command.arg(how).arg(&path).arg(&path);
    }
    let out = command
        .arg(claude.program())
        .args(["-p", "SAY:hello"])
        .env_clear()
        .envs(quiet_env(&home))
        .envs(login.env())
        .env("CLAUDE_CONFIG_DIR", &config)
        .env("CLAUDE_SECURESTORAGE_CONFIG_DIR", &store)
        .current_dir(&home)
        .output()
        .unwrap();
    let kept = !fs::read_to_string(store.join(".credentials.json")).unwrap().contains("\"expired\"");
    assert_eq!(out.status.success(), kept, "{out:?}");
    (login.refreshes(), kept)
}

#[test]
fn a_store_that_cannot_be_locked_is_left_alone_and_one_whose_file_cannot_be_written_is_lost() {
    let Some(claude) = RealClaude::find().filter(|_| needed("bwrap").is_some()) else { return };
    let file = |store: &Path| store.join(".credentials.json");
    // The file alone, to be read: Claude finds room for its lock, spends the only token, and cannot keep the new one.
    // Whoever has this login is logged out.
    assert_eq!(fared(&claude, |store| vec![["--ro-bind".into(), file(store)]]), (1, false));
    // The directory, to be read: there is no lock to be had, and nothing is spent.
    assert_eq!(fared(&claude, |store| vec![["--ro-bind".into(), store.into()]]), (0, false));
    // A directory of its own, to be written.
    assert_eq!(fared(&claude, |store| vec![["--bind".into(), store.into()]]), (1, true));
}

#[test]
fn a_claude_in_a_sandbox_is_suspended_brought_back_and_resized_as_any_other() {
    let Some(stage) = set().filter(|_| Tmux::available()) else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let shell = ["bash", "--norc", "--noprofile", "-i"];
    let tmux = Tmux::start(&shell, &project, stage.environment());
    tmux.enter(&format!("PS1='a-prompt> '; {} --isolation sandbox boxed", World::cs_program().display()));
    let _ = ready(&tmux);
    tmux.send_keys(&["C-z"]);
    tmux.wait_for("Stopped", SOON);
    assert_eq!(stage.show("boxed")["live"], true, "it is only suspended");
    tmux.enter("fg");
    say(&tmux, "SAY:back again", "back again");
    tmux.resize(60, 30);
    let rule = "─".repeat(50);
    tmux.wait_until(SOON, "the narrower screen", |screen| {
        let widest = screen.lines().map(|line| line.trim_end().chars().count()).max();
        screen.contains(&rule) && widest <= Some(60) && screen.lines().count() <= 30
    });
    say(&tmux, "SAY:still here", "still here");
}
