//! Sessions: what a plan says, held against the disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::{Fix, Kind, Of, Report};
use super::machine::{Machine, Patient};
use super::repair::Repair;
use super::worktrees;
use crate::claude;
use crate::git::{self, Linked};
use crate::model::{Isolation, Layout, Link, ManifestPlace, SHAREABLE, Subject};
use crate::os::{self, Liveness};
use crate::shell::word;
use crate::store::{self, Drift, LOCK_IS_NOBODYS, Standing};
use crate::work::{history, scene};

/// A lock of Claude's that is older than this was left behind: it is touched every few seconds.
const LOCK_IS_STALE: Duration = Duration::from_secs(60 * 60);

/// What lives elsewhere where conversations are shared.
const IN_COMMON: &[&str] = &["projects", "history.jsonl"];

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
        let subject = Subject::Session(patient.session.clone(), patient.profile.clone());
        match planned(machine, &subject, patient.session.directory()) {
            Ok(mut layout) => {
                if unsettled(machine, &subject, &of, report) {
                    layout.links.retain(|link| !IN_COMMON.iter().any(|item| link.path.ends_with(item)));
                }
                links(&of, &patient.paths.config, &subject, &layout, report);
                shared_still(machine, patient, &layout, report);
            }
            Err(why) => impossible(&of, why, report),
        }
        notes(&of, &ManifestPlace::new(&patient.paths.root, &patient.paths.config), report);
        detached_login(patient, &of, report);
        config_directory(machine, &of, &patient.paths.config, &patient.paths.state, report);
        plugins(machine, &of, &patient.paths.config, Some(&patient.paths.root), report);
        locks(&of, &patient.paths.config, &patient.paths.state, !patient.live().is_empty(), true, report);
        let elsewhere = elsewhere(patient, &of, report);
        // What runs in a sandbox names itself by a pid that means something else out here.
        if patient.session.isolation != Isolation::Sandbox || patient.live().is_empty() {
            live_files(&of, &patient.paths.config, elsewhere.as_deref(), report);
        }
    }
    if !machine.is_narrowed() || count > 0 {
        report.checked(match count {
            1 => "1 session: record, directory, links, files, login".into(),
            _ => format!("{count} sessions: records, directories, links, files, logins"),
        });
    }
}

/// What a plan has to be on disk for `subject`, or why there is no plan. Without settings there is
/// none, which was told.
pub(super) fn planned(
    machine: &Machine<'_>,
    subject: &Subject,
    directory: &Path,
) -> Result<Layout, Option<String>> {
    if machine.config.is_none() || machine.home.is_none() {
        return Err(None);
    }
    scene::layout(machine.context, subject, directory).map_err(|failure| Some(failure.message))
}

/// Notes that there is no plan.
pub(super) fn impossible(of: &Of, why: Option<String>, report: &mut Report) {
    match why {
        None => {
            report.blind(format!("the links of {of}"), "what it shares is not known without the settings");
        }
        Some(why) => {
            let fix = Fix::Hand(
                "correct the settings (cs config edit), or those of its profile (cs profile edit)".into(),
            );
            report.add(Kind::PlanImpossible, Some(of), why, None, fix);
        }
    }
}

