//! A least age, as a person writes it.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde::{Deserialize, Serialize};

/// An age, as a person writes it: `30d`, `2w`, `12h`, `1w 3d`. A day has 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Age(SignedDuration);

impl Age {
    /// Returns an age of so many days.
    pub const fn days(days: i64) -> Self {
        Self(SignedDuration::from_hours(days * 24))
    }

    /// Returns true if something last touched at `then` is this old at `now`. A time in the future counts
    /// as young.
    pub fn is_reached(self, then: Timestamp, now: Timestamp) -> bool {
        now.duration_since(then) >= self.0
    }

    /// Returns the moment that lies this far before `now`; the earliest there is if that is too far.
    pub fn before(self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.0).unwrap_or(Timestamp::MIN)
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no age: 30d, 2w, 12h");
        let span: Span = text.parse().map_err(|_| wrong())?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        if duration.is_negative() { Err(wrong()) } else { Ok(Self(duration)) }
    }
}

impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Age> for String {
    fn from(age: Age) -> Self {
        age.to_string()
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            _ if seconds % 86_400 == 0 => write!(f, "{}d", seconds / 86_400),
            _ if seconds % 3600 == 0 => write!(f, "{}h", seconds / 3600),
            _ if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            _ => write!(f, "{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_read_as_it_is_written() {
        for (text, same) in
            [("30d", "30d"), ("2w", "14d"), ("36h", "36h"), ("1w 3d", "10d"), ("90m", "90m"), ("0d", "0d")]
        {
            let age: Age = text.parse().expect(text);
            assert_eq!(age.to_string(), same);
            assert_eq!(same.parse(), Ok(age));
        }
        for wrong in ["", "30", "d", "-3d", "a week", "1 month", "2y"] {
            assert!(wrong.parse::<Age>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_lies_ahead_is_young() {
        let now = Timestamp::from_second(1_000_000_000).expect("a time");
        let day = Age::days(1);
        let earlier = |seconds: i64| Timestamp::from_second(1_000_000_000 - seconds).expect("a time");
        assert!(day.is_reached(earlier(86_400), now) && !day.is_reached(earlier(86_399), now));
        assert!(!Age::days(0).is_reached(earlier(-5), now));
        assert_eq!(day.before(now), earlier(86_400));
    }
}
