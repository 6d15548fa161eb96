//! Tokens: what transcripts say that each answer took.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

use super::ground::ConfigGround;
use crate::os::{EntryKind, Foreign, Held, WithoutHoles};

/// Tokens of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens of the prompt, as far as it was not cached.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Written to the cache for five minutes.
    pub write: u64,
    /// Written to the cache for an hour.
    pub write_1h: u64,
    /// Read from the cache.
    pub read: u64,
}

/// An answer of the model.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its key, made of the message's id and the request's: the same wherever the message is copied to.
    pub key: (u64, u64),
    /// The time it was written.
    pub at: Timestamp,
    /// The model, as the endpoint calls it. Text of others.
    pub model: Arc<str>,
    /// Its tokens.
    pub tokens: Tokens,
    /// Searches on the web.
    pub searches: u64,
    /// It was had in fast mode.
    pub fast: bool,
    /// It was made in the US at the price of that.
    pub in_us: bool,
    /// The cost that the line itself has, in USD.
    pub cost: Option<f64>,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            key: (0, 0),
            at: Timestamp::UNIX_EPOCH,
            model: "".into(),
            tokens: Tokens::default(),
            searches: 0,
            fast: false,
            in_us: false,
            cost: None,
        }
    }
}

impl Message {
    /// Takes over the numbers of another copy of the same message: an answer that is still being written
    /// stands in its first lines with fewer tokens than in the last.
    pub fn merge(&mut self, other: &Self) {
        let mine = &mut self.tokens;
        for (mine, theirs) in [
            (&mut mine.input, other.tokens.input),
            (&mut mine.output, other.tokens.output),
            (&mut mine.write, other.tokens.write),
            (&mut mine.write_1h, other.tokens.write_1h),
            (&mut mine.read, other.tokens.read),
            (&mut self.searches, other.searches),
        ] {
            *mine = (*mine).max(theirs);
        }
        self.at = self.at.min(other.at);
        self.cost = self.cost.or(other.cost);
    }
}

/// A transcript: of a conversation, or of a side chain of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// Its file.
    pub path: Foreign,
    /// The conversation that it is of, if its path says so.
    pub conversation: Option<Uuid>,
    /// The time it was last written.
    pub modified: SystemTime,
    /// Its size in bytes.
    pub size: u64,
}

/// The most transcripts that are read of one config directory, those of subagents too.
const MOST: usize = 200_000;

