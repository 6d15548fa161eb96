//! Foreign ground: what lies below a session's config directory, in its project or its worktree. Claude wrote it,
//! or a program that it ran, or a text that told it to.
//!
//! It is read beneath a directory of ours: no link is followed, neither at the end of a path nor on the way; only
//! regular files are read, and every size and count has a bound. A [`Foreign`] is no [`Path`], so the file
//! functions of the standard library do not take one: what is there can be read, listed, copied and shown, here
//! and nowhere else.
//!
//! See docs/decisions/015-what-is-inside-is-foreign-ground.md

mod copy;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
#[cfg(unix)]
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::model::Failure;

pub use copy::{WithoutHoles, copy_data, few_holes, whole_lines};
#[cfg(not(unix))]
use elsewhere as system;
#[cfg(unix)]
use unix as system;

/// The most bytes of a file that is read whole, where nothing smaller is asked for.
pub const MOST_BYTES: u64 = 16 << 20;

/// The most entries that are read of a directory. What has more is an error: half a list would be taken for all.
pub(crate) const MOST_ENTRIES: usize = 200_000;

/// A path on foreign ground: a directory that is ours, and the way from there.
///
/// The directory stays open from its first use on, as long as this or a path made from it is there.
#[derive(Clone)]
pub struct Foreign {
    root: Arc<Root>,
    below: PathBuf,
}

/// A directory that nobody inside can put something else in the place of.
struct Root {
    path: PathBuf,
    #[cfg(unix)]
    held: OnceLock<system::Opened>,
}

impl PartialEq for Foreign {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Foreign {}

impl PartialOrd for Foreign {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Foreign {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.root.path, &self.below).cmp(&(&other.root.path, &other.below))
    }
}

/// The kind of a thing on foreign ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, which is not followed.
    Link,
    /// A FIFO, a socket, a device.
    Other,
}

/// The facts about a thing on foreign ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its kind.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// The time of its last change.
    pub modified: SystemTime,
    /// The time it was made, if the file system says.
    pub born: Option<SystemTime>,
}

/// An entry of a directory on foreign ground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name. Text of others: escape it before it is shown.
    pub name: OsString,
    /// Its kind.
    pub kind: EntryKind,
}

/// The reason something on foreign ground is not read: it is there, and not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is a link, or behind one.
    Link,
    /// It is no regular file.
    NotRegular,
    /// It is larger than is read, in bytes.
    TooLarge(u64),
    /// The directory has more entries than are read.
    TooMany,
    /// Its end has no end of a line for too long.
    NoLines,
    /// Most of it is a hole.
    Holes,
    /// It has another name, by which it may be somebody else's.
    OtherName,
    /// Its path leads elsewhere.
    Elsewhere,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("it is a link, or behind one, and not followed"),
            Self::NotRegular => f.write_str("not a regular file"),
            Self::TooLarge(most) => write!(f, "larger than {most} bytes"),
            Self::TooMany => write!(f, "more than {MOST_ENTRIES} entries"),
            Self::NoLines => f.write_str("it has no whole line for too long"),
            Self::Holes => f.write_str("most of it is a hole"),
            Self::OtherName => f.write_str("the file has another name too"),
            Self::Elsewhere => f.write_str("its path leads elsewhere"),
        }
    }
}

impl std::error::Error for Unfit {}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        Self::other(unfit)
    }
}

/// Returns the reason why something is not read that `error` is about, if it is one of ours.
pub fn unfit(error: &io::Error) -> Option<Unfit> {
    error.get_ref()?.downcast_ref().copied()
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} below {:?}", self.below, self.root.path)
    }
}

/// As it is shown to a person.
impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole().display().fmt(f)
    }
}

impl Foreign {
    /// Returns the ground that begins at `root`, a directory of ours or of the person's. Where it is a link
    /// itself, that is followed.
    pub fn ground(root: &Path) -> Self {
        Self::new(root.to_path_buf(), PathBuf::new())
    }

    fn new(root: PathBuf, below: PathBuf) -> Self {
        let root = Root {
            path: root,
            #[cfg(unix)]
            held: OnceLock::new(),
        };
        Self { root: Arc::new(root), below }
    }

