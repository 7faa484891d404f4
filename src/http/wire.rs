//! The words and shapes of the wire. Here, and nowhere else, an idempotency key is a `uuid`, a
//! participant a trial and a conversion a success.

use serde::{Deserialize, Serialize};

use crate::domain::{ExperimentCounts, Name, Outcome};

/// The parameters of requests, and the fields of an event in a POST.
pub mod parameter {
    pub const NAMESPACE: &str = "namespace";
    pub const EXPERIMENT: &str = "experiment";
    pub const VARIANT: &str = "variant";
    pub const EVENT: &str = "event";
    pub const UUID: &str = "uuid";
    pub const SCOPE: &str = "scope";
    pub const GOAL: &str = "goal";
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
}

impl From<&[Outcome]> for TrackedBatch {
    fn from(outcomes: &[Outcome]) -> Self {
        let count = |what| outcomes.iter().filter(|outcome| **outcome == what).count();
        Self {
            counted: count(Outcome::Counted),
            duplicates: count(Outcome::Duplicate),
        }
    }
}

/// The reply to events of which some would have made a counter too many, and what became of the
/// others.
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
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Element {
    Meta { meta: Meta },
    Experiment(Experiment),
}

/// What the reply is about: the `scope` asked for.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Meta {
    pub scope: Option<String>,
}

/// One experiment, in Python lamed's shape and a little more.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Experiment {
    pub experiment: String,
    pub goals: Vec<Goal>,
    /// Not in Python lamed's shape: shows participants before any goal is reached.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

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
}

/// A variant and its participants.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Variant {
    pub label: String,
    pub trials: u64,
}

impl From<&ExperimentCounts> for Experiment {
    fn from(counts: &ExperimentCounts) -> Self {
        let variants = counts.variants();
        let result = |goal: &Name, variant: &Name| GoalResult {
            label: variant.to_string(),
            successes: counts.conversions(goal, variant),
            trials: counts.participants(variant),
        };
        Self {
            experiment: counts.experiment.to_string(),
            goals: (counts.goals().into_iter())
                .map(|goal| Goal {
                    goal: goal.to_string(),
                    results: variants
                        .iter()
                        .map(|variant| result(goal, variant))
                        .collect(),
                })
                .collect(),
            variants: (variants.iter())
                .map(|variant| Variant {
                    label: variant.to_string(),
                    trials: counts.participants(variant),
                })
                .collect(),
        }
    }
}
