//! A fast reader for records as this program writes them.
//!
//! Reading a record with a full TOML parser costs more than getting it from the disk, and the list
//! reads thousands. Records of ours are plain: `key = "text"`, `key = 12`, `key = true`, and tables
//! of one level. Anything else in one, such as an escape or a comment, is not understood here, and
//! the real parser decides.

use std::cell::Cell;

/// The lines of a plain record: table, key, value. The table is empty at the top.
pub(super) struct Plain<'a> {
    lines: Vec<(&'a str, &'a str, Value<'a>)>,
    /// The line to look at first: keys are asked for in the order they are written in.
    next: Cell<usize>,
    /// The number of keys that were asked for and found.
    found: Cell<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Text(&'a str),
    /// A number or a truth value, as it stands.
    Bare(&'a str),
}

impl<'a> Plain<'a> {
    /// Reads the lines of `text`; `None` if one is not plain.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut table = "";
        let mut lines: Vec<(&str, &str, Value<'_>)> = Vec::with_capacity(16);
        for line in text.lines() {
            if line.is_empty() {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                table = name.strip_suffix(']').filter(|name| is_word(name))?;
                continue;
            }
            let equals = line.bytes().position(|byte| byte == b'=')?;
            let (key, value) = (line[..equals].strip_suffix(' ')?, line[equals + 1..].strip_prefix(' ')?);
            let value = match value.strip_prefix('"') {
                Some(rest) => Value::Text(rest.strip_suffix('"').filter(|text| is_plain_text(text))?),
                None => Value::Bare(Some(value).filter(|value| is_word(value))?),
            };
            if !is_word(key) {
                return None;
            }
            lines.push((table, key, value));
        }
        Some(Self { lines, next: Cell::new(0), found: Cell::new(0) })
    }

    /// Returns the text of a key. Each key is to be asked for once.
    pub(super) fn text(&self, table: &str, key: &str) -> Option<&'a str> {
        match self.get(table, key)? {
            Value::Text(text) => Some(text),
            Value::Bare(_) => None,
        }
    }

    /// Returns the number of a key. Each key is to be asked for once.
    pub(super) fn number(&self, table: &str, key: &str) -> Option<u32> {
        match self.get(table, key)? {
            Value::Bare(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns true if every line was asked for. A line that was not is unknown or stands twice, and is
    /// for the real parser to complain about.
    pub(super) fn is_used_up(&self) -> bool {
        self.found.get() == self.lines.len()
    }

    fn get(&self, table: &str, key: &str) -> Option<Value<'a>> {
        let (before, after) = self.lines.split_at(self.next.get());
        let mut in_turn = after.iter().chain(before).enumerate();
        let (steps, line) = in_turn.find(|(_, (in_table, known, _))| *in_table == table && *known == key)?;
        self.next.set((self.next.get() + steps + 1) % self.lines.len());
        self.found.set(self.found.get() + 1);
        Some(line.2)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Returns true for text that means in TOML what it looks like: no quote, no escape, no control
/// character.
fn is_plain_text(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 && !matches!(byte, b'"' | b'\\' | 0x7f))
}
