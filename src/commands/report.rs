//! Saying something to a person, and ending the process with a failure.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::model::{Failure, Outcome, Result};
use crate::ui;

/// Writes `text` to standard output. A reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value as JSON to standard output. On a terminal, what a terminal would act on is
/// spelled out in JSON's own way.
pub(crate) fn print_json<T: serde::Serialize>(value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
    if text.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)) {
        return print(&(text + "\n"));
    }
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // JSON escapes C0 itself; DEL, C1 and what reorders text it passes on.
        if c != '\n' && ui::escape(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8() {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    print(&safe)
}

/// Says one line to the person, beside whatever the program prints.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "cs: {}", ui::escape(text));
}

/// Ends the process: says what failed, if anything did.
pub fn end(result: Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Code(code)) => ExitCode::from(code),
        Err(failure) => {
            let mut stderr = io::stderr().lock();
            let _ = writeln!(stderr, "cs: {}", ui::escape(&failure.message));
            for hint in &failure.hints {
                let _ = writeln!(stderr, "    {}", ui::escape(hint));
            }
            ExitCode::from(failure.exit() as u8)
        }
    }
}
