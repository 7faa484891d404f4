//! The days of an experiment: what was counted, and how rates came to where they are.

use super::Results;
use super::goal::{GoalKind, GoalResults};
use super::history::History;
use crate::domain::statistics::{Proportion, Valued};
use crate::domain::{Day, DayCount, ExperimentCounts, Name, Sums};

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
    /// Where the goal has a value.
    pub worth: Option<WorthOfDay>,
}

/// What a variant's conversions are worth, by one day.
#[derive(Clone, Copy, Debug)]
pub struct WorthOfDay {
    /// Of that day.
    pub sums: Sums,
    /// Up to and including that day; none with less than two participants.
    pub valued: Option<Valued>,
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
            goals: (results.goals.iter().enumerate())
                .map(|(place, goal)| (&goal.goal, of_day(goal, &history, place, day)))
                .collect(),
        })
        .collect()
}

fn of_day<'a>(
    goal: &'a GoalResults,
    history: &History,
    place: usize,
    day: usize,
) -> Vec<GoalOfDay<'a>> {
    (goal.variants.iter().enumerate())
        .map(|(at, variant)| {
            let converted = &history.conversions[place][at];
            let participants = history.participants[at].sums[day];
            let conversions = converted.sums[day];
            let worth = history.worth[place].get(at);
            GoalOfDay {
                variant: &variant.variant,
                conversions: converted.of_day[day],
                rate: (participants > 0).then(|| conversions as f64 / participants as f64),
                proportion: Proportion::new(conversions, participants)
                    .filter(|_| goal.kind != GoalKind::Count),
                worth: worth
                    .filter(|_| goal.kind == GoalKind::Value)
                    .map(|worth| WorthOfDay {
                        sums: worth.of_day[day],
                        valued: Valued::new(participants, worth.up_to[day]),
                    }),
            }
        })
        .collect()
}
