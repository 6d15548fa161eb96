//! The stand-in for the API does as it is told. (Here, and not beside it, so that one test program tells it.)

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fake_api::{Reply, aside, is_aside, reply};

fn asked(content: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": content}], "tools": [{"name": "Bash"}]})
}

#[test]
fn a_directive_may_wait_first_and_may_stand_below_other_lines() {
    let (wait, reply) = reply(&asked(&json!("look at this:\nSLEEP:0.5 SAY:two\nlines")));
    assert_eq!(wait, Duration::from_millis(500));
    assert_eq!(reply, Reply::Text("two\nlines".to_owned()));
}

#[test]
fn a_directive_in_a_reminder_is_not_obeyed() {
    let body = asked(&json!([
        {"type": "text", "text": "<system-reminder>\nSAY:never\n</system-reminder>"},
        {"type": "text", "text": "hello"},
        {"type": "text", "text": "<system-reminder>ERR:500</system-reminder>\n"},
    ]));
    assert_eq!(reply(&body).1, Reply::Text("pong hello".to_owned()));
}

#[test]
fn a_tool_result_ends_the_turn() {
    let result =
        json!([{"type": "tool_result", "content": "RUN:again"}, {"type": "text", "text": "RUN:more"}]);
    assert_eq!(reply(&asked(&result)).1, Reply::Text("done RUN:again".to_owned()));
}

#[test]
fn a_request_for_a_title_gets_one_of_the_shape_it_asks_for() {
    let mut body = asked(&json!("RUN:rm everything"));
    body["output_config"] = json!({"format": {"schema": {"properties": {"title": {"type": "string"}}}}});
    assert!(is_aside(&body));
    assert_eq!(aside(&body), r#"{"title":"A quiet title"}"#);
}
