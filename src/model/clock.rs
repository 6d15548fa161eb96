//! The clock, held against the times that were noted by it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::Age;

/// A year, as far as this needs one.
const YEAR: i64 = 366;

/// How far behind the last thing that was noted the clock may be: one was set, or two machines differ.
const BEHIND: SignedDuration = SignedDuration::from_hours(24);

/// How far beyond the last thing that was noted the clock may be: somebody comes back after so long.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 2 * YEAR);

/// The pause between two things that were noted that is none: there the clock leapt.
const LEAP: SignedDuration = SignedDuration::from_hours(24 * 10 * YEAR);

/// Returns the time before which no `cs`, and no Claude Code, noted anything.
fn earliest() -> Timestamp {
    // 2020-01-01T00:00:00Z
    Timestamp::from_second(1_577_836_800).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Something that was noted, with the time that the clock said then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Noted {
    /// When.
    pub at: Timestamp,
    /// Of what, in words.
    pub what: String,
}

/// The time it is, and whether it is believed: what is removed for its age goes by it.
///
/// A clock may be decades or centuries off, in either direction, after a battery has died or a date was
/// mistyped. So it is held against what was noted before. Neither a clock that leapt, nor what was noted while
/// it was off, makes anything old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    now: Timestamp,
    doubt: Option<Doubt>,
}

/// The reason that the clock is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    now: Timestamp,
    /// The last thing that is believed to have been noted; `None` where the time itself cannot be.
    last: Option<Noted>,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the clock says {}", self.now.strftime("%Y-%m-%d"))?;
        match &self.last {
            Some(last) => {
                let day = last.at.strftime("%Y-%m-%d");
                write!(f, ", and the last thing that was noted ({}) is of {day}", last.what)?;
            }
            None => f.write_str(", and there was no cs then")?,
        }
        f.write_str(": nothing is removed for its age")
    }
}

impl Clock {
    /// Returns the clock that says `now`, where these things were noted before.
    pub fn new(now: Timestamp, noted: impl IntoIterator<Item = Noted>) -> Self {
        let mut noted: Vec<Noted> = noted.into_iter().collect();
        noted.sort();
        let (wrong, right) = noted.split_at(noted.partition_point(|noted| noted.at < earliest()));
        // What lies beyond a leap was noted while the clock was off.
        let mut last = right.first();
        for noted in right {
            if last.is_some_and(|last| noted.at.duration_since(last.at) <= LEAP) {
                last = Some(noted);
            }
        }
        let last = last.or(wrong.last());
        let is_off = last.is_some_and(|last| {
            let since = now.duration_since(last.at);
            since > AHEAD || since < -BEHIND
        });
        let doubt = match () {
            () if now < earliest() => Some(Doubt { now, last: None }),
            () if is_off => Some(Doubt { now, last: last.cloned() }),
            () => None,
        };
        Self { now, doubt }
    }

    /// Returns the reason that the clock is not believed; `None` if it is.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// Returns true if something last touched at `then` is certainly of this age: the clock is believed, now and
    /// as it was then.
    pub fn has_reached(&self, age: Age, then: Timestamp) -> bool {
        self.doubt.is_none() && Self::is_credible(then) && age.is_reached(then, self.now)
    }

    /// Returns true if something would be of this age, and is kept for the clock alone.
    pub fn keeps(&self, age: Age, then: Timestamp) -> bool {
        age.is_reached(then, self.now) && !self.has_reached(age, then)
    }

    /// Returns true unless no clock that was right can have said `then`.
    pub fn is_credible(then: Timestamp) -> bool {
        then >= earliest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        format!("{text}T12:00:00Z").parse().expect("a time")
    }

    fn clock(now: &str, noted: &[&str]) -> Clock {
        let noted = noted.iter().map(|text| Noted { at: day(text), what: format!("session '{text}'") });
        Clock::new(day(now), noted.collect::<Vec<_>>())
    }

    #[test]
    fn a_clock_that_goes_on_from_what_was_noted_is_believed() {
        for noted in [
            &[][..],
            &["2026-11-27"],
            &["2026-11-28"],
            &["2024-12-01"],
            &["2026-01-01", "2026-11-26"],
            // One session is years old, and nothing is left of the time between.
            &["2021-01-01", "2026-11-26"],
        ] {
            let clock = clock("2026-11-27", noted);
            assert_eq!(clock.doubt(), None, "{noted:?}");
            assert!(clock.has_reached(Age::days(30), day("2026-10-01")), "{noted:?}");
            assert!(!clock.has_reached(Age::days(30), day("2026-11-01")), "{noted:?}");
        }
    }

    #[test]
    fn a_clock_that_is_off_makes_nothing_old() {
        let noted = ["2026-01-01", "2026-11-27"];
        for now in
            ["1726-01-01", "1970-01-01", "2019-06-01", "2026-11-25", "2029-01-01", "2226-11-27", "9000-01-01"]
        {
            let clock = clock(now, &noted);
            assert!(clock.doubt().is_some(), "{now}");
            for then in ["1700-01-01", "1970-01-01", "2026-01-01", "2026-11-27"] {
                assert!(!clock.has_reached(Age::days(0), day(then)), "{now}: {then}");
            }
        }
        // The control: by the clock alone they would be.
        assert!(Age::days(30).is_reached(day("2026-11-27"), day("2226-11-27")));
        assert!(clock("2226-11-27", &noted).keeps(Age::days(30), day("2026-11-27")));
        assert!(!clock("2026-11-27", &noted).keeps(Age::days(30), day("2026-01-01")), "it goes");
    }

    #[test]
    fn what_was_noted_while_the_clock_was_off_says_nothing_about_it() {
        let clock_now =
            |now| clock(now, &["1970-01-01", "2026-11-20", "2026-11-27", "2226-01-01", "2226-01-02"]);
        assert!(clock_now("2226-01-02").doubt().is_some(), "it is still off");
        let right = clock_now("2026-11-28");
        assert_eq!(right.doubt(), None, "it was set right");
        assert!(!right.has_reached(Age::days(1), day("1970-01-01")), "nobody knows when that was");
        assert!(right.keeps(Age::days(1), day("1970-01-01")));
        assert!(!right.has_reached(Age::days(1), day("2226-01-01")));
        assert!(clock("2026-11-28", &["1726-01-01"]).doubt().is_some(), "there is nothing else to go by");
    }

    #[test]
    fn a_doubt_says_what_the_clock_is_held_against() {
        let said = |now, noted: &[&str]| clock(now, noted).doubt().map(ToString::to_string);
        assert_eq!(
            said("2226-11-27", &["2026-11-27"]).as_deref(),
            Some(
                "the clock says 2226-11-27, and the last thing that was noted (session '2026-11-27') is of \
                 2026-11-27: nothing is removed for its age"
            )
        );
        assert_eq!(
            said("1970-01-01", &["2026-11-27"]).as_deref(),
            Some("the clock says 1970-01-01, and there was no cs then: nothing is removed for its age")
        );
    }
}
