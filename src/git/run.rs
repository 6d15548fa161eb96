//! Running the git program.
//!
//! What a repository says is to be run (a filter, a hook, a monitor of files, …) was perhaps written by a session, or
//! came with the repository. So git runs none of it, unless a person asked for what runs it: see [`Purpose`].
//!
//! See docs/decisions/017-git-runs-nothing-it-was-not-asked-for.md

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::Error;
use crate::os;

/// A setting of git, and its value.
pub(super) type Setting = (OsString, OsString);

/// Who asked for a run of git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `cs` did, to know something or to note something. Git runs no program but itself.
    Own,
    /// A person did: a new worktree, a commit. Hooks and filters of the repository run, as they would for that person.
    Asked,
}

/// The settings for every run: no submodule or other repository inside is looked into, and what git does in the
/// background, with locks that we would meet, is left to the person's own runs. Last, `git` waits for the locks of
/// others.
const ALWAYS: [(&str, &str); 12] = [
    ("core.fsmonitor", ""),
    ("core.pager", "cat"),
    ("diff.ignoreSubmodules", "dirty"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("status.submoduleSummary", "false"),
    ("log.showSignature", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.alternateRefsCommand", ":"),
    ("core.filesRefLockTimeout", "5000"),
    ("core.packedRefsTimeout", "10000"),
];

/// The settings for what `cs` itself asks.
const OWN: [(&str, &str); 7] = [
    ("core.hooksPath", "/dev/null"),
    ("core.sshCommand", "exit 1"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("gpg.program", "false"),
    ("merge.renormalize", "false"),
    ("protocol.allow", "never"),
];

/// The variables that would choose the repository, the index or its settings: what
/// `git rev-parse --local-env-vars` names (2.47), and what else would turn an answer. The person's own, such as who an
/// author is, stay.
const OF_A_REPOSITORY: [&str; 22] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// How long git may do nothing at all when nobody asked for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The variables that name programs for what `cs` asks nobody for.
const PROGRAMS: [&str; 4] = ["GIT_PROXY_COMMAND", "GIT_SSH", "GIT_SSH_COMMAND", "SSH_ASKPASS"];

/// A run of git that is being put together.
pub(super) struct Git {
    command: Command,
    settings: Vec<Setting>,
    purpose: Purpose,
}

impl Git {
    /// Prepares git in `place`, whatever a hook, an alias or a shell left in the environment. Fails where there is no
    /// git that no session can have written.
    pub(super) fn at(place: &Path, purpose: Purpose) -> Result<Self, Error> {
        let environment = os::environment();
        let path = environment.get(OsStr::new("PATH")).map_or(OsStr::new(""), OsString::as_os_str);
        let program = os::find_program("git", Some(path), os::is_out_of_reach)
            .map_err(|why| Error::no_git(why.as_ref()))?;
        let mut command = Command::new(program);
        for name in OF_A_REPOSITORY {
            command.env_remove(name);
        }
        // What git runs by name is found there: `sh`, `ssh`, the programs of filters and hooks.
        command.env("PATH", os::path_out_of_reach(path));
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_EDITOR", ":").env("GIT_SEQUENCE_EDITOR", ":");
        let text = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
        let mut settings: Vec<Setting> = ALWAYS.iter().map(text).collect();
        if purpose == Purpose::Own {
            settings.extend(OWN.iter().map(text));
            for name in PROGRAMS {
                command.env_remove(name);
            }
            command.env("GIT_ASKPASS", "").env("GIT_OPTIONAL_LOCKS", "0");
            // An object that is not here is fetched by programs that the settings name.
            command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
        }
        command.arg("-C").arg(place).stdin(Stdio::null());
        Ok(Self { command, settings, purpose })
    }

    /// Sets a variable of its environment.
    pub(super) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Has `settings` go over all others.
    pub(super) fn with(mut self, settings: &[Setting]) -> Self {
        self.settings.extend(settings.iter().cloned());
        self
    }

    /// Returns the command. The settings are no arguments: there, a name with `=` in it would be another one.
    fn command<S: AsRef<OsStr>>(mut self, words: &[S]) -> Command {
        self.command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (number, (name, value)) in self.settings.iter().enumerate() {
            self.command.env(format!("GIT_CONFIG_KEY_{number}"), name);
            self.command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        self.command.args(words);
        self.command
    }

    /// Runs it. Fails where git cannot be run, and where it waits for what never comes.
    pub(super) fn output<S: AsRef<OsStr>>(self, words: &[S]) -> Result<Output, Error> {
        let purpose = self.purpose;
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        finished(command.spawn().map_err(|error| Error::not_run(&error))?, purpose, words)
    }

    /// Runs it, with `input` written to it. Fails as [`Git::output`] does.
    pub(super) fn output_to<S: AsRef<OsStr>>(self, words: &[S], input: &[u8]) -> Result<Output, Error> {
        let purpose = self.purpose;
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Error::not_run(&error))?;
        let mut stdin = child.stdin.take();
        // Git answers while it reads: who writes all before reading any waits for ever.
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A git that ends early says why itself.
                let _ = stdin.as_mut().map(|stdin| stdin.write_all(input));
            });
            finished(child, purpose, words)
        })
    }
}

