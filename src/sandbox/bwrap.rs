//! bubblewrap: a name space of its own for files and processes, made without root (0.4 and later).

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::around::Around;
use crate::model::{Abilities, Mount, Sandbox};

/// Returns the arguments that make an empty trial of it with these abilities, before the program that is run in it.
/// `root` is the descriptor of `/`.
pub(super) fn trial(abilities: Abilities, root: &str) -> Vec<String> {
    let mut words = vec!["--unshare-user", "--unshare-pid"];
    words.extend(abilities.closes_user_spaces.then_some("--disable-userns"));
    words.extend(if abilities.takes_open_files {
        ["--ro-bind-fd", root, "/"]
    } else {
        ["--ro-bind", "/", "/"]
    });
    words.extend(["--proc", "/proc", "--dev", "/dev", "--"]);
    words.into_iter().map(str::to_owned).collect()
}

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
    if sandbox.abilities.closes_user_spaces {
        say(&["--disable-userns".as_ref()]);
    }
    // A program started by root would keep what makes root what it is.
    say(&["--cap-drop".as_ref(), "ALL".as_ref()]);
    if !sandbox.network {
        say(&["--unshare-net".as_ref()]);
    }
    match &around.filter {
        Some(descriptor) => say(&["--seccomp".as_ref(), descriptor.as_ref()]),
        None => say(&["--new-session".as_ref()]),
    }
    // Its process outside keeps that file open, and none inside does: so nobody inside frees the lock on it.
    if let Some(descriptor) = &around.held {
        say(&["--json-status-fd".as_ref(), descriptor.as_ref()]);
    }
    say(&["--proc".as_ref(), "/proc".as_ref(), "--dev".as_ref(), "/dev".as_ref()]);
    for (path, mount) in sandbox.mounts.iter() {
        let open = around.open.get(path).map(OsStr::new);
        let path = path.as_os_str();
        match (mount, open) {
            (Mount::Read, Some(open)) => say(&["--ro-bind-fd".as_ref(), open, path]),
            (Mount::Read, None) => say(&["--ro-bind".as_ref(), path, path]),
            (Mount::Write, Some(open)) => say(&["--bind-fd".as_ref(), open, path]),
            (Mount::Write, None) => say(&["--bind".as_ref(), path, path]),
            (Mount::Nothing, _) => say(&["--tmpfs".as_ref(), path, "--remount-ro".as_ref(), path]),
            (Mount::NoText, _) => say(&["--ro-bind".as_ref(), "/dev/null".as_ref(), path]),
            (Mount::Empty, _) => say(&["--tmpfs".as_ref(), path]),
            (Mount::Link(target), _) => say(&["--symlink".as_ref(), target.as_os_str(), path]),
        }
    }
    // What holds the rest together is in memory: a file written there would seem to be kept.
    say(&["--remount-ro".as_ref(), "/".as_ref()]);
    say(&["--chdir".as_ref(), directory.as_os_str(), "--".as_ref()]);
    words.extend(command.iter().cloned());
    words
}
