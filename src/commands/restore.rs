//! `cs restore [NAME]`: bring a session or profile back from the trash, or list the trash.

use serde_json::json;

use super::context::Context;
use super::report;
use crate::cli::RestoreArgs;
use crate::model::{Failure, Name, Outcome, Result};
use crate::store::{Trashed, TrashedKind};
use crate::ui::{self, Align, Table};

pub(super) fn run(context: &Context, args: &RestoreArgs) -> Result<Outcome> {
    let trash = context.store()?.trash();
    let Some(wanted) = &args.name else { return list(&trash, args.json) };
    let matches = |trashed: &&Trashed| {
        trashed.name().as_str().eq_ignore_ascii_case(wanted)
            || matches!(&trashed.kind, TrashedKind::Session(session) if session.id.to_string() == *wanted)
    };
    // A session whose return under another name was cut short has that name already.
    let half = args.new.as_deref().and_then(|new| context.store().ok()?.half_restored(&Name::new(new).ok()?));
    let Some(trashed) = trash.iter().find(matches).or(half.as_ref()) else {
        return Err(Failure::not_found(format!("there is no '{wanted}' in the trash"))
            .hint("to see what is: cs restore"));
    };
    let name: Name = match (&args.new, &trashed.kind) {
        (Some(_), TrashedKind::Profile(_)) => {
            return Err(Failure::refused("a profile keeps its name").hint(format!("cs restore {wanted}")));
        }
        (Some(new), TrashedKind::Session(_)) => Context::new_name(new)?,
        (None, _) => trashed.name().clone(),
    };
    context.store()?.restore(trashed, &name).map_err(|failure| match &trashed.kind {
        TrashedKind::Session(_) if failure.message.starts_with("there is already") => {
            failure.hint(format!("under another name: cs restore {wanted} --as NAME"))
        }
        _ => failure,
    })?;
    let what = if matches!(trashed.kind, TrashedKind::Profile(_)) { "profile" } else { "session" };
    report::say(&format!("{what} '{name}' is back"));
    Ok(Outcome::Done)
}

fn list(trash: &[Trashed], as_json: bool) -> Result<Outcome> {
    if as_json {
        let entries: Vec<_> = trash
            .iter()
            .map(|trashed| {
                let (kind, id) = match &trashed.kind {
                    TrashedKind::Session(session) => ("session", Some(session.id)),
                    TrashedKind::Profile(_) => ("profile", None),
                };
                json!({"kind": kind, "name": trashed.name(), "id": id, "removed": trashed.removed,
                       "path": trashed.path.to_string_lossy()})
            })
            .collect();
        report::print_json(&json!({"schema": 1, "trash": entries}))?;
        return Ok(Outcome::Done);
    }
    if trash.is_empty() {
        report::say("the trash is empty");
        return Ok(Outcome::Done);
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&[
        ("REMOVED", Align::Right),
        ("KIND", Align::Left),
        ("NAME", Align::Left),
        ("ID", Align::Left),
        ("DIRECTORY", Align::ShrinkFront),
    ]);
    for trashed in trash {
        let age = ui::age(trashed.removed, now);
        let cells = match &trashed.kind {
            TrashedKind::Session(session) => [
                age,
                "session".into(),
                session.name.to_string(),
                session.id.to_string(),
                session.directory.clone(),
            ],
            TrashedKind::Profile(name) => {
                [age, "profile".into(), name.to_string(), String::new(), String::new()]
            }
        };
        table.row(cells, None);
    }
    report::print(&table.render(ui::width(), ui::colour_stdout()))?;
    Ok(Outcome::Done)
}
