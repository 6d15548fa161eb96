//! Sessions: what a plan says, held against the disk.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::contents::{config_directory, live_files, locks, plugins, private, settings};
use super::finding::{Fix, Kind, Of, Report};
use super::machine::{Machine, Patient};
use super::planned::{self, IN_COMMON};
use super::worktrees;
use crate::claude;
use crate::git::{self, Linked};
use crate::model::{Isolation, ManifestPlace, Plan, Subject};
use crate::os::{self, Foreign, Liveness};
use crate::shell::word;
use crate::store;
use crate::work::directory::is_behind_a_link;
use crate::work::history;

pub(super) fn probe(machine: &Machine<'_>, report: &mut Report) {
    let mut projects = BTreeSet::new();
    let mut count = 0;
    for patient in machine.sessions() {
        count += 1;
        directory(machine, patient, report);
        if projects.insert(patient.session.directory.clone()) {
            project_settings(machine, patient, report);
        }
        if !patient.is_isolated() {
            continue;
        }
        let of = patient.of();
        if !own_directories(patient, &of, report) {
            continue;
        }
        let subject = patient.subject();
        match planned::plan(machine, &subject, patient.session.directory()) {
            Ok(Plan { mut layout, .. }) => {
                // A start settles them first, and looks again.
                if unsettled(machine, &subject, &of, report) {
                    layout.links.retain(|link| !IN_COMMON.iter().any(|item| link.path.ends_with(item)));
                }
                let config = &patient.paths.config;
                planned::links(&of, config, &subject, &layout, report);
                planned::shared_still(&of, config, &patient.profile.home.directory(), &layout, report);
            }
            Err(why) => planned::impossible(&of, why, report),
        }
        notes(&of, &ManifestPlace::new(&patient.paths.root, &patient.paths.config), report);
        detached_login(patient, &of, report);
        let (paths, ground) = (&patient.paths, patient.ground());
        let state = Foreign::at(&paths.root, &paths.state);
        config_directory(machine, &of, &paths.config, &paths.state, &state, report);
        plugins(machine, &of, &ground, &paths.config, Some(&paths.root), report);
        let live = !patient.live().is_empty();
        locks(&of, &ground, (&paths.config, &paths.state), live, true, report);
        let elsewhere = elsewhere(patient, &of, report);
        // What runs in a sandbox names itself by a pid that means something else out here.
        if patient.session.isolation != Isolation::Sandbox || !live {
            live_files(&of, &ground, &paths.config, elsewhere.as_deref(), report);
        }
    }
    if !machine.is_narrowed() || count > 0 {
        report.checked(match count {
            1 => "1 session: record, directory, links, files, login".into(),
            _ => format!("{count} sessions: records, directories, links, files, logins"),
        });
    }
}

/// Looks at where it works.
fn directory(machine: &Machine<'_>, patient: &Patient, report: &mut Report) {
    let (of, directory) = (patient.of(), patient.session.directory());
    if worktrees::half_removed(patient, report) {
        return;
    }
    worktrees::of_session(patient, report);
    if is_behind_a_link(&patient.session) {
        let fix = Fix::Hand("take the link away, and put the worktree back".into());
        let what = "a link that somebody made leads to its worktree";
        return report.add(Kind::WorktreeMoved, Some(&of), what, Some(directory.to_path_buf()), fix);
    }
    if !directory.is_dir() {
        let name = &patient.session.name;
        let fix = Fix::Command(format!("cs --dir DIRECTORY {name}, or cs rm {name}"));
        let what = "the directory it works in is gone";
        return report.add(Kind::DirectoryGone, Some(&of), what, Some(directory.to_path_buf()), fix);
    }
    match git::linked_at(directory) {
        Some(Linked::MainGone(main)) => {
            let what = format!("it works in a git worktree whose main checkout is gone: {}", main.display());
            let fix = Fix::Hand("put the main checkout back, or clone it and copy your changes there".into());
            report.add(Kind::WorktreeGone, Some(&of), what, Some(directory.to_path_buf()), fix);
        }
        Some(Linked::Unknown(main)) => {
            let what = format!("git knows its worktree at another place: {}", main.display());
            let fix = Fix::Hand(format!("cd {} && git worktree repair", word(&patient.session.directory)));
            report.add(Kind::WorktreeMoved, Some(&of), what, Some(directory.to_path_buf()), fix);
        }
        None => {}
    }
    let Some(home) = &machine.home else { return };
    let base = claude::settings_file(&home.join(".claude"));
    let own = claude::settings_file(&patient.paths.config);
    if patient.is_isolated()
        && os::is_same_file(directory, home)
        && base.exists()
        && !os::is_same_file(&base, &own)
    {
        let what = "it works in your home directory, where ~/.claude is that of a project";
        let fix = Fix::Hand("work in a directory below it".into());
        report.add(Kind::DirectoryIsHome, Some(&of), what, Some(base), fix);
    }
}

