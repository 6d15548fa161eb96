//! The machine: all there is to look at, gathered once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::finding::{Fix, Kind, Of, Report};
use crate::claude::{self, ConfigGround, Live};
use crate::config::Config;
use crate::model::{self, Isolation, Name, Profile, Session, SessionPaths, Subject};
use crate::os::{Foreign, Liveness};
use crate::store::{Damage, Run, Store};
use crate::work::context::Context;
use crate::work::open::open_state;

/// A session with all that is known of it.
pub(super) struct Patient {
    pub session: Session,
    pub profile: Profile,
    pub paths: SessionPaths,
    pub run: Option<Run>,
}

impl Patient {
    pub(super) fn of(&self) -> Of {
        Of::session(&self.session.name)
    }

    /// Returns its config directory as ground to be read.
    pub(super) fn ground(&self) -> ConfigGround {
        ConfigGround::of(&self.paths)
    }

    /// Returns it with its profile, as what can be started.
    pub(super) fn subject(&self) -> Subject {
        Subject::Session(self.session.clone(), self.profile.clone())
    }

    /// Returns true if it has a config directory of its own.
    pub(super) fn is_isolated(&self) -> bool {
        self.session.isolation != Isolation::None
    }

    /// Returns the Claude processes in it: those with a live file, and the one that was launched last.
    pub(super) fn live(&self) -> Vec<Live> {
        if self.session.isolation == Isolation::Sandbox {
            let open = open_state(&self.session, &self.paths, self.run.as_ref());
            let unsaid =
                |pid| Live { pid, conversation: None, status: None, waiting_for: None, background: false };
            return open.map(|open| open.live.unwrap_or(unsaid(open.pid))).into_iter().collect();
        }
        let mut live = if self.is_isolated() { claude::live_in(&self.ground()) } else { Vec::new() };
        if let Some(run) = &self.run
            && run.liveness(&self.paths.root) == Liveness::Alive
            && run.process.pid != std::process::id()
            && !live.iter().any(|live| live.pid == run.process.pid)
        {
            let (pid, conversation) = (run.process.pid, None);
            live.push(Live { pid, conversation, status: None, waiting_for: None, background: false });
        }
        live
    }
}

/// This machine, as far as it can be read.
pub(super) struct Machine<'a> {
    pub context: &'a Context,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    pub config: Option<&'a Config>,
    pub store: Option<&'a Store>,
    /// Every profile that can be used.
    pub profiles: BTreeMap<Name, Profile>,
    /// Every session that can be, with its profile.
    pub patients: Vec<Patient>,
    /// The one session or profile that was asked for.
    only: Option<&'a Subject>,
}

impl<'a> Machine<'a> {
    /// Gathers what there is. What cannot be read is noted in `report`, and spoils nothing else.
    pub(super) fn gather(context: &'a Context, only: Option<&'a Subject>, report: &mut Report) -> Self {
        let said = |report: &mut Report, what: &str, failure: crate::model::Failure| {
            let hint = failure.hints.first().map(|hint| format!(" ({hint})")).unwrap_or_default();
            report.blind(what, format!("{}{hint}", failure.message));
        };
        let home = context.home().map_err(|failure| said(report, "your home directory", failure)).ok();
        let config = match context.config() {
            Ok(config) => Some(config),
            Err(failure) if failure.kind == model::Kind::Exposed => {
                let fix = Fix::Hand(failure.hints.join("; "));
                report.add(Kind::SettingsExposed, None, failure.message, context.config_path().ok(), fix);
                None
            }
            Err(failure) => {
                said(report, "the settings", failure);
                None
            }
        };
        let store = context.store().map_err(|failure| said(report, "what cs keeps", failure)).ok();
        let mut machine =
            Self { context, home, config, store, profiles: BTreeMap::new(), patients: Vec::new(), only };
        machine.read_profiles(report);
        machine.read_sessions(report);
        machine
    }

    fn read_profiles(&mut self, report: &mut Report) {
        let (Some(store), Some(home)) = (self.store, &self.home) else { return };
        let entries = match store.profiles(home) {
            Ok(entries) => entries,
            Err(failure) => return report.blind("the profiles", failure.message),
        };
        for entry in entries {
            match entry.profile {
                Ok(profile) => _ = self.profiles.insert(entry.name, profile),
                Err(damage) if self.only.is_none() => {
                    let place = store.profile_record_path(&entry.name);
                    damaged(report, &Of::profile(&entry.name), &damage, place);
                }
                Err(_) => {}
            }
        }
    }

