//! A session is left, and gone on with.

use std::fs;

use crate::stage::{SOON, Stage, end, enter, leave, ready, say, signal, until};
use crate::support::claude::transcripts;

#[test]
fn opened_again_from_anywhere_a_session_is_the_same_conversation() {
    let Some(stage) = Stage::set() else { return };
    let (project, elsewhere) = (stage.project("api"), stage.project("elsewhere"));
    let _ = stage.cs_in(&project, &["api", "-p", "SAY:the first words"]).ok();
    let _ = stage.cs_in(&elsewhere, &["other", "-p", "SAY:other words"]).ok();
    let _ = stage.cs_in(&elsewhere, &["api", "-p", "SAY:the second words"]).ok();

    let request = stage.request_with("SAY:the second words");
    let messages = request["messages"].to_string();
    assert!(messages.contains("the first words"), "{messages}");
    assert!(!messages.contains("other words"), "{messages}");
    assert!(request.to_string().contains(project.to_str().unwrap()), "it works where it worked");
    let transcript = stage.transcripts_of("api").pop().unwrap();
    assert_eq!(transcript.file_stem().unwrap().to_str(), stage.show("api")["id"].as_str());
    assert_eq!(stage.transcripts_of("api").len(), 1);
}

#[test]
fn the_session_used_last_is_the_one_that_goes_on() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let _ = stage.cs_in(&project, &["one", "-p", "SAY:words of one"]).ok();
    let _ = stage.cs_in(&project, &["two", "-p", "SAY:words of two"]).ok();
    let _ = stage.cs(&["last", "-p", "SAY:after two"]).ok();
    let messages = stage.request_with("SAY:after two")["messages"].to_string();
    assert!(messages.contains("words of two") && !messages.contains("words of one"), "{messages}");

    let busy = stage.begin(&project, &["two", "-p", "SLEEP:6 SAY:busy"]);
    let _ = stage.live_pid("two");
    let ran = stage.cs(&["last", "-p", "SAY:after one"]);
    assert!(ran.stderr.contains("skipping what is open: two"), "{ran:?}");
    let _ = ran.ok();
    let messages = stage.request_with("SAY:after one")["messages"].to_string();
    assert!(messages.contains("words of one") && !messages.contains("words of two"), "{messages}");
    let _ = end(busy).ok();
}

/// Leaves a session after `/clear`, opens it again, and sees that it goes on behind the clearing.
fn clear_and_resume(isolation: &str) {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let tmux = stage.terminal(&project, &["--isolation", isolation, "api"]);
    ready(&tmux);
    say(&tmux, "SAY:before the clearing", "before the clearing");
    enter(&tmux, "/clear");
    tmux.wait_until(SOON, "an empty conversation", |screen| !screen.contains("● before"));
    say(&tmux, "SAY:behind the clearing", "behind the clearing");
    leave(&tmux);
    assert_eq!(stage.transcripts_of("api").len(), 2, "the old one is kept");

    let _ = stage.cs(&["api", "-p", "SAY:further on"]).ok();
    let messages = stage.request_with("SAY:further on")["messages"].to_string();
    assert!(messages.contains("behind the clearing"), "{messages}");
    assert!(!messages.contains("before the clearing"), "{messages}");
    assert_eq!(stage.transcripts_of("api").len(), 2);
}

#[test]
fn after_clear_it_is_the_newest_conversation_that_goes_on() {
    clear_and_resume("config-dir");
}

#[test]
fn after_clear_it_is_the_newest_conversation_also_among_those_of_others() {
    clear_and_resume("none");
}

#[test]
fn a_start_that_was_left_without_a_word_opens_the_next_time() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    for _ in 0..2 {
        let tmux = stage.terminal(&project, &["api"]);
        ready(&tmux);
        leave(&tmux);
    }
    assert_eq!(stage.cs(&["api", "-p", "SAY:at last"]).ok(), "at last\n");
    let tmux = stage.terminal(&project, &["api"]);
    ready(&tmux);
    say(&tmux, "SAY:and on", "and on");
    leave(&tmux);
    let messages = stage.request_with("SAY:and on")["messages"].to_string();
    assert!(messages.contains("at last"), "{messages}");
}

#[test]
fn however_claude_ends_its_exit_is_passed_on_and_the_session_goes_on() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let _ = stage.cs_in(&project, &["api", "-p", "SAY:word 0"]).ok();
    // What Claude alone ends with: by itself, told so by a signal, and without a chance to say anything.
    let ends = [("HUP", Some(129), None), ("TERM", Some(143), None), ("KILL", None, Some(9))];
    for (number, (name, code, by)) in ends.into_iter().enumerate() {
        let said = stage.said();
        let running = stage.begin(&project, &["api", "-p", "SLEEP:50 SAY:never"]);
        until("the request", || (stage.said() > said).then_some(()));
        signal(running.id(), name);
        let ran = end(running);
        assert_eq!((ran.code, ran.signal), (code, by), "{name}: {ran:?}");

        let word = format!("SAY:word {}", number + 1);
        let _ = stage.cs(&["api", "-p", &word]).ok();
        let messages = stage.request_with(&word)["messages"].to_string();
        for earlier in 0..=number {
            assert!(messages.contains(&format!("SAY:word {earlier}")), "after {name}: {messages}");
        }
    }
    assert_eq!(stage.transcripts_of("api").len(), 1);

    let failed = stage.cs(&["api", "-p", "ERR:400"]);
    let plain = crate::support::world::ran(&mut stage.plain_claude(&project, &["-p", "ERR:400"]));
    assert_eq!((failed.code, plain.code), (Some(1), Some(1)), "{failed:?} {plain:?}");
}

#[test]
fn a_terminal_that_is_closed_loses_nothing() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    for (name, code) in [("HUP", 129), ("TERM", 143), ("KILL", 137)] {
        let tmux = stage.terminal(&project, &["api"]);
        ready(&tmux);
        let word = format!("said before {name}");
        say(&tmux, &format!("SAY:{word}"), &word);
        // A killed Claude writes nothing more.
        stage.wait_kept("api", &word);
        signal(tmux.pid(), name);
        assert_eq!(tmux.wait_exit(SOON), code, "{name}");
    }
    let _ = stage.cs(&["api", "-p", "SAY:after all"]).ok();
    let messages = stage.request_with("SAY:after all")["messages"].to_string();
    for name in ["HUP", "TERM", "KILL"] {
        assert!(messages.contains(&format!("said before {name}")), "{messages}");
    }
    let found = transcripts(&stage.config_of("api"));
    assert_eq!(found.len(), 1);
    assert!(fs::read_to_string(&found[0]).unwrap().contains("after all"));
}
