//! tmux and zellij, through their programs: where a session outlives the terminal it was started in.
//!
//! A program is started inside by a command line that says nothing but where to ask what to become:
//! arguments of panes are for everybody to see (`ps`), and secrets are none of them.

mod error;
mod tmux;
mod zellij;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::model::Environment;
use crate::os;

pub use error::{Error, ErrorKind};

/// The programs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// tmux.
    Tmux,
    /// zellij.
    Zellij,
}

impl Kind {
    /// Returns the name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tmux => "tmux",
            Self::Zellij => "zellij",
        }
    }
}

/// A multiplexer that can be run, as somebody with a given environment would run it.
#[derive(Clone, Debug)]
pub struct Multiplexer {
    kind: Kind,
    program: PathBuf,
    environment: Environment,
}

/// The program to start in a multiplexer.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The name of its session, window or tab, if nothing else has one.
    pub name: &'a str,
    /// The directory to start it in.
    pub directory: &'a Path,
    /// The columns and rows of who will look at it, if anybody.
    pub size: Option<(u16, u16)>,
    /// The program, which is given to no shell, and its arguments.
    pub command: &'a [OsString],
    /// Nobody is going to look at it now.
    pub detached: bool,
}

/// The pane that something runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pane {
    /// The multiplexer it is in.
    pub kind: Kind,
    /// The name of its session.
    pub session: String,
    /// The number of its window in that session, as people see it (tmux).
    pub window: Option<String>,
    /// The pane's own name for the program: `%3`, `terminal_0`.
    pub id: String,
    /// The process that the pane was made with, where that is told (tmux).
    pub pid: Option<u32>,
    /// The socket of the server (tmux).
    pub server: Option<PathBuf>,
    /// The session's own name for tmux: `$1`, which no other session ever has.
    target: Option<String>,
    /// The window's: `@2`.
    window_target: Option<String>,
}

impl fmt::Display for Pane {
    /// Writes `tmux (api:0)`, as tmux itself writes a window; `zellij (api)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.window {
            Some(window) => write!(f, "{} ({}:{window})", self.kind.name(), self.session),
            None => write!(f, "{} ({})", self.kind.name(), self.session),
        }
    }
}

/// The reason a pane cannot be shown in this terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nested {
    /// This terminal is inside another server of tmux, at this socket.
    Tmux(PathBuf),
}

/// The variables that a program inside a multiplexer has from its pane, and not from the shell it was
/// started from.
const OF_THE_PANE: &[&str] = &[
    "COLUMNS",
    "LINES",
    "TERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TMUX",
    "TMUX_PANE",
    "ZELLIJ",
    "ZELLIJ_PANE_ID",
    "ZELLIJ_SESSION_NAME",
];

/// The variables that say which window of which terminal, or which connection, somebody is at. A program
/// that is shown now here and now there has none of them.
const OF_A_TERMINAL: &[&str] = &[
    "ALACRITTY_WINDOW_ID",
    "GHOSTTY_RESOURCES_DIR",
    "ITERM_PROFILE",
    "ITERM_SESSION_ID",
    "KITTY_PID",
    "KITTY_WINDOW_ID",
    "KONSOLE_DBUS_SESSION",
    "KONSOLE_VERSION",
    "LC_TERMINAL",
    "LC_TERMINAL_VERSION",
    "SSH_TTY",
    "STY",
    "TERM_SESSION_ID",
    "VTE_VERSION",
    "WEZTERM_PANE",
    "WEZTERM_UNIX_SOCKET",
    "WINDOW",
    "WINDOWID",
    "WT_SESSION",
];

/// Returns `environment` as a program in a pane has it: with the pane's own variables from `pane`.
pub fn in_pane(mut environment: Environment, pane: &Environment) -> Environment {
    for name in OF_A_TERMINAL {
        environment.remove(OsStr::new(name));
    }
    for name in OF_THE_PANE {
        match pane.get(OsStr::new(name)) {
            Some(value) => environment.insert((*name).into(), value.clone()),
            None => environment.remove(OsStr::new(name)),
        };
    }
    environment
}

impl Multiplexer {
    /// Returns the multiplexer to use: `wanted`; else the one that this terminal is inside of; else tmux,
    /// else zellij. `None` if it is not on the `PATH` of `environment`.
    pub fn choose(wanted: Option<Kind>, environment: &Environment) -> Option<Self> {
        let order = match wanted {
            Some(kind) => vec![kind],
            None if inside(environment, "ZELLIJ") && !inside(environment, "TMUX") => {
                vec![Kind::Zellij, Kind::Tmux]
            }
            None => vec![Kind::Tmux, Kind::Zellij],
        };
        order.into_iter().find_map(|kind| Self::find(kind, environment))
    }

