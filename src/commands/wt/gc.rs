//! `cs wt gc`: find worktrees whose work is done; list them, or take them away.

use serde_json::{Value, json};

use super::removed;
use crate::commands::report;
use crate::model::{Age, Failure, Outcome, Result};
use crate::ui::Progress;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::worktrees::clearing::{self, Judged};
use crate::work::worktrees::removing::{self, Removed};

/// The options of `cs wt gc`.
pub(super) struct GcOptions {
    pub all: bool,
    pub older_than: Option<Age>,
    pub yes: bool,
    pub json: bool,
}

pub(super) fn run(context: &Context, options: &GcOptions) -> Result<Outcome> {
    let mut progress = Progress::new("looking at");
    let at = move |about: &str| progress.at(about);
    let mut judged = clearing::judge_all(context, options.all, options.older_than, at)?;
    if !options.yes {
        if options.json {
            report::print_json(&shown(&judged, None))?;
        } else {
            report::print(&table(context, &judged, options))?;
        }
        return Ok(Outcome::Done);
    }
    let mut gone: Vec<(String, Removed)> = Vec::new();
    let mut failed: Option<Failure> = None;
    for one in judged.iter_mut().filter(|one| one.stays.is_none()) {
        match removing::remove(context, &one.tree, false, false) {
            Ok(removed) => gone.push((one.tree.root().to_string_lossy().into_owned(), removed)),
            Err(failure) => {
                one.stays = Some(failure.message.clone());
                if let Some(earlier) = failed.replace(failure) {
                    report::say(&earlier.message);
                }
            }
        }
    }
    if options.json {
        let paths: Vec<&str> = gone.iter().map(|(path, _)| path.as_str()).collect();
        report::print_json(&shown(&judged, Some(&paths)))?;
    } else if gone.is_empty() && failed.is_none() {
        report::say("there is nothing to clean up");
    }
    for (_, removed) in &gone {
        if !options.json {
            removed::say(removed);
        }
    }
    failed.map_or(Ok(Outcome::Done), Err)
}

fn table(context: &Context, judged: &[Judged], options: &GcOptions) -> String {
    let now = jiff::Timestamp::now();
    let home = context.home().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default();
    let going: Vec<&Judged> = judged.iter().filter(|one| one.stays.is_none()).collect();
    let mut text = String::new();
    if !going.is_empty() {
        let mut table = Table::new(&[
            ("NAME", Align::Left),
            ("LAST USED", Align::Right),
            ("SIZE", Align::Right),
            ("WHY", Align::Shrink),
            ("PATH", Align::ShrinkFront),
        ]);
        for one in &going {
            let path = one.tree.root().to_string_lossy();
            table.row(
                [
                    one.tree.name(),
                    one.used.map(|used| ui::age(used, now)).unwrap_or_default(),
                    ui::size(one.bytes),
                    one.why().to_owned(),
                    ui::short(&path, &home).into_owned(),
                ],
                None,
            );
        }
        text.push_str(&table.render(ui::width(), context.colours()));
    }
    for one in judged {
        if let Some(why) = &one.stays {
            text.push_str(&ui::escape(&format!("stays: {}: {why}", one.tree.name())));
            text.push('\n');
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    if going.is_empty() {
        text.push_str("there is nothing to clean up\n");
        return text;
    }
    let bytes = ui::size(going.iter().map(|one| one.bytes).sum());
    let all = if options.all { " --all" } else { "" };
    let age = options.older_than.map(|age| format!(" --older-than {age}")).unwrap_or_default();
    text.push_str(&format!(
        "to the trash: {}, {bytes}, which is free when the trash is emptied\nto do it: cs wt gc --yes{all}{age}\n",
        ui::count(going.len(), "worktree")
    ));
    text
}

fn shown(judged: &[Judged], removed: Option<&[&str]>) -> Value {
    let path = |one: &Judged| one.tree.root().to_string_lossy().into_owned();
    let about = |one: &Judged| {
        json!({
            "name": one.tree.name(), "path": path(one), "branch": one.tree.entry.branch, "used": one.used,
            "repository": one.tree.repository.main.to_string_lossy(), "bytes": one.bytes,
            "session": one.tree.owner().map(|session| json!({"name": session.name, "id": session.id})),
        })
    };
    let with = |one: &Judged, key: &str, value: Value| {
        let mut about = about(one);
        about[key] = value;
        about
    };
    let did = |one: &Judged| removed.is_some_and(|removed| removed.contains(&path(one).as_str()));
    let going = judged.iter().filter(|one| one.stays.is_none());
    let going: Vec<Value> = going
        .map(|one| {
            let mut about = with(one, "removed", did(one).into());
            about["why"] = one.why().into();
            about
        })
        .collect();
    let staying = judged.iter().filter_map(|one| Some(with(one, "why", one.stays.clone()?.into())));
    json!({"schema": 1, "done": removed.is_some(), "worktrees": going, "kept": staying.collect::<Vec<_>>()})
}
