//! Output for a person: text made safe for a terminal, tables, ages, questions.

mod ask;
mod escape;
mod path;
mod progress;
mod screen;
mod size;
mod status_line;
mod table;
mod time;

pub use ask::{ask, can_ask, choose, confirm};
pub use escape::escape;
pub use path::short;
pub use progress::{Progress, count};
#[cfg(unix)]
pub use screen::{Screen, WaitEnded};
pub use size::{number, size};
pub use status_line::{FIELDS, Format, THEMES, Theme, Value, Wrong};
pub use table::{Align, Table};
pub use time::{age, stamp};

use std::io::IsTerminal;

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
