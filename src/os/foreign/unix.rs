//! Foreign ground on Unix: every step goes from an open directory, and the kernel refuses links.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, fstat, fsync, linkat, mkdirat, openat, readlinkat, renameat,
    symlinkat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::{Entry, EntryKind, Facts, Foreign, MOST_ENTRIES, Unfit};

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const THIS: OFlags = OFlags::NOFOLLOW;
// Opening does not wait for the other end of a FIFO, and makes no terminal this process's own.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

#[derive(Debug)]
pub(super) struct Directory(OwnedFd);

/// The kernel's reason, or ours where that says more.
fn reason(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::XDEV => Unfit::Link.into(),
        // A socket.
        Errno::NXIO => Unfit::NotRegular.into(),
        error => error.into(),
    }
}

/// A root that is held open.
pub(super) type Opened = OwnedFd;

/// Opens the root, where its path leads, once.
fn root(path: &Foreign) -> io::Result<BorrowedFd<'_>> {
    if let Some(held) = path.root.held.get() {
        return Ok(held.as_fd());
    }
    let opened = retry_on_intr(|| openat(CWD, &path.root.path, DIRECTORY, Mode::empty()))?;
    Ok(path.root.held.get_or_init(|| opened).as_fd())
}

/// Succeeds if anything is there and, with `directory`, if that is a directory. A link is no directory, and an error.
pub(super) fn is_there(path: &Foreign, directory: bool) -> io::Result<()> {
    let names = path.names()?;
    #[cfg(target_os = "linux")]
    let flags = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let flags = if directory { flags | OFlags::DIRECTORY } else { flags } | OFlags::CLOEXEC;
    beneath(root(path)?, &names, flags).map(drop).map_err(reason)
}

/// Opens `names` below `root`, and passes no link.
fn beneath(root: BorrowedFd<'_>, names: &[&OsStr], flags: OFlags) -> Result<OwnedFd, Errno> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let path: PathBuf = if names.is_empty() { ".".into() } else { names.iter().collect() };
        for _ in 0..100 {
            // Without NOFOLLOW: a link at the end is told from what is no directory.
            match openat2(root, &path, flags, Mode::empty(), within) {
                // AGAIN: something was renamed meanwhile, and the kernel cannot tell what.
                Err(Errno::AGAIN | Errno::INTR) => {}
                // Kernels before 5.6 do not know it, and sandboxes may not let it pass.
                Err(Errno::NOSYS | Errno::PERM) => break,
                opened => return opened,
            }
        }
    }
    step_by_step(root, names, flags)
}

/// As [`beneath`], where the kernel cannot do it in one call.
pub(super) fn step_by_step(root: BorrowedFd<'_>, names: &[&OsStr], flags: OFlags) -> Result<OwnedFd, Errno> {
    let Some((last, above)) = names.split_last() else {
        return retry_on_intr(|| openat(root, ".", flags, Mode::empty()));
    };
    let mut parent: Option<OwnedFd> = None;
    let step = |parent: &Option<OwnedFd>, name: &OsStr, flags: OFlags| {
        let parent = parent.as_ref().map_or(root, AsFd::as_fd);
        retry_on_intr(|| openat(parent, name, flags | THIS, Mode::empty())).map_err(|error| {
            // A link where a directory is wanted is no directory, for `openat`.
            let is_link = error == Errno::NOTDIR
                && rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|about| FileType::from_raw_mode(about.st_mode) == FileType::Symlink);
            if is_link { Errno::LOOP } else { error }
        })
    };
    for name in above {
        parent = Some(step(&parent, name, DIRECTORY)?);
    }
    step(&parent, last, flags)
}

/// The directory that something is in: the root, or one below it.
enum Parent<'a> {
    Root(BorrowedFd<'a>),
    Below(OwnedFd),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(root) => *root,
            Self::Below(directory) => directory.as_fd(),
        }
    }
}

/// Opens the directory that `path` is in, and returns it with the name in there.
fn parent(path: &Foreign) -> io::Result<(Parent<'_>, &OsStr)> {
    let names = path.names()?;
    let Some((name, above)) = names.split_last() else { return Err(Unfit::Elsewhere.into()) };
    let root = root(path)?;
    if above.is_empty() {
        return Ok((Parent::Root(root), name));
    }
    Ok((Parent::Below(beneath(root, above, DIRECTORY).map_err(reason)?), name))
}

