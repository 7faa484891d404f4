//! How a variant compares: with the control, and in pairs.

use serde::Serialize;

use super::ends;
use crate::domain::Day;
use crate::domain::results::{Comparison, GoalResults, Pair, Results};
use crate::domain::statistics::TestMethod;

/// How a variant compares with the control. Rates and their differences are shares: 0.05 is 5 percentage points, or 5 %
/// of the control. For a goal with a value, means in its unit take the place of rates. All intervals are of 95 %.
#[derive(Debug, Serialize)]
pub struct VersusControl {
    /// The variant's rate less the control's.
    pub difference: f64,
    /// Of the difference, at one look: by Newcombe, for a value by Welch.
    pub difference_interval: [f64; 2],
    /// The difference by the control's rate; null where that is 0.
    pub lift: Option<f64>,
    /// Of the lift, valid at every look.
    pub lift_interval: Option<[f64; 2]>,
    /// The pooled z of the test at one look; null when all or none converted.
    pub z: Option<f64>,
    /// Of the test at one look, two-sided.
    pub p_value: f64,
    /// The test at one look: `z`, `fisher` or `welch`.
    pub method: &'static str,
    /// Of the difference, valid at every look; null while neither varies, as the next one.
    pub sequential_interval: Option<[f64; 2]>,
    /// Valid at every look.
    pub sequential_p_value: Option<f64>,
    /// The lowest sequential p-value of the ends of days and of now.
    pub running_p_value: Option<f64>,
    /// That, adjusted by Holm for all comparisons of the experiment.
    pub p_holm: Option<f64>,
    /// `better` or `worse`, once it is decided.
    pub decided: Option<&'static str>,
    /// The day (UTC) that first ended with it, as `2026-11-30`.
    pub decided_on: Option<String>,
    /// The chance that the variant is better than the control; null where what is compared is no rate, as the next one.
    pub chance_to_win: Option<f64>,
    /// What choosing the variant costs on average where it is worse: a difference of rates.
    pub expected_loss: Option<f64>,
    pub participants_needed: StillNeeded,
}

/// How many more participants each variant needs, on average, for a power of 80 %.
#[derive(Debug, Serialize)]
pub struct StillNeeded {
    /// If the effect is as large as it looks now.
    pub for_effect_seen: Option<u64>,
    /// If it is as large as the declared `minimum_effect`.
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

/// How two variants compare, of which neither need be the control; the fields as in [`VersusControl`].
#[derive(Debug, Serialize)]
pub struct OfPair {
    pub variant: String,
    /// The variant that it is compared with.
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
