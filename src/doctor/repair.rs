//! Repairs that are made without asking: only those that can be undone, and lose nothing of anybody's.
//!
//! See docs/decisions/009-doctor-repairs-what-can-be-undone.md

use std::path::PathBuf;

use crate::model::{Layout, Name, Place, Ports, Session, Subject, Target};
use crate::shell;
use crate::store::{Claim, Leftover};
use crate::work::binding;

/// One repair.
#[derive(Clone, Debug)]
pub(super) enum Repair {
    /// Make a link of a plan.
    LayOut { subject: Box<Subject>, layout: Box<Layout> },
    /// Make a file or directory its owner's only; it has `mode`.
    MakePrivate { path: PathBuf, mode: u32 },
    /// Take away a claim that nothing holds.
    ForgetName { name: Name },
    /// Put back the claim of something that has lost it.
    ClaimAgain { name: Name, claim: Claim },
    /// Take away a claim of ports that no session has.
    ForgetPorts { ports: Ports },
    /// Claim the ports of a session again, or give it others.
    MendPorts { session: Box<Session> },
    /// Remove what was begun and never made.
    RemoveLeftover { leftover: Leftover },
    /// Take away a binding that leads to nothing.
    Unbind { place: Place, target: Target },
    /// Write the lines that the hooks of the shells read.
    ShowHooks { path: PathBuf },
    /// Forget what was said about a file in a directory that is gone.
    ForgetTrust { record: PathBuf, path: PathBuf, allowed: bool },
    /// Remove a lock directory of Claude's that is nobody's.
    RemoveLock { path: PathBuf },
}

impl Repair {
    /// Returns what it does, as what is done and what would be: `make the link …`.
    pub(super) fn does(&self) -> String {
        let link = |layout: &Layout| {
            let path = layout.links.first().map(|link| link.path.display().to_string());
            path.unwrap_or_default()
        };
        match self {
            Self::LayOut { layout, .. } => format!("make the link {}", link(layout)),
            Self::MakePrivate { path, .. } => format!("take {} from other users", path.display()),
            Self::ForgetName { name } => format!("free the name '{name}'"),
            Self::ClaimAgain { name, .. } => format!("put the name '{name}' back"),
            Self::ForgetPorts { ports } => format!("free the ports {ports}"),
            Self::MendPorts { session } => {
                format!("give session '{}' ports of its own", session.name)
            }
            Self::RemoveLeftover { leftover } => format!("remove {}", leftover.path().display()),
            Self::Unbind { place, .. } => format!("unbind {}", place.text()),
            Self::ShowHooks { path } => format!("write {} as the bindings are", path.display()),
            Self::ForgetTrust { path, .. } => format!("forget what was said about {}", path.display()),
            Self::RemoveLock { path } => format!("remove the empty {}", path.display()),
        }
    }

    /// Returns how to undo it; `None` where there is nothing to have back.
    pub(super) fn undo(&self) -> Option<String> {
        let word = |path: &PathBuf| shell::word(&path.to_string_lossy());
        match self {
            Self::LayOut { layout, .. } => {
                layout.links.first().map(|link| format!("rm {}", word(&link.path)))
            }
            Self::MakePrivate { path, mode } => Some(format!("chmod {mode:04o} {}", word(path))),
            Self::Unbind { place, target: Target::Profile(name) } => {
                Some(format!("cs bind{} {name}, once there is one", binding::at(place)))
            }
            Self::ForgetTrust { path, allowed, .. } => {
                let verb = if *allowed { "allow" } else { "deny" };
                Some(format!("cs {verb} {}, once it is there", word(path)))
            }
            Self::ForgetName { .. }
            | Self::ClaimAgain { .. }
            | Self::ForgetPorts { .. }
            | Self::MendPorts { .. }
            | Self::RemoveLeftover { .. }
            | Self::Unbind { .. }
            | Self::ShowHooks { .. }
            | Self::RemoveLock { .. } => None,
        }
    }
}
