//! `cs import`: take over sessions and profiles, from a file or from what is there.

mod claude;
mod file;
mod told;

use self::told::{refuse_options, tell};
use crate::cli::ImportArgs;
use crate::model::{Name, Outcome, Result};
use crate::transfer::{ccs, claude_session};
use crate::ui;
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    // A file of one of these names is ./ccs.
    match args.source.to_str() {
        Some("ccs") => of_ccs(context, args),
        Some("claude") => claude::run(context, args),
        Some("claude-session") => of_scripts(context, args),
        _ => file::run(context, args),
    }
}

/// `cs import ccs`: accounts, endpoints and context groups of CCS, in place.
fn of_ccs(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    refuse_options("cs import ccs", &[("--as", args.new.is_some()), ("--profile", args.profile.is_some())])?;
    let root = ccs::root(context, args.from.as_deref())?;
    let as_default = |name: &Name| {
        args.dry_run || args.yes || ui::confirm(&format!("make '{name}' the profile of new sessions?"))
    };
    let found = ccs::import(context, &root, args.dry_run, &as_default)?;
    tell(context, &found, &root.display().to_string(), args.dry_run, args.json)
}

/// `cs import claude-session`: directories that earlier shell scripts used as config directories.
fn of_scripts(context: &Context, args: &ImportArgs) -> Result<Outcome> {
    let root = claude_session::root(context, args.from.as_deref())?;
    let options = claude_session::DirectoryImportOptions {
        name: args.new.as_deref(),
        profile: args.profile.as_deref(),
        dry_run: args.dry_run,
    };
    let found = claude_session::import(context, &root, &options)?;
    tell(context, &found, &root.display().to_string(), args.dry_run, args.json)
}
