//! Open files for the program that this process becomes.

use std::io;
use std::path::Path;

/// An open file that the program this process becomes is given: see [`become_alone`](super::become_alone).
#[derive(Debug)]
pub struct HandedOn {
    #[cfg(unix)]
    file: std::os::fd::OwnedFd,
}

/// Hands `content` on, as a file in memory to be read by the program this process becomes. For Linux.
#[cfg(target_os = "linux")]
pub fn hand_on(content: &[u8]) -> io::Result<HandedOn> {
    use std::io::{Seek, Write};
    let file = rustix::fs::memfd_create("cs", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(file);
    file.write_all(content)?;
    file.rewind()?;
    Ok(HandedOn { file: file.into() })
}

/// Hands `content` on, to be read by the program this process becomes. For Linux.
#[cfg(not(target_os = "linux"))]
pub fn hand_on(_: &[u8]) -> io::Result<HandedOn> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Hands on what is at `path`, a real path, whatever becomes of that path afterwards. Fails with
/// [`Link`](PinError::Link) if there is a link on the way by now. For Linux.
#[cfg(target_os = "linux")]
pub fn pin(path: &Path) -> Result<HandedOn, PinError> {
    use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
    use rustix::io::Errno;
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let within = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(CWD, path, flags, Mode::empty(), within) {
        // Before Linux 5.6, and where a container knows no later calls: one step at a time.
        Err(Errno::NOSYS | Errno::PERM) => {
            let mut parts = path.components();
            let first = parts.next().ok_or(Errno::NOENT)?;
            let mut file = openat(CWD, first.as_os_str(), flags, Mode::empty())?;
            for part in parts {
                file = openat(&file, part.as_os_str(), flags, Mode::empty())?;
                if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::Symlink {
                    return Err(PinError::Link);
                }
            }
            file
        }
        opened => opened?,
    };
    // The last part may be opened as the link that it is.
    if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::Symlink {
        return Err(PinError::Link);
    }
    Ok(HandedOn { file })
}

/// Hands on what is at `path`. For Linux.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: &Path) -> Result<HandedOn, PinError> {
    Err(PinError::Io(io::Error::from(io::ErrorKind::Unsupported)))
}

/// The reason something cannot be handed on.
#[derive(Debug)]
pub enum PinError {
    /// There is a link on the way to it.
    Link,
    /// It cannot be opened.
    Io(io::Error),
}

#[cfg(unix)]
impl From<rustix::io::Errno> for PinError {
    fn from(number: rustix::io::Errno) -> Self {
        match number {
            rustix::io::Errno::LOOP => Self::Link,
            other => Self::Io(other.into()),
        }
    }
}

impl HandedOn {
    /// Hands `file` on.
    #[cfg(unix)]
    pub(super) fn of(file: std::fs::File) -> Self {
        Self { file: file.into() }
    }

    /// Returns the number of the open file; empty elsewhere than on Unix.
    pub fn number(&self) -> String {
        #[cfg(unix)]
        {
            use std::os::fd::AsRawFd;
            self.file.as_raw_fd().to_string()
        }
        #[cfg(not(unix))]
        {
            String::new()
        }
    }

    /// Leaves the file open in every program that is started from now on.
    pub fn leave_open(&self) -> io::Result<()> {
        #[cfg(unix)]
        rustix::io::fcntl_setfd(&self.file, rustix::io::FdFlags::empty())?;
        Ok(())
    }
}

/// Has every open file of this process but `kept` and the three standard ones closed in the program that it becomes:
/// also those that whoever called it had open. For Linux.
#[cfg(target_os = "linux")]
pub(super) fn leave_open_only(kept: &[HandedOn]) -> io::Result<()> {
    #![allow(unsafe_code, reason = "a file that is known by its number only is not owned by anybody here")]
    use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
    let kept_numbers: Vec<RawFd> = kept.iter().map(|handed| handed.file.as_raw_fd()).collect();
    for entry in super::entries_of(std::path::Path::new("/proc/self/fd"))? {
        let number = entry.file_name().and_then(|name| name.to_str()?.parse::<RawFd>().ok());
        let Some(number) = number else { continue };
        if number < 3 || kept_numbers.contains(&number) {
            continue;
        }
        // SAFETY: the number was just listed. It is only marked, so nobody who owns it finds it closed or changed;
        // were it closed meanwhile, marking would fail.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        match rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC) {
            Ok(()) | Err(rustix::io::Errno::BADF) => {}
            Err(number) => return Err(number.into()),
        }
    }
    kept.iter().try_for_each(HandedOn::leave_open)
}

/// Returns the ids of this user and of its group; 0 and 0 where there are none.
pub fn user_ids() -> (u32, u32) {
    #[cfg(unix)]
    {
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    }
    #[cfg(not(unix))]
    {
        (0, 0)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_on_stays_what_it_was_and_a_link_is_never_followed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = dir.path().canonicalize().expect("it exists");
        let (place, other) = (base.join("place/deep"), base.join("other"));
        std::fs::create_dir_all(&place).expect("made");
        std::fs::create_dir(&other).expect("made");
        std::fs::write(place.join("file"), "").expect("written");
        let pinned = pin(&place).expect("it is there");
        std::fs::rename(base.join("place"), base.join("moved")).expect("moved");
        std::os::unix::fs::symlink(&other, base.join("place")).expect("linked");
        let leads_to = || std::fs::read_link(format!("/proc/self/fd/{}", pinned.number())).expect("open");
        assert_eq!(leads_to(), base.join("moved/deep"));
        assert!(pin(&base.join("moved/deep/file")).is_ok(), "the control: a file can be handed on");
        std::fs::create_dir(other.join("deep")).expect("made");
        assert!(base.join("place/deep").is_dir(), "the control: by its path it is found");
        assert!(matches!(pin(&base.join("place/deep")), Err(PinError::Link)));
        assert!(matches!(pin(&base.join("place")), Err(PinError::Link)), "nor at the end of the way");
        assert!(matches!(pin(&base.join("gone")), Err(PinError::Io(_))));
    }
}
