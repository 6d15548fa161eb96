//! `cs top`: what is open, and what it uses.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{report, tables};
use crate::claude;
use crate::cli::TopArgs;
use crate::model::{Name, Outcome, Result};
use crate::os::{self, Processes, Size, Used};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::listing::{Listing, Row};
use crate::work::resources::{self, Look, Shown};

/// Between two looks on a screen.
#[cfg(unix)]
const EACH: Duration = Duration::from_secs(2);

/// Between the two looks that a single table takes, to see how busy the processor is.
const SHORT: Duration = Duration::from_millis(300);

/// For how long the room on the disk is not looked at again.
const DISK: Duration = Duration::from_secs(30);

pub(super) fn run(context: &Context, args: &TopArgs) -> Result<Outcome> {
    let mut watch = Watch::default();
    if !Processes::KNOWN {
        report::say("this system does not say what processes use: memory and processor are not shown");
    }
    #[cfg(unix)]
    if !args.once
        && !args.json
        && let Some(screen) = ui::Screen::take()
    {
        let first = watch.look(context)?;
        let (columns, _) = screen.size();
        screen.show(&page(&first, columns));
        let mut wait = SHORT;
        while screen.wait(wait) == ui::WaitEnded::Time {
            let seen = watch.look(context)?;
            let (columns, _) = screen.size();
            screen.show(&page(&seen, columns));
            wait = EACH;
        }
        return Ok(Outcome::Done);
    }
    watch.look(context)?;
    std::thread::sleep(SHORT);
    let seen = watch.look(context)?;
    if args.json {
        report::print_json(&Document { schema: 1, memory_free_bytes: os::free_memory(), open: &seen })?;
    } else {
        report::print(&table(&seen, ui::width()))?;
    }
    Ok(Outcome::Done)
}

/// A session or profile that is open.
#[derive(Serialize)]
struct Entry {
    kind: &'static str,
    name: Name,
    profile: Name,
    state: String,
    pid: u32,
    used: Option<jiff::Timestamp>,
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip)]
    amount: Used,
    #[serde(skip)]
    percent: Option<f64>,
    #[serde(skip)]
    disk: Size,
}

/// What `cs top --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    memory_free_bytes: Option<u64>,
    open: &'a [Entry],
}

/// What was seen before: how busy the processor is takes two looks.
#[derive(Default)]
struct Watch {
    before: HashMap<Name, Used>,
    looked: Option<Instant>,
    disk: HashMap<PathBuf, (Instant, Size)>,
}

impl Watch {
    fn look(&mut self, context: &Context) -> Result<Vec<Entry>> {
        let open = open(context)?;
        let look = Look::now();
        let now = Instant::now();
        let passed = self.looked.replace(now).map(|before| (now - before).as_secs_f64());
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

/// What is open, before it is known what it uses.
struct Found {
    row: Option<Row>,
    name: Name,
    profile: Name,
    state: String,
    pid: u32,
    pids: Vec<u32>,
    used: Option<jiff::Timestamp>,
    root: PathBuf,
}

/// The sessions that are open, and the profiles that are open themselves.
fn open(context: &Context) -> Result<Vec<Found>> {
    let store = context.store()?;
    let Listing { profiles, rows, .. } = Listing::read(context)?;
    let mut found = Vec::new();
    let mut known = Vec::new();
    for row in rows {
        let Some(pid) = row.pid() else { continue };
        known.push(pid);
        found.push(Found {
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
        let live: Vec<_> =
            claude::live_in(&config).into_iter().filter(|live| !known.contains(&live.pid)).collect();
        let Some(first) = live.first() else { continue };
        found.push(Found {
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

fn table(entries: &[Entry], width: Option<usize>) -> String {
    if entries.is_empty() {
        return "nothing is open\n".to_owned();
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&[
        ("STATE", Align::Left),
        ("NAME", Align::Shrink),
        ("PROFILE", Align::Shrink),
        ("PID", Align::Right),
        ("PROCS", Align::Right),
        ("MEM", Align::Right),
        ("CPU %", Align::Right),
        ("DISK", Align::Right),
        ("AGE", Align::Right),
    ]);
    for entry in entries {
        let procs = entry.amount.processes;
        table.row(
            [
                entry.state.clone(),
                entry.name.to_string(),
                entry.profile.to_string(),
                entry.pid.to_string(),
                if procs == 0 { String::new() } else { procs.to_string() },
                resources::memory(entry.amount),
                entry
                    .percent
                    .filter(|_| procs > 0)
                    .map(|percent| format!("{percent:.0}"))
                    .unwrap_or_default(),
                ui::size(entry.disk.bytes),
                entry.used.map(|used| ui::age(used, now)).unwrap_or_default(),
            ],
            tables::colour_of(&entry.state),
        );
    }
    table.render(width, ui::colour_stdout())
}

/// A screen: a line on all of it, and the table.
#[cfg(unix)]
fn page(entries: &[Entry], columns: usize) -> String {
    let memory: u64 = entries.iter().map(|entry| entry.amount.memory).sum();
    let free = os::free_memory().map(|free| format!(", {} free", ui::size(free))).unwrap_or_default();
    let head = format!("cs top: {} open, {} of memory{free}; q leaves", entries.len(), ui::size(memory));
    let head: String = head.chars().take(columns).collect();
    format!("{head}\n\n{}", table(entries, Some(columns)))
}
