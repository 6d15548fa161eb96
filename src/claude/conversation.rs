//! Conversations: the transcripts Claude Code writes below `projects/`.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use uuid::Uuid;

use crate::model::{Failure, Name, Result};

/// One transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id: the name of its file.
    pub id: Uuid,
    /// Its file, `projects/<slug>/<id>.jsonl`.
    pub path: PathBuf,
    /// The time it was last written.
    pub modified: SystemTime,
    /// The time its file was made, if the file system says. After `/clear`, 2.1.329 writes the old and
    /// the new transcript within one tick of the clock: this tells which is the new one.
    pub born: Option<SystemTime>,
    /// Its size in bytes.
    pub size: u64,
}

impl Conversation {
    /// Returns the name of the directory below `projects/` it is in (see [`super::slug`]).
    pub fn slug(&self) -> &str {
        self.path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Returns the place of the transcript `id` in a config directory, relative to it, where `slug` is the name of the
    /// directory below `projects/`.
    pub fn place(id: Uuid, slug: &str) -> PathBuf {
        Path::new("projects").join(slug).join(format!("{id}.jsonl"))
    }

    /// Returns the path of the directory beside it (subagents, tool results), which need not exist.
    pub fn beside(&self) -> PathBuf {
        self.path.with_extension("")
    }

    /// Reads the transcript up to its last whole line: it may be written to meanwhile.
    pub fn whole_lines(&self) -> io::Result<Vec<u8>> {
        let mut text = fs::read(&self.path)?;
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
        Ok(text)
    }

    /// Returns true if Claude can resume it: something was said in it. A start that was left at once can
    /// leave a transcript without a message, which `--resume` does not find. Fails if the transcript
    /// cannot be read.
    pub fn is_resumable(&self) -> Result<bool> {
        has_messages(&self.path).map_err(|error| Failure::io("read", &self.path, &error))
    }
}

/// The facts that a transcript holds about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The title it was given: by a person, else by Claude, else its last or first prompt. Text of
    /// others: escape it before it is shown.
    pub title: Option<String>,
    /// The title a person gave it: by `-n`, as `cs` does with the session's name, or by `/rename`.
    pub given: Option<String>,
    /// The git branch it was last on.
    pub branch: Option<String>,
    /// The directory it was last in.
    pub directory: Option<String>,
}

/// Reads the list of conversations in the config directory `config`, newest first. Fails if any of it
/// cannot be read: taken for empty, it would become a new conversation in place of an old one.
pub fn conversations(config: &Path) -> Result<Vec<Conversation>> {
    conversations_below(&config.join("projects"))
}

/// Does the work of [`conversations`] in a directory that stands for `projects`.
pub fn conversations_below(projects: &Path) -> Result<Vec<Conversation>> {
    let mut found = Vec::new();
    for project in directories(projects)? {
        for file in entries(&project)? {
            found.extend(conversation_at(&file)?);
        }
    }
    found.sort_by_key(|found: &Conversation| std::cmp::Reverse((found.modified, found.born, found.id)));
    Ok(found)
}

/// Returns the conversation that the file or directory `path`, relative to `projects`, belongs to: a
/// transcript, or what Claude keeps beside it. `None` if it belongs to none.
pub fn conversation_of(path: &Path) -> Option<Uuid> {
    let name = path.components().nth(1)?.as_os_str().to_str()?;
    name.strip_suffix(".jsonl").unwrap_or(name).parse().ok()
}

/// Returns the conversation in which a line of `history.jsonl`, one prompt, was said.
pub fn said_in(line: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Prompt {
        session_id: Option<Uuid>,
    }
    serde_json::from_str::<Prompt>(line).ok()?.session_id
}

