//! Many sessions at once, and one session twice.

use std::process::Child;

use crate::stage::{Stage, count, end, leave, ready, say};

#[test]
fn eight_sessions_started_together_all_reply_and_all_keep_a_transcript() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let names: Vec<String> = (1..=8).map(|number| format!("s{number}")).collect();
    let running: Vec<Child> = names
        .iter()
        .map(|name| stage.begin(&project, &[name, "-p", &format!("SAY:the answer for {name}")]))
        .collect();
    for (name, child) in names.iter().zip(running) {
        assert_eq!(end(child).ok(), format!("the answer for {name}\n"));
    }
    for name in &names {
        let transcript = stage.transcript_of(name);
        for other in &names {
            let holds = transcript.contains(&format!("the answer for {other}"));
            assert_eq!(holds, name == other, "{other} in the transcript of {name}");
        }
    }
}

#[test]
fn of_many_that_open_one_session_at_the_same_moment_one_gets_it() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    // It is made by one of them, then opened again by all of them.
    for round in ["made", "opened"] {
        let answer = format!("it was {round}");
        let prompt = format!("SLEEP:3 SAY:{answer}");
        let running: Vec<Child> = (0..6).map(|_| stage.begin(&project, &["api", "-p", &prompt])).collect();
        let ended: Vec<_> = running.into_iter().map(end).collect();
        let won =
            ended.iter().filter(|ran| ran.code == Some(0) && ran.stdout == format!("{answer}\n")).count();
        let refused = ended.iter().filter(|ran| ran.code == Some(5) && ran.stdout.is_empty()).count();
        assert_eq!((won, refused), (1, 5), "{ended:?}");
        assert_eq!(stage.api.conversation().len(), if round == "made" { 1 } else { 2 });
    }
    assert_eq!(count(&stage.transcript_of("api"), "\"text\":\"it was "), 2);
}

#[test]
fn a_session_that_is_open_is_neither_opened_twice_nor_removed() {
    let Some(stage) = Stage::set() else { return };
    let project = stage.project("api");
    let open = stage.begin(&project, &["api", "-p", "SLEEP:8 SAY:I was left alone"]);
    let pid = stage.live_pid("api");
    assert_eq!(pid, open.id(), "Claude is the very process that cs was");

    let refused = stage.cs_in(&project, &["api", "-p", "SAY:me too"]).fails(5);
    let first = refused.lines().next().unwrap();
    assert!(
        first.starts_with("cs: session 'api' is open") && first.contains(&format!("pid {pid}")),
        "{refused}"
    );
    assert!(refused.contains("cs fork api api-2"), "{refused}");
    let refused = stage.cs(&["rm", "api"]).fails(5);
    assert!(refused.contains(&format!("pid {pid}")), "{refused}");

    assert_eq!(end(open).ok(), "I was left alone\n");
    assert_eq!(stage.api.bodies_containing("me too").len(), 0);
    assert!(stage.transcript_of("api").contains("I was left alone"));

    // The control: once it is left, both are allowed.
    assert_eq!(stage.cs_in(&project, &["api", "-p", "SAY:me too"]).ok(), "me too\n");
    let _ = stage.cs(&["rm", "api"]).ok();
}

#[test]
fn a_fork_of_an_open_session_goes_on_from_there_and_both_go_their_ways() {
    let Some(stage) = Stage::with_terminal() else { return };
    let project = stage.project("api");
    stage.at_home(&[&project]);
    let source = stage.terminal(&project, &["api"]);
    ready(&source);
    say(&source, "SAY:the common root", "the common root");
    stage.wait_kept("api", "the common root");
    let before = stage.transcript_of("api");

    assert_eq!(stage.cs(&["fork", "api", "idea", "-p", "SAY:the branch"]).ok(), "the branch\n");
    let request = stage.request_with("SAY:the branch")["messages"].to_string();
    assert!(request.contains("the common root"), "{request}");
    // The source may note something of its own meanwhile; nothing of the fork is in it, and nothing is gone.
    let after = stage.transcript_of("api");
    let added = after.strip_prefix(&before).unwrap_or_else(|| panic!("{before}\nbecame\n{after}"));
    let idea = stage.show("idea")["id"].as_str().unwrap().to_owned();
    assert!(!added.contains("the branch") && !added.contains(&idea), "{added}");

    say(&source, "SAY:the trunk", "the trunk");
    let request = stage.request_with("SAY:the trunk")["messages"].to_string();
    assert!(request.contains("the common root") && !request.contains("the branch"), "{request}");
    assert_eq!(stage.cs(&["idea", "-p", "SAY:the twig"]).ok(), "the twig\n");
    let request = stage.request_with("SAY:the twig")["messages"].to_string();
    assert!(request.contains("the common root") && request.contains("the branch"), "{request}");
    assert!(!request.contains("the trunk"), "{request}");
    leave(&source);
}
