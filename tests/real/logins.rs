//! One login for all sessions of a profile. (That copies of it would lose, `footing` shows.)

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use crate::stage::{Stage, end, files_with};
use crate::support::oauth::Oauth;
use crate::support::world::listing;

/// The stage with the login service, and no other way to the API.
fn set() -> Option<(Stage, Oauth)> {
    let (mut stage, login) = (Stage::set()?, Oauth::start());
    stage.write(".config/cs/config.toml", "");
    for (name, value) in login.env() {
        stage.world.set(&name, value);
    }
    Some((stage, login))
}

/// Starts `many` sessions of a profile at once, whose access token has expired.
fn at_once(many: usize, stage: &Stage, login: &Oauth, profile: &str, isolation: &str, store: &Path) {
    login.log_in_expired(store);
    let name = |number: usize| format!("{profile}-{isolation}-{number}");
    let project = stage.project("api");
    let before = login.refreshes();
    let running: Vec<Child> = (0..many)
        .map(|number| {
            let (name, answer) = (name(number), "SAY:an answer for a member");
            stage.begin(&project, &["-P", profile, "--isolation", isolation, &name, "-p", answer])
        })
        .collect();
    for child in running {
        assert_eq!(end(child).ok(), "an answer for a member\n");
    }
    assert_eq!((login.refreshes() - before, login.rejections()), (1, 0));
    assert_eq!(files_with(&stage.data().join("sessions"), ".credentials"), [] as [PathBuf; 0]);
    assert_eq!(fs::read_dir(stage.data().join("sessions")).unwrap().count() % many, 0);
    let kept = fs::read_to_string(store.join(".credentials.json")).unwrap();
    assert!(!kept.contains("\"expired\""), "the store has the new token");
}

#[test]
fn six_sessions_of_a_profile_with_an_expired_login_refresh_it_once_and_all_reply() {
    let Some((stage, login)) = set() else { return };
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let store = stage.config_of("work");
    at_once(6, &stage, &login, "work", "config-dir", &store);
}

#[test]
fn six_sessions_of_the_users_own_login_refresh_it_once_and_change_nothing_else_there() {
    let Some((stage, login)) = set() else { return };
    stage.write(".claude/settings.json", "{}\n");
    let store = stage.home().join(".claude");
    stage.at_home(&[]);
    login.log_in_expired(&store);
    let mut before = (listing(&store), fs::read(stage.home().join(".claude.json")).unwrap());
    at_once(6, &stage, &login, "default", "config-dir", &store);
    let mut after = (listing(&store), fs::read(stage.home().join(".claude.json")).unwrap());
    for (entries, _) in [&mut before, &mut after] {
        entries.remove(Path::new(".credentials.json"));
    }
    assert_eq!(before, after, "Claude renews the token in its place, and nothing else is written there");
}

#[test]
fn however_sessions_are_separated_they_use_the_same_login() {
    let Some((stage, login)) = set() else { return };
    let store = stage.home().join(".claude");
    for isolation in ["home", "none"] {
        at_once(3, &stage, &login, "default", isolation, &store);
    }
}

#[test]
fn two_profiles_are_two_logins() {
    let Some((stage, login)) = set() else { return };
    let project = stage.project("api");
    let bearer = |word: &str| {
        let mut requests = login.requests();
        requests.retain(|request| request.body["messages"].to_string().contains(word));
        requests.pop().unwrap().header("authorization").unwrap().to_owned()
    };
    login.log_in(&stage.home().join(".claude"));
    for profile in ["home", "work"] {
        let _ = stage.cs(&["profile", "create", profile]).ok();
        login.log_in(&stage.config_of(profile));
    }
    for profile in ["default", "home", "work"] {
        let (name, prompt) = (format!("{profile}-1"), format!("SAY:as {profile}"));
        let _ = stage.cs_in(&project, &["-P", profile, &name, "-p", &prompt]).ok();
        let store = fs::read_to_string(
            stage.config_of(if profile == "default" { "default" } else { profile }).join(".credentials.json"),
        );
        let token = bearer(&format!("as {profile}")).strip_prefix("Bearer ").unwrap().to_owned();
        assert!(
            store.unwrap().contains(&format!("\"{token}\"")),
            "{profile} is asked for with its own token"
        );
    }
    let mut tokens = ["default", "home", "work"].map(|profile| bearer(&format!("as {profile}")));
    tokens.sort();
    assert!(tokens.windows(2).all(|pair| pair[0] != pair[1]), "{tokens:?}");
}
