//! Worktrees, the sessions in them, and what is in the way of taking one away.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::claude::{self, ConfigGround};
use crate::git::{Checkout, Entry, LockedBy, Repository, State};
use crate::model::{Failure, Isolation, Kind, Name, Result, Session};
use crate::os::{self, Size, Unremovable};
use crate::shell::quoted;
use crate::store::Known;
use crate::work::context::Context;
use crate::work::directory::real;
use crate::work::removal::{in_use, kept, paths_of};

/// A linked worktree with the sessions that work in it.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// The repository it belongs to.
    pub repository: Repository,
    /// Its entry in git's list.
    pub entry: Entry,
    /// The sessions that work in it. The one it was made for comes first, then the oldest.
    pub sessions: Vec<Session>,
}

/// The reason that a worktree is not taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stays {
    /// The reason, for a person.
    pub why: String,
    /// The hints on what helps.
    pub hints: Vec<String>,
    /// Only because the one who asks is in it.
    pub standing: bool,
}

impl Stays {
    pub(crate) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hints: vec![hint.into()], standing: false }
    }

    /// The refusal.
    pub(crate) fn failure(&self, name: &str) -> Failure {
        let refused = Failure::refused(format!("worktree '{name}' stays: {}", self.why));
        self.hints.iter().fold(refused, Failure::hint)
    }
}

impl Tree {
    /// Its name: that of its directory.
    pub(crate) fn name(&self) -> String {
        self.root().file_name().unwrap_or_else(|| OsStr::new("/")).to_string_lossy().into_owned()
    }

    /// Its root.
    pub(crate) fn root(&self) -> &Path {
        &self.entry.path
    }

    /// The session it was made for, or else the oldest in it.
    pub(crate) fn owner(&self) -> Option<&Session> {
        self.sessions.first()
    }

    /// Returns the directory in which git keeps what is of it alone.
    pub(crate) fn git_dir(&self) -> Option<PathBuf> {
        let checkout = Checkout::of(self.root()).filter(|checkout| checkout.root == self.root())?;
        checkout.is_linked().then(|| checkout.git_dir().to_path_buf())
    }

    /// Returns true if its directory is gone.
    pub(crate) fn is_gone(&self) -> bool {
        !os::is_dir(self.root())
    }

    /// The branch that its work belongs to, as a record has it.
    pub(crate) fn onto(&self) -> Option<&str> {
        let root = self.root();
        let own = self.sessions.iter().filter(|session| is_of(session, root));
        own.chain(&self.sessions).find_map(Session::onto)
    }

    /// Returns the state of the work in it.
    pub(crate) fn state(&self, onto: Option<&str>) -> Result<State> {
        self.repository
            .state(self.root(), onto.or(self.onto()))
            .map_err(|error| Failure::from(error).hint(format!("in the worktree {}", self.root().display())))
    }

    /// Returns why it stays whatever is in it, which nobody can have us ignore. Runs no git.
    pub(crate) fn held(&self, context: &Context) -> Result<Option<Stays>> {
        let (root, store) = (self.root(), context.store()?);
        if let Some(reason) = &self.entry.locked
            && !self.is_ours(context, reason)?
        {
            let why =
                if reason.is_empty() { "it is locked".into() } else { format!("it is locked: {reason}") };
            let place = quoted(&self.repository.common);
            return Ok(Some(Stays::new(
                why,
                format!("if that is over: git -C {place} worktree unlock {}", quoted(root)),
            )));
        }
        for session in &self.sessions {
            let (paths, _) = paths_of(context, session)?;
            let run = store.noted_run(&store.session_run_path(session.id))?;
            if let Some(obstacle) = in_use(session, &paths, run.as_ref()) {
                let is_this = context.variable("CS_SESSION_ID") == Some(OsStr::new(&session.id.to_string()));
                let who = if is_this { "this session".into() } else { format!("session '{}'", session.name) };
                let why = format!("{who} works in it: {obstacle}");
                return Ok(Some(Stays::new(why, "leave Claude there first, or end that process")));
            }
            if session.isolation != Isolation::None
                && let Some(job) = claude::pending_job(&ConfigGround::of(&paths))
            {
                let why = format!("a background job of session '{}' is not done ({job})", session.name);
                return Ok(Some(Stays::new(why, "wait for it, or end it: claude agents")));
            }
        }
        if context.current_directory().is_ok_and(|here| real(&here).starts_with(root)) {
            let hint = format!("go somewhere else first: cd {}", quoted(&self.elsewhere()));
            return Ok(Some(Stays { standing: true, ..Stays::new("you are in it", hint) }));
        }
        if let Some((pid, name)) = os::running_in(root) {
            let why = format!("{name} works in it (pid {pid})");
            return Ok(Some(Stays::new(why, "end that process, or have it work somewhere else")));
        }
        let others = self.repository.worktrees()?;
        let inner = |entry: &&Entry| entry.path.starts_with(root) && entry.path != root;
        if let Some(inner) = others.iter().find(inner) {
            let why = format!("another worktree lies in it: {}", inner.path.display());
            return Ok(Some(Stays::new(why, "take that one away first")));
        }
        let mut keeps = kept(context)?;
        keeps.retain(|keep| keep.what != "the current directory");
        let ours = store.root();
        let places = keeps.iter().map(|keep| (keep.what.as_str(), keep.path.as_path()));
        for (what, path) in places.chain([("what cs keeps", ours)]) {
            if real(path).starts_with(root) {
                let why = format!("it contains {what} ({})", path.display());
                return Ok(Some(Stays::new(why, "move that somewhere else first")));
            }
        }
        Ok(None)
    }

