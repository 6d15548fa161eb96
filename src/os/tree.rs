//! The size of whole directories.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The space that something takes on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes, as the disk counts them (whole blocks, where the system says).
    pub bytes: u64,
    /// Files, directories not counted.
    pub files: u64,
}

impl std::ops::AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.files += other.files;
    }
}

/// Returns the space that `path` takes, with everything below it. Links are counted as themselves and not
/// followed. Anything that cannot be read, or goes meanwhile, counts nothing.
pub fn tree_size(path: &Path) -> Size {
    tree_measured(path).0
}

/// As [`tree_size`], with the first of all that is there and cannot be read.
pub fn tree_measured(path: &Path) -> (Size, Option<(PathBuf, io::Error)>) {
    let mut unread = None;
    (measure(path, &mut unread), unread)
}

fn measure(path: &Path, unread: &mut Option<(PathBuf, io::Error)>) -> Size {
    let about = match super::look(path) {
        Ok(Some(about)) => about,
        Ok(None) => return Size::default(),
        Err(error) => {
            note(unread, path, error);
            return Size::default();
        }
    };
    let mut size = Size { bytes: on_disk(&about), files: u64::from(!about.is_dir()) };
    if about.is_dir() {
        add_below(path, &mut size, unread);
    }
    size
}

/// Adds all that is below the directory `path`: however deep, so no path and no recursion leads there.
#[cfg(unix)]
fn add_below(path: &Path, size: &mut Size, unread: &mut Option<(PathBuf, io::Error)>) {
    use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
    use std::os::fd::AsFd;

    use super::descent::Descent;

    const DIRECTORY: OFlags =
        OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    // The directories right in an open one; all that is right in it is added.
    let mut look = |directory: std::os::fd::BorrowedFd<'_>, unread: &mut Option<(PathBuf, io::Error)>| {
        let mut directories = Vec::new();
        let entries: Result<Vec<_>, _> = Dir::read_from(directory).and_then(Iterator::collect);
        for entry in entries.unwrap_or_else(|error| {
            note(unread, path, error);
            Vec::new()
        }) {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(about) = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            size.bytes += u64::try_from(about.st_blocks).unwrap_or(0) * 512;
            if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
                directories.push(name.to_owned());
            } else {
                size.files += 1;
            }
        }
        directories
    };
    let top = match openat(CWD, path, DIRECTORY, Mode::empty()) {
        Ok(top) => top,
        Err(error) => return note(unread, path, error),
    };
    let below = look(top.as_fd(), unread);
    let mut descent = match Descent::new(top, below) {
        Ok(descent) => descent,
        Err(error) => return note(unread, path, error),
    };
    while let Some((here, below)) = descent.here() {
        let moved = match below.pop() {
            Some(name) => match openat(here, &name, DIRECTORY, Mode::empty()) {
                Ok(directory) => {
                    let below = look(directory.as_fd(), unread);
                    descent.enter(directory, below)
                }
                Err(error) => {
                    note(unread, path, error);
                    continue;
                }
            },
            None => descent.leave().map(drop),
        };
        if let Err(error) = moved {
            return note(unread, path, error);
        }
    }
}

/// Notes the first thing below `path` that is there and could not be read.
fn note(unread: &mut Option<(PathBuf, io::Error)>, path: &Path, error: impl Into<io::Error>) {
    let error = error.into();
    if error.kind() != io::ErrorKind::NotFound && unread.is_none() {
        *unread = Some((path.to_path_buf(), error));
    }
}

#[cfg(not(unix))]
fn add_below(path: &Path, size: &mut Size, unread: &mut Option<(PathBuf, io::Error)>) {
    let mut below = vec![path.to_path_buf()];
    while let Some(path) = below.pop() {
        let entries = super::entries_of(&path).unwrap_or_else(|error| {
            note(unread, &path, error);
            Vec::new()
        });
        for entry in entries {
            let Ok(about) = entry.symlink_metadata() else { continue };
            *size += Size { bytes: on_disk(&about), files: u64::from(!about.is_dir()) };
            if about.is_dir() {
                below.push(entry);
            }
        }
    }
}

#[cfg(unix)]
fn on_disk(about: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    about.blocks() * 512
}

#[cfg(not(unix))]
fn on_disk(about: &fs::Metadata) -> u64 {
    if about.is_dir() { 0 } else { about.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_as_big_as_its_files_and_a_link_as_itself() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let below = dir.path().join("a/b");
        fs::create_dir_all(&below).expect("made");
        fs::write(below.join("file"), vec![1; 100_000]).expect("written");
        let size = tree_size(dir.path());
        assert!(size.files == 1 && size.bytes >= 100_000 && size.bytes < 200_000, "{size:?}");
        assert_eq!(tree_size(&dir.path().join("gone")), Size::default());
        #[cfg(unix)]
        {
            let other = tempfile::tempdir().expect("a temporary directory");
            std::os::unix::fs::symlink(dir.path(), other.path().join("link")).expect("linked");
            let size = tree_size(other.path());
            assert!(size.files == 1 && size.bytes < 50_000, "{size:?}");
        }
    }
}
