//! Waiting for the locks of sessions, profiles and tables, and the words when one is not to be had.

use std::path::Path;
use std::time::Duration;

use crate::model::{Failure, Kind, Result, reason};
use crate::os::{self, Holder, Lock, LockError};

/// The time a command waits for another one that works on the same session.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes a lock file of ours, or says who holds it.
pub(super) fn lock(path: &Path, what: &str) -> Result<Lock> {
    Lock::take(path, PATIENCE).map_err(|error| match error {
        LockError::Held(by) => {
            let by = match by {
                Some(Holder { pid, elsewhere: Some(host) }) => format!(" (pid {pid} on host '{host}')"),
                Some(Holder { pid, elsewhere: None }) => format!(" (pid {pid})"),
                None => String::new(),
            };
            Failure::of(Kind::Busy, format!("another cs{by} is working on {what}: {}", path.display()))
                .hint("try again when it is done")
        }
        LockError::Unsupported(error) => no_locks(path, &error),
        LockError::Io(error) => Failure::io("lock", path, &error),
    })
}

/// Returns the failure to lock `path` on a file system that has no locks. Without them two processes
/// could change one thing at once, so nothing is done.
pub(super) fn no_locks(path: &Path, error: &std::io::Error) -> Failure {
    let directory = path.parent().unwrap_or(path);
    let kind = os::disk_of(directory).ok().and_then(|disk| disk.network);
    let kind = kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
    Failure::failed(format!(
        "the file system{kind} of {} has no locks, which cs cannot work without: {}",
        directory.display(),
        reason(error)
    ))
    .hint("keep it on a disk of this machine: export CS_HOME=/path/of/yours")
    .hint("NFS has locks where its lock service (rpc.statd, lockd) runs on both ends, and not with the option nolock")
}
