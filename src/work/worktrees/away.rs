//! Taking a worktree away with its session, and bringing it back.
//!
//! A worktree is moved as it is, all that is in it and all that git keeps of it, into the directory of its
//! session: two renames, unless they go to another file system. What it was is noted before, and what is
//! left to do is told by looking, so that what was cut short can be finished, or taken back.

use std::path::Path;

use uuid::Uuid;

use crate::git::{self, Repository};
use crate::model::{Failure, Result, Session, StowedWorktree, own_branch};
use crate::os;
use crate::shell::quoted;
use crate::store::{Part, Store};
use crate::work::context::Context;
use crate::work::worktrees::tree::Tree;

/// Moves a worktree to its session. Under the session's lock, and after all that speaks against it was
/// asked.
pub(crate) fn take(context: &Context, tree: &Tree, session: &Session) -> Result<()> {
    let (root, repository) = (tree.root(), &tree.repository);
    let git_dir = tree.git_dir().ok_or_else(|| Failure::failed("git: it does not know this worktree"))?;
    let entry = git_dir.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let text = |path: &Path| -> Result<String> {
        let path = path.to_str().map(str::to_owned);
        path.ok_or_else(|| Failure::refused("the path of the worktree is not UTF-8, so it cannot be noted"))
    };
    let branch = tree.entry.branch.clone();
    let kept = StowedWorktree {
        version: StowedWorktree::VERSION,
        root: text(root)?,
        repository: text(&repository.common)?,
        entry,
        head: tree.entry.head.clone(),
        // What goes with it has to come back with it; what stays, stays.
        upstream: own_branch(root, branch.as_deref()).and_then(|branch| repository.upstream(branch)),
        branch,
    };
    context.store()?.begin_stowing(session.id, &kept)?;
    context.umask.lifted(|| repository.keep(session.id, root, kept.head.as_deref()))?;
    finish(context, session.id, &kept).inspect_err(|_| give_up(context, repository, session.id, root))
}

/// Forgets what was noted, where nothing was moved.
fn give_up(context: &Context, repository: &Repository, id: Uuid, root: &Path) {
    let Ok(store) = context.store() else { return };
    let place = store.session_root(id);
    let is_moved =
        [Part::Files, Part::Git].into_iter().any(|part| Store::stowed_part(&place, part).is_some());
    // What is left of it is told by doctor, and taken back by `cs restore`.
    if !is_moved && root.is_dir() && repository.forget(id).is_ok() {
        let _ = store.end_stowing(id);
    }
}

/// Does what is left of taking a worktree away. Under the session's lock.
pub(crate) fn finish(context: &Context, id: Uuid, kept: &StowedWorktree) -> Result<()> {
    let store = context.store()?;
    store.stow_part(id, Part::Files, kept.root())?;
    store.stow_part(id, Part::Git, &kept.repository().join("worktrees").join(&kept.entry))?;
    git::remove_empty_room(kept.repository());
    let Some((branch, head)) = kept.own_branch().zip(kept.head.as_deref()) else { return Ok(()) };
    if !kept.repository().is_dir() {
        return Ok(());
    }
    let repository = repository_of(kept)?;
    let elsewhere = repository.worktrees()?;
    if elsewhere.iter().any(|entry| entry.branch.as_deref() == Some(branch)) {
        return Ok(());
    }
    Ok(context.umask.lifted(|| repository.delete_branch(branch, head))?)
}

/// The result of bringing a worktree back.
pub(crate) enum Back {
    /// There was none.
    Nothing,
    /// It is where it was; and what is not as it was, if anything.
    There(StowedWorktree, Option<String>),
    /// It lies with its session still: why, and what helps.
    Not(String, String),
}

/// Brings the worktree that lies with the session `id`, which is back, to where it was. Takes the
/// session's lock. Nothing is overwritten.
pub(crate) fn bring_back(context: &Context, id: Uuid) -> Result<Back> {
    let store = context.store()?;
    let place = store.session_root(id);
    if Store::stowed_worktree(&place)?.is_none() {
        return Ok(Back::Nothing);
    }
    let record = store.session_record_path(id);
    let session = store.session(id).map_err(|damage| damage.failure("the session", &record))?;
    let _lock = store.lock_session(&session)?;
    let Some(kept) = Store::stowed_worktree(&place)? else { return Ok(Back::Nothing) };
    let files = Store::stowed_part(&place, Part::Files).unwrap_or_else(|| place.join("worktree"));
    let Ok(repository) = repository_of(&kept) else {
        let why = format!("its repository is gone ({})", kept.repository);
        return Ok(Back::Not(why, format!("what was in the worktree is in {}", files.display())));
    };
    let root = kept.root();
    if os::exists(root) && Store::stowed_part(&place, Part::Files).is_some() {
        let why = format!("something else is at {}", kept.root);
        return Ok(Back::Not(why, format!("move that away, then: cs restore {}", session.name)));
    }
    context.umask.lifted(|| put_back(store, &repository, id, &kept, &place))
}

