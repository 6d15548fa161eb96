//! Writing records and conversations into a file, never a login.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tar::{Builder, EntryType, Header};

use super::archive::{
    DEEPEST, END, End, Listed, MANIFEST, Manifest, SecretLines, VERSION, check_inside, holds_secret,
};
use crate::claude::{self, CONVERSATIONS, ConfigGround, OWN};
use crate::model::{Failure, Isolation, Name, Result, Session, SessionPaths, VarName};
use crate::os::{self, EntryKind, Foreign, Unfit};
use crate::store::Store;
use crate::ui;
use crate::work::context::Context;
use crate::work::conversations::Own;
use crate::work::history;
use crate::work::open;
use crate::work::removal::paths_of;

/// Returns the sessions of these names, and `all` others if so. Tells of those that cannot be read.
pub(crate) fn chosen(context: &Context, names: &[String], all: bool) -> Result<Vec<Session>> {
    let mut sessions: Vec<Session> = Vec::new();
    if all {
        for entry in context.store()?.sessions()? {
            match entry.record {
                Ok(session) => sessions.push(session),
                // Who can read it in a moment wants it in the file.
                Err(damage) if damage.is_unread() => {
                    return Err(context.store()?.unread_session(entry.id, &damage));
                }
                Err(damage) => {
                    context.goes_without(&format!("not in the file: session {}: {damage}", entry.id));
                }
            }
        }
    }
    for name in names {
        let session = context.store()?.session_named(&Context::new_name(name)?)?;
        let session = session.ok_or_else(|| context.unknown("session", name))?;
        if !sessions.contains(&session) {
            sessions.push(session);
        }
    }
    Ok(sessions)
}

/// Writes a file beside `path` by `write`, 0600, and gives it that name when it is whole. Returns its size.
fn into_file(path: &Path, force: bool, write: impl FnOnce(&File) -> io::Result<()>) -> Result<u64> {
    let name = path.file_name().ok_or_else(|| Failure::usage(format!("{} names no file", path.display())))?;
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.new", uuid::Uuid::now_v7().simple()));
    let beside = path.with_file_name(beside);
    let file = os::new_private_file(&beside).map_err(|error| failed(path, &error))?;
    let finish = || -> Result<u64> {
        write(&file).and_then(|()| file.sync_all()).map_err(|error| failed(path, &error))?;
        let size = file.metadata().map_err(|error| failed(path, &error))?.len();
        if force {
            os::put_in_place(&beside, path).map_err(|error| failed(path, &error))?;
        } else {
            os::publish_dir(&beside, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Failure::refused(format!("{} is there already", path.display()))
                }
                _ => failed(path, &error),
            })?;
        }
        Ok(size)
    };
    finish().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::io("write", path, error)
}

/// A file of a session that goes into the export, not opened yet.
struct SourceFile {
    /// Its path in the session's config directory.
    inside: String,
    path: Foreign,
    modified: std::time::SystemTime,
}

/// A session and its files.
struct Part {
    session: Session,
    files: Vec<SourceFile>,
}

/// All that goes into the file.
pub(crate) struct Export {
    created: jiff::Timestamp,
    parts: Vec<Part>,
    profiles: Vec<(Name, String)>,
    files: u64,
    flagged: Vec<String>,
    secret_lines: u64,
    vanished: u64,
    /// What was no file to be read through, and why.
    unfit: Vec<String>,
}

