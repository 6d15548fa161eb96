//! How a session's settings reach Claude: on its command line, or in a file that only their owner may read.
//!
//! Everybody on the machine may read a command line, and one word of it holds 128 KiB (Linux). So what stands in a
//! file that a person names is merged with ours into a file of the session's own, and its path is given. Ours alone
//! hold no secret: they are given as text, which costs a launch no write.
//!
//! When Claude reads a file of `--settings` (2.1.329, by experiment): once, as it starts. It does not look again,
//! whether the file is changed or removed. A background job (`--bg`, `/background`) reads it when it begins, and
//! again whenever it is started anew (`claude respawn`, `attach`): the arguments, with the whole path, stand in
//! `jobs/<id>/state.json`, and without the file the job ends with "Settings file not found". So each launch has a
//! file of its own, which nobody writes to again, and it stays for as long as a job names it
//! ([`kept_by_jobs`](super::kept_by_jobs)). A FIFO, a device or a file that is not there ends Claude; a file that is
//! no JSON object has no effect, and Claude says so; an empty one is none.
//!
//! See docs/decisions/016-settings-that-a-person-names-go-into-a-private-file.md

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::arguments::settings_argument;
use super::settings::{merged_settings, rooted};
use crate::model::{Failure, Mounts, SettingsFile};

/// The longest settings that are given as text: a word may have 128 KiB on Linux, a whole command line 32,767
/// characters on Windows.
const LONGEST: usize = if cfg!(windows) { 8 << 10 } else { 64 << 10 };

/// A file of settings that a person's arguments name, looked at from where they were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// Its path, as Claude is to be given it: one that is relative is meant from where it was typed.
    pub path: PathBuf,
    /// What stands in it, or why that cannot be merged; `None` if there is no such file.
    pub text: Option<Result<Text, String>>,
    /// Where it really is: paths in it may be meant from its directory.
    pub real: PathBuf,
    /// True if no link led there: what it is called is what it is.
    pub direct: bool,
}

impl NamedFile {
    /// Refuses to let what stands in the file into a sandbox with `mounts` where that is not what was named. A program
    /// in there can put a link in the place of any file it may write, to one that it could not read.
    pub(super) fn refuse_led_out(&self, mounts: &Mounts) -> crate::model::Result<()> {
        let is_read = matches!(self.text, Some(Ok(_)));
        if !is_read || self.direct || mounts.holds(&self.real) {
            return Ok(());
        }
        let (path, real) = (self.path.display(), self.real.display());
        Err(Failure::refused(format!("{path} leads to {real}, which is not in the sandbox"))
            .hint(format!("if that is meant, name it: --settings {real}")))
    }
}

/// Text that is shown nowhere: a token may be in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl std::fmt::Debug for Text {
    /// Writes how long it is, and no more.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// The place of the settings files of a session: outside of what Claude writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsPlace {
    /// Their directory.
    pub directory: PathBuf,
    /// The same directory without links, as Claude is given it: in a sandbox there are no others.
    pub real: PathBuf,
    /// The name of the next one, which none ever had.
    pub name: String,
    /// Those of earlier launches that nothing reads any more.
    pub outdated: Vec<PathBuf>,
}

/// The words that Claude is started with, after its program and what says which conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Injected {
    /// The words, a person's among them.
    pub words: Vec<OsString>,
    /// The file they name.
    pub file: Option<SettingsFile>,
    /// The path that they name it by.
    pub given: Option<PathBuf>,
    /// A line that a person should read.
    pub notice: Option<String>,
}

/// Adds the settings `ours`, if there are any, to the words of a person. What they give is merged, and is on top.
pub(super) fn inject(
    ours: Option<Value>,
    arguments: &[OsString],
    named: Option<&NamedFile>,
    place: Option<&SettingsPlace>,
) -> Injected {
    let mut words = arguments.to_vec();
    let Some(theirs) = settings_argument(arguments) else {
        let Some(ours) = ours else { return Injected { words, ..Injected::default() } };
        let (value, file, given) = Settings { text: ours.to_string(), private: false }.placed(place);
        words.splice(..0, ["--settings".into(), value]);
        return Injected { words, file, given, notice: None };
    };
    let mut injected = Injected::default();
    let merged = match (theirs.inline(), named) {
        (Some(text), _) => ours.and_then(|ours| {
            let text = if text.is_empty() { "{}" } else { text };
            // Claude says what is wrong with them, and ends.
            Some(Settings { text: merged_settings(&ours, parsed(text)?)?.to_string(), private: false })
        }),
        (None, Some(named)) => {
            let merged = ours.and_then(|ours| match merged_with(&ours, named) {
                Ok(merged) => merged,
                Err(why) => {
                    let path = named.path.display();
                    injected.notice =
                        Some(format!("{path} goes to Claude without the settings that cs adds: {why}"));
                    None
                }
            });
            words[theirs.index] = theirs.with(named.path.as_os_str());
            merged.map(|text| Settings { text, private: true })
        }
        (None, None) => None,
    };
    if let Some(settings) = merged {
        let (value, file, given) = settings.placed(place);
        words[theirs.index] = theirs.with(&value);
        (injected.file, injected.given) = (file, given);
    }
    Injected { words, ..injected }
}

/// Settings for Claude.
struct Settings {
    text: String,
    /// Whether nobody else may read them.
    private: bool,
}

impl Settings {
    /// Returns what is given for them: themselves, or the path of their file, which is returned too.
    fn placed(self, place: Option<&SettingsPlace>) -> (OsString, Option<SettingsFile>, Option<PathBuf>) {
        match place {
            Some(place) if self.private || self.text.len() > LONGEST => {
                let given = place.real.join(&place.name);
                let file = SettingsFile { path: place.directory.join(&place.name), content: self.text };
                (given.clone().into(), Some(file), Some(given))
            }
            _ => (self.text.into(), None, None),
        }
    }
}

/// Returns `ours` with what stands in the file `named` on top; `None` if there is no such file, of which Claude says
/// so. Fails with the reason why that cannot be.
fn merged_with(ours: &Value, named: &NamedFile) -> Result<Option<String>, String> {
    let text = match &named.text {
        None => return Ok(None),
        Some(Ok(Text(text))) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Some(Err(why)) => return Err(why.clone()),
    };
    // Claude takes an empty file for none.
    let theirs = if text.is_empty() { Some(Map::new()) } else { parsed(text) };
    let theirs = theirs.ok_or("it is no JSON object")?;
    let merged = merged_settings(ours, rooted(theirs, named.real.parent().unwrap_or(&named.real)));
    Ok(merged.map(|merged| merged.to_string()))
}

fn parsed(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text.trim()).ok()? {
        Value::Object(settings) => Some(settings),
        _ => None,
    }
}
