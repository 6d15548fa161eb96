//! Copying files from one tree into another when somebody else wrote the list, and perhaps the trees: every
//! step goes from an open directory to what lies right in it, so no link is ever followed.

use std::fmt;
use std::io;
use std::path::{Component, Path};

/// The reason a file was not copied.
#[derive(Debug)]
pub enum NotCopied {
    /// Its path leads elsewhere, or through a link, or it is not a regular file.
    Unfit,
    /// There is something at its place in the other tree already.
    Taken,
    /// It is larger than what is left.
    TooLarge,
    /// The system's reason.
    Io(io::Error),
}

impl fmt::Display for NotCopied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit => f.write_str("it is a link, leads through one, or is no regular file"),
            Self::Taken => f.write_str("something is there already"),
            Self::TooLarge => f.write_str("it is too large"),
            Self::Io(error) => f.write_str(&crate::model::reason(error)),
        }
    }
}

impl From<io::Error> for NotCopied {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Copies the regular file `path` of the tree `from` to the same path of the tree `to`, with its
/// permissions, whole or not at all. Makes directories as they are needed, and replaces nothing. Returns
/// the number of bytes copied; fails above `limit` bytes.
pub fn copy_between(from: &Path, to: &Path, path: &Path, limit: u64) -> Result<u64, NotCopied> {
    let mut parts = Vec::new();
    for part in path.components() {
        let Component::Normal(part) = part else { return Err(NotCopied::Unfit) };
        parts.push(part);
    }
    let Some((name, above)) = parts.split_last() else { return Err(NotCopied::Unfit) };
    system::copy(from, to, above, name, limit)
}

#[cfg(unix)]
mod system {
    use std::ffi::{OsStr, OsString};
    use std::fs::File;
    use std::io::{self, Read};
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::Path;

    use rustix::fs::{
        AtFlags, CWD, FileType, Mode, OFlags, fchmod, fstat, linkat, mkdirat, openat, statat, unlinkat,
    };
    use rustix::io::{Errno, retry_on_intr};

    use super::NotCopied;

    const DIRECTORY: OFlags =
        OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    impl From<Errno> for NotCopied {
        fn from(error: Errno) -> Self {
            match error {
                Errno::LOOP | Errno::NOTDIR => Self::Unfit,
                Errno::EXIST => Self::Taken,
                error => Self::Io(error.into()),
            }
        }
    }

    pub(super) fn copy(
        from: &Path,
        to: &Path,
        above: &[&OsStr],
        name: &OsStr,
        limit: u64,
    ) -> Result<u64, NotCopied> {
        let open =
            |dir: &OwnedFd, name: &OsStr| retry_on_intr(|| openat(dir, name, DIRECTORY, Mode::empty()));
        let root = |path: &Path| retry_on_intr(|| openat(CWD, path, DIRECTORY, Mode::empty()));
        let mut source = root(from)?;
        for part in above {
            source = open(&source, part)?;
        }
        // Only what is a regular file is opened: that alone does something to a device.
        let about = statat(&source, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(NotCopied::Unfit);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = retry_on_intr(|| openat(&source, name, flags, Mode::empty()))?;
        let about = fstat(&source)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(NotCopied::Unfit);
        }
        if u64::try_from(about.st_size).map_or(true, |size| size > limit) {
            return Err(NotCopied::TooLarge);
        }

        let mut target = root(to)?;
        for part in above {
            target = match open(&target, part) {
                Err(Errno::NOENT) => {
                    match retry_on_intr(|| mkdirat(&target, *part, Mode::from_raw_mode(0o777))) {
                        Ok(()) | Err(Errno::EXIST) => open(&target, part)?,
                        Err(error) => return Err(error.into()),
                    }
                }
                opened => opened?,
            };
        }
        if statat(&target, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(NotCopied::Taken);
        }
        let mut staged = OsString::from(".");
        staged.push(format!("{}.new", uuid::Uuid::now_v7().simple()));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let copy = retry_on_intr(|| openat(&target, &staged, flags, Mode::from_raw_mode(0o600)))?;
        let finish = || -> Result<u64, NotCopied> {
            let mut copy = File::from(copy);
            // It may grow meanwhile.
            let copied = io::copy(&mut File::from(source).take(limit + 1), &mut copy)?;
            if copied > limit {
                return Err(NotCopied::TooLarge);
            }
            fchmod(&copy, Mode::from_raw_mode(about.st_mode & 0o777))?;
            super::super::settle(&copy)?;
            put(&target, &staged, name)?;
            Ok(copied)
        };
        let done = finish();
        let _ = retry_on_intr(|| unlinkat(target.as_fd(), &staged, AtFlags::empty()));
        done
    }

