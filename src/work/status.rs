//! The content of a status line.

use std::ffi::OsStr;
use std::path::Path;

use crate::claude::{Limit, Status};
use crate::git::Checkout;
use crate::ui::{self, Format, Value};
use crate::work::context::Context;

/// Returns a variable of the shell that is set and not empty.
pub(crate) fn variable<'a>(context: &'a Context, name: &str) -> Option<&'a str> {
    let value = context.shell.environment.get(OsStr::new(name))?.to_str()?;
    (!value.is_empty()).then_some(value)
}

/// The values of all fields that say something.
#[derive(Default)]
pub(crate) struct Values(Vec<(&'static str, Value)>);

impl Values {
    /// Returns the value of the field `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
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

    /// Returns those that Claude says, the environment, and, where the format shows the branch, the disk.
    pub(crate) fn gather(context: &Context, status: &Status, format: &Format) -> Self {
        let mut values = Self::default();
        let session = variable(context, "CS_SESSION").map(str::to_owned);
        values.put("session", session.or_else(|| status.session.clone()));
        values.put("profile", variable(context, "CS_PROFILE"));
        let here = || Some(context.current_directory().ok()?.to_string_lossy().into_owned());
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

    /// Returns what a preview shows.
    pub(crate) fn made_up() -> Self {
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

/// Returns a time in its two greatest units: `45s`, `12m`, `1h 4m`, `3d 4h`.
fn span(seconds: u64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Returns a number of tokens: `200k`, `1M`.
fn short_number(number: u64) -> String {
    match number {
        ..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", number / 1_000),
        _ => format!("{}M", number / 1_000_000),
    }
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