pub(super) fn directory(path: &Foreign) -> io::Result<Directory> {
    let names = path.names()?;
    beneath(root(path)?, &names, DIRECTORY).map(Directory).map_err(reason)
}

pub(super) fn facts(path: &Foreign) -> io::Result<Facts> {
    if path.names()?.is_empty() {
        return facts_of(root(path)?, b"");
    }
    let (parent, name) = parent(path)?;
    facts_of(parent.as_fd(), name.as_bytes())
}

pub(super) fn open(path: &Foreign) -> io::Result<(File, Facts)> {
    let names = path.names()?;
    regular(beneath(root(path)?, &names, FILE).map_err(reason)?)
}

pub(super) fn open_unlinked(path: &Path) -> io::Result<(File, Facts)> {
    regular(retry_on_intr(|| openat(CWD, path, FILE | THIS, Mode::empty())).map_err(reason)?)
}

pub(super) fn open_to_append(path: &Foreign) -> io::Result<File> {
    let names = path.names()?;
    let flags = FILE.difference(OFlags::RDONLY).union(OFlags::WRONLY).union(OFlags::APPEND);
    let (file, _) = regular(beneath(root(path)?, &names, flags).map_err(reason)?)?;
    if fstat(&file)?.st_nlink != 1 {
        return Err(Unfit::OtherName.into());
    }
    Ok(file)
}

/// Returns what was opened if it is a regular file.
fn regular(file: OwnedFd) -> io::Result<(File, Facts)> {
    let facts = facts_of(file.as_fd(), b"")?;
    if facts.kind != EntryKind::File {
        return Err(Unfit::NotRegular.into());
    }
    Ok((File::from(file), facts))
}

