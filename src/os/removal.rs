//! Removing whole directories for good, and nothing else with them.
//!
//! Every step goes from an open directory to what lies right in it, so that nobody can move the
//! ground away: a link is unlinked and never followed, and what is mounted in the tree is not
//! entered, a bind mount of the same file system included.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Size;

/// A file or directory that could not be removed, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its path.
    pub path: PathBuf,
    /// The system's reason.
    pub why: String,
}

/// The reason a tree is not removed. Nothing of it was.
#[derive(Debug)]
pub enum Unremovable {
    /// There is none.
    Missing,
    /// It is a link or a file.
    NotDirectory(PathBuf),
    /// Something is mounted here, so what is below belongs to somebody else.
    Mount(PathBuf),
    /// It cannot be looked at.
    Io(PathBuf, io::Error),
}

impl fmt::Display for Unremovable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is gone"),
            Self::NotDirectory(path) => {
                write!(f, "{} is a link or a file instead of a directory", shown(path))
            }
            Self::Mount(path) => write!(f, "{} is a mount point", shown(path)),
            Self::Io(path, error) => write!(f, "{}: {}", shown(path), crate::model::reason(error)),
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", shown(&self.path), self.why)
    }
}

/// Returns a path as it is shown: of one that is longer than any system takes, the beginning and the end.
fn shown(path: &Path) -> String {
    const LONGEST: usize = 4096;
    let text = path.to_string_lossy();
    if text.len() <= LONGEST {
        return text.into_owned();
    }
    let first: String = text.chars().take(200).collect();
    let last: Vec<char> = text.chars().rev().take(60).collect();
    format!("{first}…{}", last.into_iter().rev().collect::<String>())
}

/// Looks through the directory `name` in the directory `room`, and says how much room it takes; or
/// why [`remove_tree`] would not touch it. Removes nothing; a directory of this user's that cannot
/// be entered is made accessible.
pub fn check_tree(room: &Path, name: &OsStr) -> Result<Size, Unremovable> {
    system::check(room, single(room, name)?)
}

/// Removes the directory `name` in the directory `room` for good, after [`check_tree`] of all of
/// it. What could not be removed is left, and returned.
///
/// `room` itself is opened without following a link at its end. `name` is a name, not a path.
pub fn remove_tree(room: &Path, name: &OsStr) -> Result<Vec<Left>, Unremovable> {
    let name = single(room, name)?;
    system::check(room, name)?;
    system::remove(room, name)
}

/// Returns true if something is mounted on `path`, a bind mount included, as far as the system says
/// (Linux 5.8).
pub fn is_mount_point(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        statx(CWD, path, flags, StatxFlags::TYPE)
            .is_ok_and(|about| about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

/// Returns `name` if it names something in `room` and leads nowhere else: no `/`, no `.`, no `..`.
fn single<'a>(room: &Path, name: &'a OsStr) -> Result<&'a OsStr, Unremovable> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name => Ok(name),
        _ => Err(Unremovable::NotDirectory(room.join(name))),
    }
}

