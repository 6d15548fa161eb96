//! A home directory that is put back as it was after each act, and tells what an act changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

/// What tells that something was touched, by whatever way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    pub kind: Kind,
    mode: u32,
    uid: u32,
    pub ino: u64,
    changed: (i64, i64),
}

/// The kind of a thing in the home directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    Other,
}

/// All of a home directory, by paths below it.
pub(crate) type Signs = BTreeMap<PathBuf, Sign>;

/// A thing of the home directory as it was made.
enum Kept {
    File { mode: u32, content: Vec<u8>, times: Timestamps },
    Directory { mode: u32, times: Timestamps },
    Link(PathBuf),
}

/// A home directory, and all of it as it was.
pub(crate) struct Stage {
    home: PathBuf,
    kept: BTreeMap<PathBuf, Kept>,
    clean: Signs,
}

impl Stage {
    /// Remembers all of `home`.
    pub(crate) fn new(home: &Path) -> Self {
        let clean = signs(home, None);
        let mut kept = BTreeMap::new();
        for path in clean.keys() {
            let whole = home.join(path);
            let about = whole.symlink_metadata().unwrap();
            let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
            let times = Timestamps {
                last_access: time(about.atime(), about.atime_nsec()),
                last_modification: time(about.mtime(), about.mtime_nsec()),
            };
            let mode = about.mode() & 0o7777;
            let what = if about.is_symlink() {
                Kept::Link(fs::read_link(&whole).unwrap())
            } else if about.is_dir() {
                Kept::Directory { mode, times }
            } else {
                Kept::File { mode, content: fs::read(&whole).unwrap(), times }
            };
            kept.insert(path.clone(), what);
        }
        Self { home: home.to_path_buf(), kept, clean }
    }

    /// Returns the home directory.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Returns true if something is at this path below the home directory when all is as it was.
    pub(crate) fn kind(&self, path: &Path) -> Option<Kind> {
        self.clean.get(path).map(|sign| sign.kind)
    }

    /// Returns the content of a file as it was.
    pub(crate) fn content(&self, path: &Path) -> Option<&[u8]> {
        match self.kept.get(path)? {
            Kept::File { content, .. } => Some(content),
            Kept::Directory { .. } | Kept::Link(_) => None,
        }
    }

    /// Returns the time of the last change of what is at this path when all is as it was; `None` for a link.
    pub(crate) fn modified(&self, path: &Path) -> Option<Timespec> {
        match self.kept.get(path)? {
            Kept::File { times, .. } | Kept::Directory { times, .. } => Some(times.last_modification),
            Kept::Link(_) => None,
        }
    }

    /// Returns every path that is there when all is as it was.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.kept.keys().map(PathBuf::as_path)
    }

    /// Looks at all of it; what is below `opaque` is not looked at.
    pub(crate) fn look(&self, opaque: Option<&Path>) -> Signs {
        signs(&self.home, opaque)
    }

    /// Puts everything back that is not as it was.
    pub(crate) fn restore(&mut self) {
        let now = signs(&self.home, None);
        let mut stale: Vec<&PathBuf> = Vec::new();
        for (path, sign) in &now {
            // What is below something that goes, goes with it.
            if stale.last().is_some_and(|above| path.starts_with(above)) {
                continue;
            }
            let is_directory = sign.kind == Kind::Directory
                && self.clean.get(path).is_some_and(|clean| clean.kind == Kind::Directory);
            if self.clean.get(path) != Some(sign) && !is_directory {
                stale.push(path);
            }
        }
        for path in stale {
            remove(&self.home.join(path));
        }
        let mut touched: Vec<&PathBuf> = Vec::new();
        for (path, kept) in &self.kept {
            let whole = self.home.join(path);
            let there = whole.symlink_metadata().is_ok();
            match kept {
                Kept::Directory { .. } => {
                    if !there {
                        fs::create_dir(&whole).unwrap();
                    }
                    if self.clean.get(path) != now.get(path) || !there {
                        touched.push(path);
                    }
                }
                Kept::File { mode, content, times } if !there => {
                    fs::write(&whole, content).unwrap();
                    fs::set_permissions(&whole, fs::Permissions::from_mode(*mode)).unwrap();
                    utimensat(CWD, &whole, times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
                }
                Kept::Link(target) if !there => std::os::unix::fs::symlink(target, &whole).unwrap(),
                Kept::File { .. } | Kept::Link(_) => {}
            }
        }
        // From within, as a change in a directory is one of its time.
        for path in touched.into_iter().rev() {
            let Kept::Directory { mode, times } = &self.kept[path] else { continue };
            let whole = self.home.join(path);
            fs::set_permissions(&whole, fs::Permissions::from_mode(*mode)).unwrap();
            utimensat(CWD, &whole, times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
        self.clean = signs(&self.home, None);
        assert!(self.clean.len() == self.kept.len(), "all of it is back, and nothing else");
    }
}

/// Removes whatever is at `path`, however it is made.
pub(crate) fn remove(path: &Path) {
    let Ok(about) = path.symlink_metadata() else { return };
    if about.is_dir() {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

fn signs(home: &Path, opaque: Option<&Path>) -> Signs {
    fn walk(home: &Path, path: &Path, opaque: Option<&Path>, found: &mut Signs) {
        let Ok(entries) = fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(about) = path.symlink_metadata() else { continue };
            let kind = match about.file_type() {
                kind if kind.is_symlink() => Kind::Link,
                kind if kind.is_dir() => Kind::Directory,
                kind if kind.is_file() => Kind::File,
                _ => Kind::Other,
            };
            let below = path.strip_prefix(home).unwrap().to_path_buf();
            let is_opaque = opaque == Some(&below);
            let changed = (about.ctime(), about.ctime_nsec());
            let (mode, uid, ino) = (about.mode(), about.uid(), about.ino());
            found.insert(below, Sign { kind, mode, uid, ino, changed });
            if kind == Kind::Directory && !is_opaque {
                walk(home, &path, opaque, found);
            }
        }
    }
    let mut found = Signs::new();
    walk(home, home, opaque, &mut found);
    found
}

/// Returns the paths that differ: what was made, changed, replaced or removed. A directory counts if it is made or
/// removed, or its mode or owner changed: what is in it is counted itself.
pub(crate) fn differences(before: &Signs, after: &Signs) -> Vec<PathBuf> {
    let same = |one: &Sign, other: &Sign| {
        one == other
            || one.kind == Kind::Directory
                && (one.kind, one.mode, one.uid, one.ino) == (other.kind, other.mode, other.uid, other.ino)
    };
    let mut found: Vec<PathBuf> = before
        .iter()
        .filter(|(path, sign)| !after.get(*path).is_some_and(|now| same(now, sign)))
        .map(|(path, _)| path.clone())
        .chain(after.keys().filter(|path| !before.contains_key(*path)).cloned())
        .collect();
    found.sort();
    found.dedup();
    found
}
