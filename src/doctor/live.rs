//! The processes that run now, compared with what was planned.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::PathBuf;

use uuid::Uuid;

use super::finding::{Fix, Kind, Of, Report};
use super::machine::{Machine, Patient};
use super::planned;
use crate::claude::{self, ConfigGround, DIRECTORY_VARIABLES, Live};
use crate::model::{Change, Environment, Name};
use crate::os;

/// A Claude process, and in what it runs.
struct Runs<'m> {
    of: Of,
    patient: Option<&'m Patient>,
    live: Live,
}

pub(super) fn probe(machine: &Machine<'_>, report: &mut Report) {
    let runs = all(machine);
    let asked: Vec<Uuid> = machine.sessions().map(|patient| patient.session.id).collect();
    for run in &runs {
        if run.patient.is_none() && run.of == Of::profile(&Name::default_profile()) && !machine.is_narrowed()
        {
            entered_by_setting(run, report);
        }
        if let Some(patient) = run.patient.filter(|patient| asked.contains(&patient.session.id)) {
            environment(machine, run, patient, report);
            foreign_conversation(machine, run, patient, report);
        }
    }
    let is_asked = |run: &Runs<'_>| match run.patient {
        Some(patient) => asked.contains(&patient.session.id),
        None => !machine.is_narrowed(),
    };
    twice(&runs, &is_asked, report);
    together(&runs, &is_asked, report);
    if !machine.is_narrowed() {
        report.checked(match runs.len() {
            0 => "no Claude runs in any of them now".into(),
            1 => "1 Claude that runs: its variables, its conversation".into(),
            count => format!("{count} Claudes that run: their variables, their conversations"),
        });
    }
}

/// Returns every Claude that runs in a session, or in a profile itself.
fn all<'m>(machine: &'m Machine<'_>) -> Vec<Runs<'m>> {
    let mut runs = Vec::new();
    for patient in &machine.patients {
        let of = patient.of();
        runs.extend(patient.live().into_iter().map(|live| Runs {
            of: of.clone(),
            patient: Some(patient),
            live,
        }));
    }
    for profile in machine.profiles.values() {
        for live in claude::live_in(&ConfigGround::of_profile(&profile.home.directory())) {
            // A session that is only another conversation in its profile runs there too.
            match runs.iter_mut().find(|run| run.live.pid == live.pid) {
                Some(run) => run.live = live,
                None => runs.push(Runs { of: Of::profile(&profile.name), patient: None, live }),
            }
        }
    }
    runs
}

/// Reports a Claude in `~/.claude` that was not started by leaving the variable out.
fn entered_by_setting(run: &Runs<'_>, report: &mut Report) {
    let pid = run.live.pid;
    let Some(given) = os::environment_of(pid) else { return };
    if given.get(OsStr::new(DIRECTORY_VARIABLES[0])).is_some_and(|value| !value.is_empty()) {
        let what = format!("pid {pid} was started with CLAUDE_CONFIG_DIR set to it");
        let fix = Fix::Hand("leave that Claude, and start it without the variable: cs default".into());
        report.add(Kind::DefaultSet, Some(&run.of), what, None, fix);
    }
}

/// Compares the variables it was started with, as far as the system shows them, with the plan.
fn environment(machine: &Machine<'_>, run: &Runs<'_>, patient: &Patient, report: &mut Report) {
    let pid = run.live.pid;
    let Some(given) = os::environment_of(pid) else { return };
    let reopen =
        || Fix::Hand(format!("leave that Claude (pid {pid}), and open it again: cs {}", run.of.name));
    let is_set = |name: &str| given.get(OsStr::new(name)).is_some_and(|value| !value.is_empty());
    if is_set("CLAUDE_CODE_CHILD_SESSION") {
        let what = format!("pid {pid} was started with CLAUDE_CODE_CHILD_SESSION");
        report.add(Kind::LiveChild, Some(&run.of), what, None, reopen());
    }
    // A plan that cannot be made is told where its links are looked at.
    let Ok(plan) = planned::plan(machine, &patient.subject(), patient.session.directory()) else {
        return;
    };
    let mut other: Vec<&str> = Vec::new();
    for name in DIRECTORY_VARIABLES.into_iter().chain(["CS_SESSION_ID", "HOME"]) {
        if differs(&given, name, plan.env.get(name)) {
            other.push(name);
        }
    }
    if !other.is_empty() {
        let what = format!("pid {pid} runs with another {} than planned", other.join(", "));
        report.add(Kind::LiveVariables, Some(&run.of), what, None, reopen());
    }
}

