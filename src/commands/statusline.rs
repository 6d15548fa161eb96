//! `cs statusline`: a status line for Claude, which runs it by itself and shows what it prints.
//!
//! It never fails: whatever is wrong with what it is told, or with the settings, stands in the line.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use super::report;
use crate::claude::{self, Limit, Status};
use crate::cli::StatuslineArgs;
use crate::config::{self, Config, StatuslineConfig};
use crate::git::Checkout;
use crate::model::{Failure, Outcome, Result};
use crate::ui::{self, FIELDS, Format, THEMES, Theme, Value, Wrong};
use crate::work::context::Context;

/// Claude indents the line by two columns, and keeps as many free behind it (2.1.329).
const MARGIN: usize = 4;

pub(super) fn run(context: &Context, args: &StatuslineArgs) -> Result<Outcome> {
    if args.preview {
        return preview(context, args);
    }
    let (settings, mut wrong) = settings(context, args);
    let theme = theme_of(&settings.theme).unwrap_or_else(|unknown| {
        wrong.push([&[unknown.message], &unknown.hints[..]].concat().join(": "));
        &THEMES[0]
    });
    let (format, more) = Format::parse(format_of(&settings, theme));
    wrong.extend(more.iter().map(told));
    let status = read();
    let values = Values::gather(context, &status, &format);
    let width = variable(context, "COLUMNS").and_then(|text| text.parse::<usize>().ok());
    let width = width.filter(|width| *width > MARGIN).map(|width| width - MARGIN);
    let colour = variable(context, "NO_COLOR").is_none();
    let mut text = format.render(theme, width, colour, |name| values.get(name));
    for wrong in wrong {
        text.push_str(&format!("cs statusline: {}\n", ui::escape(&wrong)));
    }
    // Who waits for it can do nothing about a pipe that is closed.
    let _ = report::print(&text);
    Ok(Outcome::Done)
}

/// The settings, and what is wrong with them. Arguments go before `config.toml`.
fn settings(context: &Context, args: &StatuslineArgs) -> (StatuslineConfig, Vec<String>) {
    let loaded = context.config_path().and_then(|path| Config::load(&path));
    let (mut settings, wrong) = match loaded {
        Ok(config) => (config.statusline, Vec::new()),
        Err(failure) => (StatuslineConfig::default(), vec![failure.message]),
    };
    if let Some(theme) = &args.theme {
        settings.theme.clone_from(theme);
        // A format of the settings is for the theme of the settings.
        settings.format.clear();
    }
    if let Some(format) = &args.format {
        settings.format.clone_from(format);
    }
    (settings, wrong)
}

fn format_of<'a>(settings: &'a StatuslineConfig, theme: &Theme) -> &'a str {
    if settings.format.is_empty() { theme.format } else { &settings.format }
}

fn theme_of(name: &str) -> Result<&'static Theme> {
    THEMES.iter().find(|theme| theme.name == name).ok_or_else(|| {
        let known = THEMES.iter().map(|theme| theme.name);
        let failure = Failure::usage(format!("there is no theme '{name}'"));
        match config::nearest(name, known.clone()) {
            Some(near) => failure.hint(format!("did you mean '{near}'?")),
            None => failure.hint(format!("there are: {}", known.collect::<Vec<_>>().join(", "))),
        }
    })
}

fn told(wrong: &Wrong) -> String {
    match wrong {
        Wrong::Brace(brace) => format!("a '{brace}' alone (for the sign itself: {brace}{brace})"),
        Wrong::Field(name) => match config::nearest(name, FIELDS.iter().map(|(known, _)| *known)) {
            Some(near) => format!("no field '{name}': did you mean '{near}'?"),
            None => format!("no field '{name}': cs statusline --help"),
        },
    }
}

/// What Claude says on standard input. Who calls this by hand is not waited for.
fn read() -> Status {
    let input = io::stdin();
    if input.is_terminal() {
        report::say("Claude calls this, and says on standard input what there is to show");
        report::say("to see how it looks: cs statusline --preview");
        return Status::default();
    }
    let mut text = Vec::new();
    let _ = input.lock().take(claude::STATUS_LIMIT).read_to_end(&mut text);
    Status::parse(&text)
}

fn variable<'a>(context: &'a Context, name: &str) -> Option<&'a str> {
    let value = context.shell.environment.get(OsStr::new(name))?.to_str()?;
    (!value.is_empty()).then_some(value)
}

