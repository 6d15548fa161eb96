//! Removal: what it may not reach, what is in its way, and moving a session to the trash.

use std::fmt;

use crate::claude::{self, ConfigGround};
use crate::git::{self, Checkout, Repository, Work};
use crate::model::{ConfigHome, Isolation, Name, Profile, Result, Session, SessionPaths};
use crate::os::{self, Left, Liveness};
use crate::shell::quoted;
use crate::store::{Keep, Run};
use crate::work::context::Context;
use crate::work::open;

/// Returns what no removal may reach: the user's own files, and the config directory of every profile. A
/// record may be damaged or hostile and point anywhere, also at what is to be removed: then that stays.
pub(crate) fn kept(context: &Context) -> Result<Vec<Keep>> {
    let home = context.home()?;
    let mut kept = vec![
        Keep { what: "your ~/.claude".into(), path: home.join(".claude"), whole: true },
        Keep { what: "your home directory".into(), path: home.clone(), whole: false },
    ];
    if let Ok(here) = context.current_directory() {
        kept.push(Keep { what: "the current directory".into(), path: here, whole: false });
    }
    kept.extend(context.store()?.kept_by_profiles(&home)?);
    Ok(kept)
}

/// The same, for what is removed from inside the config directory of `profile`, which `cs` made: that
/// directory itself is no obstacle then. The record of another profile that points there is one.
pub(crate) fn kept_but(context: &Context, profile: &Profile) -> Result<Vec<Keep>> {
    let mut kept = kept(context)?;
    kept.retain(|keep| keep.what != of_profile(&profile.name));
    Ok(kept)
}

fn of_profile(name: &Name) -> String {
    format!("the config directory of profile '{name}'")
}

/// Says what could not be removed, a line each, and of many only the first ones.
pub(crate) fn say_left(context: &Context, left: &[Left]) {
    const MOST: usize = 5;
    for left in left.iter().take(MOST) {
        context.say(&format!("not removed: {left}"));
    }
    if left.len() > MOST {
        context.say(&format!("not removed: {} more", left.len() - MOST));
    }
}

/// The reason that nothing of a session may be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It is open, by this process.
    Open(u32),
    /// It was opened on this host, and there is no telling from here whether it still is.
    OpenedOn(String),
    /// Something else, for a person.
    Other(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(pid) => write!(f, "it is open (pid {pid})"),
            Self::OpenedOn(host) => write!(f, "it may be open on host '{host}'"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

/// Returns the obstacle that a session is open, or may be on another host; `None` where it is not.
pub(crate) fn in_use(session: &Session, paths: &SessionPaths, run: Option<&Run>) -> Option<Obstacle> {
    if let Some(open) = open::open_state(session, paths, run) {
        return Some(Obstacle::Open(open.pid));
    }
    let elsewhere = run.filter(|run| run.liveness(&paths.root) == Liveness::Elsewhere)?;
    Some(Obstacle::OpenedOn(elsewhere.process.host.clone()))
}

/// Returns what keeps a session from the trash, whatever speaks for it; `None` where nothing does. Whoever
/// acts on the answer holds the session's lock.
pub(crate) fn obstacle(
    context: &Context,
    session: &Session,
    paths: &SessionPaths,
    run: Option<&Run>,
) -> Result<Option<Obstacle>> {
    if let Some(obstacle) = in_use(session, paths, run) {
        return Ok(Some(obstacle));
    }
    let other = |why: String| Ok(Some(Obstacle::Other(why)));
    if session.isolation != Isolation::None
        && let Some(job) = claude::pending_job(&ConfigGround::of(paths))
    {
        return other(format!("a background job is not done ({job})"));
    }
    if let Some(refused) = refused_for_profiles(context, session)? {
        return other(refused);
    }
    let Some(checkout) = linked_worktree(session) else { return Ok(None) };
    match checkout.work(session.onto()) {
        Work::Merged => Ok(None),
        Work::Uncommitted => other(format!("not all is committed in {}", checkout.root.display())),
        Work::Unmerged => {
            other(format!("its branch {} is not merged", checkout.branch().unwrap_or_default()))
        }
        Work::Unknown(why) => other(format!("there is no telling whether its work is saved: {why}")),
    }
}

/// Moves a session to the trash, and only it: the worktree that was made for it stays where it is, and is
/// unlocked. A line on that, where there is one. Under the session's lock.
pub(crate) fn to_trash(context: &Context, session: &Session) -> Result<Option<String>> {
    context.store()?.trash_session(session)?;
    let Some(worktree) = &session.worktree else { return Ok(None) };
    let root = worktree.root();
    if !os::is_dir(root) {
        return Ok(None);
    }
    let place = quoted(root);
    let unlocked = context.umask.lifted(|| -> Result<(), git::Error> {
        let Some(repository) = Repository::of(root)? else { return Ok(()) };
        repository.unlock(root, session.id)?;
        // A fork works there too.
        if let Some(other) = other_in(context, session) {
            repository.lock(root, other)?;
        }
        Ok(())
    });
    Ok(Some(match unlocked {
        Ok(()) => format!("its worktree stays; to remove it: cs wt rm {place}"),
        Err(why) => format!("its worktree stays, and could not be unlocked (git: {why}): {place}"),
    }))
}

/// Another session that was made for the same worktree.
fn other_in(context: &Context, session: &Session) -> Option<uuid::Uuid> {
    let sessions = context.store().ok()?.known_sessions().ok()?.into_iter();
    let root = |session: &Session| session.worktree.as_ref().map(|worktree| worktree.root.clone());
    let mut others = sessions.filter(|other| other.id != session.id && root(other) == root(session));
    others.next().map(|other| other.id)
}

/// Locks the worktree of a session that is back again, if it is still there.
pub(crate) fn lock_again(context: &Context, session: &Session) -> Result<(), git::Error> {
    let Some(worktree) = session.worktree.as_ref().filter(|worktree| os::is_dir(worktree.root())) else {
        return Ok(());
    };
    let root = worktree.root();
    let Some(repository) = Repository::of(root)? else { return Ok(()) };
    let is_there = repository.worktrees()?.iter().any(|entry| entry.path == root);
    if is_there {
        context.umask.lifted(|| repository.lock(root, session.id))?;
    }
    Ok(())
}

/// The linked worktree that a session works in, if it works in one.
pub(crate) fn linked_worktree(session: &Session) -> Option<Checkout> {
    let directory = os::real_path(session.directory()).ok()?;
    Checkout::of(&directory).filter(Checkout::is_linked)
}

/// Returns why a session's directory is not to be moved: the config directory of a profile lies in it.
pub(crate) fn refused_for_profiles(context: &Context, session: &Session) -> Result<Option<String>> {
    let root = context.store()?.session_root(session.id);
    let real = os::real_path(&root).unwrap_or(root);
    let home = context.home()?;
    Ok(context.store()?.kept_by_profiles(&home)?.into_iter().find_map(|kept| {
        let theirs = os::real_path(&kept.path).unwrap_or(kept.path);
        theirs.starts_with(&real).then(|| format!("{} is in it", kept.what))
    }))
}

/// Returns where the files of a session are, also where its profile is gone.
pub(crate) fn paths_of(context: &Context, session: &Session) -> Result<(SessionPaths, Option<Profile>)> {
    if let Some(profile) = context.profile_if(&session.profile)? {
        return Ok((context.paths(session, &profile)?, Some(profile)));
    }
    let root = context.store()?.session_root(session.id);
    let nowhere = ConfigHome::Directory(root.join("claude"));
    Ok((SessionPaths::new(&root, session.isolation, &nowhere), None))
}
