//! Making a session: one transaction, whoever asks.
//!
//! A draft is on the disk, unseen; its name is claimed; its worktree is made and its directory filled; its start is
//! planned; then it is published. Whatever fails on the way takes back all that was made: that is in the types,
//! [`Draft`](crate::store::Draft) and [`Made`](crate::work::worktrees::Made).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::claude::Continuation;
use crate::model::{
    Failure, Isolation, Kind, Launch, Name, Outcome, Profile, Result, Session, Subject, Worktree,
};
use crate::os::Lock;
use crate::store::{self, ConfigFiles};
use crate::work::binding::{self, DirectoryBinding};
use crate::work::context::Context;
use crate::work::launch::{self, FirstStart, Held};
use crate::work::worktrees::tree::Tree;
use crate::work::worktrees::{self, Branches, Spot, Target};
use crate::work::{directory, enclosure, ports, program, walls};

/// A description, by a person, of a session that is to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Description {
    /// The directory it works in; the current one by default.
    pub directory: Option<PathBuf>,
    /// The profile it belongs to; by default the one in use, bound, or set.
    pub profile: Option<String>,
    /// Its isolation; that of the settings by default.
    pub isolation: Option<Isolation>,
    /// Share nothing but the login.
    pub bare: bool,
    /// Move it to the trash when its Claude has ended.
    pub ephemeral: bool,
}

/// A session that is to be made.
#[derive(Debug)]
pub(crate) struct New {
    /// The session, without ports.
    pub session: Session,
    /// Its profile.
    pub profile: Profile,
    /// Its worktree, if it has one of its own.
    pub worktree: Option<Target>,
    /// Its first start; `None` where it is only made.
    pub start: Option<FirstStart>,
}

/// A session that was made. Its lock is held, so nobody starts it before its maker.
pub(crate) struct Made {
    /// The session, with the ports it was given.
    pub session: Session,
    /// Its profile.
    pub profile: Profile,
    /// Its lock.
    pub lock: Lock,
    worktree: Option<Target>,
    launch: Option<Launch>,
}

impl New {
    /// Returns the session `name` in a directory that is there, as `said` describes it.
    pub(crate) fn here(context: &Context, name: &Name, said: &Description) -> Result<Self> {
        let (session, profile) = described(context, said, name)?;
        Ok(Self { session, profile, worktree: None, start: None })
    }

    /// Returns the session `name` in a worktree of its own, in the repository of the current directory. Fails with
    /// [`no_repository`] outside of one. Makes nothing.
    pub(crate) fn in_worktree(
        context: &Context,
        name: &Name,
        said: &Description,
        branches: Branches<'_>,
    ) -> Result<Self> {
        let current = context.current_directory()?;
        let spot = Spot::of(&current)?.ok_or_else(|| no_repository(&current, name))?;
        refuse_taken(context, name)?;
        let target = Target::find(context, spot, name, branches)?;
        let (session, profile) = described(context, said, name)?;
        let session = target.described(session)?;
        Ok(Self { session, profile, worktree: Some(target), start: None })
    }

    /// Returns the same, started afterwards with `arguments`, in a conversation of its own.
    pub(crate) fn started(self, arguments: Vec<OsString>, pane: Option<crate::model::InPane>) -> Self {
        let continuation = Continuation::New(self.session.id);
        Self { start: Some(FirstStart { arguments, continuation, pane }), ..self }
    }

    /// Returns what making and starting it would do. Changes nothing. Refused where the name is taken.
    pub(crate) fn preview(self, context: &Context) -> Result<Launch> {
        refuse_taken(context, &self.session.name)?;
        let session = ports::expected(context, self.session)?;
        let worktree = self.worktree.map(|target| target.change(context)).transpose()?;
        let start = self.start.unwrap_or_else(|| FirstStart {
            arguments: Vec::new(),
            continuation: Continuation::New(session.id),
            pane: None,
        });
        let launch = launch::of_new(context, &session, &self.profile, &start)?;
        Ok(Launch { creation: Some(session), worktree, ..launch })
    }

