//! The worktree that a session gets: finding out which, and making it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::git::{self, Beginning, Copies, Entry, Here, Included, LockedBy, Making, Repository};
use crate::model::{Failure, Kind, Name, Profile, Result, Session, Subject, Worktree, WorktreeChange};
use crate::os::{self, Umask};
use crate::store;
use crate::work::context::Context;
use crate::work::{directory, scene};

/// The branches that a person named for a worktree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Branches<'a> {
    pub branch: Option<&'a str>,
    pub from: Option<&'a str>,
}

/// The directory that somebody stands in, in a repository.
#[derive(Debug)]
pub(crate) struct Spot {
    pub(crate) here: Here,
    directory: PathBuf,
}

impl Deref for Spot {
    type Target = Here;

    fn deref(&self) -> &Here {
        &self.here
    }
}

/// A worktree for a new session: one that is made for it, or one that is there.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) spot: Spot,
    /// The worktree to make; `None` where it is there already.
    pub(crate) making: Option<Making>,
    pub(crate) record: Worktree,
    /// The reason that it is locked, where it is there and is.
    pub(crate) locked: Option<String>,
    /// The directory in it that the session works in.
    pub(crate) directory: PathBuf,
}

impl Target {
    /// Returns the worktree that a new session `name` gets. Makes nothing.
    pub(crate) fn find(context: &Context, spot: Spot, name: &Name, branches: Branches<'_>) -> Result<Self> {
        let repository = &spot.repository;
        let root = place_of(repository, name);
        let home = context.home()?.join(".claude");
        if os::is_same_file(&repository.main.join(".claude"), &home)
            || repository.main.join(".claude") == home
        {
            return Err(Failure::refused(format!(
                "the worktrees of {} would lie in your ~/.claude, where cs writes nothing",
                repository.main.display()
            ))
            .hint(format!("make one elsewhere: git worktree add DIRECTORY && cs --dir DIRECTORY {name}")));
        }
        no_links(repository, &root)?;
        if let Some(entry) = spot
            .worktrees
            .iter()
            .find(|entry| entry.path != root && entry.path.as_os_str().eq_ignore_ascii_case(root.as_os_str()))
        {
            let known = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(Failure::of(
                Kind::WorktreeTaken,
                format!("there is already a worktree '{known}': {}", entry.path.display()),
            )
            .hint(format!("to take that one: cs -w {known}")));
        }
        let entry = entry_at(&spot.worktrees, &root).cloned();
        if os::exists(&root) {
            let is_one = os::is_dir(&root) && root.join(".git").is_file();
            let Some(entry) = entry.filter(|_| is_one) else {
                return Err(Failure::of(
                    Kind::WorktreeTaken,
                    format!("{} is there, and git knows no worktree there", root.display()),
                )
                .hint("look at what it is, and move it away")
                .hint(format!("or take another name: cs -w {}", name.numbered(2))));
            };
            return Self::adopt(context, spot, entry, branches);
        }
        if let Some(reason) = entry.as_ref().and_then(|entry| entry.locked.as_deref())
            && LockedBy::read(reason) != LockedBy::EndedClaude
        {
            return Err(locked(&root, reason));
        }
        let (beginning, onto) = beginning(&spot, entry.as_ref(), name, branches)?;
        let making = Making { root: root.clone(), beginning, again: entry.is_some() };
        let directory = match spot.below() {
            Some(below) if is_in(repository, &making, &below)? => root.join(below),
            _ => root.clone(),
        };
        let branch = making.branch().map(str::to_owned);
        let record = record(&spot, &root, branch, onto)?;
        Ok(Self { making: Some(making), record, locked: None, directory, spot })
    }

