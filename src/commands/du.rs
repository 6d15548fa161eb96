//! `cs du [NAME]`: how much room sessions, profiles and the trash take.

use serde_json::json;

use super::report;
use crate::cli::DuArgs;
use crate::model::{Outcome, Result};
use crate::os::Size;
use crate::ui::Progress;
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::space::{self, Taken};

pub(super) fn run(context: &Context, args: &DuArgs) -> Result<Outcome> {
    let mut rows = if let Some(name) = &args.name {
        vec![space::of(context, &context.resolve(name)?)?]
    } else {
        let mut progress = Progress::new("measuring");
        space::everything(context, &mut |name| progress.at(name))?
    };
    rows.sort_by(|a, b| (b.total(), &a.name).cmp(&(a.total(), &b.name)));
    let total: u64 = rows.iter().map(Taken::total).sum();
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
    report::print(&table(context, &rows, total))?;
    Ok(Outcome::Done)
}

fn table(context: &Context, rows: &[Taken], total: u64) -> String {
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
    let mut text = table.render(ui::width(), context.colours());
    if rows.len() != 1 {
        text.push_str(&format!("{} in all\n", ui::size(total)));
    }
    text
}
