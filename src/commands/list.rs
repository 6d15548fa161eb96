//! `cs list`: sessions and profiles.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::profile::{self, Summary};
use super::report;
use crate::claude::{self, About};
use crate::cli::ListArgs;
use crate::git::Checkout;
use crate::model::{Isolation, Name, Outcome, Profile, Result, Session, SessionPaths, Worktree};
use crate::os::{self, Size, Used};
use crate::store::{ProfileEntry, SessionEntry, Store};
pub(super) use crate::ui::short;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::open::Open;
use crate::work::resources::{self, Look, Shown};
use crate::work::{directory, open};

/// For how many sessions, the newest, more is read than their records, and how many a terminal is
/// shown, unless all are asked for.
const NEWEST: usize = 100;

/// A session as a row of a list.
pub(super) struct Row {
    /// The session.
    pub session: Session,
    /// When it was last used.
    pub used: Option<jiff::Timestamp>,
    open: Option<Open>,
    details: Details,
}

/// What costs a look into other files, and is only had for rows that are shown.
#[derive(Default)]
struct Details {
    branch: Option<String>,
    title: Option<String>,
    conversation: Option<Uuid>,
    resources: Option<(Used, Size)>,
}

pub(super) fn run(context: &Context, args: &ListArgs) -> Result<Outcome> {
    let mut everything = Everything::read(context)?;
    // Of all sessions, also where only some are shown.
    let summaries = profile::summaries(context, &everything.profiles, &everything.rows)?;
    if let Some(profile) = &args.profile {
        let profile = context.resolve_profile(profile)?;
        everything.rows.retain(|row| row.session.profile == profile.name);
    }
    if let Some(directory) = &args.dir {
        let directory = directory::existing_directory(directory)?;
        let real = fs::canonicalize(&directory).unwrap_or(directory);
        everything.rows.retain(|row| {
            let place = row.session.directory();
            fs::canonicalize(place).as_deref().unwrap_or(place).starts_with(&real)
        });
    }
    if args.live {
        everything.rows.retain(|row| row.open.is_some());
    }
    let look = args.resources.then(Look::now);
    everything.look_closer(if args.all { usize::MAX } else { NEWEST }, look.as_ref());
    if args.json {
        report::print_json(&everything.json(&summaries))?;
        return Ok(Outcome::Done);
    }
    let terminal = ui::width();
    let shown = if args.all || terminal.is_none() { usize::MAX } else { NEWEST };
    report::print(&everything.table(&summaries, shown, terminal))?;
    Ok(Outcome::Done)
}

/// The newest sessions that can be resumed now, with what a person needs to choose.
pub(super) fn resumable(context: &Context, most: usize) -> Result<Vec<Row>> {
    let mut everything = Everything::read(context)?;
    everything.rows.retain(|row| row.open.is_none());
    everything.look_closer(most, None);
    everything.rows.truncate(most);
    Ok(everything.rows)
}

/// Every profile, and a row for every session that can be read.
pub(super) fn profiles_and_rows(context: &Context) -> Result<(Vec<ProfileEntry>, Vec<Row>)> {
    let everything = Everything::read(context)?;
    Ok((everything.profiles, everything.rows))
}

/// Rows with numbers to choose by.
pub(super) fn numbered(rows: &[Row], home: &str) -> String {
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&[
        ("", Align::Right),
        ("NAME", Align::Left),
        ("PROFILE", Align::Left),
        ("DIRECTORY", Align::ShrinkFront),
        ("AGE", Align::Right),
        ("TITLE", Align::Shrink),
    ]);
    for (at, row) in rows.iter().enumerate() {
        let cells = [
            (at + 1).to_string(),
            row.session.name.to_string(),
            row.session.profile.to_string(),
            short(&row.session.directory, home).into_owned(),
            row.used.map(|used| ui::age(used, now)).unwrap_or_default(),
            row.details.title.clone().unwrap_or_default(),
        ];
        table.row(cells, None);
    }
    table.render(ui::width().or(Some(100)), false)
}

struct Everything {
    rows: Vec<Row>,
    damaged: Vec<SessionEntry>,
    profiles: Vec<ProfileEntry>,
    homes: BTreeMap<Name, Profile>,
    store: Store,
    home: String,
}