    /// The worktree that is there.
    fn adopt(context: &Context, spot: Spot, entry: Entry, branches: Branches<'_>) -> Result<Self> {
        let root = &entry.path;
        if let Some(reason) = entry.locked.as_deref() {
            match LockedBy::read(reason) {
                LockedBy::Session(id) => {
                    if let Ok(owner) = context.store()?.session(id) {
                        return Err(Failure::of(
                            Kind::WorktreeTaken,
                            format!("the worktree {} belongs to session '{}'", root.display(), owner.name),
                        )
                        .hint(format!("to open it: cs {}", owner.name)));
                    }
                }
                LockedBy::Claude(pid) => {
                    return Err(Failure::of(
                        Kind::WorktreeTaken,
                        format!("Claude is open in the worktree {} (pid {pid})", root.display()),
                    )
                    .hint("end it first, or take another name"));
                }
                LockedBy::Making => {
                    return Err(Failure::of(
                        Kind::WorktreeTaken,
                        format!("git is making the worktree {}, or was ended while it did", root.display()),
                    )
                    .hint("try again when it is done")
                    .hint(format!("if it is not: git worktree remove -f -f {}", root.display())));
                }
                LockedBy::EndedClaude | LockedBy::Other(_) => {}
            }
        }
        if branches.from.is_some() {
            return Err(Failure::of(
                Kind::WorktreeTaken,
                format!("there is already a worktree, so nothing can begin it: {}", root.display()),
            )
            .hint("to take it as it is, leave --from out"));
        }
        if let Some(branch) = branches.branch
            && entry.branch.as_deref() != Some(branch)
        {
            return Err(other_branch(root, entry.branch.as_deref(), branch));
        }
        let below = spot.below().filter(|below| root.join(below).is_dir());
        let directory = below.map_or_else(|| root.clone(), |below| root.join(below));
        let onto = onto_of(&spot);
        let record = record(&spot, root, entry.branch.clone(), onto)?;
        Ok(Self { making: None, record, locked: entry.locked, directory, spot })
    }

    /// The session as it is with this worktree.
    pub(crate) fn described(&self, session: Session) -> Result<Session> {
        Ok(Session {
            directory: directory::recordable(&self.directory)?,
            worktree: Some(Box::new(self.record.clone())),
            // It may not be there yet.
            walls: None,
            ..session
        })
    }

    /// Makes the worktree, if it is to be made, and puts into it what belongs there. What fails leaves no
    /// worktree behind; what cannot be put into it is told, and no failure.
    pub(crate) fn make(&self, context: &Context) -> Result<Made> {
        // The worktree is the person's, with the modes their own git would give it.
        context.umask.lifted(|| {
            let repository = &self.spot.repository;
            if let Err(why) = repository.ignore_worktrees() {
                context.say(&format!("git will show .claude/worktrees as new: {why}"));
            }
            let mut made = Made(None);
            if let Some(making) = &self.making {
                let hooks = super::hooks(context, repository, &repository.main)?;
                match repository.make(making, hooks).map_err(|why| cannot_make(making, &why))? {
                    None => made = Made(Some((repository.clone(), making.clone(), context.umask))),
                    Some(why) => {
                        context.say(&format!("the worktree is made, but a hook of git's failed: {why}"));
                    }
                }
            }
            let copies = repository.copy(&self.included(context), self.record.root());
            say_copies(context, &copies);
            Ok(made)
        })
    }

    /// Returns what is copied into it. A `.worktreeinclude` that cannot be used is reported, and no failure.
    pub(crate) fn included(&self, context: &Context) -> Included {
        self.spot.repository.included().unwrap_or_else(|why| {
            context.say(&format!("nothing is copied into the worktree: {why}"));
            Included::default()
        })
    }

    /// Says what was there already, and locks the worktree, once the session exists.
    pub(crate) fn settle(&self, context: &Context, session: &Session) {
        let branch = self.record.branch.as_deref().unwrap_or("no branch");
        if self.making.is_none() {
            context.say(&format!("the worktree was there already: {} ({branch})", self.record.root));
        } else if let Some(Making { beginning: Beginning::Branch(branch), again: false, .. }) = &self.making {
            context.say(&format!("the branch {branch} was there already"));
        }
        hold(context, &self.spot.repository, self.locked.as_deref(), self.record.root(), session);
    }

    /// Runs what the settings name, if the worktree was made. A failure is told, and no more.
    pub(crate) fn set_up(&self, context: &Context, session: &Session, profile: &Profile) {
        if self.making.is_some() {
            on_create(context, session, profile);
        }
    }

    /// A line about the session.
    pub(crate) fn about(&self, session: &Session, profile: &Profile) -> String {
        let from = match (&self.making, &self.record.onto) {
            (Some(Making { beginning: Beginning::New { .. }, .. }), Some(onto)) => format!(" from {onto}"),
            _ => String::new(),
        };
        let branch =
            self.record.branch.as_deref().map_or_else(String::new, |branch| format!("branch {branch}"));
        let branch = if branch.is_empty() { "no branch".to_owned() } else { branch + &from };
        format!("session '{}' in {} ({branch}, profile '{}')", session.name, session.directory, profile.name)
    }

