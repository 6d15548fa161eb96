//! Conversations that several sessions share on purpose: joining them, and leaving without taking what is
//! others'.
//!
//! A session or profile that joins keeps its own conversations beside its config directory
//! (`own-projects`, `own-history.jsonl`), and gets links in their place. Every step leaves all of them
//! somewhere, and can be done again: the next launch, or the next `cs profile sync`, finishes what a
//! killed process left.
//!
//! See docs/decisions/010-what-is-shared-is-noted-and-ones-own-stays-aside.md

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Store;
use super::locking::lock;
use super::root::listed;
use crate::model::{Failure, Name, Result};
use crate::os::{self, EntryKind, Foreign, Lock};

/// The transcripts in a config directory, and the file of prompts.
const PROJECTS: &str = "projects";
const PROMPTS: &str = "history.jsonl";

/// The number of times that something can be put aside: once, if nobody interferes.
const MOST: usize = 1000;

/// The place of one session's or profile's conversations: its config directory, and the directory that
/// keeps its own while it shares those of others.
#[derive(Clone, Debug)]
pub struct Member {
    /// The session's or profile's own directory in the store.
    pub root: PathBuf,
    /// Its config directory.
    pub config: PathBuf,
}

/// The place of conversations outside a config directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The directory of transcripts.
    pub projects: PathBuf,
    /// The file of prompts; `None` if that stays where it is.
    pub prompts: Option<PathBuf>,
}

/// The result of merging one tree of conversations into another, done or to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The copied files: paths below the target.
    pub copied: Vec<PathBuf>,
    /// The files that are in both trees with other contents, and stay as they are in each: paths below
    /// both.
    pub different: Vec<PathBuf>,
}

impl Store {
    /// Returns the directory of a group's conversations.
    pub fn group_root(&self, group: &Name) -> PathBuf {
        self.groups_dir().join(group.key())
    }

    /// Returns the directory of all groups.
    pub fn groups_dir(&self) -> PathBuf {
        self.root().join("history")
    }

    /// Returns the place of a group's conversations.
    pub fn group(&self, group: &Name) -> Apart {
        let root = self.group_root(group);
        Apart { projects: root.join(PROJECTS), prompts: Some(root.join(PROMPTS)) }
    }

    /// Returns every group that has a directory, by name, whoever is in it.
    pub fn groups(&self) -> Result<Vec<Name>> {
        let mut names = listed(&self.groups_dir(), "")?;
        names.sort_unstable();
        Ok(names.into_iter().filter_map(|name| Name::of_profile(&name).ok()).collect())
    }

    /// Takes the lock of a group, by its directory, so that nobody else opens a conversation of it
    /// meanwhile.
    pub fn lock_group(&self, root: &Path) -> Result<Lock> {
        lock(&root.join("lock"), &format!("the conversations in {}", root.display()))
    }

    /// Makes a group whose transcripts are the directory `projects`, which somebody else made and keeps.
    /// Returns `Ok(false)` if the group has transcripts already.
    pub fn make_group_of(&self, group: &Name, projects: &Path) -> Result<bool> {
        self.ensure()?;
        let root = self.group_root(group);
        let failed = |error| Failure::io("create", &root, &error);
        os::create_private_dirs(&root).map_err(failed)?;
        os::make_link(&root.join(PROJECTS), projects).map_err(failed)
    }
}

impl Member {
    /// Returns the path of its transcripts: a directory, or a link to those it shares.
    pub fn projects(&self) -> PathBuf {
        self.config.join(PROJECTS)
    }

    /// Its own transcripts, as ground to be read.
    fn own(&self) -> Foreign {
        Foreign::at(&self.root, &self.projects())
    }

    fn prompts(&self) -> PathBuf {
        self.config.join(PROMPTS)
    }

    /// Returns every directory in which its own transcripts are put aside while it shares others.
    pub fn put_aside(&self) -> Vec<PathBuf> {
        let all = (1..MOST).map(|number| self.aside("own-projects", "", number));
        all.take_while(|path| os::is_dir(path)).collect()
    }

