//! Going down into a tree of directories of any depth, with few of them open at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::{Errno, retry_on_intr};

/// The number of directories that are open at a time: a process has some hundred files (macOS: 256), and
/// somebody may have lowered that.
const OPEN: usize = 32;

/// The directories from the top of a tree down to where a walk is, each with what the walk keeps of it.
///
/// Only the deepest are open. One above them is opened again as the parent of the one below it, and has to
/// be the very directory that it was: a tree that is moved meanwhile leads nowhere else.
pub(super) struct Descent<T> {
    levels: Vec<Level<T>>,
}

struct Level<T> {
    /// `None` where it was closed to save descriptors.
    directory: Option<OwnedFd>,
    /// Device and inode.
    id: (u64, u64),
    kept: T,
}

impl<T> Descent<T> {
    /// Returns a descent that begins at `top`, with what is kept of it.
    pub(super) fn new(top: OwnedFd, kept: T) -> Result<Self, Errno> {
        let mut this = Self { levels: Vec::new() };
        this.enter(top, kept)?;
        Ok(this)
    }

    /// Goes down into `directory`, which is right in the one this is at.
    pub(super) fn enter(&mut self, directory: OwnedFd, kept: T) -> Result<(), Errno> {
        let id = id_of(&directory)?;
        self.levels.push(Level { directory: Some(directory), id, kept });
        if let Some(far) = self.levels.len().checked_sub(OPEN + 1) {
            self.levels[far].directory = None;
        }
        Ok(())
    }

    /// Returns the directory this is at, and what is kept of it; `None` after the top was left.
    pub(super) fn here(&mut self) -> Option<(BorrowedFd<'_>, &mut T)> {
        let level = self.levels.last_mut()?;
        Some((level.directory.as_ref()?.as_fd(), &mut level.kept))
    }

    /// Returns true at the top.
    pub(super) fn is_at_top(&self) -> bool {
        self.levels.len() <= 1
    }

    /// Goes up to the directory above, and returns what was kept of the one that was left. Fails with `STALE`
    /// if that was moved meanwhile, so that what is above it is another one.
    pub(super) fn leave(&mut self) -> Result<Option<T>, Errno> {
        let Some(left) = self.levels.pop() else { return Ok(None) };
        if let (Some(above), Some(directory)) = (self.levels.last_mut(), &left.directory)
            && above.directory.is_none()
        {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let again = retry_on_intr(|| openat(directory, c"..", flags, Mode::empty()))?;
            if id_of(&again)? != above.id {
                return Err(Errno::STALE);
            }
            above.directory = Some(again);
        }
        Ok(Some(left.kept))
    }
}

/// Returns device and inode of an open file.
#[allow(clippy::cast_sign_loss, clippy::unnecessary_cast, reason = "the types differ between systems")]
fn id_of(file: &OwnedFd) -> Result<(u64, u64), Errno> {
    let about = fstat(file)?;
    Ok((about.st_dev as u64, about.st_ino as u64))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rustix::fs::{CWD, mkdirat, renameat};
    use std::path::Path;

    const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

    /// Makes `depth` directories `d` in each other, the first in `top`, and returns the deepest. No path leads
    /// there: it would be too long.
    pub(in crate::os) fn deep(top: &Path, depth: usize) -> OwnedFd {
        let mut at = openat(CWD, top, DIRECTORY, Mode::empty()).expect("opened");
        for _ in 0..depth {
            mkdirat(&at, c"d", Mode::from_raw_mode(0o700)).expect("made");
            at = openat(&at, c"d", DIRECTORY, Mode::empty()).expect("opened");
        }
        at
    }

    /// Goes down to the end of a line of directories `d`.
    fn down(top: &Path) -> (Descent<usize>, usize) {
        let top = openat(CWD, top, DIRECTORY, Mode::empty()).expect("opened");
        let mut descent = Descent::new(top, 0).expect("begun");
        let mut depth = 0;
        loop {
            let (here, _) = descent.here().expect("somewhere");
            let Ok(next) = openat(here, c"d", DIRECTORY, Mode::empty()) else { return (descent, depth) };
            depth += 1;
            descent.enter(next, depth).expect("entered");
        }
    }

    #[test]
    fn a_walk_comes_back_up_through_directories_that_it_had_closed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        deep(dir.path(), 3 * OPEN);
        let (mut descent, depth) = down(dir.path());
        assert_eq!(depth, 3 * OPEN);
        let open = |descent: &Descent<usize>| {
            descent.levels.iter().filter(|level| level.directory.is_some()).count()
        };
        assert_eq!(open(&descent), OPEN);
        for number in (1..=depth).rev() {
            assert_eq!(descent.leave(), Ok(Some(number)));
            assert!(descent.here().is_some() && open(&descent) <= OPEN);
        }
        assert!(descent.is_at_top());
        assert_eq!((descent.leave(), descent.leave()), (Ok(Some(0)), Ok(None)));
    }

    #[test]
    fn a_tree_that_is_moved_meanwhile_leads_nowhere_else() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        deep(dir.path(), 3 * OPEN);
        let (mut descent, depth) = down(dir.path());
        let far: std::path::PathBuf = std::iter::repeat_n("d", OPEN + 5).collect();
        renameat(CWD, dir.path().join(far), CWD, dir.path().join("aside")).expect("moved");
        let left = (0..depth).map_while(|_| descent.leave().ok()).count();
        assert!(left >= OPEN && left < depth, "{left}");
        assert_eq!(descent.here().map(|(_, kept)| *kept), None);
    }
}
