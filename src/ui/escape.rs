//! Text of others, made safe for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` with everything that a terminal would act on, or that hides or reorders what is read,
/// spelled out: control characters (C0, DEL, C1), bidirectional marks and overrides, zero-width
/// characters, line separators. Nothing is left out, so two different texts stay different.
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            c if acts(c) && (c as u32) < 0x100 => _ = write!(safe, "\\x{:02x}", c as u32),
            c if acts(c) => _ = write!(safe, "\\u{{{:x}}}", c as u32),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_gets_through() {
        let hostile: String = (0..0x0011_0000u32).filter_map(char::from_u32).filter(|c| acts(*c)).collect();
        assert!(hostile.chars().count() > 100);
        assert!(!escape(&hostile).chars().any(acts));
        assert_eq!(escape("\x1b]52;c;x\x07\u{9b}2J\u{202e}a"), "\\x1b]52;c;x\\x07\\x9b2J\\u{202e}a");
        assert_eq!(escape("secret\rok"), "secret\\rok");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        let text = "naïve 日本 it's \"$HOME\" \\ ✓";
        assert!(matches!(escape(text), Cow::Borrowed(same) if same == text));
    }
}