/// The values of all fields that say something.
#[derive(Default)]
struct Values(Vec<(&'static str, Value)>);

impl Values {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn put(&mut self, name: &'static str, text: Option<impl Into<String>>) {
        self.0.extend(text.map(|text| (name, Value { text: text.into(), percent: None })));
    }

    fn put_percent(&mut self, name: &'static str, percent: Option<f64>) {
        self.0.extend(percent.map(|percent| {
            let text = format!("{percent:.0}%");
            (name, Value { text, percent: Some(percent) })
        }));
    }

    /// From what Claude says, the environment, and, where the format shows the branch, the disk.
    fn gather(context: &Context, status: &Status, format: &Format) -> Self {
        let mut values = Self::default();
        let session = variable(context, "CS_SESSION").map(str::to_owned);
        values.put("session", session.or_else(|| status.session.clone()));
        values.put("profile", variable(context, "CS_PROFILE"));
        let here = || Some(std::env::current_dir().ok()?.to_string_lossy().into_owned());
        let directory = status.directory.clone().or_else(here);
        if let Some(directory) = &directory {
            let home = context.home().ok();
            let home = home.as_deref().and_then(Path::to_str).unwrap_or("\0");
            values.put("dir", Some(ui::short(directory, home)));
            if format.has("branch") {
                values.put("branch", Checkout::of(Path::new(directory)).and_then(|found| found.branch()));
            }
        }
        values.put("model", status.model.clone());
        values.put("effort", status.effort.clone());
        values.put_percent("context", status.context);
        values.put_percent("bar", status.context);
        // How much fits says nothing as long as it is not known how much of it is used.
        values.put("size", status.context.and(status.context_size).map(short_number));
        values.put("cost", status.cost.map(|cost| format!("${cost:.2}")));
        values.put("lines", status.lines.map(|(added, removed)| format!("+{added} -{removed}")));
        values.put("duration", status.duration.map(|ms| span(ms / 1000)));
        let now = jiff::Timestamp::now().as_second();
        for (name, resets, limit) in
            [("five_hour", "resets", status.five_hour), ("week", "week_resets", status.week)]
        {
            values.put_percent(name, limit.map(|limit| limit.used));
            let left = limit.and_then(|Limit { resets, .. }| u64::try_from(resets? - now).ok());
            values.put(resets, left.filter(|left| (1..1 << 32).contains(left)).map(span));
        }
        values.put("style", status.style.clone());
        values.put("vim", status.vim.clone());
        values.put("version", status.version.clone());
        values
    }

    /// What a preview shows.
    fn made_up() -> Self {
        let mut values = Self::default();
        for (name, text) in [
            ("session", "api"),
            ("profile", "work"),
            ("dir", "~/src/api"),
            ("branch", "main"),
            ("model", "Opus 5.5"),
            ("effort", "high"),
            ("size", "1M"),
            ("cost", "$1.20"),
            ("lines", "+156 -23"),
            ("duration", "1h 4m"),
            ("resets", "2h 10m"),
            ("week_resets", "3d 4h"),
            ("version", "2.1.329"),
        ] {
            values.put(name, Some(text));
        }
        for (name, percent) in [("context", 42.0), ("bar", 42.0), ("five_hour", 23.0), ("week", 86.0)] {
            values.put_percent(name, Some(percent));
        }
        values
    }
}

/// A time in its two greatest units: `45s`, `12m`, `1h 4m`, `3d 4h`.
fn span(seconds: u64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A number of tokens: `200k`, `1M`.
fn short_number(number: u64) -> String {
    match number {
        ..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", number / 1_000),
        _ => format!("{}M", number / 1_000_000),
    }
}

/// Shows every theme, or the one that is named, or a format, with made-up values.
fn preview(context: &Context, args: &StatuslineArgs) -> Result<Outcome> {
    let settings = &context.config()?.statusline;
    let values = Values::made_up();
    let colour = ui::colour_stdout();
    let draw = |theme: &Theme, format: &str| -> Result<String> {
        let (format, wrong) = Format::parse(format);
        match wrong.first() {
            Some(wrong) => Err(Failure::usage(told(wrong))),
            None => Ok(format.render(theme, ui::width(), colour, |name| values.get(name))),
        }
    };
    let named = args.theme.as_deref().map(theme_of).transpose()?;
    let in_force = theme_of(&settings.theme)?;
    let mut text = String::new();
    let own = args.format.as_deref().or(Some(settings.format.as_str()).filter(|own| !own.is_empty()));
    if let Some(format) = own.filter(|_| args.format.is_some() || named.is_none()) {
        let title = if args.format.is_some() { "this format" } else { "your format" };
        text.push_str(&format!("{title}\n{}\n", draw(named.unwrap_or(in_force), format)?));
    }
    if args.format.is_none() {
        for theme in THEMES.iter().filter(|theme| named.is_none_or(|named| named == *theme)) {
            let in_use = if theme == in_force && own.is_none() { " (in use)" } else { "" };
            text.push_str(&format!("{}{in_use}\n{}\n", theme.name, draw(theme, theme.format)?));
        }
    }
    text.pop();
    report::print(&text)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_short() {
        assert_eq!(
            [0, 59, 60, 3_599, 3_840, 273_600].map(span),
            ["0s", "59s", "1m", "59m", "1h 4m", "3d 4h"]
        );
        assert_eq!([999, 200_000, 1_000_000].map(short_number), ["999", "200k", "1M"]);
    }
}
