//! The trash as a table and as JSON.

use serde_json::{Value, json};

use super::report;
use crate::model::{Outcome, Result};
use crate::os;
use crate::store::{Piece, Store, Trashed, TrashedKind};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::space::measured;

/// Prints the trash: what can be restored, then what a removal left half, then what nobody knows.
pub(super) fn list(context: &Context, as_json: bool) -> Result<Outcome> {
    let pieces = context.store()?.pieces()?;
    for piece in &pieces {
        if let Piece::Unknown { path, damage: Some(damage) } = piece
            && damage.is_unread()
        {
            let record = path.join("session.toml");
            context.goes_without(&damage.failure("something in the trash", &record).message);
        }
    }
    if as_json {
        let path = |piece: &Piece| piece.path().to_string_lossy().into_owned();
        let half: Vec<Value> = pieces
            .iter()
            .filter(|piece| matches!(piece, Piece::Half { .. }))
            .map(|piece| json!({"path": path(piece)}))
            .collect();
        let unknown: Vec<Value> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Unknown { damage, .. } => {
                    Some(json!({"path": path(piece), "damage": damage.as_ref().map(ToString::to_string)}))
                }
                _ => None,
            })
            .collect();
        let whole: Vec<Value> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Whole(trashed) => Some(described(context, trashed)),
                _ => None,
            })
            .collect();
        report::print_json(&json!({
            "schema": 1, "trash": whole,
            "half_removed": half, "unknown": unknown,
        }))?;
        return Ok(Outcome::Done);
    }
    if pieces.is_empty() {
        report::say("the trash is empty");
        return Ok(Outcome::Done);
    }
    report::print(&table(context, &pieces))?;
    Ok(Outcome::Done)
}

fn described(context: &Context, trashed: &Trashed) -> Value {
    let size = measured(context, &trashed.path);
    let (kind, id, directory) = match &trashed.kind {
        TrashedKind::Session(session) => ("session", Some(session.id), Some(&session.directory)),
        TrashedKind::Profile(_) => ("profile", None, None),
    };
    json!({
        "kind": kind, "name": trashed.name(), "id": id, "removed": trashed.removed, "directory": directory,
        "bytes": size.bytes, "files": size.files, "path": trashed.path.to_string_lossy(),
        "worktree": Store::stowed_worktree(&trashed.path).ok().flatten().map(|kept| kept.root),
    })
}

/// Returns what is in the trash as a table.
pub(super) fn table(context: &Context, pieces: &[Piece]) -> String {
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&[
        ("REMOVED", Align::Right),
        ("KIND", Align::Left),
        ("NAME", Align::Shrink),
        ("SIZE", Align::Right),
        ("ID", Align::Shrink),
        ("DIRECTORY", Align::ShrinkFront),
    ]);
    let (mut total, mut unknown) = (os::Size::default(), false);
    for piece in pieces {
        let size = measured(context, piece.path());
        total += size;
        let room = ui::size(size.bytes);
        let file = piece.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cells = match piece {
            Piece::Whole(trashed) => {
                let age = ui::age(trashed.removed, now);
                let (kind, id, directory) = match &trashed.kind {
                    TrashedKind::Session(session) => {
                        ("session", session.id.to_string(), session.directory.clone())
                    }
                    TrashedKind::Profile(_) => ("profile", String::new(), String::new()),
                };
                [age, kind.into(), trashed.name().to_string(), room, id, directory]
            }
            Piece::Half { .. } => {
                [String::new(), "half gone".into(), file, room, String::new(), String::new()]
            }
            Piece::Unknown { damage, .. } => {
                unknown = true;
                let kind = if damage.is_some() { "damaged" } else { "unknown" };
                [String::new(), kind.into(), file, room, String::new(), String::new()]
            }
        };
        table.row(cells, None);
    }
    let mut text = table.render(ui::width(), context.colours());
    text.push_str(&format!("{} in all; for good: cs trash empty\n", ui::size(total.bytes)));
    if unknown {
        text.push_str("what is unknown or damaged stays: cs only removes what it knows\n");
    }
    text
}
