//! What another control changes.

use serde::Serialize;

use super::{Said, VersusControl, ends};
use crate::domain::results::{DayResults, GoalResults, Results};

/// What another control changes of an [`ExperimentDocument`](super::ExperimentDocument), goals and variants in its order.
#[derive(Debug, Serialize)]
pub struct Against {
    verdict: Said,
    goals: Vec<GoalAgainst>,
}

#[derive(Debug, Serialize)]
struct GoalAgainst {
    verdict: Said,
    versus_control: Vec<Option<VersusControl>>,
    /// By day.
    safe_intervals: Vec<Vec<Option<[f64; 2]>>>,
}

impl Against {
    pub(in crate::report) fn new(results: &Results, days: &[DayResults]) -> Self {
        let ranges = |place: usize| {
            let of_day = |day: &DayResults| {
                let sides = day.goals.get(place).map_or(&[][..], |(_, sides)| sides);
                sides
                    .iter()
                    .map(|side| side.safe_interval.map(ends))
                    .collect()
            };
            days.iter().map(of_day).collect()
        };
        let of_goal = |(place, goal): (usize, &GoalResults)| GoalAgainst {
            verdict: (&goal.verdict).into(),
            safe_intervals: ranges(place),
            versus_control: (goal.variants.iter())
                .map(|variant| variant.versus_control.as_ref().map(VersusControl::from))
                .collect(),
        };
        Self {
            verdict: (&results.verdict).into(),
            goals: results.goals.iter().enumerate().map(of_goal).collect(),
        }
    }
}
