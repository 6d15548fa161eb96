//! A line of fields: what a format string says, with the separators of what is absent left out, in a
//! theme's colours, and no wider than it may be.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape;

/// A look of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Its name.
    pub name: &'static str,
    /// Its format, unless a person gives another.
    pub format: &'static str,
    /// The filled and the empty parts of a bar, and what stands around it.
    bar: [&'static str; 4],
    /// Fields as coloured segments that run into each other, which needs a font with their glyphs.
    segments: bool,
}

/// Every theme; the first is the one that is built in.
pub const THEMES: &[Theme] = &[
    Theme {
        name: "plain",
        format: "{session}{profile: (%)} | {dir}{branch: on %} | {model} | {context:% context} | {cost} | {five_hour:5h %} | {week:week %}",
        bar: ["#", "-", "[", "]"],
        segments: false,
    },
    Theme {
        name: "short",
        format: "{session} {branch} {context} {cost}",
        bar: ["#", "-", "[", "]"],
        segments: false,
    },
    Theme {
        name: "full",
        format: "{session}{profile: (%)} | {dir}{branch: on %} | {model}{effort:, %}\n\
                 {bar} {context}{size: of %} | {cost} | {lines} | {duration} | {five_hour:5h %}{resets: (% left)} | {week:week %}{week_resets: (% left)}",
        bar: ["#", "-", "[", "]"],
        segments: false,
    },
    Theme {
        name: "powerline",
        format: "{session} {profile} {dir} {branch:\u{e0a0} %} {model} {bar} {cost} {five_hour:5h %} {week:week %}",
        bar: ["█", "░", "", ""],
        segments: true,
    },
];

/// The value of a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    /// The text to show, of any kind. Not shown for a bar: that is drawn.
    pub text: String,
    /// The percentage: it decides about a bar and about the colour of a warning.
    pub percent: Option<f64>,
}

/// The fields there are, with what they show.
pub const FIELDS: &[(&str, &str)] = &[
    ("session", "the session's name"),
    ("profile", "its profile"),
    ("dir", "the directory, ~ for yours; its middle is cut where there is no room"),
    ("branch", "the git branch"),
    ("model", "the model"),
    ("effort", "how hard it thinks"),
    ("context", "how much of the context is used: 42%"),
    ("bar", "the same as a bar"),
    ("size", "how much the context holds: 1M"),
    ("cost", "what this start of Claude cost, at list prices: $1.20"),
    ("lines", "lines added and removed: +12 -3"),
    ("duration", "how long Claude runs: 1h 4m"),
    ("five_hour", "how much of the 5-hour limit is used"),
    ("resets", "how long until that starts anew"),
    ("week", "how much of the weekly limit is used"),
    ("week_resets", "how long until that starts anew"),
    ("style", "the output style, where it is not the usual one"),
    ("vim", "the vim mode, where vim keys are on"),
    ("version", "Claude's version"),
];

/// A piece of a line: a field with the text around it, or text.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// `after` is none if the text stands for the value.
    Field {
        name: &'static str,
        before: String,
        after: Option<String>,
    },
}

/// A part of a format that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A field that there is not.
    Field(String),
    /// A brace that opens or closes nothing.
    Brace(char),
}

/// A format that was read: pieces, line by line.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    lines: Vec<Vec<Piece>>,
}

impl Format {
    /// Reads a format: `{field}`, or `{field:text % text}` with the value in place of `%` (text without
    /// one stands for the value); all else is
    /// text. `{{` is a brace; `%%` in a field's text is a percent sign. Text between two fields is
    /// their separator and only there between two that say something.
    ///
    /// Parts that make no sense are left out and reported.
    pub fn parse(text: &str) -> (Self, Vec<Wrong>) {
        let mut wrong = Vec::new();
        let lines = text.split('\n').map(|line| pieces(line, &mut wrong)).collect();
        (Self { lines }, wrong)
    }

    /// Returns true if it shows `field`.
    pub fn has(&self, field: &str) -> bool {
        let mut pieces = self.lines.iter().flatten();
        pieces.any(|piece| matches!(piece, Piece::Field { name, .. } if *name == field))
    }

