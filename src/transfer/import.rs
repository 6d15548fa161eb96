//! Taking over what `cs export` wrote. Whatever else is in the file is refused, before anything of
//! it is seen by anybody.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tar::{Archive, EntryType};
use uuid::Uuid;

use super::archive::{END, End, Entry, MANIFEST, Manifest, VERSION};
use crate::model::{Failure, Isolation, Kind, Name, Result, Session};
use crate::os;
use crate::store::{Arrival, Batch, ConfigFiles, Damage, ForeignProfile, Known, NewFile, Store};
use crate::ui;
use crate::work::context::Context;
use crate::work::{ports, profiles};

/// Bounds on what a file may make of this disk and this memory.
const LARGEST_FILE: u64 = 4 << 30;
const LARGEST_TOTAL: u64 = 64 << 30;
const LARGEST_RECORD: u64 = 64 << 10;
const LARGEST_MANIFEST: u64 = 16 << 20;
const LONGEST_PATH: u64 = 4096;
const MOST_ENTRIES: u64 = 2_000_000;
/// The most bytes behind the end: tar fills up with zeros.
const MOST_BEHIND: u64 = 16 << 20;
/// How much more than itself a compressed file may become, beyond [`FREE`]. Conversations become ten to
/// forty times smaller; a bomb a thousand times.
const EXPANSION: u64 = 200;
const FREE: u64 = 64 << 20;

/// The options of an import from a file.
pub(crate) struct ImportOptions<'a> {
    /// The name of the session, where there is one in the file.
    pub name: Option<&'a str>,
    /// The profile that the sessions belong to, instead of the recorded one.
    pub profile: Option<&'a str>,
    /// Decides which profiles in the file are made.
    pub makes: &'a dyn Fn(&ForeignProfile) -> bool,
    /// Change nothing.
    pub dry_run: bool,
}

/// The contents of the file, and what became of them.
pub(crate) struct Brought {
    /// When the file was written.
    pub written: Option<jiff::Timestamp>,
    /// The sessions.
    pub sessions: Vec<Incoming>,
    /// The profiles, and why one was not made.
    pub profiles: Vec<(ForeignProfile, Option<String>)>,
}

/// Takes over what is in the file, all of it or nothing, and tells `at` which entry it has come to. A file that is
/// not wholly what `cs export` writes is refused.
pub(crate) fn bring_in(
    context: &Context,
    source: Source,
    options: &ImportOptions<'_>,
    at: &mut dyn FnMut(&str),
) -> Result<Brought> {
    let mut import = Import::begin(context, options)?;
    let read = import.read(source, at);
    let done = read.and_then(|()| if options.dry_run { Ok(()) } else { import.publish() });
    let brought = import.end();
    done.map(|()| brought)
}

/// The bytes of the file.
pub(crate) struct Source {
    reader: Box<dyn Read>,
    name: String,
}

impl Source {
    /// Opens the file `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        // A link to a backup is as good as the backup.
        let real = os::real_path(path).unwrap_or_else(|_| path.to_path_buf());
        let file = os::open_regular(&real).map_err(|error| {
            let failure = Failure::io("read", path, &error);
            if missing(&error) {
                failure.hint("what can be imported besides a file: ccs, claude, claude-session")
            } else {
                failure
            }
        })?;
        Self::new(Box::new(file), path.to_string_lossy().into_owned())
    }

    /// Begins to read `raw`, compressed or not, which people call `name`.
    pub(crate) fn new(raw: Box<dyn Read>, name: String) -> Result<Self> {
        let packed = Rc::new(Cell::new(0));
        let mut raw = BufReader::with_capacity(64 << 10, Counted { inner: raw, read: Rc::clone(&packed) });
        let failed = |error: io::Error| Failure::failed(format!("cannot read {name}: {error}"));
        let reader: Box<dyn Read> = if raw.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]) {
            let unpacked = flate2::bufread::MultiGzDecoder::new(raw);
            Box::new(Bounded { inner: unpacked, packed, unpacked: 0 })
        } else {
            Box::new(raw)
        };
        Ok(Self { reader, name })
    }
}

