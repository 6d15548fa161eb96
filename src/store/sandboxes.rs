//! The locks that tell whether anything runs in a session's sandbox.
//!
//! Processes inside have pids of their own. So the process outside that holds the sandbox holds a lock on a file of the
//! session's too: `inside` for Claude, of which there is one, and `inside.1`, `inside.2`, … for whatever else runs
//! there. The lock is free when that process has ended, however it ended; everything inside ends with it.

use std::path::Path;
use std::time::Duration;

use super::locking::no_locks;
use crate::model::{Failure, Kind, Result};
use crate::os::{self, Holder, Lock, LockError, Looked};

/// The file that is locked for Claude; those for other programs begin with it.
const FILE: &str = "inside";

/// The most programs that run in one sandbox beside Claude, each with its own lock.
const MOST: usize = 256;

/// The key under which bubblewrap notes, in the file that is left to it, how a program ended.
const ENDED: &str = "\"exit-code\"";

/// Something that runs in a session's sandbox, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// It is the session's Claude.
    pub is_claude: bool,
    /// The process outside that holds its sandbox.
    pub holder: Option<Holder>,
}

/// Takes the lock for a sandbox of the session whose directory is `root` that is about to be started, to be left to
/// it. Refuses a Claude where anything runs in a sandbox of that session. The caller holds the session's lock.
pub fn hold_sandbox(root: &Path, is_claude: bool) -> Result<Lock> {
    if is_claude {
        let claude = root.join(FILE);
        let lock = take(&claude, Duration::from_secs(2))?.ok_or_else(|| still_runs(None))?;
        return match in_sandbox(root).into_iter().find(|inside| !inside.is_claude) {
            Some(inside) => Err(still_runs(inside.holder)),
            None => Ok(lock),
        };
    }
    for number in 1..=MOST {
        if let Some(lock) = take(&root.join(format!("{FILE}.{number}")), Duration::ZERO)? {
            return Ok(lock);
        }
    }
    Err(Failure::refused(format!("{MOST} programs run in the sandbox of this session already")))
}

fn still_runs(holder: Option<Holder>) -> Failure {
    let pid = holder.map(|holder| format!(" (pid {})", holder.pid)).unwrap_or_default();
    Failure::of(Kind::Open, format!("something still runs in the sandbox of this session{pid}"))
        .hint("see what it is: cs top")
}

/// Takes the lock at `path`; `None` if somebody has it.
fn take(path: &Path, patience: Duration) -> Result<Option<Lock>> {
    match Lock::take(path, patience) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Held(_)) => Ok(None),
        Err(LockError::Unsupported(error)) => Err(no_locks(path, &error)),
        Err(LockError::Io(error)) => Err(Failure::io("lock", path, &error)),
    }
}

/// Returns what runs in the sandbox of the session whose directory is `root`; Claude first.
pub fn in_sandbox(root: &Path) -> Vec<Inside> {
    looked_at(root).into_iter().filter(|(_, looked)| looked.is_held).map(|(inside, _)| inside).collect()
}

/// Returns what was started in the sandbox of the session on another host, and did not end as far as can be seen: on
/// some file systems a lock that is held there is not seen here.
pub fn elsewhere_in_sandbox(root: &Path) -> Vec<Inside> {
    let is_elsewhere =
        |inside: &Inside| inside.holder.as_ref().is_some_and(|holder| holder.elsewhere.is_some());
    let looked = looked_at(root)
        .into_iter()
        .filter(|(inside, looked)| is_elsewhere(inside) && !looked.is_held && !looked.more.contains(ENDED));
    looked.map(|(inside, _)| inside).collect()
}

fn looked_at(root: &Path) -> Vec<(Inside, Looked)> {
    // One that cannot be read is opened by nobody: its record cannot be either.
    let Ok(mut names) = os::names_in(root, FILE) else {
        // What cannot be looked at may run.
        let looked = Looked { is_held: true, holder: None, more: String::new() };
        return vec![(Inside { is_claude: false, holder: None }, looked)];
    };
    names.sort_unstable();
    let is_ours = |name: &&String| {
        let number = name.strip_prefix(FILE).map(|rest| rest.strip_prefix('.').unwrap_or(rest));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let found = names.iter().filter(is_ours).filter_map(|name| {
        let looked = Lock::look(&root.join(name))?;
        Some((Inside { is_claude: name == FILE, holder: looked.holder.clone() }, looked))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_run_beside_each_other_and_beside_claude_which_is_one_and_never_begins_beside_them() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = dir.path();
        let is_claude = || in_sandbox(root).into_iter().map(|inside| inside.is_claude).collect::<Vec<_>>();
        assert_eq!(is_claude(), [false; 0]);
        let claude = hold_sandbox(root, true).expect("nothing runs");
        let one = hold_sandbox(root, false).expect("beside Claude");
        let two = hold_sandbox(root, false).expect("beside both");
        assert_eq!(is_claude(), [true, false, false]);
        assert_eq!(hold_sandbox(root, true).expect_err("there is one").kind, Kind::Open);
        drop(claude);
        assert_eq!(hold_sandbox(root, true).expect_err("programs run").kind, Kind::Open);
        assert_eq!(is_claude(), [false, false]);
        drop(one);
        assert_eq!(hold_sandbox(root, true).expect_err("one runs").kind, Kind::Open);
        drop(two);
        // Another test may just be starting a program, which holds the files until it is one.
        let end = std::time::Instant::now() + Duration::from_secs(5);
        let free = || hold_sandbox(root, true).is_ok();
        while !free() {
            assert!(std::time::Instant::now() < end, "nothing runs any more");
        }
    }

    #[test]
    fn what_did_not_end_on_another_host_is_told_from_what_did() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let note = |name: &str, host: &str, more: &str| {
            std::fs::write(dir.path().join(name), format!("{:<10} {host:<64}\n{more}", 42)).expect("written");
        };
        let found = || elsewhere_in_sandbox(dir.path()).len();
        note(FILE, &os::host_name(), "{ \"child-pid\": 7 }\n");
        assert_eq!(found(), 0, "here the lock is known");
        note(FILE, "node7", "{ \"child-pid\": 7 }\n{ \"exit-code\": 0 }\n");
        assert_eq!(found(), 0);
        note(FILE, "node7", "{ \"child-pid\": 7 }\n");
        note("inside.1", "node7", "");
        note("inside.txt", "node7", "");
        assert_eq!(found(), 2);
    }
}