    /// Returns the lines, ended by newlines, with the values of the fields (`None`: absent). Lines in
    /// which no field says anything are left out. With `width` a line has at most so many columns: the
    /// middle of the directory is given up first, then the end of the line.
    pub fn render<'a>(
        &self,
        theme: &Theme,
        width: Option<usize>,
        colour: bool,
        value: impl Fn(&'static str) -> Option<&'a Value>,
    ) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let mut shown = shown(line, theme, &value);
            if let Some(width) = width {
                fit(&mut shown, width, theme);
            }
            if shown.iter().any(|part| part.name.is_some()) {
                draw(&mut text, &shown, theme, colour);
                text.push('\n');
            }
        }
        text
    }
}

fn pieces(line: &str, wrong: &mut Vec<Wrong>) -> Vec<Piece> {
    let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), line);
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            text.push_str(brace);
            rest = after;
            continue;
        }
        let Some(end) = rest.find('}').filter(|_| brace == "{") else {
            wrong.push(Wrong::Brace(if brace == "{" { '{' } else { '}' }));
            continue;
        };
        let (name, around) = rest[..end].split_once(':').unwrap_or((&rest[..end], "%"));
        rest = &rest[end + 1..];
        let Some((name, _)) = FIELDS.iter().find(|(known, _)| *known == name.trim()) else {
            wrong.push(Wrong::Field(name.trim().to_owned()));
            continue;
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        // What is kept of `%%` is one character that nobody types.
        let around = around.replace("%%", "\0");
        let (before, after) = match around.split_once('%') {
            Some((before, after)) => (before, Some(after)),
            None => (around.as_str(), None),
        };
        let plain = |text: &str| escape(&text.replace('\0', "%")).into_owned();
        let (before, after) = (plain(before), after.map(plain));
        pieces.push(Piece::Field { name, before, after });
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    for piece in &mut pieces {
        if let Piece::Text(text) = piece {
            *text = escape(text).into_owned();
        }
    }
    pieces
}

/// A part of a line as it is shown. Separators have no name.
#[derive(Clone, Debug)]
struct Part {
    name: Option<&'static str>,
    before: String,
    text: String,
    after: String,
    percent: Option<f64>,
}

impl Part {
    fn separator(text: &str) -> Self {
        let (before, after) = (String::new(), String::new());
        Self { name: None, before, text: text.to_owned(), after, percent: None }
    }

    fn width(&self) -> usize {
        self.before.width() + self.text.width() + self.after.width()
    }
}

/// Returns the parts that say something, each with the text that stands right before it between them.
fn shown<'a>(line: &[Piece], theme: &Theme, value: &impl Fn(&'static str) -> Option<&'a Value>) -> Vec<Part> {
    let (mut parts, mut separator, mut passed_field): (Vec<Part>, Option<&str>, bool) =
        (Vec::new(), None, false);
    for piece in line {
        match piece {
            Piece::Text(text) => separator = Some(text),
            Piece::Field { name, before, after } => {
                let Some(found) = value(name) else {
                    passed_field = true;
                    continue;
                };
                // At the very beginning it is no separator, and stays.
                let wanted = !parts.is_empty() || !passed_field;
                if let Some(text) = separator.take().filter(|_| wanted && !theme.segments) {
                    parts.push(Part::separator(text));
                }
                let text = match found.percent.filter(|_| *name == "bar") {
                    _ if after.is_none() => String::new(),
                    Some(percent) => bar(percent, theme),
                    None => escape(&found.text).into_owned(),
                };
                // Nor is a blank there that keeps it from what is absent.
                let leads = parts.is_empty() && passed_field;
                let before = if leads { before.trim_start() } else { before }.to_owned();
                let after = after.clone().unwrap_or_default();
                parts.push(Part { name: Some(name), before, text, after, percent: found.percent });
                passed_field = true;
            }
        }
    }
    if let (Some(Piece::Text(text)), false) = (line.last(), theme.segments || parts.is_empty()) {
        parts.push(Part::separator(text));
    }
    parts
}

/// Returns ten cells, filled so far.
fn bar(percent: f64, theme: &Theme) -> String {
    const CELLS: u32 = 10;
    let full = (0..CELLS).filter(|cell| percent >= 10.0 * f64::from(*cell) + 5.0).count();
    let [filled, empty, open, close] = theme.bar;
    format!("{open}{}{}{close}", filled.repeat(full), empty.repeat(CELLS as usize - full))
}