    /// Gives what was staged its name, unless something has it.
    fn put(target: &OwnedFd, staged: &OsStr, name: &OsStr) -> Result<(), Errno> {
        match retry_on_intr(|| linkat(target, staged, target, name, AtFlags::empty())) {
            // Some file systems have no hard links.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::ACCESS) => {
                if statat(target, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                    return Err(Errno::EXIST);
                }
                retry_on_intr(|| rustix::fs::renameat(target, staged, target, name))
            }
            done => done,
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::ffi::OsStr;
    use std::fs;
    use std::io::{self, Read};
    use std::path::{Path, PathBuf};

    use super::NotCopied;

    pub(super) fn copy(
        from: &Path,
        to: &Path,
        above: &[&OsStr],
        name: &OsStr,
        limit: u64,
    ) -> Result<u64, NotCopied> {
        let source = below(from, above, false)?.join(name);
        let about = source.symlink_metadata()?;
        if !about.is_file() {
            return Err(NotCopied::Unfit);
        }
        if about.len() > limit {
            return Err(NotCopied::TooLarge);
        }
        let target = below(to, above, true)?.join(name);
        let mut copy = match fs::OpenOptions::new().write(true).create_new(true).open(&target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(NotCopied::Taken),
            opened => opened?,
        };
        let copied = fs::File::open(&source).and_then(|file| io::copy(&mut file.take(limit), &mut copy));
        if copied.is_err() {
            let _ = fs::remove_file(&target);
        }
        Ok(copied?)
    }

    /// Returns the directory `above` in `root`, and creates its missing parts if `make` is set. Fails
    /// with [`NotCopied::Unfit`] if a part is a link or no directory.
    fn below(root: &Path, above: &[&OsStr], make: bool) -> Result<PathBuf, NotCopied> {
        let mut path = root.to_path_buf();
        for part in above {
            path.push(part);
            if make && path.symlink_metadata().is_err() {
                fs::create_dir(&path)?;
            }
            if !path.symlink_metadata()?.is_dir() {
                return Err(NotCopied::Unfit);
            }
        }
        Ok(path)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn only_regular_files_on_straight_paths_are_copied_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (from, to, out) = (dir.path().join("from"), dir.path().join("to"), dir.path().join("out"));
        for made in [&from, &to, &out, &from.join("a/b"), &to.join("taken")] {
            fs::create_dir_all(made).expect("made");
        }
        for (path, mode) in [("a/b/secret", 0o600), ("run", 0o755), ("setuid", 0o4755), ("wide", 0o666)] {
            fs::write(from.join(path), path).expect("written");
            fs::set_permissions(from.join(path), fs::Permissions::from_mode(mode)).expect("set");
            let copied = copy_between(&from, &to, Path::new(path), 100).expect("copied");
            assert_eq!(copied, path.len() as u64);
            assert_eq!(fs::read_to_string(to.join(path)).expect("there"), path);
            let about = fs::metadata(to.join(path)).expect("there");
            assert_eq!(about.permissions().mode() & 0o7777, mode & 0o777, "{path}");
        }
        fs::write(out.join("x"), "outside").expect("written");
        symlink(out.join("x"), from.join("link")).expect("linked");
        symlink(&out, from.join("linked")).expect("linked");
        symlink(&out, to.join("a-link")).expect("linked");
        fs::create_dir(from.join("a-link")).expect("made");
        fs::write(from.join("a-link/y"), "y").expect("written");
        fs::write(from.join("taken.txt"), "new").expect("written");
        fs::write(to.join("taken.txt"), "old").expect("written");
        let fifo =
            std::process::Command::new("mkfifo").arg(from.join("fifo")).status().expect("mkfifo is there");
        assert!(fifo.success());
        for bad in
            ["link", "linked/x", "a-link/y", "fifo", "a", "../out/x", "", "/etc/passwd", "taken.txt", "none"]
        {
            let done = copy_between(&from, &to, Path::new(bad), 100);
            assert!(done.is_err(), "{bad}: {done:?}");
        }
        assert!(matches!(copy_between(&from, &to, Path::new("run2"), 1), Err(NotCopied::Io(_))));
        fs::write(from.join("large"), "12345").expect("written");
        assert!(matches!(copy_between(&from, &to, Path::new("large"), 4), Err(NotCopied::TooLarge)));
        assert_eq!(fs::read_to_string(to.join("taken.txt")).expect("there"), "old");
        let names = |path: &Path| {
            let mut names: Vec<_> = fs::read_dir(path)
                .expect("there")
                .map(|entry| entry.expect("read").file_name().into_string().expect("text"))
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(&to), ["a", "a-link", "run", "setuid", "taken", "taken.txt", "wide"]);
        assert_eq!(names(&out), ["x"]);
    }
}