    fn read_sessions(&mut self, report: &mut Report) {
        let Some(store) = self.store else { return };
        let entries = match store.sessions() {
            Ok(entries) => entries,
            Err(failure) => return report.blind("the sessions", failure.message),
        };
        for entry in entries {
            let session = match entry.record {
                Ok(session) => session,
                // Told where the directories are looked at.
                Err(Damage::Missing) => continue,
                Err(damage) if self.only.is_none() => {
                    let place = store.session_record_path(entry.id);
                    damaged(report, &Of::session(&entry.id), &damage, place);
                    continue;
                }
                Err(_) => continue,
            };
            let Some(profile) = self.profiles.get(&session.profile.folded()) else {
                // A profile whose record is damaged is told by itself.
                let gone = matches!(
                    self.home.as_ref().map(|home| store.profile(&session.profile, home)),
                    Some(Ok(None))
                );
                if gone && self.only.is_none() {
                    let what = format!("its profile '{}' is gone", session.profile);
                    let fix = Fix::Command(format!("cs restore {}", session.profile));
                    let place = store.session_record_path(session.id);
                    report.add(Kind::ProfileGone, Some(&Of::session(&session.name)), what, Some(place), fix);
                }
                continue;
            };
            let Ok(paths) = self.context.paths(&session, profile) else { continue };
            let run = store.last_run(&store.session_run_path(session.id));
            self.patients.push(Patient { profile: profile.clone(), paths, run, session });
        }
    }

    /// Returns the sessions that are to be looked at.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Patient> {
        self.patients.iter().filter(|patient| match self.only {
            None => true,
            Some(Subject::Session(session, _)) => session.id == patient.session.id,
            Some(Subject::Profile(_)) => false,
        })
    }

    /// Returns the profiles that are to be looked at.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values().filter(|profile| match self.only {
            None => true,
            Some(subject) => subject.profile().name == profile.name,
        })
    }

    /// Returns true if one thing was asked for.
    pub(super) fn is_narrowed(&self) -> bool {
        self.only.is_some()
    }

    /// Returns the sessions of a profile.
    pub(super) fn sessions_of<'m>(&'m self, profile: &'m Profile) -> impl Iterator<Item = &'m Patient> {
        self.patients.iter().filter(|patient| patient.profile.name == profile.name)
    }

    /// Returns true if any Claude runs in the profile or in a session of it.
    pub(super) fn profile_is_live(&self, profile: &Profile) -> bool {
        !claude::live_in(&ConfigGround::of_profile(&profile.home.directory())).is_empty()
            || self.sessions_of(profile).any(|patient| !patient.live().is_empty())
    }

    /// Returns `path`, which somebody else wrote down, as a place to look at: in what `cs` keeps or in a profile, or
    /// else anywhere on this machine.
    pub(super) fn place(&self, path: &Path) -> Foreign {
        let store = self.store.map(|store| store.root().to_path_buf());
        let mut grounds = store.into_iter().chain(self.profiles.values().map(|of| of.home.directory()));
        let ground = grounds.find(|ground| path.starts_with(ground));
        let top = || path.ancestors().last().unwrap_or(path).to_path_buf();
        Foreign::at(&ground.unwrap_or_else(top), path)
    }

    /// Returns true if `path` lies below the data root, as its text has it: then it was made by `cs`.
    pub(super) fn is_ours(&self, path: &Path) -> bool {
        self.store.is_some_and(|store| path.starts_with(store.root()))
    }
}

fn damaged(report: &mut Report, of: &Of, damage: &Damage, place: PathBuf) {
    let fix = match damage {
        Damage::Newer(_) => "update cs",
        Damage::Io(_) => "see to it that you can read the file",
        Damage::Missing | Damage::Unreadable(_) => "correct the file, or put back a copy of it",
    };
    report.add(Kind::RecordDamaged, Some(of), damage.to_string(), Some(place), Fix::Hand(fix.into()));
}

/// Returns how many days ago something was changed last.
pub(super) fn days_since(then: SystemTime) -> u64 {
    SystemTime::now().duration_since(then).unwrap_or_default().as_secs() / 86_400
}
