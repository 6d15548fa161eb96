//! `cs du [NAME]`: how much room sessions, profiles and the trash take.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::report;
use crate::claude::{CACHES, CONVERSATIONS};
use crate::cli::DuArgs;
use crate::model::{Isolation, Outcome, Profile, Result, Session, Subject};
use crate::os::{self, Size};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::removal::paths_of;

/// How much room one thing takes.
struct Row {
    kind: &'static str,
    name: String,
    path: PathBuf,
    conversations: Size,
    caches: Size,
    other: Size,
    /// What is wrong with it.
    note: Option<String>,
}

impl Row {
    fn total(&self) -> u64 {
        self.conversations.bytes + self.caches.bytes + self.other.bytes
    }

    fn files(&self) -> u64 {
        self.conversations.files + self.caches.files + self.other.files
    }
}

pub(super) fn run(context: &Context, args: &DuArgs) -> Result<Outcome> {
    let mut rows = match &args.name {
        Some(name) => match context.resolve(name)? {
            Subject::Session(session, _) => vec![session_row(context, &session)?],
            Subject::Profile(profile) => vec![profile_row(context, &profile)?],
        },
        None => everything(context)?,
    };
    rows.sort_by(|a, b| (b.total(), &a.name).cmp(&(a.total(), &b.name)));
    let total: u64 = rows.iter().map(Row::total).sum();
    if args.json {
        let size = |size: Size| json!({"bytes": size.bytes, "files": size.files});
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "kind": row.kind, "name": row.name, "path": row.path.to_string_lossy(),
                    "bytes": row.total(), "files": row.files(), "conversations": size(row.conversations),
                    "caches": size(row.caches), "other": size(row.other), "note": row.note,
                })
            })
            .collect();
        report::print_json(&json!({"schema": 1, "rows": rows, "bytes": total}))?;
        return Ok(Outcome::Done);
    }
    report::print(&table(&rows, total))?;
    Ok(Outcome::Done)
}

fn table(rows: &[Row], total: u64) -> String {
    let mut table = Table::new(&[
        ("SIZE", Align::Right),
        ("KIND", Align::Left),
        ("NAME", Align::Shrink),
        ("CONVERSATIONS", Align::Right),
        ("CACHES", Align::Right),
        ("OTHER", Align::Right),
        ("FILES", Align::Right),
        ("", Align::Shrink),
    ]);
    let part = |size: Size| if size.bytes == 0 { "-".to_owned() } else { ui::size(size.bytes) };
    for row in rows {
        table.row(
            [
                ui::size(row.total()),
                row.kind.to_owned(),
                row.name.clone(),
                part(row.conversations),
                part(row.caches),
                part(row.other),
                row.files().to_string(),
                row.note.clone().unwrap_or_default(),
            ],
            None,
        );
    }
    let mut text = table.render(ui::width(), ui::colour_stdout());
    if rows.len() != 1 {
        text.push_str(&format!("{} in all\n", ui::size(total)));
    }
    text
}

fn everything(context: &Context) -> Result<Vec<Row>> {
    let store = context.store()?;
    let mut progress = ui::Progress::new("measuring");
    let mut rows = Vec::new();
    for entry in store.sessions()? {
        match entry.record {
            Ok(session) => {
                progress.at(session.name.as_str());
                rows.push(match session_row(context, &session) {
                    Ok(row) => row,
                    // Its profile's record is damaged: its own files are still to be measured.
                    Err(failure) => {
                        let path = store.session_root(session.id);
                        plain_row("session", session.name.to_string(), path, Some(failure.message))
                    }
                });
            }
            Err(damage) => {
                let path = store.session_root(entry.id);
                rows.push(plain_row("session", entry.id.to_string(), path, Some(damage.to_string())));
            }
        }
    }
    for entry in store.profiles(&context.home()?) {
        progress.at(entry.name.as_str());
        rows.push(match entry.profile {
            Ok(profile) => profile_row(context, &profile)?,
            Err(damage) => {
                let path = store.profile_root(&entry.name);
                plain_row("profile", entry.name.to_string(), path, Some(damage.to_string()))
            }
        });
    }
    progress.at("the trash");
    for (kind, room) in [("trash", "trash"), ("staging", "staging")] {
        let path = store.root().join(room);
        if std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()) {
            rows.push(plain_row(kind, String::new(), path, None));
        }
    }
    // What several sessions have in common is counted once, and for none of them.
    let history = store.groups_dir();
    let mut groups = os::names_in(&history, "");
    groups.sort_unstable();
    for group in groups {
        let mut row = plain_row("history", group.clone(), history.join(group), None);
        std::mem::swap(&mut row.conversations, &mut row.other);
        rows.push(row);
    }
    Ok(rows)
}

fn plain_row(kind: &'static str, name: String, path: PathBuf, note: Option<String>) -> Row {
    let other = os::tree_size(&path);
    Row { kind, name, path, conversations: Size::default(), caches: Size::default(), other, note }
}

fn session_row(context: &Context, session: &Session) -> Result<Row> {
    let (paths, _) = paths_of(context, session)?;
    let mut row = plain_row("session", session.name.to_string(), paths.root.clone(), None);
    // The conversations of one that is not isolated are its profile's.
    if session.isolation != Isolation::None {
        split(&mut row, &paths.config);
    }
    Ok(row)
}

/// A profile: its config directory, wherever that is, with login and plugins, and what `cs` keeps of it.
fn profile_row(context: &Context, profile: &Profile) -> Result<Row> {
    let root = context.store()?.profile_root(&profile.name);
    let config = profile.home.directory();
    let mut row = plain_row("profile", profile.name.to_string(), config.clone(), None);
    if config.starts_with(&root) {
        row.other = os::tree_size(&root);
    } else {
        row.other += os::tree_size(&root);
    }
    if !config.is_dir() {
        row.note = Some("has no config directory yet".into());
    }
    split(&mut row, &config);
    Ok(row)
}

/// Takes conversations and caches in the config directory `config` out of what is other.
fn split(row: &mut Row, config: &Path) {
    let sum = |items: &[&str]| {
        let mut size = Size::default();
        for item in items {
            size += os::tree_size(&config.join(item));
        }
        size
    };
    row.conversations = sum(CONVERSATIONS);
    row.caches = sum(CACHES);
    let taken = |all: u64, a: u64, b: u64| all.saturating_sub(a).saturating_sub(b);
    row.other = Size {
        bytes: taken(row.other.bytes, row.conversations.bytes, row.caches.bytes),
        files: taken(row.other.files, row.conversations.files, row.caches.files),
    };
}
