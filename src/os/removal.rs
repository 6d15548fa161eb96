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

/// The number of directories that a tree may be deep. Each holds a file open while it is walked, and a
/// process has some hundred of them (macOS: 256).
const DEEPEST: usize = 200;

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
    /// It is nested deeper than this goes.
    TooDeep(PathBuf),
    /// It cannot be looked at.
    Io(PathBuf, io::Error),
}

impl fmt::Display for Unremovable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is gone"),
            Self::NotDirectory(path) => {
                write!(f, "{} is a link or a file instead of a directory", path.display())
            }
            Self::Mount(path) => write!(f, "{} is a mount point", path.display()),
            Self::TooDeep(path) => {
                write!(f, "{} is more than {DEEPEST} directories deep", path.display())
            }
            Self::Io(path, error) => write!(f, "{}: {}", path.display(), crate::model::reason(error)),
        }
    }
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

    use super::{DEEPEST, Left, Size, Unremovable};

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

    fn joined(path: &Path, name: &CStr) -> PathBuf {
        path.join(OsStr::from_bytes(name.to_bytes()))
    }

    pub(super) fn check(room: &Path, name: &OsStr) -> Result<Size, Unremovable> {
        check_by(Way::BEST, room, name)
    }

    pub(super) fn check_by(way: Way, room: &Path, name: &OsStr) -> Result<Size, Unremovable> {
        let parent = open_room(room)?;
        let (name, path) = (text(name), room.join(name));
        let mut size = Size::default();
        survey(way, parent.as_fd(), &name, &path, 0, &mut size)?;
        Ok(size)
    }

    /// Looks at the directory `name` in `parent`, which is at `path`, and at all that is below.
    fn survey(
        way: Way,
        parent: BorrowedFd<'_>,
        name: &CStr,
        path: &Path,
        depth: usize,
        size: &mut Size,
    ) -> Result<(), Unremovable> {
        if depth > DEEPEST {
            return Err(Unremovable::TooDeep(path.to_path_buf()));
        }
        let failed = |path: &Path, error: Errno| Unremovable::Io(path.to_path_buf(), error.into());
        let directory = way.open(parent, name).map_err(|error| match error {
            Errno::NOENT => Unremovable::Missing,
            Errno::XDEV => Unremovable::Mount(path.to_path_buf()),
            Errno::LOOP | Errno::NOTDIR => Unremovable::NotDirectory(path.to_path_buf()),
            error => failed(path, error),
        })?;
        let about = fstat(&directory).map_err(|error| failed(path, error))?;
        size.bytes += u64::try_from(about.st_blocks).unwrap_or(0) * 512;
        for (entry, _) in entries(directory.as_fd()).map_err(|error| failed(path, error))? {
            let below = joined(path, &entry);
            let about = match statat(&directory, &entry, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(about) => about,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(failed(&below, error)),
            };
            if is_mount(directory.as_fd(), &entry).unwrap_or(false) {
                return Err(Unremovable::Mount(below));
            }
            if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
                match survey(way, directory.as_fd(), &entry, &below, depth + 1, size) {
                    // It went, or became something else, while this looked.
                    Ok(()) | Err(Unremovable::Missing | Unremovable::NotDirectory(_)) => {}
                    Err(error) => return Err(error),
                }
            } else {
                size.bytes += u64::try_from(about.st_blocks).unwrap_or(0) * 512;
                size.files += 1;
            }
        }
        Ok(())
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
                empty(way, directory.as_fd(), &path, 0, &mut left);
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
            error => crate::model::reason(&error.into()),
        };
        Left { path, why }
    }

    fn remove_directory(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
        rustix::io::retry_on_intr(|| unlinkat(parent, name, AtFlags::REMOVEDIR))
    }

    /// Removes all that is in `directory`.
    fn empty(way: Way, directory: BorrowedFd<'_>, path: &Path, depth: usize, left: &mut Vec<Left>) {
        let found = match entries(directory) {
            Ok(found) => found,
            Err(error) => return left.push(leftover(path.to_path_buf(), error)),
        };
        for (name, kind) in found {
            let below = joined(path, &name);
            if let Err(error) = remove_entry(way, directory, &name, kind, &below, depth, left) {
                left.push(leftover(below, error));
            }
        }
    }

    /// Removes what `name` is in `directory` now. Somebody may make a link of a directory, and the
    /// reverse, at any time: what it is, is what the call that removes it says.
    fn remove_entry(
        way: Way,
        directory: BorrowedFd<'_>,
        name: &CStr,
        kind: FileType,
        path: &Path,
        depth: usize,
        left: &mut Vec<Left>,
    ) -> Result<(), Errno> {
        const TRIES: usize = 16;
        let mut as_directory = kind == FileType::Directory;
        let mut last = Errno::BUSY;
        for _ in 0..TRIES {
            let step = if as_directory {
                if depth >= DEEPEST {
                    return Err(Errno::NAMETOOLONG);
                }
                way.open(directory, name).and_then(|inner| {
                    let before = left.len();
                    empty(way, inner.as_fd(), path, depth + 1, left);
                    match remove_directory(directory, name) {
                        // What is in it was told already.
                        Err(Errno::NOTEMPTY | Errno::EXIST) if left.len() > before => Ok(()),
                        done => done,
                    }
                })
            } else {
                rustix::io::retry_on_intr(|| unlinkat(directory, name, AtFlags::empty()))
            };
            match step {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(error @ (Errno::LOOP | Errno::NOTDIR)) if as_directory => last = error,
                // Linux says one of them of a directory, macOS the other.
                Err(error @ (Errno::ISDIR | Errno::PERM)) if !as_directory => {
                    let about = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    if FileType::from_raw_mode(about.st_mode) != FileType::Directory {
                        if error == Errno::PERM {
                            return Err(error);
                        }
                        continue;
                    }
                    last = error;
                }
                Err(error) => return Err(error),
            }
            as_directory = !as_directory;
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

    use super::{DEEPEST, Left, Size, Unremovable};

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
        survey(&path, 0, &mut size)?;
        Ok(size)
    }

    fn survey(path: &Path, depth: usize, size: &mut Size) -> Result<(), Unremovable> {
        if depth > DEEPEST {
            return Err(Unremovable::TooDeep(path.to_path_buf()));
        }
        let failed = |error| Unremovable::Io(path.to_path_buf(), error);
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let about = entry.path().symlink_metadata().map_err(failed)?;
            if about.is_dir() {
                survey(&entry.path(), depth + 1, size)?;
            } else {
                size.bytes += about.len();
                size.files += 1;
            }
        }
        Ok(())
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
    fn what_is_nested_without_end_is_refused_as_a_whole() {
        let ground = Ground::new();
        let mut deep = ground.room().join("tree");
        for _ in 0..=DEEPEST {
            deep.push("d");
        }
        fs::create_dir_all(&deep).expect("made");
        let refused = remove_tree(&ground.room(), OsStr::new("tree"));
        assert!(matches!(refused, Err(Unremovable::TooDeep(_))), "{refused:?}");
        assert!(ground.room().join("tree/a/b/file").exists() && deep.exists(), "nothing of it went");
        fs::remove_dir(&deep).expect("removed");
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