/// Makes the parts no wider than `width`.
fn fit(parts: &mut Vec<Part>, width: usize, theme: &Theme) {
    const LEAST: usize = 8;
    // A segment has a space on either side and a glyph after it.
    let around = if theme.segments { 3 } else { 0 };
    let total = |parts: &[Part]| parts.iter().map(|part| part.width() + around).sum::<usize>();
    let excess = total(parts).saturating_sub(width);
    let mut whole = None;
    if let Some(directory) = parts.iter_mut().find(|part| part.name == Some("dir") && excess > 0) {
        let wanted = directory.text.width().saturating_sub(excess).max(LEAST);
        let cut = middle_cut(&directory.text, wanted);
        whole = Some(std::mem::replace(&mut directory.text, cut));
    }
    while total(parts) > width && parts.len() > 1 {
        // What would be cut to a stump goes whole, and its separator with it.
        let room = width.saturating_sub(total(&parts[..parts.len() - 1]));
        if !theme.segments && parts[parts.len() - 1].name.is_some() && room >= LEAST {
            break;
        }
        parts.pop();
        while parts.last().is_some_and(|part| part.name.is_none()) {
            parts.pop();
        }
    }
    // What went at the end may have left room for more of the directory.
    let room = width.saturating_sub(total(parts));
    if let (Some(whole), Some(directory)) = (whole, parts.iter_mut().find(|part| part.name == Some("dir"))) {
        directory.text = middle_cut(&whole, directory.text.width() + room);
    }
    let excess = total(parts).saturating_sub(width);
    if let Some(last) = parts.last_mut().filter(|_| excess > 0) {
        let whole = format!("{}{}{}", last.before, last.text, last.after);
        let keep = whole.width().saturating_sub(excess + 1);
        (last.before, last.after) = (String::new(), String::new());
        last.text = taken(whole.chars(), keep) + "…";
    }
}

/// Returns `text` in at most `width` columns, its beginning and its end kept.
fn middle_cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let end = width.saturating_sub(1) * 2 / 3;
    let start = width.saturating_sub(1) - end;
    let end: String = taken(text.chars().rev(), end).chars().rev().collect();
    format!("{}…{end}", taken(text.chars(), start))
}

/// Returns as many characters as fit into `width` columns.
fn taken(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

/// Returns the colour of a field, as the number of an SGR code.
fn colour_of(name: &str, percent: Option<f64>) -> &'static str {
    match percent {
        Some(percent) if percent >= 95.0 => return "1;31",
        Some(percent) if percent > 80.0 => return "33",
        _ => {}
    }
    match name {
        "session" => "1;36",
        "profile" => "35",
        "dir" => "34",
        "branch" => "32",
        _ => "",
    }
}

/// Returns foreground and background of a segment, of the 256 colours.
fn segment_of(name: &str, percent: Option<f64>, at: usize) -> (u8, u8) {
    match percent {
        Some(percent) if percent >= 95.0 => return (231, 160),
        Some(percent) if percent > 80.0 => return (16, 214),
        _ => {}
    }
    match name {
        "session" => (231, 24),
        "profile" => (231, 60),
        "dir" => (252, 238),
        "branch" => (16, 108),
        "model" => (252, 236),
        // Two that stand side by side are told apart.
        _ if at.is_multiple_of(2) => (252, 240),
        _ => (252, 237),
    }
}

fn draw(text: &mut String, parts: &[Part], theme: &Theme, colour: bool) {
    if theme.segments {
        return draw_segments(text, parts, colour);
    }
    for part in parts {
        let code = part.name.map_or("2", |name| colour_of(name, part.percent));
        let painted = colour && !code.is_empty() && !part.text.trim().is_empty();
        if painted {
            let _ = write!(text, "{}\x1b[{code}m{}\x1b[0m{}", part.before, part.text, part.after);
        } else {
            let _ = write!(text, "{}{}{}", part.before, part.text, part.after);
        }
    }
}