    fn aside(&self, stem: &str, extension: &str, number: usize) -> PathBuf {
        let number = if number < 2 { String::new() } else { format!("-{number}") };
        self.root.join(format!("{stem}{number}{extension}"))
    }

    fn free(&self, stem: &str, extension: &str) -> PathBuf {
        let mut names = (1..MOST).map(|number| self.aside(stem, extension, number));
        names.find(|path| !os::exists(path)).unwrap_or_else(|| self.root.join(stem))
    }

    /// Returns true if its transcripts are in its own config directory, and so in the way of sharing.
    pub fn is_apart(&self) -> bool {
        os::is_dir(&self.projects())
    }

    /// Returns true if its prompts are in its own config directory.
    pub fn has_own_prompts(&self) -> bool {
        self.prompts().symlink_metadata().is_ok_and(|about| about.is_file())
    }

    /// Returns the target of the link in place of its transcripts; `None` if there is no link.
    pub fn linked(&self) -> Option<PathBuf> {
        fs::read_link(self.projects()).ok()
    }

    /// Returns the target of the link in place of its prompts; `None` if there is no link.
    pub fn linked_prompts(&self) -> Option<PathBuf> {
        fs::read_link(self.prompts()).ok()
    }

    /// Returns true if a process died between taking its conversations out of the config directory and
    /// putting a link there, or the reverse.
    pub fn is_unsettled(&self) -> bool {
        let lost = !os::exists(&self.projects()) && os::is_dir(&self.aside("own-projects", "", 1));
        lost || self.is_apart()
            && !os::exists(&self.prompts())
            && os::exists(&self.aside("own-history", ".jsonl", 1))
    }

    /// Returns the files that [`Member::join`] would copy. Changes nothing.
    pub fn joining(&self, to: &Apart, may_grow: &dyn Fn(&Path) -> bool) -> Result<Merged> {
        if self.is_apart() {
            merge(&self.own(), &Foreign::ground(&to.projects), &|_| true, may_grow, true)
        } else {
            Ok(Merged::default())
        }
    }

    /// Moves in with the conversations at `to`: copies its own there, unless they are there, and puts
    /// them aside; links take their place. Nobody may have them open. `may_grow` says of a path below
    /// `to` whether it may be replaced by a longer file that begins with all of it.
    pub fn join(&self, to: &Apart, may_grow: &dyn Fn(&Path) -> bool) -> Result<Merged> {
        make_dirs(&to.projects)?;
        let mut merged = Merged::default();
        if self.is_apart() {
            merged = merge(&self.own(), &Foreign::ground(&to.projects), &|_| true, may_grow, false)?;
            rename(&self.projects(), &self.free("own-projects", ""))?;
        }
        link(&self.projects(), &to.projects)?;
        if let Some(prompts) = &to.prompts {
            let own = self.prompts();
            if self.has_own_prompts() {
                append_missing(Some(&Foreign::at(&self.root, &own)), prompts, &|_| true)?;
                rename(&own, &self.free("own-history", ".jsonl"))?;
            } else {
                append_missing(None, prompts, &|_| true)?;
            }
            link(&own, prompts)?;
        }
        Ok(merged)
    }

    /// Returns the files that [`Member::leave`] would copy. Changes nothing.
    pub fn leaving(&self, is_own: &dyn Fn(&Path) -> bool) -> Result<Merged> {
        let Some(from) = self.linked().filter(|from| from.is_dir()) else { return Ok(Merged::default()) };
        merge(
            &Foreign::ground(&from),
            &Foreign::ground(&self.aside("own-projects", "", 1)),
            is_own,
            &|_| true,
            true,
        )
    }

