//! `cs trash`: list the trash, or empty it.

use serde_json::{Value, json};

use super::report;
use crate::claude;
use crate::cli::TrashCommand;
use crate::model::{Age, Exit, Failure, Outcome, Result, StowedWorktree};
use crate::os;
use crate::store::{Piece, Store, Trashed, TrashedKind};
use crate::ui::{self, Align, Table};
use crate::work::context::Context;
use crate::work::removal::{kept, say_left};
use crate::work::worktrees::away;

pub(super) fn run(context: &Context, command: Option<TrashCommand>) -> Result<Outcome> {
    match command {
        None => list(context, false),
        Some(TrashCommand::List { json }) => list(context, json),
        Some(TrashCommand::Empty { names, older_than, yes }) => empty(context, &names, older_than, yes),
    }
}

/// Lists the trash: what can be restored, then what a removal left half, then what nobody knows.
pub(super) fn list(context: &Context, as_json: bool) -> Result<Outcome> {
    let pieces = context.store()?.pieces()?;
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
                Piece::Whole(trashed) => Some(described(trashed)),
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
    report::print(&table(&pieces))?;
    Ok(Outcome::Done)
}

fn described(trashed: &Trashed) -> Value {
    let size = os::tree_size(&trashed.path);
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

fn table(pieces: &[Piece]) -> String {
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
        let size = os::tree_size(piece.path());
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
    let mut text = table.render(ui::width(), ui::colour_stdout());
    text.push_str(&format!("{} in all; for good: cs trash empty\n", ui::size(total.bytes)));
    if unknown {
        text.push_str("what is unknown or damaged stays: cs only removes what it knows\n");
    }
    text
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
    let pieces = chosen(all, names, older_than)?;
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
        eprint!("{}", shown(&pieces));
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
    let mut done = remove(context, &pieces)?;
    done.failed = done.failed.or(damaged);
    done.said()
}

/// What came of removing things for good.
#[derive(Default)]
pub(super) struct Emptied {
    /// How many went.
    pub gone: usize,
    /// How much room that frees.
    pub freed: u64,
    /// The first that was refused or failed.
    pub failed: Option<Failure>,
}

impl Emptied {
    fn said(self) -> Result<Outcome> {
        if self.gone > 0 {
            let freed = ui::size(self.freed);
            report::say(&format!("removed {} for good, {freed}", ui::count(self.gone, "thing")));
        }
        self.failed.map_or(Ok(Outcome::Done), Err)
    }
}

/// Removes `pieces` for good. One that cannot be is said, and keeps no other.
pub(super) fn remove(context: &Context, pieces: &[Piece]) -> Result<Emptied> {
    let kept = kept(context)?;
    let store = context.store()?;
    let mut done = Emptied::default();
    for piece in pieces {
        let size = os::tree_size(piece.path()).bytes;
        let worktree = worktree_in(piece);
        let result = store.empty(piece, &kept).and_then(|left| {
            if left.is_empty() {
                forget_commits(context, worktree.as_ref());
                return Ok(());
            }
            say_left(context, &left);
            Err(Failure::failed(format!("not all of {} could be removed", piece.path().display()))
                .hint("what is left is finished by: cs trash empty"))
        });
        match result {
            Ok(()) => {
                done.gone += 1;
                done.freed += size;
            }
            Err(failure) => {
                // The last one is what the command ends with.
                if let Some(earlier) = done.failed.replace(failure) {
                    report::say(&earlier.message);
                }
            }
        }
    }
    Ok(done)
}

/// The session whose worktree lies in a piece of trash, and what is known of that.
fn worktree_in(piece: &Piece) -> Option<(uuid::Uuid, StowedWorktree)> {
    let kept = Store::stowed_worktree(piece.path()).ok()??;
    let name = piece.path().file_name()?.to_str()?;
    let (id, _) = name.trim_start_matches("removing.").rsplit_once('-')?;
    Some((id.parse().ok()?, kept))
}

/// Lets go of the commits of a worktree that is removed for good. One whose repository is gone has none, and
/// where git fails `cs doctor` tells of them.
fn forget_commits(context: &Context, worktree: Option<&(uuid::Uuid, StowedWorktree)>) {
    let Some((id, kept)) = worktree else { return };
    if let Ok(repository) = away::repository_of(kept)
        && let Err(why) = context.umask.lifted(|| repository.forget(*id))
    {
        report::say(&format!("the commits of {} are still kept (git: {why})", kept.root));
    }
}

/// What is to go: all that is known, or what has these names or ids, and is old enough. Something half
/// removed goes in any case, if nothing is named.
fn chosen(pieces: Vec<Piece>, names: &[String], older_than: Option<Age>) -> Result<Vec<Piece>> {
    let now = jiff::Timestamp::now();
    let is_called = |trashed: &Trashed, name: &str| {
        trashed.name().as_str().eq_ignore_ascii_case(name)
            || matches!(&trashed.kind, TrashedKind::Session(session) if session.id.to_string() == name)
    };
    for name in names {
        if !pieces.iter().any(|piece| matches!(piece, Piece::Whole(trashed) if is_called(trashed, name))) {
            return Err(Failure::not_found(format!("there is no '{name}' in the trash"))
                .hint("to see what is: cs trash"));
        }
    }
    let wanted = |piece: &Piece| match piece {
        Piece::Whole(trashed) => {
            (names.is_empty() || names.iter().any(|name| is_called(trashed, name)))
                && older_than.is_none_or(|age| age.is_reached(trashed.removed, now))
        }
        Piece::Half { .. } => names.is_empty(),
        Piece::Unknown { .. } => false,
    };
    Ok(pieces.into_iter().filter(wanted).collect())
}

/// What is about to go, as a table.
fn shown(pieces: &[Piece]) -> String {
    let text = table(pieces);
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