#[cfg(unix)]
mod system {
    use std::ffi::{CStr, CString, OsStr};
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fchmod, fstat, openat, statat, unlinkat};
    use rustix::io::Errno;

    use super::super::descent::Descent;
    use super::{Left, Size, Unremovable};

    /// The call by which directories are opened.
    #[derive(Clone, Copy)]
    pub(super) enum Way {
        /// `openat2`, which itself stops at links and at every mount.
        #[cfg(target_os = "linux")]
        Beneath,
        /// `openat`, followed by a look at what was opened.
        #[cfg(any(test, not(target_os = "linux")))]
        Compared,
    }

    const DIRECTORY: OFlags =
        OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    impl Way {
        #[cfg(target_os = "linux")]
        pub(super) const BEST: Self = Self::Beneath;
        #[cfg(not(target_os = "linux"))]
        pub(super) const BEST: Self = Self::Compared;

        /// Opens the directory `name` in `parent`: `LOOP` or `NOTDIR` if it is a link or a file,
        /// `XDEV` if something is mounted on it. One of this user's own is made accessible.
        fn open(self, parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
            let opened = match self.open_as_is(parent, name) {
                Err(Errno::ACCESS) => {
                    make_accessible(parent, name)?;
                    self.open_as_is(parent, name)?
                }
                opened => opened?,
            };
            let about = fstat(&opened)?;
            let mode = Mode::from_raw_mode(about.st_mode);
            if !mode.contains(Mode::RWXU) && about.st_uid == rustix::process::geteuid().as_raw() {
                rustix::io::retry_on_intr(|| fchmod(&opened, mode | Mode::RWXU))?;
            }
            Ok(opened)
        }

        fn open_as_is(self, parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
            #[cfg(target_os = "linux")]
            if matches!(self, Self::Beneath) {
                use rustix::fs::{ResolveFlags, openat2};
                let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
                for _ in 0..100 {
                    match openat2(parent, name, DIRECTORY, Mode::empty(), within) {
                        // AGAIN: something was renamed meanwhile, and the kernel cannot tell what.
                        Err(Errno::AGAIN | Errno::INTR) => {}
                        // Kernels before 5.6 do not know it, and sandboxes may not let it pass.
                        Err(Errno::NOSYS | Errno::PERM) => break,
                        opened => return opened,
                    }
                }
            }
            let opened = rustix::io::retry_on_intr(|| openat(parent, name, DIRECTORY, Mode::empty()))?;
            if fstat(&opened)?.st_dev != fstat(parent)?.st_dev || is_mount(opened.as_fd(), c"")? {
                return Err(Errno::XDEV);
            }
            Ok(opened)
        }
    }

    /// Returns true if something is mounted on `name` in `parent`, or on `parent` itself if `name` is
    /// empty; false if the system does not say (before Linux 5.8).
    fn is_mount(parent: BorrowedFd<'_>, name: &CStr) -> Result<bool, Errno> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{StatxAttributes, StatxFlags, statx};
            let mut flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
            if name.is_empty() {
                flags |= AtFlags::EMPTY_PATH;
            }
            match statx(parent, name, flags, StatxFlags::TYPE) {
                Ok(about) => Ok(about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
                Err(Errno::NOSYS | Errno::PERM) => Ok(false),
                Err(error) => Err(error),
            }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (parent, name);
            Ok(false)
        }
    }

    /// Gives this user the right to enter the directory `name`, if it is theirs and no link.
    fn make_accessible(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
        #[cfg(target_os = "linux")]
        {
            // An `O_PATH` descriptor is had without any right, and the file behind it is fixed.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fixed = openat(parent, name, flags, Mode::empty())?;
            let about = fstat(&fixed)?;
            if about.st_uid != rustix::process::geteuid().as_raw() || is_mount(fixed.as_fd(), c"")? {
                return Err(Errno::ACCESS);
            }
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fixed));
            rustix::fs::chmodat(CWD, path, Mode::from_raw_mode(about.st_mode) | Mode::RWXU, AtFlags::empty())
        }
        #[cfg(not(target_os = "linux"))]
        {
            let about = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if about.st_uid != rustix::process::geteuid().as_raw() {
                return Err(Errno::ACCESS);
            }
            let mode = Mode::from_raw_mode(about.st_mode) | Mode::RWXU;
            rustix::fs::chmodat(parent, name, mode, AtFlags::SYMLINK_NOFOLLOW)
        }
    }

    fn open_room(room: &Path) -> Result<OwnedFd, Unremovable> {
        rustix::io::retry_on_intr(|| openat(CWD, room, DIRECTORY, Mode::empty())).map_err(|error| match error
        {
            Errno::NOENT => Unremovable::Missing,
            Errno::LOOP | Errno::NOTDIR => Unremovable::NotDirectory(room.to_path_buf()),
            error => Unremovable::Io(room.to_path_buf(), error.into()),
        })
    }

    fn text(name: &OsStr) -> CString {
        // A name that came from the disk, or is a single component of a path, has no NUL.
        CString::new(name.as_bytes()).unwrap_or_default()
    }

    fn part(name: &CStr) -> &OsStr {
        OsStr::from_bytes(name.to_bytes())
    }

    fn joined(path: &Path, name: &CStr) -> PathBuf {
        path.join(part(name))
    }

    pub(super) fn check(room: &Path, name: &OsStr) -> Result<Size, Unremovable> {
        check_by(Way::BEST, room, name)
    }

    pub(super) fn check_by(way: Way, room: &Path, name: &OsStr) -> Result<Size, Unremovable> {
        let parent = open_room(room)?;
        let (name, path) = (text(name), room.join(name));
        let mut size = Size::default();
        survey(way, parent.as_fd(), &name, path, &mut size)?;
        Ok(size)
    }

    /// Looks at the directory `name` in `parent`, which is at `path`, and at all that is below.
    fn survey(
        way: Way,
        parent: BorrowedFd<'_>,
        name: &CStr,
        mut path: PathBuf,
        size: &mut Size,
    ) -> Result<(), Unremovable> {
        let top = open_to_survey(way, parent, name, &path)?;
        let below = survey_one(top.as_fd(), &path, size)?;
        let mut descent = Descent::new(top, below).map_err(|error| failed(&path, error))?;
        while let Some((here, below)) = descent.here() {
            if let Some(name) = below.pop() {
                path.push(part(&name));
                match open_to_survey(way, here, &name, &path) {
                    Ok(directory) => {
                        let below = survey_one(directory.as_fd(), &path, size)?;
                        descent.enter(directory, below).map_err(|error| failed(&path, error))?;
                    }
                    // It went, or became something else, while this looked.
                    Err(Unremovable::Missing | Unremovable::NotDirectory(_)) => _ = path.pop(),
                    Err(error) => return Err(error),
                }
            } else {
                descent.leave().map_err(|error| failed(&path, error))?;
                path.pop();
            }
        }
        Ok(())
    }

    fn failed(path: &Path, error: Errno) -> Unremovable {
        Unremovable::Io(path.to_path_buf(), error.into())
    }

    fn open_to_survey(
        way: Way,
        parent: BorrowedFd<'_>,
        name: &CStr,
        path: &Path,
    ) -> Result<OwnedFd, Unremovable> {
        way.open(parent, name).map_err(|error| match error {
            Errno::NOENT => Unremovable::Missing,
            Errno::XDEV => Unremovable::Mount(path.to_path_buf()),
            Errno::LOOP | Errno::NOTDIR => Unremovable::NotDirectory(path.to_path_buf()),
            error => failed(path, error),
        })
    }

    /// Looks at `directory`, which is at `path`, and at what is right in it. Returns the directories there.
    fn survey_one(
        directory: BorrowedFd<'_>,
        path: &Path,
        size: &mut Size,
    ) -> Result<Vec<CString>, Unremovable> {
        let about = fstat(directory).map_err(|error| failed(path, error))?;
        size.bytes += u64::try_from(about.st_blocks).unwrap_or(0) * 512;
        let mut directories = Vec::new();
        for (entry, _) in entries(directory).map_err(|error| failed(path, error))? {
            let about = match statat(directory, &entry, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(about) => about,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(failed(&joined(path, &entry), error)),
            };
            if is_mount(directory, &entry).unwrap_or(false) {
                return Err(Unremovable::Mount(joined(path, &entry)));
            }
            if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
                directories.push(entry);
            } else {
                size.bytes += u64::try_from(about.st_blocks).unwrap_or(0) * 512;
                size.files += 1;
            }
        }
        Ok(directories)
    }

    fn entries(directory: BorrowedFd<'_>) -> Result<Vec<(CString, FileType)>, Errno> {
        let mut found = Vec::new();
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                found.push((entry.file_name().to_owned(), entry.file_type()));
            }
        }
        Ok(found)
    }

    pub(super) fn remove(room: &Path, name: &OsStr) -> Result<Vec<Left>, Unremovable> {
        remove_by(Way::BEST, room, name)
    }

    pub(super) fn remove_by(way: Way, room: &Path, name: &OsStr) -> Result<Vec<Left>, Unremovable> {
        let parent = open_room(room)?;
        let mut left = Vec::new();
        let path = room.join(name);
        match way.open(parent.as_fd(), &text(name)) {
            Ok(directory) => {
                empty(way, directory, path.clone(), &mut left);
                // Not left as well if something in it was.
                match remove_directory(parent.as_fd(), &text(name)) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(_) if !left.is_empty() => {}
                    Err(error) => left.push(leftover(path, error)),
                }
                Ok(left)
            }
            Err(Errno::NOENT) => Err(Unremovable::Missing),
            Err(Errno::XDEV) => Err(Unremovable::Mount(path)),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(Unremovable::NotDirectory(path)),
            Err(error) => Err(Unremovable::Io(path, error.into())),
        }
    }

    fn leftover(path: PathBuf, error: Errno) -> Left {
        let why = match error {
            Errno::XDEV | Errno::BUSY => "it is a mount point".into(),
            Errno::STALE => "it was moved meanwhile".into(),
            error => crate::model::reason(&error.into()),
        };
        Left { path, why }
    }

    fn remove_directory(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
        rustix::io::retry_on_intr(|| unlinkat(parent, name, AtFlags::REMOVEDIR))
    }

    /// A directory that is being emptied.
    struct Emptying {
        /// Its name in the one above, and how often that was tried before.
        name: Entry,
        /// The directories in it that are still to be emptied and removed.
        below: Vec<Entry>,
        /// How much was left before this one.
        told: usize,
    }

    /// The name of something that is to be removed, and how often it was not what it was taken for.
    struct Entry(CString, usize);

    /// The tries after which something that changes all the time is left.
    const TRIES: usize = 16;

    /// Removes all that is in `top`, which is at `path`.
    fn empty(way: Way, top: OwnedFd, mut path: PathBuf, left: &mut Vec<Left>) {
        let mut below = Vec::new();
        remove_files(top.as_fd(), &path, &mut below, left);
        let nameless = Entry(CString::default(), 0);
        let mut descent = match Descent::new(top, Emptying { name: nameless, below, told: 0 }) {
            Ok(descent) => descent,
            Err(error) => return left.push(leftover(path, error)),
        };
        while let Some((here, emptying)) = descent.here() {
            if let Some(entry) = emptying.below.pop() {
                path.push(part(&entry.0));
                match open_or_remove(way, here, entry) {
                    Ok(Some((directory, name))) => {
                        let (mut below, told) = (Vec::new(), left.len());
                        remove_files(directory.as_fd(), &path, &mut below, left);
                        match descent.enter(directory, Emptying { name, below, told }) {
                            Ok(()) => continue,
                            Err(error) => left.push(leftover(path.clone(), error)),
                        }
                    }
                    Ok(None) => {}
                    Err(error) => left.push(leftover(path.clone(), error)),
                }
                path.pop();
                continue;
            }
            if descent.is_at_top() {
                return;
            }
            let done = match descent.leave() {
                Ok(Some(done)) => done,
                Ok(None) => return,
                Err(error) => return left.push(leftover(path, error)),
            };
            let Some((above, emptying)) = descent.here() else { return };
            let Entry(name, tries) = done.name;
            match remove_directory(above, &name) {
                Ok(()) | Err(Errno::NOENT) => {}
                // What is in it was told already.
                Err(Errno::NOTEMPTY | Errno::EXIST) if left.len() > done.told => {}
                Err(Errno::LOOP | Errno::NOTDIR) if tries < TRIES => {
                    emptying.below.push(Entry(name, tries + 1));
                }
                Err(error) => left.push(leftover(path.clone(), error)),
            }
            path.pop();
        }
    }

    /// Removes what is no directory in `directory`, which is at `path`, and adds the directories to `below`.
    fn remove_files(directory: BorrowedFd<'_>, path: &Path, below: &mut Vec<Entry>, left: &mut Vec<Left>) {
        let found = match entries(directory) {
            Ok(found) => found,
            Err(error) => return left.push(leftover(path.to_path_buf(), error)),
        };
        for (name, kind) in found {
            if kind == FileType::Directory {
                below.push(Entry(name, 0));
                continue;
            }
            match remove_file(directory, &name) {
                Ok(true) => {}
                Ok(false) => below.push(Entry(name, 1)),
                Err(error) => left.push(leftover(joined(path, &name), error)),
            }
        }
    }

    /// Removes the file `name` in `directory`. Returns false, and removes nothing, if it is a directory.
    fn remove_file(directory: BorrowedFd<'_>, name: &CStr) -> Result<bool, Errno> {
        for _ in 0..TRIES {
            match rustix::io::retry_on_intr(|| unlinkat(directory, name, AtFlags::empty())) {
                Ok(()) | Err(Errno::NOENT) => return Ok(true),
                // Linux says one of them of a directory, macOS the other.
                Err(error @ (Errno::ISDIR | Errno::PERM)) => {
                    let about = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Err(Errno::NOENT) => return Ok(true),
                        about => about?,
                    };
                    if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
                        return Ok(false);
                    }
                    if error == Errno::PERM {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(Errno::BUSY)
    }

    /// Opens the directory `entry` in `directory`. Somebody may make a link of a directory, and the reverse, at
    /// any time: what it is, is what the call that opens or removes it says. Returns `None` once it is gone.
    fn open_or_remove(
        way: Way,
        directory: BorrowedFd<'_>,
        Entry(name, tries): Entry,
    ) -> Result<Option<(OwnedFd, Entry)>, Errno> {
        let mut last = Errno::BUSY;
        for tries in tries..=TRIES {
            match way.open(directory, &name) {
                Ok(opened) => return Ok(Some((opened, Entry(name, tries)))),
                Err(Errno::NOENT) => return Ok(None),
                Err(error @ (Errno::LOOP | Errno::NOTDIR)) => last = error,
                Err(error) => return Err(error),
            }
            if remove_file(directory, &name)? {
                return Ok(None);
            }
        }
        Err(last)
    }
}

/// Elsewhere the standard library's own removal is the one to trust: it opens what it removes, and
/// takes every reparse point (a junction is one) for a link.
#[cfg(not(unix))]
mod system {
    use std::ffi::OsStr;
    use std::fs;
    use std::path::Path;

    use super::{Left, Size, Unremovable};

    pub(super) fn check(room: &Path, name: &OsStr) -> Result<Size, Unremovable> {
        let path = room.join(name);
        let about = path.symlink_metadata().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Unremovable::Missing,
            _ => Unremovable::Io(path.clone(), error),
        })?;
        if !about.is_dir() {
            return Err(Unremovable::NotDirectory(path));
        }
        let mut size = Size::default();
        let mut below = vec![path];
        while let Some(path) = below.pop() {
            let failed = |error| Unremovable::Io(path.clone(), error);
            for entry in super::super::entries_of(&path).map_err(failed)? {
                let about = entry.symlink_metadata().map_err(failed)?;
                if about.is_dir() {
                    below.push(entry);
                } else {
                    size.bytes += about.len();
                    size.files += 1;
                }
            }
        }
        Ok(size)
    }

    pub(super) fn remove(room: &Path, name: &OsStr) -> Result<Vec<Left>, Unremovable> {
        let path = room.join(name);
        Ok(match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                vec![Left { path, why: crate::model::reason(&error) }]
            }
            _ => Vec::new(),
        })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::system::{Way, check_by, remove_by};
    use super::*;

    fn ways() -> Vec<Way> {
        #[cfg(target_os = "linux")]
        return vec![Way::Beneath, Way::Compared];
        #[cfg(not(target_os = "linux"))]
        vec![Way::Compared]
    }

    struct Ground {
        dir: tempfile::TempDir,
    }

    impl Ground {
        /// A victim beside a room with a tree, in which there are links to it.
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a temporary directory");
            for made in ["victim/deep", "room/tree/a/b", "room/tree/empty"] {
                fs::create_dir_all(dir.path().join(made)).expect("made");
            }
            fs::write(dir.path().join("victim/deep/file"), "precious").expect("written");
            fs::write(dir.path().join("room/tree/a/b/file"), "gone").expect("written");
            symlink(dir.path().join("victim"), dir.path().join("room/tree/a/link")).expect("linked");
            symlink("../../../victim/deep/file", dir.path().join("room/tree/a/file")).expect("linked");
            symlink("/nowhere", dir.path().join("room/tree/dangling")).expect("linked");
            Self { dir }
        }

        fn room(&self) -> PathBuf {
            self.dir.path().join("room")
        }

        fn victim_is_whole(&self) -> bool {
            fs::read_to_string(self.dir.path().join("victim/deep/file")).is_ok_and(|text| text == "precious")
        }
    }

    #[test]
    fn a_tree_goes_and_what_its_links_lead_to_stays() {
        for way in ways() {
            let ground = Ground::new();
            let size = check_by(way, &ground.room(), OsStr::new("tree")).expect("looked at");
            assert_eq!(size.files, 4, "one file and three links");
            assert_eq!(remove_by(way, &ground.room(), OsStr::new("tree")).expect("removed"), []);
            assert_eq!(fs::read_dir(ground.room()).expect("listed").count(), 0);
            assert!(ground.victim_is_whole());
        }
    }

    #[test]
    fn a_root_that_is_a_link_or_a_path_is_refused() {
        let ground = Ground::new();
        symlink(ground.dir.path().join("victim"), ground.room().join("link")).expect("linked");
        fs::write(ground.room().join("file"), "").expect("written");
        for name in [
            "link",
            "link/",
            "link/.",
            "file",
            "",
            ".",
            "..",
            "tree/..",
            "./tree",
            "/",
            "tree/a",
            "../victim",
        ] {
            let refused = remove_tree(&ground.room(), OsStr::new(name));
            assert!(matches!(refused, Err(Unremovable::NotDirectory(_))), "{name:?}: {refused:?}");
        }
        let refused = remove_tree(&ground.room(), OsStr::new("gone"));
        assert!(matches!(refused, Err(Unremovable::Missing)), "{refused:?}");
        // A room that is a link is not entered either.
        symlink(ground.room(), ground.dir.path().join("other")).expect("linked");
        let refused = remove_tree(&ground.dir.path().join("other"), OsStr::new("tree"));
        assert!(matches!(refused, Err(Unremovable::NotDirectory(_))), "{refused:?}");
        assert!(ground.victim_is_whole() && ground.room().join("tree/a/b/file").exists());
        // The control.
        assert_eq!(remove_tree(&ground.room(), OsStr::new("tree")).expect("removed"), []);
    }

    #[test]
    fn directories_that_cannot_be_entered_go_too_where_they_are_ours() {
        for way in ways() {
            let ground = Ground::new();
            for (path, mode) in [("room/tree/a/b", 0o000), ("room/tree/a", 0o500), ("room/tree", 0o300)] {
                fs::set_permissions(ground.dir.path().join(path), fs::Permissions::from_mode(mode))
                    .expect("changed");
            }
            assert!(check_by(way, &ground.room(), OsStr::new("tree")).is_ok());
            assert_eq!(remove_by(way, &ground.room(), OsStr::new("tree")).expect("removed"), []);
            assert!(!ground.room().join("tree").exists() && ground.victim_is_whole());
        }
    }

    #[test]
    fn however_deep_a_tree_is_it_goes_and_needs_few_descriptors_and_no_stack() {
        use rustix::fs::{CWD, Mode, OFlags, openat, symlinkat};
        for (way, depth) in ways().into_iter().zip([20_000, 3_000]) {
            let ground = Ground::new();
            let deepest = super::super::descent::tests::deep(&ground.room().join("tree"), depth);
            let flags = OFlags::CREATE | OFlags::WRONLY;
            drop(openat(&deepest, "file", flags, Mode::from_raw_mode(0o600)).expect("made"));
            symlinkat(ground.dir.path().join("victim"), &deepest, "link").expect("linked");
            drop(deepest);
            // The control: no path leads there.
            let path: PathBuf = std::iter::repeat_n("d", depth).collect();
            let told = fs::symlink_metadata(ground.room().join("tree").join(path)).expect_err("too long");
            assert_eq!(told.raw_os_error(), Some(rustix::io::Errno::NAMETOOLONG.raw_os_error()));
            assert_eq!(openat(CWD, ground.room(), OFlags::DIRECTORY, Mode::empty()).map(drop), Ok(()));
            let size = check_by(way, &ground.room(), OsStr::new("tree")).expect("looked at");
            assert_eq!(size.files, 6, "the deepest were seen");
            assert_eq!(super::super::tree_size(&ground.room().join("tree")), size);
            assert_eq!(remove_by(way, &ground.room(), OsStr::new("tree")).expect("removed"), []);
            assert_eq!(fs::read_dir(ground.room()).expect("listed").count(), 0);
            assert!(ground.victim_is_whole());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_cannot_be_removed_far_down_is_told_once_and_in_few_words() {
        use rustix::fs::{IFlags, ioctl_setflags};
        let ground = Ground::new();
        let deepest = super::super::descent::tests::deep(&ground.room().join("tree"), 5_000);
        // Only root may, and only on some file systems.
        if ioctl_setflags(&deepest, IFlags::IMMUTABLE).is_err() {
            return;
        }
        let left = remove_tree(&ground.room(), OsStr::new("tree")).expect("begun");
        ioctl_setflags(&deepest, IFlags::empty()).expect("set");
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].to_string().len() < 400 && left[0].path.as_os_str().len() > 10_000, "{}", left[0]);
        assert_eq!(remove_tree(&ground.room(), OsStr::new("tree")).expect("removed"), []);
    }

    /// A removal as it is often written: look at what each entry is, then act on that by its path.
    #[cfg(target_os = "linux")]
    fn naive(path: &Path) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.symlink_metadata().is_ok_and(|about| about.is_dir()) {
                naive(&path);
                let _ = fs::remove_dir(&path);
            } else {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Counts how often, in `rounds`, a victim was damaged while a directory of the tree was exchanged
    /// with a link to it all the time.
    #[cfg(target_os = "linux")]
    fn damage(rounds: usize, remove: impl Fn(&Path)) -> usize {
        use std::sync::atomic::{AtomicBool, Ordering};
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (victim, tree) = (dir.path().join("victim"), dir.path().join("room/tree"));
        let ended = AtomicBool::new(false);
        let exchange = || {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            let _ = renameat_with(CWD, tree.join("d"), CWD, tree.join("l"), RenameFlags::EXCHANGE);
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    exchange();
                }
            });
            let mut damaged = 0;
            for _ in 0..rounds {
                fs::create_dir_all(&victim).expect("made");
                fs::write(victim.join("file"), "precious").expect("written");
                fs::create_dir_all(tree.join("d")).expect("made");
                for number in 0..4 {
                    let _ = fs::write(tree.join(format!("d/{number}")), "");
                }
                let _ = symlink(&victim, tree.join("l"));
                remove(dir.path());
                damaged += usize::from(!victim.join("file").exists());
            }
            ended.store(true, Ordering::Relaxed);
            damaged
        })
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn who_swaps_a_directory_for_a_link_meanwhile_damages_nothing() {
        for way in ways() {
            let harmed = damage(2000, |base| {
                let _ = remove_by(way, &base.join("room"), OsStr::new("tree"));
            });
            assert_eq!(harmed, 0);
        }
        // The control: one that looks first and acts by path does harm sooner or later.
        let harmed: usize =
            (0..20).map(|_| damage(500, |base| naive(&base.join("room")))).find(|n| *n > 0).unwrap_or(0);
        assert!(harmed > 0, "the swap never met the naive removal");
    }
}
