//! What Claude asks before a person can talk to it: once, and never what has been answered.

use std::fs;

use serde_json::Value;

use crate::stage::{SOON, Stage, choose, leave, ready, say};
use crate::support::oauth::Oauth;

const TRUST: &str = "Yes, I trust this folder";
const ONBOARDING: &str = "Let's get started";
const KEY: &str = "Detected a custom API key";

#[test]
fn trust_is_asked_for_once_a_place_and_never_invented() {
    let Some(stage) = Stage::with_terminal() else { return };
    let (here, there) = (stage.project("here"), stage.project("there"));
    stage.at_home(&[]);
    let before = fs::read(stage.home().join(".claude.json")).unwrap();

    let first = stage.terminal(&here, &["first"]);
    choose(&first, TRUST);
    ready(&first);
    leave(&first);
    // The session itself, a new one beside it, and one below it have nothing to ask any more.
    for (name, place) in [("first", &here), ("second", &here)] {
        let again = stage.terminal(place, &[name]);
        ready(&again);
        say(&again, "SAY:no question", "no question");
        leave(&again);
    }
    // The control: another place is another question, whoever has trusted this one.
    let third = stage.terminal(&there, &["third"]);
    third.wait_for(TRUST, SOON);
    choose(&third, "No, exit");
    third.wait_exit(SOON);
    // A trust dialog that was refused is no answer to copy.
    let fourth = stage.terminal(&there, &["fourth"]);
    fourth.wait_for(TRUST, SOON);

    assert_eq!(
        fs::read(stage.home().join(".claude.json")).unwrap(),
        before,
        "the user's own answers are theirs"
    );
    let answers: Value =
        serde_json::from_slice(&fs::read(stage.config_of("second").join(".claude.json")).unwrap()).unwrap();
    let places: Vec<&String> = answers["projects"].as_object().unwrap().keys().collect();
    assert_eq!(places, [here.to_str().unwrap()], "nothing is known of other places");
}

#[test]
fn trust_that_the_profile_has_given_holds_in_a_subdirectory_of_the_repository() {
    let Some(stage) = Stage::with_terminal() else { return };
    let repository = stage.project("repository");
    let made =
        crate::support::world::ran(&mut stage.any_command("git".as_ref(), &repository, &["init", "-q"]));
    let _ = made.ok();
    let below = stage.project("repository/src/deep");
    stage.at_home(&[&repository]);
    let tmux = stage.terminal(&below, &["deep"]);
    ready(&tmux);
    leave(&tmux);
}

#[test]
fn a_profile_that_is_logged_in_is_asked_for_no_login_in_any_session() {
    let (Some(mut stage), login) = (Stage::with_terminal(), Oauth::start()) else { return };
    stage.write(".config/cs/config.toml", "");
    for (name, value) in login.env() {
        stage.world.set(&name, value);
    }
    let project = stage.project("api");

    // The control: whoever has never used Claude is met with its first questions.
    let nobody = stage.terminal(&project, &["nobody"]);
    nobody.wait_for(ONBOARDING, SOON);
    drop(nobody);

    stage.at_home(&[&project]);
    login.log_in(&stage.home().join(".claude"));
    let somebody = stage.terminal(&project, &["somebody"]);
    let screen = ready(&somebody);
    assert!(screen.contains("Claude Max"), "{screen}");
    say(&somebody, "SAY:a member", "a member");
    leave(&somebody);
}

#[test]
fn the_use_of_a_key_is_approved_once_for_all_sessions_of_a_profile() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.write(".config/cs/config.toml", "");
    // Claude remembers the end of a key.
    let file = stage.write("key", "sk-ant-test-a-key-that-is-long-enough-to-have-an-end\n");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (url, file) = (stage.api.url(), file.to_str().unwrap().to_owned());
    let create = |name: &str, kind: &str| {
        let arguments =
            ["profile", "create", name, "--base-url", &url, "--token-file", &file, "--token-as", kind];
        let _ = stage.cs(&arguments).ok();
    };
    create("keyed", "api-key");
    create("bearing", "bearer");

    let first = stage.terminal(&project, &["-P", "keyed", "first"]);
    choose(&first, TRUST);
    first.wait_for(KEY, SOON);
    choose(&first, "Yes");
    ready(&first);
    say(&first, "SAY:with a key", "with a key");
    leave(&first);
    let key = stage.api.requests().into_iter().rev().find(|request| request.method == "POST").unwrap();
    assert_eq!(key.header("x-api-key"), Some("sk-ant-test-a-key-that-is-long-enough-to-have-an-end"));

    let second = stage.terminal(&project, &["-P", "keyed", "second"]);
    ready(&second);
    leave(&second);

    // An endpoint with a token is asked about nothing but trust.
    let bearer = stage.terminal(&project, &["-P", "bearing", "third"]);
    choose(&bearer, TRUST);
    ready(&bearer);
    leave(&bearer);
}