    /// Returns what making it, or taking one that is there, does.
    pub(crate) fn change(&self, context: &Context) -> Result<WorktreeChange> {
        let command: Vec<String> = self.making.as_ref().map_or_else(Vec::new, |making| {
            let main = self.spot.repository.main.to_string_lossy().into_owned();
            let words = making.words().into_iter().map(|word| word.to_string_lossy().into_owned());
            ["git".to_owned(), "-C".to_owned(), main].into_iter().chain(words).collect()
        });
        let commands = &context.config()?.worktree.on_create;
        let on_create = if command.is_empty() { Vec::new() } else { commands.clone() };
        Ok(WorktreeChange {
            worktree: self.record.clone(),
            command,
            copied: self.included(context).paths,
            on_create,
            lock: is_free(self.locked.as_deref()),
        })
    }
}

/// A worktree that was made just now; without anything to take away where it was there already. Dropped without
/// [`Made::keep`], it is taken away again.
#[derive(Debug)]
pub(crate) struct Made(Option<(Repository, Making, Umask)>);

impl Made {
    /// Leaves it where it is.
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }

    /// Takes it away again, because `failure` came after it. Returns that, with what stays.
    pub(crate) fn undone(mut self, failure: Failure) -> Failure {
        match self.unmake() {
            Ok(()) => failure,
            Err((root, why)) => failure.hint(format!("the worktree {} stays: {why}", root.display())),
        }
    }

    fn unmake(&mut self) -> Result<(), (PathBuf, String)> {
        let Some((repository, making, umask)) = self.0.take() else { return Ok(()) };
        umask.lifted(|| repository.unmake(&making)).map_err(|why| (making.root, why.to_string()))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Whoever wants to know what stays asks by `undone`.
        let _ = self.unmake();
    }
}

/// The worktrees and branches of a repository that have names already. However many names are asked for, git
/// runs once at most.
#[derive(Debug)]
pub(crate) struct Taken {
    spot: Spot,
    /// Branches count, too.
    branches: bool,
    /// All that could count, lower case; `None` before git was asked.
    listed: Option<BTreeSet<String>>,
}

impl Taken {
    pub(crate) fn new(spot: Spot, branches: bool) -> Self {
        Self { spot, branches, listed: None }
    }

    /// Returns true if somebody has a worktree `name`, or its branch.
    pub(crate) fn has(&mut self, name: &Name) -> Result<bool> {
        let root = place_of(&self.spot.repository, name);
        let is_there = |entry: &Entry| {
            let is_free =
                entry.locked.as_deref().is_none_or(|why| LockedBy::read(why) == LockedBy::EndedClaude);
            entry.path.as_os_str().eq_ignore_ascii_case(root.as_os_str()) && !(entry.path == root && is_free)
        };
        if os::exists(&root) || self.spot.worktrees.iter().any(is_there) {
            return Ok(true);
        }
        Ok(self.branches && self.has_branch(&branch_of(name))?)
    }

    fn has_branch(&mut self, branch: &str) -> Result<bool> {
        let listed = match &mut self.listed {
            Some(listed) => listed,
            None if self.spot.repository.has_plainly_no_branch(branch) == Some(true) => return Ok(false),
            listed => {
                let branches = said(self.spot.repository.branches(BRANCHES))?;
                listed.insert(branches.iter().map(|branch| branch.to_ascii_lowercase()).collect())
            }
        };
        Ok(listed.contains(&branch.to_ascii_lowercase()))
    }
}

/// Returns what a new worktree begins with, and the branch that its work goes to.
fn beginning(
    here: &Spot,
    entry: Option<&Entry>,
    name: &Name,
    branches: Branches<'_>,
) -> Result<(Beginning, Option<String>)> {
    let repository = &here.repository;
    let branch = match branches.branch {
        Some(branch) if said(repository.is_branch_name(branch))? => branch.to_owned(),
        Some(branch) => return Err(Failure::usage(format!("'{branch}' can be no branch of git"))),
        None => {
            let branch = branch_of(name);
            // Of all names of sessions these are no names for git.
            if branch.contains("..") || branch.to_ascii_lowercase().ends_with(".lock") {
                return Err(Failure::usage(format!("'{branch}' can be no branch of git"))
                    .hint(format!("name it yourself: cs -w --branch BRANCH {name}")));
            }
            branch
        }
    };
    // With a branch that a person named, another name for the worktree would be no better.
    let taken = if branches.branch.is_some() { Kind::BranchTaken } else { Kind::WorktreeTaken };
    let from = match branches.from {
        Some(from) => Some(said(repository.resolve(&here.directory, from))?.ok_or_else(|| {
            Failure::usage(format!("there is no branch, tag or commit '{from}'"))
                .hint("to see what there is: git branch --all")
        })?),
        None => None,
    };
    if let Some(other) =
        here.worktrees.iter().find(|other| Some(*other) != entry && other.branch.as_deref() == Some(&branch))
    {
        return Err(checked_out(&branch, other).with_kind(taken));
    }
    let onto = match &from {
        Some((_, branch)) => branch.clone(),
        None => onto_of(here),
    };
    match said(repository.branch_like(&branch))? {
        Some(there) if there != branch => {
            return Err(Failure::of(taken, format!("there is already a branch '{there}'"))
                .hint(format!("to work on it: cs -w --branch {there} {name}")));
        }
        Some(_) if branches.from.is_some() => {
            return Err(Failure::of(taken, format!("there is already a branch '{branch}'"))
                .hint(format!("to go on with it, leave --from out: cs -w --branch {branch} {name}"))
                .hint(format!("to begin another one: cs -w --branch BRANCH --from REF {name}")));
        }
        Some(branch) => return Ok((Beginning::Branch(branch), onto)),
        None => {}
    }
    let commit = match from {
        Some((commit, _)) => Some(commit),
        None if repository.bare && here.root.is_none() => {
            said(repository.resolve(&repository.common, "HEAD"))?.map(|(commit, _)| commit)
        }
        None => here.entry().and_then(|entry| entry.head.clone()),
    };
    let commit = commit.ok_or_else(|| {
        Failure::refused(format!(
            "there is no commit yet to begin a worktree from: {}",
            repository.main.display()
        ))
        .hint("make the first one: git commit --allow-empty -m 'First commit'")
    })?;
    Ok((Beginning::New { branch, commit }, onto))
}

