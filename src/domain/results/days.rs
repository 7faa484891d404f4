//! The days of an experiment: what was counted, and how rates came to where they are.

use std::collections::BTreeMap;

use super::Results;
use super::goal::{GoalKind, GoalResults, GoalVariant};
use crate::domain::statistics::Proportion;
use crate::domain::{Day, DayCount, Kind, Name};

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
pub fn by_day<'a>(results: &'a Results, counts: &[DayCount]) -> Vec<DayResults<'a>> {
    let mut days: BTreeMap<Day, Vec<&DayCount>> = BTreeMap::new();
    for count in counts {
        days.entry(count.day).or_default().push(count);
    }
    let mut sums = Sums::before(results, counts);
    (days.into_iter())
        .map(|(day, counts)| {
            let of_day = |kind: &Kind, variant: &Name| -> u64 {
                (counts
                    .iter()
                    .filter(|c| c.kind == *kind && c.variant == *variant))
                .fold(0, |sum, count| sum.saturating_add(count.count))
            };
            sums.add(&counts);
            DayResults {
                day,
                participants: (results.variants.iter())
                    .map(|variant| (&variant.name, of_day(&Kind::Exposure, &variant.name)))
                    .collect(),
                goals: (results.goals.iter())
                    .map(|goal| (&goal.goal, sums.goal(goal, &of_day)))
                    .collect(),
            }
        })
        .collect()
}

/// All events up to a day.
struct Sums(BTreeMap<(Kind, Name), u64>);

impl Sums {
    fn before(results: &Results, counts: &[DayCount]) -> Self {
        let participants = (results.variants.iter())
            .map(|variant| ((Kind::Exposure, variant.name.clone()), variant.participants));
        let conversions = results.goals.iter().flat_map(|goal| {
            let kind = Kind::Conversion(goal.goal.clone());
            (goal.variants.iter()).map(move |v| ((kind.clone(), v.variant.clone()), v.conversions))
        });
        let mut sums: BTreeMap<_, _> = participants.chain(conversions).collect();
        for count in counts {
            if let Some(sum) = sums.get_mut(&(count.kind.clone(), count.variant.clone())) {
                *sum = sum.saturating_sub(count.count);
            }
        }
        Self(sums)
    }

    fn add(&mut self, counts: &[&DayCount]) {
        for count in counts {
            if let Some(sum) = self.0.get_mut(&(count.kind.clone(), count.variant.clone())) {
                *sum = sum.saturating_add(count.count);
            }
        }
    }

    fn goal<'a>(
        &self,
        goal: &'a GoalResults,
        of_day: &impl Fn(&Kind, &Name) -> u64,
    ) -> Vec<GoalOfDay<'a>> {
        let kind = Kind::Conversion(goal.goal.clone());
        let sum = |kind: &Kind, variant: &Name| {
            let sum = self.0.get(&(kind.clone(), variant.clone()));
            sum.copied().unwrap_or(0)
        };
        (goal.variants.iter())
            .map(|GoalVariant { variant, .. }| {
                let (conversions, participants) =
                    (sum(&kind, variant), sum(&Kind::Exposure, variant));
                GoalOfDay {
                    variant,
                    conversions: of_day(&kind, variant),
                    rate: (participants > 0).then(|| conversions as f64 / participants as f64),
                    proportion: Proportion::new(conversions, participants)
                        .filter(|_| goal.kind == GoalKind::Proportion),
                }
            })
            .collect()
    }
}