/// Looks for the conversation of this id in every project of `config`. Fails as [`conversations`] does.
pub fn find_conversation(config: &Path, id: Uuid) -> Result<Option<Conversation>> {
    let name = format!("{id}.jsonl");
    for project in directories(&config.join("projects"))? {
        if let Some(found) = conversation_at(&project.join(&name))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Returns the newest conversation in `config` that Claude can resume. Fails as [`conversations`] does.
pub fn newest_resumable(config: &Path) -> Result<Option<Conversation>> {
    for conversation in conversations(config)? {
        if conversation.is_resumable()? {
            return Ok(Some(conversation));
        }
    }
    Ok(None)
}

/// Returns the directories in `path`; empty if `path` does not exist.
fn directories(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(path)?.into_iter().filter(|entry| entry.is_dir()).collect())
}

/// Returns the entries of the directory `path`; empty if it does not exist, or went meanwhile.
fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Failure::io("list", path, &error);
    match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

/// Returns the conversation whose transcript is the file `path`; `None` if that is no transcript, or does
/// not exist.
fn conversation_at(path: &Path) -> Result<Option<Conversation>> {
    let stem = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".jsonl"));
    let Some(id) = stem.and_then(|stem| stem.parse().ok()) else { return Ok(None) };
    let about = match path.metadata() {
        Ok(about) if about.is_file() => about,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("read", path, &error)),
    };
    let modified = about.modified().map_err(|error| Failure::io("read", path, &error))?;
    Ok(Some(Conversation {
        id,
        path: path.to_path_buf(),
        modified,
        born: about.created().ok(),
        size: about.len(),
    }))
}

/// Returns true if the transcript holds a line that Claude resumes from; reading stops at the first. Each
/// of these types is enough by itself, and lines of side chains are not (2.1.197 and 2.1.329, by
/// experiment).
fn has_messages(path: &Path) -> io::Result<bool> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        #[serde(rename = "type", borrow)]
        kind: Option<std::borrow::Cow<'a, str>>,
        #[serde(default)]
        is_sidechain: bool,
    }
    let file = File::open(path)?;
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        let Ok(line) = serde_json::from_slice::<Line<'_>>(&line) else { continue };
        if !line.is_sidechain
            && matches!(line.kind.as_deref(), Some("user" | "assistant" | "system" | "attachment"))
        {
            return Ok(true);
        }
    }
}

/// Reads what a transcript says about itself: its beginning and its end, never all of a long one.
/// A title that is only `name`, the session's own, is no title.
pub fn about(conversation: &Conversation, name: &Name) -> About {
    const HEAD: u64 = 32 << 10;
    const TAIL: u64 = 32 << 10;
    let mut about = Gathered::default();
    let Ok(mut file) = File::open(&conversation.path) else { return About::default() };
    let mut bytes = Vec::new();
    if (&mut file).take(HEAD).read_to_end(&mut bytes).is_err() {
        return About::default();
    }
    about.read(&bytes);
    if conversation.size > HEAD {
        bytes.clear();
        let from = conversation.size.saturating_sub(TAIL).max(HEAD);
        let read = io::Seek::seek(&mut file, io::SeekFrom::Start(from))
            .and_then(|_| file.take(TAIL).read_to_end(&mut bytes));
        if read.is_ok() {
            // The first line of the end is most likely the rest of one.
            let whole = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            about.read(&bytes[whole..]);
        }
    }
    about.finish(name)
}

#[derive(Default)]
struct Gathered {
    custom: Option<String>,
    generated: Option<String>,
    last_prompt: Option<String>,
    first_prompt: Option<String>,
    branch: Option<String>,
    directory: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "type")]
    kind: Option<String>,
    custom_title: Option<String>,
    ai_title: Option<String>,
    summary: Option<String>,
    last_prompt: Option<String>,
    git_branch: Option<String>,
    cwd: Option<String>,
    #[serde(default)]
    is_meta: bool,
    #[serde(default)]
    is_sidechain: bool,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<serde_json::Value>,
}

impl Gathered {
    fn read(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(line) = serde_json::from_slice::<Line>(line) else { continue };
            if line.git_branch.as_deref().is_some_and(|branch| !matches!(branch, "" | "HEAD")) {
                self.branch = line.git_branch;
            }
            self.directory = line.cwd.or(self.directory.take());
            match line.kind.as_deref() {
                Some("custom-title") => self.custom = line.custom_title,
                Some("ai-title") => self.generated = line.ai_title,
                Some("summary") => self.generated = line.summary,
                Some("last-prompt") => self.last_prompt = line.last_prompt,
                Some("user") if self.first_prompt.is_none() && !line.is_meta && !line.is_sidechain => {
                    self.first_prompt = line.message.and_then(|message| prompt_text(message.content?));
                }
                _ => {}
            }
        }
    }

    fn finish(self, name: &Name) -> About {
        let given = self.custom;
        let custom = given.clone().filter(|title| title != name.as_str());
        let title = custom.or(self.generated).or(self.first_prompt).or(self.last_prompt);
        About {
            title: title.map(|title| first_line(&title)),
            given,
            branch: self.branch,
            directory: self.directory,
        }
    }
}