    /// Returns how much space it takes, or why its directory cannot be moved: something is mounted in it, or it
    /// cannot be read.
    pub(crate) fn survey(&self) -> Result<Size, Stays> {
        let (room, name) = (self.root().parent(), self.root().file_name());
        let Some((room, name)) = room.zip(name) else { return Ok(Size::default()) };
        os::check_tree(room, name).map_err(|why| match why {
            Unremovable::Mount(_) => Stays::new(why.to_string(), "unmount it first"),
            why => Stays::new(why.to_string(), "make it readable, or take it away by hand"),
        })
    }

    /// Returns why it stays unless somebody insists: what is in it would be missed.
    pub(crate) fn unsaved(&self, state: &State) -> Option<Stays> {
        let name = self.name();
        if state.is_dirty() {
            let why = format!("not all is committed: {}", changes(state));
            let hint = format!("to see it: git -C {} status", quoted(self.root()));
            let mut stays = Stays::new(why, hint);
            stays.hints.extend(unknown(state));
            return Some(stays.or_force(&name));
        }
        if !state.merged && state.alone > 0 {
            let many = if state.alone == 1 { "1 commit is" } else { &format!("{} commits are", state.alone) };
            let onto = state.onto.as_ref().map(|onto| format!(", not in {}", onto.name)).unwrap_or_default();
            let why = format!("{many} nowhere else{onto}");
            let hint = format!("to bring them home: cs wt finish {name} --merge (or --rebase, --squash)");
            return Some(Stays::new(why, hint).or_force(&name));
        }
        None
    }

    /// Returns why it stays if something was begun in it, which nobody can finish once it is gone.
    pub(crate) fn unfinished(&self, state: &State) -> Option<Stays> {
        let what = state.unfinished?;
        if what == State::FINISH {
            let hint = format!("to go on: cs wt finish {} --merge (or --squash)", self.name());
            return Some(Stays::new("cs wt finish was ended in it", hint));
        }
        let hint = format!("finish it, or: git -C {} {what} --abort", quoted(self.root()));
        let hint = if what == "bisect" { hint.replace("bisect --abort", "bisect reset") } else { hint };
        Some(Stays::new(format!("a {what} is not finished in it"), hint))
    }

    /// A place outside of it.
    pub(crate) fn elsewhere(&self) -> PathBuf {
        if self.repository.bare {
            return self.repository.main.parent().unwrap_or(&self.repository.main).to_path_buf();
        }
        self.repository.main.clone()
    }

    /// Returns true if it is locked for a session that works in it, or is no more; or by a Claude that has ended.
    fn is_ours(&self, context: &Context, reason: &str) -> Result<bool> {
        let id = match LockedBy::read(reason) {
            LockedBy::Session(id) => id,
            LockedBy::EndedClaude => return Ok(true),
            _ => return Ok(false),
        };
        let here = self.sessions.iter().any(|session| session.id == id);
        Ok(here || context.store()?.knows_session(id)? != Known::Here)
    }
}

impl Stays {
    fn or_force(mut self, name: &str) -> Self {
        self.hints
            .push(format!("to remove it with that, which cs restore brings back: cs wt rm --force {name}"));
        self
    }
}