impl Everything {
    /// Reads all records. Nothing on disk is changed, and one that is damaged spoils no other.
    fn read(context: &Context) -> Result<Self> {
        let store = context.store()?;
        let (profiles, homes) = crate::work::profiles::known(context)?;
        let entries = store.sessions()?;
        let running = Running::now(entries.len());
        let (mut rows, mut damaged) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            let Ok(session) = entry.record else {
                damaged.push(entry);
                continue;
            };
            let open = running
                .may_have(&session)
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
        let home = context.home()?.to_string_lossy().into_owned();
        Ok(Self { rows, damaged, profiles, homes, store: store.clone(), home })
    }

    /// Looks up branch and title for the first `most` rows; what they use too, where `look` is given.
    fn look_closer(&mut self, most: usize, look: Option<&Look>) {
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

    fn table(&self, summaries: &[Summary], most: usize, width: Option<usize>) -> String {
        let now = jiff::Timestamp::now();
        let mut table = Table::new(&[
            ("STATE", Align::Left),
            ("NAME", Align::Left),
            ("PROFILE", Align::Left),
            ("DIRECTORY", Align::ShrinkFront),
            ("BRANCH", Align::Shrink),
            ("MEM", Align::Right),
            ("CPU", Align::Right),
            ("DISK", Align::Right),
            ("AGE", Align::Right),
            ("TITLE", Align::Shrink),
        ]);
        for row in self.rows.iter().take(most) {
            // Where there is what it uses, that stands in place of what it is about.
            let used = row.details.resources.as_ref();
            let about = |text: &Option<String>| -> Cow<'_, str> {
                text.clone().filter(|_| used.is_none()).unwrap_or_default().into()
            };
            let state = row.state();
            let cells = [
                state.into(),
                row.session.name.as_str().into(),
                row.session.profile.as_str().into(),
                short(&row.session.directory, &self.home),
                about(&row.details.branch),
                used.map(|(used, _)| resources::memory(*used)).unwrap_or_default().into(),
                used.map(|(used, _)| resources::processor(*used)).unwrap_or_default().into(),
                used.map(|(_, disk)| ui::size(disk.bytes)).unwrap_or_default().into(),
                row.used.map(|used| ui::age(used, now)).unwrap_or_default().into(),
                about(&row.details.title),
            ];
            table.row(cells, colour_of(state));
        }
        for entry in &self.damaged {
            let why = entry.record.as_ref().err().map(ToString::to_string).unwrap_or_default();
            let cells = [
                "damaged".into(),
                entry.id.to_string(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                why,
            ];
            table.row(cells, Some("31"));
        }
        let mut text = String::new();
        if self.rows.is_empty() && self.damaged.is_empty() {
            text.push_str("no session yet; to make one here: cs NAME\n");
        } else {
            text.push_str(&table.render(width, ui::colour_stdout()));
        }
        if self.rows.len() > most {
            text.push_str(&format!("… and {} more: cs list --all\n", self.rows.len() - most));
        }
        text.push('\n');
        text.push_str(&profile::table(&self.profiles, summaries, width, now));
        text
    }

    fn json(&self, summaries: &[Summary]) -> Listing<'_> {
        let sessions = self.rows.iter().map(|row| {
            let live = row.open.as_ref().and_then(|open| open.live.as_ref());
            ListedSession {
                name: &row.session.name,
                id: row.session.id,
                profile: &row.session.profile,
                directory: &row.session.directory,
                isolation: row.session.isolation,
                bare: row.session.bare,
                ephemeral: row.session.ephemeral,
                ports: row.session.ports.map(|ports| Block { first: ports.first(), last: ports.last() }),
                created: row.session.created,
                used: row.used,
                live: row.open.is_some(),
                state: row.state(),
                pid: row.open.as_ref().map(|open| open.pid),
                waiting_for: live.and_then(|live| live.waiting_for.as_deref()),
                branch: row.details.branch.as_deref(),
                worktree: row.session.worktree.as_deref(),
                title: row.details.title.as_deref(),
                conversation: row.details.conversation,
                resources: row.details.resources.map(|(used, disk)| Shown::new(used, None, disk)),
            }
        });
        let damaged = self.damaged.iter().map(
            |entry| json!({"id": entry.id, "why": entry.record.as_ref().err().map(ToString::to_string)}),
        );
        Listing {
            schema: 1,
            sessions: sessions.collect(),
            damaged: damaged.collect(),
            profiles: profile::json(&self.profiles, summaries),
        }
    }
}