fn draw_segments(text: &mut String, parts: &[Part], colour: bool) {
    for (at, part) in parts.iter().enumerate() {
        let colours = |part: &Part, at| segment_of(part.name.unwrap_or_default(), part.percent, at);
        let whole = format!("{}{}{}", part.before, part.text, part.after);
        if !colour {
            let _ = write!(text, "{}{whole}", if at == 0 { "" } else { " \u{e0b1} " });
            continue;
        }
        let (front, back) = colours(part, at);
        let _ = write!(text, "\x1b[38;5;{front};48;5;{back}m {whole} ");
        let _ = match parts.get(at + 1) {
            Some(next) => write!(text, "\x1b[38;5;{back};48;5;{}m\u{e0b0}", colours(next, at + 1).1),
            None => write!(text, "\x1b[0;38;5;{back}m\u{e0b0}\x1b[0m"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value { text: text.to_owned(), percent: None }
    }

    fn line(format: &str, width: Option<usize>, values: &[(&str, Value)]) -> String {
        let (format, wrong) = Format::parse(format);
        assert_eq!(wrong, []);
        format.render(&THEMES[0], width, false, |name| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
        })
    }

    #[test]
    fn what_is_absent_takes_its_separator_away() {
        let all = [("session", value("api")), ("branch", value("main")), ("cost", value("$1"))];
        let format = "<{session} | {branch:on %} | {cost}>";
        assert_eq!(line(format, None, &all), "<api | on main | $1>\n");
        assert_eq!(line(format, None, &all[..1]), "<api>\n");
        assert_eq!(line(format, None, &all[1..]), "on main | $1>\n");
        assert_eq!(line(format, None, &[all[0].clone(), all[2].clone()]), "<api | $1>\n");
        assert_eq!(line(format, None, &[]), "");
        assert_eq!(line("{session}{branch: on %}", None, &all), "api on main\n");
        assert_eq!(line("{session}{branch: on %}", None, &all[1..]), "on main\n");
        assert_eq!(line("{model}\n{session}", None, &all), "api\n", "a line with nothing in it is none");
    }

    #[test]
    fn braces_and_percent_signs_can_be_had() {
        let values = [("context", value("42%"))];
        assert_eq!(line("{{x}} {context:%%%}", None, &values), "{x} %42%\n");
        assert_eq!(line("{context:always}", None, &values), "always\n");
    }

    #[test]
    fn what_makes_no_sense_is_said_and_the_rest_stands() {
        let (format, wrong) = Format::parse("{session} {brnch} {zzzzzzzzz} {session");
        assert_eq!(
            wrong,
            [Wrong::Field("brnch".into()), Wrong::Field("zzzzzzzzz".into()), Wrong::Brace('{')]
        );
        let api = value("api");
        let text = format.render(&THEMES[0], None, false, |name| (name == "session").then_some(&api));
        assert_eq!(text, "api   session\n");
    }

    #[test]
    fn a_narrow_line_gives_up_the_middle_of_the_directory_then_its_end() {
        let values = [
            ("session", value("api")),
            ("dir", value("~/src/a/very/long/way/to/project")),
            ("model", value("Opus 5.5")),
            ("cost", value("$1.20")),
        ];
        let format = "{session} | {dir} | {model} | {cost}";
        assert_eq!(line(format, Some(45), &values), "api | ~/src/a…y/to/project | Opus 5.5 | $1.20\n");
        assert_eq!(line(format, Some(26), &values), "api | ~/s…oject | Opus 5.5\n");
        for width in 1..60 {
            let text = line(format, Some(width), &values);
            assert!(text.trim_end_matches('\n').width() <= width, "{width}: {text}");
        }
    }

    #[test]
    fn what_comes_from_outside_reaches_the_terminal_escaped() {
        let values = [("branch", value("x\x1b]0;y\x07\u{202e}\n"))];
        assert_eq!(line("{branch}", None, &values), "x\\x1b]0;y\\x07\\u{202e}\\n\n");
        assert_eq!(line("\x1b[2J{branch}", None, &[("branch", value("x"))]), "\\x1b[2Jx\n");
    }

    #[test]
    fn every_theme_shows_only_fields_that_there_are() {
        for theme in THEMES {
            assert_eq!(Format::parse(theme.format).1, [], "{}", theme.name);
        }
        assert_eq!(bar(0.0, &THEMES[0]), "[----------]");
        assert_eq!(bar(44.9, &THEMES[0]), "[####------]");
        assert_eq!(bar(100.0, &THEMES[0]), "[##########]");
        assert_eq!(bar(300.0, &THEMES[0]), "[##########]");
    }

    #[test]
    fn a_value_that_is_nearly_used_up_warns() {
        assert_eq!(["80", "81", "95"].map(|p| colour_of("context", p.parse().ok())), ["", "33", "1;31"]);
    }
}