    /// Makes it. `fill` puts into its directory what is to be there before anybody sees it. Where anything fails,
    /// nothing of it is left.
    pub(crate) fn make(
        self,
        context: &Context,
        fill: impl FnOnce(&ConfigFiles) -> Result<()>,
    ) -> Result<Made> {
        let Self { session, profile, worktree, start } = self;
        let store = context.store()?;
        let plan = |session: &Session| {
            start.as_ref().map(|start| launch::of_new(context, session, &profile, start)).transpose()
        };
        let mut planned = None;
        if worktree.is_none() {
            // One that cannot be started leaves no trace at all.
            let session = ports::expected(context, session.clone())?;
            planned = plan(&session)?.map(|launch| (session, launch));
        } else if start.is_some() {
            // A checkout can take minutes: what stops the launch anyway is said before.
            program::claude_program(context)?;
        }
        let mut draft = ports::draft(context, session)?;
        let session = draft.session().clone();
        let tree = match &worktree {
            Some(target) => {
                store.reserve(&mut draft)?;
                Some(target.make(context)?)
            }
            None => None,
        };
        let files = draft.files();
        let finish = || -> Result<(Lock, Option<Launch>)> {
            fill(&files)?;
            files.flush().map_err(|error| Failure::io("flush", &files.path(Path::new("")), &error))?;
            let launch = match planned {
                // Another process may have been given meanwhile what this one was planned with.
                Some((expected, launch)) if expected == session => Some(launch),
                _ => plan(&session)?,
            };
            Ok((store.publish(draft)?, launch))
        };
        let (lock, launch) = match (finish(), tree) {
            (Ok(done), tree) => {
                tree.into_iter().for_each(worktrees::Made::keep);
                done
            }
            (Err(failure), Some(tree)) => return Err(tree.undone(failure)),
            (Err(failure), None) => return Err(failure),
        };
        if let Some(target) = &worktree {
            target.settle(context, &session);
        }
        Ok(Made { session, profile, lock, worktree, launch })
    }
}

impl Made {
    /// Returns a line about the session: its name, directory, branch and profile.
    pub(crate) fn about(&self) -> String {
        let (session, profile) = (&self.session, &self.profile);
        match &self.worktree {
            Some(target) => target.about(session, profile),
            None => {
                format!("session '{}' in {} (profile '{}')", session.name, session.directory, profile.name)
            }
        }
    }

    /// Runs what the settings name in a worktree that was just made. A failure is told, and no more.
    pub(crate) fn set_up(&self, context: &Context) {
        if let Some(target) = &self.worktree {
            target.set_up(context, &self.session, &self.profile);
        }
    }

    /// Starts Claude in it, if it was made to be started.
    pub(crate) fn start(self, context: &Context) -> Result<Outcome> {
        let Self { session, profile, lock, launch, .. } = self;
        let Some(launch) = launch else { return Ok(Outcome::Done) };
        let subject = Subject::Session(session, profile);
        launch::carry_out(context, &subject, launch, Held::session(lock))?.ended()
    }
}

/// More than ever want the same name at once.
const MOST_LOST: usize = 100;

