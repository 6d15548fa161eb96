//! Watching what is open, and what it uses: one measurement after another.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::claude::{self, ConfigGround};
use crate::model::{Name, Result};
use crate::os::{self, Size, Used};
use crate::work::context::Context;
use crate::work::listing::{Listing, Row};
use crate::work::resources::{Look, Shown};

/// How long a measurement of the space on the disk is used again.
const DISK: Duration = Duration::from_secs(30);

/// A session or profile that is open.
#[derive(Serialize)]
pub(crate) struct Entry {
    kind: &'static str,
    /// Its name.
    pub name: Name,
    /// Its profile.
    pub profile: Name,
    /// The word for its state.
    pub state: String,
    /// The process it is open by.
    pub pid: u32,
    /// When it was last used.
    pub used: Option<jiff::Timestamp>,
    #[serde(flatten)]
    shown: Shown,
    /// The memory and processor time of its processes.
    #[serde(skip)]
    pub amount: Used,
    /// The load of the processor by it since the measurement before; `None` at the first.
    #[serde(skip)]
    pub percent: Option<f64>,
    /// The space it takes on the disk.
    #[serde(skip)]
    pub disk: Size,
}

/// The measurements so far: the load of a processor takes two.
#[derive(Default)]
pub(crate) struct Watch {
    before: HashMap<Name, Used>,
    measured: Option<Instant>,
    disk: HashMap<PathBuf, (Instant, Size)>,
}

impl Watch {
    /// Returns what is open now, and what it uses.
    pub(crate) fn measure(&mut self, context: &Context) -> Result<Vec<Entry>> {
        let open = open(context)?;
        let look = Look::now();
        let now = Instant::now();
        let passed = self.measured.replace(now).map(|before| (now - before).as_secs_f64());
        let mut entries = Vec::with_capacity(open.len());
        let mut seen = HashMap::new();
        for found in open {
            let amount = match &found.row {
                Some(row) => look.of_session(row.session.id, Some(found.pid)),
                None => look.of_processes(&found.pids),
            };
            let percent = self.before.get(&found.name).zip(passed).map(|(before, passed)| {
                100.0 * amount.processor.saturating_sub(before.processor).as_secs_f64() / passed
            });
            let disk = self.disk_of(found.root, now);
            seen.insert(found.name.clone(), amount);
            entries.push(Entry {
                kind: if found.row.is_some() { "session" } else { "profile" },
                name: found.name,
                profile: found.profile,
                state: found.state,
                pid: found.pid,
                used: found.used,
                shown: Shown::new(amount, percent, disk),
                amount,
                percent,
                disk,
            });
        }
        self.before = seen;
        entries.sort_by(|a, b| (b.amount.memory, &a.name).cmp(&(a.amount.memory, &b.name)));
        Ok(entries)
    }

    fn disk_of(&mut self, root: PathBuf, now: Instant) -> Size {
        match self.disk.get(&root) {
            Some((then, size)) if now - *then < DISK => *size,
            _ => {
                let size = os::tree_size(&root);
                self.disk.insert(root, (now, size));
                size
            }
        }
    }
}

/// Something open, before it is known what it uses.
struct OpenNow {
    row: Option<Row>,
    name: Name,
    profile: Name,
    state: String,
    pid: u32,
    pids: Vec<u32>,
    used: Option<jiff::Timestamp>,
    root: PathBuf,
}

/// Returns the sessions that are open, and the profiles that are open themselves.
fn open(context: &Context) -> Result<Vec<OpenNow>> {
    let store = context.store()?;
    let Listing { profiles, rows, .. } = Listing::read(context)?;
    let mut found = Vec::new();
    let mut known = Vec::new();
    for row in rows {
        let Some(pid) = row.pid() else { continue };
        known.push(pid);
        found.push(OpenNow {
            name: row.session.name.clone(),
            profile: row.session.profile.clone(),
            state: row.state().to_owned(),
            pid,
            pids: vec![pid],
            used: row.used,
            root: store.session_root(row.session.id),
            row: Some(row),
        });
    }
    for profile in profiles.into_iter().filter_map(|entry| entry.profile.ok()) {
        let config = profile.home.directory();
        // Sessions without a directory of their own are in that of their profile.
        let live: Vec<_> = claude::live_in(&ConfigGround::of_profile(&config))
            .into_iter()
            .filter(|live| !known.contains(&live.pid))
            .collect();
        let Some(first) = live.first() else { continue };
        found.push(OpenNow {
            row: None,
            name: profile.name.clone(),
            profile: profile.name,
            state: first.status.clone().unwrap_or_else(|| "live".to_owned()),
            pid: first.pid,
            pids: live.iter().map(|live| live.pid).collect(),
            used: None,
            root: config,
        });
    }
    Ok(found)
}
