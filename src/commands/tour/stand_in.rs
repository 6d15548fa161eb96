//! A stand-in for Claude Code, for the tour on a machine without it. It converses with nobody, but
//! treats its config directory as Claude does (2.1.197, by experiment): it keeps a state file, a
//! transcript under the slug of the directory, a prompt history and a live file, takes
//! `--session-id` and `--resume` as strictly, and remembers through the transcript alone.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::claude;
use crate::model::verb::Internal;
use crate::model::{Failure, Outcome, Result};
use crate::os;
use crate::work::context::Context;

/// Makes a program in `directory` that is the stand-in: this very binary, which is what the word says that it
/// is started by. A link would not do, as whoever follows it finds `cs`.
pub(super) fn install(program: &Path, directory: &Path) -> Result<PathBuf> {
    let path = directory.join(Internal::StandIn.word()).with_extension(std::env::consts::EXE_EXTENSION);
    let failed = |error| Failure::io("create", &path, &error);
    os::create_private_dirs(directory).map_err(failed)?;
    fs::copy(program, &path).map_err(failed)?;
    Ok(path)
}

/// Answers as the stand-in.
pub(in super::super) fn run(context: &Context, arguments: &[OsString]) -> Result<Outcome> {
    let arguments: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    if arguments.contains(&"--version") {
        println!("{} (stand-in)", env!("CARGO_PKG_VERSION"));
        return Ok(Outcome::Done);
    }
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| *argument == flag)?;
        arguments.get(at + 1).copied()
    };
    let config = match context.variable("CLAUDE_CONFIG_DIR") {
        Some(config) => PathBuf::from(config),
        None => context.home()?.join(".claude"),
    };
    let said = converse(&config, after("--session-id"), after("--resume"), after("-p").unwrap_or("hello"));
    match said {
        Ok(reply) => {
            println!("{reply}");
            Ok(Outcome::Done)
        }
        Err(error) => {
            eprintln!("Error: {error}");
            Ok(Outcome::Code(1))
        }
    }
}

fn converse(config: &Path, new: Option<&str>, resumed: Option<&str>, prompt: &str) -> io::Result<String> {
    let directory = os::current_directory()?;
    let project = config.join("projects").join(claude::slug(&os::real_path(&directory)?));
    let transcript = match (resumed, new) {
        (Some(file), _) if Path::new(file).is_absolute() => PathBuf::from(file),
        (Some(id), _) | (None, Some(id)) => project.join(format!("{id}.jsonl")),
        (None, None) => project.join(format!("{}.jsonl", Uuid::now_v7())),
    };
    if resumed.is_some() && !transcript.is_file() {
        return Err(io::Error::other("No conversation found"));
    }
    if resumed.is_none() && transcript.exists() {
        return Err(io::Error::other("Session ID is already in use."));
    }
    os::create_private_dirs(&project)?;
    os::create_private_dirs(&config.join("sessions"))?;
    os::publish_file(&config.join(".claude.json"), b"{\"numStartups\": 1}\n")?;

    let id = transcript.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let pid = std::process::id();
    let live = config.join("sessions").join(format!("{pid}.json"));
    let about = json!({"pid": pid, "sessionId": id, "cwd": directory.to_string_lossy(),
                       "procStart": os::start_time(pid).unwrap_or_default(), "status": "busy"});
    fs::write(&live, about.to_string())?;
    let earlier = prompts(&transcript);
    let reply = match earlier.last() {
        Some(last) => format!("earlier you said \"{last}\""),
        None => "noted".to_owned(),
    };
    // Long enough for the tour to see two of them at work.
    std::thread::sleep(Duration::from_millis(if resumed.is_some() { 0 } else { 600 }));
    let message = |kind: &str, content: &str| {
        json!({"type": kind, "sessionId": id, "cwd": directory.to_string_lossy(),
               "timestamp": jiff::Timestamp::now(), "message": {"role": kind, "content": content}})
    };
    append(&transcript, &[message("user", prompt), message("assistant", &reply)])?;
    append(
        &config.join("history.jsonl"),
        &[json!({"display": prompt, "project": directory.to_string_lossy()})],
    )?;
    fs::remove_file(&live)?;
    Ok(reply)
}

/// The prompts in a transcript, oldest first.
pub(super) fn prompts(transcript: &Path) -> Vec<String> {
    let text = fs::read_to_string(transcript).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["type"] == "user")
        .filter_map(|line| line["message"]["content"].as_str().map(str::to_owned))
        .collect()
}

fn append(path: &Path, lines: &[Value]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    lines.iter().try_for_each(|line| writeln!(file, "{line}"))
}
