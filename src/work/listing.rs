//! All sessions and profiles, as lists show them: what is open, when each was last used, what it is about.

use std::collections::BTreeMap;
use std::path::Path;

use uuid::Uuid;

use crate::claude::{self, About, Login};
use crate::git::Checkout;
use crate::model::{Kind, Name, Profile, Result, Session, SessionPaths};
use crate::os::{self, Size, Used};
use crate::store::{ProfileEntry, SessionEntry, Store};
use crate::work::context::Context;
use crate::work::open::{self, Open, Running};
use crate::work::resources::Look;
use crate::work::{conversations, profiles};

/// For how many sessions, the newest, more is read than their records, and how many a terminal is
/// shown, unless all are asked for.
pub(crate) const NEWEST: usize = 100;

/// Above this many sessions, one look at all processes is cheaper than one at each session.
const MANY: usize = 200;

/// A session as a row of a list.
pub(crate) struct Row {
    /// The session.
    pub session: Session,
    /// When it was last used.
    pub used: Option<jiff::Timestamp>,
    /// The process it is open by, if it is.
    pub open: Option<Open>,
    /// The details that [`Listing::look_closer`] has found.
    pub details: Details,
}

/// Details that cost a look into other files, and are only had for rows that are shown.
#[derive(Default)]
pub(crate) struct Details {
    /// The branch of its directory.
    pub branch: Option<String>,
    /// The title of its newest conversation.
    pub title: Option<String>,
    /// The id of that conversation.
    pub conversation: Option<Uuid>,
    /// The resources it uses: memory and processor, and space on the disk.
    pub resources: Option<(Used, Size)>,
}

/// All there is to list.
pub(crate) struct Listing {
    /// The sessions: first what is open, then by last use.
    pub rows: Vec<Row>,
    /// The records of sessions that cannot be read.
    pub damaged: Vec<SessionEntry>,
    /// The profiles.
    pub profiles: Vec<ProfileEntry>,
    homes: BTreeMap<Name, Profile>,
    store: Store,
}

impl Listing {
    /// Reads all records. Nothing on disk is changed, and one that is damaged spoils no other.
    pub(crate) fn read(context: &Context) -> Result<Self> {
        let store = context.store()?;
        let (profiles, homes) = profiles::shown(context)?;
        let entries = context.or_without(store.sessions());
        let (running, many) = (Running::default(), entries.len() > MANY);
        let (mut rows, mut damaged) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            let session = match entry.record {
                Ok(session) => session,
                Err(damage) => {
                    if damage.is_unread() {
                        context.goes_without(&store.unread_session(entry.id, &damage).message);
                    }
                    damaged.push(SessionEntry { record: Err(damage), ..entry });
                    continue;
                }
            };
            let may_be_open = !many || running.has(&session).unwrap_or(true);
            let open = may_be_open
                .then(|| {
                    let paths = paths_of(store, &session, &homes)?;
                    let run = store.last_run(&store.session_run_path(session.id));
                    open::open_state(&session, &paths, run.as_ref())
                })
                .flatten();
            rows.push(Row { session, used: entry.used, open, details: Details::default() });
        }
        // Which are the newest is told by their launches; in which order, by the prompts in them too.
        sort(&mut rows);
        let newest = rows.len().min(NEWEST);
        for row in &mut rows[..newest] {
            row.used = row.used.max(store.prompted(row.session.id));
        }
        sort(&mut rows[..newest]);
        Ok(Self { rows, damaged, profiles, homes, store: store.clone() })
    }

    /// Leaves only the sessions that work in the directory `directory`, or below it.
    pub(crate) fn retain_below(&mut self, directory: &Path) {
        let real = std::fs::canonicalize(directory);
        let real = real.as_deref().unwrap_or(directory);
        self.rows.retain(|row| {
            let place = row.session.directory();
            std::fs::canonicalize(place).as_deref().unwrap_or(place).starts_with(real)
        });
    }

    /// Looks up branch and title for the first `most` rows; what they use too, where `look` is given.
    pub(crate) fn look_closer(&mut self, most: usize, look: Option<&Look>) {
        let (store, homes) = (&self.store, &self.homes);
        let count = self.rows.len().min(most);
        let rows = &mut self.rows[..count];
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        if rows.len() < 64 {
            for row in rows {
                row.details = details(store, row, homes, look);
            }
            return;
        }
        let share = rows.len().div_ceil(workers);
        std::thread::scope(|scope| {
            for part in rows.chunks_mut(share) {
                scope.spawn(move || {
                    for row in part {
                        row.details = details(store, row, homes, look);
                    }
                });
            }
        });
    }
}

