//! The whole screen, for what is shown anew again and again, and the keys typed meanwhile.

#[cfg(unix)]
pub use unix::Screen;

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal, Read, Write};
    use std::time::{Duration, Instant};

    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
    };

    /// The terminal, taken over: its other screen, and keys that are neither shown nor waited for to
    /// the end of a line. Given back as it was when this is dropped.
    #[derive(Debug)]
    pub struct Screen {
        before: Termios,
    }

    /// The event that ended a wait.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Ended {
        /// The time is over, or the terminal has another size.
        Time,
        /// The person wants to leave: `q`, Ctrl-C, or no terminal is there any more.
        Leave,
    }

    impl Screen {
        /// Takes the terminal over; `None` if standard input or output is none.
        pub fn take() -> Option<Self> {
            let input = io::stdin();
            if !input.is_terminal() || !io::stdout().is_terminal() {
                return None;
            }
            let before = tcgetattr(&input).ok()?;
            let mut raw = before.clone();
            raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            // A read waits for a fifth of a second at most.
            raw.special_codes[SpecialCodeIndex::VMIN] = 0;
            raw.special_codes[SpecialCodeIndex::VTIME] = 2;
            tcsetattr(&input, OptionalActions::Now, &raw).ok()?;
            // A line that is too long is cut, and not carried on into the next.
            print("\x1b[?1049h\x1b[?25l\x1b[?7l");
            Some(Self { before })
        }

        /// Returns its columns and rows.
        pub fn size(&self) -> (usize, usize) {
            match tcgetwinsize(io::stdout()) {
                Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                    (usize::from(size.ws_col), usize::from(size.ws_row))
                }
                _ => (80, 24),
            }
        }

        /// Shows as many of the lines of `text` as there is room for.
        pub fn show(&self, text: &str) {
            let (_, rows) = self.size();
            let mut all = String::from("\x1b[H");
            for (at, line) in text.lines().take(rows).enumerate() {
                all.push_str(if at == 0 { "" } else { "\r\n" });
                all.push_str(line);
                all.push_str("\x1b[K");
            }
            all.push_str("\x1b[J");
            print(&all);
        }

        /// Waits for `most`, for another size of the terminal, or for a person who wants to leave.
        pub fn wait(&self, most: Duration) -> Ended {
            let (size, end) = (self.size(), Instant::now() + most);
            while Instant::now() < end && self.size() == size {
                let mut keys = [0; 16];
                let before = Instant::now();
                match io::stdin().lock().read(&mut keys) {
                    Ok(0) if before.elapsed() < Duration::from_millis(20) => return Ended::Leave,
                    Ok(read) if keys[..read].iter().any(|key| matches!(key, b'q' | b'Q' | 3 | 4)) => {
                        return Ended::Leave;
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return Ended::Leave,
                }
            }
            Ended::Time
        }
    }

    impl Drop for Screen {
        fn drop(&mut self) {
            print("\x1b[?7h\x1b[?25h\x1b[?1049l");
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        }
    }

    fn print(text: &str) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }

    pub use Ended as WaitEnded;
}

#[cfg(unix)]
pub use unix::WaitEnded;
