//! The history of a session or profile: with the session, with its profile, or in a group.
//!
//! See docs/decisions/015-what-is-inside-is-foreign-ground.md

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::claude::{self, ConfigGround};
use crate::model::{
    ConfigHome, Failure, History, Isolation, Kind, Link, Name, Profile, Result, SeedFile, Session,
    SessionPaths, Subject,
};
use crate::os::{self, Liveness, Lock};
use crate::store::{self, Apart, Member, Store};
use crate::work::context::Context;
use crate::work::profiles;
use crate::work::share::{is_ours, share_of};

/// A place of conversations that is not the config directory of their owner.
pub(crate) struct Elsewhere {
    /// The transcripts and the prompts.
    pub apart: Apart,
    /// The group; `None` where it is the profile they live with.
    pub group: Option<Name>,
    /// True if `cs` keeps them: what somebody else keeps gets no copies from us.
    pub ours: bool,
    /// Directories that have to be there.
    pub directories: Vec<PathBuf>,
}

impl Elsewhere {
    /// Returns whose they are, for a person.
    pub(crate) fn named(&self) -> String {
        match &self.group {
            Some(group) => format!("group '{group}'"),
            None => "the profile".into(),
        }
    }

    /// The links in place of what would be in `config`. Where transcripts are in the way, what they
    /// belong with stays with them.
    pub(crate) fn links(&self, config: &Path) -> Vec<Link> {
        let projects = config.join("projects");
        let prompts = self.apart.prompts.iter().filter(|_| !os::is_dir(&projects));
        let link = |path: PathBuf, target: &Path| Link { path, target: target.to_path_buf() };
        std::iter::once(link(projects.clone(), &self.apart.projects))
            .chain(prompts.map(|prompts| link(config.join("history.jsonl"), prompts)))
            .collect()
    }

    /// The file of prompts, where it is to be made: a link to one that is not there would be made
    /// anew by every launch.
    pub(crate) fn seed(&self) -> Option<SeedFile> {
        let path = self.apart.prompts.clone().filter(|path| self.group.is_some() && !os::exists(path))?;
        Some(SeedFile { path, content: Vec::new(), replaces: None })
    }
}

/// Returns where the conversations of `session`, or of the profile itself, live; `None` where that is its own
/// config directory. Never elsewhere for `~/.claude` and adopted directories themselves.
pub(crate) fn elsewhere(
    context: &Context,
    session: Option<&Session>,
    profile: &Profile,
) -> Result<Option<Elsewhere>> {
    // From a sandbox the conversations of others are not to be seen.
    if session.is_some_and(|session| matches!(session.isolation, Isolation::None | Isolation::Sandbox)) {
        return Ok(None);
    }
    let said = match session.and_then(|session| session.history.clone()) {
        Some(said) => said,
        None => share_of(context, profile, session.is_some_and(|session| session.bare))?.history,
    };
    match said {
        History::Own => Ok(None),
        History::Group(_) if session.is_none() && !is_ours(context, profile)? => Ok(None),
        History::Group(group) => {
            let apart = context.store()?.group(&group);
            let ours = !apart.projects.is_symlink();
            let directories = if ours { vec![apart.projects.clone()] } else { Vec::new() };
            if !ours && !apart.projects.is_dir() {
                return Err(Failure::failed(format!(
                    "the conversations of group '{group}' are gone: {} leads nowhere",
                    apart.projects.display()
                ))
                .hint("put the directory back, or leave the group: cs profile share --no-history NAME"));
            }
            Ok(Some(Elsewhere { apart, group: Some(group), ours, directories }))
        }
        History::Profile if session.is_none() => Ok(None),
        History::Profile => with_profile(context, profile),
    }
}

fn with_profile(context: &Context, profile: &Profile) -> Result<Option<Elsewhere>> {
    let base = profile.home.directory();
    let (projects, prompts) = (base.join("projects"), base.join("history.jsonl"));
    let made = matches!(profile.home, ConfigHome::Directory(_));
    // A dangling `projects` link loses transcripts in silence (2.1.197), so what is not there, and
    // not ours to make, is not linked.
    if !made && !projects.exists() {
        return Ok(None);
    }
    let real = |path: &Path| os::real_path(path).unwrap_or_else(|_| path.to_path_buf());
    Ok(Some(Elsewhere {
        apart: Apart { projects: real(&projects), prompts: prompts.exists().then(|| real(&prompts)) },
        group: None,
        ours: is_ours(context, profile)?,
        directories: if made { vec![projects] } else { Vec::new() },
    }))
}

/// Returns the config directory of `session`, whose profile is at `home`, as ground to be read. A link in the place
/// of its conversations is followed only where `cs` makes one: to those of its profile, or of a group. One in a sandbox
/// never.
pub(crate) fn ground(
    store: &Store,
    session: &Session,
    paths: &SessionPaths,
    home: &ConfigHome,
) -> ConfigGround {
    let own = ConfigGround::of(paths);
    if matches!(session.isolation, Isolation::None | Isolation::Sandbox) {
        return own;
    }
    match own.projects().link_target() {
        Ok(Some(target)) if is_of_group(store, &target) || is_of_profile(home, &target) => {
            own.sharing(&target)
        }
        _ => own,
    }
}

/// As [`ground`], of a session whose profile may be gone.
pub(crate) fn ground_left(
    store: &Store,
    session: &Session,
    paths: &SessionPaths,
    profile: Option<&Profile>,
) -> ConfigGround {
    let nowhere = ConfigHome::Directory(PathBuf::new());
    ground(store, session, paths, profile.map_or(&nowhere, |profile| &profile.home))
}