fn differs(given: &Environment, name: &str, planned: Option<&Change>) -> bool {
    let value = given.get(OsStr::new(name));
    match planned {
        None => false,
        Some(Change::Unset) => value.is_some(),
        Some(change) => change.value().map(OsStr::new) != value.map(std::ffi::OsString::as_os_str),
    }
}

/// Reports a conversation that is known as another session's, and not one of those that they share on purpose.
fn foreign_conversation(machine: &Machine<'_>, run: &Runs<'_>, patient: &Patient, report: &mut Report) {
    let Some(conversation) = run.live.conversation else { return };
    let own = |patient: &Patient| {
        let noted = patient.run.as_ref().and_then(|run| run.conversation);
        patient.session.id == conversation || noted == Some(conversation)
    };
    if own(patient) {
        return;
    }
    let projects = |patient: &Patient| patient.paths.config.join("projects");
    let apart = |other: &Patient| !os::is_same_file(&projects(other), &projects(patient));
    let mut others = machine.patients.iter().filter(|other| other.session.id != patient.session.id);
    let other = others.find(|other| own(other) && apart(other));
    if let Some(other) = other {
        let what = format!("pid {} is in a conversation of session '{}'", run.live.pid, other.session.name);
        let fix = Fix::Hand("leave that Claude; to go on from there: cs fork NAME NEW".into());
        report.add(Kind::LiveConversation, Some(&run.of), what, None, fix);
    }
}

/// Reports two processes with one conversation, or with one session's private files.
fn twice(runs: &[Runs<'_>], is_asked: &dyn Fn(&Runs<'_>) -> bool, report: &mut Report) {
    let leave = |pid: u32| Fix::Hand(format!("leave one of them (pid {pid})"));
    let mut conversations: HashMap<Uuid, &Runs<'_>> = HashMap::new();
    let mut directories: HashMap<Uuid, &Runs<'_>> = HashMap::new();
    for run in runs {
        let pid = run.live.pid;
        if let Some(conversation) = run.live.conversation {
            match conversations.get(&conversation) {
                Some(first) if is_asked(run) || is_asked(first) => {
                    let what = format!("pid {} and pid {pid} are in one conversation", first.live.pid);
                    report.add(Kind::LiveTwice, Some(&run.of), what, None, leave(pid));
                    continue;
                }
                Some(_) => continue,
                None => _ = conversations.insert(conversation, run),
            }
        }
        let Some(patient) = run.patient.filter(|patient| patient.is_isolated() && !run.live.background)
        else {
            continue;
        };
        match directories.get(&patient.session.id) {
            Some(first) if is_asked(run) => {
                let what = format!("pid {} and pid {pid} run in it at once", first.live.pid);
                let place = Some(patient.paths.config.clone());
                report.add(Kind::LiveTwice, Some(&run.of), what, place, leave(pid));
            }
            Some(_) => {}
            None => _ = directories.insert(patient.session.id, run),
        }
    }
}

/// Reports sessions that change the files of one directory at once.
fn together(runs: &[Runs<'_>], is_asked: &dyn Fn(&Runs<'_>) -> bool, report: &mut Report) {
    let mut directories: BTreeMap<PathBuf, &Runs<'_>> = BTreeMap::new();
    for run in runs {
        let Some(patient) = run.patient else { continue };
        let Ok(real) = os::real_path(patient.session.directory()) else { continue };
        let Some(first) = directories.get(&real) else {
            directories.insert(real, run);
            continue;
        };
        if first.of != run.of && (is_asked(run) || is_asked(first)) {
            let what = format!("it and {} are open in one directory", first.of);
            let fix = Fix::Command("cs -w NAME makes a session in a git worktree of its own".into());
            report.add(Kind::LiveTogether, Some(&run.of), what, Some(real), fix);
        }
    }
}