impl Export {
    /// Looks at what is to be in the file: `sessions`, and with `profiles` the records of all profiles. Tells the
    /// person what of it is left out, and `at` which session it has come to.
    pub(crate) fn prepare(
        context: &Context,
        sessions: Vec<Session>,
        profiles: bool,
        at: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let store = context.store()?;
        let mut export = Self {
            created: jiff::Timestamp::now(),
            parts: Vec::new(),
            profiles: Vec::new(),
            files: 0,
            flagged: Vec::new(),
            secret_lines: 0,
            vanished: 0,
            unfit: Vec::new(),
        };
        for session in sessions {
            at(session.name.as_str());
            let (paths, profile) = paths_of(context, &session)?;
            let run = store.last_run(&store.session_run_path(session.id));
            if let Some(open) = open::open_state(&session, &paths, run.as_ref()) {
                context.say(&format!(
                    "session '{}' is open (pid {}): what is said from now on is not in the file",
                    session.name, open.pid
                ));
            }
            if profile.is_none() && session.isolation == Isolation::None {
                context.say(&format!(
                    "session '{}': its profile is gone, and its conversations with it",
                    session.name
                ));
                export.parts.push(Part { session, files: Vec::new() });
                continue;
            }
            let ground = history::ground_left(store, &session, &paths, profile.as_ref());
            let files = files_of(context, &session, &paths, &ground, run.as_ref())?;
            export.flagged.extend(flagged(&session, &files));
            export.parts.push(Part { session, files });
        }
        if profiles {
            for entry in store.profiles(&context.home()?)? {
                if entry.name.is_default() {
                    continue;
                }
                if let Some(damage) = entry.profile.as_ref().err().filter(|damage| damage.is_unread()) {
                    return Err(store.unread_profile(&entry.name, damage));
                }
                if let Err(damage) = &entry.profile {
                    context.goes_without(&format!("not in the file: profile '{}': {damage}", entry.name));
                    continue;
                }
                let secret = |name: &VarName, value: &str| {
                    claude::looks_secret(name.as_str()) || holds_secret(value.as_bytes())
                };
                let (text, left_out) = store.portable_profile(&entry.name, secret)?;
                if !left_out.is_empty() {
                    context.say(&format!("profile '{}': left out: {}", entry.name, left_out.join(", ")));
                }
                export.profiles.push((entry.name, text));
            }
        }
        Ok(export)
    }

    /// Returns what is in the file, in words.
    pub(crate) fn summary(&self) -> String {
        let sessions = ui::count(self.parts.len(), "session");
        match self.profiles.len() {
            0 => sessions,
            number => format!("{sessions} and the records of {}", ui::count(number, "profile")),
        }
    }

