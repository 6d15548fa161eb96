//! What is wrong with a profile: its directory, its login, its token.

use std::fs;
use std::os::unix::fs::symlink;

use super::cases::{Case, advice, each, mended, problem};
use super::{edit, mode};

const PROFILES: &[Case] = &[
    problem("profile-directory-gone", "old", |world| {
        fs::remove_dir_all(world.home().join(".claude-old")).unwrap();
    }),
    problem("profiles-one-directory", "other", |world| {
        world.cs(&["profile", "create", "other"]).ok();
        let record = world.data().join("profiles/other/profile.toml");
        let text = format!("version = 1\nconfig_dir = \"{}/.claude-old\"\n", world.home().display());
        fs::write(record, text).unwrap();
    }),
    problem("default-adopted", "old", |world| {
        let record = world.data().join("profiles/old/profile.toml");
        edit(&record, "/.claude-old\"", "/.claude\"");
    }),
    advice("profiles-one-identity", "old", |world| {
        let state = r#"{"oauthAccount": {"accountUuid": "u-1", "emailAddress": "me@example.com"}}"#;
        let state = world.write(".claude-old/.claude.json", state);
        mode(&state, 0o600);
    }),
    problem("default-set", "", |world| {
        world.set("CLAUDE_CONFIG_DIR", world.home().join(".claude"));
    }),
    problem("default-set", "", |world| {
        let file = world.write(".zshenv", "# mine\nexport CLAUDE_CONFIG_DIR=\"$HOME/.claude\"\n");
        // A session with a home of its own would be told of as long as it has no link to it.
        let home = world.config_of("homely").parent().unwrap().to_owned();
        std::os::unix::fs::symlink(file, home.join(".zshenv")).unwrap();
    }),
    advice("base-memory", "old", |world| {
        fs::remove_file(world.home().join(".claude-old/settings.json")).unwrap();
    }),
    advice("login-missing", "work", |world| {
        fs::remove_file(world.config_of("work").join(".credentials.json")).unwrap();
    }),
    advice("login-missing", "default", |world| {
        fs::remove_file(world.home().join(".claude/.credentials.json")).unwrap();
    }),
    mended(problem("permissions", "work", |world| {
        mode(&world.config_of("work").join(".credentials.json"), 0o640);
    })),
    // What is not below the data root is only told.
    problem("permissions", "default", |world| mode(&world.home().join(".claude/.credentials.json"), 0o644)),
    problem("permissions", "old", |world| mode(&world.home().join(".claude-old/.credentials.json"), 0o604)),
    problem("permissions", "default", |world| mode(&world.home().join(".claude.json"), 0o644)),
    problem("login-link", "old", |world| {
        let login = world.home().join(".claude-old/.credentials.json");
        fs::remove_file(&login).unwrap();
        symlink(world.home().join(".claude/.credentials.json"), login).unwrap();
    }),
    problem("token-missing", "gw", |world| fs::remove_file(world.home().join("token")).unwrap()),
    problem("permissions", "gw", |world| mode(&world.home().join("token"), 0o644)),
    advice("token-unset", "gw", |world| {
        let record = world.data().join("profiles/gw/profile.toml");
        let text = fs::read_to_string(&record).unwrap();
        let line = text.lines().find(|line| line.starts_with("token_file")).unwrap().to_owned();
        edit(&record, &line, "token_env = \"NOT_SET_ANYWHERE\"");
    }),
    advice("token-literal", "gw", |world| {
        let record = world.data().join("profiles/gw/profile.toml");
        let text = fs::read_to_string(&record).unwrap();
        let line = text.lines().find(|line| line.starts_with("token_file")).unwrap().to_owned();
        edit(&record, &line, "token = \"canary\"");
    }),
    advice("trusted-project-gone", "default", |world| {
        let path = world.home().join(".claude.json");
        edit(&path, "{\"has", "{\"projects\": {\"/nowhere\": {\"hasTrustDialogAccepted\": true}}, \"has");
    }),
    advice("retention", "default", |world| {
        world.write(".claude/settings.json", "{\"cleanupPeriodDays\": 7}");
    }),
    advice("settings-credential", "default", |world| {
        world.write(".claude/settings.json", "{\"apiKeyHelper\": \"canary\"}");
    }),
];

#[test]
fn what_is_wrong_with_a_profile_is_found_as_itself() {
    each(PROFILES);
}
