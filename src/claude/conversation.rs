//! Conversations: the transcripts Claude Code writes below `projects/`.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use uuid::Uuid;

use super::ground::ConfigGround;
use crate::model::{Name, Result};
use crate::os::{EntryKind, Facts, Foreign, Held, WithoutHoles, unfit};

/// One transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id: the name of its file.
    pub id: Uuid,
    /// Its file, `projects/<slug>/<id>.jsonl`.
    pub path: Foreign,
    /// The time it was last written.
    pub modified: SystemTime,
    /// The time its file was made, if the file system says. After `/clear`, 2.1.329 writes the old and
    /// the new transcript within one tick of the clock: this tells which is the new one.
    pub born: Option<SystemTime>,
    /// Its size in bytes.
    pub size: u64,
    slug: String,
}

impl Conversation {
    /// Returns the name of the directory below `projects/` it is in (see [`super::slug`]).
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// Returns the place of the transcript `id` in a config directory, relative to it, where `slug` is the name of the
    /// directory below `projects/`.
    pub fn place(id: Uuid, slug: &str) -> PathBuf {
        Path::new("projects").join(slug).join(format!("{id}.jsonl"))
    }

    /// Returns the path of the directory beside it (subagents, tool results), which need not exist.
    pub fn beside(&self) -> Option<Foreign> {
        Some(self.path.parent()?.join(self.id.to_string()))
    }