    /// Returns `path` on the ground that begins at `root`; where it is not below `root`, the ground that begins at
    /// `path` itself.
    pub fn at(root: &Path, path: &Path) -> Self {
        match path.strip_prefix(root) {
            Ok(below) => Self::new(root.to_path_buf(), below.to_path_buf()),
            Err(_) => Self::ground(path),
        }
    }

    /// Returns what `path`, a path of the person's, leads to: a link at its end is theirs, and followed.
    pub fn led_to(path: &Path) -> Self {
        let real = if path.is_symlink() { super::real_path(path).ok() } else { None };
        Self::in_its_directory(real.as_deref().unwrap_or(path))
    }

    /// Returns what is called `path` in its directory, which is the person's or ours. A link at its end is not followed.
    pub fn in_its_directory(path: &Path) -> Self {
        match (path.parent(), path.file_name()) {
            (Some(above), Some(name)) => Self::ground(above).join(name),
            _ => Self::ground(path),
        }
    }

    /// Returns the same place, with the links resolved that its ground begins with.
    #[must_use]
    pub fn settled(self) -> Self {
        match super::real_path(&self.root.path) {
            Ok(real) => Self::new(real, self.below),
            Err(_) => self,
        }
    }

    /// Returns the same path, which keeps nothing open: for those that are kept in great numbers.
    #[must_use]
    pub fn at_rest(&self) -> Self {
        Self::new(self.root.path.clone(), self.below.clone())
    }

    /// Returns what is at `part`, a name or a relative path, below this.
    #[must_use]
    pub fn join(&self, part: impl AsRef<Path>) -> Self {
        // An absolute path would replace all before it. It is kept as it is, and every use of it is refused.
        let below = if part.as_ref().is_absolute() || self.below.is_absolute() {
            part.as_ref().to_path_buf()
        } else {
            self.below.join(part)
        };
        Self { root: self.root.clone(), below }
    }

    /// Returns `path` on the same ground; where it is not below its beginning, what it leads to.
    #[must_use]
    pub fn along(&self, path: &Path) -> Self {
        self.within(path).unwrap_or_else(|| Self::led_to(path))
    }

    /// Returns `path` on the same ground; `None` where it is not below its beginning.
    pub fn within(&self, path: &Path) -> Option<Self> {
        let below = path.strip_prefix(&self.root.path).ok()?.to_path_buf();
        Some(Self { root: self.root.clone(), below })
    }

    /// Returns the directory it is in; `None` for the beginning of the ground.
    pub fn parent(&self) -> Option<Self> {
        let below = self.below.parent()?.to_path_buf();
        Some(Self { root: self.root.clone(), below })
    }

    /// Returns its name, if it is UTF-8.
    pub fn name(&self) -> Option<&str> {
        self.below.file_name()?.to_str()
    }

    /// Returns its name without the extension, if it is UTF-8.
    pub fn stem(&self) -> Option<&str> {
        self.below.file_stem()?.to_str()
    }

