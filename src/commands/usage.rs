//! `cs usage`: tokens and cost, summed up from the transcripts.

use std::io::{IsTerminal, Write, stderr};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::report;
use crate::claude::{self, Tokens};
use crate::cli::{UsageArgs, UsageBy};
use crate::model::{Outcome, Result, Subject};
use crate::ui::{self, Align, Table};
use crate::usage::{self, By, Filter, Key, Spent, Sum};
use crate::work::context::Context;

pub(super) fn run(context: &Context, args: &UsageArgs) -> Result<Outcome> {
    let zone = TimeZone::system();
    let since = usage::since(&args.since, Timestamp::now(), &zone)?;
    let filter = filter(context, args)?;
    let by = match args.by {
        UsageBy::Day => By::Day,
        UsageBy::Session => By::Session,
        UsageBy::Profile => By::Profile,
        UsageBy::Model => By::Model,
    };
    let (watched, mut said) = (stderr().is_terminal(), false);
    let spent = usage::spent(context, by, &filter, since, &zone, &mut |read, of| {
        if watched {
            let _ = write!(stderr(), "\rcs: read {} of {}\x1b[K", ui::size(read), ui::size(of));
            said = true;
        }
    });
    if said {
        let _ = write!(stderr(), "\r\x1b[K");
    }
    let Spent { rows, total, senseless, unreadable } = spent?;
    if args.json {
        let since = (since != Timestamp::MIN).then_some(since);
        report::print_json(&json!({
            "schema": 1,
            "since": since,
            "prices_of": claude::prices_date(),
            "by": rows.iter().map(|(key, sum)| document(Some(key), sum)).collect::<Vec<_>>(),
            "total": document(None, &total),
            "models_without_price": total.unknown,
            "unreadable_lines": senseless,
            "unreadable_files": unreadable,
        }))?;
        return Ok(Outcome::Done);
    }
    if rows.is_empty() {
        report::say("no transcript has any tokens in it, as far back as that; further back: --since all");
        return Ok(Outcome::Done);
    }
    report::print(&table(context, by, &rows, &total))?;
    if !total.unknown.is_empty() {
        let models: Vec<&str> = total.unknown.iter().map(String::as_str).collect();
        report::say(&format!("no price is known of {}: in no sum of costs", models.join(", ")));
    }
    if senseless > 0 || unreadable > 0 {
        report::say(&format!(
            "left out: {senseless} lines that make no sense, {unreadable} files that cannot be read"
        ));
    }
    if ui::width().is_some() {
        report::say(&format!(
            "at list prices of {}; a subscription is not billed by these",
            claude::prices_date()
        ));
    }
    Ok(Outcome::Done)
}

fn filter(context: &Context, args: &UsageArgs) -> Result<Filter> {
    let profile = args.profile.as_deref().map(|name| context.resolve_profile(name)).transpose()?;
    let subject = args.name.as_deref().map(|name| context.resolve(name)).transpose()?;
    let name = subject.map(|subject| (subject.name().clone(), matches!(subject, Subject::Session(..))));
    Ok(Filter { profile: profile.map(|profile| profile.name), name })
}

fn document(key: Option<&Key>, sum: &Sum) -> Value {
    let mut value = match key {
        None => json!({}),
        Some(Key::Day(day)) => json!({"day": day.to_string()}),
        Some(Key::Name(name, profile, true)) => json!({"session": name, "profile": profile}),
        Some(Key::Name(_, profile, false)) => json!({"session": null, "profile": profile}),
        Some(Key::Profile(profile)) => json!({"profile": profile}),
        Some(Key::Model(model)) => json!({"model": model}),
    };
    let Tokens { input, output, write, write_1h, read } = sum.tokens;
    value["messages"] = json!(sum.messages);
    value["tokens"] = json!({
        "input": input, "output": output, "cache_write_5m": write, "cache_write_1h": write_1h,
        "cache_read": read,
    });
    value["cost_usd"] =
        if sum.priced == 0 && sum.messages > 0 { Value::Null } else { json!((sum.cost * 1e6).round() / 1e6) };
    value["messages_without_price"] = json!(sum.messages - sum.priced);
    value
}

fn cost(sum: &Sum) -> String {
    match (sum.priced, sum.unknown.is_empty()) {
        (_, true) => format!("${:.2}", sum.cost),
        (0, _) => "?".to_owned(),
        _ => format!("${:.2} + ?", sum.cost),
    }
}

fn table(context: &Context, by: By, rows: &[(Key, Sum)], total: &Sum) -> String {
    let width = ui::width();
    let title = match by {
        By::Day => "DAY",
        By::Session => "SESSION",
        By::Profile => "PROFILE",
        By::Model => "MODEL",
    };
    let mut table = Table::new(&[
        (title, Align::Shrink),
        (if by == By::Session { "PROFILE" } else { "" }, Align::Shrink),
        ("INPUT", Align::Right),
        ("OUTPUT", Align::Right),
        ("WRITTEN", Align::Right),
        ("READ", Align::Right),
        ("COST", Align::Right),
        ("", Align::Left),
    ]);
    // By what it costs, or by what was written where no price is known.
    let amount = |sum: &Sum| if total.cost > 0.0 { sum.cost } else { float(sum.tokens.output) };
    let most = rows.iter().map(|(_, sum)| amount(sum)).fold(0.0, f64::max);
    for (key, sum) in rows {
        let [name, profile] = match key {
            Key::Day(day) => [day.to_string(), String::new()],
            Key::Name(name, profile, true) => [name.to_string(), profile.to_string()],
            Key::Name(_, profile, false) => ["(none)".to_owned(), profile.to_string()],
            Key::Profile(profile) => [profile.to_string(), String::new()],
            Key::Model(model) => [model.clone(), String::new()],
        };
        let chart = width.map(|_| bar(amount(sum), most)).unwrap_or_default();
        table.row(cells([name, profile], sum, chart), None);
    }
    table.row(cells(["all".to_owned(), String::new()], total, String::new()), Some("1"));
    table.render(width, context.colours())
}

fn cells(names: [String; 2], sum: &Sum, chart: String) -> Vec<String> {
    let Tokens { input, output, write, write_1h, read } = sum.tokens;
    let numbers = [input, output, write.saturating_add(write_1h), read].map(ui::number);
    names.into_iter().chain(numbers).chain([cost(sum), chart]).collect()
}

#[allow(clippy::cast_precision_loss, reason = "it is drawn in eighths of a column")]
fn float(number: u64) -> f64 {
    number as f64
}

/// A bar of at most twelve columns, in eighths of one.
fn bar(amount: f64, most: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    const WIDTH: u32 = 12 * 8;
    let share = if most > 0.0 { (amount / most).clamp(0.0, 1.0) } else { 0.0 };
    let filled = (1..=WIDTH).filter(|eighth| share * f64::from(WIDTH) + 0.5 >= f64::from(*eighth)).count();
    format!("{}{}", "█".repeat(filled / 8), EIGHTHS[filled % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        assert_eq!([bar(0.0, 5.0), bar(5.0, 5.0), bar(1.0, 0.0)], ["", "████████████", ""]);
        assert_eq!(bar(1.0, 8.0), "█▌");
    }
}
