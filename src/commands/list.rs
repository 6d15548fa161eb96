//! `cs list`: sessions and profiles.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{report, tables};
use crate::cli::ListArgs;
use crate::model::{Isolation, Name, Outcome, Result, Worktree};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::directory;
use crate::work::listing::{self, Listing, NEWEST, Row, Summary};
use crate::work::resources::{self, Look, Shown};

pub(super) fn run(context: &Context, args: &ListArgs) -> Result<Outcome> {
    let mut listing = Listing::read(context)?;
    // Of all sessions, also where only some are shown.
    let summaries = listing::summaries(context, &listing.profiles, &listing.rows)?;
    if let Some(profile) = &args.profile {
        let profile = context.resolve_profile(profile)?;
        listing.rows.retain(|row| row.session.profile == profile.name);
    }
    if let Some(directory) = &args.dir {
        listing.retain_below(&directory::existing_directory(context, directory)?);
    }
    if args.live {
        listing.rows.retain(|row| row.open.is_some());
    }
    let look = args.resources.then(Look::now);
    listing.look_closer(if args.all { usize::MAX } else { NEWEST }, look.as_ref());
    if args.json {
        report::print_json(&Document::of(&listing, &summaries))?;
        return Ok(Outcome::Done);
    }
    let terminal = ui::width();
    let shown = if args.all || terminal.is_none() { usize::MAX } else { NEWEST };
    let home = context.home()?;
    report::print(&table(context, &listing, &summaries, shown, terminal, &home.to_string_lossy()))?;
    Ok(Outcome::Done)
}

fn table(
    context: &Context,
    listing: &Listing,
    summaries: &[Summary],
    most: usize,
    width: Option<usize>,
    home: &str,
) -> String {
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
    for row in listing.rows.iter().take(most) {
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
            ui::short(&row.session.directory, home),
            about(&row.details.branch),
            used.map(|(used, _)| resources::memory(*used)).unwrap_or_default().into(),
            used.map(|(used, _)| resources::processor(*used)).unwrap_or_default().into(),
            used.map(|(_, disk)| ui::size(disk.bytes)).unwrap_or_default().into(),
            row.used.map(|used| ui::age(used, now)).unwrap_or_default().into(),
            about(&row.details.title),
        ];
        table.row(cells, tables::colour_of(state));
    }
    for entry in &listing.damaged {
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
    if listing.rows.is_empty() && listing.damaged.is_empty() {
        text.push_str("no session yet; to make one here: cs NAME\n");
    } else {
        text.push_str(&table.render(width, context.colours()));
    }
    if listing.rows.len() > most {
        text.push_str(&format!("… and {} more: cs list --all\n", listing.rows.len() - most));
    }
    text.push('\n');
    text.push_str(&tables::profiles(context, &listing.profiles, summaries, width, now));
    text
}

/// The document of `cs list --json`.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    sessions: Vec<ListedSession<'a>>,
    damaged: Vec<Value>,
    profiles: Vec<Value>,
}

impl<'a> Document<'a> {
    fn of(listing: &'a Listing, summaries: &[Summary]) -> Self {
        let damaged = listing.damaged.iter().map(
            |entry| json!({"id": entry.id, "why": entry.record.as_ref().err().map(ToString::to_string)}),
        );
        Self {
            schema: 1,
            sessions: listing.rows.iter().map(ListedSession::of).collect(),
            damaged: damaged.collect(),
            profiles: tables::profiles_json(&listing.profiles, summaries),
        }
    }
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

impl<'a> ListedSession<'a> {
    fn of(row: &'a Row) -> Self {
        let live = row.open.as_ref().and_then(|open| open.live.as_ref());
        Self {
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
    }
}

/// A block of ports.
#[derive(Serialize)]
struct Block {
    first: u16,
    last: u16,
}
