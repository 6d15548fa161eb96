//! A Messages API on loopback that does what the prompt tells it to, and remembers what it was asked.
//!
//! The last thing the user typed is read for a directive at the start of a line:
//!
//! | directive | answer |
//! |---|---|
//! | `SAY:<text>` | that text |
//! | `RUN:<command>` | one Bash call; `done <output>` once its result is in |
//! | `TOOL:<Name> {json}` | one call of that tool; then as above |
//! | `ERR:<status>` | an API error with that status |
//! | `SLEEP:<seconds>` | waits first; another directive may follow on the same line |
//! | anything else | `pong <the beginning of what was typed>` |
//!
//! What Claude adds by itself (reminders, requests for a title) never counts as typed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::http::{self, Listener, Stop};
pub use super::http::{Request, Response};

/// The server. It stops when dropped.
#[derive(Debug)]
pub struct FakeApi {
    listener: Listener,
    messages: Arc<Messages>,
}

impl FakeApi {
    /// Binds a free loopback port and answers until dropped.
    pub fn start() -> Self {
        let messages = Arc::new(Messages::default());
        let listener = Listener::start({
            let messages = Arc::clone(&messages);
            move |stream, stop| http::serve(stream, |request| messages.answer(request, stop))
        });
        Self { listener, messages }
    }

    /// What `ANTHROPIC_BASE_URL` is set to.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.messages.requests()
    }

    /// The bodies of the requests for a message whose JSON text holds `text`, requests for a title included.
    pub fn bodies_containing(&self, text: &str) -> Vec<Value> {
        self.messages.bodies_containing(text)
    }

    /// The bodies of the requests for a message in the conversation itself: no titles, no token counts.
    pub fn conversation(&self) -> Vec<Value> {
        self.messages.conversation()
    }
}

/// The part that answers, without a socket, so that a TLS server can use it too.
#[derive(Debug, Default)]
pub struct Messages {
    seen: Mutex<Vec<Request>>,
    count: AtomicU64,
}

impl Messages {
    /// Notes the request, then answers it: who waits for a slow answer can see what was asked.
    pub fn answer(&self, request: Request, stop: &Stop) -> Response {
        let asked = request.clone();
        self.seen.lock().unwrap().push(request);
        self.respond(&asked, stop)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn bodies_containing(&self, text: &str) -> Vec<Value> {
        let mut bodies = self.message_bodies();
        bodies.retain(|body| body.to_string().contains(text));
        bodies
    }

    pub fn conversation(&self) -> Vec<Value> {
        let mut bodies = self.message_bodies();
        bodies.retain(|body| !is_aside(body));
        bodies
    }

    fn message_bodies(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|request| request.method == "POST" && request.route() == "/v1/messages")
            .map(|request| request.body.clone())
            .collect()
    }

    fn respond(&self, request: &Request, stop: &Stop) -> Response {
        match (request.method.as_str(), request.route()) {
            ("POST", "/v1/messages") => self.message(&request.body, stop),
            ("POST", "/v1/messages/count_tokens") => Response::ok(json!({"input_tokens": 10})),
            ("POST", _) | ("HEAD" | "GET", "/") => Response::ok(json!({})),
            (_, route) => error(404, &format!("no such thing: {route}")),
        }
    }

    fn message(&self, body: &Value, stop: &Stop) -> Response {
        let (wait, reply) =
            if is_aside(body) { (Duration::ZERO, Reply::Text(aside(body))) } else { reply(body) };
        stop.sleep(wait);
        let blocks = match reply {
            Reply::Error(status) => return error(status, "as asked"),
            Reply::Text(text) => json!({"type": "text", "text": text}),
            Reply::Tool(name, input) => {
                json!({"type": "tool_use", "id": format!("toolu_{}", self.id()), "name": name, "input": input})
            }
        };
        let message = json!({
            "id": format!("msg_{}", self.id()),
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "stop_reason": if blocks["type"] == "text" { "end_turn" } else { "tool_use" },
            "stop_sequence": null,
            "usage": {
                "input_tokens": 10,
                "output_tokens": 5,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
            },
            "content": [blocks],
        });
        if body["stream"] == true { Response::Events(events(&message)) } else { Response::ok(message) }
    }

    /// An id that no other run has given out: a resumed transcript must not meet the same message twice.
    fn id(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        format!("{now:x}{:04}", self.count.fetch_add(1, Ordering::Relaxed))
    }
}

#[derive(Debug, PartialEq)]
pub enum Reply {
    Text(String),
    Tool(String, Value),
    Error(u16),
}

/// Requests Claude makes beside the conversation (titles, summaries of tool use) carry no tools, or ask for a shape.
pub fn is_aside(body: &Value) -> bool {
    let has_tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    let wants_shape = !body["output_config"]["format"].is_null() || !body["output_format"].is_null();
    let text = body["system"].to_string();
    wants_shape || !has_tools && (text.contains("title") || body["model"].to_string().contains("haiku"))
}

