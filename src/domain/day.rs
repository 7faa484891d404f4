//! Calendar days and instants in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{EventKind, Name};

const SECONDS_A_DAY: i64 = 86_400;

/// An instant: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The system's clock.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The day in UTC.
    #[must_use]
    pub fn day(self) -> Day {
        Day::new(self.0.div_euclid(SECONDS_A_DAY * 1000))
    }

    /// Hour, minute and second of the day.
    #[must_use]
    pub fn time_of_day(self) -> (i64, i64, i64) {
        let second = self.0.div_euclid(1000).rem_euclid(SECONDS_A_DAY);
        (second / 3600, second / 60 % 60, second % 60)
    }
}

/// A calendar day in UTC, written `2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

impl Day {
    /// The day so many days after 1970-01-01.
    ///
    /// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    #[must_use]
    pub fn new(days_since_epoch: i64) -> Self {
        let z = days_since_epoch + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = (shifted_month + 2) % 12 + 1;
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse().map_err(|_| ()));
        let mut next = || parts.next().ok_or(())?;
        Ok(Self {
            year: next()?,
            month: next()?,
            day: next()?,
        })
    }
}

/// How many events a counter counted on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    pub day: Day,
    pub kind: EventKind,
    pub variant: Name,
    pub count: u64,
}

impl DayCount {
    /// Puts them into the order in which stores give them.
    pub fn sort(counts: &mut [Self]) {
        counts.sort_unstable_by(|a, b| {
            (a.day, &a.kind, &a.variant).cmp(&(b.day, &b.kind, &b.variant))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_calendar_days() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_780, "2026-11-23"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(Day::new(days).to_string(), text);
            assert_eq!(text.parse(), Ok(Day::new(days)));
        }
        assert_eq!(Timestamp(86_399_999).day(), Day::new(0));
        assert_eq!(Timestamp(86_400_000).day(), Day::new(1));
        assert_eq!(Timestamp(86_399_999).time_of_day(), (23, 59, 59));
        assert_eq!("2026-11".parse::<Day>(), Err(()));
    }
}
