//! The report as a screen and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::finding::{Finding, Fix, Of, Report, Severity};
use crate::ui;

/// How a person is shown a report.
pub(crate) struct Screen {
    /// The home directory, which is shown as `~`; empty if it is not known.
    pub(crate) home: String,
    /// Shows it in colour.
    pub(crate) colour: bool,
    /// True with `--fix`.
    pub(crate) fixing: bool,
    /// True with `--dry-run`: then nothing was repaired.
    pub(crate) trying: bool,
}

impl Screen {
    /// Returns the report for a person: what was found by what it is about, what could not be looked at, and the sum
    /// of it; where no problem was found, what was looked at.
    pub(crate) fn text(&self, report: &Report) -> String {
        let mut text = String::new();
        let mut about: Option<&Option<Of>> = None;
        for finding in &report.findings {
            if about != Some(&finding.of) {
                if about.is_some() {
                    text.push('\n');
                }
                let title = finding.of.as_ref().map_or_else(|| "this machine".into(), ToString::to_string);
                text.push_str(&self.styled("1", &title));
                text.push('\n');
                about = Some(&finding.of);
            }
            text.push_str(&self.finding(finding));
        }
        if !report.blind.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&self.styled("1", "could not be looked at"));
            text.push('\n');
            for blind in &report.blind {
                let what = format!("{}: {}", ui::escape(&blind.what), ui::escape(&blind.why));
                text.push_str(&format!("  {what}\n"));
            }
        }
        let problems = report.findings.iter().any(|finding| finding.kind.severity() == Severity::Problem);
        if !problems {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str("looked at\n");
            for checked in &report.checked {
                text.push_str(&format!("  {}\n", ui::escape(&self.shown(checked))));
            }
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.sum(report));
        text
    }

    fn styled(&self, code: &str, text: &str) -> String {
        let text = ui::escape(text);
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into_owned() }
    }

    /// Returns a text with the home directory as `~`, wherever it begins a path.
    fn shown(&self, text: &str) -> String {
        if self.home.len() < 2 { text.to_owned() } else { text.replace(&format!("{}/", self.home), "~/") }
    }

    fn finding(&self, finding: &Finding) -> String {
        let severity = finding.kind.severity();
        let colour = if severity == Severity::Problem { "31" } else { "33" };
        let word = self.styled(colour, severity.word());
        let pad = " ".repeat(9 - severity.word().len());
        let mut text =
            format!("  {word}{pad}{} ({})\n", ui::escape(&self.shown(&finding.what)), finding.kind.id());
        let mut line = |label: &str, value: &str| {
            text.push_str(&format!("           {label}{}\n", ui::escape(value)));
        };
        if let Some(place) = &finding.place {
            line("", &self.path(place));
        }
        line("why: ", finding.kind.why());
        match (&finding.fix, &finding.repair) {
            (Fix::Safe(repair), Some(Ok(()))) => {
                line("done: ", &self.shown(&repair.does()));
                if let Some(undo) = repair.undo() {
                    line("undo: ", &undo);
                }
            }
            (Fix::Safe(repair), Some(Err(why))) => {
                line("not done: ", &format!("{}: {}", self.shown(&repair.does()), self.shown(why)));
            }
            (Fix::Safe(repair), None) if self.trying => line("would: ", &self.shown(&repair.does())),
            (Fix::Safe(_), None) => line("fix: ", "cs doctor --fix"),
            (Fix::Command(command), _) => line("fix: ", command),
            (Fix::Hand(what), _) => line(if self.fixing { "by hand: " } else { "fix: " }, what),
        }
        text
    }

    fn path(&self, path: &Path) -> String {
        ui::short(&path.to_string_lossy(), &self.home).into_owned()
    }

    /// Returns the last lines: how much was found, and what is next.
    fn sum(&self, report: &Report) -> String {
        let standing = |severity| {
            let is = |finding: &&Finding| {
                finding.kind.severity() == severity && !matches!(finding.repair, Some(Ok(())))
            };
            report.findings.iter().filter(is).count()
        };
        let repaired =
            report.findings.iter().filter(|finding| matches!(finding.repair, Some(Ok(())))).count();
        let safe = report.findings.iter().filter(|finding| matches!(finding.fix, Fix::Safe(_))).count();
        let mut parts = Vec::new();
        match standing(Severity::Problem) {
            0 => {}
            1 => parts.push("1 problem".to_owned()),
            count => parts.push(format!("{count} problems")),
        }
        match standing(Severity::Advice) {
            0 => {}
            1 => parts.push("1 piece of advice".to_owned()),
            count => parts.push(format!("{count} pieces of advice")),
        }
        if repaired > 0 {
            parts.push(format!("{repaired} repaired"));
        }
        if !report.blind.is_empty() {
            parts.push(format!("{} could not be looked at", report.blind.len()));
        }
        if parts.is_empty() {
            return "all is well\n".into();
        }
        let mut text = parts.join(", ");
        if safe > 0 && !self.fixing {
            text.push_str(&format!("; cs doctor --fix repairs {safe}"));
        } else if safe > 0 && self.trying {
            text.push_str(&format!("; without --dry-run {safe} would be repaired"));
        }
        text + "\n"
    }
}

/// Returns the report as JSON; `fixing` says that repairs were made.
pub(crate) fn json(report: &Report, fixing: bool) -> Value {
    let findings: Vec<Value> = report.findings.iter().map(finding).collect();
    let blind: Vec<Value> =
        report.blind.iter().map(|blind| json!({"what": blind.what, "why": blind.why})).collect();
    json!({
        "schema": 1, "exit": report.exit(), "fixing": fixing, "findings": findings,
        "checked": report.checked, "could_not_check": blind,
    })
}

fn finding(finding: &Finding) -> Value {
    let (how, text, undo) = match &finding.fix {
        Fix::Safe(repair) => ("safe", repair.does(), repair.undo()),
        Fix::Command(command) => ("command", command.clone(), None),
        Fix::Hand(what) => ("hand", what.clone(), None),
    };
    json!({
        "id": finding.kind.id(),
        "severity": finding.kind.severity().word(),
        "of": finding.of.as_ref().map(|of| json!({"kind": of.kind, "name": of.name})),
        "what": finding.what,
        "place": finding.place.as_ref().map(|place| place.to_string_lossy()),
        "why": finding.kind.why(),
        "fix": {"how": how, "text": text, "undo": undo},
        "repaired": finding.repair.as_ref().map(std::result::Result::is_ok),
        "failed": finding.repair.as_ref().and_then(|repair| repair.as_ref().err()),
    })
}
