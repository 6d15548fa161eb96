//! Questions, asked on standard error so that standard output stays the program's.

use std::io::{self, BufRead, IsTerminal, Write};

use super::escape;

/// Returns true if there is a person to ask: standard input and standard error are terminals.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question whose answer is no unless somebody types yes. Returns false if nobody can be asked.
pub fn confirm(question: &str) -> bool {
    can_ask() && matches!(answer(&format!("{} [y/N] ", escape(question))).as_deref(), Some("y" | "Y" | "yes"))
}

/// Asks for a line of text. Returns `default` if nothing is typed, and `None` at the end of the input.
pub fn ask(question: &str, default: &str) -> Option<String> {
    let text = answer(&format!("{} [{}] ", escape(question), escape(default)))?;
    Some(if text.is_empty() { default.to_owned() } else { text })
}

/// Lets a person choose one of `count` numbered things already shown. Returns `None` if nothing was
/// chosen.
pub fn choose(prompt: &str, count: usize) -> Option<usize> {
    loop {
        let text = answer(&format!("{prompt} [1-{count}, Enter to leave] "))?;
        if text.is_empty() || text == "q" {
            return None;
        }
        match text.parse::<usize>() {
            Ok(number) if (1..=count).contains(&number) => return Some(number - 1),
            _ => eprintln!("a number from 1 to {count}, please"),
        }
    }
}

/// Prints the prompt on standard error and reads one line from standard input, trimmed; `None` at its
/// end.
fn answer(prompt: &str) -> Option<String> {
    eprint!("{prompt}");
    let _ = io::stderr().flush();
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => {
            eprintln!();
            None
        }
        Ok(_) => Some(line.trim().to_owned()),
    }
}
