//! The store of `cs`: the data root, names, leftovers, bindings, trust, trash.

use std::path::Path;

use super::contents::private_of;
use super::finding::{Fix, Kind, Of, Report};
use super::machine::{Machine, Patient, days_since};
use super::repair::Repair;
use super::worktrees;
use crate::git::Checkout;
use crate::model::{Clock, History, Place, Profile, Target};
use crate::os;
use crate::store::{Claim, EphemeralNote, Nameless, Ownerless, Store, Trashed, TrashedKind};
use crate::ui;
use crate::work::{binding, share};

/// Below this much room there is advice.
const LOW: u64 = 1 << 30;

/// Below this much there is a problem.
const FULL: u64 = 100 << 20;

/// Directories that programs copy to other machines.
const SYNCED: &[&str] = &[
    "Dropbox",
    "OneDrive",
    "Google Drive",
    "GoogleDrive",
    "iCloud Drive",
    "Mobile Documents",
    "Nextcloud",
    "ownCloud",
    "Syncthing",
];

pub(super) fn probe(machine: &Machine<'_>, report: &mut Report) {
    let Some(store) = machine.store else { return };
    disk(store.root(), report);
    if !os::exists(store.root()) {
        return report.checked(format!("the data root: nothing is kept yet ({})", store.root().display()));
    }
    private_of(None, store.root(), true, report);
    root_place(store.root(), report);
    names(machine, store, report);
    without_record(store, report);
    // Both are told by their age.
    let clock = machine.context.clock().map_err(|failure| report.blind("the clock", failure.message)).ok();
    if let Some(doubt) = clock.as_ref().and_then(|clock| clock.doubt()) {
        report.blind("what was left over, and how old the trash is", doubt.to_string());
    }
    let clock = clock.filter(|clock| clock.doubt().is_none());
    let unfinished = if clock.is_some() { store.unfinished() } else { Ok(Vec::new()) };
    for leftover in seen(report, "what was left unfinished", unfinished) {
        let (what, place) = (leftover.what(), Some(leftover.path().to_path_buf()));
        report.add(Kind::StagingLeft, None, what, place, Fix::Safe(Repair::RemoveLeftover { leftover }));
    }
    groups(machine, store, report);
    ended(machine, store, report);
    let trash = seen(report, "the trash", store.trash());
    bindings(machine, store, &trash, report);
    trust(store, report);
    if let Some(clock) = &clock {
        old_trash(machine, clock, &trash, report);
    }
    worktrees::kept_commits(machine, store, report);
    report
        .checked(format!("the data root: names, bindings, trust, trash, disk ({})", store.root().display()));
}

/// Returns what was read; where that failed, notes in `report` that it could not look.
fn seen<T: Default>(report: &mut Report, what: &str, read: crate::model::Result<T>) -> T {
    read.unwrap_or_else(|failure| {
        report.blind(what, failure.message);
        T::default()
    })
}

fn disk(root: &Path, report: &mut Report) {
    let disk = match os::disk_of(root) {
        Ok(disk) => disk,
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => return,
        Err(error) => return report.blind("the disk of the data root", crate::model::reason(&error)),
    };
    if let Some(kind) = disk.network {
        let fix = Fix::Hand("set CS_HOME to a directory on a disk of this machine".into());
        let what = format!("the data root is on a network file system ({kind})");
        report.add(Kind::NetworkFileSystem, None, what, Some(root.to_path_buf()), fix);
    }
    let kind = match disk.free {
        free if free < FULL => Kind::DiskFull,
        free if free < LOW => Kind::DiskLow,
        _ => return,
    };
    let fix = Fix::Command("cs du shows what takes room; cs cleanup what could go".into());
    let what = format!("{} are left on the disk of the data root", ui::size(disk.free));
    report.add(kind, None, what, Some(root.to_path_buf()), fix);
}