/// Returns the newest sessions that can be resumed now, with what a person needs to choose.
pub(crate) fn resumable(context: &Context, most: usize) -> Result<Vec<Row>> {
    let mut listing = Listing::read(context)?;
    listing.rows.retain(|row| row.open.is_none());
    listing.look_closer(most, None);
    listing.rows.truncate(most);
    Ok(listing.rows)
}

impl Row {
    /// Returns the process it is open by, if that can be looked at here.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.open.as_ref().and_then(open::Open::pid_here)
    }

    /// Returns the word for its state: what its live file says, `live` where that says nothing; where it is
    /// not open, `-`, or `ephemeral` if it goes by itself.
    pub(crate) fn state(&self) -> &str {
        match &self.open {
            None if self.session.ephemeral => "ephemeral",
            None => "-",
            Some(open) => open.live.as_ref().and_then(|live| live.status.as_deref()).unwrap_or("live"),
        }
    }
}

/// Puts what is open first, then what was used last.
fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| {
        (b.open.is_some(), b.used, b.session.id).cmp(&(a.open.is_some(), a.used, a.session.id))
    });
}

fn paths_of(store: &Store, session: &Session, homes: &BTreeMap<Name, Profile>) -> Option<SessionPaths> {
    let profile = homes.get(&session.profile)?;
    Some(SessionPaths::new(&store.session_root(session.id), session.isolation, &profile.home))
}

fn details(store: &Store, row: &Row, homes: &BTreeMap<Name, Profile>, look: Option<&Look>) -> Details {
    let session = &row.session;
    let branch = Checkout::of(session.directory()).and_then(|checkout| checkout.branch());
    let newest = homes.get(&session.profile).and_then(|profile| {
        let paths = paths_of(store, session, homes)?;
        conversations::latest(store, session, &paths, &profile.home)
    });
    let about = newest.as_ref().map(|newest| claude::about(newest, &session.name)).unwrap_or_default();
    let About { title, .. } = about;
    let resources = look
        .map(|look| (look.of_session(session.id, row.pid()), os::tree_size(&store.session_root(session.id))));
    Details { branch, title, conversation: newest.map(|newest| newest.id), resources }
}

/// A summary of a profile, for a list: what is not in its record.
pub(crate) struct Summary {
    /// Its login; `None` where its record cannot be read.
    pub login: Option<Login>,
    /// The number of its sessions.
    pub sessions: usize,
    /// When it, or one of them, was last used.
    pub used: Option<jiff::Timestamp>,
    /// Claude runs as the profile itself.
    pub open: bool,
    /// It is the profile of new sessions.
    pub is_default: bool,
}

/// Returns what a list tells about each of `entries`, whose sessions are among `rows`.
pub(crate) fn summaries(context: &Context, entries: &[ProfileEntry], rows: &[Row]) -> Result<Vec<Summary>> {
    let store = context.store()?;
    let default = match context.config() {
        Ok(config) => config.default_profile.key(),
        Err(failure) if failure.kind == Kind::Exposed => return Err(failure),
        // A mistake in the settings is told by what needs them.
        Err(_) => String::new(),
    };
    let mut sessions: BTreeMap<&Name, (usize, Option<jiff::Timestamp>)> = BTreeMap::new();
    for row in rows {
        let (count, used) = sessions.entry(&row.session.profile).or_default();
        *count += 1;
        *used = (*used).max(row.used);
    }
    Ok(entries
        .iter()
        .map(|entry| {
            let (count, used) = sessions.get(&entry.name).copied().unwrap_or_default();
            let ran = store.last_run(&store.profile_run_path(&entry.name)).map(|run| run.at);
            let profile = entry.profile.as_ref();
            Summary {
                login: profile.ok().map(claude::login_of),
                sessions: count,
                used: used.max(ran),
                open: profile.is_ok_and(|profile| !profiles::live_as(context, profile).is_empty()),
                is_default: entry.name.key() == default,
            }
        })
        .collect())
}