    /// Returns what a person should know of the file that was written, a line each: where something stands that looks
    /// like a secret, and never what it is.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let flagged = self.flagged.iter();
        let mut lines: Vec<String> =
            flagged.map(|place| format!("looks like a secret, and is in the file: {place}")).collect();
        if self.secret_lines > 0 {
            let count = ui::count(usize::try_from(self.secret_lines).unwrap_or(usize::MAX), "line");
            lines.push(format!("{count} of conversations look like a secret; keep the file private"));
        }
        if self.vanished > 0 {
            lines.push(format!("{} files went while they were read, and are not in it", self.vanished));
        }
        lines
    }

    /// Returns the failure to put something into the file that was written, if there is something. Each line of what is
    /// missing is its own hint.
    pub(crate) fn incomplete(&self) -> Option<Failure> {
        let count = (!self.unfit.is_empty()).then(|| ui::count(self.unfit.len(), "file"))?;
        let failure = Failure::failed(format!("not in the export: {count} that cannot be read"));
        Some(self.unfit.iter().take(20).fold(failure, |failure, line| failure.hint(line.clone())))
    }

    /// Writes the file `path`, compressed if its name says so, whole or not at all, and tells `at` which of the
    /// session's files it has come to. Returns its size. Refused if something is there and `replace` does not say that
    /// it goes.
    pub(crate) fn write_file(&mut self, path: &Path, replace: bool, at: &mut dyn FnMut(&str)) -> Result<u64> {
        into_file(path, replace, |file| {
            let zipped = matches!(path.extension().and_then(|end| end.to_str()), Some("gz" | "tgz"));
            self.write_to(BufWriter::new(file), zipped, at)
        })
    }

    /// Writes it all to `out`, not compressed.
    pub(crate) fn write_plain(&mut self, out: impl Write, at: &mut dyn FnMut(&str)) -> io::Result<()> {
        self.write_to(BufWriter::new(out), false, at)
    }

    fn write_to(&mut self, out: impl Write, zipped: bool, at: &mut dyn FnMut(&str)) -> io::Result<()> {
        if zipped {
            let mut out = self.entries(GzEncoder::new(out, Compression::default()), at)?;
            out.try_finish()?;
            out.get_mut().flush()
        } else {
            self.entries(out, at)?.flush()
        }
    }

    fn entries<W: Write>(&mut self, out: W, at: &mut dyn FnMut(&str)) -> io::Result<W> {
        let mut tar = Builder::new(out);
        let manifest = Manifest {
            version: VERSION,
            created: self.created,
            cs: env!("CARGO_PKG_VERSION").to_owned(),
            sessions: self
                .parts
                .iter()
                .map(|part| Listed {
                    id: part.session.id,
                    name: part.session.name.to_string(),
                    files: part.files.len() as u64,
                })
                .collect(),
            profiles: self.profiles.iter().map(|(name, _)| name.to_string()).collect(),
        };
        self.add(&mut tar, MANIFEST, as_toml(&manifest)?.as_bytes())?;
        for number in 0..self.profiles.len() {
            let (name, record) = self.profiles[number].clone();
            self.add(&mut tar, &format!("profiles/{}/profile.toml", name.key()), record.as_bytes())?;
        }
        for number in 0..self.parts.len() {
            // Ports are this machine's; where it is brought in it is given others.
            let session =
                Session { ports: None, worktree: None, walls: None, ..self.parts[number].session.clone() };
            let root = format!("sessions/{}", session.id);
            let record =
                Store::session_text(&session).map_err(|failure| io::Error::other(failure.message))?;
            self.add(&mut tar, &format!("{root}/session.toml"), record.as_bytes())?;
            for file in std::mem::take(&mut self.parts[number].files) {
                at(&format!("{}: {}", session.name, file.inside));
                self.add_file(&mut tar, &format!("{root}/claude/{}", file.inside), &file)?;
            }
        }
        let end = as_toml(&End { files: self.files })?;
        self.add(&mut tar, END, end.as_bytes())?;
        tar.into_inner()
    }

    fn add<W: Write>(&mut self, tar: &mut Builder<W>, path: &str, content: &[u8]) -> io::Result<()> {
        let now = u64::try_from(self.created.as_second()).unwrap_or(0);
        tar.append_data(&mut header(content.len() as u64, now), path, content)?;
        self.files += 1;
        Ok(())
    }

    fn add_file<W: Write>(&mut self, tar: &mut Builder<W>, path: &str, found: &SourceFile) -> io::Result<()> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", found.path));
        let lines = found.path.has_extension("jsonl");
        let opened = || -> io::Result<Option<(File, u64)>> {
            let Some((file, facts)) = found.path.open()? else { return Ok(None) };
            let size = if lines { os::whole_lines(&file, facts.size)? } else { facts.size };
            os::few_holes(&file, size)?;
            Ok(Some((file, size)))
        };
        let (file, size) = match opened() {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                self.vanished += 1;
                return Ok(());
            }
            // Whoever made it so must not keep all else from being saved.
            Err(error) if os::unfit(&error).is_some() => {
                self.unfit.push(format!("{}: {error}", found.path));
                return Ok(());
            }
            Err(error) => return Err(named(error)),
        };
        let seconds = found.modified.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut content = Exactly { file, left: size, secrets: lines.then(SecretLines::default) };
        tar.append_data(&mut header(size, seconds), path, &mut content)?;
        self.secret_lines += content.secrets.map_or(0, |secrets| secrets.count);
        self.files += 1;
        Ok(())
    }
}

fn as_toml<T: serde::Serialize>(value: &T) -> io::Result<String> {
    toml::to_string(value).map_err(io::Error::other)
}

fn header(size: u64, seconds: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    header
}

/// Exactly so many bytes of a file, or a failure: the file may be cut while it is read.
struct Exactly {
    file: File,
    left: u64,
    secrets: Option<SecretLines>,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::Error::other("a file became shorter while it was read"));
        }
        self.left -= read as u64;
        if let Some(secrets) = &mut self.secrets {
            secrets.feed(&buffer[..read]);
        }
        Ok(read)
    }
}

