//! What one experiment counted on each day.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Nonsense, Variant, Worth};
use crate::domain::{Day, DayCount, DaySums, EventKind, Name, Sums};

/// What one experiment counted on one day.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct DayOf {
    /// `2026-11-23`
    pub day: String,
    pub variants: Vec<Variant>,
    pub goals: Vec<GoalOfDay>,
}

/// How often a goal was reached on one day.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct GoalOfDay {
    pub goal: String,
    pub results: Vec<ResultOfDay>,
}

/// How often a goal was reached under a variant on one day.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ResultOfDay {
    pub label: String,
    pub successes: u64,
    /// What they were worth, where the goal has a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Worth>,
}

impl DayOf {
    /// The counts of one experiment, which are in the order of days, kinds and variants; and what they were worth.
    #[must_use]
    pub fn all(counts: &[DayCount], worth: &[DaySums]) -> Vec<Self> {
        let worth: HashMap<(Day, &Name, &Name), Sums> = (worth.iter())
            .map(|one| ((one.day, &one.goal, &one.variant), one.sums))
            .collect();
        let days = counts.chunk_by(|a, b| a.day == b.day);
        days.map(|counts| Self::one(counts, &worth)).collect()
    }

    pub(super) fn day(&self) -> Result<Day, Nonsense> {
        let day = self.day.parse();
        day.map_err(|()| Nonsense::Day(self.day.clone()))
    }

    fn one(counts: &[DayCount], worth: &HashMap<(Day, &Name, &Name), Sums>) -> Self {
        let mut day = Self {
            day: counts[0].day.to_string(),
            variants: Vec::new(),
            goals: Vec::new(),
        };
        for counts in counts.chunk_by(|a, b| a.kind == b.kind) {
            match &counts[0].kind {
                EventKind::Exposure => day.variants.extend(counts.iter().map(|count| Variant {
                    label: count.variant.to_string(),
                    trials: count.count,
                })),
                EventKind::Conversion(goal) => day.goals.push(GoalOfDay {
                    goal: goal.to_string(),
                    results: (counts.iter())
                        .map(|count| ResultOfDay {
                            label: count.variant.to_string(),
                            successes: count.count,
                            value: (worth.get(&(count.day, goal, &count.variant)))
                                .map(|sums| (*sums).into()),
                        })
                        .collect(),
                }),
            }
        }
        day
    }
}
