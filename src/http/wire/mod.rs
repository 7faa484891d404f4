//! The words and shapes of the wire. Here, and nowhere else, an idempotency key is a `uuid`, a
//! participant a trial and a conversion a success.

pub mod declared;
mod worth;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use self::worth::Worth;
use super::Run;
use crate::domain::{
    Count, Day, DayCount, DaySums, EventKind, ExperimentCounts, Name, Outcome, Sums,
};

/// The parameters of requests, and the fields of an event in a POST.
pub mod parameter {
    pub const NAMESPACE: &str = "namespace";
    pub const EXPERIMENT: &str = "experiment";
    pub const VARIANT: &str = "variant";
    pub const EVENT: &str = "event";
    pub const UUID: &str = "uuid";
    /// In the place of `uuid` and `variant`, in a body alone.
    pub const USER: &str = "user";
    /// What a conversion is worth, where its goal has a value.
    pub const VALUE: &str = "value";
    /// Asks whether events could be counted, and counts none.
    pub const PROBE: &str = "probe";
    pub const SCOPE: &str = "scope";
    pub const GOAL: &str = "goal";
    /// `1` asks for counts by day, too.
    pub const DAYS: &str = "days";
}

/// The reply to one event.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Tracked {
    pub counted: bool,
}

/// The reply to a POST of events.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct TrackedBatch {
    pub counted: usize,
    pub duplicates: usize,
    /// Sent by a crawler, or for an experiment or a run that does not count now.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ignored: usize,
    /// Can never be counted: a client drops them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedEvent>,
}

/// An event of a batch that can never be counted.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Where it stands in the batch, from 0.
    pub index: usize,
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl From<&[Outcome]> for TrackedBatch {
    fn from(outcomes: &[Outcome]) -> Self {
        let count = |what| outcomes.iter().filter(|outcome| **outcome == what).count();
        Self {
            counted: count(Outcome::Counted),
            duplicates: count(Outcome::Duplicate),
            ignored: 0,
            refused: Vec::new(),
        }
    }
}

/// The reply to events of which some met a limit, and what became of the others.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    #[serde(flatten)]
    pub tracked: TrackedBatch,
}

/// The reply to a delete: how many counters.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Deleted {
    pub deleted: u64,
}

/// One element of the reply of `/experiments`: first the scope, then the experiments.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Element {
    Meta { meta: Meta },
    Experiment(Experiment),
}

/// What the reply is about: the `scope` asked for, and what is declared.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
pub struct Meta {
    pub scope: Option<String>,
    /// Not in Python lamed's shape. What is declared in the namespace; missing where the API does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Vec<Followed>>,
}

/// An experiment as the API follows it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Followed {
    #[serde(flatten)]
    pub declared: declared::Declared,
    /// What is not as it was when its present run began, though its results stand on that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// As it was then, if anything of the present run was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<declared::Declared>,
    /// Whether it is an earlier run, as it was declared then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub earlier: bool,
    /// Whether AlephBet itself sent events of it within a day, as far as the server knows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub alephbet: bool,
}

impl From<&Run> for Followed {
    fn from(run: &Run) -> Self {
        Self {
            declared: (&run.declared).into(),
            changed: run.changed.clone(),
            began: run.began.as_ref().map(Into::into),
            earlier: run.earlier,
            alephbet: run.alephbet,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !*value
}

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

fn name(text: &str) -> Name {
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

    fn day(&self) -> Result<Day, Nonsense> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