/// Counts what is really read.
struct Counted {
    inner: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

/// Stops where a compressed file becomes much more than what was read of it.
struct Bounded<R> {
    inner: R,
    packed: Rc<Cell<u64>>,
    unpacked: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.unpacked += read as u64;
        if self.unpacked > FREE + self.packed.get().saturating_mul(EXPANSION) {
            return Err(io::Error::other("it becomes far larger than it is"));
        }
        Ok(read)
    }
}

/// A session in the file.
pub(crate) struct Incoming {
    /// As it is, or would be, here.
    pub session: Session,
    /// The reason that it is not taken.
    pub skipped: Option<String>,
    /// The other things to know of it.
    pub notes: Vec<String>,
    /// How many files of it are in the file.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// How many of them are conversations.
    pub conversations: u64,
    /// Its config directory, which is being made.
    config: Option<ConfigFiles>,
}

/// Everything that is being brought in.
struct Import<'c> {
    context: &'c Context,
    options: &'c ImportOptions<'c>,
    batch: Option<Batch>,
    manifest: Option<Manifest>,
    sessions: BTreeMap<Uuid, Incoming>,
    profiles: Vec<(ForeignProfile, Option<String>)>,
    seen: HashSet<String>,
    /// Bytes and entries so far.
    bytes: u64,
    entries: u64,
    published: Vec<Session>,
    made: Vec<Name>,
    complete: bool,
}

/// The refusal of a file.
fn refused(source: &str, why: impl std::fmt::Display) -> Failure {
    Failure::refused(format!("{source} is not taken: {why}")).hint("nothing was changed")
}

/// The refusal of a file for one entry of it.
fn about(source: &str, path: &str, why: &str) -> Failure {
    refused(source, format!("'{path}': {why}"))
}

/// The refusal of a file that cannot be read to its end.
fn unreadable(source: &str, error: &io::Error) -> Failure {
    let early = error.kind() == io::ErrorKind::UnexpectedEof;
    refused(source, if early { "it ends too early".to_owned() } else { error.to_string() })
}

fn no_manifest() -> String {
    format!("it does not begin with {MANIFEST}, as cs export has it")
}

/// Returns true for a file, and false for a directory, which is made where a file needs it: who packs the file
/// again has them in it. Fails with the reason for anything else.
fn is_file(kind: EntryType, size: u64, path: &str) -> Result<bool, &'static str> {
    match kind {
        EntryType::Regular => Ok(true),
        EntryType::Directory if size == 0 => {
            let mut inside = path.trim_end_matches('/').split('/');
            if inside.any(|part| part == ".." || part.is_empty()) {
                return Err("its path leads elsewhere");
            }
            Ok(false)
        }
        EntryType::Symlink | EntryType::Link => Err("it is a link"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Err("it is a device"),
        _ => Err("cs export writes no entry of this kind"),
    }
}

/// One entry, and where it stands.
struct Part<'p> {
    source: &'p str,
    path: &'p str,
    size: u64,
    seconds: u64,
    content: &'p mut dyn Read,
}

impl Part<'_> {
    /// All of it, if it is no larger than `most`.
    fn text(&mut self, most: u64) -> Result<Vec<u8>> {
        bounded(self.content, self.size, most).map_err(|error| unreadable(self.source, &error))
    }
}

impl<'c> Import<'c> {
    fn begin(context: &'c Context, options: &'c ImportOptions<'c>) -> Result<Self> {
        // A store that is refused is so before anything is read.
        context.store()?;
        Ok(Self {
            context,
            options,
            batch: None,
            manifest: None,
            sessions: BTreeMap::new(),
            profiles: Vec::new(),
            seen: HashSet::new(),
            bytes: 0,
            entries: 0,
            published: Vec::new(),
            made: Vec::new(),
            complete: false,
        })
    }

