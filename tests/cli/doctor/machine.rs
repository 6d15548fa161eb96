//! What is looked at, what could not be, and what nobody looks into.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::{everything, examined, found, healthy, mode};
use crate::scenery::{Transcript, has};
use crate::support::snapshots::assert_snapshot;
use crate::support::world::{World, ran};

#[test]
fn a_healthy_world_has_nothing_and_says_what_was_looked_at() {
    let world = healthy();
    let before = everything(&world);
    let (code, report) = examined(&world, &[]);
    assert_eq!((code, found(&report)), (0, vec![]), "{report:#}");
    assert_eq!(report["could_not_check"], json!([]));
    assert!(report["checked"].as_array().unwrap().len() >= 5, "{report:#}");
    for name in ["api", "job", "homely", "loose", "bare", "remote", "unused", "work", "old", "gw", "default"]
    {
        let (code, report) = examined(&world, &[name]);
        assert_eq!((code, found(&report)), (0, vec![]), "{name}: {report:#}");
    }
    let fixed = world.cs(&["doctor", "--fix"]);
    assert_eq!(fixed.code, Some(0), "{}", fixed.stdout);
    assert_eq!(everything(&world), before, "looking, and repairing nothing, changes nothing");
    assert_snapshot!(Transcript::new(&world).cs(&["doctor"]).cs(&["doctor", "api"]).text());
    let nobody = world.cs(&["doctor", "nobody"]).fails(4);
    assert!(nobody.contains("there is no session or profile 'nobody'"), "{nobody}");
}

#[test]
fn one_name_is_looked_at_with_its_profile_and_nothing_else() {
    let world = healthy();
    fs::remove_dir(world.project("job")).unwrap();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    fs::remove_file(world.config_of("work").join(".credentials.json")).unwrap();
    world.program("cs", "#!/bin/sh\n");
    let of = |name: &str| found(&examined(&world, &[name]).1);
    let pair = |id: &str, of: &str| (id.to_owned(), Some(of.to_owned()));
    assert_eq!(of("job"), [pair("login-missing", "work"), pair("directory-gone", "job")]);
    assert_eq!(of("work"), [pair("login-missing", "work")]);
    assert_eq!(of("api"), [pair("link-missing", "api")]);
    assert_eq!(of("old"), []);
    assert_eq!(found(&examined(&world, &[]).1).len(), 4, "the control: the machine has one more");
    assert_eq!(examined(&world, &["--fix", "job"]).0, 1);
    assert_eq!(of("api").len(), 1, "what was not asked for is not repaired");
    assert_eq!(examined(&world, &["--fix", "api"]).0, 0);
    assert_eq!(of("api"), []);
}

#[test]
fn what_cannot_be_looked_at_is_said_and_the_rest_is_shown() {
    let mut world = healthy();
    fs::remove_dir(world.project("job")).unwrap();
    let config = world.write(".config/cs/config.toml", "mood = 1\n");
    let (code, report) = examined(&world, &[]);
    assert_eq!(code, 2);
    assert_eq!(found(&report), [("directory-gone".to_owned(), Some("job".to_owned()))], "{report:#}");
    let blind = report["could_not_check"].to_string();
    assert!(blind.contains("unknown key 'mood'") && blind.contains("links of session 'api'"), "{blind}");
    let text = world.cs(&["doctor"]);
    assert!(text.code == Some(2) && text.stdout.contains("could not be looked at"), "{text:?}");
    fs::remove_file(config).unwrap();

    mode(&world.data(), 0o777);
    let (code, report) = examined(&world, &["--fix"]);
    assert_eq!((code, found(&report).len()), (2, 0), "{report:#}");
    assert!(report["could_not_check"].to_string().contains("can be written to by other users"), "{report:#}");
    mode(&world.data(), 0o700);

    let home = world.home();
    world.unset("HOME");
    let done = world.cs_in(&home, &["doctor", "--json"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stdout.contains("HOME is not set"), "{done:?}");
}

#[test]
fn no_login_is_opened_and_no_value_printed_whatever_is_wrong() {
    if !has("strace") {
        return;
    }
    let world = healthy();
    let secret = "canary-that-must-not-sing";
    let logins = ["api", "bare", "work"].map(|name| world.config_of(name).join(".credentials.json"));
    for login in
        logins.iter().chain([&world.home().join(".claude/.credentials.json"), &world.home().join("token")])
    {
        fs::write(login, secret).unwrap();
        mode(login, 0o644);
    }
    let settings =
        json!({"env": {"ANTHROPIC_API_KEY": secret, "CLAUDE_CONFIG_DIR": secret}, "apiKeyHelper": secret});
    fs::write(world.config_of("bare").join("settings.json"), settings.to_string()).unwrap();
    let trace = world.root().join("trace");
    let filter = "trace=open,openat,openat2,read,pread64,sendfile,copy_file_range";
    for arguments in [&["doctor"][..], &["doctor", "--json"], &["doctor", "--fix"]] {
        let program = World::cs_program();
        let words = ["-f", "-qq", "-s", "4096", "-o", trace.to_str().unwrap(), "-e", filter];
        let words = [&words[..], &[program.to_str().unwrap()], arguments].concat();
        let done = ran(&mut world.any_command(Path::new("/usr/bin/strace"), &world.home(), &words));
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stdout.contains("login-detached"), "the control: it was looked at: {done:?}");
        assert!(!format!("{done:?}").contains(secret), "{arguments:?} printed it: {done:?}");
        let trace = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
        let opened: Vec<&str> = trace
            .lines()
            .filter(|line| line.contains(".credentials.json") || line.contains("/token\""))
            .collect();
        assert!(opened.is_empty() && trace.contains("settings.json"), "{arguments:?}: {opened:#?}");
    }
    // Its mode is changed without opening it.
    assert_eq!(logins[2].metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
