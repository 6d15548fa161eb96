//! `cs trash`: list the trash, or empty it.

use super::{report, trashed};
use crate::claude;
use crate::cli::TrashCommand;
use crate::model::{Age, Exit, Failure, Outcome, Result};
use crate::store::{Piece, Trashed, TrashedKind};
use crate::ui;
use crate::ui::count;
use crate::work::context::Context;
use crate::work::emptying::{self, Emptied};

pub(super) fn run(context: &Context, command: Option<TrashCommand>) -> Result<Outcome> {
    match command {
        None => trashed::list(context, false),
        Some(TrashCommand::List { json }) => trashed::list(context, json),
        Some(TrashCommand::Empty { names, older_than, yes }) => empty(context, &names, older_than, yes),
    }
}

/// Removes for good what is in the trash, after asking.
fn empty(context: &Context, names: &[String], older_than: Option<Age>, yes: bool) -> Result<Outcome> {
    let store = context.store()?;
    let all = store.pieces()?;
    let unknown = all.iter().filter(|piece| matches!(piece, Piece::Unknown { damage: None, .. })).count();
    if unknown > 0 && names.is_empty() {
        report::say(&format!(
            "{} in the trash that cs does not know, and leaves there",
            ui::count(unknown, "thing")
        ));
    }
    // That somebody asked for it to be empty, and it is not, is a failure.
    let damaged = all.iter().find_map(|piece| match piece {
        Piece::Unknown { path, damage: Some(damage) } if names.is_empty() && older_than.is_none() => {
            Some(damage.failure("something in the trash", &path.join("session.toml")))
        }
        _ => None,
    });
    let pieces = emptying::chosen(context, all, names, older_than)?;
    if pieces.is_empty() {
        if let Some(damaged) = damaged {
            return Err(damaged);
        }
        report::say(if older_than.is_some() {
            "nothing in the trash is that old"
        } else {
            "there is nothing to empty"
        });
        return Ok(Outcome::Done);
    }
    if !yes {
        eprint!("{}", shown(context, &pieces));
    }
    warn_of_logins(&pieces);
    if !yes {
        let question = format!("remove {} for good?", ui::count(pieces.len(), "thing"));
        if !ui::can_ask() {
            return Err(
                Failure::refused(format!("{question} nobody is here to answer")).hint("cs trash empty --yes")
            );
        }
        if !ui::confirm(&question) {
            report::say("nothing was changed");
            return Ok(Outcome::Code(Exit::Failed as u8));
        }
    }
    let mut done = emptying::remove(context, &pieces)?;
    done.failed = done.failed.or(damaged);
    said(done)
}

fn said(done: Emptied) -> Result<Outcome> {
    if done.gone > 0 {
        let freed = ui::size(done.freed);
        report::say(&format!("removed {} for good, {freed}", count(done.gone, "thing")));
    }
    done.failed.map_or(Ok(Outcome::Done), Err)
}

/// Returns the pieces that are about to go, as a table.
fn shown(context: &Context, pieces: &[Piece]) -> String {
    let text = trashed::table(context, pieces);
    // The line on how to do it is for those who only look.
    text.replace("; for good: cs trash empty\n", "\n")
}

/// Says which logins go with what is removed.
fn warn_of_logins(pieces: &[Piece]) {
    for piece in pieces {
        let Piece::Whole(Trashed { kind: TrashedKind::Profile(name), path, .. }) = piece else { continue };
        if claude::has_login_file(&path.join("claude")) {
            report::say(&format!("profile '{name}' holds its own login, which goes with it"));
        }
        if cfg!(target_os = "macos") {
            report::say(&format!(
                "a login of profile '{name}' in the Keychain stays there: Claude's /logout removes it before"
            ));
        }
    }
}