    /// Reads the whole file, and puts what it holds where nobody sees it.
    fn read(&mut self, source: Source, at: &mut dyn FnMut(&str)) -> Result<()> {
        let Source { reader, name: source } = source;
        let mut archive = Archive::new(reader);
        let entries = archive.entries().map_err(|error| unreadable(&source, &error))?.raw(true);
        let mut long_name: Option<Vec<u8>> = None;
        for entry in entries {
            let mut entry = entry.map_err(|error| {
                // What is no tar at all is told in words of its content, which is nobody's business.
                if self.entries == 0 && error.kind() != io::ErrorKind::UnexpectedEof {
                    return refused(&source, "it is no file of cs export");
                }
                unreadable(&source, &error)
            })?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(refused(&source, "it has too many entries"));
            }
            let header = entry.header();
            let (kind, seconds) = (header.entry_type(), header.mtime().unwrap_or(0));
            let size = header.entry_size().map_err(|error| unreadable(&source, &error))?;
            if kind == EntryType::GNULongName {
                let name = bounded(&mut entry, size, LONGEST_PATH);
                long_name = Some(name.map_err(|error| unreadable(&source, &error))?);
                continue;
            }
            let path = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            let path = path.strip_suffix(&[0]).unwrap_or(&path).to_vec();
            let path = String::from_utf8(path).map_err(|_| refused(&source, "a path is not UTF-8"))?;
            at(&path);
            if !is_file(kind, size, &path).map_err(|why| about(&source, &path, why))? {
                continue;
            }
            let place = self.admit(&source, &path, size)?;
            let mut part = Part { source: &source, path: &path, size, seconds, content: &mut entry };
            self.take(place, &mut part)?;
        }
        // What is compressed has its checksum at the very end.
        let mut rest = archive.into_inner().take(MOST_BEHIND);
        io::copy(&mut rest, &mut io::sink()).map_err(|error| unreadable(&source, &error))?;
        if self.manifest.is_none() {
            return Err(refused(&source, no_manifest()));
        }
        if !self.complete {
            return Err(refused(&source, format!("it ends too early ({END} is missing)")));
        }
        if self.options.name.is_some() && self.sessions.len() != 1 {
            let many = ui::count(self.sessions.len(), "session");
            return Err(Failure::usage(format!("--as names one session, and there are {many} in it")));
        }
        Ok(())
    }

    /// Returns what the entry at `path` is. Refused unless it may stand there, once, at this point of the file, and
    /// be so large.
    fn admit(&mut self, source: &str, path: &str, size: u64) -> Result<Entry> {
        let place = Entry::parse(path).map_err(|why| about(source, path, why))?;
        if self.complete {
            return Err(about(source, path, "it stands behind the end"));
        }
        if !self.seen.insert(path.to_owned()) {
            return Err(about(source, path, "it is there twice"));
        }
        if self.manifest.is_none() && place != Entry::Manifest {
            return Err(refused(source, no_manifest()));
        }
        if size > LARGEST_FILE {
            return Err(about(source, path, &format!("it is larger than {}", ui::size(LARGEST_FILE))));
        }
        self.bytes += size;
        if self.bytes > LARGEST_TOTAL {
            return Err(refused(source, format!("it is larger than {}", ui::size(LARGEST_TOTAL))));
        }
        Ok(place)
    }

    /// Takes one entry.
    fn take(&mut self, place: Entry, part: &mut Part<'_>) -> Result<()> {
        let (source, path) = (part.source, part.path);
        let bad = |why: String| about(source, path, &why);
        match place {
            Entry::Manifest => {
                let text = part.text(LARGEST_MANIFEST)?;
                self.take_manifest(&text).map_err(bad)
            }
            Entry::End => {
                let text = part.text(LARGEST_RECORD)?;
                let end: Option<End> =
                    std::str::from_utf8(&text).ok().and_then(|text| toml::from_str(text).ok());
                let expected = self.seen.len() as u64 - 1;
                if end.is_none_or(|end| end.files != expected) {
                    return Err(refused(source, "files are missing from it"));
                }
                self.complete = true;
                Ok(())
            }
            Entry::Profile(name) => {
                let text = part.text(LARGEST_RECORD)?;
                self.take_profile(&name, &text).map_err(bad)
            }
            Entry::Record(id) => {
                let text = part.text(LARGEST_RECORD)?;
                let incoming = self.take_record(id, &text)?.map_err(bad)?;
                self.sessions.insert(id, incoming);
                Ok(())
            }
            Entry::File(id, inside) => self.take_file(id, &inside, part),
        }
    }

    /// Puts a file of a session where it belongs.
    fn take_file(&mut self, id: Uuid, inside: &str, part: &mut Part<'_>) -> Result<()> {
        let number = self.entries;
        let Some(incoming) = self.sessions.get_mut(&id) else {
            return Err(about(part.source, part.path, "the record of its session does not stand before it"));
        };
        incoming.files += 1;
        incoming.bytes += part.size;
        let is_transcript = Path::new(inside).extension().is_some_and(|ending| ending == "jsonl");
        let is_talk = inside.starts_with("projects/") && inside.matches('/').count() == 2;
        incoming.conversations += u64::from(is_talk && is_transcript);
        // Times are whole seconds in the file; its order says which is newer within one.
        let time = SystemTime::UNIX_EPOCH
            + Duration::from_secs(part.seconds.min(u64::from(u32::MAX)))
            + Duration::from_nanos(number.min(999_999) * 1000);
        let (to, place) = (incoming.config.as_ref(), Path::new(inside));
        let unwritten = |error: io::Error| {
            Failure::io("write", &to.map(|files| files.path(place)).unwrap_or_default(), &error)
        };
        let settings = inside == "settings.json";
        let mut kept = Vec::new();
        let mut file = to.map(|files| files.create(place)).transpose().map_err(unwritten)?;
        let copied = copy_out(file.as_mut(), part.content, part.size, settings.then_some(&mut kept));
        copied.map_err(|error| match error {
            Copying::Reading(error) => unreadable(part.source, &error),
            Copying::Writing(error) => unwritten(error),
        })?;
        file.map(|file| file.finish(time)).transpose().map_err(unwritten)?;
        if settings && brings_commands(&kept) {
            incoming.notes.push("its settings.json has commands that Claude will run".into());
        }
        Ok(())
    }

    fn take_manifest(&mut self, text: &[u8]) -> Result<(), String> {
        #[derive(serde::Deserialize)]
        struct Versioned {
            version: u32,
        }
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
        match toml::from_str::<Versioned>(text) {
            Ok(Versioned { version }) if version > VERSION => {
                return Err(format!("a newer cs wrote it (version {version}); update cs"));
            }
            Ok(Versioned { version: 0 }) | Err(_) => return Err("it has no version".into()),
            Ok(_) => {}
        }
        let manifest: Manifest = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        self.manifest = Some(manifest);
        Ok(())
    }

    fn take_profile(&mut self, name: &Name, text: &[u8]) -> Result<(), String> {
        let store = self.context.store().map_err(|failure| failure.message)?;
        let foreign = store.foreign_profile(name, text).map_err(|damage| damage.to_string())?;
        let skipped = match store.holder(name) {
            Ok(Some(_)) => Some("that name is taken here".to_owned()),
            Err(failure) => Some(failure.message),
            // It says where prompts go and what is set: that is a person's to decide.
            Ok(None) if (self.options.makes)(&foreign) => None,
            Ok(None) => Some("it is only made with --yes".into()),
        };
        self.profiles.push((foreign, skipped));
        Ok(())
    }

    /// Reads the record of a session. The inner failure is the file's, the outer one ours.
    fn take_record(&mut self, id: Uuid, text: &[u8]) -> Result<Result<Incoming, String>> {
        let mut session = match Store::parse_session(text) {
            Ok(session) => session,
            Err(Damage::Newer(version)) => {
                return Ok(Err(format!("a newer cs wrote it (version {version})")));
            }
            Err(damage) => return Ok(Err(damage.to_string())),
        };
        if session.id != id {
            return Ok(Err(format!("it is the record of {}", session.id)));
        }
        if let Err(error) = Name::new(session.name.as_str()) {
            return Ok(Err(error.to_string()));
        }
        if !session.directory().is_absolute() && !session.directory.starts_with('/') {
            return Ok(Err("its directory is not an absolute path".into()));
        }
        if session.directory.chars().any(char::is_control) {
            return Ok(Err("its directory has control characters".into()));
        }
        let store = self.context.store()?;
        let mut notes = Vec::new();
        let skipped = left_out(store, id, store.knows_session(id)?);
        if session.isolation == Isolation::None {
            notes.push("it shared its config directory; here it has one of its own".into());
            session.isolation = Isolation::ConfigDir;
        }
        session.ephemeral = false;
        session.history = None;
        // A worktree is of a machine; what a file says of one is not believed.
        session.worktree = None;
        // Where it works is looked at here, when it is first started.
        session.walls = None;
        session.profile = self.profile_for(&session, &mut notes)?;
        if let Some(new) = self.options.name {
            session.name = Context::new_name(new)?;
        }
        if !session.directory().is_dir() {
            notes.push(format!("its directory is not on this machine: {}", session.directory));
        }
        let mut config = None;
        if skipped.is_none() && !self.options.dry_run {
            let batch = match self.batch.take() {
                Some(batch) => batch,
                None => store.batch()?,
            };
            let batch = self.batch.insert(batch);
            config = Some(store.add_to_batch(batch, id, session.isolation)?);
        }
        Ok(Ok(Incoming { session, skipped, notes, files: 0, bytes: 0, conversations: 0, config }))
    }

    /// The profile that a session will belong to: the one asked for, the recorded one, or the default.
    fn profile_for(&self, session: &Session, notes: &mut Vec<String>) -> Result<Name> {
        if let Some(profile) = self.options.profile {
            return Ok(self.context.resolve_profile(profile)?.name);
        }
        let here = match self.context.profile_if(&session.profile) {
            Ok(found) => found.is_some(),
            Err(failure) if failure.kind == Kind::Io => return Err(failure),
            // One that is damaged is here.
            Err(_) => true,
        };
        let comes = self
            .profiles
            .iter()
            .any(|(foreign, skipped)| skipped.is_none() && foreign.profile.name == session.profile);
        if here || comes {
            return Ok(session.profile.clone());
        }
        let default = &self.context.config()?.default_profile;
        notes.push(format!("there is no profile '{}' here: it belongs to '{default}' now", session.profile));
        Ok(default.clone())
    }

    /// Gives everything its name. Where that fails, what was given one is taken back.
    fn publish(&mut self) -> Result<()> {
        let store = self.context.store()?;
        if self.batch.is_some() {
            store.flush()?;
        }
        let result = (|| {
            for (foreign, _) in self.profiles.iter().filter(|(_, skipped)| skipped.is_none()) {
                profiles::create::make_foreign(self.context, foreign)?;
                self.made.push(foreign.profile.name.clone());
            }
            for incoming in self.sessions.values_mut().filter(|incoming| incoming.skipped.is_none()) {
                let Some(batch) = &self.batch else { continue };
                if name_and_publish(self.context, batch, incoming, self.options.name.is_some())? {
                    self.published.push(incoming.session.clone());
                }
            }
            Ok(())
        })();
        if result.is_err() {
            for (session, batch) in self.published.drain(..).zip(self.batch.iter().cycle()) {
                store.withdraw_to_batch(batch, &session);
            }
            for name in self.made.drain(..) {
                // It was made a moment ago, and nothing is in it: it can come back, or be forgotten.
                let _ = store.trash_profile(&name);
            }
        }
        result
    }

    fn end(self) -> Brought {
        if let (Some(batch), Ok(store)) = (self.batch, self.context.store()) {
            store.end_batch(batch);
        }
        Brought {
            written: self.manifest.map(|manifest| manifest.created),
            sessions: self.sessions.into_values().collect(),
            profiles: self.profiles,
        }
    }
}

