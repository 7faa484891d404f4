//! How a variant compares: with the control, and in pairs.

use serde::Serialize;

use super::ends;
use crate::domain::Day;
use crate::domain::results::{Comparison, GoalResults, Pair, Results};
use crate::domain::statistics::TestMethod;

#[derive(Debug, Serialize)]
pub struct VersusControl {
    pub difference: f64,
    pub difference_interval: [f64; 2],
    pub lift: Option<f64>,
    pub lift_interval: Option<[f64; 2]>,
    pub z: Option<f64>,
    pub p_value: f64,
    pub method: &'static str,
    pub sequential_interval: Option<[f64; 2]>,
    pub sequential_p_value: Option<f64>,
    /// The least of the ends of days and of now.
    pub running_p_value: Option<f64>,
    /// Of that.
    pub p_holm: Option<f64>,
    /// `better` or `worse`, once it is decided, and the day (UTC) that first ended with it.
    pub decided: Option<&'static str>,
    pub decided_on: Option<String>,
    /// Null where what is compared is no rate.
    pub chance_to_win: Option<f64>,
    pub expected_loss: Option<f64>,
    pub participants_needed: StillNeeded,
}

/// How many more a variant.
#[derive(Debug, Serialize)]
pub struct StillNeeded {
    pub for_effect_seen: Option<u64>,
    pub for_minimum_effect: Option<u64>,
}

impl From<&Comparison> for VersusControl {
    fn from(comparison: &Comparison) -> Self {
        let Comparison {
            one_look,
            still_needed,
            decision,
            ..
        } = comparison;
        let sequential = comparison.sequential.as_ref();
        let posterior = comparison.posterior();
        Self {
            difference: comparison.difference,
            difference_interval: ends(one_look.interval),
            lift: comparison.lift,
            lift_interval: sequential.and_then(|s| s.lift_interval).map(ends),
            z: one_look.z,
            p_value: one_look.p_value,
            method: match one_look.method {
                TestMethod::Z => "z",
                TestMethod::Fisher => "fisher",
                TestMethod::Welch => "welch",
            },
            sequential_interval: sequential.map(|s| ends(s.interval)),
            sequential_p_value: sequential.map(|s| s.p_value),
            running_p_value: comparison.running_p_value(),
            p_holm: comparison.p_holm,
            decided: decision.map(|decision| decision.outcome.as_str()),
            decided_on: decision
                .and_then(|one| one.day)
                .map(|day: Day| day.to_string()),
            chance_to_win: posterior.map(|posterior| posterior.chance_to_win),
            expected_loss: posterior.map(|posterior| posterior.expected_loss),
            participants_needed: StillNeeded {
                for_effect_seen: still_needed.for_effect_seen,
                for_minimum_effect: still_needed.for_minimum_effect,
            },
        }
    }
}

#[derive(Debug, Serialize)]
pub struct OfPair {
    pub variant: String,
    pub versus: String,
    pub difference: f64,
    pub sequential_interval: Option<[f64; 2]>,
    pub sequential_p_value: Option<f64>,
    pub p_holm: Option<f64>,
    pub decided: Option<&'static str>,
    pub lift: Option<f64>,
    pub lift_interval: Option<[f64; 2]>,
    pub chance_to_win: Option<f64>,
}

impl OfPair {
    /// Those of the variants that are worth it.
    pub(in crate::report) fn all(goal: &GoalResults, results: &Results) -> Vec<Self> {
        let pairs = goal.pairs(&results.principal());
        pairs.iter().map(Self::from).collect()
    }
}

impl From<&Pair<'_>> for OfPair {
    fn from(pair: &Pair) -> Self {
        let comparison = &pair.comparison;
        let sequential = comparison.sequential.as_ref();
        Self {
            variant: pair.variant.to_string(),
            versus: pair.versus.to_string(),
            difference: comparison.difference,
            sequential_interval: sequential.map(|s| ends(s.interval)),
            sequential_p_value: sequential.map(|s| s.p_value),
            p_holm: comparison.p_holm,
            decided: comparison.outcome().map(|outcome| outcome.as_str()),
            lift: comparison.lift,
            lift_interval: sequential.and_then(|s| s.lift_interval).map(ends),
            chance_to_win: (comparison.posterior()).map(|posterior| posterior.chance_to_win),
        }
    }
}
