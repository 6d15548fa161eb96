//! `cs wt list`: the worktrees of a repository, and what is left to do in each.

use std::path::Path;

use serde_json::{Value, json};

use crate::commands::report;
use crate::git::{Repository, State};
use crate::model::{Outcome, Result};
use crate::ui::Progress;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::worktrees::listing::{self, Row};
use crate::work::worktrees::tree;

pub(super) fn run(context: &Context, all: bool, as_json: bool) -> Result<Outcome> {
    let mut progress = Progress::new("looking at");
    let (repositories, rows) = listing::rows(context, all, move |about| progress.at(about))?;
    if as_json {
        let rows: Vec<Value> = rows.iter().map(document).collect();
        report::print_json(&json!({"schema": 1, "worktrees": rows}))?;
        return Ok(Outcome::Done);
    }
    if rows.is_empty() {
        report::say(match repositories.as_slice() {
            [] => "no session has a worktree; to make one, in a git repository: cs -w NAME",
            _ => "there are no worktrees; to make one: cs -w NAME",
        });
        return Ok(Outcome::Done);
    }
    let home = context.home().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default();
    report::print(&table(context, &rows, &repositories, &home))?;
    Ok(Outcome::Done)
}

fn table(context: &Context, rows: &[Row], repositories: &[Repository], home: &str) -> String {
    let now = jiff::Timestamp::now();
    let mut text = String::new();
    for repository in repositories {
        let mine = || rows.iter().filter(|row| row.tree.repository == *repository);
        if mine().next().is_none() {
            continue;
        }
        if repositories.len() > 1 {
            text.push_str(&ui::escape(&ui::short(&repository.main.to_string_lossy(), home)));
            text.push('\n');
        }
        let mut table = Table::new(&[
            ("NAME", Align::Shrink),
            ("STATE", Align::Left),
            ("SIZE", Align::Right),
            ("SESSION", Align::Shrink),
            ("BRANCH", Align::Shrink),
            ("PATH", Align::ShrinkFront),
        ]);
        for row in mine() {
            let (state, colour) = shown(row);
            let path = row.tree.root();
            let inside = path.strip_prefix(&repository.main).unwrap_or(path);
            // Where a worktree usually is, its name says.
            let is_usual = inside.parent() == Some(Path::new(".claude/worktrees"));
            let cells = [
                row.tree.name(),
                state,
                if row.tree.is_gone() { String::new() } else { ui::size(row.bytes) },
                session(row, now),
                row.tree.entry.branch.clone().unwrap_or_else(|| "(none)".into()),
                if is_usual {
                    String::new()
                } else {
                    ui::short(&inside.to_string_lossy(), home).into_owned()
                },
            ];
            table.row(cells, colour);
        }
        text.push_str(&table.render(ui::width(), context.colours()));
        if repositories.len() > 1 {
            text.push('\n');
        }
    }
    text
}

/// Returns the words for its state, with a colour.
fn shown(row: &Row) -> (String, Option<&'static str>) {
    let state = match &row.state {
        Ok(state) => state,
        Err(_) if row.tree.is_gone() => return ("gone".into(), Some("31")),
        Err(_) => return ("broken".into(), Some("31")),
    };
    let mut words = Vec::new();
    words.extend(state.unfinished.map(|what| format!("in a {what}")));
    if state.is_dirty() {
        words.push(tree::changes(state));
    }
    let commits = [(state.ahead, '+'), (state.behind, '-')];
    let commits = commits.into_iter().filter(|(count, _)| *count > 0);
    let commits: Vec<String> = commits.map(|(count, sign)| format!("{sign}{count}")).collect();
    if state.merged {
        // What is not committed is not merged.
        words.extend((!state.is_dirty()).then(|| "merged".into()));
    } else if !commits.is_empty() {
        words.push(commits.join(" "));
    }
    if !state.merged && state.alone == 0 && state.ahead > 0 {
        words.push("pushed".into());
    }
    if row.is_locked() {
        words.push("locked".into());
    }
    let saved = !state.is_dirty() && state.unfinished.is_none();
    (words.join(", "), if saved && state.merged { None } else { Some("33") })
}

/// Returns its session, with how long it was not used.
fn session(row: &Row, now: jiff::Timestamp) -> String {
    let Some(session) = row.tree.owner() else { return String::new() };
    let more = row.tree.sessions.len() - 1;
    let used = row.used.unwrap_or(session.created);
    let state = if row.open.contains(&true) { "open".into() } else { ui::age(used, now) };
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    if more.is_empty() && session.name.as_str() == row.tree.name() {
        return state;
    }
    format!("{}{more}, {state}", session.name)
}

fn document(row: &Row) -> Value {
    let state = row.state.as_ref().ok();
    let entry = &row.tree.entry;
    let sessions = row.tree.sessions.iter().zip(&row.open);
    let sessions: Vec<Value> = sessions
        .map(|(session, open)| json!({"name": session.name, "id": session.id, "live": open}))
        .collect();
    json!({
        "name": row.tree.name(),
        "path": entry.path.to_string_lossy(),
        "repository": row.tree.repository.main.to_string_lossy(),
        "branch": entry.branch,
        "head": entry.head,
        "onto": state.and_then(|state| Some(&state.onto.as_ref()?.name)),
        "ahead": state.map(|state| state.ahead),
        "behind": state.map(|state| state.behind),
        "dirty": state.map(dirty),
        "unfinished": state.and_then(|state| state.unfinished),
        "merged": state.map(|state| state.merged),
        "unpushed": state.map(|state| state.alone),
        "locked": entry.locked,
        "prunable": entry.prunable,
        "error": row.state.as_ref().err(),
        "bytes": row.bytes,
        "session": sessions.first(),
        "sessions": sessions,
    })
}

fn dirty(state: &State) -> Value {
    let nested: Vec<_> = state.nested.iter().map(|path| path.to_string_lossy()).collect();
    json!({"changed": state.changed, "untracked": state.untracked, "nested": nested})
}
