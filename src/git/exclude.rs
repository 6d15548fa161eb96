//! Patterns that git ignores, set without a change to anything that is committed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::run::ask;
use super::{Error, Repository};
use crate::model::reason;
use crate::os;

/// The directory of worktrees, as a pattern of git's.
const PATTERN: &str = "/.claude/worktrees/";

impl Repository {
    /// Has git ignore `.claude/worktrees`, by a line in `info/exclude` of the repository, unless it does
    /// already. Whether the line was added. Runs git only where the line is not there. Fails with why it
    /// cannot be added, such as that the file is a link.
    pub fn ignore_worktrees(&self) -> Result<bool, Error> {
        // A bare repository has no status that they could appear in.
        if self.bare {
            return Ok(false);
        }
        let info = self.common.join("info");
        let path = info.join("exclude");
        let known = os::read_small(&path, LIMIT).ok().flatten();
        if known.is_some_and(|text| has_line(&text)) {
            return Ok(false);
        }
        let asked = ask(&self.main, &["check-ignore", "-q", ".claude/worktrees/any"])?;
        if asked.status.success() {
            return Ok(false);
        }
        let add = || {
            if !os::exists(&info) {
                match fs::create_dir(&info) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
            }
            if !os::is_dir(&info) {
                return Err(io::Error::other(format!("{} is a link", info.display())));
            }
            append(&path)
        };
        add().map_err(|error| Error::ours(format!("cannot write {}: {}", path.display(), reason(&error))))
    }
}

/// More than any such file has.
const LIMIT: u64 = 1 << 20;

/// The time to wait for another process that works on the file.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

fn has_line(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == PATTERN.as_bytes())
}

/// Appends the line to the regular file `path`, or makes the file; what is in it stays, byte for byte.
fn append(path: &std::path::Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    if path.symlink_metadata().is_ok_and(|about| !about.is_file()) {
        return Err(io::Error::other("it is a link, or no regular file"));
    }
    let mut file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    // Of many that do this at once one adds it. Without the lock it may be there twice, to no harm.
    os::lock_within(&file, PATIENCE);
    let text = content(&mut file)?;
    if has_line(&text) {
        return Ok(false);
    }
    let break_first = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
    if let Err(error) = file.write_all(format!("{break_first}{PATTERN}\n").as_bytes()) {
        // Half a pattern would be another one.
        let _ = file.set_len(text.len() as u64);
        return Err(error);
    }
    os::settle(&file)?;
    Ok(true)
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LIMIT { Err(io::Error::other("it is too large")) } else { Ok(text) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_line_is_added_once_and_all_else_stays() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("exclude");
        fs::write(&path, "# mine\n*.log").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        let added: usize = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| append(&path).expect("appended"))).collect();
            all.into_iter().map(|one| usize::from(one.join().expect("no panic"))).sum()
        });
        assert_eq!(added, 1);
        assert_eq!(fs::read_to_string(&path).expect("there"), "# mine\n*.log\n/.claude/worktrees/\n");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o640);

        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "").expect("written");
        symlink(&target, &link).expect("linked");
        assert!(append(&link).is_err());
        assert_eq!(fs::read_to_string(&target).expect("there"), "");
    }
}