/// Looks at where the data root lies.
fn root_place(root: &Path, report: &mut Report) {
    let real = os::real_path(root).unwrap_or_else(|_| root.to_path_buf());
    let elsewhere = || Fix::Hand("set CS_HOME to a directory outside of it; or keep cs out of it".into());
    if let Some(checkout) = Checkout::of(&real) {
        let what = format!("the data root lies in a git repository: {}", checkout.root.display());
        report.add(Kind::RootInGit, None, what, Some(root.to_path_buf()), elsewhere());
    }
    let is_synced = |part: &std::path::Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        SYNCED.iter().any(|synced| name == *synced || name.starts_with(&format!("{synced} -")))
    };
    if let Some(part) = real.components().find(is_synced) {
        let what = format!("the data root lies in {}, which is copied elsewhere", part.as_os_str().display());
        report.add(Kind::RootSynced, None, what, Some(root.to_path_buf()), elsewhere());
    }
}

/// Reports groups whose conversations are nobody's.
fn groups(machine: &Machine<'_>, store: &Store, report: &mut Report) {
    // What a record says that cannot be read is not known.
    if machine.config.is_none() || report.findings.iter().any(|finding| finding.kind == Kind::RecordDamaged) {
        return;
    }
    let of_profile = |profile: &Profile| Some(share::share_of(machine.context, profile, false).ok()?.history);
    let of_session = |patient: &Patient| patient.session.history.clone();
    let said = machine.profiles.values().filter_map(of_profile);
    let used: Vec<String> = said
        .chain(machine.patients.iter().filter_map(of_session))
        .filter_map(|history| if let History::Group(name) = history { Some(name.key()) } else { None })
        .collect();
    for group in seen(report, "the groups", store.groups()) {
        if !used.contains(&group.key()) {
            let place = store.group_root(&group);
            let what = format!("nobody is in the group '{group}' any more");
            let fix = Fix::Hand(format!(
                "to go on with it: cs profile share NAME --history {group}; if you do not want it, remove it"
            ));
            report.add(Kind::GroupUnused, None, what, Some(place), fix);
        }
    }
}

/// Reports ephemeral sessions that have ended and are still there.
fn ended(machine: &Machine<'_>, store: &Store, report: &mut Report) {
    for (id, note) in seen(report, "the ephemeral sessions", store.ephemeral()) {
        let Some(patient) = machine.patients.iter().find(|patient| patient.session.id == id) else {
            continue;
        };
        if !patient.session.ephemeral || !patient.live().is_empty() {
            continue;
        }
        let what = match note {
            EphemeralNote::Stays(why) => format!("it is ephemeral, has ended, and stays: {why}"),
            EphemeralNote::Launched | EphemeralNote::Told => {
                "it is ephemeral, has ended, and is still there".into()
            }
        };
        let fix = Fix::Command(format!("cs rm {}", patient.session.name));
        report.add(Kind::EphemeralEnded, Some(&patient.of()), what, Some(patient.paths.root.clone()), fix);
    }
}

fn names(machine: &Machine<'_>, store: &Store, report: &mut Report) {
    let Ownerless { orphans, damaged } = seen(report, "the names", store.names_without_owner());
    for (name, path) in orphans {
        let what = format!("the name '{name}' is taken by nothing");
        let fix = Fix::Safe(Repair::ForgetName { name });
        report.add(Kind::NameOrphaned, None, what, Some(path), fix);
    }
    for path in damaged {
        let fix =
            Fix::Hand("it should read 'session ID' or 'profile'; without it cs doctor --fix makes it".into());
        report.add(Kind::RecordDamaged, None, "the claim of a name is damaged", Some(path), fix);
    }
    let sessions =
        machine.patients.iter().map(|patient| (patient.of(), store.nameless_session(&patient.session)));
    let profiles = machine.profiles.keys().map(|name| (Of::profile(name), store.nameless_profile(name)));
    for (of, nameless) in sessions.chain(profiles) {
        match nameless {
            None => {}
            Some(Nameless::Free(name, claim)) => {
                let fix = Fix::Safe(Repair::ClaimAgain { name, claim });
                report.add(Kind::NameLost, Some(&of), "its name does not lead to it", None, fix);
            }
            Some(Nameless::Taken(name, claim)) => {
                let record = match claim {
                    Claim::Session(id) => store.session_record_path(id),
                    Claim::Profile => store.profile_record_path(&name),
                };
                let fix = Fix::Hand("give it another name in this record; then cs doctor --fix".into());
                let what = "something else has its name";
                report.add(Kind::NameTaken, Some(&of), what, Some(record), fix);
            }
        }
    }
}