    /// Moves out again: its own conversations, as `is_own` and `is_own_prompt` know them, are brought up
    /// to date from the shared ones, and take the place of the links. Those of others are neither copied
    /// nor removed. Nobody may have them open.
    pub fn leave(
        &self,
        is_own: &dyn Fn(&Path) -> bool,
        is_own_prompt: &dyn Fn(&str) -> bool,
    ) -> Result<Merged> {
        let mut merged = Merged::default();
        let shared = self.linked();
        if let Some(from) = &shared {
            let own = self.aside("own-projects", "", 1);
            make_dirs(&own)?;
            if from.is_dir() {
                merged = merge(&Foreign::ground(from), &Foreign::ground(&own), is_own, &|_| true, false)?;
            }
            for more in self.put_aside().into_iter().skip(1) {
                let (more, own) = (Foreign::ground(&more), Foreign::ground(&own));
                merged.different.extend(merge(&more, &own, &|_| true, &|_| true, false)?.different);
            }
            unlink(&self.projects())?;
            rename(&own, &self.projects())?;
        }
        if let Some(from) = self.linked_prompts() {
            let own = self.aside("own-history", ".jsonl", 1);
            // They lie beside the conversations. A link to anything else was made by somebody inside.
            let is_ours = shared.is_none_or(|shared| shared.parent() == from.parent());
            // Where there is no telling, the file is read, which says why it cannot be.
            if is_ours && from.try_exists().unwrap_or(true) || os::exists(&own) {
                let from = is_ours.then(|| Foreign::in_its_directory(&from));
                append_missing(from.as_ref(), &own, is_own_prompt)?;
                unlink(&self.prompts())?;
                rename(&own, &self.prompts())?;
            } else {
                unlink(&self.prompts())?;
            }
        }
        Ok(merged)
    }
}

/// Finishes what a killed process began: if the place of `member`'s transcripts is empty, links it to
/// `to`, or, if they are not shared, moves the ones put aside back.
pub fn settle(member: &Member, to: Option<&Apart>) -> Result<()> {
    let own = member.aside("own-projects", "", 1);
    if !os::exists(&member.projects()) && os::is_dir(&own) {
        match to {
            Some(to) => {
                make_dirs(&to.projects)?;
                link(&member.projects(), &to.projects)?;
            }
            None => rename(&own, &member.projects())?,
        }
    }
    let own = member.aside("own-history", ".jsonl", 1);
    if to.is_none() && !os::exists(&member.prompts()) && os::exists(&own) {
        rename(&own, &member.prompts())?;
    }
    Ok(())
}

fn make_dirs(path: &Path) -> Result<()> {
    os::create_private_dirs(path).map_err(|error| Failure::io("create", path, &error))
}

fn link(path: &Path, target: &Path) -> Result<()> {
    if path.is_symlink() && !path.exists() {
        unlink(path)?;
    }
    os::make_link(path, target).map(drop).map_err(|error| Failure::io("link", path, &error))
}

fn unlink(path: &Path) -> Result<()> {
    os::remove_link(path).map_err(|error| Failure::io("remove", path, &error))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    os::publish_dir(from, to).map_err(|error| Failure::io("move", from, &error))
}

/// The number of directories that conversations that are merged may be deep.
const DEEPEST: usize = 64;