/// Returns every transcript on `ground`, those of subagents too. Conversations that lie in one of the directories
/// `seen` are skipped: sessions can share them. So is anything that cannot be read, links among it.
pub fn all_transcripts(ground: &ConfigGround, seen: &mut BTreeSet<OsString>) -> Vec<Transcript> {
    let mut found = Vec::new();
    if seen.insert(ground.projects().clone().settled().told())
        && let Ok(Some(projects)) = ground.projects().hold()
    {
        for project in projects.entries().into_iter().flatten() {
            if project.kind == EntryKind::Directory
                && let Ok(Some(held)) = projects.hold(&project.name)
            {
                walk(&held, None, 0, &mut found);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Adds the transcripts in a directory and below it to `found`.
fn walk(directory: &Held, conversation: Option<Uuid>, depth: usize, found: &mut Vec<Transcript>) {
    const DEEPEST: usize = 8;
    for entry in directory.entries().into_iter().flatten() {
        if found.len() >= MOST {
            return;
        }
        let path = directory.path(&entry.name);
        let id = || path.stem().and_then(|stem| stem.parse().ok());
        if entry.kind == EntryKind::Directory && depth < DEEPEST {
            // Beside a transcript is a directory of its name, with what belongs to it.
            if let Ok(Some(below)) = directory.hold(&entry.name) {
                walk(&below, conversation.or_else(id), depth + 1, found);
            }
        } else if entry.kind == EntryKind::File && path.has_extension("jsonl") {
            let Ok(Some(facts)) = directory.facts(&entry.name) else { continue };
            let conversation = conversation.or_else(id);
            let path = path.at_rest();
            found.push(Transcript { path, conversation, modified: facts.modified, size: facts.size });
        }
    }
}

/// A line of a transcript, as far as it is about tokens.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Answer<'a>>,
    #[serde(borrow)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(rename = "costUSD")]
    cost: Option<Value>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    usage: Option<Usage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    #[serde(deserialize_with = "count")]
    input_tokens: u64,
    #[serde(deserialize_with = "count")]
    output_tokens: u64,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: u64,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: u64,
    cache_creation: Option<Value>,
    server_tool_use: Option<Value>,
    speed: Option<Value>,
    inference_geo: Option<Value>,
}

/// Reads a number of tokens; anything else counts nothing, and no number more than a model can ever have
/// had.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(whole(Some(&Value::deserialize(deserializer)?)))
}

fn whole(value: Option<&Value>) -> u64 {
    const MOST: u64 = 1 << 40;
    value.and_then(Value::as_u64).filter(|number| *number <= MOST).unwrap_or(0)
}

/// Reads a transcript line by line and gives `each` the answers in it, the later lines of one answer too.
/// Adds the bytes read to `progress`. Returns the number of lines with tokens in them that make no sense,
/// such as one that is half-written.
pub fn read_spent(
    transcript: &Transcript,
    progress: &AtomicU64,
    mut each: impl FnMut(Message),
) -> io::Result<u64> {
    /// A conversation of a year has less.
    const MOST_BYTES: u64 = 4 << 30;
    /// Answers are far shorter; what is longer is somebody's file in a result.
    const LONGEST: u64 = 16 << 20;
    let Some((file, _)) = transcript.path.open()? else { return Err(io::ErrorKind::NotFound.into()) };
    // As far as it went when it was found: what somebody adds meanwhile has an end too.
    let content = WithoutHoles::new(file, transcript.size).take(MOST_BYTES);
    let mut reader = BufReader::with_capacity(64 << 10, content);
    let (mut line, mut senseless, mut last_model) = (Vec::new(), 0, Arc::<str>::from(""));
    let fallback = Timestamp::try_from(transcript.modified).unwrap_or(Timestamp::UNIX_EPOCH);
    loop {
        line.clear();
        let read = (&mut reader).take(LONGEST).read_until(b'\n', &mut line)? as u64;
        progress.fetch_add(read, Ordering::Relaxed);
        if read == 0 {
            return Ok(senseless);
        }
        if read == LONGEST && line.last() != Some(&b'\n') {
            skip_line(&mut reader, progress)?;
            continue;
        }
        if !line.windows(7).any(|window| window == b"\"usage\"") {
            continue;
        }
        let Ok(parsed) = serde_json::from_slice::<Line<'_>>(&line) else {
            senseless += u64::from(line.trim_ascii_start().starts_with(b"{"));
            continue;
        };
        let Some(message) = message(&parsed, fallback, &mut last_model) else { continue };
        each(message);
    }
}

fn skip_line(reader: &mut impl BufRead, progress: &AtomicU64) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let read = end.map_or(buffer.len(), |at| at + 1);
        progress.fetch_add(read as u64, Ordering::Relaxed);
        reader.consume(read);
        if end.is_some() || read == 0 {
            return Ok(());
        }
    }
}

