//! The shapes, and what goes into them.

use serde::Serialize;

use super::{Evaluated, Which};
use crate::domain::Name;
use crate::domain::results::{
    self, Comparison, DayResults, GoalKind, GoalResults, GoalVariant, Pair, Results, Verdict,
};
use crate::domain::statistics::{Interval, TestMethod, Valued};
use crate::domain::{Better, Day as Date};

/// Whether a document has the matrix of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    With,
    Without,
}

/// One experiment in full.
#[derive(Debug, Serialize)]
pub struct ExperimentDocument {
    #[serde(flatten)]
    pub which: Which,
    pub control: Option<String>,
    pub variants: Vec<Variant>,
    /// Variants and goals that nobody declared and that are not shown one by one.
    pub others: Option<Others>,
    pub srm: Option<SampleRatio>,
    pub verdict: Said,
    /// Null without `planned_participants`.
    pub plan: Option<Plan>,
    /// Of the verdict's goal; null where more participants are not the question.
    pub forecast: Option<Forecast>,
    pub goals: Vec<Goal>,
    pub days: Vec<Day>,
}

/// A verdict.
#[derive(Debug, Serialize)]
pub struct Said {
    pub kind: &'static str,
    pub variant: Option<String>,
    pub text: String,
    /// What to do: plain sentences.
    pub steps: Vec<String>,
}

/// How far the plan is.
#[derive(Debug, Serialize)]
pub struct Plan {
    pub planned: u64,
    pub participants: u64,
    /// 1 and more when it is complete.
    pub share: f64,
}

