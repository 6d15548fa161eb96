//! Tokens and cost, summed up from the transcripts.

mod transcripts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::claude::{self, Message, Tokens};
use crate::model::{Age, Failure, Name, Result};
use crate::usage::transcripts::{Owner, Sources};
use crate::work::context::Context;

/// Returns from when on: an age, a day, or always. An age in days begins with its first day.
pub(crate) fn since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    let start = |day: Date| day.to_zoned(zone.clone()).map(|start| start.timestamp());
    if text == "all" {
        return Ok(Timestamp::MIN);
    }
    if let Ok(day) = text.parse::<Date>() {
        return start(day).map_err(|error| Failure::usage(format!("'{text}' is out of range: {error}")));
    }
    let age: Age =
        text.parse().map_err(|error: String| Failure::usage(error).hint("or a day: 2026-01-31; or: all"))?;
    let then = age.before(now);
    if !age.to_string().ends_with('d') {
        return Ok(then);
    }
    Ok(start(then.to_zoned(zone.clone()).date()).unwrap_or(then))
}

/// The part of the usage that a person wants to see.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Only what was done as this profile, or in a session of it.
    pub profile: Option<Name>,
    /// A session's name, or a profile's: then only what was done as that profile itself.
    pub name: Option<(Name, bool)>,
}

impl Filter {
    fn is(&self, owner: &Owner) -> bool {
        self.profile.as_ref().is_none_or(|profile| *profile == owner.profile)
            && self
                .name
                .as_ref()
                .is_none_or(|(name, is_session)| *name == owner.name && *is_session == owner.is_session)
    }
}

/// The things that usage is summed up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Each day.
    Day,
    /// Each session, and each profile itself.
    Session,
    /// Each profile with its sessions.
    Profile,
    /// Each model.
    Model,
}

/// The thing that a sum is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A day, where a person is.
    Day(Date),
    /// A session or a profile itself, its profile, and whether it is a session.
    Name(Name, Name, bool),
    /// A profile with all its sessions.
    Profile(Name),
    /// A model.
    Model(String),
}

/// Sums of messages.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    /// How many.
    pub messages: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// In dollars, of the messages whose price is known.
    pub cost: f64,
    /// The models of the others.
    pub unknown: BTreeSet<String>,
    /// How many have a price that is known.
    pub priced: u64,
}

impl Sum {
    fn add(&mut self, message: &Message, cost: Option<f64>) {
        self.messages += 1;
        let (mine, more) = (&mut self.tokens, message.tokens);
        for (mine, more) in [
            (&mut mine.input, more.input),
            (&mut mine.output, more.output),
            (&mut mine.write, more.write),
            (&mut mine.write_1h, more.write_1h),
            (&mut mine.read, more.read),
        ] {
            *mine = mine.saturating_add(more);
        }
        match cost {
            Some(cost) => {
                self.priced += 1;
                self.cost += cost;
            }
            // What took nothing costs nothing, whatever it is called.
            None if message.tokens == Tokens::default() => self.priced += 1,
            None => {
                self.unknown.insert(message.model.to_string());
            }
        }
    }
}

/// The usage, summed up.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// The sums: days in order, all else by what it cost.
    pub rows: Vec<(Key, Sum)>,
    /// Of all of it.
    pub total: Sum,
    /// How many lines make no sense.
    pub senseless: u64,
    /// How many files cannot be read.
    pub unreadable: u64,
}

/// Returns what was spent since then by what `filter` lets through. `at` is told now and then how many bytes are read, and of
/// how many.
pub(crate) fn spent(
    context: &Context,
    by: By,
    filter: &Filter,
    since: Timestamp,
    zone: &TimeZone,
    at: &mut dyn FnMut(u64, u64),
) -> Result<Spent> {
    let sources = Sources::find(context)?;
    let seen = transcripts::read(&sources, since, at);
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    let mut total = Sum::default();
    for (owner, message) in seen.messages.values() {
        let owner = &sources.owners[*owner];
        if message.at < since || !filter.is(owner) {
            continue;
        }
        let key = match by {
            By::Day => Key::Day(message.at.to_zoned(zone.clone()).date()),
            By::Session => Key::Name(owner.name.clone(), owner.profile.clone(), owner.is_session),
            By::Profile => Key::Profile(owner.profile.clone()),
            By::Model => Key::Model(message.model.to_string()),
        };
        let cost = claude::cost_of(message);
        sums.entry(key).or_default().add(message, cost);
        total.add(message, cost);
    }
    let mut rows: Vec<(Key, Sum)> = sums.into_iter().collect();
    if by != By::Day {
        rows.sort_by(|(_, a), (_, b)| b.cost.total_cmp(&a.cost).then(b.tokens.output.cmp(&a.tokens.output)));
    }
    Ok(Spent { rows, total, senseless: seen.senseless, unreadable: seen.unreadable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_a_person_is() {
        let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a zone");
        let now: Timestamp = "2026-11-03T02:30:00Z".parse().expect("a time");
        let at = |text: &str| since(text, now, &zone).map(|at| at.to_string());
        // It is the evening of the 2nd there; summer time ended on the 1st.
        assert_eq!(at("0d").as_deref(), Ok("2026-11-02T05:00:00Z"));
        assert_eq!(at("2d").as_deref(), Ok("2026-10-31T04:00:00Z"));
        assert_eq!(at("12h").as_deref(), Ok("2026-11-02T14:30:00Z"));
        assert_eq!(at("2026-11-01").as_deref(), Ok("2026-11-01T04:00:00Z"));
        assert_eq!(since("all", now, &zone), Ok(Timestamp::MIN));
        assert!(at("yesterday").is_err());
    }
}
