//! The words and shapes of the wire. Here, and nowhere else, an idempotency key is a `uuid`, a
//! participant a trial and a conversion a success.

mod days;
pub mod declared;
mod experiment;
mod worth;

use serde::{Deserialize, Serialize};

pub use self::days::{DayOf, GoalOfDay, ResultOfDay};
pub use self::experiment::{Experiment, Goal, GoalResult, Nonsense, Variant};
pub use self::worth::Worth;
use super::Run;
use crate::domain::Outcome;

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
