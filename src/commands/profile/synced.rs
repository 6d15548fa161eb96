//! The lines about sessions and profiles that were brought up to date.

use serde_json::{Value, json};

use super::super::report;
use crate::model::{Name, Result};
use crate::ui;
use crate::work::context::Context;
use crate::work::syncing::{Deed, Synced};

/// Prints what was changed, and says what was not.
pub(super) fn tell(context: &Context, done: &Synced) -> Result<()> {
    let home = context.home()?.to_string_lossy().into_owned();
    let copies = |name: &Name| {
        let copied = |deed| deed == Deed::CopyConversation;
        done.changes.iter().filter(|change| copied(change.deed) && change.name == *name).count()
    };
    let mut text = String::new();
    let mut counted: Option<&Name> = None;
    for change in &done.changes {
        let name = &change.name;
        let line = match (change.deed, &change.target) {
            // Many at once are a number.
            (Deed::CopyConversation, _) if copies(name) > 3 && counted == Some(name) => continue,
            (Deed::CopyConversation, _) if copies(name) > 3 => {
                counted = Some(name);
                format!("{name}: copy {} conversations", copies(name))
            }
            (Deed::Link, Some(target)) => {
                format!("{name}: link {} -> {}", change.item, ui::short(&target.to_string_lossy(), &home))
            }
            (deed, _) => format!("{name}: {} {}", deed.words(), ui::short(&change.item, &home)),
        };
        text.push_str(&ui::escape(&line));
        text.push('\n');
    }
    report::print(&text)?;
    for kept in &done.kept {
        report::say(&format!("{}: {}", kept.name, kept.what));
        if let Some(fix) = &kept.fix {
            report::say(&format!("    to settle it: {fix}"));
        }
    }
    for name in &done.open {
        report::say(&format!("'{name}' is open: it gets what is new at its next start"));
    }
    Ok(())
}

/// Returns what was changed, as JSON.
pub(super) fn changes_json(done: &Synced) -> Vec<Value> {
    done.changes
        .iter()
        .map(|change| {
            json!({"name": change.name, "change": change.deed.words(), "item": change.item,
                "target": change.target.as_ref().map(|target| target.to_string_lossy())})
        })
        .collect()
}

/// Returns what was left, as JSON.
pub(super) fn kept_json(done: &Synced) -> Vec<Value> {
    done.kept.iter().map(|kept| json!({"name": kept.name, "why": kept.what, "fix": kept.fix})).collect()
}
