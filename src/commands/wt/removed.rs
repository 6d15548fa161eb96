//! The lines about a worktree that was taken away.

use crate::commands::report;
use crate::ui;
use crate::work::worktrees::removing::Removed;

/// Says what was taken away, and how to undo it.
pub(super) fn say(removed: &Removed) {
    let name = &removed.name;
    let names: Vec<String> = removed.sessions.iter().map(|session| format!("'{}'", session.name)).collect();
    let with = match names.len() {
        0 => String::new(),
        1 => format!(" with session {}", names[0]),
        _ => format!(" with sessions {}", names.join(", ")),
    };
    if removed.was_gone {
        report::say(&format!("git forgot worktree '{name}', whose directory was gone"));
        for session in &removed.sessions {
            let session = &session.name;
            report::say(&format!("moved session '{session}' to the trash; to undo: cs restore {session}"));
        }
    } else if let Some(first) = removed.sessions.first() {
        let size = ui::size(removed.bytes);
        report::say(&format!(
            "moved worktree '{name}'{with} to the trash ({size}); to undo: cs restore {}",
            first.name
        ));
    }
    if let Some(branch) = &removed.branch {
        report::say(&format!("branch '{branch}' stays"));
    }
}