/// Copies every regular file below `from` that is `wanted` and not below `to`. A file that `to` has in
/// part is completed if it `may_grow`; any other difference stays as it is in each. Links are passed over in `from`,
/// and an error in `to`.
fn merge(
    from: &Foreign,
    to: &Foreign,
    wanted: &dyn Fn(&Path) -> bool,
    may_grow: &dyn Fn(&Path) -> bool,
    dry_run: bool,
) -> Result<Merged> {
    let mut merged = Merged::default();
    let mut inner = vec![PathBuf::new()];
    while let Some(directory) = inner.pop() {
        let path = from.join(&directory);
        if directory.components().count() > DEEPEST {
            return Err(Failure::failed(format!("{path} is more than {DEEPEST} directories deep")));
        }
        let mut entries = path.entries().map_err(|error| path.failure("list", &error))?.unwrap_or_default();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in entries {
            let relative = directory.join(&entry.name);
            if entry.kind == EntryKind::Directory {
                inner.push(relative);
                continue;
            }
            if entry.kind != EntryKind::File || !wanted(&relative) {
                continue;
            }
            let (source, target) = (from.join(&relative), to.join(&relative));
            let grown = match compare(&source, &target).map_err(|error| target.failure("read", &error))? {
                Difference::Missing => true,
                Difference::Longer => may_grow(&relative),
                Difference::Nothing => continue,
                Difference::Other => false,
            };
            if !grown {
                merged.different.push(relative);
                continue;
            }
            if !dry_run {
                if let Some(parent) = target.parent() {
                    parent.make_dirs().map_err(|error| parent.failure("create", &error))?;
                }
                target.copy_from(&source).map_err(|error| source.failure("copy", &error))?;
            }
            merged.copied.push(relative);
        }
    }
    merged.copied.sort();
    merged.different.sort();
    Ok(merged)
}

/// The part of a file that another one lacks.
enum Difference {
    /// There is no other.
    Missing,
    /// It begins with all of the other, and goes on.
    Longer,
    /// No part: the other is the same, or begins with all of it.
    Nothing,
    /// Each has something that the other has not.
    Other,
}

fn compare(source: &Foreign, target: &Foreign) -> io::Result<Difference> {
    let Some((mut other, _)) = target.open()? else { return Ok(Difference::Missing) };
    // What went meanwhile has nothing that the other lacks.
    let Some((mut file, _)) = source.open()? else { return Ok(Difference::Nothing) };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    loop {
        const PIECE: u64 = 1 << 20;
        ours.clear();
        theirs.clear();
        (&mut file).take(PIECE).read_to_end(&mut ours)?;
        (&mut other).take(PIECE).read_to_end(&mut theirs)?;
        if ours == theirs && !ours.is_empty() {
            continue;
        }
        return Ok(if ours.starts_with(&theirs) && ours.len() > theirs.len() {
            Difference::Longer
        } else if theirs.starts_with(&ours) {
            Difference::Nothing
        } else {
            Difference::Other
        });
    }
}

/// The most of a file of prompts that is read.
const MOST_PROMPTS: u64 = 256 << 20;