/// Makes something under the first of the names from `base` on (`api`, then `api-2`, …) that nothing has, and
/// that `make`, which answers `None` there, does not pass over. Goes on where `make` finds the name taken; fails with
/// whatever else it fails with.
pub(crate) fn under_a_free_name<T>(
    context: &Context,
    base: &Name,
    mut make: impl FnMut(&Name) -> Result<Option<T>>,
) -> Result<T> {
    let mut lost = 0;
    for number in 1..10_000 {
        let name = base.numbered(number);
        if context.find(name.as_str())?.is_some() {
            continue;
        }
        match make(&name) {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => {}
            // Another process took it before we claimed it: the next one is ours.
            Err(failure)
                if matches!(failure.kind, Kind::NameTaken | Kind::WorktreeTaken) && lost < MOST_LOST =>
            {
                lost += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::failed(format!("all names from '{base}' on are taken")))
}

/// Refuses a name that a session or a profile has. A claim that names neither, because its maker died, is no
/// obstacle.
pub(crate) fn refuse_taken(context: &Context, name: &Name) -> Result<()> {
    match context.store()?.holder(name)? {
        Some(holder) => Err(store::taken(name, holder)),
        None => Ok(()),
    }
}

/// The failure to make a worktree outside of a repository.
pub(crate) fn no_repository(current: &Path, name: &Name) -> Failure {
    Failure::of(Kind::NoRepository, format!("{} is not in a git repository", current.display()))
        .hint("to make one: git init && git commit --allow-empty -m 'First commit'")
        .hint(format!("for a session without a worktree: cs {name}"))
}

/// The session that `options` describe, not made yet.
fn described(context: &Context, said: &Description, name: &Name) -> Result<(Session, Profile)> {
    let config = context.config()?;
    let directory = match &said.directory {
        Some(directory) => directory::existing_directory(context, directory)?,
        None => context.current_directory()?,
    };
    let profile = match &said.profile {
        Some(text) => context.resolve_profile(text)?,
        None => profile_there(context, &directory)?,
    };
    let isolation = said.isolation.unwrap_or(config.isolation.method);
    let (directory, walls) = if isolation == Isolation::Sandbox {
        enclosure::refuse_elsewhere()?;
        let asked = match &said.directory {
            Some(_) => None,
            // The way by which a person came there.
            None => context.variable("PWD").map(PathBuf::from).filter(|path| path.is_absolute()),
        };
        let asked = asked.unwrap_or_else(|| directory.clone());
        let (directory, found) = walls::walls_for_new(context, &directory, &asked)?;
        (directory, Some(Box::new(found)))
    } else {
        (directory, None)
    };
    let session = Session {
        version: Session::VERSION,
        id: Uuid::now_v7(),
        name: name.clone(),
        profile: profile.name.clone(),
        directory: directory::recordable(&directory)?,
        isolation,
        bare: said.bare,
        ephemeral: said.ephemeral || config.isolation.cleanup_on_close,
        history: None,
        created: jiff::Timestamp::now(),
        forked_from: None,
        ports: None,
        worktree: None,
        walls,
    };
    Ok((session, profile))
}

/// The profile of a new session in `directory` where nobody names one: the one in use in this
/// shell, else the one that the directory is bound to, else the one in the settings.
fn profile_there(context: &Context, directory: &Path) -> Result<Profile> {
    if let Some(name) = context.profile_in_use() {
        return context.resolve_profile(name.as_str());
    }
    match binding::of_directory(context, directory)? {
        DirectoryBinding::Bound(bound) => return Ok(bound.subject.profile().clone()),
        DirectoryBinding::Unallowed(file) => {
            context.say(&binding::not_allowed(&file));
            context.said_unallowed.set(true);
        }
        DirectoryBinding::Nothing => {}
    }
    context.resolve_profile(context.config()?.default_profile.as_str()).map_err(|failure| {
        if failure.kind != Kind::NotFound {
            return failure;
        }
        failure.hint(format!(
            "default_profile is set in {}",
            context.config_path().unwrap_or_default().display()
        ))
    })
}

/// Makes a session for a worktree that has none, named like it; its lock is held.
pub(crate) fn adopt(context: &Context, tree: &Tree) -> Result<Made> {
    let said = Description { directory: Some(tree.root().to_path_buf()), ..Description::default() };
    let state = tree.state(None)?;
    let base = Name::suggest(&tree.name());
    let worktree = Worktree {
        root: directory::recordable(tree.root())?,
        repository: directory::recordable(&tree.repository.main)?,
        branch: state.branch,
        onto: state.onto.map(|onto| onto.name),
    };
    under_a_free_name(context, &base, |name| {
        let mut new = New::here(context, name, &said)?;
        new.session.worktree = Some(Box::new(worktree.clone()));
        new.session.ephemeral = false;
        new.make(context, |_| Ok(())).map(Some)
    })
}