    /// Returns true if its name ends in `.extension`.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.below.extension().is_some_and(|found| found == extension)
    }

    /// Returns the failure to do `what` with it.
    pub fn failure(&self, what: &str, error: &io::Error) -> Failure {
        Failure::io(what, &self.whole(), error)
    }

    /// Returns its path as a word for a program that runs on that ground itself. It is not to be opened here.
    pub fn told(&self) -> OsString {
        self.whole().into_os_string()
    }

    fn whole(&self) -> PathBuf {
        if self.below.as_os_str().is_empty() {
            self.root.path.clone()
        } else {
            self.root.path.join(&self.below)
        }
    }

    /// Returns the names on the way from the root. Fails with [`Unfit::Elsewhere`] if that leads out of it.
    fn names(&self) -> io::Result<Vec<&OsStr>> {
        self.below
            .components()
            .map(|part| match part {
                Component::Normal(name) => Ok(name),
                _ => Err(Unfit::Elsewhere.into()),
            })
            .collect()
    }

    /// Returns the facts about what is there, a link itself included; `None` if nothing is.
    pub fn facts(&self) -> io::Result<Option<Facts>> {
        optional(system::facts(self))
    }

    /// Returns true if anything at all is there, a dangling link included.
    pub fn exists(&self) -> bool {
        !matches!(optional(system::is_there(self, false)), Ok(None))
    }

    /// Returns true if a directory is there, and no link to one.
    pub fn is_dir(&self) -> bool {
        system::is_there(self, true).is_ok()
    }

    /// Opens the regular file that is there for reading; `None` if nothing is there. Fails with an [`Unfit`] for
    /// anything else, which is not waited for.
    pub fn open(&self) -> io::Result<Option<(File, Facts)>> {
        optional(system::open(self))
    }

    /// Reads the regular file that is there, of at most `most` bytes; `None` if nothing is there.
    pub fn read(&self, most: u64) -> io::Result<Option<Vec<u8>>> {
        let Some((file, facts)) = self.open()? else { return Ok(None) };
        read_open(file, facts, most).map(Some)
    }

    /// Reads the entries of the directory that is there, in no order; `None` if nothing is there. Fails with an
    /// [`Unfit`] if it is a link, and where there are more than 200,000.
    pub fn entries(&self) -> io::Result<Option<Vec<Entry>>> {
        match self.hold()? {
            Some(held) => held.entries().map(Some),
            None => Ok(None),
        }
    }

    /// Opens the directory that is there, to look at much of it; `None` if nothing is there.
    pub fn hold(&self) -> io::Result<Option<Held>> {
        optional(system::directory(self).map(|directory| Held { path: self.clone(), directory }))
    }

    /// Makes the directories from the root to here, each 0700, as far as they are missing. The root itself has to
    /// be there. Fails if a link or a file is in the way.
    pub fn make_dirs(&self) -> io::Result<()> {
        system::make_dirs(self)
    }

    /// Makes the file with `content`, mode 0600, whole or not at all. Returns `Ok(false)` if something is there
    /// already, which is untouched. Durable when it returns.
    pub fn publish(&self, content: &[u8]) -> io::Result<bool> {
        system::put(self, &mut |file| file.write_all(content), false)
    }

    /// Replaces the file, or makes it, mode 0600, so that a reader sees the old or the new content whole. A link in
    /// its place is replaced and not followed. Durable when it returns.
    pub fn replace(&self, content: &[u8]) -> io::Result<()> {
        system::put(self, &mut |file| file.write_all(content), true).map(drop)
    }

    /// Adds `content` to the end of the regular file that is there, in one write. Durable when it returns. Fails with
    /// [`Unfit::OtherName`] if the file has another name: it may be a file of somebody else's.
    pub fn append(&self, content: &[u8]) -> io::Result<()> {
        let mut file = system::open_to_append(self)?;
        file.write_all(content)?;
        super::files::uninterrupted(|| file.sync_all())
    }

    /// Makes a symbolic link to `target`. `Ok(false)` if something is there already.
    pub fn link(&self, target: &Path) -> io::Result<bool> {
        system::link(self, target)
    }

    /// Returns the target of the link that is there, as text; `None` if nothing is there, or no link.
    pub fn link_target(&self) -> io::Result<Option<PathBuf>> {
        system::link_target(self)
    }

    /// Removes the link or file that is there; what is not there is as good as removed. Never a directory.
    pub fn remove(&self) -> io::Result<()> {
        optional(system::remove(self)).map(drop)
    }
}

/// A directory on foreign ground that is held open: it stays the same one, wherever its path leads meanwhile.
#[derive(Debug)]
pub struct Held {
    path: Foreign,
    directory: system::Directory,
}

impl Held {
    /// Returns the path of what is called `name` in it.
    pub fn path(&self, name: impl AsRef<Path>) -> Foreign {
        self.path.join(name)
    }

    /// Reads its entries, in no order. Fails with [`Unfit::TooMany`] above 200,000.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        self.directory.entries()
    }

    /// Returns the facts about what is called `name` in it; `None` if nothing is.
    pub fn facts(&self, name: &OsStr) -> io::Result<Option<Facts>> {
        optional(self.directory.facts(single(name)?))
    }

    /// Opens the regular file `name` in it; `None` if there is none. Fails as [`Foreign::open`] does.
    pub fn open(&self, name: &OsStr) -> io::Result<Option<(File, Facts)>> {
        optional(self.directory.open(single(name)?))
    }

    /// Reads the regular file `name` in it, of at most `most` bytes; `None` if there is none.
    pub fn read(&self, name: &OsStr, most: u64) -> io::Result<Option<Vec<u8>>> {
        let Some((file, facts)) = self.open(name)? else { return Ok(None) };
        read_open(file, facts, most).map(Some)
    }

    /// Opens the directory `name` in it; `None` if there is none.
    pub fn hold(&self, name: &OsStr) -> io::Result<Option<Self>> {
        let opened = self.directory.directory(single(name)?);
        optional(opened.map(|directory| Self { path: self.path.join(name), directory }))
    }
}

