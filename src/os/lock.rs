//! Locks that the kernel releases when their holder dies.

use std::fs::{File, OpenOptions, TryLockError};
#[cfg(unix)]
use std::io::Seek;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::files::uninterrupted;
use super::process::host_name;

/// An exclusive lock on a file, held until this value is dropped or the process ends. The file
/// stays; it is closed on `exec`, so a program we become never holds it.
#[derive(Debug)]
pub struct Lock {
    /// Taken where the lock is handed on.
    file: Option<File>,
    waited: bool,
}

/// Gives the lock up, whether or not its file can be closed, and whether or not a process that was just started still
/// has it open.
impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

/// The reason a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it; which, if it wrote that.
    Held(Option<Holder>),
    /// The file system has no locks.
    Unsupported(io::Error),
    /// The lock file cannot be opened or locked.
    Io(io::Error),
}

/// The process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its host, if that is another one than this.
    pub elsewhere: Option<String>,
}

/// A lock, as somebody sees it who does not take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Somebody holds it.
    pub is_held: bool,
    /// The process that took it last, if it wrote that.
    pub holder: Option<Holder>,
    /// The text that the program it was left to wrote behind that.
    pub more: String,
}

impl Holder {
    /// Returns the content of a lock file of this process. It always has the same length: nothing has to
    /// be cut off, which would make ext4 flush the file.
    fn text() -> String {
        format!("{:<10} {:<64}\n", std::process::id(), host_name())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let pid = words.next()?.parse().ok()?;
        let elsewhere = words.next().filter(|host| *host != host_name()).map(str::to_owned);
        Some(Self { pid, elsewhere })
    }
}

/// Returns true if the file system says that it has no locks: NFS without its lock service, and some
/// others.
fn has_none(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let number = Errno::from_io_error(error);
        [Errno::NOLCK, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS].map(Some).contains(&number)
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::Unsupported
    }
}

impl Lock {
    /// Takes the lock at `path`, making its file (0600) if needed, and waits for it no longer than `patience`.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        }
        let mut file = options.open(path).map_err(LockError::Io)?;
        let deadline = Instant::now() + patience;
        let mut waited = false;
        loop {
            let locked = uninterrupted(|| match file.try_lock() {
                Ok(()) => Ok(true),
                Err(TryLockError::WouldBlock) => Ok(false),
                Err(TryLockError::Error(error)) => Err(error),
            });
            match locked {
                Ok(true) => break,
                Ok(false) if Instant::now() < deadline => {
                    waited = true;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(false) => {
                    let mut text = String::new();
                    let _ = file.read_to_string(&mut text);
                    return Err(LockError::Held(Holder::parse(&text)));
                }
                Err(error) if has_none(&error) => return Err(LockError::Unsupported(error)),
                Err(error) => return Err(LockError::Io(error)),
            }
        }
        // Whom to name when somebody waits in vain. Failing to write it costs only that name.
        let _ = file.write_all(Holder::text().as_bytes());
        Ok(Self { file: Some(file), waited })
    }

    /// Returns true if somebody else had the lock when this process asked for it.
    pub fn was_waited_for(&self) -> bool {
        self.waited
    }

    /// Leaves the lock to the program that this process becomes: it is free when that has closed it, or ended. What
    /// an earlier program wrote behind its holder is cut off.
    #[cfg(unix)]
    pub fn hand_on(mut self) -> io::Result<super::HandedOn> {
        let mut file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        let end = file.stream_position()?;
        file.set_len(end)?;
        Ok(super::HandedOn::of(file))
    }

    /// Looks at the lock at `path`; `None` if there is no such file. Creates nothing, but for a moment nobody else
    /// can take the lock.
    /// What cannot be looked at counts as held.
    pub fn look(path: &Path) -> Option<Looked> {
        let mut file = match super::open_regular(path) {
            Ok(file) => file,
            Err(_) if super::exists(path) => {
                return Some(Looked { is_held: true, holder: None, more: String::new() });
            }
            Err(_) => return None,
        };
        let tried = uninterrupted(|| match file.try_lock_shared() {
            Err(TryLockError::Error(error)) => Err(error),
            tried => Ok(tried.is_err()),
        });
        let mut text = String::new();
        let _ = (&mut file).take(4096).read_to_string(&mut text);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        Some(Looked {
            is_held: tried.unwrap_or_else(|error| !has_none(&error)),
            holder: Holder::parse(first),
            more: rest.to_owned(),
        })
    }

