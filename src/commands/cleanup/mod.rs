//! `cs cleanup`: find what can go; list it, or with `--yes` move it to the trash.

mod caches;

use serde_json::{Value, json};

use super::report;
use crate::cli::CleanupArgs;
use crate::model::{Outcome, Result, Session};
use crate::ui::{self, Align, Table};
use crate::ui::{Progress, count};
use crate::work::cleanup::{Clearable, Done, Reason};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &CleanupArgs) -> Result<Outcome> {
    if args.caches {
        return caches::run(context, args);
    }
    let mut progress = Progress::new("looking at");
    let found = Clearable::find(context, &args.names, args.older_than, &mut |name| progress.at(name))?;
    drop(progress);
    if args.yes {
        return clear(context, args, found);
    }
    if args.json {
        report::print_json(&document(&found, None))?;
    } else {
        report::print(&table(context, &found, args))?;
    }
    if let Some(held_back) = found.held_back() {
        report::say(&held_back.message);
    }
    found.failed().map_or(Ok(Outcome::Done), Err)
}

fn clear(context: &Context, args: &CleanupArgs, mut found: Clearable) -> Result<Outcome> {
    let mut done = found.move_to_trash(context)?;
    for line in &done.worktrees {
        report::say(line);
    }
    if !args.json {
        for (session, why) in &found.staying {
            report::say(&format!("stays: {}: {why}", session.name));
        }
    }
    found.remove_for_good(context, &mut done)?;
    if args.json {
        report::print_json(&document(&found, Some(&done)))?;
    } else {
        say_done(&found, &done);
    }
    done.failed.or_else(|| found.held_back()).map_or(Ok(Outcome::Done), Err)
}

fn document(found: &Clearable, done: Option<&Done>) -> Value {
    let (to_trash, for_good) = found.bytes();
    let did = |session: &Session| done.is_some_and(|done| done.moved.contains(&session.id));
    json!({
        "schema": 1,
        "done": done.is_some(),
        "sessions": found.going.iter().map(|going| json!({
            "name": going.session.name, "id": going.session.id, "profile": going.session.profile,
            "directory": going.session.directory, "used": going.verdict.used, "bytes": going.bytes,
            "reasons": going.verdict.reasons.iter().map(Reason::word).collect::<Vec<_>>(),
            "why": going.verdict.why(), "moved": did(&going.session),
        })).collect::<Vec<_>>(),
        "kept": found.staying.iter().map(|(session, why)| json!({
            "name": session.name, "id": session.id, "why": why,
        })).collect::<Vec<_>>(),
        "damaged": found.damaged.iter().map(|(id, why)| json!({"id": id, "why": why})).collect::<Vec<_>>(),
        "leftovers": found.leftovers.iter().map(|(leftover, bytes)| json!({
            "what": leftover.what(), "path": leftover.path().to_string_lossy(), "bytes": bytes,
        })).collect::<Vec<_>>(),
        "trash": found.old_trash.iter().map(|(piece, bytes)| json!({
            "path": piece.path().to_string_lossy(), "bytes": bytes,
        })).collect::<Vec<_>>(),
        "bytes": {"to_trash": to_trash, "for_good": for_good},
    })
}

fn table(context: &Context, found: &Clearable, args: &CleanupArgs) -> String {
    let mut text = String::new();
    if !found.going.is_empty() {
        let now = jiff::Timestamp::now();
        let mut table = Table::new(&[
            ("NAME", Align::Left),
            ("LAST USED", Align::Right),
            ("SIZE", Align::Right),
            ("WHY", Align::Shrink),
            ("DIRECTORY", Align::ShrinkFront),
        ]);
        for going in &found.going {
            table.row(
                [
                    going.session.name.to_string(),
                    ui::age(going.verdict.used, now),
                    ui::size(going.bytes),
                    going.verdict.why(),
                    going.session.directory.clone(),
                ],
                None,
            );
        }
        text.push_str(&table.render(ui::width(), context.colours()));
    }
    for (leftover, bytes) in &found.leftovers {
        let path = leftover.path().display().to_string();
        let line = format!("left over: {}, {}: {path}", leftover.what(), ui::size(*bytes));
        text.push_str(&ui::escape(&line));
        text.push('\n');
    }
    for (session, why) in &found.staying {
        text.push_str(&ui::escape(&format!("stays: {}: {why}", session.name)));
        text.push('\n');
    }
    for (id, why) in &found.damaged {
        text.push_str(&ui::escape(&format!("stays: {id}: {why}")));
        text.push('\n');
    }
    if !text.is_empty() {
        text.push('\n');
    }
    if found.is_nothing() {
        text.push_str("there is nothing to clean up\n");
        return text;
    }
    let (to_trash, _) = found.bytes();
    if !found.going.is_empty() {
        text.push_str(&format!(
            "to the trash: {}, {}, which is free when the trash is emptied\n",
            count(found.going.len(), "session"),
            ui::size(to_trash)
        ));
    }
    let sum = |these: &mut dyn Iterator<Item = u64>| ui::size(these.sum());
    if !found.old_trash.is_empty() {
        let age = "what is in the trash for longer than keep_trash";
        let bytes = sum(&mut found.old_trash.iter().map(|(_, bytes)| *bytes));
        text.push_str(&format!("for good: {} ({age}), {bytes}\n", count(found.old_trash.len(), "thing")));
    }
    if !found.leftovers.is_empty() {
        let bytes = sum(&mut found.leftovers.iter().map(|(_, bytes)| *bytes));
        text.push_str(&format!("for good: {}, {bytes}\n", count(found.leftovers.len(), "leftover")));
    }
    let names: String = args.names.iter().map(|name| format!(" {name}")).collect();
    let age = args.older_than.map(|age| format!(" --older-than {age}")).unwrap_or_default();
    text.push_str(&ui::escape(&format!("to do it: cs cleanup --yes{age}{names}")));
    text.push('\n');
    text
}

fn say_done(found: &Clearable, done: &Done) {
    if found.is_nothing() {
        report::say("there is nothing to clean up");
    }
    if !done.moved.is_empty() {
        let names: Vec<&str> = found
            .going
            .iter()
            .filter(|going| done.moved.contains(&going.session.id))
            .map(|going| going.session.name.as_str())
            .collect();
        report::say(&format!(
            "moved {} to the trash ({}): {}; to undo: cs restore NAME",
            count(names.len(), "session"),
            ui::size(done.to_trash),
            names.join(", ")
        ));
    }
    if done.emptied > 0 || done.swept > 0 {
        report::say(&format!(
            "removed for good: {} in the trash and {}, {}",
            count(done.emptied, "thing"),
            count(done.swept, "leftover"),
            ui::size(done.for_good)
        ));
    }
}