/// Looks at the directories that are its own. Returns false where there is nothing more to look at.
fn own_directories(patient: &Patient, of: &Of, report: &mut Report) -> bool {
    let paths = &patient.paths;
    for path in [Some(&paths.root), paths.home.as_ref(), Some(&paths.config)].into_iter().flatten() {
        if path.is_symlink() {
            let fix = Fix::Hand("put the directory itself where the link is".into());
            report.add(
                Kind::ConfigIsLink,
                Some(of),
                "a link stands where its own directory belongs",
                Some(path.clone()),
                fix,
            );
            return false;
        }
    }
    if !os::is_dir(&paths.config) {
        // One that was never started has none yet.
        if patient.run.is_some() {
            let fix = Fix::Hand("put it back from a copy; cs makes an empty one at the next start".into());
            let what = "its config directory is gone";
            report.add(Kind::ConfigMissing, Some(of), what, Some(paths.config.clone()), fix);
        }
        private(of, &paths.root, true, report);
        return false;
    }
    for path in [Some(&paths.root), paths.home.as_ref(), Some(&paths.config)].into_iter().flatten() {
        private(of, path, true, report);
    }
    private(of, &paths.root.join("session.toml"), true, report);
    true
}

/// Looks at the notes of what `cs` put into a config directory.
fn notes(of: &Of, place: &ManifestPlace, report: &mut Report) {
    if let Err(failure) = store::manifest(place) {
        let fix = Fix::Hand("remove the file: cs profile sync notes anew what stands as planned".into());
        report.add(Kind::NotesDamaged, Some(of), failure.message, Some(place.file.clone()), fix);
    }
}

/// Reports conversations that a process was moving when it was killed. Returns true if there are any.
fn unsettled(machine: &Machine<'_>, subject: &Subject, of: &Of, report: &mut Report) -> bool {
    let Ok(member) = history::member(machine.context, subject) else { return false };
    let is_unsettled = member.is_unsettled();
    if is_unsettled {
        let what = "a command was cut short while its conversations were moved";
        let fix =
            Fix::Command(format!("cs profile sync {}; the next start does it too", subject.profile().name));
        report.add(Kind::Unsettled, Some(of), what, Some(member.root), fix);
    }
    is_unsettled
}

/// Reports a login in a session, whose login is its profile's.
fn detached_login(patient: &Patient, of: &Of, report: &mut Report) {
    let path = claude::login_file(&patient.paths.config);
    let Ok(about) = path.symlink_metadata() else { return };
    let kind = if about.is_symlink() { "a link to a login" } else { "a login of its own" };
    let what = format!("it has {kind}, beside the one it shares with its profile");
    let fix = Fix::Hand("nothing of cs uses it: close the session, and remove the file".into());
    report.add(Kind::LoginDetached, Some(of), what, Some(path), fix);
}

/// Looks at the settings of the project a session works in. In the home directory they are the user's own.
fn project_settings(machine: &Machine<'_>, patient: &Patient, report: &mut Report) {
    let directory = patient.session.directory();
    if machine.home.as_ref().is_some_and(|home| os::is_same_file(home, directory))
        || is_behind_a_link(&patient.session)
    {
        return;
    }
    let [shared, local] = claude::project_settings(directory);
    for (path, shared) in [(shared, true), (local, false)] {
        settings(&patient.of(), &path, &Foreign::at(directory, &path), shared, report);
    }
}

/// Reports a session that may be open on another host. Returns the live file that says so.
fn elsewhere(patient: &Patient, of: &Of, report: &mut Report) -> Option<PathBuf> {
    let run = patient.run.as_ref().filter(|run| run.process.liveness() == Liveness::Elsewhere)?;
    let file = patient.paths.config.join("sessions").join(format!("{}.json", run.process.pid));
    if !os::exists(&file) {
        return None;
    }
    let what = format!("it was opened on host '{}' (pid {})", run.process.host, run.process.pid);
    let fix = Fix::Hand(format!("if it is closed there: cs --yes {}", patient.session.name));
    report.add(Kind::LiveElsewhere, Some(of), what, Some(file.clone()), fix);
    Some(file)
}