/// `2 changed, 1 new, a repository inside (lib)`.
pub(crate) fn changes(state: &State) -> String {
    let mut parts = Vec::new();
    if state.changed > 0 {
        parts.push(format!("{} changed", state.changed));
    }
    if state.untracked > 0 {
        parts.push(format!("{} new", state.untracked));
    }
    match state.nested.as_slice() {
        [] => {}
        [one] => parts.push(format!("a repository inside ({})", one.display())),
        [one, more @ ..] => {
            parts.push(format!("{} repositories inside ({}, …)", more.len() + 1, one.display()));
        }
    }
    parts.join(", ")
}

/// Returns what a person should know of what git was not asked.
pub(crate) fn unknown(state: &State) -> Vec<String> {
    let mut hints = Vec::new();
    if !state.nested.is_empty() {
        hints.push(
            "what is unsaved in a repository inside is not looked at: git would run what it says".into(),
        );
    }
    if state.changed > 0 && !state.filters.is_empty() {
        let filters = state.filters.join("', '");
        hints.push(format!(
            "the filter '{filters}' is not run, as the repository's own settings define it: what it changes counts as changed"
        ));
    }
    hints
}

/// Returns true if `session` was made for the worktree at `root`.
fn is_of(session: &Session, root: &Path) -> bool {
    session.worktree.as_ref().is_some_and(|worktree| worktree.root() == root || real(worktree.root()) == root)
}

/// Every session whose record is not damaged. Fails where the system cannot read one: it may be of any worktree.
pub(crate) fn sessions(context: &Context) -> Result<Vec<Session>> {
    context.store()?.known_sessions()
}

/// The repository one is in; `None` outside of git.
pub(crate) fn repository_here(context: &Context) -> Result<Option<Repository>> {
    Ok(Repository::of(&context.current_directory()?)?)
}

/// The repository one is in.
pub(crate) fn here(context: &Context) -> Result<Repository> {
    let here = context.current_directory()?;
    repository_here(context)?.ok_or_else(|| {
        Failure::of(Kind::NoRepository, format!("{} is in no git repository", here.display()))
            .hint("go to one; or those of all sessions: cs wt list --all")
    })
}

/// Every repository that a session has a worktree of, and the one that one is in.
pub(crate) fn repositories(context: &Context, sessions: &[Session]) -> Result<Vec<Repository>> {
    let mut found: Vec<Repository> = repository_here(context)?.into_iter().collect();
    for session in sessions {
        let Some(place) = repository_of(session) else { continue };
        if found.iter().any(|repository| repository.common == place) {
            continue;
        }
        // One that is gone has no worktrees any more.
        if let Ok(Some(repository)) = Repository::of(&place)
            && !found.contains(&repository)
        {
            found.push(repository);
        }
    }
    Ok(found)
}

/// A place in the repository that a session has a worktree of.
fn repository_of(session: &Session) -> Option<PathBuf> {
    let checkout = Checkout::of(&real(session.directory())).filter(Checkout::is_linked);
    let common = checkout.map(|checkout| real(checkout.common()));
    common
        .or_else(|| Some(session.worktree.as_ref()?.repository().to_path_buf()))
        .filter(|place| place.is_dir())
}

/// The linked worktrees of `repository`, in git's order, each with those of `sessions` that are in it.
pub(crate) fn trees(repository: &Repository, sessions: &[Session]) -> Result<Vec<Tree>> {
    let entries = repository.worktrees()?;
    let linked = entries.into_iter().skip(1).map(|mut entry| {
        entry.path = real(&entry.path);
        Tree { repository: repository.clone(), entry, sessions: Vec::new() }
    });
    let mut trees: Vec<Tree> = linked.collect();
    for session in sessions {
        let place = real(session.directory());
        let holds = |tree: &&mut Tree| place.starts_with(tree.root()) || is_of(session, tree.root());
        // A worktree may lie in another one.
        let inner = trees.iter_mut().filter(holds).max_by_key(|tree| tree.root().components().count());
        if let Some(tree) = inner {
            tree.sessions.push(session.clone());
        }
    }
    for tree in &mut trees {
        let root = tree.entry.path.clone();
        tree.sessions.sort_by_key(|session| (!is_of(session, &root), session.id));
    }
    Ok(trees)
}

