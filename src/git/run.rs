//! Running the git program.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Asks git something about `place`. It reads, and writes nothing but what it has to: no hooks, no
/// file system monitor, no lock of the index. Fails where git cannot be run.
pub(super) fn ask<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<Output, String> {
    let mut command = git(place);
    command.args(["-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"]);
    command.args(words).output().map_err(|error| cannot_run(&error))
}

/// The text git answers about `place`, without the line's end. Fails with what git says.
pub(super) fn answer<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<String, String> {
    let output = ask(place, words)?;
    if !output.status.success() {
        return Err(said(&output));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| "git's answer is not UTF-8".to_owned())?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// As [`ask`], in the checkout whose root is `root` and in no other: where its `.git` is gone, git would
/// take the one it lies in.
pub(super) fn ask_at<S: AsRef<OsStr>>(root: &Path, words: &[S]) -> Result<Output, String> {
    let mut command = git(root);
    command.args(["-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"]);
    stay_at(&mut command, root).args(words).output().map_err(|error| cannot_run(&error))
}

/// As [`act`], in the checkout whose root is `root` and in no other.
pub(super) fn act_at<S: AsRef<OsStr>>(root: &Path, words: &[S]) -> Result<String, String> {
    let output = output_at(root, words)?;
    if !output.status.success() {
        return Err(said(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned())
}

/// As [`act_at`], with all that git says.
pub(super) fn output_at<S: AsRef<OsStr>>(root: &Path, words: &[S]) -> Result<Output, String> {
    let mut command = git(root);
    stay_at(&mut command, root).args(words).output().map_err(|error| cannot_run(&error))
}

fn stay_at<'c>(command: &'c mut Command, root: &Path) -> &'c mut Command {
    command.env("GIT_CEILING_DIRECTORIES", root.parent().unwrap_or(root))
}

/// Has git do something a person asked for in `place`, with the person's own hooks and settings.
/// Fails with what git says.
pub(super) fn act<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<String, String> {
    let output = git(place).args(words).output().map_err(|error| cannot_run(&error))?;
    if !output.status.success() {
        return Err(said(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned())
}

/// Git in `place`, whatever a hook, an alias or a shell left in the environment.
fn git(place: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        // It would choose the repository, or the index.
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    command.arg("-C").arg(place).stdin(Stdio::null());
    command
}

fn cannot_run(error: &std::io::Error) -> String {
    format!("git cannot be run: {}", crate::model::reason(error))
}

/// What git said of its failure, in one line.
pub(super) fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
    let line = line.or_else(|| text.lines().next()).unwrap_or("git failed");
    line.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned()
}
