//! The progress of something that takes long: how far it is, and of how many.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::escape;

/// Returns a number of things in words: `1 session`, `2 sessions`.
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A line on a terminal that says how far something is which takes long. Nothing where standard error is
/// no terminal, and nothing for what is quick.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    began: Instant,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// Returns the line for `what` ("measuring").
    pub fn new(what: &'static str) -> Self {
        Self { what, began: Instant::now(), drawn: None, shown: std::io::stderr().is_terminal() }
    }

    /// Draws it again, at most ten times a second.
    pub fn at(&mut self, about: &str) {
        let recent = self.drawn.is_some_and(|drawn| drawn.elapsed() < Duration::from_millis(100));
        if !self.shown || recent || self.began.elapsed() < Duration::from_millis(500) {
            return;
        }
        self.drawn = Some(Instant::now());
        let text: String = format!("cs: {} {}", self.what, escape(about)).chars().take(78).collect();
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K{text}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