/// The branch that work goes back to: the one that is checked out.
fn onto_of(here: &Here) -> Option<String> {
    if here.repository.bare && here.root.is_none() {
        return here.repository.resolve(&here.repository.common, "HEAD").ok()??.1;
    }
    here.entry()?.branch.clone()
}

fn record(here: &Here, root: &Path, branch: Option<String>, onto: Option<String>) -> Result<Worktree> {
    // From inside of the worktree itself, it is the main checkout that its work goes to.
    let onto = onto.filter(|onto| Some(onto) != branch.as_ref());
    let onto = onto.or_else(|| match &here.root {
        Some(inside) if inside == root => here.worktrees.first()?.branch.clone(),
        _ => None,
    });
    Ok(Worktree {
        root: directory::recordable(root)?,
        repository: directory::recordable(&here.repository.main)?,
        onto: onto.filter(|onto| Some(onto) != branch.as_ref()),
        branch,
    })
}

impl Spot {
    /// Finds `directory` in its repository; `None` outside of git.
    pub(crate) fn of(directory: &Path) -> Result<Option<Self>> {
        let directory = directory::real(directory);
        Ok(said(Here::of(&directory))?.map(|here| Self { here, directory }))
    }

    /// Returns the directory, relative to the root of its checkout; `None` where it is the root.
    fn below(&self) -> Option<PathBuf> {
        let below = self.directory.strip_prefix(self.root.as_ref()?).ok()?;
        Some(below.to_path_buf()).filter(|below| !below.as_os_str().is_empty())
    }
}

fn is_in(repository: &Repository, making: &Making, below: &Path) -> Result<bool> {
    let commit = match &making.beginning {
        Beginning::New { commit, .. } | Beginning::Commit(commit) => commit.clone(),
        Beginning::Branch(branch) => format!("refs/heads/{branch}"),
    };
    said(repository.has_directory(&commit, below))
}

/// Returns the place of the worktree `name`: where Claude puts it, too (2.1.197, 2.1.329), also in a submodule and
/// a bare repository.
pub(crate) fn place_of(repository: &Repository, name: &Name) -> PathBuf {
    repository.main.join(".claude").join("worktrees").join(name.as_str())
}

/// The beginning of branches that are named like their worktrees.
const BRANCHES: &str = "worktree-";

/// Returns the branch of the worktree `name`, as Claude calls it.
pub(crate) fn branch_of(name: &Name) -> String {
    format!("worktree-{name}")
}

/// Refuses a link on the way to the worktree: a repository can bring one that leads anywhere.
pub(crate) fn no_links(repository: &Repository, root: &Path) -> Result<()> {
    for path in
        root.ancestors().take_while(|path| path.starts_with(&repository.main) && *path != repository.main)
    {
        let Ok(about) = path.symlink_metadata() else { continue };
        if about.is_symlink() || !about.is_dir() && path != root {
            let what = if about.is_symlink() { "a link" } else { "no directory" };
            return Err(Failure::refused(format!(
                "{} is {what}, so no worktree is made there",
                path.display()
            ))
            .hint("worktrees are made in .claude/worktrees of the repository: move it away"));
        }
    }
    Ok(())
}

