//! `cs top`: what is open, and what it uses.

use std::time::Duration;

use serde::Serialize;

use super::{report, tables};
use crate::cli::TopArgs;
use crate::model::{Outcome, Result};
use crate::os::{self, Processes};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::resources;
use crate::work::watch::{Entry, Watch};

/// Between two looks on a screen.
#[cfg(unix)]
const EACH: Duration = Duration::from_secs(2);

/// Between the two looks that a single table takes, to see how busy the processor is.
const SHORT: Duration = Duration::from_millis(300);

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
        let first = watch.measure(context)?;
        let (columns, _) = screen.size();
        screen.show(&page(context, &first, columns));
        let mut wait = SHORT;
        while screen.wait(wait) == ui::WaitEnded::Time {
            let seen = watch.measure(context)?;
            let (columns, _) = screen.size();
            screen.show(&page(context, &seen, columns));
            wait = EACH;
        }
        return Ok(Outcome::Done);
    }
    watch.measure(context)?;
    std::thread::sleep(SHORT);
    let seen = watch.measure(context)?;
    if args.json {
        report::print_json(&Document { schema: 1, memory_free_bytes: os::free_memory(), open: &seen })?;
    } else {
        report::print(&table(context, &seen, ui::width()))?;
    }
    Ok(Outcome::Done)
}

/// The document of `cs top --json`.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    memory_free_bytes: Option<u64>,
    open: &'a [Entry],
}

fn table(context: &Context, entries: &[Entry], width: Option<usize>) -> String {
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
    table.render(width, context.colours())
}

/// A screen: a line on all of it, and the table.
#[cfg(unix)]
fn page(context: &Context, entries: &[Entry], columns: usize) -> String {
    let memory: u64 = entries.iter().map(|entry| entry.amount.memory).sum();
    let free = os::free_memory().map(|free| format!(", {} free", ui::size(free))).unwrap_or_default();
    let head = format!("cs top: {} open, {} of memory{free}; q leaves", entries.len(), ui::size(memory));
    let head: String = head.chars().take(columns).collect();
    format!("{head}\n\n{}", table(context, entries, Some(columns)))
}
