//! The contents of a config directory, of a session or a profile alike: settings, Claude's state, plugins,
//! locks, modes.

use std::path::Path;
use std::time::Duration;

use super::finding::{Fix, Kind, Of, Report};
use super::machine::Machine;
use super::repair::Repair;
use crate::claude::{self, ConfigGround};
use crate::os::{self, Foreign};
use crate::shell::word;
use crate::store::LOCK_IS_NOBODYS;

/// A lock of Claude's that is older than this was left behind: it is touched every few seconds.
const LOCK_IS_STALE: Duration = Duration::from_secs(60 * 60);

/// Looks at Claude's state file, `state`, which is read as `file`, and at the settings in a config directory.
pub(super) fn config_directory(
    machine: &Machine<'_>,
    of: &Of,
    config: &Path,
    state: &Path,
    file: &Foreign,
    report: &mut Report,
) {
    let legacy = claude::legacy_state_file(config);
    if os::exists(&legacy) {
        let fix = Fix::Hand("an old Claude Code left it: move it away if .claude.json is newer".into());
        let what = ".config.json stands beside .claude.json";
        report.add(Kind::StateLegacy, Some(of), what, Some(legacy), fix);
    }
    match claude::state_facts(file) {
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
        settings(of, &path, &Foreign::at(config, &path), false, report);
    }
}

/// Reports live files of processes that ended. One of another host (`elsewhere`) may be of one that runs.
/// Claude takes them away itself (2.1.197) or leaves them (2.1.329).
pub(super) fn live_files(
    of: &Of,
    ground: &ConfigGround,
    config: &Path,
    elsewhere: Option<&Path>,
    report: &mut Report,
) {
    let mut left = claude::live_files_left(ground, config);
    left.retain(|path| elsewhere != Some(path.as_path()));
    let Some(first) = left.first() else { return };
    let (what, place) = match left.len() {
        1 => ("it names a process that ended".to_owned(), Some(first.clone())),
        count => (format!("{count} files name processes that ended"), first.parent().map(Path::to_path_buf)),
    };
    let fix = Fix::Hand("none is needed; they may be removed".into());
    report.add(Kind::LiveFileLeft, Some(of), what, place, fix);
}

/// Looks at the settings file `path`, which is read as `file`; `shared` with whoever has the project.
pub(super) fn settings(of: &Of, path: &Path, file: &Foreign, shared: bool, report: &mut Report) {
    let path = path.to_path_buf();
    let facts = match claude::settings_facts(file) {
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

/// Reports plugins whose files lie in another session, or nowhere. `root` is the session's own directory.
pub(super) fn plugins(
    machine: &Machine<'_>,
    of: &Of,
    ground: &ConfigGround,
    config: &Path,
    root: Option<&Path>,
    report: &mut Report,
) {
    if config.join("plugins").is_symlink() {
        return;
    }
    let record = config.join("plugins/installed_plugins.json");
    for (name, place) in claude::plugin_places(ground) {
        let fix = || Fix::Command(format!("cs {} plugin install {}", of.name, word(&name)));
        let other = machine.patients.iter().find(|patient| {
            place.starts_with(&patient.paths.root) && root.is_none_or(|root| !place.starts_with(root))
        });
        // The record says what it likes: it is only looked whether anything is there, and through no link.
        if !machine.place(&place).exists() {
            let what = format!("the files of plugin '{name}' are gone: {}", place.display());
            report.add(Kind::PluginGone, Some(of), what, Some(record.clone()), fix());
        } else if let Some(other) = other {
            let what = format!("the files of plugin '{name}' lie in session '{}'", other.session.name);
            report.add(Kind::PluginElsewhere, Some(of), what, Some(record.clone()), fix());
        }
    }
}

/// Reports locks that nobody holds. `ours` says that `--fix` may remove them once they are surely nobody's.
pub(super) fn locks(
    of: &Of,
    ground: &ConfigGround,
    (config, state): (&Path, &Path),
    live: bool,
    ours: bool,
    report: &mut Report,
) {
    if live {
        return;
    }
    for (path, age) in claude::locks_of(ground, config, state) {
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

/// Reports a `path` that is not its owner's only, or whose owner is not this user. `ours` says that `--fix` may
/// change its mode.
pub(super) fn private(of: &Of, path: &Path, ours: bool, report: &mut Report) {
    private_of(Some(of), path, ours, report);
}

/// Does as [`private`] for what belongs to nobody in particular.
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
