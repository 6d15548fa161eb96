//! A conversation that moves to another home.

use crate::stage::Stage;

#[test]
fn a_session_goes_on_in_another_home_where_it_was_left() {
    for zipped in ["api.tar", "api.tar.gz"] {
        let Some(from) = Stage::set() else { return };
        let project = from.project("api");
        let _ = from.cs_in(&project, &["api", "-p", "SAY:the first words"]).ok();
        let _ = from.cs_in(&project, &["api", "-p", "SAY:the second words"]).ok();
        let file = from.root().join(zipped);
        let file = file.to_str().unwrap();
        let _ = from.cs(&["export", "api", file]).ok();

        // Another machine: another home, and another place for the project.
        let Some(to) = Stage::set() else { return };
        let _ = to.cs(&["import", file]).ok();
        let place = to.project("elsewhere");
        let place = place.to_str().unwrap();
        assert_eq!(to.cs(&["--dir", place, "api", "-p", "SAY:the third words"]).ok(), "the third words\n");
        let messages = to.request_with("SAY:the third words")["messages"].to_string();
        assert!(messages.contains("the first words") && messages.contains("the second words"), "{messages}");
        // And on from there, in the same conversation.
        let _ = to.cs(&["--dir", place, "api", "-p", "SAY:the fourth words"]).ok();
        let messages = to.request_with("SAY:the fourth words")["messages"].to_string();
        assert!(messages.contains("the first words") && messages.contains("the third words"), "{messages}");
        assert_eq!(to.show("api")["id"], from.show("api")["id"]);
        assert_eq!(to.transcripts_of("api").len(), 1);
        // The one it was copied from knows nothing of that.
        let _ = from.cs(&["api", "-p", "SAY:here"]).ok();
        let messages = from.request_with("SAY:here")["messages"].to_string();
        assert!(messages.contains("the second words") && !messages.contains("the third words"), "{messages}");
    }
}

#[test]
fn what_claude_makes_again_by_itself_can_go_and_the_conversation_goes_on() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let _ = stage.cs_in(&project, &["api", "-p", "RUN:echo one", "--debug", "--allowedTools", "Bash"]).ok();
    let config = stage.config_of("api");
    assert!(config.join("debug").is_dir(), "the control: there is something to go");
    let _ = stage.cs(&["cleanup", "--caches", "--yes", "api"]).ok();
    for cache in claude_cs::claude::CACHES {
        assert!(!config.join(cache).exists(), "{cache}");
    }
    let answer =
        stage.cs_in(&project, &["api", "-p", "RUN:echo two", "--debug", "--allowedTools", "Bash"]).ok();
    assert!(!answer.is_empty());
    let messages = stage.request_with("RUN:echo two")["messages"].to_string();
    assert!(messages.contains("echo one"), "{messages}");
    assert!(config.join("debug").is_dir(), "it is made again");
}
