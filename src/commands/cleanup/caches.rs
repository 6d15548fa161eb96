//! `cs cleanup --caches`: what Claude makes again by itself, and nothing else. It goes for good.

use serde_json::json;

use super::super::report;
use crate::cli::CleanupArgs;
use crate::model::{Failure, Outcome, Result};
use crate::ui::Progress;
use crate::ui::{self, Align, Table};
use crate::work::cleanup::caches::{self, Trimmable};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &CleanupArgs) -> Result<Outcome> {
    if args.older_than.is_some() {
        return Err(Failure::usage("--older-than is about sessions, and --caches about what is in them"));
    }
    let mut progress = Progress::new("measuring");
    let mut found = caches::find(context, &args.names, &mut |name| progress.at(name))?;
    drop(progress);
    let total: u64 = found.iter().filter(|one| one.is_going()).map(Trimmable::bytes).sum();
    let mut freed = 0;
    let mut failed = None;
    if args.yes {
        for one in found.iter_mut().filter(|one| one.is_going()) {
            match caches::trim(context, one) {
                Ok(bytes) => freed += bytes,
                Err(failure) => {
                    if let Some(earlier) = failed.replace(failure) {
                        let earlier: Failure = earlier;
                        report::say(&earlier.message);
                    }
                }
            }
        }
    }
    if args.json {
        let rows = found.iter().map(|one| {
            json!({
                "name": one.subject.name(), "config_dir": one.config.to_string_lossy(), "bytes": one.bytes(),
                "caches": one.items.iter().map(|(item, _)| *item).collect::<Vec<_>>(), "kept": one.stays,
            })
        });
        let rows: Vec<_> = rows.collect();
        report::print_json(
            &json!({"schema": 1, "done": args.yes, "caches": rows, "bytes": total, "freed": freed}),
        )?;
    } else if args.yes {
        for one in &found {
            if let Some(why) = &one.stays {
                report::say(&format!("stays: {}: {why}", one.subject.name()));
            }
        }
        report::say(&format!("{} of logs, snapshots and caches are gone", ui::size(freed)));
    } else {
        report::print(&table(context, &found, total, args))?;
    }
    failed.map_or(Ok(Outcome::Done), Err)
}

fn table(context: &Context, found: &[Trimmable], total: u64, args: &CleanupArgs) -> String {
    let mut table = Table::new(&[("NAME", Align::Left), ("SIZE", Align::Right), ("CACHES", Align::Shrink)]);
    let going: Vec<&Trimmable> = found.iter().filter(|one| one.is_going()).collect();
    for one in &going {
        let items: Vec<&str> = one.items.iter().map(|(item, _)| *item).collect();
        table.row([one.subject.name().to_string(), ui::size(one.bytes()), items.join(" ")], None);
    }
    let mut text = String::new();
    if !going.is_empty() {
        text.push_str(&table.render(ui::width(), context.colours()));
    }
    for one in found {
        if let Some(why) = &one.stays {
            text.push_str(&ui::escape(&format!("stays: {}: {why}", one.subject.name())));
            text.push('\n');
        }
    }
    if going.is_empty() {
        text.push_str("there are no caches to clean up\n");
    } else {
        let names: String = args.names.iter().map(|name| format!(" {name}")).collect();
        text.push_str(&ui::escape(&format!(
            "{} in {}, for good; to do it: cs cleanup --caches --yes{names}",
            ui::size(total),
            ui::count(going.len(), "place")
        )));
        text.push('\n');
    }
    text
}