/// The worktree that `text` names: by its directory, its branch, a session in it, or a path.
pub(crate) fn find(context: &Context, text: &str) -> Result<Tree> {
    let sessions = sessions(context)?;
    let mut known = Vec::new();
    let here = repository_here(context)?;
    if let Some(here) = &here {
        known = trees(here, &sessions)?;
    }
    let in_session = by_session(&sessions, text)?;
    let by_name: Vec<&Tree> = known.iter().filter(|tree| tree.name() == text).collect();
    let by_branch: Vec<&Tree> =
        known.iter().filter(|tree| tree.entry.branch.as_deref() == Some(text)).collect();
    let mut found: Vec<&Tree> = if by_name.is_empty() { by_branch } else { by_name };
    if let Some(other) =
        in_session.as_ref().filter(|other| found.iter().all(|tree| tree.root() != other.root()))
    {
        found.push(other);
    }
    match found[..] {
        [tree] => return Ok(tree.clone()),
        [] => {}
        _ => {
            let refused = Failure::refused(format!("'{text}' names more than one worktree"));
            return Err(found
                .iter()
                .fold(refused, |failure, tree| failure.hint(tree.root().display().to_string())));
        }
    }
    if let Some(tree) = by_path(&sessions, Path::new(text))? {
        return Ok(tree);
    }
    if let Some(here) = here.filter(|here| !here.bare && is_main(here, text)) {
        return Err(Failure::refused(format!(
            "{} is the main checkout, not a worktree",
            here.main.display()
        ))
        .hint("cs wt only takes away worktrees that are linked to it"));
    }
    let missing = Failure::not_found(format!("there is no worktree '{text}'"));
    let names: Vec<String> = known.iter().map(Tree::name).collect();
    Err(match crate::config::nearest(text, names.iter().map(String::as_str)) {
        Some(near) => missing.hint(format!("did you mean '{near}'?")),
        None => missing.hint("to see which there are: cs wt list --all"),
    })
}

/// Returns true if `text` names the main checkout.
fn is_main(repository: &Repository, text: &str) -> bool {
    let main = &repository.main;
    let on = Checkout::of(main).and_then(|checkout| checkout.branch());
    main.file_name() == Some(OsStr::new(text))
        || on.as_deref() == Some(text)
        || real(Path::new(text)) == *main
}

/// The worktree that one is in.
pub(crate) fn around(context: &Context) -> Result<Option<Tree>> {
    by_path(&sessions(context)?, &context.current_directory()?)
}

fn by_session(sessions: &[Session], text: &str) -> Result<Option<Tree>> {
    let Ok(name) = Name::of_profile(text) else { return Ok(None) };
    let Some(session) = sessions.iter().find(|session| session.name.key() == name.key()) else {
        return Ok(None);
    };
    let Some(place) = repository_of(session) else { return Ok(None) };
    let repository = Repository::of(&place)?;
    let Some(repository) = repository else { return Ok(None) };
    let mut trees = trees(&repository, sessions)?;
    trees.retain(|tree| tree.sessions.iter().any(|other| other.id == session.id));
    Ok(trees.pop())
}

fn by_path(sessions: &[Session], path: &Path) -> Result<Option<Tree>> {
    let path = real(path);
    if !path.is_absolute() || !path.is_dir() {
        return Ok(None);
    }
    let Some(repository) = Repository::of(&path)? else { return Ok(None) };
    let mut trees = trees(&repository, sessions)?;
    trees.retain(|tree| path.starts_with(tree.root()));
    Ok(trees.into_iter().max_by_key(|tree| tree.root().components().count()))
}

/// Facts of a worktree that take a while to find out.
pub(crate) struct Measured {
    /// Its state, or why git does not say.
    pub state: Result<State, String>,
    /// The space it takes.
    pub bytes: u64,
}

/// Returns the state and size of each of `trees`, in their order. `at` is told how far that is.
pub(crate) fn measure(trees: &[Tree], mut at: impl FnMut(&str)) -> Vec<Measured> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(trees.len());
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut found = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(tree) = trees.get(at) else { return found };
            let state = if tree.is_gone() {
                Err("its directory is gone".into())
            } else {
                tree.repository.state(tree.root(), tree.onto()).map_err(|error| error.to_string())
            };
            found.push((at, Measured { state, bytes: os::tree_size(tree.root()).bytes }));
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let mut all: Vec<(usize, Measured)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        while running.iter().any(|worker| !worker.is_finished()) {
            at(&format!("{} of {} worktrees", done.load(Ordering::Relaxed), trees.len()));
            std::thread::sleep(Duration::from_millis(2));
        }
        let ended = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.flat_map(|found| found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, measured)| measured).collect()
}