/// Returns why a session that is `known` is left out; `None` for one that is not.
fn left_out(store: &Store, id: Uuid, known: Known) -> Option<String> {
    match known {
        Known::Not => None,
        Known::Here => {
            let name = store.session(id).map(|here| here.name.to_string());
            Some(format!("it is here already ('{}')", name.unwrap_or_else(|_| id.to_string())))
        }
        Known::InTrash => Some(format!("it is in the trash (to bring it back: cs restore {id})")),
    }
}

/// Publishes a session under its name, or the next one that is free. Under `asked`, no other will do. Returns false
/// if it came to be here by other means meanwhile.
fn name_and_publish(context: &Context, batch: &Batch, incoming: &mut Incoming, asked: bool) -> Result<bool> {
    let store = context.store()?;
    let range = ports::range(context)?;
    let base = incoming.session.name.clone();
    for number in 1..10_000 {
        let mut session = Session { name: base.numbered(number), ..incoming.session.clone() };
        match store.publish_from_batch(batch, &mut session, range)? {
            Arrival::Taken(_) if asked => {
                return Err(Failure::of(Kind::NameTaken, format!("'{base}' is taken"))
                    .hint("cs import --as ANOTHER FILE"));
            }
            Arrival::Taken(_) => continue,
            Arrival::Known(known) => {
                incoming.skipped = left_out(store, session.id, known);
                return Ok(false);
            }
            Arrival::Here => {}
        }
        if number > 1 {
            incoming.notes.push(format!("'{base}' is taken, so it is '{}' here", session.name));
        }
        if session.ports.is_none()
            && let Some(range) = range
        {
            incoming.notes.push(format!("it has no ports: {}", ports::all_taken(range)));
        }
        incoming.session = session;
        return Ok(true);
    }
    Err(Failure::failed(format!("all names from '{base}' on are taken")))
}

