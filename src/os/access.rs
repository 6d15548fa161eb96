//! Who owns something, and who else may use it.

use std::path::Path;

/// The owner and the mode of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The uid of its owner.
    pub owner: u32,
    /// Whether that is the user of this process.
    pub is_mine: bool,
    /// Its mode: permissions, and the bits above them.
    pub mode: u32,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// The access to `path` itself; `None` for a link, where nothing is there, and where there are no
/// modes (Windows).
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