/// Appends the lines of `from` that are `wanted`, and that `to` has not, in one write. Makes `to` if it
/// is missing.
fn append_missing(from: Option<&Foreign>, to: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let read = |path: &Foreign| match path.read(MOST_PROMPTS) {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => Err(path.failure("read", &error)),
    };
    let place = Foreign::in_its_directory(to);
    let source = from.map(read).transpose()?.flatten().unwrap_or_default();
    let there = read(&place)?;
    let target = there.as_deref().unwrap_or_default();
    let known: HashSet<&str> = target.lines().collect();
    let mut more = String::new();
    if !target.is_empty() && !target.ends_with('\n') {
        more.push('\n');
    }
    for line in source.lines().filter(|line| !line.is_empty() && !known.contains(line) && wanted(line)) {
        more.push_str(line);
        more.push('\n');
    }
    let failed = |error| place.failure("write", &error);
    if there.is_none() {
        if let Some(parent) = to.parent() {
            make_dirs(parent)?;
        }
        return place.publish(more.as_bytes()).map(drop).map_err(failed);
    }
    if more.trim().is_empty() { Ok(()) } else { place.append(more.as_bytes()).map_err(failed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        dir: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().expect("a temporary directory") }
        }

        fn member(&self, name: &str, files: &[(&str, &str)]) -> Member {
            let root = self.dir.path().join(name);
            let member = Member { config: root.join("claude"), root };
            fs::create_dir_all(&member.config).expect("made");
            for (path, text) in files {
                let path = member.config.join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("made");
                fs::write(path, text).expect("written");
            }
            member
        }

        fn group(&self) -> Apart {
            let root = self.dir.path().join("group");
            Apart { projects: root.join(PROJECTS), prompts: Some(root.join(PROMPTS)) }
        }
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn whoever_joins_and_leaves_has_its_own_again_and_nothing_of_others() {
        let world = World::new();
        let group = world.group();
        let red = world.member(
            "red",
            &[("projects/-w/a.jsonl", "a\n"), ("projects/-w/a/x", "x"), ("history.jsonl", "p1\n")],
        );
        let blue = world.member("blue", &[("projects/-w/b.jsonl", "b\n"), ("history.jsonl", "p2\n")]);
        assert_eq!(red.join(&group, &|_| true).expect("joined").copied.len(), 2);
        blue.join(&group, &|_| true).expect("joined");
        assert_eq!(read(&red.projects().join("-w/b.jsonl")), "b\n", "each sees what is the other's");
        assert_eq!(read(&blue.config.join(PROMPTS)), "p1\np2\n");
        fs::write(red.projects().join("-w/a.jsonl"), "a\nmore\n").expect("written");
        fs::write(red.projects().join("-w/c.jsonl"), "c\n").expect("written");

        let own = |path: &Path| path.starts_with("-w/a.jsonl") || path.starts_with("-w/a");
        assert_eq!(red.leaving(&own).expect("looked").copied, [Path::new("-w/a.jsonl")]);
        red.leave(&own, &|line| line == "p3").expect("left");
        assert!(red.is_apart() && red.put_aside().is_empty());
        assert_eq!(read(&red.projects().join("-w/a.jsonl")), "a\nmore\n", "what grew there is brought along");
        assert!(!red.projects().join("-w/b.jsonl").exists() && !red.projects().join("-w/c.jsonl").exists());
        assert_eq!(read(&red.config.join(PROMPTS)), "p1\n");
        assert_eq!(read(&blue.projects().join("-w/a.jsonl")), "a\nmore\n", "nothing is taken from the group");
        assert_eq!(read(&blue.config.join(PROMPTS)), "p1\np2\n");
    }

    #[test]
    fn what_differs_stays_as_it_is_in_each() {
        let world = World::new();
        let group = world.group();
        let red = world.member("red", &[("projects/-w/a.jsonl", "red\n")]);
        let blue = world.member("blue", &[("projects/-w/a.jsonl", "blue\n")]);
        red.join(&group, &|_| true).expect("joined");
        assert_eq!(blue.join(&group, &|_| true).expect("joined").different, [Path::new("-w/a.jsonl")]);
        assert_eq!(read(&blue.projects().join("-w/a.jsonl")), "red\n", "the group's stays");
        assert_eq!(blue.leave(&|_| true, &|_| false).expect("left").different, [Path::new("-w/a.jsonl")]);
        assert_eq!(read(&blue.projects().join("-w/a.jsonl")), "blue\n", "and so does its own");
        // The control: what only grew is no difference.
        fs::write(red.projects().join("-w/a.jsonl"), "red\nmore\n").expect("written");
        let green = world.member("green", &[("projects/-w/a.jsonl", "red\nmore\nand more\n")]);
        assert_eq!(green.joining(&group, &|_| false).expect("looked").different.len(), 1, "if it may not");
        assert_eq!(green.join(&group, &|_| true).expect("joined").different, [] as [PathBuf; 0]);
        assert_eq!(read(&red.projects().join("-w/a.jsonl")), "red\nmore\nand more\n");
    }

    #[test]
    fn what_a_killed_process_left_in_neither_place_goes_where_it_belongs() {
        for shared in [false, true] {
            let world = World::new();
            let group = world.group();
            let red = world.member("red", &[("projects/-w/a.jsonl", "a\n")]);
            red.join(&group, &|_| true).expect("joined");
            assert!(!red.is_unsettled());
            fs::remove_file(red.projects()).expect("removed");
            assert!(red.is_unsettled());
            settle(&red, shared.then_some(&group)).expect("settled");
            assert_eq!(red.is_apart(), !shared);
            assert_eq!(read(&red.projects().join("-w/a.jsonl")), "a\n");
        }
    }
}