/// Reads the regular file at `path` of at most `most` bytes, in a directory whose own path has no links; `None` if
/// nothing is there. A link at the end is not followed, and nothing is waited for. It is one call where nothing is.
pub fn read_unlinked(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let Some((file, facts)) = optional(system::open_unlinked(path))? else { return Ok(None) };
    read_open(file, facts, most).map(Some)
}

/// Returns `name` if it is the name of something right in a directory.
fn single(name: &OsStr) -> io::Result<&OsStr> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name => Ok(name),
        _ => Err(Unfit::Elsewhere.into()),
    }
}

fn optional<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads an open file of at most `most` bytes. It may grow meanwhile.
fn read_open(file: File, facts: Facts, most: u64) -> io::Result<Vec<u8>> {
    if facts.size > most {
        return Err(Unfit::TooLarge(most).into());
    }
    let mut content = Vec::with_capacity(usize::try_from(facts.size).unwrap_or(0));
    file.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most { Err(Unfit::TooLarge(most).into()) } else { Ok(content) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A ground `in` with one of everything, and a directory `out` with what nobody in there may see.
    fn world() -> (tempfile::TempDir, Foreign) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        fs::create_dir_all(inside.join("a/b")).expect("made");
        fs::create_dir(&outside).expect("made");
        fs::write(inside.join("a/b/file"), "said").expect("written");
        fs::write(outside.join("secret"), "CANARY").expect("written");
        symlink(outside.join("secret"), inside.join("a/link")).expect("linked");
        symlink(&outside, inside.join("a/linked")).expect("linked");
        symlink(dir.path().join("nowhere"), inside.join("a/dangling")).expect("linked");
        symlink("b/file", inside.join("a/near")).expect("linked");
        let made = std::process::Command::new("mkfifo").arg(inside.join("a/fifo")).status();
        assert!(made.expect("mkfifo is there").success());
        std::os::unix::net::UnixListener::bind(inside.join("a/socket")).expect("bound");
        (dir, Foreign::ground(&inside))
    }

    #[test]
    fn only_regular_files_on_straight_paths_are_read() {
        let (dir, ground) = world();
        // The control: the standard library reads the very same path.
        assert_eq!(fs::read_to_string(dir.path().join("in/a/link")).expect("followed"), "CANARY");
        assert_eq!(ground.join("a/b/file").read(4).expect("read").as_deref(), Some(&b"said"[..]));
        assert_eq!(ground.join("a/b/none").read(4).expect("looked"), None);
        assert_eq!(ground.join("none/none").read(4).expect("looked"), None);
        for (path, why) in [
            ("a/link", Unfit::Link),
            ("a/linked/secret", Unfit::Link),
            ("a/dangling", Unfit::Link),
            ("a/near", Unfit::Link),
            ("a/fifo", Unfit::NotRegular),
            ("a/socket", Unfit::NotRegular),
            ("a/b", Unfit::NotRegular),
            ("../out/secret", Unfit::Elsewhere),
            ("a/../../out/secret", Unfit::Elsewhere),
            ("/etc/passwd", Unfit::Elsewhere),
            ("", Unfit::NotRegular),
        ] {
            let error = ground.join(path).read(1000).expect_err(path);
            assert_eq!(unfit(&error), Some(why), "{path}: {error}");
        }
        assert_eq!(unfit(&ground.join("a/b/file").read(3).expect_err("four")), Some(Unfit::TooLarge(3)));
        assert!(ground.join("a/b/file/x").read(3).is_err(), "a file is no directory");
        let read = |path: &str| read_unlinked(&dir.path().join("in/a").join(path), 4);
        assert_eq!(read("b/file").expect("read").as_deref(), Some(&b"said"[..]));
        assert_eq!(read("none").expect("looked"), None);
        for (path, why) in [("link", Unfit::Link), ("dangling", Unfit::Link), ("fifo", Unfit::NotRegular)] {
            assert_eq!(unfit(&read(path).expect_err(path)), Some(why), "{path}");
        }
        for path in ["socket", "b"] {
            assert_eq!(unfit(&read(path).expect_err(path)), Some(Unfit::NotRegular), "{path}");
        }
    }

    #[test]
    fn the_way_of_old_kernels_says_the_same() {
        let (_dir, ground) = world();
        let root = fs::File::open(&ground.root.path).expect("opened");
        let open = |path: &str| {
            let names: Vec<&OsStr> = Path::new(path).iter().collect();
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
            system::step_by_step(std::os::fd::AsFd::as_fd(&root), &names, flags)
        };
        assert!(open("a/b/file").is_ok() && open("a/b").is_ok());
        for path in ["a/link", "a/linked/secret", "a/dangling", "a/near"] {
            assert_eq!(open(path).expect_err(path), rustix::io::Errno::LOOP, "{path}");
        }
    }

    #[test]
    fn a_list_tells_links_from_what_they_lead_to() {
        let (_dir, ground) = world();
        let mut entries = ground.join("a").entries().expect("read").expect("there");
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let found: Vec<(&str, EntryKind)> =
            entries.iter().map(|entry| (entry.name.to_str().expect("text"), entry.kind)).collect();
        let link = |name| (name, EntryKind::Link);
        assert_eq!(
            found,
            [
                ("b", EntryKind::Directory),
                link("dangling"),
                ("fifo", EntryKind::Other),
                link("link"),
                link("linked"),
                link("near"),
                ("socket", EntryKind::Other)
            ]
        );
        assert_eq!(ground.join("none").entries().expect("looked"), None);
        assert_eq!(unfit(&ground.join("a/linked").entries().expect_err("a link")), Some(Unfit::Link));
        assert!(ground.join("a/b/file").entries().is_err());
        let held = ground.join("a").hold().expect("held").expect("there");
        assert_eq!(
            held.facts("link".as_ref()).expect("looked").map(|facts| facts.kind),
            Some(EntryKind::Link)
        );
        assert!(held.open("link".as_ref()).is_err() && held.hold("linked".as_ref()).is_err());
        assert!(held.facts("../a".as_ref()).is_err() && held.facts(OsStr::new("")).is_err());
    }

    #[test]
    fn nothing_is_written_through_a_link_and_a_link_itself_is_replaced() {
        let (dir, ground) = world();
        for path in ["a/linked/new", "a/linked/deep/new"] {
            assert!(ground.join(path).publish(b"x").is_err(), "{path}");
            assert!(ground.join(path).replace(b"x").is_err(), "{path}");
            assert!(ground.join(path).link(dir.path()).is_err(), "{path}");
        }
        assert!(
            ground.join("a/linked/deep").make_dirs().is_err() && ground.join("a/link/x").make_dirs().is_err()
        );
        assert!(!ground.join("a/link").publish(b"x").expect("tried"), "something is there");
        assert!(!ground.join("a/dangling").publish(b"x").expect("tried"), "something is there");
        ground.join("a/link").replace(b"new").expect("replaced");
        assert_eq!(ground.join("a/link").read(9).expect("read").as_deref(), Some(&b"new"[..]));
        assert_eq!(ground.join("a/linked").link_target().expect("read"), Some(dir.path().join("out")));
        ground.join("a/linked").remove().expect("removed");
        ground.join("a/linked/c").make_dirs().expect("made");
        assert!(ground.join("a/linked/c/f").publish(b"x").expect("written"));
        let names = |path: &str| {
            let mut names: Vec<_> = fs::read_dir(dir.path().join(path))
                .expect("there")
                .flatten()
                .map(|at| at.file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names("out"), ["secret"]);
        assert_eq!(names("in/a/linked/c"), ["f"], "nothing is left beside it");
        assert_eq!(fs::read_to_string(dir.path().join("out/secret")).expect("there"), "CANARY");
    }
}
