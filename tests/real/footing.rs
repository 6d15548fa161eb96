//! The footing of the other tests, tried on the real Claude Code: does it take the fake API for the real one?

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use crate::support::claude::{RealClaude, lines, quiet_env, seed_for_interactive, transcripts};
use crate::support::fake_api::FakeApi;
use crate::support::oauth::Oauth;
use crate::support::tmux::Tmux;
use serde_json::Value;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_printed_answer_is_the_one_the_prompt_asked_for() {
    let Some(claude) = RealClaude::find() else {
        return;
    };
    let (home, api) = (TempDir::new().unwrap(), FakeApi::start());
    let out = claude
        .command(home.path())
        .env("ANTHROPIC_BASE_URL", api.url())
        .env("ANTHROPIC_AUTH_TOKEN", "a-token")
        .args(["-p", "SAY:hello from the fake"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), "hello from the fake\n", "{out:?}");
    assert_eq!(api.conversation().len(), 1);
    let request = &api.requests()[0];
    assert_eq!(request.header("authorization"), Some("Bearer a-token"));
}

#[test]
fn a_command_it_is_told_to_run_is_run() {
    let Some(claude) = RealClaude::find() else {
        return;
    };
    let (home, api) = (TempDir::new().unwrap(), FakeApi::start());
    let out = claude
        .command(home.path())
        .env("ANTHROPIC_BASE_URL", api.url())
        .env("ANTHROPIC_AUTH_TOKEN", "a-token")
        .args(["-p", "RUN:echo $((6*7)) > made", "--allowedTools", "Bash"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    assert_eq!(fs::read_to_string(home.path().join("made")).unwrap(), "42\n");
    assert_eq!(api.bodies_containing("tool_result").len(), 1);
}

#[test]
fn an_interactive_session_starts_without_a_question_and_answers() {
    let Some(claude) = RealClaude::find() else {
        return;
    };
    if !Tmux::available() {
        return;
    }
    let (home, api) = (TempDir::new().unwrap(), FakeApi::start());
    let (config, project) = (home.path().join("config"), home.path().join("project"));
    fs::create_dir(&project).unwrap();
    seed_for_interactive(&config, &project);
    let mut env = quiet_env(home.path());
    env.push(("CLAUDE_CONFIG_DIR".to_owned(), config.to_str().unwrap().to_owned()));
    env.push(("ANTHROPIC_BASE_URL".to_owned(), api.url()));
    env.push(("ANTHROPIC_AUTH_TOKEN".to_owned(), "a-token".to_owned()));
    let tmux = Tmux::start(&[claude.program()], &project, env);
    tmux.wait_for("❯", SOON);
    assert!(fs::read_dir(format!("/proc/{}/fd", tmux.pid())).is_ok());
    tmux.enter("SAY:an interactive answer");
    tmux.wait_for("● an interactive answer", SOON);
    tmux.enter("/exit");
    assert_eq!(tmux.wait_exit(SOON), 0);
    let transcripts = transcripts(&config);
    assert_eq!(transcripts.len(), 1);
    assert!(lines(&transcripts[0]).iter().any(|line| line["type"] == "assistant"));
}

/// Four Claude processes at once, each with a configuration directory of its own, each login laid out by `lay_out`.
fn four_at_once(
    claude: &RealClaude,
    login: &Oauth,
    home: &Path,
    lay_out: impl Fn(&Path) -> Vec<(String, String)>,
) -> Vec<Output> {
    let start = |number: usize| -> Child {
        let config = home.join(format!("config-{number}"));
        fs::create_dir(&config).unwrap();
        claude
            .command(home)
            .envs(login.env())
            .env("CLAUDE_CONFIG_DIR", &config)
            .envs(lay_out(&config))
            .args(["-p", "SAY:an answer for a member"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let running: Vec<Child> = (0..4).map(start).collect();
    running.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn answered(outputs: &[Output]) -> usize {
    outputs.iter().filter(|out| out.stdout == b"an answer for a member\n").count()
}

#[test]
fn sessions_that_share_a_credential_store_refresh_once_and_are_all_answered() {
    let Some(claude) = RealClaude::find() else {
        return;
    };
    let (home, login) = (TempDir::new().unwrap(), Oauth::start());
    let store = home.path().join("store");
    login.log_in_expired(&store);
    let outputs = four_at_once(&claude, &login, home.path(), |_| {
        let store = store.to_str().unwrap().to_owned();
        vec![("CLAUDE_SECURESTORAGE_CONFIG_DIR".to_owned(), store)]
    });
    assert_eq!(answered(&outputs), 4, "{outputs:?}");
    assert_eq!((login.refreshes(), login.rejections()), (1, 0));
    for number in 0..4 {
        assert!(!home.path().join(format!("config-{number}/.credentials.json")).exists());
    }
}

/// The control: it shows that the stand-in would have caught a race.
#[test]
fn sessions_with_copies_of_a_credential_lose_all_but_one() {
    let Some(claude) = RealClaude::find() else {
        return;
    };
    let (home, login) = (TempDir::new().unwrap(), Oauth::start());
    let store = home.path().join("store");
    login.log_in_expired(&store);
    let outputs = four_at_once(&claude, &login, home.path(), |config| {
        fs::copy(store.join(".credentials.json"), config.join(".credentials.json")).unwrap();
        vec![]
    });
    assert_eq!(answered(&outputs), 1, "{outputs:?}");
    assert_eq!(login.refreshes(), 1);
    assert!(login.rejections() >= 3);
}

/// What `claude auth login` leaves in the configuration directory once a person has pasted the code.
#[test]
fn a_pasted_code_logs_in_and_leaves_the_account_but_not_the_end_of_onboarding() {
    let Some(claude) = RealClaude::find() else {
        return;
    };
    let (home, login) = (TempDir::new().unwrap(), Oauth::start());
    let config = home.path().join("config");
    let mut child = claude
        .command(home.path())
        .envs(login.env())
        .env("CLAUDE_CONFIG_DIR", &config)
        .env("BROWSER", "true")
        .args(["auth", "login"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = said.by_ref().map(Result::unwrap).find(|line| line.contains("https://")).unwrap();
    let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap().trim().to_owned();
    let mut answer = child.stdin.take().unwrap();
    writeln!(answer, "a-code#{state}").unwrap();
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{url} {rest:?} {out:?} {:?}", login.requests());
    assert!(config.join(".credentials.json").exists());
    let seed: Value = serde_json::from_slice(&fs::read(config.join(".claude.json")).unwrap()).unwrap();
    assert_eq!(seed["oauthAccount"]["emailAddress"], "tester@example.com");
    assert_eq!(seed["hasCompletedOnboarding"], Value::Null);
}
