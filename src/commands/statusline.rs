//! `cs statusline`: a status line for Claude, which runs it by itself and shows what it prints.
//!
//! It never fails: whatever is wrong with what it is told, or with the settings, stands in the line.

use std::io::{self, IsTerminal, Read};

use super::report;
use crate::claude::{self, Status};
use crate::cli::StatuslineArgs;
use crate::config::{self, Config, StatuslineConfig};
use crate::model::{Failure, Outcome, Result};
use crate::ui::{self, FIELDS, Format, THEMES, Theme, Wrong};
use crate::work::context::Context;
use crate::work::status::{Values, variable};

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
    let loaded = context.config_path().and_then(|path| Config::load(&path, context.trusted()));
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

/// Reads what Claude says on standard input. Who calls this by hand is not waited for.
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

/// Shows every theme, or the one that is named, or a format, with made-up values.
fn preview(context: &Context, args: &StatuslineArgs) -> Result<Outcome> {
    let settings = &context.config()?.statusline;
    let values = Values::made_up();
    let colour = context.colours();
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
