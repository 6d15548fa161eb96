//! Times for people.

use jiff::Timestamp;

/// Returns the time from `then` to `now`: `now`, `5m`, `3h`, `2d`, `6w`, `3y`. A time in the future (a
/// clock was set back) is `now`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    match seconds {
        ..60 => "now".into(),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        86_400..1_209_600 => format!("{}d", seconds / 86_400),
        1_209_600..31_536_000 => format!("{}w", seconds / 604_800),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// Returns a time in the time zone of this machine: `10:14` today, else `2026-11-20 10:14`.
pub fn stamp(then: Timestamp, now: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::system();
    let (then, now) = (then.to_zoned(zone.clone()), now.to_zoned(zone));
    let format = if then.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    then.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_and_never_negative() {
        let now = Timestamp::from_second(2_000_000_000).expect("in range");
        let before =
            |seconds: i64| age(Timestamp::from_second(2_000_000_000 - seconds).expect("in range"), now);
        let ages = [-500, 0, 59, 60, 3_599, 3_600, 86_400, 1_209_600, 400 * 86_400].map(before);
        assert_eq!(ages, ["now", "now", "now", "1m", "59m", "1h", "1d", "2w", "1y"]);
    }
}