/// The files of a session that are worth keeping, oldest first within the conversations, so that which is
/// the newest is still known where times are whole seconds.
fn files_of(
    context: &Context,
    session: &Session,
    paths: &SessionPaths,
    ground: &ConfigGround,
    run: Option<&crate::store::Run>,
) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut skipped = Vec::new();
    if session.isolation == Isolation::None || ground.shares() {
        // Its conversations are among those of others, whose are theirs to move.
        let own = Own::of(session, paths, session.directory(), run)?;
        for found in claude::conversations(ground)?.into_iter().filter(|found| own.has(found)) {
            let place = format!("projects/{}", found.slug());
            collect(&found.path, &format!("{place}/{}.jsonl", found.id), &mut files, &mut skipped)?;
            if let Some(beside) = found.beside() {
                collect(&beside, &format!("{place}/{}", found.id), &mut files, &mut skipped)?;
            }
        }
        context.say(&format!(
            "session '{}' shares its conversations: those that are its own are in the file",
            session.name
        ));
    }
    if session.isolation != Isolation::None {
        for item in CONVERSATIONS.iter().chain(OWN) {
            collect(&ground.at(item), item, &mut files, &mut skipped)?;
        }
    }
    files.sort_by_key(|file| file.modified);
    for path in skipped {
        context.say(&format!("not in the file, for its name: {path}"));
    }
    Ok(files)
}

/// Collects the regular files at `path` and below. Links are passed over: what they lead to is not the
/// session's own.
fn collect(
    path: &Foreign,
    inside: &str,
    files: &mut Vec<SourceFile>,
    skipped: &mut Vec<Foreign>,
) -> Result<()> {
    let mut left = vec![(path.clone(), inside.to_owned())];
    while let Some((path, inside)) = left.pop() {
        let failed = |error: io::Error| path.failure("read", &error);
        let facts = match path.facts() {
            Ok(Some(facts)) => facts,
            Ok(None) => continue,
            // It is behind a link by now.
            Err(error) if os::unfit(&error) == Some(Unfit::Link) => continue,
            Err(error) => return Err(failed(error)),
        };
        match facts.kind {
            EntryKind::Directory if inside.split('/').count() > DEEPEST => skipped.push(path),
            EntryKind::Directory => {
                let mut entries = path.entries().map_err(failed)?.unwrap_or_default();
                entries.sort_by(|a, b| b.name.cmp(&a.name));
                for entry in entries {
                    let Some(name) = entry.name.to_str() else {
                        skipped.push(path.join(&entry.name));
                        continue;
                    };
                    // What could hold a login is passed over without a word, and unseen.
                    if claude::may_be_copied(name) {
                        left.push((path.join(name), format!("{inside}/{name}")));
                    }
                }
            }
            EntryKind::File if check_inside(&inside.split('/').collect::<Vec<_>>()).is_err() => {
                skipped.push(path);
            }
            EntryKind::File => {
                files.push(SourceFile { inside, path, modified: facts.modified });
            }
            EntryKind::Link | EntryKind::Other => {}
        }
    }
    Ok(())
}

/// Returns the places in a session's own settings and memory that look like a secret: `name: file: key`.
fn flagged(session: &Session, files: &[SourceFile]) -> Vec<String> {
    const LARGEST: u64 = 1 << 20;
    let mut places = Vec::new();
    for file in files {
        if !OWN.contains(&file.inside.split('/').next().unwrap_or_default()) {
            continue;
        }
        let Ok(Some(text)) = file.path.read(LARGEST) else { continue };
        let mut keys = Vec::new();
        match serde_json::from_slice::<Value>(&text) {
            Ok(value) if file.path.has_extension("json") => {
                secret_keys(&value, "", &mut keys);
            }
            _ => {
                let mut lines = SecretLines::default();
                lines.feed(&text);
                if lines.count > 0 {
                    keys.push(ui::count(usize::try_from(lines.count).unwrap_or(usize::MAX), "line"));
                }
            }
        }
        places.extend(keys.into_iter().map(|key| format!("{}: {}: {key}", session.name, file.inside)));
    }
    places
}

/// The keys in settings whose values are secret by their names or by how they look.
fn secret_keys(value: &Value, at: &str, keys: &mut Vec<String>) {
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let named =
                    key == "apiKeyHelper" || at == "env" && claude::looks_secret(&key.to_ascii_uppercase());
                if named && value.is_string() {
                    keys.push(below(key));
                } else {
                    secret_keys(value, &below(key), keys);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| secret_keys(value, at, keys)),
        Value::String(text) if holds_secret(text.as_bytes()) => keys.push(at.to_owned()),
        _ => {}
    }
}
