//! bubblewrap: a name space of its own for files and processes, made without root (0.4 and later).

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::around::Around;
use crate::model::{Mount, Sandbox};

/// The arguments that make an empty trial of it, before the program that is run in it.
pub(super) const TRIAL: &[&str] =
    &["--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--"];

pub(super) fn command_line(
    sandbox: &Sandbox,
    command: &[OsString],
    directory: &Path,
    around: &Around,
) -> Vec<OsString> {
    let mut words = vec![sandbox.program.clone().into_os_string()];
    let mut say = |new: &[&OsStr]| words.extend(new.iter().map(|word| (*word).to_owned()));
    // Its own process outside ends with the signal that ends it; with this everything inside ends too,
    // whatever the signal was (0.8, by experiment: without it, TERM leaves them running).
    say(&["--die-with-parent".as_ref(), "--unshare-user".as_ref(), "--unshare-pid".as_ref()]);
    say(&["--unshare-ipc".as_ref(), "--unshare-cgroup-try".as_ref()]);
    // A program started by root would keep what makes root what it is.
    say(&["--cap-drop".as_ref(), "ALL".as_ref()]);
    if !sandbox.network {
        say(&["--unshare-net".as_ref()]);
    }
    match &around.filter {
        Some(descriptor) => say(&["--seccomp".as_ref(), descriptor.as_ref()]),
        None => say(&["--new-session".as_ref()]),
    }
    say(&["--proc".as_ref(), "/proc".as_ref(), "--dev".as_ref(), "/dev".as_ref()]);
    for (path, mount) in sandbox.mounts.iter() {
        let path = path.as_os_str();
        match mount {
            Mount::Read => say(&["--ro-bind".as_ref(), path, path]),
            Mount::Write => say(&["--bind".as_ref(), path, path]),
            Mount::Empty => say(&["--tmpfs".as_ref(), path]),
            Mount::Link(target) => say(&["--symlink".as_ref(), target.as_os_str(), path]),
        }
    }
    // What holds the rest together is in memory: a file written there would seem to be kept.
    say(&["--remount-ro".as_ref(), "/".as_ref()]);
    say(&["--chdir".as_ref(), directory.as_os_str(), "--".as_ref()]);
    words.extend(command.iter().cloned());
    words
}
