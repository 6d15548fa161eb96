//! How findings are shown: to a person, and as JSON.

use std::fs;

use serde_json::json;

use super::healthy;
use crate::scenery::Transcript;
use crate::support::snapshots::assert_snapshot;

#[test]
fn the_screen_of_one_that_is_ill_says_what_where_why_and_what_helps() {
    let world = healthy();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    let settings = world.config_of("job").join("settings.json");
    fs::remove_file(&settings).unwrap();
    fs::write(settings, r#"{"env": {"ANTHROPIC_API_KEY": "canary"}}"#).unwrap();
    fs::write(world.data().join("names/ghost"), "profile\n").unwrap();
    fs::remove_file(world.config_of("work").join(".credentials.json")).unwrap();
    let mut told = Transcript::new(&world);
    told.cs(&["doctor"])
        .cs(&["doctor", "--fix", "--dry-run", "api"])
        .cs(&["doctor", "--fix"])
        .cs(&["doctor", "job"]);
    assert_snapshot!(told.text());
}

#[test]
fn a_finding_as_json_has_everything_and_the_text_of_others_is_spelled_out() {
    let world = healthy();
    fs::remove_file(world.config_of("api").join("skills")).unwrap();
    let bare = world.config_of("bare");
    fs::create_dir_all(bare.join("plugins")).unwrap();
    let record = json!({"plugins": {"p\u{1b}]2;x\u{7}\u{202e}": {"installPath": "/nowhere/\u{9b}2J"}}});
    fs::write(bare.join("plugins/installed_plugins.json"), record.to_string()).unwrap();
    let mut told = Transcript::new(&world);
    told.cs(&["doctor", "--json"]).cs(&["doctor", "--fix", "--json", "api"]).cs(&["doctor", "bare"]);
    assert_snapshot!(told.text());
    for acts in ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'] {
        assert!(!told.text().contains(acts), "{}", told.text());
    }
}
