//! What `--fix` does: only what can be undone, and loses nothing of anybody's. Each repair looks
//! again before it acts; one that fails is told, and stops no other.

use std::path::PathBuf;

use super::finding::{Fix, Report};
use super::machine::Machine;
use crate::model::{Failure, Layout, Name, Place, Ports, Result, Session, Subject, Target};
use crate::os;
use crate::shell;
use crate::store::{self, Claim, Leftover, Store};
use crate::work::removal::kept;
use crate::work::{binding, ports};

/// One repair.
#[derive(Clone, Debug)]
pub(super) enum Repair {
    /// Make a link of a plan.
    LayOut { subject: Box<Subject>, layout: Layout },
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
    /// What it does, as what is done and what would be: `make the link …`.
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

    /// How to undo it; `None` where there is nothing to have back.
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

    fn make(&self, machine: &Machine<'_>, store: &Store) -> Result<()> {
        match self {
            Self::LayOut { subject, layout } => make_links(store, subject, layout),
            Self::MakePrivate { path, .. } => store.make_private(path),
            Self::ForgetName { name } => changed(store.forget_name(name)?),
            Self::ClaimAgain { name, claim } => store.claim_again(name, *claim),
            Self::ForgetPorts { ports } => changed(store.forget_ports(*ports)?),
            Self::MendPorts { session } => {
                let _lock = store.lock_session(session)?;
                store.settle_ports(session, ports::range(machine.context)?, ports::is_free).map(drop)
            }
            Self::RemoveLeftover { leftover } => {
                let left = store.sweep(leftover, &kept(machine.context)?)?;
                changed(left.is_empty() && !os::exists(leftover.path()))
            }
            Self::Unbind { place, target } => {
                let gone = matches!(binding::subject_of(machine.context, target), Ok(None));
                let still =
                    store.bindings()?.iter().any(|found| found.place == *place && found.target == *target);
                changed(gone && still)?;
                store.unbind(place).map(drop)
            }
            Self::ShowHooks { .. } => store.show_hooks_bindings(),
            Self::ForgetTrust { record, .. } => changed(store.forget_trust(record)?),
            Self::RemoveLock { path } => {
                let config = path.parent().unwrap_or(path);
                let live = machine.patients.iter().any(|patient| {
                    (patient.paths.root == config || patient.paths.config == config)
                        && !patient.live().is_empty()
                });
                let profile = machine.profiles.values().find(|profile| {
                    let own = profile.home.directory();
                    own == config || own.parent() == Some(config)
                });
                let live = live || profile.is_some_and(|profile| machine.profile_is_live(profile));
                changed(!live && store.remove_claude_lock(path)?)
            }
        }
    }
}

/// Makes the links of a layout, under the lock of a session: nobody removes it meanwhile.
fn make_links(store: &Store, subject: &Subject, layout: &Layout) -> Result<()> {
    let _lock = match subject {
        Subject::Session(session, _) => Some(store.lock_session(session)?),
        Subject::Profile(_) => None,
    };
    // The target of a link that is made has to be there still.
    changed(layout.links.iter().all(|link| os::exists(&link.target)))?;
    let drifts = store::lay_out(layout)?;
    changed(drifts.is_empty())
}

fn changed(as_it_was: bool) -> Result<()> {
    if as_it_was {
        Ok(())
    } else {
        Err(Failure::of(crate::model::Kind::Changed, "it has changed meanwhile, so it was left alone"))
    }
}

/// Does every safe repair, and notes what each came to.
pub(super) fn apply(machine: &Machine<'_>, report: &mut Report) {
    let Some(store) = machine.store else { return };
    for finding in &mut report.findings {
        if let Fix::Safe(repair) = &finding.fix {
            finding.repair = Some(repair.make(machine, store).map_err(|failure| failure.message));
        }
    }
}
