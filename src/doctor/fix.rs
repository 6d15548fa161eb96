//! The deeds of `--fix`. Each repair looks again before it acts; one that fails is told, and stops no other.

use super::finding::{Fix, Report};
use super::machine::Machine;
use super::repair::Repair;
use crate::model::{Failure, Layout, Result, Subject};
use crate::os;
use crate::store::{self, Store};
use crate::work::context::Context;
use crate::work::removal::kept;
use crate::work::{binding, ports};

/// Does every safe repair, and notes what each came to.
pub(crate) fn apply(context: &Context, report: &mut Report) {
    let Ok(store) = context.store() else { return };
    // What cannot be read was reported when it was looked at.
    let machine = Machine::gather(context, None, &mut Report::default());
    for finding in &mut report.findings {
        if let Fix::Safe(repair) = &finding.fix {
            finding.repair = Some(make(repair, &machine, store).map_err(|failure| failure.message));
        }
    }
}

fn make(repair: &Repair, machine: &Machine<'_>, store: &Store) -> Result<()> {
    match repair {
        Repair::LayOut { subject, layout } => make_links(store, subject, layout),
        Repair::MakePrivate { path, .. } => store.make_private(path),
        Repair::ForgetName { name } => changed(store.forget_name(name)?),
        Repair::ClaimAgain { name, claim } => store.claim_again(name, *claim),
        Repair::ForgetPorts { ports } => changed(store.forget_ports(*ports)?),
        Repair::MendPorts { session } => {
            let _lock = store.lock_session(session)?;
            store.settle_ports(session, ports::range(machine.context)?, ports::is_free).map(drop)
        }
        Repair::RemoveLeftover { leftover } => {
            let left = store.sweep(leftover, &kept(machine.context)?)?;
            changed(left.is_empty() && !os::exists(leftover.path()))
        }
        Repair::Unbind { place, target } => {
            let gone = matches!(binding::subject_of(machine.context, target), Ok(None));
            let still =
                store.bindings()?.iter().any(|found| found.place == *place && found.target == *target);
            changed(gone && still)?;
            store.unbind(place).map(drop)
        }
        Repair::ShowHooks { .. } => store.show_hooks_bindings(),
        Repair::ForgetTrust { record, .. } => changed(store.forget_trust(record)?),
        Repair::RemoveLock { path } => {
            let config = path.parent().unwrap_or(path);
            let live = machine.patients.iter().any(|patient| {
                (patient.paths.root == config || patient.paths.config == config) && !patient.live().is_empty()
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
