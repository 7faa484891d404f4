//! How long an experiment still takes.

use super::Variant;
use super::history::{History, Series};
use super::plan::{Plan, compared};
use super::wording::short;
use crate::domain::{Day, DayCount, ExperimentCounts};

/// Traffic is that of so many days at most: what was a month ago says little about tomorrow.
const RECENT_DAYS: i64 = 7;

/// What takes longer is not worth waiting for.
pub(super) const LONGEST_DAYS: u64 = 365;

/// What it still takes until the decision that seems to come next, if all goes on as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Of the last full days, all variants together; none where no full day is known.
    pub participants_per_day: Option<u64>,
    /// Whole days from now.
    pub days: Option<u64>,
    /// How many more, on average of the variants.
    pub participants_per_variant: Option<u64>,
}

/// When an experiment was counted, and how many participants come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Traffic {
    /// None where no full day is known.
    pub per_day: Option<f64>,
    first: i64,
    last: i64,
    /// All who came.
    total: f64,
}

impl Traffic {
    /// The last day that something was counted on counts as today. None where days are not known.
    pub(super) fn of(
        counts: &ExperimentCounts,
        days: &[DayCount],
        variants: &[Variant],
    ) -> Option<Self> {
        let history = History::of(counts, days, variants, &[]);
        let number = |day: Option<&Day>| day.map(|day| number(*day));
        let (first, last) = (number(history.days.first())?, number(history.days.last())?);
        // A first day is rarely a full one; it is better than none.
        let from = (last - RECENT_DAYS).max(first + 1).min(last - 1).max(first);
        let full = last - from;
        let all: u64 = (history.days.iter().enumerate())
            .filter(|(_, day)| (from..last).contains(&self::number(**day)))
            .map(|(place, _)| of_day(&history.participants, variants, place))
            .sum();
        Some(Self {
            per_day: (full > 0 && all > 0).then(|| all as f64 / full as f64),
            first,
            last,
            total: compared(variants) as f64,
        })
    }

    /// How many days it is until so many more have come to two variants, which have had so many.
    pub(super) fn days(&self, more: u64, of: f64) -> Option<u64> {
        let per_day = self.per_day? * (of / self.total);
        let days = (more as f64 / per_day).ceil();
        days.is_finite().then_some(days as u64)
    }

    /// How many days there have been, today with them.
    pub(super) fn elapsed(&self) -> u64 {
        u64::try_from(self.last - self.first + 1).unwrap_or(1)
    }

    /// When the last of so many more days has ended its week, counted from the first day.
    pub(super) fn end_of_week(&self, days: u64) -> String {
        let days = i64::try_from(days).unwrap_or(0);
        let weeks = (self.last + days - self.first + 1).div_euclid(7)
            + i64::from((self.last + days - self.first + 1).rem_euclid(7) > 0);
        short(Day::new(self.first + 7 * weeks - 1))
    }
}

fn of_day(participants: &[Series], variants: &[Variant], day: usize) -> u64 {
    let series = variants.iter().zip(participants);
    let compared = series.filter(|(variant, _)| variant.compared);
    compared.fold(0, |sum: u64, (_, series)| {
        sum.saturating_add(series.of_day[day])
    })
}

/// How many more participants each variant gets until the plan is complete.
pub(super) fn until_planned(plan: &Plan, variants: &[Variant]) -> u64 {
    let compared = variants.iter().filter(|variant| variant.compared).count();
    plan.missing().div_ceil(compared.max(1) as u64)
}

/// Days since 1970-01-01: what [`Day::new`] takes.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn number(day: Day) -> i64 {
    let year = day.year - i64::from(day.month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((day.month + 9) % 12) + 2) / 5 + day.day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_numbered_as_they_are_made() {
        for days in (-200_000..200_000).step_by(97).chain(20_780..20_790) {
            assert_eq!(number(Day::new(days)), days);
        }
    }
}
