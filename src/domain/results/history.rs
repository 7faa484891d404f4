//! The counts at the ends of days.

use std::collections::HashMap;

use super::Variant;
use crate::domain::{Day, DayCount, EventKind, ExperimentCounts, Name, Sums};

/// What was counted of some variants and goals, day by day.
pub(super) struct History {
    /// Those that have counts, in their order.
    pub days: Vec<Day>,
    /// By the place of the variant.
    pub participants: Vec<Series>,
    /// By the place of the goal, then of the variant.
    pub conversions: Vec<Vec<Series>>,
    /// The same for goals with a value; for others nothing.
    pub worth: Vec<Vec<Worth>>,
}

/// What one counter's days were worth.
#[derive(Clone)]
pub(super) struct Worth {
    pub of_day: Vec<Sums>,
    /// Up to the end of each day.
    pub up_to: Vec<Sums>,
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
        let worth = goals.iter().map(|goal| match counts.has_worth(goal) {
            true => worth(counts, goal, &all, &place_of),
            false => Vec::new(),
        });
        let worth = worth.collect();
        Self {
            days: all,
            participants,
            conversions,
            worth,
        }
    }
}

/// What a goal was worth on these days.
fn worth(
    counts: &ExperimentCounts,
    goal: &Name,
    days: &[Day],
    place_of: &HashMap<&Name, usize>,
) -> Vec<Worth> {
    let mut of_variants = vec![vec![Sums::default(); days.len()]; place_of.len()];
    for one in counts.worth_by_day().iter().filter(|one| one.goal == *goal) {
        let place = place_of.get(&one.variant);
        // What was read after the counts may have a day that they do not have.
        let day = days.partition_point(|day| *day < one.day);
        if let (Some(place), Some(last)) = (place, days.len().checked_sub(1)) {
            let sums = &mut of_variants[*place][day.min(last)];
            *sums = sums.and(one.sums);
        }
    }
    let up_to = |of_day: &[Sums]| {
        let add = |sum: &mut Sums, of_day: &Sums| {
            *sum = sum.and(*of_day);
            Some(*sum)
        };
        of_day.iter().scan(Sums::default(), add).collect()
    };
    (of_variants.into_iter())
        .map(|of_day| Worth {
            up_to: up_to(&of_day),
            of_day,
        })
        .collect()
}