fn put_back(
    store: &Store,
    repository: &Repository,
    id: Uuid,
    kept: &StowedWorktree,
    place: &Path,
) -> Result<Back> {
    let root = kept.root();
    let mut note = None;
    // Once git has its part again, the rest was decided before.
    if Store::stowed_part(place, Part::Git).is_some() {
        note = settle_branch(store, repository, id, kept)?;
        let entries = kept.repository().join("worktrees");
        let entry = free_entry(&entries, &kept.entry);
        if entry != kept.entry {
            rename_entry(store, id, kept, place, &entry)?;
        }
        store.unstow_part(id, Part::Git, &entries.join(&entry))?;
    }
    store.unstow_part(id, Part::Files, root)?;
    if os::is_dir(root) {
        let session = match store.session(id) {
            Err(damage) if damage.is_unread() => return Err(store.unread_session(id, &damage)),
            session => session.ok(),
        };
        if session.is_some_and(|session| session.worktree.is_some()) {
            repository.lock(root, id)?;
        }
    } else {
        note = Some("its files are gone".into());
    }
    repository.forget(id)?;
    store.end_stowing(id)?;
    Ok(Back::There(kept.clone(), note))
}

/// Makes the branch again, or has the worktree leave it where it is another one by now. What is to be said
/// of it.
fn settle_branch(
    store: &Store,
    repository: &Repository,
    id: Uuid,
    kept: &StowedWorktree,
) -> Result<Option<String>> {
    let Some((branch, head)) = kept.branch.as_deref().zip(kept.head.as_deref()) else { return Ok(None) };
    let now = repository.commit(&format!("refs/heads/{branch}"))?;
    if now.is_none() {
        repository.make_branch(branch, head)?;
        // Everybody on the machine may read git's command line.
        if kept.upstream.as_ref().is_some_and(|(remote, _)| holds_password(remote)) {
            return Ok(Some(format!(
                "where {branch} is pushed to is not put back, for a password is in that address: git push -u REMOTE {branch}"
            )));
        }
        if let Some(upstream) = &kept.upstream {
            repository.set_upstream(branch, upstream)?;
        }
        return Ok(None);
    }
    let others = repository.worktrees()?;
    let taken =
        others.iter().find(|entry| entry.branch.as_deref() == Some(branch) && entry.path != kept.root());
    let why = match taken {
        Some(other) => format!("its branch {branch} is checked out in {}", other.path.display()),
        None if now.as_deref() == Some(head) => return Ok(None),
        None => format!("its branch {branch} is at another commit by now"),
    };
    store.rewrite_stowed(id, Part::Git, "HEAD", &format!("{head}\n"))?;
    let short = head.get(..8).unwrap_or(head);
    Ok(Some(format!("{why}, so it is on none, at {short}: git -C {} switch -c NEW", quoted(kept.root()))))
}

/// Returns true if `remote` is an address with a name or password for the web in it.
fn holds_password(remote: &str) -> bool {
    remote.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.ends_with("ssh") && rest.split('/').next().unwrap_or_default().contains('@')
    })
}

/// A name for git's part that nothing has.
fn free_entry(room: &Path, wanted: &str) -> String {
    let names = std::iter::once(wanted.to_owned()).chain((1..).map(|number| format!("{wanted}{number}")));
    names.into_iter().find(|name| !os::exists(&room.join(name))).unwrap_or_default()
}

/// Notes another name of git's part, and has the worktree lead there.
fn rename_entry(store: &Store, id: Uuid, kept: &StowedWorktree, place: &Path, entry: &str) -> Result<()> {
    let renamed = StowedWorktree { entry: entry.to_owned(), ..kept.clone() };
    if Store::stowed_part(place, Part::Files).is_some() {
        let leads_to = kept.repository().join("worktrees").join(entry);
        store.rewrite_stowed(id, Part::Files, ".git", &format!("gitdir: {}\n", leads_to.display()))?;
    }
    store.begin_stowing(id, &renamed)
}

/// The repository that a worktree which was taken away belongs to.
pub(crate) fn repository_of(kept: &StowedWorktree) -> Result<Repository> {
    let place = kept.repository();
    let found = if place.is_dir() { Repository::of(place)? } else { None };
    found.ok_or_else(|| {
        Failure::failed(format!("the repository of the worktree is gone: {}", place.display()))
    })
}
