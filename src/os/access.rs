//! The owner and the permissions of a file or directory.

use std::path::Path;

/// The owner and the mode of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The uid of its owner.
    pub owner: u32,
    /// True if the owner is the user of this process.
    pub is_mine: bool,
    /// Its mode: permissions, and the bits above them.
    pub mode: u32,
    /// True for a directory.
    pub is_dir: bool,
}

/// Returns owner and mode of `path` itself. `None` for a link, for a path that does not exist, and on
/// systems without modes (Windows).
pub fn access(path: &Path) -> Option<Access> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let about = path.symlink_metadata().ok().filter(|about| !about.is_symlink())?;
        Some(Access {
            owner: about.uid(),
            is_mine: about.uid() == rustix::process::geteuid().as_raw(),
            mode: about.mode() & 0o7777,
            is_dir: about.is_dir(),
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
