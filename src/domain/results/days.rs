//! The days of an experiment: what was counted, and how rates came to where they are.

use super::Results;
use super::goal::{GoalKind, GoalResults};
use super::history::{History, Series};
use crate::domain::statistics::Proportion;
use crate::domain::{Day, DayCount, ExperimentCounts, Name};

/// One day of an experiment.
#[derive(Clone, Debug)]
pub struct DayResults<'a> {
    pub day: Day,
    /// Participants of that day, in the order of [`Results::variants`].
    pub participants: Vec<(&'a Name, u64)>,
    /// In the order of [`Results::goals`].
    pub goals: Vec<(&'a Name, Vec<GoalOfDay<'a>>)>,
}

/// A variant's share of a goal on one day.
#[derive(Clone, Debug)]
pub struct GoalOfDay<'a> {
    pub variant: &'a Name,
    /// Of that day.
    pub conversions: u64,
    /// Up to and including that day: conversions a participant.
    pub rate: Option<f64>,
    /// The same as a proportion, where the goal is one.
    pub proportion: Option<Proportion>,
}

/// The days that have counts, in their order.
///
/// What the results have beyond the sum of all days (Python lamed keeps none) counts as having been
/// there before the first: so the last day's rate is the rate of now.
#[must_use]
pub fn by_day<'a>(
    results: &'a Results,
    counts: &ExperimentCounts,
    days: &[DayCount],
) -> Vec<DayResults<'a>> {
    let goals: Vec<&Name> = results.goals.iter().map(|goal| &goal.goal).collect();
    let history = History::of(counts, days, &results.variants, &goals);
    (history.days.iter().enumerate())
        .map(|(day, date)| DayResults {
            day: *date,
            participants: (results.variants.iter().zip(&history.participants))
                .map(|(variant, series)| (&variant.name, series.of_day[day]))
                .collect(),
            goals: (results.goals.iter().zip(&history.conversions))
                .map(|(goal, series)| {
                    (&goal.goal, of_day(goal, &history.participants, series, day))
                })
                .collect(),
        })
        .collect()
}

fn of_day<'a>(
    goal: &'a GoalResults,
    participants: &[Series],
    conversions: &[Series],
    day: usize,
) -> Vec<GoalOfDay<'a>> {
    (goal
        .variants
        .iter()
        .zip(participants.iter().zip(conversions)))
    .map(|(variant, (all, converted))| {
        let (participants, conversions) = (all.sums[day], converted.sums[day]);
        GoalOfDay {
            variant: &variant.variant,
            conversions: converted.of_day[day],
            rate: (participants > 0).then(|| conversions as f64 / participants as f64),
            proportion: Proportion::new(conversions, participants)
                .filter(|_| goal.kind == GoalKind::Proportion),
        }
    })
    .collect()
}
