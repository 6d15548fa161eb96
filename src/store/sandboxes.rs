//! The lock that tells whether anything runs in a session's sandbox.
//!
//! The process that was started is outside, and processes inside have pids of their own. So a lock on a
//! file of the session's is left to them: it is free when the last of them has ended, however it ended,
//! and whatever became of the process outside.

use std::path::Path;
use std::time::Duration;

use super::locking::no_locks;
use crate::model::{Failure, Kind, Result};
use crate::os::{Lock, LockError};

/// Takes the lock at `path` for a sandbox that is about to be started, and leaves the lock to it. Refuses
/// if something still runs in an earlier one.
pub fn hold_sandbox(path: &Path) -> Result<Lock> {
    let lock = Lock::take(path, Duration::from_secs(2)).map_err(|error| match error {
        LockError::Held(_) => Failure::of(Kind::Open, "something still runs in the sandbox of this session")
            .hint("see what it is: cs top"),
        LockError::Unsupported(error) => no_locks(path, &error),
        LockError::Io(error) => Failure::io("lock", path, &error),
    })?;
    #[cfg(unix)]
    lock.survive_exec().map_err(|error| Failure::io("lock", path, &error))?;
    Ok(lock)
}

/// Returns true if anything runs in the sandbox of the session whose directory is `root`.
pub fn in_sandbox(root: &Path) -> bool {
    Lock::is_held(&root.join("inside"))
}
