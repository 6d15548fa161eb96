//! `cs profile sync [NAME]`: bring sessions up to date with their profile, and profiles with
//! `~/.claude`.

use serde_json::json;

use super::super::report;
use super::synced;
use crate::cli::SyncArgs;
use crate::model::{Outcome, Result, Subject};
use crate::work::context::Context;
use crate::work::syncing::Sync;

pub(super) fn run(context: &Context, args: &SyncArgs) -> Result<Outcome> {
    let mut sync = Sync::new(context, args.dry_run, &args.take);
    match args.name.as_deref().map(|name| context.resolve(name)).transpose()? {
        None => sync.everything()?,
        Some(Subject::Profile(profile)) => sync.profile(&profile, None)?,
        Some(subject @ Subject::Session(..)) => sync.subject(&subject, None)?,
    }
    let done = sync.done();
    if args.json {
        report::print_json(
            &json!({"schema": 1, "dry_run": args.dry_run, "changes": synced::changes_json(&done),
            "kept": synced::kept_json(&done), "open": done.open}),
        )?;
        return Ok(Outcome::Done);
    }
    synced::tell(context, &done)?;
    report::say(&match (done.changes.len(), args.dry_run) {
        (0, _) if done.kept.is_empty() => "everything is as it should be".to_owned(),
        (0, _) => "nothing else is to be changed".to_owned(),
        (n, true) => format!("{n} would be changed"),
        (n, false) => format!("{n} changed"),
    });
    Ok(Outcome::Done)
}