/// Waits for git. Where a session put a FIFO in the place of a file that git reads, it would wait for ever: of what
/// nobody asked for, that is the end.
fn finished<S: AsRef<OsStr>>(git: Child, purpose: Purpose, words: &[S]) -> Result<Output, Error> {
    if purpose == Purpose::Asked {
        return git.wait_with_output().map_err(|error| Error::not_run(&error));
    }
    let output = os::output_unless_stuck(git, PATIENCE).map_err(|error| Error::not_run(&error))?;
    output.ok_or_else(|| {
        let word = words.first().map_or(OsStr::new(""), AsRef::as_ref).to_string_lossy();
        let seconds = PATIENCE.as_secs();
        Error::ours(format!(
            "git {word} did nothing for {seconds} seconds, and was ended: perhaps a FIFO stands where it reads a file"
        ))
    })
}

/// Asks git something about `place`, or has it note something there. It runs no program but itself. Fails where git
/// cannot be run.
pub(super) fn ask<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<Output, Error> {
    Git::at(place, Purpose::Own)?.output(words)
}

/// The text git answers about `place`, without the line's end. Fails with what git says.
pub(super) fn answer<S: AsRef<OsStr>>(place: &Path, words: &[S]) -> Result<String, Error> {
    text(ask(place, words)?)
}

/// Returns what git answered, as text without the line's end. Fails with what git says.
pub(super) fn text(output: Output) -> Result<String, Error> {
    if !output.status.success() {
        return Err(Error::of(&output));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| Error::ours("git's answer is not UTF-8"))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Has git do something a person asked for in `place`, with the person's own hooks and settings.
/// Fails with what git says.
pub(super) fn act<S: AsRef<OsStr>>(place: &Path, words: &[S], settings: &[Setting]) -> Result<(), Error> {
    let output = Git::at(place, Purpose::Asked)?.with(settings).output(words)?;
    if output.status.success() { Ok(()) } else { Err(Error::of(&output)) }
}

/// As [`act`]; where standard error is a terminal, what git says goes there as it says it, with how far
/// it is, and a failure is said to stand there.
pub(super) fn act_in_sight<S: AsRef<OsStr>>(
    place: &Path,
    words: &[S],
    settings: &[Setting],
) -> Result<(), Error> {
    if !std::io::stderr().is_terminal() {
        return act(place, words, settings);
    }
    let mut command = Git::at(place, Purpose::Asked)?.with(settings).command(words);
    let status = command.stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    match status.map_err(|error| Error::not_run(&error))? {
        status if status.success() => Ok(()),
        _ => Err(Error::ours("git failed, and said so above")),
    }
}
