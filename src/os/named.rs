//! Files that a person names: read once, with where they really are.

use std::io;
use std::path::{Path, PathBuf};

use super::files::{open_small, read_at_most};

/// A file that was read.
#[derive(Debug)]
pub struct Named {
    /// What stands in it.
    pub content: Vec<u8>,
    /// Where the file that was read is, whatever the path leads to by now; without links.
    pub real: PathBuf,
}

/// Reads a regular file of at most `limit` bytes; `None` if nothing is there. Fails for anything else without opening
/// it, and waits for nothing.
pub fn read_named(path: &Path, limit: u64) -> io::Result<Option<Named>> {
    let too_large = || io::Error::other(format!("larger than {} MiB", limit >> 20));
    let Some(file) = open_small(path, limit, &too_large)? else { return Ok(None) };
    let real = real_path_of(&file, path)?;
    let content = read_at_most(file, limit, &too_large)?;
    Ok(Some(Named { content, real }))
}

/// Returns where the open file is. Elsewhere than on Linux: where its path leads.
fn real_path_of(file: &std::fs::File, path: &Path) -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let _ = path;
        std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        super::real_path(path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_named_file_is_read_with_where_it_really_is() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = crate::os::real_path(dir.path()).expect("it is there");
        let at = |name: &str| root.join(name);
        fs::write(at("file"), "text").expect("written");
        let named = read_named(&at("file"), 4).expect("read").expect("there");
        assert_eq!((named.content.as_slice(), named.real), (&b"text"[..], at("file")));
        assert!(read_named(&at("file"), 3).is_err(), "larger");
        assert!(read_named(&root, 4).is_err(), "a directory");
        assert!(read_named(&at("none"), 4).expect("nothing there").is_none());
        assert!(read_named(&at("file/below"), 4).expect("nothing there").is_none());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("file"), at("link")).expect("linked");
            assert_eq!(read_named(&at("link"), 4).expect("read").expect("there").real, at("file"));
            rustix::fs::mknodat(
                rustix::fs::CWD,
                at("fifo"),
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR,
                0,
            )
            .expect("made");
            assert!(read_named(&at("fifo"), 4).is_err(), "and nobody waits for it");
            assert!(read_named(Path::new("/dev/zero"), 4).is_err());
        }
    }
}