/// Returns the config directory of a session or profile as ground to be read, as [`ground`] does.
pub(crate) fn ground_of(context: &Context, subject: &Subject) -> Result<ConfigGround> {
    match subject {
        Subject::Session(session, profile) => {
            Ok(ground(context.store()?, session, &context.paths(session, profile)?, &profile.home))
        }
        Subject::Profile(profile) => Ok(ConfigGround::of_profile(&profile.home.directory())),
    }
}

fn is_of_group(store: &Store, projects: &Path) -> bool {
    projects.file_name().is_some_and(|name| name == "projects")
        && projects.parent().and_then(Path::parent) == Some(&store.groups_dir())
}

fn is_of_profile(home: &ConfigHome, projects: &Path) -> bool {
    let of_profile = home.directory().join("projects");
    projects == of_profile || os::real_path(&of_profile).is_ok_and(|real| real == projects)
}

/// Returns the place of the conversations of a session, or of a profile whose directory is ours.
pub(crate) fn member(context: &Context, subject: &Subject) -> Result<Member> {
    match subject {
        Subject::Session(session, profile) => {
            let paths = context.paths(session, profile)?;
            Ok(Member { root: paths.root, config: paths.config })
        }
        Subject::Profile(profile) => Ok(Member {
            root: context.store()?.profile_root(profile.host()),
            config: profile.home.directory(),
        }),
    }
}

/// Finishes what a process that was killed began, where one was: before anybody looks which
/// conversation is the newest.
pub(crate) fn settle(context: &Context, subject: &Subject) -> Result<()> {
    let member = member(context, subject)?;
    if !member.is_unsettled() {
        return Ok(());
    }
    let session = match subject {
        Subject::Session(session, _) => Some(session),
        Subject::Profile(_) => None,
    };
    let elsewhere = elsewhere(context, session, subject.profile())?;
    store::settle(&member, elsewhere.as_ref().map(|elsewhere| &elsewhere.apart))
}

/// Somebody who keeps transcripts where others do.
struct Sharer {
    /// Its name, for a person.
    who: String,
    config: PathBuf,
    ground: ConfigGround,
    /// The file in which its last launch is noted.
    run: PathBuf,
}

/// Everybody who keeps transcripts in the real directory `projects`.
fn sharing(context: &Context, projects: &Path) -> Result<Vec<Sharer>> {
    let Ok(real) = os::real_path(projects) else { return Ok(Vec::new()) };
    let shares = |config: &Path| os::real_path(&config.join("projects")).is_ok_and(|other| other == real);
    let store = context.store()?;
    let mut found = Vec::new();
    let (_, profiles) = profiles::known(context)?;
    for profile in profiles.values().filter(|profile| profile.inherit.is_none()) {
        let config = profile.home.directory();
        if shares(&config) {
            let run = store.profile_run_path(&profile.name);
            let ground = ConfigGround::of_profile(&config);
            found.push(Sharer { who: format!("profile '{}'", profile.name), config, ground, run });
        }
    }
    // By the links: no record of those who share nothing is read, and one that is damaged hides nobody.
    let nowhere = ConfigHome::Directory(PathBuf::new());
    for id in store.session_ids()? {
        for isolation in [Isolation::ConfigDir, Isolation::Home] {
            let paths = SessionPaths::new(&store.session_root(id), isolation, &nowhere);
            let (ground, config) = (ConfigGround::of(&paths), paths.config);
            if config.join("projects").is_symlink() && shares(&config) {
                let name =
                    store.session(id).map_or_else(|_| id.to_string(), |session| session.name.to_string());
                let run = store.session_run_path(id);
                found.push(Sharer { who: format!("session '{name}'"), config, ground, run });
            }
        }
    }
    Ok(found)
}

/// The conversations that are open in any config directory that keeps them in `projects`.
pub(crate) fn live_at(context: &Context, projects: &Path) -> Result<BTreeSet<Uuid>> {
    let all = sharing(context, projects)?;
    let live = all.iter().flat_map(|sharer| claude::live_in(&sharer.ground));
    Ok(live.filter_map(|live| live.conversation).collect())
}

/// Claims the conversation `id` among those that others share, for a launch in the config directory
/// `config`: refused where somebody else has it open, as two processes would write one transcript.
/// Held until this process has become Claude, the lock keeps two members from finding it free at once.
pub(crate) fn claim(context: &Context, profile: &Profile, config: &Path, id: Uuid) -> Result<Lock> {
    let store = context.store()?;
    let group = std::fs::read_link(config.join("projects")).ok();
    let group = group.as_deref().and_then(Path::parent).filter(|root| root.starts_with(store.groups_dir()));
    let lock = match group {
        Some(root) => store.lock_group(root)?,
        None => store.lock_profile(profile.host())?,
    };
    for other in sharing(context, &config.join("projects"))? {
        if other.config == config {
            continue;
        }
        let live = claude::live_in(&other.ground).into_iter().find(|live| live.conversation == Some(id));
        let started = store.last_run(&other.run).filter(|run| run.is_of(id));
        let started = started.filter(|run| {
            let root = other.run.parent().unwrap_or(&other.run);
            run.liveness(root) == Liveness::Alive
        });
        if let Some(pid) = live.map(|live| live.pid).or_else(|| started.map(|run| run.process.pid)) {
            return Err(Failure::of(
                Kind::Open,
                format!("conversation {id} is open in {} (pid {pid})", other.who),
            )
            .hint("to go on from a copy of it: --fork-session after --resume ID"));
        }
    }
    Ok(lock)
}
