//! The days of an experiment: what was counted, and how rates came to where they are.

use super::Results;
use super::Variant;
use super::goal::{GoalKind, GoalResults, GoalVariant};
use super::history::History;
use super::measured::Known;
use crate::domain::statistics::{Interval, Proportion, Valued};
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
    /// By how much the rate is above the control's, valid at every look; none for the control, and while it is too
    /// early.
    pub safe_interval: Option<Interval>,
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

impl GoalOfDay<'_> {
    fn known(&self) -> Known {
        Known {
            proportion: self.proportion,
            valued: self.worth.and_then(|worth| worth.valued),
        }
    }
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
            goals: (results.goals.iter().enumerate())
                .map(|(place, goal)| {
                    let sides = of_day(goal, &history, place, day);
                    (&goal.goal, beside_control(goal, sides, control))
                })
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
                safe_interval: None,
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

/// Compares each with the one at that place.
fn beside_control<'a>(
    goal: &GoalResults,
    mut sides: Vec<GoalOfDay<'a>>,
    control: Option<usize>,
) -> Vec<GoalOfDay<'a>> {
    let control = control.and_then(|place| goal.variants.get(place).zip(sides.get(place)));
    let Some((control, known)) = control.map(|(control, side)| (control, side.known())) else {
        return sides;
    };
    let compared = |variant: &&GoalVariant| variant.versus_control.is_some();
    for (variant, side) in goal.variants.iter().zip(&mut sides) {
        side.safe_interval = Some(variant)
            .filter(compared)
            .and_then(|variant| goal.how(control, variant).interval(known, side.known()));
    }
    sides
}