    /// Returns true if Claude can resume it: something was said in it. A start that was left at once can
    /// leave a transcript without a message, which `--resume` does not find. Fails if the transcript
    /// cannot be read.
    pub fn is_resumable(&self) -> Result<bool> {
        has_messages(&self.path).map_err(|error| self.path.failure("read", &error))
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

/// Reads the list of conversations on `ground`, newest first. Links are passed over. Fails if any of it
/// cannot be read: taken for empty, it would become a new conversation in place of an old one.
pub fn conversations(ground: &ConfigGround) -> Result<Vec<Conversation>> {
    conversations_below(ground.projects())
}

/// Does the work of [`conversations`] in a directory that stands for `projects`.
pub fn conversations_below(projects: &Foreign) -> Result<Vec<Conversation>> {
    let mut found = Vec::new();
    each_project(projects, |slug, project| {
        for entry in project.entries().map_err(|error| projects.join(slug).failure("list", &error))? {
            if entry.kind == EntryKind::File
                && let Some(id) = id_of(&entry.name)
            {
                found.extend(conversation_at(project, slug, id)?);
            }
        }
        Ok(false)
    })?;
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

/// Looks for the conversation of this id in every project on `ground`. Fails as [`conversations`] does.
pub fn find_conversation(ground: &ConfigGround, id: Uuid) -> Result<Option<Conversation>> {
    let mut found = None;
    each_project(ground.projects(), |slug, project| {
        found = conversation_at(project, slug, id)?;
        Ok(found.is_some())
    })?;
    Ok(found)
}

/// Returns the newest conversation on `ground` that Claude can resume. Fails as [`conversations`] does.
pub fn newest_resumable(ground: &ConfigGround) -> Result<Option<Conversation>> {
    for conversation in conversations(ground)? {
        if conversation.is_resumable()? {
            return Ok(Some(conversation));
        }
    }
    Ok(None)
}

/// Shows `each` the directories in `projects`, until it returns true; none if that does not exist. Links are passed
/// over. One is held open at a time, however many there are.
fn each_project(projects: &Foreign, mut each: impl FnMut(&str, &Held) -> Result<bool>) -> Result<()> {
    let failed = |error: io::Error| projects.failure("list", &error);
    let Some(held) = projects.hold().map_err(failed)? else { return Ok(()) };
    for entry in held.entries().map_err(failed)? {
        let Some(slug) = entry.name.to_str().filter(|_| entry.kind == EntryKind::Directory) else { continue };
        let project = match held.hold(&entry.name) {
            // It went, or became something else, meanwhile.
            Ok(None) => continue,
            Err(error) if unfit(&error).is_some() => continue,
            Ok(Some(project)) => project,
            Err(error) => return Err(projects.join(slug).failure("list", &error)),
        };
        if each(slug, &project)? {
            break;
        }
    }
    Ok(())
}

/// Returns the id of the conversation whose transcript is called `name`.
fn id_of(name: &OsStr) -> Option<Uuid> {
    name.to_str()?.strip_suffix(".jsonl")?.parse().ok()
}

/// Returns the conversation `id` in the directory `project`; `None` if that has no regular file of its name.
fn conversation_at(project: &Held, slug: &str, id: Uuid) -> Result<Option<Conversation>> {
    let name = format!("{id}.jsonl");
    let path = project.path(&name);
    let facts = project.facts(name.as_ref()).map_err(|error| path.failure("read", &error))?;
    let Some(Facts { kind: EntryKind::File, size, modified, born }) = facts else { return Ok(None) };
    Ok(Some(Conversation { id, path, modified, born, size, slug: slug.to_owned() }))
}

/// The most of a line that is kept: what is longer is somebody's file in a message, and says what it is before.
const LONGEST_LINE: usize = 1 << 20;

/// The most of a transcript that is looked through for a message. Each begins with one.
const MOST_LOOKED_THROUGH: u64 = 256 << 20;

/// Returns true if the transcript holds a line that Claude resumes from; reading stops at the first. Each
/// of these types is enough by itself, and lines of side chains are not (2.1.197 and 2.1.329, by
/// experiment).
fn has_messages(path: &Foreign) -> io::Result<bool> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        #[serde(rename = "type", borrow)]
        kind: Option<std::borrow::Cow<'a, str>>,
        #[serde(default)]
        is_sidechain: bool,
    }
    const MESSAGES: [&str; 4] = ["user", "assistant", "system", "attachment"];
    let Some((file, facts)) = path.open()? else { return Err(io::ErrorKind::NotFound.into()) };
    let content = WithoutHoles::new(file, facts.size).take(MOST_LOOKED_THROUGH);
    let mut reader = BufReader::with_capacity(64 << 10, content);
    let mut line = Vec::new();
    while let Some(whole) = read_line(&mut reader, &mut line)? {
        if whole {
            let Ok(line) = serde_json::from_slice::<Line<'_>>(&line) else { continue };
            if !line.is_sidechain && line.kind.as_deref().is_some_and(|kind| MESSAGES.contains(&kind)) {
                return Ok(true);
            }
        } else {
            let has = |key: &str, value: &str| has_bytes(&line, format!("\"{key}\":{value}").as_bytes());
            if !has("isSidechain", "true") && MESSAGES.iter().any(|kind| has("type", &format!("\"{kind}\"")))
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Reads the next line into `line`, at most its first [`LONGEST_LINE`] bytes; the rest of one that is longer is passed
/// over. Returns whether the line is whole; `None` at the end.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut whole = true;
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            filled => filled?,
        };
        if buffer.is_empty() {
            return Ok((!line.is_empty()).then_some(whole));
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(buffer.len(), |at| at + 1);
        let kept = taken.min(LONGEST_LINE - line.len());
        line.extend_from_slice(&buffer[..kept]);
        whole &= kept == taken;
        reader.consume(taken);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

fn has_bytes(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Reads what a transcript says about itself: its beginning and its end, never all of a long one.
/// A title that is only `name`, the session's own, is no title.
pub fn about(conversation: &Conversation, name: &Name) -> About {
    const HEAD: u64 = 32 << 10;
    const TAIL: u64 = 32 << 10;
    let mut about = Gathered::default();
    let Ok(Some((mut file, _))) = conversation.path.open() else { return About::default() };
    let mut bytes = Vec::new();
    if (&mut file).take(HEAD).read_to_end(&mut bytes).is_err() {
        return About::default();
    }
    about.read(&bytes);
    if conversation.size > HEAD {
        bytes.clear();
        let from = conversation.size.saturating_sub(TAIL).max(HEAD);
        let read = file.seek(io::SeekFrom::Start(from)).and_then(|_| file.take(TAIL).read_to_end(&mut bytes));
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
    use std::fs::{self, File};

    use super::*;

    fn ground(config: &Path) -> ConfigGround {
        ConfigGround::of_profile(config)
    }

    /// The conversation whose transcript is at `path`, as it is found.
    fn found(config: &Path, path: &Path) -> Conversation {
        let id = id_of(path.file_name().expect("a name")).expect("an id");
        find_conversation(&ground(config), id).expect("read").expect("there")
    }

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
        assert_eq!(newest_resumable(&ground(dir.path())).expect("read"), None);
        let older = transcript(dir.path(), "-w", A, &[SAID]);
        let newer = transcript(dir.path(), "-w", B, &[r#"{"type":"custom-title","customTitle":"x"}"#]);
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        File::options().append(true).open(&newer).and_then(|file| file.set_modified(later)).expect("touched");
        transcript(dir.path(), "-w", "agent-123", &[SAID]);
        assert_eq!(conversations(&ground(dir.path())).expect("read").len(), 2);
        assert_eq!(
            newest_resumable(&ground(dir.path())).expect("read").map(|found| found.path.told()),
            Some(older.into())
        );
        fs::write(&newer, SAID).expect("written");
        File::options().append(true).open(&newer).and_then(|file| file.set_modified(later)).expect("touched");
        assert_eq!(
            newest_resumable(&ground(dir.path())).expect("read").map(|found| found.path.told()),
            Some(newer.clone().into())
        );
        fs::write(&newer, r#"{"type":"user","isSidechain":true}"#).expect("written");
        assert!(!found(dir.path(), &newer).is_resumable().expect("read"), "a side chain is no conversation");
    }

    #[test]
    fn what_cannot_be_read_is_a_failure_and_not_an_empty_past() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("projects"), "a file in its place").expect("written");
        assert!(conversations(&ground(dir.path())).is_err());
        assert!(newest_resumable(&ground(dir.path())).is_err());
        assert_eq!(conversations(&ground(&dir.path().join("elsewhere"))), Ok(Vec::new()));
    }

    #[test]
    fn a_title_is_the_persons_then_claudes_then_the_prompt() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let title = |lines: &[&str]| {
            let path = transcript(dir.path(), "-w", A, lines);
            about(&found(dir.path(), &path), &Name::suggest("api")).title
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

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_is_no_conversation() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (mine, theirs) = (dir.path().join("mine"), dir.path().join("theirs"));
        let real = transcript(&theirs, "-secret", A, &[SAID]);
        fs::create_dir_all(mine.join("projects/-w")).expect("made");
        symlink(theirs.join("projects/-secret"), mine.join("projects/-x")).expect("linked");
        symlink(&real, mine.join(format!("projects/-w/{B}.jsonl"))).expect("linked");
        assert_eq!(conversations(&ground(&mine)), Ok(Vec::new()));
        assert_eq!(find_conversation(&ground(&mine), B.parse().expect("an id")), Ok(None));
        assert_eq!(find_conversation(&ground(&mine), A.parse().expect("an id")), Ok(None));
        // The control: it is one where it really is, and through a link that is the person's.
        assert_eq!(conversations(&ground(&theirs)).expect("read").len(), 1);
        symlink(theirs.join("projects"), dir.path().join("projects")).expect("linked");
        assert_eq!(conversations(&ground(dir.path())).expect("read").len(), 1);
        let own = crate::model::SessionPaths {
            root: dir.path().to_path_buf(),
            config: dir.path().to_path_buf(),
            state: dir.path().join(".claude.json"),
            home: None,
        };
        let own = ConfigGround::of(&own);
        assert!(conversations(&own).is_err(), "one of a session's own is not followed");
        assert_eq!(conversations(&own.sharing(&theirs.join("projects"))).expect("read").len(), 1);
    }

    #[test]
    fn a_line_without_end_is_looked_at_only_as_far_as_it_says_what_it_is() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let resumable = |text: &[u8], sparse: u64| {
            let path = transcript(dir.path(), "-w", A, &[]);
            fs::write(&path, text).expect("written");
            let file = File::options().append(true).open(&path).expect("opened");
            file.set_len(text.len() as u64 + sparse).expect("made longer");
            found(dir.path(), &path).is_resumable().expect("read")
        };
        assert!(!resumable(b"", 3 << 30), "three gigabytes of nothing");
        let large = |start: &str| {
            let mut line = format!("{{{start},\"message\":{{\"content\":\"").into_bytes();
            line.resize(40 << 20, b'a');
            line.extend(b"\"}}\n");
            line
        };
        assert!(resumable(&large(r#""isSidechain":false,"type":"user""#), 0));
        assert!(!resumable(&large(r#""isSidechain":true,"type":"user""#), 0));
        assert!(!resumable(&large(r#""type":"file-history-snapshot""#), 0));
        let mut after = large(r#""type":"file-history-snapshot""#);
        after.extend(SAID.as_bytes());
        assert!(resumable(&after, 0));
    }
}