/// Returns the answer in a line; `None` if the line is none, or one that Claude made up itself.
fn message(line: &Line<'_>, fallback: Timestamp, last_model: &mut Arc<str>) -> Option<Message> {
    let answer = line.message.as_ref().filter(|_| line.kind.as_deref() == Some("assistant"))?;
    let usage = answer.usage.as_ref()?;
    let model = answer.model.as_deref().unwrap_or_default();
    if model == "<synthetic>" {
        return None;
    }
    if &**last_model != model {
        *last_model = model.into();
    }
    let id = answer.id.as_deref().or(line.uuid.as_deref()).unwrap_or_default();
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, id, line.request_id.as_deref().unwrap_or_default()).hash(&mut hasher);
        hasher.finish()
    };
    let at = line.timestamp.as_deref().and_then(|at| at.parse().ok()).unwrap_or(fallback);
    // Where the kinds of writes are not told apart they are of five minutes (2.1.329 reckons so).
    let kept = |name: &str| whole(usage.cache_creation.as_ref().and_then(|kinds| kinds.get(name)));
    let write_1h = kept("ephemeral_1h_input_tokens").min(usage.cache_creation_input_tokens);
    let says = |value: &Option<Value>, text: &str| value.as_ref().and_then(Value::as_str) == Some(text);
    Some(Message {
        key: (hash(0), hash(1)),
        at,
        model: last_model.clone(),
        tokens: Tokens {
            input: usage.input_tokens,
            output: usage.output_tokens,
            write: usage.cache_creation_input_tokens - write_1h,
            write_1h,
            read: usage.cache_read_input_tokens,
        },
        searches: whole(usage.server_tool_use.as_ref().and_then(|used| used.get("web_search_requests"))),
        fast: says(&usage.speed, "fast"),
        in_us: says(&usage.inference_geo, "us"),
        cost: line.cost.as_ref().and_then(Value::as_f64).filter(|cost| (0.0..1e9).contains(cost)),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn ground(config: &std::path::Path) -> ConfigGround {
        ConfigGround::of_profile(config)
    }

    fn read(text: &[u8]) -> (Vec<Message>, u64) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let project = dir.path().join("projects/-w");
        fs::create_dir_all(&project).expect("made");
        fs::write(project.join("01890000-0000-7000-8000-00000000000a.jsonl"), text).expect("written");
        let found = all_transcripts(&ground(dir.path()), &mut BTreeSet::new());
        let progress = AtomicU64::new(0);
        let mut messages = Vec::new();
        let senseless = read_spent(&found[0], &progress, |message| messages.push(message)).expect("read");
        assert_eq!(progress.into_inner(), text.len() as u64);
        (messages, senseless)
    }

    #[test]
    fn answers_are_read_and_nothing_else() {
        let text = br#"{"type":"user","message":{"content":"what is \"usage\"?"}}
{"type":"assistant","timestamp":"2026-01-02T03:04:05.6Z","requestId":"r","message":{"id":"m","model":"x","usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":10,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_1h_input_tokens":7,"ephemeral_5m_input_tokens":3},"server_tool_use":{"web_search_requests":2},"speed":"fast"}}}
{"type":"assistant","message":{"model":"<synthetic>","usage":{"input_tokens":9}}}
{"type":"progress","data":{"message":{"usage":{"input_tokens":9}}}}
{"type":"assistant","message":{"id":"n","usage":{"input_tokens":"5","output_tokens":-1,"cache_read_input_tokens":99999999999999999999}}}
{"type":"assistant","message":{"id":"o","usage":nul
{"type":"assistant","message":{"id":"p","usage":{"inp"#;
        let (messages, senseless) = read(text);
        assert_eq!((messages.len(), senseless), (2, 2));
        let first = &messages[0];
        assert_eq!(first.tokens, Tokens { input: 1, output: 2, write: 3, write_1h: 7, read: 4 });
        assert_eq!((first.searches, first.fast, first.at.as_second()), (2, true, 1_767_323_045));
        assert_eq!(messages[1].tokens, Tokens::default(), "what is no number counts nothing");
    }

    #[test]
    fn a_line_without_end_is_passed_over() {
        let mut text = b"{\"type\":\"user\",\"x\":\"".to_vec();
        text.resize(40 << 20, b'a');
        text.extend(b"\"usage\"\"}\n{\"type\":\"assistant\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":1}}}\n");
        let (messages, senseless) = read(&text);
        assert_eq!((messages.len(), senseless), (1, 0));
    }

    #[test]
    fn copies_of_a_message_have_one_key_and_the_most_tokens_count() {
        let line = |id: &str, request: &str, output: u32| {
            format!(
                r#"{{"type":"assistant","requestId":"{request}","timestamp":"2026-01-02T03:04:05Z","message":{{"id":"{id}","usage":{{"output_tokens":{output}}}}}}}"#
            )
        };
        let text = [line("m", "r", 1), line("m", "r", 50), line("m", "s", 3), line("n", "r", 4)].join("\n");
        let (mut messages, _) = read(text.as_bytes());
        assert_eq!(messages[0].key, messages[1].key);
        assert_eq!(messages.iter().map(|message| message.key).collect::<BTreeSet<_>>().len(), 3);
        let later = messages[1].clone();
        messages[0].merge(&later);
        assert_eq!(messages[0].tokens.output, 50);
    }

    #[test]
    fn side_chains_belong_to_their_conversation_and_what_is_shared_is_seen_once() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let id = "01890000-0000-7000-8000-00000000000a";
        let project = dir.path().join("one/projects/-w");
        fs::create_dir_all(project.join(id).join("subagents")).expect("made");
        for file in [format!("{id}.jsonl"), format!("{id}/subagents/agent-1.jsonl"), "agent-2.jsonl".into()] {
            fs::write(project.join(file), "").expect("written");
        }
        fs::write(project.join("notes.txt"), "").expect("written");
        let mut seen = BTreeSet::new();
        let found = all_transcripts(&ground(&dir.path().join("one")), &mut seen);
        let of: Vec<_> = found.iter().map(|found| found.conversation.is_some()).collect();
        assert_eq!(of, [true, true, false]);
        let one = dir.path().join("one");
        let other = ground(&dir.path().join("two"));
        assert_eq!(all_transcripts(&other.clone().sharing(&one.join("projects")), &mut seen), []);
        assert_eq!(all_transcripts(&other.sharing(&one.join("projects")), &mut BTreeSet::new()).len(), 3);
        #[cfg(unix)]
        {
            // A link to everything is looked through by nobody.
            let linked = dir.path().join("three/projects");
            fs::create_dir_all(&linked).expect("made");
            std::os::unix::fs::symlink(&one, linked.join("-x")).expect("linked");
            assert_eq!(all_transcripts(&ground(&dir.path().join("three")), &mut BTreeSet::new()), []);
        }
    }
}