    fn find(kind: Kind, environment: &Environment) -> Option<Self> {
        let path = environment.get(OsStr::new("PATH"))?;
        // What lies in the directory one happens to be in is not asked for.
        let program = which::which_in(kind.name(), Some(path), "/").ok()?;
        Some(Self { kind, program, environment: environment.clone() })
    }

    /// Returns which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts what is wanted in a new session, or, where this terminal is inside already, in a new window
    /// or tab beside. Nothing of a person's is replaced. Fails with what the program says.
    pub fn start(&self, wanted: &Wanted<'_>) -> Result<Pane, Error> {
        match self.kind {
            Kind::Tmux => tmux::start(self, wanted),
            Kind::Zellij => zellij::start(self, wanted),
        }
    }

    /// Returns the command that shows `pane` in this terminal: its program becomes the terminal's, or has
    /// the multiplexer that this terminal is inside of switch to it.
    pub fn show(pane: &Pane, environment: &Environment) -> Result<Option<Vec<OsString>>, Nested> {
        let Some(found) = Self::find(pane.kind, environment) else { return Ok(None) };
        Ok(Some(match pane.kind {
            Kind::Tmux => tmux::show(&found, pane)?,
            Kind::Zellij => zellij::show(&found, pane),
        }))
    }

    /// Runs the program to its end. Returns its output; fails with what it says of its failure, in one line.
    fn ask<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<String, Error> {
        let mut command = Command::new(&self.program);
        command.args(words).env_clear().envs(&self.environment).stdin(Stdio::null());
        let ran = command.output().map_err(|error| Error::not_run(&self.program, &error))?;
        if ran.status.success() {
            Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
        } else {
            Err(Error::of(&ran, self.kind))
        }
    }
}

/// Returns true if the variable `name`, which a multiplexer sets, is there.
fn inside(environment: &Environment, name: &str) -> bool {
    environment.get(OsStr::new(name)).is_some_and(|value| !value.is_empty())
}

/// Returns the pane that the process `pid` runs in, whoever started it there; `None` if it runs in none,
/// or if that cannot be told. The multiplexers are run with `environment`.
///
/// The environment that the process was started with (Linux) says which one to ask. That is not enough: a
/// terminal that was opened from inside a pane hands its environment on. So the pane has to be above the
/// process.
pub fn pane_of(pid: u32, environment: &Environment) -> Option<Pane> {
    let own = os::environment_of(pid);
    if let Some(own) = &own
        && !inside(own, "TMUX")
        && !inside(own, "ZELLIJ")
    {
        return None;
    }
    let mut above = vec![pid];
    above.extend(os::Processes::now().above(pid));
    if own.as_ref().is_none_or(|own| inside(own, "TMUX"))
        && let Some(program) = Multiplexer::find(Kind::Tmux, environment)
        && let Some(pane) = tmux::pane_of(&program, &above, own.as_ref())
    {
        return Some(pane);
    }
    zellij::pane_of(&above, own.as_ref()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn a_program_in_a_pane_has_your_variables_and_the_terminal_of_the_pane() {
        let yours = environment(&[
            ("PATH", "/bin"),
            ("TERM", "xterm-kitty"),
            ("KITTY_WINDOW_ID", "3"),
            ("SSH_TTY", "/dev/pts/1"),
            ("SSH_AUTH_SOCK", "/a"),
            ("LINES", "24"),
            ("TMUX", "/other,1,1"),
        ]);
        let pane = environment(&[("TERM", "tmux-256color"), ("TMUX_PANE", "%1"), ("PATH", "/other")]);
        let expected = environment(&[
            ("PATH", "/bin"),
            ("TERM", "tmux-256color"),
            ("TMUX_PANE", "%1"),
            ("SSH_AUTH_SOCK", "/a"),
        ]);
        assert_eq!(in_pane(yours, &pane), expected);
    }

    #[test]
    fn a_pane_is_called_as_its_program_calls_it() {
        let pane = Pane {
            kind: Kind::Tmux,
            session: "my work".into(),
            window: Some("2".into()),
            id: "%3".into(),
            pid: Some(7),
            server: None,
            target: None,
            window_target: None,
        };
        assert_eq!(pane.to_string(), "tmux (my work:2)");
        assert_eq!(Pane { window: None, kind: Kind::Zellij, ..pane }.to_string(), "zellij (my work)");
    }
}
