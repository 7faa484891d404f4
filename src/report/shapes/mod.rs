//! The document of one experiment, and what goes into it.

mod against;
mod comparisons;
mod days;

use serde::Serialize;

pub use self::against::Against;
pub use self::comparisons::{OfPair, VersusControl};
use self::days::Day;
use super::{Evaluated, Which};
use crate::domain::results::{
    self, DayResults, GoalKind, GoalResults, GoalVariant, Results, Verdict,
};
use crate::domain::statistics::Interval;
use crate::domain::{Better, Name};

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
    /// Its kind, as a word for programs.
    pub kind: &'static str,
    /// The variant that it is about, if it is about one.
    pub variant: Option<String>,
    /// One sentence.
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
    /// So many more.
    pub participants_per_variant: Option<u64>,
}

/// A variant with the participants that it has.
#[derive(Debug, Serialize)]
pub struct Variant {
    pub variant: String,
    pub participants: u64,
    /// Null where none is declared.
    pub weight: Option<u32>,
}

/// How many variants and goals are not shown one by one, and what they counted.
#[derive(Debug, Serialize)]
pub struct Others {
    pub variants: usize,
    pub participants: u64,
    pub goals: usize,
    pub conversions: u64,
}

/// Whether the visitors are split by the weights.
#[derive(Debug, Serialize)]
pub struct SampleRatio {
    pub chi_square: f64,
    /// Of χ², at one look.
    pub p_value: f64,
    /// Valid at every look.
    pub sequential_p_value: f64,
    /// Whether they are not, by the sequential test.
    pub alarm: bool,
}

/// A goal in full.
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

/// A variant's side of a goal.
#[derive(Debug, Serialize)]
pub struct Side {
    pub variant: String,
    pub participants: u64,
    pub conversions: u64,
    /// Conversions by participants; null without participants.
    pub rate: Option<f64>,
    /// Of the rate: the 95 % interval at one look; null where the goal counts each time.
    pub interval: Option<[f64; 2]>,
    /// Where the goal has a value.
    pub worth: Option<Worth>,
    pub chance_to_be_best: Option<f64>,
    pub versus_control: Option<VersusControl>,
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