fn prompt_text(content: serde_json::Value) -> Option<String> {
    let text = match content {
        serde_json::Value::String(text) => text,
        serde_json::Value::Array(parts) => {
            parts.iter().find_map(|part| part.get("text")?.as_str().map(str::to_owned))?
        }
        _ => return None,
    };
    // Commands and their output are wrapped in tags of Claude's own.
    (!text.trim_start().starts_with('<') && !text.trim().is_empty()).then_some(text)
}

fn first_line(text: &str) -> String {
    const MOST: usize = 200;
    text.trim().lines().next().unwrap_or_default().chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn transcript(config: &Path, slug: &str, id: &str, lines: &[&str]) -> PathBuf {
        let dir = config.join("projects").join(slug);
        fs::create_dir_all(&dir).expect("made");
        let path = dir.join(format!("{id}.jsonl"));
        fs::write(&path, lines.join("\n") + "\n").expect("written");
        path
    }

    const A: &str = "01890000-0000-7000-8000-00000000000a";
    const B: &str = "01890000-0000-7000-8000-00000000000b";
    const SAID: &str = r#"{"type":"user","cwd":"/w","gitBranch":"main","message":{"role":"user","content":"fix the bug\nplease"}}"#;

    #[test]
    fn the_newest_conversation_in_which_something_was_said_is_resumed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(newest_resumable(dir.path()).expect("read"), None);
        let older = transcript(dir.path(), "-w", A, &[SAID]);
        let newer = transcript(dir.path(), "-w", B, &[r#"{"type":"custom-title","customTitle":"x"}"#]);
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        File::options().append(true).open(&newer).and_then(|file| file.set_modified(later)).expect("touched");
        transcript(dir.path(), "-w", "agent-123", &[SAID]);
        assert_eq!(conversations(dir.path()).expect("read").len(), 2);
        assert_eq!(newest_resumable(dir.path()).expect("read").map(|found| found.path), Some(older));
        fs::write(&newer, SAID).expect("written");
        File::options().append(true).open(&newer).and_then(|file| file.set_modified(later)).expect("touched");
        assert_eq!(newest_resumable(dir.path()).expect("read").map(|found| found.path), Some(newer.clone()));
        fs::write(&newer, r#"{"type":"user","isSidechain":true}"#).expect("written");
        assert!(
            !conversation_at(&newer).expect("read").expect("there").is_resumable().expect("read"),
            "a side chain is no conversation"
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_failure_and_not_an_empty_past() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("projects"), "a file in its place").expect("written");
        assert!(conversations(dir.path()).is_err());
        assert!(newest_resumable(dir.path()).is_err());
        assert_eq!(conversations(&dir.path().join("elsewhere")), Ok(Vec::new()));
    }

    #[test]
    fn a_title_is_the_persons_then_claudes_then_the_prompt() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let title = |lines: &[&str]| {
            let path = transcript(dir.path(), "-w", A, lines);
            about(&conversation_at(&path).expect("read").expect("there"), &Name::suggest("api")).title
        };
        assert_eq!(title(&[SAID]).as_deref(), Some("fix the bug"));
        let ai = r#"{"type":"ai-title","aiTitle":"Bug fixed"}"#;
        assert_eq!(title(&[SAID, ai]).as_deref(), Some("Bug fixed"));
        let custom = r#"{"type":"custom-title","customTitle":"mine"}"#;
        assert_eq!(title(&[custom, SAID, ai]).as_deref(), Some("mine"));
        let name = r#"{"type":"custom-title","customTitle":"api"}"#;
        assert_eq!(title(&[name, SAID]).as_deref(), Some("fix the bug"), "the session's own name");
        assert_eq!(title(&["{torn", "[]", "\u{7}"]), None);
    }

    #[test]
    fn what_is_copied_ends_at_the_last_whole_line() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = transcript(dir.path(), "-w", A, &[SAID]);
        let found = conversation_at(&path).expect("read").expect("there");
        File::options()
            .append(true)
            .open(&path)
            .and_then(|mut f| f.write_all(b"{\"type\":\"us"))
            .expect("torn");
        assert_eq!(found.whole_lines().expect("read"), format!("{SAID}\n").into_bytes());
        assert_eq!(dir.path().join(Conversation::place(found.id, found.slug())), path);
        fs::write(&path, "torn").expect("written");
        assert_eq!(found.whole_lines().expect("read"), b"");
    }
}