    /// Takes, beside others who hold it so, the lock at `path`, and leaves it to the program that this process becomes
    /// and to all that one starts: it is free when the last of them has ended.
    #[cfg(unix)]
    pub fn share(path: &Path) -> io::Result<super::HandedOn> {
        // A script that stands in for Claude may use the small numbers, each for something of its own.
        const ABOVE_THOSE_OF_SCRIPTS: i32 = 64;
        const TRIES: u32 = 100;
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
        let mut tries = 0;
        // Who looks holds it for a moment.
        while let Err(error) = file.try_lock_shared() {
            match error {
                TryLockError::WouldBlock if tries < TRIES => std::thread::sleep(Duration::from_millis(1)),
                TryLockError::WouldBlock => return Err(io::ErrorKind::WouldBlock.into()),
                TryLockError::Error(error) => return Err(error),
            }
            tries += 1;
        }
        let shared =
            super::HandedOn::of(rustix::io::fcntl_dupfd_cloexec(&file, ABOVE_THOSE_OF_SCRIPTS)?.into());
        shared.leave_open()?;
        // The first one is closed when the program begins.
        std::mem::forget(file);
        Ok(shared)
    }

    /// Returns true if anybody holds the lock at `path` by [`Lock::share`]; `None` if nobody ever did, or the file
    /// system does not say. Creates nothing.
    pub fn is_shared(path: &Path) -> Option<bool> {
        let file = super::open_regular(path).ok()?;
        // Two who look at once find each other.
        for _ in 0..3 {
            match file.try_lock() {
                Ok(()) => return Some(false),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(_)) => return None,
            }
        }
        Some(true)
    }

    /// Returns false if nobody holds the lock at `path`, or there is none; true too if that cannot be told. Two that
    /// look at once do not take each other for the holder. Creates nothing, but for a moment nobody can take the lock.
    pub fn may_be_held(path: &Path) -> bool {
        let tried = super::open_regular(path).and_then(|file| {
            uninterrupted(|| match file.try_lock_shared() {
                Err(TryLockError::Error(error)) => Err(error),
                tried => Ok(tried.is_err()),
            })
        });
        match tried {
            Ok(held) => held,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Returns true if the locked file is the one at `path` now. While this process waited for the lock,
    /// the directory may have been moved or removed, and another one made in its place.
    pub fn is_at(&self, path: &Path) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let same = |held: std::fs::Metadata| {
                path.symlink_metadata()
                    .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()))
            };
            self.file.as_ref().is_some_and(|file| file.metadata().is_ok_and(same))
        }
        #[cfg(not(unix))]
        {
            // An open file, and so the directory it is in, stays where it is.
            self.file.as_ref().is_some_and(|file| file.metadata().is_ok()) && path.exists()
        }
    }
}

/// Locks `file`, which is not ours, and waits for that no longer than `patience`: whoever can open it can hold its lock
/// for ever. Returns false where it was not to be had, or there are no locks.
pub fn lock_within(file: &File, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(_)) => return false,
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_on_another_host_is_told_from_one_here() {
        assert_eq!(Holder::parse(&Holder::text()).map(|by| by.elsewhere), Some(None));
        let there = Holder { pid: 42, elsewhere: Some("another-host".into()) };
        assert_eq!(Holder::parse("42         another-host   \n"), Some(there));
        // As earlier versions wrote it.
        assert_eq!(Holder::parse("42        \n"), Some(Holder { pid: 42, elsewhere: None }));
        assert_eq!((Holder::parse(""), Holder::parse("x")), (None, None));
    }

    #[test]
    fn a_lock_that_somebody_never_gives_up_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file");
        let (held, other) = (File::create(&path).expect("made"), File::create(&path).expect("opened"));
        assert!(lock_within(&held, Duration::ZERO));
        let begun = Instant::now();
        assert!(!lock_within(&other, Duration::from_millis(50)));
        assert!(begun.elapsed() >= Duration::from_millis(50), "the control: it waited");
        drop(held);
        assert!(lock_within(&other, Duration::from_secs(5)));
    }

    #[test]
    fn a_held_lock_is_refused_with_the_holders_pid_and_free_when_dropped() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("lock");
        assert!(!Lock::may_be_held(&path) && !path.exists(), "looking makes none");
        let held = Lock::take(&path, Duration::ZERO).expect("free");
        assert!(Lock::may_be_held(&path) && Lock::look(&path).is_some_and(|looked| looked.is_held));
        match Lock::take(&path, Duration::ZERO) {
            Err(LockError::Held(by)) => {
                assert_eq!(by, Some(Holder { pid: std::process::id(), elsewhere: None }));
            }
            other => panic!("{other:?}"),
        }
        drop(held);
        // Another test may just be starting a program, which holds the file until it is one.
        let held = Lock::take(&path, Duration::from_secs(5)).expect("free again");
        assert!(held.is_at(&path));
        drop(held);
        let looking = std::fs::File::open(&path).expect("there");
        looking.try_lock_shared().expect("free");
        assert!(!Lock::may_be_held(&path), "another one that looks holds nothing");
        drop(looking);
        let held = Lock::take(&path, Duration::from_secs(5)).expect("free again");
        std::fs::rename(&path, dir.path().join("moved")).expect("moved");
        assert!(!held.is_at(&path));
        let _other = Lock::take(&path, Duration::ZERO).expect("another file");
        assert!(!held.is_at(&path));
    }
}
