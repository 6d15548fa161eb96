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
    let mut note = |error: io::Error| {
        if error.kind() != io::ErrorKind::NotFound && unread.is_none() {
            *unread = Some((path.to_path_buf(), error));
        }
    };
    let about = match super::look(path) {
        Ok(Some(about)) => about,
        Ok(None) => return Size::default(),
        Err(error) => {
            note(error);
            return Size::default();
        }
    };
    let mut size = Size { bytes: on_disk(&about), files: u64::from(!about.is_dir()) };
    if about.is_dir() {
        match super::entries_of(path) {
            Ok(entries) => {
                for entry in entries {
                    size += measure(&entry, unread);
                }
            }
            Err(error) => note(error),
        }
    }
    size
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