/// What `cs list --json` prints.
#[derive(Serialize)]
struct Listing<'a> {
    schema: u32,
    sessions: Vec<ListedSession<'a>>,
    damaged: Vec<Value>,
    profiles: Vec<Value>,
}

#[derive(Serialize)]
struct ListedSession<'a> {
    name: &'a Name,
    id: Uuid,
    profile: &'a Name,
    directory: &'a str,
    isolation: Isolation,
    bare: bool,
    ephemeral: bool,
    ports: Option<Block>,
    created: jiff::Timestamp,
    used: Option<jiff::Timestamp>,
    live: bool,
    state: &'a str,
    pid: Option<u32>,
    waiting_for: Option<&'a str>,
    branch: Option<&'a str>,
    worktree: Option<&'a Worktree>,
    title: Option<&'a str>,
    conversation: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Shown>,
}

/// A block of ports.
#[derive(Serialize)]
struct Block {
    first: u16,
    last: u16,
}

impl Row {
    /// The process it is open by.
    pub(super) fn pid(&self) -> Option<u32> {
        self.open.as_ref().map(|open| open.pid)
    }

    /// The word for its state: what its live file says, `live` where that says nothing; where it is
    /// not open, `-`, or `ephemeral` if it goes by itself.
    pub(super) fn state(&self) -> &str {
        match &self.open {
            None if self.session.ephemeral => "ephemeral",
            None => "-",
            Some(open) => open.live.as_ref().and_then(|live| live.status.as_deref()).unwrap_or("live"),
        }
    }
}

/// The colour of a state.
pub(super) fn colour_of(state: &str) -> Option<&'static str> {
    match state {
        "waiting" => Some("33"),
        "-" | "ephemeral" => None,
        _ => Some("32"),
    }
}

/// What is open first, then by last use.
fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| {
        (b.open.is_some(), b.used, b.session.id).cmp(&(a.open.is_some(), a.used, a.session.id))
    });
}

/// Which sessions can be open.
enum Running {
    /// Any: each has to be looked at.
    Any,
    /// Those that some running process was given the id of.
    These(HashSet<OsString>),
}

impl Running {
    /// Above this many sessions, one look at all processes is cheaper than one at each session.
    const MANY: usize = 200;

    fn now(sessions: usize) -> Self {
        let given = if sessions > Self::MANY { os::running_with("CS_SESSION_ID") } else { None };
        given.map_or(Self::Any, Self::These)
    }

    fn may_have(&self, session: &Session) -> bool {
        match self {
            Self::Any => true,
            Self::These(ids) => ids.contains(OsStr::new(&session.id.to_string())),
        }
    }
}

fn paths_of(store: &Store, session: &Session, homes: &BTreeMap<Name, Profile>) -> Option<SessionPaths> {
    let profile = homes.get(&session.profile)?;
    Some(SessionPaths::new(&store.session_root(session.id), session.isolation, &profile.home))
}

fn details(store: &Store, row: &Row, homes: &BTreeMap<Name, Profile>, look: Option<&Look>) -> Details {
    let session = &row.session;
    let branch = Checkout::of(session.directory()).and_then(|checkout| checkout.branch());
    let newest = paths_of(store, session, homes).and_then(|paths| match session.isolation {
        Isolation::None => claude::find_conversation(&paths.config, session.id).ok().flatten(),
        _ if paths.config.join("projects").is_symlink() => {
            let run = store.last_run(&store.session_run_path(session.id));
            crate::work::conversations::newest(session, &paths, session.directory(), run.as_ref())
                .ok()
                .flatten()
        }
        _ => claude::conversations(&paths.config).unwrap_or_default().into_iter().next(),
    });
    let about = newest.as_ref().map(|newest| claude::about(newest, &session.name)).unwrap_or_default();
    let About { title, .. } = about;
    let resources = look
        .map(|look| (look.of_session(session.id, row.pid()), os::tree_size(&store.session_root(session.id))));
    Details { branch, title, conversation: newest.map(|newest| newest.id), resources }
}