/// How long it still takes.
#[derive(Debug, Serialize)]
pub struct Forecast {
    pub participants_per_day: Option<u64>,
    pub days: Option<u64>,
    pub participants_per_variant: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct Variant {
    pub variant: String,
    pub participants: u64,
    pub weight: Option<u32>,
}

#[derive(Debug, Serialize)]
pub struct Others {
    pub variants: usize,
    pub participants: u64,
    pub goals: usize,
    pub conversions: u64,
}

#[derive(Debug, Serialize)]
pub struct SampleRatio {
    pub chi_square: f64,
    pub p_value: f64,
    pub sequential_p_value: f64,
    pub alarm: bool,
}

#[derive(Debug, Serialize)]
pub struct Goal {
    pub goal: String,
    /// `proportion`, `value` or `count`.
    pub kind: &'static str,
    /// Where the kind is `value`.
    pub value: Option<Value>,
    /// `higher` or `lower`.
    pub better: &'static str,
    pub variants: Vec<Side>,
    /// Of the variants that are not shown one by one.
    pub other_conversions: u64,
    pub verdict: Said,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Vec<OfPair>>,
}

/// What the conversions of a goal are worth.
#[derive(Debug, Serialize)]
pub struct Value {
    /// Such as `EUR`.
    pub unit: String,
    /// A higher value of one conversion counts as this.
    pub cap: f64,
}

/// What the conversions of a variant are worth.
#[derive(Debug, Serialize)]
pub struct Worth {
    pub total: f64,
    /// A participant; null without participants.
    pub mean: Option<f64>,
    /// Of the mean: the 95 % interval by Student's t.
    pub interval: Option<[f64; 2]>,
    pub per_conversion: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct Side {
    pub variant: String,
    pub participants: u64,
    pub conversions: u64,
    pub rate: Option<f64>,
    pub interval: Option<[f64; 2]>,
    /// Where the goal has a value.
    pub worth: Option<Worth>,
    pub chance_to_be_best: Option<f64>,
    pub versus_control: Option<VersusControl>,
}

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

#[derive(Debug, Serialize)]
pub struct Day {
    pub day: String,
    pub variants: Vec<ParticipantsOfDay>,
    pub goals: Vec<GoalOfDay>,
}

#[derive(Debug, Serialize)]
pub struct ParticipantsOfDay {
    pub variant: String,
    pub participants: u64,
}

#[derive(Debug, Serialize)]
pub struct GoalOfDay {
    pub goal: String,
    pub variants: Vec<SideOfDay>,
}

#[derive(Debug, Serialize)]
pub struct SideOfDay {
    pub variant: String,
    pub conversions: u64,
    pub rate: Option<f64>,
    pub interval: Option<[f64; 2]>,
    /// By how much the rate is above the control's, valid at every look.
    pub safe_interval: Option<[f64; 2]>,
    /// Where the goal has a value.
    pub worth: Option<WorthOfDay>,
}

/// What a variant's conversions are worth, by one day.
#[derive(Debug, Serialize)]
pub struct WorthOfDay {
    /// Of that day.
    pub total: f64,
    /// Up to and including that day: a participant; null with less than two participants.
    pub mean: Option<f64>,
    pub interval: Option<[f64; 2]>,
}

/// What another control changes of an [`ExperimentDocument`], goals and variants in its order.
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
    pub(super) fn new(results: &Results, days: &[DayResults]) -> Self {
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

fn ends(interval: Interval) -> [f64; 2] {
    [interval.low, interval.high]
}

impl ExperimentDocument {
    pub(super) fn new(evaluated: &Evaluated, days: &[DayResults], pairs: Pairs) -> Self {
        let results = &evaluated.results;
        Self {
            which: evaluated.which.clone(),
            control: results.control.as_ref().map(Name::to_string),
            variants: (results.variants.iter())
                .map(|variant| Variant {
                    variant: variant.name.to_string(),
                    participants: variant.participants,
                    weight: variant.weight,
                })
                .collect(),
            others: (results.others != Default::default()).then_some(Others {
                variants: results.others.variants,
                participants: results.others.participants,
                goals: results.others.goals,
                conversions: results.others.conversions,
            }),
            srm: results.sample_ratio.as_ref().map(|ratio| SampleRatio {
                chi_square: ratio.chi_square,
                p_value: ratio.p_value,
                sequential_p_value: ratio.sequential_p_value,
                alarm: ratio.alarm(),
            }),
            verdict: (&results.verdict).into(),
            plan: results.plan.map(Plan::from),
            forecast: results.forecast.map(Forecast::from),
            goals: results
                .goals
                .iter()
                .map(|goal| Goal::new(goal, results, pairs))
                .collect(),
            days: days.iter().map(Day::from).collect(),
        }
    }
}

impl From<&Verdict> for Said {
    fn from(verdict: &Verdict) -> Self {
        Self {
            kind: verdict.kind.as_str(),
            variant: verdict.variant.as_ref().map(Name::to_string),
            text: verdict.text.clone(),
            steps: verdict.steps.clone(),
        }
    }
}

impl From<results::Plan> for Plan {
    fn from(plan: results::Plan) -> Self {
        Self {
            planned: plan.planned,
            participants: plan.participants,
            share: plan.share(),
        }
    }
}

impl From<results::Forecast> for Forecast {
    fn from(forecast: results::Forecast) -> Self {
        let results::Forecast {
            participants_per_day,
            days,
            participants_per_variant,
        } = forecast;
        Self {
            participants_per_day,
            days,
            participants_per_variant,
        }
    }
}

impl Goal {
    fn new(goal: &GoalResults, results: &Results, pairs: Pairs) -> Self {
        Self {
            goal: goal.goal.to_string(),
            kind: match goal.kind {
                GoalKind::Proportion => "proportion",
                GoalKind::Value => "value",
                GoalKind::Count => "count",
            },
            value: goal.value.as_ref().map(|value| Value {
                unit: value.unit.to_string(),
                cap: value.cap,
            }),
            better: match goal.better {
                Better::Higher => "higher",
                Better::Lower => "lower",
            },
            variants: (goal.variants.iter().zip(goal.chances_to_be_best()))
                .map(|(variant, chance)| Side::new(goal, variant, chance))
                .collect(),
            other_conversions: goal.other_conversions,
            verdict: (&goal.verdict).into(),
            pairs: (pairs == Pairs::With).then(|| OfPair::all(goal, results)),
        }
    }
}

impl Side {
    fn new(goal: &GoalResults, variant: &GoalVariant, chance_to_be_best: Option<f64>) -> Self {
        let worth = goal.value.as_ref().map(|_| Worth {
            total: variant.sums.total(),
            mean: variant.mean(),
            interval: variant.valued.map(|valued| ends(valued.interval())),
            per_conversion: variant.per_conversion(),
        });
        Self {
            worth,
            variant: variant.variant.to_string(),
            participants: variant.participants,
            conversions: variant.conversions,
            rate: variant.rate(),
            interval: variant
                .proportion
                .map(|proportion| ends(proportion.interval())),
            chance_to_be_best,
            versus_control: variant.versus_control.as_ref().map(VersusControl::from),
        }
    }
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
                .map(|day: Date| day.to_string()),
            chance_to_win: posterior.map(|posterior| posterior.chance_to_win),
            expected_loss: posterior.map(|posterior| posterior.expected_loss),
            participants_needed: StillNeeded {
                for_effect_seen: still_needed.for_effect_seen,
                for_minimum_effect: still_needed.for_minimum_effect,
            },
        }
    }
}

impl OfPair {
    /// Those of the variants that are worth it.
    pub(super) fn all(goal: &GoalResults, results: &Results) -> Vec<Self> {
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

impl From<results::WorthOfDay> for WorthOfDay {
    fn from(worth: results::WorthOfDay) -> Self {
        Self {
            total: worth.sums.total(),
            mean: worth.valued.map(Valued::mean),
            interval: worth.valued.map(|valued| ends(valued.interval())),
        }
    }
}

impl From<&DayResults<'_>> for Day {
    fn from(day: &DayResults) -> Self {
        Self {
            day: day.day.to_string(),
            variants: (day.participants.iter())
                .map(|(variant, participants)| ParticipantsOfDay {
                    variant: variant.to_string(),
                    participants: *participants,
                })
                .collect(),
            goals: (day.goals.iter())
                .map(|(goal, variants)| GoalOfDay {
                    goal: goal.to_string(),
                    variants: (variants.iter())
                        .map(|side| SideOfDay {
                            variant: side.variant.to_string(),
                            conversions: side.conversions,
                            rate: side.rate,
                            interval: side.proportion.map(|p| ends(p.interval())),
                            safe_interval: side.safe_interval.map(ends),
                            worth: side.worth.map(WorthOfDay::from),
                        })
                        .collect(),
                })
                .collect(),
        }
    }
}