pub(crate) fn entry_at<'a>(worktrees: &'a [Entry], root: &Path) -> Option<&'a Entry> {
    worktrees.iter().find(|entry| entry.path == root)
}

/// Locks a worktree for its session, unless somebody else has. Where that fails, it is told.
pub(crate) fn hold(
    context: &Context,
    repository: &Repository,
    held: Option<&str>,
    root: &Path,
    session: &Session,
) {
    let take = || context.umask.lifted(|| repository.take_lock(root, session.id, held));
    if is_free(held)
        && let Err(why) = take()
    {
        context.say(&format!("the worktree is not locked: {why}"));
    }
}

/// Returns true if nobody holds a worktree that git has locked for this reason.
pub(crate) fn is_free(held: Option<&str>) -> bool {
    held.is_none_or(|reason| LockedBy::read(reason) == LockedBy::EndedClaude)
}

/// Runs what the settings name, in a worktree that was just made. A failure is told, and no more.
fn on_create(context: &Context, session: &Session, profile: &Profile) {
    let run = || -> Result<()> {
        let lines = &context.config()?.worktree.on_create;
        if lines.is_empty() {
            return Ok(());
        }
        let subject = Subject::Session(session.clone(), profile.clone());
        let plan = scene::plan_without_token(context, &subject, session.directory())?;
        store::lay_out(&plan.layout)?;
        let mut environment = plan.env.applied_to(&context.environment);
        if let Some(path) = environment.get_mut(OsStr::new("PATH")) {
            *path = os::path_out_of_reach(path);
        }
        for line in lines {
            context.say(&format!("running: {line}"));
            let mut command = os::shell_command(line, Some(&environment));
            command.current_dir(session.directory());
            // Standard input and output are Claude's.
            command.stdin(Stdio::null()).stdout(std::io::stderr());
            let why = match context.umask.lifted(|| command.status()) {
                Ok(status) if status.success() => continue,
                Ok(status) => status.code().map_or_else(
                    || "it was ended by a signal".to_owned(),
                    |code| format!("exit code {code}"),
                ),
                Err(error) => crate::model::reason(&error),
            };
            context.say(&format!("that failed ({why}), and the worktree stays: {line}"));
        }
        Ok(())
    };
    if let Err(failure) = run() {
        context.say(&format!("on_create was not run: {}", failure.message));
    }
}

fn say_copies(context: &Context, copies: &Copies) {
    const SHOWN: usize = 3;
    let files = |number: usize| if number == 1 { "1 file".to_owned() } else { format!("{number} files") };
    if copies.files > 0 {
        context.say(&format!("copied {} that git ignores (.worktreeinclude)", files(copies.files)));
    }
    if copies.over > 0 {
        context.say(&format!(
            "not copied: {} more, which are too many or too large (at most 2,000 files and 256 MiB)",
            files(copies.over)
        ));
    }
    for (path, why) in copies.failed.iter().take(SHOWN) {
        context.say(&format!("not copied: {}: {why}", path.display()));
    }
    if copies.failed.len() > SHOWN {
        context.say(&format!("not copied: {} more", files(copies.failed.len() - SHOWN)));
    }
}

/// Turns what git said into a failure of ours.
pub(crate) fn said<T>(answer: Result<T, git::Error>) -> Result<T> {
    answer.map_err(|error| error.failure("no worktree"))
}

fn cannot_make(making: &Making, why: &git::Error) -> Failure {
    Failure::failed(format!("cannot make the worktree {}: {why}", making.root.display()))
}

pub(crate) fn locked(root: &Path, reason: &str) -> Failure {
    let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    Failure::of(Kind::WorktreeTaken, format!("the worktree {} is gone, and locked{why}", root.display()))
        .hint("it may lie on a disk that is not mounted now")
        .hint(format!("if not: git worktree unlock {}", root.display()))
}

pub(crate) fn checked_out(branch: &str, other: &Entry) -> Failure {
    let failure = Failure::of(
        Kind::BranchTaken,
        format!("branch '{branch}' is checked out in {}", other.path.display()),
    );
    if other.prunable.is_some() {
        return failure.hint("that is gone: git worktree prune");
    }
    failure.hint("work there, or name another branch: cs -w --branch BRANCH NAME")
}

pub(crate) fn other_branch(root: &Path, branch: Option<&str>, wanted: &str) -> Failure {
    let is = branch.map_or_else(|| "no branch".to_owned(), |branch| format!("branch '{branch}'"));
    Failure::of(Kind::WorktreeTaken, format!("{} has {is} checked out, not '{wanted}'", root.display()))
        .hint("to take it as it is, leave --branch out")
}
