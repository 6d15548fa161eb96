//! Output for a person: text made safe for a terminal, tables, ages, questions.

mod ask;
mod escape;
mod path;
mod screen;
mod size;
mod status_line;
mod table;
mod time;

pub use ask::{ask, can_ask, choose, confirm};
pub use escape::escape;
pub use path::short;
#[cfg(unix)]
pub use screen::{Screen, WaitEnded};
pub use size::{number, size};
pub use status_line::{FIELDS, Format, THEMES, Theme, Value, Wrong};
pub use table::{Align, Table};
pub use time::{age, stamp};

use std::io::IsTerminal;

/// Returns true if standard output is to be coloured: it is a terminal, and nobody said no (`NO_COLOR`, a
/// dumb terminal).
pub fn colour_stdout() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !refused && !dumb
}

/// Returns the columns of the terminal on standard output; `None` if that is no terminal.
pub fn width() -> Option<usize> {
    #[cfg(unix)]
    {
        let stdout = std::io::stdout();
        if !stdout.is_terminal() {
            return None;
        }
        rustix::termios::tcgetwinsize(&stdout)
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|width| *width > 0)
    }
    #[cfg(not(unix))]
    {
        std::io::stdout().is_terminal().then_some(100)
    }
}
