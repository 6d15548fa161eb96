//! Tables: aligned columns, cut to the width of the terminal, every cell escaped.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Left, and never cut.
    Left,
    /// Right, and never cut.
    Right,
    /// Left; gives way, its beginning kept, when the line is too long.
    Shrink,
    /// Left; gives way, its end kept (paths).
    ShrinkFront,
}

/// A table with a heading.
#[derive(Debug)]
pub struct Table<'a> {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<(Vec<Cow<'a, str>>, Option<&'static str>)>,
}

impl<'a> Table<'a> {
    /// Returns an empty table.
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells are text of any kind. `style` colours its first cell (an SGR code such as `32`).
    pub fn row<C: Into<Cow<'a, str>>>(
        &mut self,
        cells: impl IntoIterator<Item = C>,
        style: Option<&'static str>,
    ) {
        let safe = |cell: C| match cell.into() {
            Cow::Borrowed(text) => escape(text),
            Cow::Owned(text) => Cow::Owned(escape(&text).into_owned()),
        };
        self.rows.push((cells.into_iter().map(safe).collect(), style));
    }

    /// Returns the table as text, at most `width` columns wide if that is possible (`None`: as wide as it
    /// is). Empty columns are left out.
    pub fn render(&self, width: Option<usize>, colour: bool) -> String {
        let mut drawn: Vec<Drawn> = (0..self.columns.len()).filter_map(|at| self.drawn(at)).collect();
        if let Some(width) = width {
            self.shrink(&mut drawn, width);
        }
        let mut text = String::new();
        let titles: Vec<Cow<'_, str>> = self.columns.iter().map(|(title, _)| (*title).into()).collect();
        self.line(&mut text, &titles, &drawn, colour.then_some("2"), true);
        for (cells, style) in &self.rows {
            self.line(&mut text, cells, &drawn, style.filter(|_| colour), false);
        }
        text
    }

    /// Returns the column `at`, as wide as its widest cell; `None` if all its cells are empty.
    fn drawn(&self, at: usize) -> Option<Drawn> {
        let widest = self.rows.iter().map(|(cells, _)| cells.get(at).map_or(0, |cell| width_of(cell))).max();
        let width = width_of(self.columns[at].0).max(widest.unwrap_or(0));
        (widest != Some(0)).then_some(Drawn { at, width })
    }

    /// Takes width from the columns that give way, the widest first.
    fn shrink(&self, drawn: &mut [Drawn], width: usize) {
        const LEAST: usize = 8;
        loop {
            let total = drawn.iter().map(|column| column.width + 2).sum::<usize>().saturating_sub(2);
            if total <= width {
                return;
            }
            let gives_way =
                |column: &&mut Drawn| matches!(self.columns[column.at].1, Align::Shrink | Align::ShrinkFront);
            let widest = drawn.iter_mut().filter(gives_way).max_by_key(|column| column.width);
            let Some(widest) = widest.filter(|column| column.width > LEAST) else { return };
            widest.width -= (total - width).min(widest.width - LEAST).min(1 + widest.width / 8);
        }
    }

    fn line(
        &self,
        text: &mut String,
        cells: &[Cow<'_, str>],
        drawn: &[Drawn],
        style: Option<&str>,
        whole: bool,
    ) {
        let start = text.len();
        if let Some(code) = style.filter(|_| whole) {
            let _ = write!(text, "\x1b[{code}m");
        }
        for (nth, Drawn { at, width }) in drawn.iter().enumerate() {
            let align = self.columns[*at].1;
            let align = if whole && align == Align::ShrinkFront { Align::Shrink } else { align };
            let cell = fit(cells.get(*at).map_or("", |cell| cell), *width, align);
            let padding = width.saturating_sub(width_of(&cell));
            text.push_str(if nth == 0 { "" } else { "  " });
            if align == Align::Right {
                text.extend(std::iter::repeat_n(' ', padding));
            }
            match style.filter(|_| nth == 0 && !whole) {
                Some(code) => {
                    let _ = write!(text, "\x1b[{code}m{cell}\x1b[0m");
                }
                None => text.push_str(&cell),
            }
            if align != Align::Right {
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push_str(if style.is_some() && whole { "\x1b[0m\n" } else { "\n" });
    }
}

/// A column that is drawn, and how wide.
struct Drawn {
    at: usize,
    width: usize,
}

/// Returns the number of columns that `text` takes.
fn width_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Returns `text` in at most `width` columns, with `…` where something was cut.
fn fit(text: &str, width: usize, align: Align) -> Cow<'_, str> {
    if width_of(text) <= width || width == 0 {
        return Cow::Borrowed(text);
    }
    let keep = |chars: &mut dyn Iterator<Item = char>| {
        let mut used = 1;
        chars
            .take_while(|c| {
                used += c.width().unwrap_or(0);
                used <= width
            })
            .collect::<Vec<char>>()
    };
    if align == Align::ShrinkFront {
        let end: String = keep(&mut text.chars().rev()).into_iter().rev().collect();
        Cow::Owned(format!("…{end}"))
    } else {
        let start: String = keep(&mut text.chars()).into_iter().collect();
        Cow::Owned(format!("{start}…"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<'static> {
        let mut table = Table::new(&[
            ("STATE", Align::Left),
            ("AGE", Align::Right),
            ("DIR", Align::ShrinkFront),
            ("TITLE", Align::Shrink),
        ]);
        table.row(["live", "5m", "/home/me/project", "日本 fix\x1b[2J"], Some("32"));
        table.row(["idle", "12h", "/x", ""], None);
        table
    }

    #[test]
    fn columns_line_up_and_cells_are_escaped() {
        assert_eq!(
            table().render(None, false),
            "STATE  AGE  DIR               TITLE\n\
             live    5m  /home/me/project  日本 fix\\x1b[2J\n\
             idle   12h  /x\n"
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_what_gives_way_and_keeps_the_end_of_paths() {
        let text = table().render(Some(36), false);
        assert!(text.lines().all(|line| line.width() <= 36), "{text}");
        assert!(text.contains("project  日本"), "{text}");
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        assert!(table().render(None, true).contains("\x1b[32mlive\x1b[0m"));
        assert!(!table().render(None, false).contains('\x1b'));
    }
}
