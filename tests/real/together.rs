//! Conversations and servers that are shared on purpose, by the real Claude Code.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::stage::Stage;
use crate::support::claude::transcripts;
use crate::support::fake_api::FakeApi;

/// The id of the only conversation in a session's own transcripts.
fn only(stage: &Stage, name: &str) -> String {
    let all = stage.transcripts_of(name);
    assert_eq!(all.len(), 1, "{name}: {all:?}");
    all[0].file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn two_sessions_of_two_profiles_in_a_group_resume_each_others_conversation_and_part_with_their_own() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let _ = stage.cs(&["profile", "create", "play"]).ok();
    for (profile, name) in [("work", "red"), ("play", "blue")] {
        let said = format!("SAY:{name} began");
        let _ = stage.cs_in(&project, &["-P", profile, name, "-p", &said]).ok();
    }
    let (red, blue) = (only(&stage, "red"), only(&stage, "blue"));
    // The control: apart, neither finds the other's.
    let apart = stage.cs_in(&project, &["red", "--resume", &blue, "-p", "SAY:too early"]);
    assert_ne!(apart.code, Some(0), "{}", apart.stdout);

    for profile in ["work", "play"] {
        let _ = stage.cs(&["profile", "share", profile, "--history", "team"]).ok();
    }
    let _ = stage.cs_in(&project, &["red", "--resume", &blue, "-p", "SAY:red goes on with blue's"]).ok();
    let body = stage.request_with("red goes on with blue's").to_string();
    assert!(body.contains("blue began"), "{body}");
    let _ = stage.cs_in(&project, &["blue", "--resume", &red, "-p", "SAY:blue goes on with red's"]).ok();
    assert!(stage.request_with("blue goes on with red's").to_string().contains("red began"));
    // Each still goes on with its own by its name, and the profile itself finds both.
    let _ = stage.cs(&["red", "-p", "SAY:red again"]).ok();
    assert!(stage.request_with("red again").to_string().contains("red began"));
    let _ = stage.cs_in(&project, &["work", "--resume", &blue, "-p", "SAY:the profile itself"]).ok();
    assert!(stage.request_with("the profile itself").to_string().contains("blue began"));

    for profile in ["work", "play"] {
        let _ = stage.cs(&["profile", "share", profile, "--no-history"]).ok();
    }
    let mine = |name: &str| {
        let all = stage.transcripts_of(name);
        all.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // What each began has grown by what the other said in it, and comes along so.
    for (name, own, other) in
        [("red", &red, "blue goes on with red's"), ("blue", &blue, "red goes on with blue's")]
    {
        assert!(mine(name).contains(own), "{name}");
        let own = stage.transcripts_of(name).into_iter().find(|path| path.ends_with(format!("{own}.jsonl")));
        assert!(
            fs::read_to_string(own.unwrap()).unwrap().contains(other),
            "{name}: what was said in the group"
        );
    }
    assert_eq!(mine("red"), std::slice::from_ref(&red), "and nothing of the other's");
    let _ = stage.cs(&["red", "-p", "SAY:red apart again"]).ok();
    assert!(stage.request_with("red apart again").to_string().contains("red began"));
    let apart = stage.cs_in(&project, &["red", "--resume", &blue, "-p", "SAY:too late"]);
    assert_ne!(apart.code, Some(0), "{}", apart.stdout);
    let kept = transcripts(&stage.data().join("history/team"));
    assert_eq!(kept.len(), 2, "nothing is taken from the group: {kept:?}");
}

#[test]
fn a_conversation_is_planned_with_one_endpoint_and_carried_out_with_another() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let other = FakeApi::start();
    let token = stage.write("token", "another-token\n");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let _ = stage
        .cs(&[
            "profile",
            "create",
            "glm",
            "--base-url",
            &other.url(),
            "--token-file",
            token.to_str().unwrap(),
            "--inherit",
            "work",
        ])
        .ok();
    let _ = stage.cs_in(&project, &["-P", "work", "api", "-p", "SAY:the plan"]).ok();
    assert_eq!((stage.said(), other.conversation().len()), (1, 0));
    let _ = stage.cs(&["--profile", "glm", "api", "-p", "SAY:carried out"]).ok();
    assert_eq!((stage.said(), other.conversation().len()), (1, 1), "at the other endpoint, and only there");
    let body = other.conversation().pop().unwrap().to_string();
    assert!(body.contains("the plan") && body.contains("carried out"), "{body}");
    let _ = stage.cs(&["api", "-p", "SAY:looked over"]).ok();
    assert_eq!((stage.said(), other.conversation().len()), (2, 1), "and back");
    assert!(stage.request_with("looked over").to_string().contains("carried out"));
    assert_eq!(stage.transcripts_of("api").len(), 1, "one conversation");

    // The profiles themselves, too: one directory, one conversation.
    let _ = stage.cs_in(&project, &["work", "-p", "SAY:begun as work"]).ok();
    let _ = stage.cs_in(&project, &["glm", "--continue", "-p", "SAY:gone on as glm"]).ok();
    let body = other.conversation().pop().unwrap().to_string();
    assert!(body.contains("begun as work") && body.contains("gone on as glm"), "{body}");
}

#[test]
fn an_mcp_server_that_a_profile_gained_or_lost_reaches_its_sessions_by_sync() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let servers = |servers| {
        stage.write(
            ".claude.json",
            &json!({"hasCompletedOnboarding": true, "mcpServers": servers}).to_string(),
        )
    };
    servers(json!({"first-server": {"type": "stdio", "command": "/bin/false", "args": []}}));
    let _ = stage.cs(&["profile", "create", "work"]).ok();
    let _ = stage.cs_in(&project, &["-P", "work", "api", "-p", "SAY:hello"]).ok();
    let listed = || stage.cs_in(&project, &["api", "mcp", "list"]).ok();
    let before = listed();
    assert!(before.contains("first-server") && !before.contains("second-server"), "{before}");

    servers(json!({"second-server": {"type": "stdio", "command": "/bin/false", "args": []}}));
    let own = fs::read(stage.home().join(".claude.json")).unwrap();
    assert!(!listed().contains("second-server"), "the control: not by itself");
    let _ = stage.cs(&["profile", "sync", "work"]).ok();
    let after = listed();
    assert!(after.contains("second-server") && !after.contains("first-server"), "{after}");
    // What a person removes in a session with Claude's own command stays removed.
    let _ = stage.cs_in(&project, &["api", "mcp", "remove", "-s", "user", "second-server"]).ok();
    let _ = stage.cs(&["profile", "sync", "work"]).ok();
    assert!(!listed().contains("second-server"));
    assert!(stage.cs_in(&project, &["work", "mcp", "list"]).ok().contains("second-server"));
    assert_eq!(fs::read(stage.home().join(".claude.json")).unwrap(), own);
    let _ = stage.cs(&["api", "-p", "SAY:still there"]).ok();
    assert!(stage.request_with("still there").to_string().contains("hello"));
}
