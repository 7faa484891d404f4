//! The counts at the ends of days.

use std::collections::HashMap;

use super::Variant;
use crate::domain::{Day, DayCount, EventKind, ExperimentCounts, Name};

/// What was counted of some variants and goals, day by day.
pub(super) struct History {
    /// Those that have counts, in their order.
    pub days: Vec<Day>,
    /// By the place of the variant.
    pub participants: Vec<Series>,
    /// By the place of the goal, then of the variant.
    pub conversions: Vec<Vec<Series>>,
}

/// One counter's days.
#[derive(Clone, Default)]
pub(super) struct Series {
    /// Counted on each day.
    pub of_day: Vec<u64>,
    /// Counted up to the end of each day.
    pub sums: Vec<u64>,
}

impl Series {
    fn of(days: usize) -> Self {
        Self {
            of_day: vec![0; days],
            sums: Vec::new(),
        }
    }

    /// What the total has beyond the sum of all days (Python lamed keeps none) counts as having been
    /// there before the first: so the last day ends with the total.
    fn sum_up(&mut self, total: u64) {
        let of_days = self
            .of_day
            .iter()
            .fold(0, |sum: u64, n| sum.saturating_add(*n));
        let mut sum = total.saturating_sub(of_days);
        self.sums = (self.of_day.iter())
            .map(|of_day| {
                // An event may be counted between the reading of the total and that of the days.
                sum = sum.saturating_add(*of_day).min(total);
                sum
            })
            .collect();
    }
}

impl History {
    /// The days of these variants and goals; of others nothing is kept.
    pub(super) fn of(
        counts: &ExperimentCounts,
        days: &[DayCount],
        variants: &[Variant],
        goals: &[&Name],
    ) -> Self {
        let mut all: Vec<Day> = days.iter().map(|count| count.day).collect();
        all.sort_unstable();
        all.dedup();
        let empty = || vec![Series::of(all.len()); variants.len()];
        let mut participants = empty();
        let mut conversions: Vec<Vec<Series>> = goals.iter().map(|_| empty()).collect();
        let names = variants.iter().map(|variant| &variant.name);
        let place_of: HashMap<&Name, usize> = names.zip(0..).collect();
        let goal_of: HashMap<&Name, usize> = goals.iter().copied().zip(0..).collect();
        for count in days {
            let series = match &count.kind {
                EventKind::Exposure => Some(&mut participants),
                EventKind::Conversion(goal) => {
                    goal_of.get(goal).map(|goal| &mut conversions[*goal])
                }
            };
            let place = place_of.get(&count.variant);
            if let (Some(series), Some(place), Ok(day)) =
                (series, place, all.binary_search(&count.day))
            {
                let of_day = &mut series[*place].of_day[day];
                *of_day = of_day.saturating_add(count.count);
            }
        }
        for (variant, series) in variants.iter().zip(&mut participants) {
            series.sum_up(variant.participants);
        }
        for (goal, of_goal) in goals.iter().zip(&mut conversions) {
            for (variant, series) in variants.iter().zip(of_goal) {
                series.sum_up(counts.conversions(goal, &variant.name));
            }
        }
        Self {
            days: all,
            participants,
            conversions,
        }
    }
}
