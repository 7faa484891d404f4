//! What one experiment counted, in Python lamed's shape and a little more.

use serde::{Deserialize, Serialize};

use super::{DayOf, Worth};
use crate::domain::{Count, DayCount, EventKind, ExperimentCounts, Name};

/// One experiment, in Python lamed's shape and a little more.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Experiment {
    pub experiment: String,
    pub goals: Vec<Goal>,
    /// Not in Python lamed's shape: shows participants before any goal is reached.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Where asked for: what was counted on each day (UTC) that has counts, in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<DayOf>>,
}

/// So many results of one experiment are given in full. Anybody can send names, and thousands of goals
/// times thousands of variants are millions of zeros, which are then left out.
const MOST_CELLS: usize = 10_000;

/// One goal, with a result for each variant of the experiment.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Goal {
    pub goal: String,
    pub results: Vec<GoalResult>,
}

/// How often a goal was reached under a variant (`successes`), by how many participants (`trials`).
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct GoalResult {
    pub label: String,
    pub successes: u64,
    pub trials: u64,
    /// Not in Python lamed's shape. What the conversions were worth, where the goal has a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Worth>,
}

/// A variant and its participants.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Variant {
    pub label: String,
    pub trials: u64,
}

impl From<&ExperimentCounts> for Experiment {
    fn from(counts: &ExperimentCounts) -> Self {
        let variants: Vec<(&Name, u64)> = (counts.variants().into_iter())
            .map(|variant| (variant, counts.participants(variant)))
            .collect();
        let conversions = counts.all().chunk_by(|a, b| a.kind == b.kind);
        let goals: Vec<(&Name, &[Count])> = conversions
            .filter_map(|of_goal| Some((of_goal[0].kind.goal()?, of_goal)))
            .collect();
        let result = |goal: &Name, variant: &Name, trials: u64, successes: u64| GoalResult {
            label: variant.to_string(),
            successes,
            trials,
            value: (counts.has_worth(goal)).then(|| counts.worth(goal, variant).into()),
        };
        let in_full = |goal: &Name| -> Vec<GoalResult> {
            let of = |name: &Name| counts.conversions(goal, name);
            (variants.iter())
                .map(|(name, trials)| result(goal, name, *trials, of(name)))
                .collect()
        };
        let in_short = |goal: &Name, of_goal: &[Count]| -> Vec<GoalResult> {
            let trials = |variant: &Name| counts.participants(variant);
            (of_goal.iter())
                .map(|one| result(goal, &one.variant, trials(&one.variant), one.count))
                .collect()
        };
        let is_full = variants.len() * goals.len() <= MOST_CELLS;
        Self {
            experiment: counts.experiment.to_string(),
            goals: (goals.iter())
                .map(|(goal, of_goal)| Goal {
                    goal: goal.to_string(),
                    results: match is_full {
                        true => in_full(goal),
                        false => in_short(goal, of_goal),
                    },
                })
                .collect(),
            variants: (variants.iter())
                .map(|(variant, trials)| Variant {
                    label: variant.to_string(),
                    trials: *trials,
                })
                .collect(),
            days: None,
        }
    }
}

impl Experiment {
    /// The counts that it stands for.
    #[must_use]
    pub fn counts(&self) -> ExperimentCounts {
        let participants =
            (self.variants.iter()).map(|v| count(EventKind::Exposure, &v.label, v.trials));
        // Python lamed has them with each goal only.
        let with_goal = (self
            .goals
            .first()
            .filter(|_| self.variants.is_empty())
            .into_iter())
        .flat_map(|goal| &goal.results)
        .map(|result| count(EventKind::Exposure, &result.label, result.trials));
        let conversions = self.goals.iter().flat_map(|goal| {
            (goal.results.iter())
                .map(|result| count(conversion(&goal.goal), &result.label, result.successes))
        });
        let counts = participants.chain(with_goal).chain(conversions);
        ExperimentCounts::new(name(&self.experiment), counts)
    }

    /// The counts by day that it stands for.
    ///
    /// # Errors
    /// When a day is none.
    pub fn day_counts(&self) -> Result<Vec<DayCount>, Nonsense> {
        let mut counts = Vec::new();
        for of_day in self.days.iter().flatten() {
            let day = of_day.day()?;
            let participants =
                (of_day.variants.iter()).map(|v| count(EventKind::Exposure, &v.label, v.trials));
            let conversions = of_day.goals.iter().flat_map(|goal| {
                (goal.results.iter())
                    .map(|result| count(conversion(&goal.goal), &result.label, result.successes))
            });
            counts.extend(participants.chain(conversions).map(|count| DayCount {
                day,
                kind: count.kind,
                variant: count.variant,
                count: count.count,
            }));
        }
        Ok(counts)
    }
}

/// What cannot have come from lamed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Nonsense {
    #[error("`{0}` is not a day")]
    Day(String),
    #[error("`{0}` and `{1}` are not the sums of values and of their squares")]
    Sums(String, String),
}

pub(super) fn name(text: &str) -> Name {
    Name::stored(text.to_owned())
}

fn conversion(goal: &str) -> EventKind {
    EventKind::Conversion(name(goal))
}

fn count(kind: EventKind, variant: &str, count: u64) -> Count {
    Count {
        kind,
        variant: name(variant),
        count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Day;

    #[test]
    fn python_lameds_shape_gives_the_same_counts() {
        let read = |variants: &str| {
            let json = format!(
                r#"{{"experiment":"e","goals":[{{"goal":"g","results":[
                    {{"label":"b","successes":1,"trials":2}},{{"label":"a","successes":0,"trials":3}}]}},
                    {{"goal":"h","results":[{{"label":"a","successes":4,"trials":3}}]}}]{variants}}}"#
            );
            serde_json::from_str::<Experiment>(&json).unwrap().counts()
        };
        let ours = r#","variants":[{"label":"a","trials":3},{"label":"b","trials":2}]"#;
        assert_eq!(read(""), read(ours));
        let back = Experiment::from(&read(""));
        assert_eq!(back.variants.len(), 2);
        assert_eq!(Experiment::from(&back.counts()), back);
    }

    #[test]
    fn days_come_back_as_they_were() {
        let count = |day, kind: EventKind, variant: &str, count| DayCount {
            day: Day::new(day),
            kind,
            variant: name(variant),
            count,
        };
        let counts = [
            count(1, EventKind::Exposure, "a", 5),
            count(1, EventKind::Exposure, "b", 6),
            count(1, conversion("g"), "b", 2),
            count(3, conversion("g"), "a", 1),
            count(3, conversion("h"), "a", 1),
        ];
        let mut experiment = Experiment::from(&ExperimentCounts::new(name("e"), []));
        assert_eq!(experiment.day_counts(), Ok(vec![]));
        experiment.days = Some(DayOf::all(&counts, &[]));
        assert_eq!(experiment.day_counts(), Ok(counts.into()));
        experiment.days = Some(vec![DayOf {
            day: "today".to_owned(),
            variants: vec![],
            goals: vec![],
        }]);
        assert_eq!(
            experiment.day_counts(),
            Err(Nonsense::Day("today".to_owned()))
        );
    }
}
