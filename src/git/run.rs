//! Running the git program.

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::Error;

/// The options that keep git from running, or writing, anything of a repository's own.
const READ_ONLY: [&str; 5] =
    ["-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"];

/// The variables that would choose the repository, the index or its settings: what
/// `git rev-parse --local-env-vars` names (2.47). The person's own, such as who an author is, stay.
const OF_A_REPOSITORY: [&str; 16] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Asks git something about `place`. It reads, and writes nothing but what it has to: no hooks, no
/// file system monitor, no lock of the index. Fails where git cannot be run.
pub(super) fn ask<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<Output, Error> {
    let mut command = git(place);
    command.args(READ_ONLY).args(words).output().map_err(|error| Error::not_run(&error))
}

/// The text git answers about `place`, without the line's end. Fails with what git says.
pub(super) fn answer<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<String, Error> {
    let output = ask(place, words)?;
    if !output.status.success() {
        return Err(Error::of(&output));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| Error::ours("git's answer is not UTF-8"))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// As [`ask`], in the checkout whose root is `root` and in no other: where its `.git` is gone, git would
/// take the one it lies in.
pub(super) fn ask_at<S: AsRef<OsStr>>(root: &Path, words: &[S]) -> Result<Output, Error> {
    let mut command = git(root);
    command.args(READ_ONLY);
    stay_at(&mut command, root).args(words).output().map_err(|error| Error::not_run(&error))
}

/// As [`act`], in the checkout whose root is `root` and in no other.
pub(super) fn act_at<S: AsRef<OsStr>>(root: &Path, words: &[S]) -> Result<String, Error> {
    let output = output_at(root, words)?;
    if !output.status.success() {
        return Err(Error::of(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned())
}

/// As [`act_at`], with all that git says.
pub(super) fn output_at<S: AsRef<OsStr>>(root: &Path, words: &[S]) -> Result<Output, Error> {
    let mut command = git(root);
    stay_at(&mut command, root).args(words).output().map_err(|error| Error::not_run(&error))
}

fn stay_at<'c>(command: &'c mut Command, root: &Path) -> &'c mut Command {
    command.env("GIT_CEILING_DIRECTORIES", root.parent().unwrap_or(root))
}

/// Has git do something a person asked for in `place`, with the person's own hooks and settings.
/// Fails with what git says.
pub(super) fn act<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<String, Error> {
    let output = git(place).args(words).output().map_err(|error| Error::not_run(&error))?;
    if !output.status.success() {
        return Err(Error::of(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned())
}

/// As [`act`]; where standard error is a terminal, what git says goes there as it says it, with how far
/// it is, and a failure is said to stand there.
pub(super) fn act_in_sight<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<(), Error> {
    if !std::io::stderr().is_terminal() {
        return act(place, words).map(drop);
    }
    let status = git(place).args(words).stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    match status.map_err(|error| Error::not_run(&error))? {
        status if status.success() => Ok(()),
        _ => Err(Error::ours("git failed, and said so above")),
    }
}

/// Returns what git answers about `place` to what is written to it. Fails with what git says.
pub(super) fn answer_to<S: AsRef<OsStr>>(place: &Path, words: &[S], input: &[u8]) -> Result<Output, Error> {
    let mut command = git(place);
    command.args(READ_ONLY).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Error::not_run(&error))?;
    let mut stdin = child.stdin.take();
    // Git answers while it reads: who writes all before reading any waits for ever.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A git that ends early says why itself.
            let _ = stdin.as_mut().map(|stdin| stdin.write_all(input));
        });
        child.wait_with_output().map_err(|error| Error::not_run(&error))
    })
}

/// Git in `place`, whatever a hook, an alias or a shell left in the environment.
fn git(place: &Path) -> Command {
    let mut command = Command::new("git");
    for name in OF_A_REPOSITORY {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    command.arg("-C").arg(place).stdin(Stdio::null());
    command
}