/// The facts about `name` in `directory`; about that itself if `name` is empty.
fn facts_of(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<Facts> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{StatxFlags, statx};
        let mut flags = AtFlags::SYMLINK_NOFOLLOW;
        if name.is_empty() {
            flags |= AtFlags::EMPTY_PATH;
        }
        match retry_on_intr(|| statx(directory, name, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME)) {
            Ok(about) => {
                let born = StatxFlags::from_bits_retain(about.stx_mask)
                    .contains(StatxFlags::BTIME)
                    .then(|| at(about.stx_btime.tv_sec, about.stx_btime.tv_nsec));
                return Ok(Facts {
                    kind: kind(FileType::from_raw_mode(about.stx_mode.into())),
                    size: about.stx_size,
                    modified: at(about.stx_mtime.tv_sec, about.stx_mtime.tv_nsec),
                    born,
                });
            }
            Err(Errno::NOSYS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let about = if name.is_empty() {
        fstat(directory)
    } else {
        rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
    }?;
    Ok(Facts {
        kind: kind(FileType::from_raw_mode(about.st_mode)),
        size: u64::try_from(about.st_size).unwrap_or(0),
        modified: at(about.st_mtime, u32::try_from(about.st_mtime_nsec).unwrap_or(0)),
        born: None,
    })
}

fn at(seconds: i64, nanoseconds: u32) -> SystemTime {
    let part = Duration::from_nanos(u64::from(nanoseconds));
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let moved = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    moved.and_then(|moved| moved.checked_add(part)).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn kind(of: FileType) -> EntryKind {
    match of {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

impl Directory {
    pub(super) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        // Without the copy of the descriptor that the portable way makes.
        #[cfg(target_os = "linux")]
        {
            rustix::fs::seek(&self.0, rustix::fs::SeekFrom::Start(0))?;
            let mut buffer = Vec::with_capacity(16 << 10);
            let mut entries = rustix::fs::RawDir::new(&self.0, buffer.spare_capacity_mut());
            while let Some(entry) = entries.next() {
                let entry = entry?;
                self.add(entry.file_name().to_bytes(), entry.file_type(), &mut found)?;
            }
        }
        #[cfg(not(target_os = "linux"))]
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            self.add(entry.file_name().to_bytes(), entry.file_type(), &mut found)?;
        }
        Ok(found)
    }

    fn add(&self, name: &[u8], of: FileType, found: &mut Vec<Entry>) -> io::Result<()> {
        if matches!(name, b"." | b"..") {
            return Ok(());
        }
        if found.len() == MOST_ENTRIES {
            return Err(Unfit::TooMany.into());
        }
        let kind = match of {
            // Some file systems do not say.
            FileType::Unknown => match facts_of(self.0.as_fd(), name) {
                Ok(facts) => facts.kind,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            },
            known => kind(known),
        };
        found.push(Entry { name: OsString::from_vec(name.to_vec()), kind });
        Ok(())
    }

    pub(super) fn facts(&self, name: &OsStr) -> io::Result<Facts> {
        facts_of(self.0.as_fd(), name.as_bytes())
    }

    pub(super) fn open(&self, name: &OsStr) -> io::Result<(File, Facts)> {
        let opened = retry_on_intr(|| openat(&self.0, name, FILE | THIS, Mode::empty()));
        regular(opened.map_err(reason)?)
    }

    pub(super) fn directory(&self, name: &OsStr) -> io::Result<Self> {
        step_by_step(self.0.as_fd(), &[name], DIRECTORY).map(Self).map_err(reason)
    }
}

pub(super) fn make_dirs(path: &Foreign) -> io::Result<()> {
    let names = path.names()?;
    let mut directory = Parent::Root(root(path)?);
    for name in names {
        let open = |directory: &Parent<'_>| step_by_step(directory.as_fd(), &[name], DIRECTORY);
        directory = match open(&directory) {
            Err(Errno::NOENT) => {
                match retry_on_intr(|| mkdirat(&directory, name, Mode::RWXU)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                open(&directory)
            }
            opened => opened,
        }
        .map(Parent::Below)
        .map_err(reason)?;
    }
    Ok(())
}

fn new_file(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | THIS | OFlags::CLOEXEC;
    Ok(File::from(retry_on_intr(|| openat(directory, name, flags, Mode::RUSR | Mode::WUSR))?))
}

/// Has `write` fill a new file beside, and gives that its name.
pub(super) fn put(
    path: &Foreign,
    write: &mut dyn FnMut(&mut File) -> io::Result<()>,
    replace: bool,
) -> io::Result<bool> {
    let (parent, name) = parent(path)?;
    let staged = OsString::from(format!(".{}.new", uuid::Uuid::now_v7().simple()));
    let mut file = new_file(parent.as_fd(), &staged)?;
    let named = || -> io::Result<bool> {
        write(&mut file)?;
        crate::os::files::uninterrupted(|| file.sync_all())?;
        if replace {
            retry_on_intr(|| renameat(&parent, &staged, &parent, name))?;
            return Ok(true);
        }
        match retry_on_intr(|| linkat(&parent, &staged, &parent, name, AtFlags::empty())) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // Some file systems have no hard links.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::ACCESS) => {
                let mut file = match new_file(parent.as_fd(), name) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                    made => made?,
                };
                write(&mut file)?;
                crate::os::files::uninterrupted(|| file.sync_all())?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }();
    if !(replace && named.is_ok()) {
        let _ = retry_on_intr(|| unlinkat(&parent, &staged, AtFlags::empty()));
    }
    if matches!(named, Ok(true)) {
        // Some file systems cannot do it for a directory.
        let _ = retry_on_intr(|| fsync(&parent));
    }
    named
}

pub(super) fn link(path: &Foreign, target: &Path) -> io::Result<bool> {
    let (parent, name) = parent(path)?;
    match retry_on_intr(|| symlinkat(target, &parent, name)) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn link_target(path: &Foreign) -> io::Result<Option<PathBuf>> {
    let (parent, name) = match parent(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        parent => parent?,
    };
    match retry_on_intr(|| readlinkat(&parent, name, Vec::new())) {
        Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
        // INVAL: no link.
        Err(Errno::NOENT | Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn remove(path: &Foreign) -> io::Result<()> {
    let (parent, name) = parent(path)?;
    Ok(retry_on_intr(|| unlinkat(&parent, name, AtFlags::empty()))?)
}
