//! Reading every transcript there is: each message once, and whose it is.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::claude::{self, ConfigGround, Message, Transcript};
use crate::model::{ConfigHome, Isolation, Name, Result, SessionPaths};
use crate::work::context::Context;
use crate::work::{history, profiles};

/// A session, or a profile itself.
pub(crate) struct Owner {
    /// Its name.
    pub name: Name,
    /// Its profile.
    pub profile: Name,
    /// It is a session.
    pub is_session: bool,
}

/// Every transcript, and whose it is. Owners are in order: of two that have the same message it was
/// the earlier one's.
pub(crate) struct Sources {
    /// Whose transcripts there are.
    pub owners: Vec<Owner>,
    files: Vec<(usize, Transcript)>,
}

impl Sources {
    /// Returns those of every session and profile.
    pub(crate) fn find(context: &Context) -> Result<Self> {
        let store = context.store()?;
        let profiles = profiles::known(context)?.1;
        let mut sessions: Vec<_> =
            store.sessions()?.into_iter().filter_map(|entry| entry.record.ok()).collect();
        sessions.sort_by_key(|session| (session.created, session.id));
        let mut owners: Vec<Owner> = Vec::new();
        let mut places = Vec::new();
        for profile in profiles.values() {
            let name = profile.name.clone();
            owners.push(Owner { profile: name.clone(), name, is_session: false });
            places.push(ConfigGround::of_profile(&profile.home.directory()));
        }
        // Where conversations of many lie together, their ids tell whose they are.
        let mut conversations: HashMap<Uuid, usize> = HashMap::new();
        for session in &sessions {
            let owner = owners.len();
            let home = match profiles.get(&session.profile) {
                Some(profile) => profile.home.clone(),
                // Only a session without a directory of its own needs that of its profile.
                None if session.isolation == Isolation::None => continue,
                None => ConfigHome::Directory(store.session_root(session.id)),
            };
            let paths = SessionPaths::new(&store.session_root(session.id), session.isolation, &home);
            let noted = store.last_run(&store.session_run_path(session.id)).and_then(|run| run.conversation);
            for id in [Some(session.id), noted].into_iter().flatten() {
                conversations.entry(id).or_insert(owner);
            }
            let (name, profile) = (session.name.clone(), session.profile.clone());
            owners.push(Owner { name, profile, is_session: true });
            places.push(history::ground(store, session, &paths, &home));
        }
        let (mut seen, mut files) = (BTreeSet::new(), Vec::new());
        for (owner, ground) in places.iter().enumerate() {
            files.extend(claude::all_transcripts(ground, &mut seen).into_iter().map(|transcript| {
                let known = transcript.conversation.and_then(|id| conversations.get(&id).copied());
                (known.unwrap_or(owner), transcript)
            }));
        }
        Ok(Self { owners, files })
    }
}

/// Every message once, and what could not be read. The keys are hashes already.
#[derive(Default)]
pub(crate) struct Seen {
    /// Each message, and its owner.
    pub messages: HashMap<(u64, u64), (usize, Message), BuildHasherDefault<Hashed>>,
    /// How many lines make no sense.
    pub senseless: u64,
    /// How many files cannot be read.
    pub unreadable: u64,
}

/// The hash of a key that is one.
#[derive(Default)]
pub(crate) struct Hashed(u64);

impl std::hash::Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }
}

impl Seen {
    fn add(&mut self, owner: usize, message: Message) {
        use std::collections::hash_map::Entry;
        match self.messages.entry(message.key) {
            Entry::Vacant(entry) => {
                entry.insert((owner, message));
            }
            Entry::Occupied(mut entry) => {
                let (first, known) = entry.get_mut();
                *first = (*first).min(owner);
                known.merge(&message);
            }
        }
    }
}

/// Reads all transcripts that were written to since then, a few at a time. `at` is told now and then how many bytes
/// are read, and of how many.
pub(crate) fn read(sources: &Sources, since: Timestamp, at: &mut dyn FnMut(u64, u64)) -> Seen {
    let files: Vec<&(usize, Transcript)> = sources
        .files
        .iter()
        .filter(|(_, file)| Timestamp::try_from(file.modified).is_ok_and(|written| written >= since))
        .collect();
    // Sizes are what somebody says who can make holes.
    let bytes = files.iter().fold(0u64, |sum, (_, file)| sum.saturating_add(file.size));
    let (next, progress) = (AtomicUsize::new(0), AtomicU64::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(files.len());
    let (sender, done) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (files, next, progress, sender) = (&files, &next, &progress, sender.clone());
            scope.spawn(move || {
                let mut seen = Seen::default();
                while let Some((owner, file)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let each = |message: Message| {
                        if message.at >= since {
                            seen.add(*owner, message);
                        }
                    };
                    match claude::read_spent(file, progress, each) {
                        Ok(senseless) => seen.senseless += senseless,
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        Err(_) => seen.unreadable += 1,
                    }
                }
                let _ = sender.send(seen);
            });
        }
        drop(sender);
        gather(&done, || at(progress.load(Ordering::Relaxed), bytes))
    })
}

/// Puts together what the readers found. Calls `each_while` now and then, where it takes long.
fn gather(done: &mpsc::Receiver<Seen>, mut each_while: impl FnMut()) -> Seen {
    let mut all = Seen::default();
    loop {
        match done.recv_timeout(Duration::from_millis(400)) {
            Ok(seen) => {
                all.senseless += seen.senseless;
                all.unreadable += seen.unreadable;
                if all.messages.is_empty() {
                    all.messages = seen.messages;
                } else {
                    for (owner, message) in seen.messages.into_values() {
                        all.add(owner, message);
                    }
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => each_while(),
            Err(mpsc::RecvTimeoutError::Disconnected) => return all,
        }
    }
}