/// Where it works.
fn directory(machine: &Machine<'_>, patient: &Patient, report: &mut Report) {
    let (of, directory) = (patient.of(), patient.session.directory());
    if worktrees::half_removed(patient, report) {
        return;
    }
    worktrees::of_session(patient, report);
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

/// The directories that are its own. `false` where there is nothing more to look at.
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

/// Whether `path` is its owner's only, and the owner is this user. `ours` says that `--fix` may
/// change its mode.
pub(super) fn private(of: &Of, path: &Path, ours: bool, report: &mut Report) {
    private_of(Some(of), path, ours, report);
}

/// As [`private`], for what belongs to nobody in particular.
pub(super) fn private_of(of: Option<&Of>, path: &Path, ours: bool, report: &mut Report) {
    let Some(access) = os::access(path) else { return };
    let shown = word(&path.to_string_lossy());
    if !access.is_mine {
        let fix = Fix::Hand(format!("have it given back to you: sudo chown \"$(id -u)\" {shown}"));
        let what = format!("it belongs to another user (uid {})", access.owner);
        report.add(Kind::Owner, of, what, Some(path.to_path_buf()), fix);
    } else if access.mode & 0o077 != 0 {
        let what = format!("other users may use it (mode {:04o})", access.mode);
        let wanted = if access.is_dir { "0700" } else { "0600" };
        let fix = if ours {
            Fix::Safe(Repair::MakePrivate { path: path.to_path_buf(), mode: access.mode })
        } else {
            Fix::Hand(format!("chmod {wanted} {shown}"))
        };
        report.add(Kind::Permissions, of, what, Some(path.to_path_buf()), fix);
    }
}

/// The links of a plan, and links to nothing that no plan has any more.
pub(super) fn links(of: &Of, config: &Path, subject: &Subject, layout: &Layout, report: &mut Report) {
    let make = |link: &Link| {
        let only = Layout { base: layout.base.clone(), links: vec![link.clone()], ..Layout::default() };
        Fix::Safe(Repair::LayOut { subject: Box::new(subject.clone()), layout: only })
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for link in &layout.links {
        let (item, target) = (name(&link.path), link.target.display());
        let (kind, what, fix) = match store::standing(link) {
            Standing::AsPlanned => continue,
            Standing::Missing => (Kind::LinkMissing, format!("the link to {target} is missing"), make(link)),
            Standing::Dangling => {
                (Kind::LinkDangling, format!("a link leads to nothing, instead of to {target}"), make(link))
            }
            Standing::Otherwise(Drift::InPlaceOfLink(_)) if item == "projects" => {
                let what = format!("its conversations are its own, instead of with those in {target}");
                let fix = Fix::Command(format!("cs profile sync {}", subject.profile().name));
                (Kind::LinkReplaced, what, fix)
            }
            Standing::Otherwise(Drift::InPlaceOfLink(_)) => {
                let profile = &subject.profile().name;
                let fix = format!(
                    "to keep it: cs profile share {profile} {item}=private; else move it away, then cs doctor --fix"
                );
                (
                    Kind::LinkReplaced,
                    format!("{item} is its own, instead of a link to {target}"),
                    Fix::Hand(fix),
                )
            }
            Standing::Otherwise(Drift::OtherTarget(_)) => {
                let fix = "remove the link if it was not meant: then cs doctor --fix".to_owned();
                (Kind::LinkElsewhere, format!("a link leads somewhere else than to {target}"), Fix::Hand(fix))
            }
        };
        report.add(kind, Some(of), what, Some(link.path.clone()), fix);
    }
    for item in SHAREABLE.iter().chain(IN_COMMON) {
        let path = config.join(item);
        let planned = layout.links.iter().any(|link| link.path == path);
        if !planned && path.is_symlink() && !path.exists() {
            let fix = Fix::Hand(format!("remove the link: rm {}", word(&path.to_string_lossy())));
            let what = format!("{item} is a link to nothing");
            report.add(Kind::LinkDangling, Some(of), what, Some(path), fix);
        }
    }
}

/// Links of earlier settings: to what the profile has, though each is to have its own by now.
fn shared_still(machine: &Machine<'_>, patient: &Patient, layout: &Layout, report: &mut Report) {
    let Ok(share) = scene::share_of(machine.context, &patient.profile, patient.session.bare) else { return };
    let base = patient.profile.home.directory();
    for item in SHAREABLE.iter().filter(|item| !share.linked().any(|linked| linked == **item)) {
        let path = patient.paths.config.join(item);
        let planned = layout.links.iter().any(|link| link.path == path);
        if !planned && path.is_symlink() && os::is_same_file(&path, &base.join(item)) {
            let fix = Fix::Hand(format!("to have its own: rm {}", word(&path.to_string_lossy())));
            let what = format!("{item} is still its profile's, though the settings say private");
            report.add(Kind::LinkUnplanned, Some(&patient.of()), what, Some(path), fix);
        }
    }
}

/// The notes of what `cs` put into a config directory.
pub(super) fn notes(of: &Of, place: &ManifestPlace, report: &mut Report) {
    if let Err(failure) = store::manifest(place) {
        let fix = Fix::Hand("remove the file: cs profile sync notes anew what stands as planned".into());
        report.add(Kind::NotesDamaged, Some(of), failure.message, Some(place.file.clone()), fix);
    }
}

/// Conversations that a process was moving when it was killed. Whether there are any.
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

/// A login in a session, whose login is its profile's.
fn detached_login(patient: &Patient, of: &Of, report: &mut Report) {
    let path = claude::login_file(&patient.paths.config);
    let Ok(about) = path.symlink_metadata() else { return };
    let kind = if about.is_symlink() { "a link to a login" } else { "a login of its own" };
    let what = format!("it has {kind}, beside the one it shares with its profile");
    let fix = Fix::Hand("nothing of cs uses it: close the session, and remove the file".into());
    report.add(Kind::LoginDetached, Some(of), what, Some(path), fix);
}

/// What is looked at in the config directory of a session or profile alike.
pub(super) fn config_directory(
    machine: &Machine<'_>,
    of: &Of,
    config: &Path,
    state: &Path,
    report: &mut Report,
) {
    let legacy = claude::legacy_state_file(config);
    if os::exists(&legacy) {
        let fix = Fix::Hand("an old Claude Code left it: move it away if .claude.json is newer".into());
        let what = ".config.json stands beside .claude.json";
        report.add(Kind::StateLegacy, Some(of), what, Some(legacy), fix);
    }
    match claude::state_facts(state) {
        Ok(Some(_)) => private(of, state, machine.is_ours(state), report),
        Ok(None) => {}
        Err(why) => {
            let backups = config.join("backups");
            let fix = Fix::Hand(format!("Claude keeps copies of it in {}", backups.display()));
            let what = format!("Claude's state file cannot be read: {why}");
            report.add(Kind::StateDamaged, Some(of), what, Some(state.to_path_buf()), fix);
        }
    }
    let path = claude::settings_file(config);
    // A link leads to settings that are looked at where they are.
    if !path.is_symlink() {
        settings(of, path, false, report);
    }
}

/// Live files of processes that ended. One of another host (`elsewhere`) may be of one that runs.
/// Claude takes them away itself (2.1.197) or leaves them (2.1.329).
pub(super) fn live_files(of: &Of, config: &Path, elsewhere: Option<&Path>, report: &mut Report) {
    let mut left = claude::live_files_left(config);
    left.retain(|path| elsewhere != Some(path.as_path()));
    let Some(first) = left.first() else { return };
    let (what, place) = match left.len() {
        1 => ("it names a process that ended".to_owned(), Some(first.clone())),
        count => (format!("{count} files name processes that ended"), first.parent().map(Path::to_path_buf)),
    };
    let fix = Fix::Hand("none is needed; they may be removed".into());
    report.add(Kind::LiveFileLeft, Some(of), what, place, fix);
}

/// A settings file; `shared` with whoever has the project.
fn settings(of: &Of, path: PathBuf, shared: bool, report: &mut Report) {
    let facts = match claude::settings_facts(&path) {
        Ok(Some(facts)) => facts,
        Ok(None) => return,
        Err(why) => {
            let fix = Fix::Hand("correct the file".into());
            let what = format!("these settings cannot be read: {why}");
            return report.add(Kind::SettingsDamaged, Some(of), what, Some(path), fix);
        }
    };
    let take_out =
        || Fix::Hand("take it out there; to have it for one profile: [env] in cs profile edit NAME".into());
    if !facts.directories.is_empty() {
        let what = format!("these settings set {}", facts.directories.join(", "));
        report.add(Kind::SettingsDirectory, Some(of), what, Some(path.clone()), take_out());
    }
    if !facts.credentials.is_empty() {
        let what = format!("these settings set {}", facts.credentials.join(", "));
        let kind = if shared { Kind::ProjectCredential } else { Kind::SettingsCredential };
        report.add(kind, Some(of), what, Some(path.clone()), take_out());
    }
    if let Some(days) = facts.retention_days.filter(|days| *days < claude::RETENTION_DAYS) {
        let what = format!("these settings keep conversations for {days} days (cleanupPeriodDays)");
        let fix = Fix::Hand("set a larger cleanupPeriodDays there, if they matter".into());
        report.add(Kind::Retention, Some(of), what, Some(path), fix);
    }
}

/// The settings of the project a session works in. In the home directory they are the user's own.
fn project_settings(machine: &Machine<'_>, patient: &Patient, report: &mut Report) {
    let directory = patient.session.directory();
    if machine.home.as_ref().is_some_and(|home| os::is_same_file(home, directory)) {
        return;
    }
    let [shared, local] = claude::project_settings(directory);
    settings(&patient.of(), shared, true, report);
    settings(&patient.of(), local, false, report);
}

/// Plugins whose files lie in another session, or nowhere. `root` is the session's own directory.
pub(super) fn plugins(
    machine: &Machine<'_>,
    of: &Of,
    config: &Path,
    root: Option<&Path>,
    report: &mut Report,
) {
    if config.join("plugins").is_symlink() {
        return;
    }
    let record = config.join("plugins/installed_plugins.json");
    for (name, place) in claude::plugin_places(config) {
        let fix = || Fix::Command(format!("cs {} plugin install {}", of.name, word(&name)));
        let other = machine.patients.iter().find(|patient| {
            place.starts_with(&patient.paths.root) && root.is_none_or(|root| !place.starts_with(root))
        });
        if !place.exists() {
            let what = format!("the files of plugin '{name}' are gone: {}", place.display());
            report.add(Kind::PluginGone, Some(of), what, Some(record.clone()), fix());
        } else if let Some(other) = other {
            let what = format!("the files of plugin '{name}' lie in session '{}'", other.session.name);
            report.add(Kind::PluginElsewhere, Some(of), what, Some(record.clone()), fix());
        }
    }
}

/// Locks that nobody holds. `ours` says that `--fix` may remove them once they are surely nobody's.
pub(super) fn locks(of: &Of, config: &Path, state: &Path, live: bool, ours: bool, report: &mut Report) {
    if live {
        return;
    }
    for (path, age) in claude::locks_of(config, state) {
        if age < LOCK_IS_STALE {
            continue;
        }
        let fix = if ours && age >= LOCK_IS_NOBODYS {
            Fix::Safe(Repair::RemoveLock { path: path.clone() })
        } else {
            Fix::Hand(format!("if no Claude runs there: rmdir {}", word(&path.to_string_lossy())))
        };
        let hours = age.as_secs() / 3600;
        let what = format!("a lock of Claude's was left behind {hours} hours ago");
        report.add(Kind::LockStale, Some(of), what, Some(path), fix);
    }
}

/// A session that may be open on another host: the live file that says so.
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
