//! The days of an experiment: what was counted, and how rates came to where they are.

use super::Results;
use super::Variant;
use super::comparison::safe_interval;
use super::goal::{GoalKind, GoalResults};
use super::history::{History, Series};
use crate::domain::statistics::{Interval, Proportion};
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
    /// By how much the rate is above the control's, valid at every look; none for the control, and while it is too
    /// early.
    pub safe_interval: Option<Interval>,
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
    let is_control = |variant: &Variant| Some(&variant.name) == results.control.as_ref();
    let control = results.variants.iter().position(is_control);
    (history.days.iter().enumerate())
        .map(|(day, date)| DayResults {
            day: *date,
            participants: (results.variants.iter().zip(&history.participants))
                .map(|(variant, series)| (&variant.name, series.of_day[day]))
                .collect(),
            goals: (results.goals.iter().zip(&history.conversions))
                .map(|(goal, series)| {
                    let sides = of_day(goal, &history.participants, series, day);
                    (&goal.goal, beside_control(goal, sides, control))
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
            safe_interval: None,
        }
    })
    .collect()
}

/// Compares each with the one at that place.
fn beside_control<'a>(
    goal: &GoalResults,
    mut sides: Vec<GoalOfDay<'a>>,
    control: Option<usize>,
) -> Vec<GoalOfDay<'a>> {
    let beside = control.and_then(|place| sides.get(place)?.proportion);
    for (variant, side) in goal.variants.iter().zip(&mut sides) {
        let compared = variant.versus_control.is_some();
        if let (Some(one), Some(other), true) = (beside, side.proportion, compared) {
            side.safe_interval = safe_interval(one, other);
        }
    }
    sides
}