/// The side on which copying failed.
enum Copying {
    Reading(io::Error),
    Writing(io::Error),
}

/// Writes an entry to a file of ours, or, without one, only reads it. Of one that is to be looked at, the beginning is
/// kept.
fn copy_out(
    mut file: Option<&mut NewFile>,
    entry: &mut dyn Read,
    size: u64,
    mut kept: Option<&mut Vec<u8>>,
) -> Result<(), Copying> {
    let mut buffer = vec![0; 64 << 10];
    let mut left = size;
    while left > 0 {
        let read = match entry.read(&mut buffer) {
            Ok(0) => return Err(Copying::Reading(io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Copying::Reading(error)),
        };
        left = left.saturating_sub(read as u64);
        if let Some(file) = &mut file {
            file.write_all(&buffer[..read]).map_err(Copying::Writing)?;
        }
        if let Some(kept) = kept.as_deref_mut().filter(|kept| kept.len() < 1 << 20) {
            kept.extend_from_slice(&buffer[..read]);
        }
    }
    Ok(())
}

/// All of a small entry.
fn bounded(entry: &mut dyn Read, size: u64, most: u64) -> io::Result<Vec<u8>> {
    if size > most {
        return Err(io::Error::other(format!("a part of it is larger than {most} bytes")));
    }
    let mut text = Vec::new();
    entry.take(most).read_to_end(&mut text)?;
    if (text.len() as u64) < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text)
}

/// Returns true if settings have something in them that Claude runs.
fn brings_commands(settings: &[u8]) -> bool {
    const KEYS: &[&str] = &[
        "hooks",
        "apiKeyHelper",
        "statusLine",
        "awsAuthRefresh",
        "awsCredentialExport",
        "otelHeadersHelper",
        "env",
    ];
    match serde_json::from_slice::<Value>(settings) {
        Ok(Value::Object(settings)) => KEYS.iter().any(|key| settings.contains_key(*key)),
        _ => true,
    }
}