fn without_record(store: &Store, report: &mut Report) {
    for path in seen(report, "what has no record", store.without_record()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_profile = path.parent().is_some_and(|room| room.ends_with("profiles"));
        let of = if is_profile { Of::profile(&name) } else { Of::session(&name) };
        let fix = Fix::Hand("put its record back from a copy, or move the directory away".into());
        report.add(Kind::RecordMissing, Some(&of), "it has no record", Some(path), fix);
    }
}

fn bindings(machine: &Machine<'_>, store: &Store, trash: &[Trashed], report: &mut Report) {
    let bindings = match store.bindings() {
        Ok(bindings) => bindings,
        Err(failure) => return report.blind("the bindings", failure.message),
    };
    if store.hooks_miss_bindings() == Ok(true) {
        let path = store.bound_paths_path();
        let fix = Fix::Safe(Repair::ShowHooks { path: path.clone() });
        report.add(
            Kind::BindingUnseen,
            None,
            "a binding is missing in what the hooks of the shells read",
            Some(path),
            fix,
        );
    }
    for binding in bindings {
        // What cannot be read is not gone.
        if !matches!(binding::subject_of(machine.context, &binding.target), Ok(None)) {
            continue;
        }
        let thrown = trash.iter().find(|trashed| match (&trashed.kind, &binding.target) {
            (TrashedKind::Profile(name), Target::Profile(wanted)) => name == wanted,
            (TrashedKind::Session(session), Target::Session(id)) => session.id == *id,
            _ => false,
        });
        let led = binding::named_or_gone(machine.context, &binding.target);
        let what = format!("{} is bound to {led}", binding.place.text());
        let fix = match thrown {
            Some(thrown) => {
                let undo = binding::removal(&binding.place);
                Fix::Command(format!("cs restore {}, or {undo}", thrown.name()))
            }
            None => Fix::Safe(Repair::Unbind { place: binding.place.clone(), target: binding.target }),
        };
        let place = match binding.place {
            Place::Directory(path) | Place::File(path) => Some(path),
            Place::Remote(_) => None,
        };
        report.add(Kind::BindingGone, None, what, place, fix);
    }
}

fn trust(store: &Store, report: &mut Report) {
    let said = match store.trust() {
        Ok(said) => said,
        Err(failure) => return report.blind("what is allowed", failure.message),
    };
    for trusted in said {
        let about = match trusted.about {
            Ok(about) => about,
            Err(damage) => {
                let fix = Fix::Hand("remove the file, and say it again: cs allow, or cs deny".into());
                report.add(Kind::TrustDamaged, None, damage.to_string(), Some(trusted.record), fix);
                continue;
            }
        };
        // Another branch may not have the file; without its directory it is gone.
        if about.path.parent().is_some_and(|directory| !os::exists(directory)) {
            let word = if about.is_allowed() { "allowed" } else { "denied" };
            let what = format!("{word}, in a directory that is gone");
            let allowed = about.is_allowed();
            let fix =
                Fix::Safe(Repair::ForgetTrust { record: trusted.record, path: about.path.clone(), allowed });
            report.add(Kind::TrustGone, None, what, Some(about.path), fix);
        }
    }
}

fn old_trash(machine: &Machine<'_>, clock: &Clock, trash: &[Trashed], report: &mut Report) {
    let Some(config) = machine.config else { return };
    let keep = config.cleanup.keep_trash;
    let old: Vec<&Trashed> =
        trash.iter().filter(|trashed| clock.has_reached(keep, trashed.removed)).collect();
    let Some(oldest) = old.last() else { return };
    let days = days_since(oldest.removed.into());
    let what = match old.len() {
        1 => format!("a piece of trash is {days} days old (keep_trash = {keep})"),
        count => format!("{count} pieces of trash are up to {days} days old (keep_trash = {keep})"),
    };
    let fix = Fix::Command(format!("cs trash empty --older-than {keep}"));
    report.add(Kind::TrashOld, None, what, oldest.path.parent().map(Path::to_path_buf), fix);
}
