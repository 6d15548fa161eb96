//! The ports of sessions: whose they are, and who listens on them.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::finding::{Fix, Kind, Report};
use super::machine::{Machine, Patient};
use super::repair::Repair;
use crate::os;
use crate::store::{Portless, Store};

pub(super) fn probe(machine: &Machine<'_>, report: &mut Report) {
    let Some(store) = machine.store else { return };
    let ill = claims(machine, store, report);
    listeners(machine, store, report);
    if !machine.is_narrowed() {
        orphans(store, &ill, report);
    }
}

/// Reports sessions whose ports are not their own. Returns their ids.
fn claims(machine: &Machine<'_>, store: &Store, report: &mut Report) -> BTreeSet<Uuid> {
    let mut ill = BTreeSet::new();
    for patient in machine.sessions() {
        let (kind, what) = match store.portless(&patient.session) {
            None => continue,
            Some(Portless::Unclaimed(ports)) => {
                (Kind::PortsUnclaimed, format!("its ports {ports} are not noted as its own"))
            }
            Some(Portless::Taken(ports)) => {
                (Kind::PortsShared, format!("its ports {ports} are another session's"))
            }
        };
        let place = store.session_record_path(patient.session.id);
        let fix = Fix::Safe(Repair::MendPorts { session: Box::new(patient.session.clone()) });
        report.add(kind, Some(&patient.of()), what, Some(place), fix);
        ill.insert(patient.session.id);
    }
    ill
}

/// Reports blocks that are claimed for nothing. One that a session claims which has none of its own is what it is
/// given.
fn orphans(store: &Store, ill: &BTreeSet<Uuid>, report: &mut Report) {
    let claimed = match store.claimed_ports() {
        Ok(claimed) => claimed,
        Err(failure) => return report.blind("whose ports are whose", failure.message),
    };
    for (ports, path) in claimed {
        let waits = store.claimant(ports).is_some_and(|id| ill.contains(&id));
        if !waits && store.is_nobodys_block(ports) == Ok(true) {
            let what = format!("the ports {ports} are taken by nothing");
            report.add(Kind::PortsOrphaned, None, what, Some(path), Fix::Safe(Repair::ForgetPorts { ports }));
        }
    }
}

/// Reports processes that listen on the ports of a session and are none of it: neither started in it, nor at
/// work in its directory.
fn listeners(machine: &Machine<'_>, store: &Store, report: &mut Report) {
    let with_ports =
        |patient: &&Patient| patient.session.ports.is_some() && store.portless(&patient.session).is_none();
    let owners: BTreeMap<u16, &Patient> = machine
        .sessions()
        .filter(with_ports)
        .flat_map(|patient| {
            patient
                .session
                .ports
                .into_iter()
                .flat_map(move |ports| ports.all().map(move |port| (port, patient)))
        })
        .collect();
    let mut strangers: BTreeMap<(Uuid, Option<u32>), BTreeSet<u16>> = BTreeMap::new();
    for listener in os::listeners(|port| owners.contains_key(&port)) {
        let Some(patient) = owners.get(&listener.port) else { continue };
        if !listener.pid.is_some_and(|pid| is_of(patient, pid)) {
            strangers.entry((patient.session.id, listener.pid)).or_default().insert(listener.port);
        }
    }
    for ((id, pid), ports) in strangers {
        let Some(patient) = machine.patients.iter().find(|patient| patient.session.id == id) else {
            continue;
        };
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let whose = pid.map_or_else(
            || "of another user, or of a container".to_owned(),
            |pid| format!("that is none of its own (pid {pid})"),
        );
        let what = format!("a process {whose} listens on {}", ports.join(", "));
        let see = pid.map_or_else(|| "ss -ltnp".to_owned(), |pid| format!("ps -fp {pid}"));
        let fix = Fix::Hand(format!("end it, or have it listen elsewhere; to see what it is: {see}"));
        report.add(Kind::PortsInUse, Some(&patient.of()), what, None, fix);
    }
}

/// Returns true if a process was started in a session, or works in its directory. A server that a person starts
/// by hand there, with the ports from a file, is its own as well.
fn is_of(patient: &Patient, pid: u32) -> bool {
    let id = patient.session.id.to_string();
    let started_in = os::environment_of(pid).is_some_and(|environment| {
        environment.get(std::ffi::OsStr::new("CS_SESSION_ID")).is_some_and(|of| *of == *id)
    });
    let directory = os::real_path(patient.session.directory()).ok();
    let works_in = || {
        let place = os::working_directory_of(pid);
        directory.zip(place).is_some_and(|(directory, place)| place.starts_with(directory))
    };
    started_in || works_in()
}
