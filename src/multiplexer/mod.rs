//! tmux and zellij, through their programs: where a session outlives the terminal it was started in.
//!
//! A program is started inside by a command line that says nothing but where to ask what to become:
//! arguments of panes are for everybody to see (`ps`), and secrets are none of them.

mod error;
mod pane;
mod program;
mod tmux;
mod zellij;

use std::ffi::{OsStr, OsString};

use crate::model::Environment;
use crate::os;

use program::inside;

pub use error::{Error, ErrorKind};
pub use pane::{Nested, NewPane, Pane};
pub use program::{Kind, Multiplexer};

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
    /// else zellij. Fails if it is not on the `PATH` of `environment`, with what was passed over there because a
    /// session can write it.
    pub fn choose(wanted: Option<Kind>, environment: &Environment) -> Result<Self, Option<os::PassedOver>> {
        let order = match wanted {
            Some(kind) => vec![kind],
            None if inside(environment, "ZELLIJ") && !inside(environment, "TMUX") => {
                vec![Kind::Zellij, Kind::Tmux]
            }
            None => vec![Kind::Tmux, Kind::Zellij],
        };
        let mut passed_over = None;
        for kind in order {
            match Self::find(kind, environment) {
                Ok(found) => return Ok(found),
                Err(other) => passed_over = passed_over.or(other),
            }
        }
        Err(passed_over)
    }

    /// Starts what is wanted in a new session, or, where this terminal is inside already, in a new window
    /// or tab beside. Nothing of a person's is replaced. Fails with what the program says.
    pub fn start(&self, wanted: &NewPane<'_>) -> Result<Pane, Error> {
        match self.kind {
            Kind::Tmux => tmux::start(self, wanted),
            Kind::Zellij => zellij::start(self, wanted),
        }
    }

    /// Returns the command that shows `pane` in this terminal: its program becomes the terminal's, or has
    /// the multiplexer that this terminal is inside of switch to it.
    pub fn show(pane: &Pane, environment: &Environment) -> Result<Option<Vec<OsString>>, Nested> {
        let Ok(found) = Self::find(pane.kind, environment) else { return Ok(None) };
        Ok(Some(match pane.kind {
            Kind::Tmux => tmux::show(&found, pane)?,
            Kind::Zellij => zellij::show(&found, pane),
        }))
    }
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
        && let Ok(program) = Multiplexer::find(Kind::Tmux, environment)
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
}