/// A plain answer to such a request, of the shape it asks for.
pub fn aside(body: &Value) -> String {
    let format = [&body["output_config"]["format"], &body["output_format"]]
        .into_iter()
        .find(|format| !format.is_null());
    let Some(format) = format else {
        return "A quiet title".to_owned();
    };
    let properties = format["schema"]["properties"].as_object();
    let filled = properties.into_iter().flatten().map(|(name, property)| {
        let value = match property["type"].as_str() {
            Some("boolean") => json!(false),
            Some("number" | "integer") => json!(0),
            Some("array") => json!([]),
            _ => json!("A quiet title"),
        };
        (name.clone(), value)
    });
    Value::Object(filled.collect()).to_string()
}

/// What the conversation is answered with, and how long that takes.
pub fn reply(body: &Value) -> (Duration, Reply) {
    let Some(last) = last_user_message(body) else {
        return (Duration::ZERO, Reply::Text("pong".to_owned()));
    };
    if let Some(output) = tool_output(last) {
        return (Duration::ZERO, Reply::Text(format!("done {}", brief(&output)).trim().to_owned()));
    }
    obey(&typed_text(last))
}

fn obey(text: &str) -> (Duration, Reply) {
    let mut wait = Duration::ZERO;
    let mut rest = text;
    while let Some((word, argument)) = directive(rest) {
        let reply = match word {
            "SLEEP:" => {
                let (seconds, after) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
                wait += Duration::from_secs_f64(seconds.parse().unwrap_or(0.0));
                rest = after;
                continue;
            }
            "SAY:" => Reply::Text(argument.to_owned()),
            "RUN:" => Reply::Tool(
                "Bash".to_owned(),
                json!({"command": argument, "description": "Run what the test asks for"}),
            ),
            "ERR:" => Reply::Error(argument.parse().unwrap_or(500)),
            _ => {
                let (name, input) = argument.split_once(char::is_whitespace).unwrap_or((argument, "{}"));
                Reply::Tool(name.to_owned(), serde_json::from_str(input).unwrap_or_else(|_| json!({})))
            }
        };
        return (wait, reply);
    }
    (wait, Reply::Text(format!("pong {}", brief(text)).trim().to_owned()))
}

/// The first line that begins with a directive; its argument is all the text from there on.
fn directive(text: &str) -> Option<(&'static str, &str)> {
    let mut rest = text.trim();
    loop {
        for word in ["SAY:", "RUN:", "TOOL:", "SLEEP:", "ERR:"] {
            if let Some(argument) = rest.strip_prefix(word) {
                return Some((word, argument.trim()));
            }
        }
        rest = rest.split_once('\n')?.1.trim_start();
    }
}

fn last_user_message(body: &Value) -> Option<&Value> {
    let messages = body["messages"].as_array()?;
    messages.iter().rfind(|message| message["role"] == "user")
}

/// The text of the tool result in a message that holds one.
fn tool_output(message: &Value) -> Option<String> {
    let blocks = message["content"].as_array()?;
    let result = blocks.iter().rfind(|block| block["type"] == "tool_result")?;
    Some(match &result["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    })
}

/// The last block a person typed: reminders are cut out, and a block that was nothing else does not count.
fn typed_text(message: &Value) -> String {
    let texts: Vec<&str> = match &message["content"] {
        Value::String(text) => vec![text],
        Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect(),
        _ => vec![],
    };
    let mut typed = texts.into_iter().map(without_reminders);
    typed.rfind(|text| !text.is_empty()).unwrap_or_default()
}

fn without_reminders(text: &str) -> String {
    const OPEN: &str = "<system-reminder>";
    const CLOSE: &str = "</system-reminder>";
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        kept.push_str(before);
        rest = after.split_once(CLOSE).map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept.trim().to_owned()
}

fn brief(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().take(60).collect()
}

fn error(status: u16, message: &str) -> Response {
    let kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    Response::Json(status, json!({"type": "error", "error": {"type": kind, "message": message}}))
}

/// The stream that says what `message` says.
fn events(message: &Value) -> Vec<String> {
    let block = &message["content"][0];
    let (empty, delta) = if block["type"] == "text" {
        (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": block["text"]}))
    } else {
        let mut empty = block.clone();
        empty["input"] = json!({});
        let input = block["input"].to_string();
        (empty, json!({"type": "input_json_delta", "partial_json": input}))
    };
    let mut opening = message.clone();
    opening["content"] = json!([]);
    opening["stop_reason"] = Value::Null;
    let stop = json!({"stop_reason": message["stop_reason"], "stop_sequence": null});
    [
        json!({"type": "message_start", "message": opening}),
        json!({"type": "content_block_start", "index": 0, "content_block": empty}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": stop, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ]
    .iter()
    .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()))
    .collect()
}
