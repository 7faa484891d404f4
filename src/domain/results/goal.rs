//! One goal: its variants, and each compared with the control.

use super::{Variant, Verdict};
use crate::domain::statistics::{
    ALPHA, Interval, OneLook, Proportion, Sequential, difference, holm, lift, one_look,
    participants_needed, sequential,
};
use crate::domain::{Declared, ExperimentCounts, Name};

/// No verdict before each side of a comparison has so many participants …
pub const MIN_PARTICIPANTS: u64 = 30;

/// … and so many conversions.
pub const MIN_CONVERSIONS: u64 = 5;

/// … or so few of so many that it should have at the other's rate: by chance that happens to one in
/// 50,000.
pub const EXPECTED_CONVERSIONS: f64 = 20.0;

/// What a goal's conversions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalKind {
    /// At most one a participant: a rate.
    Proportion,
    /// As many as it comes: the statistics of rates do not hold.
    Count,
}

/// What the counts say about one goal.
#[derive(Clone, Debug)]
pub struct GoalResults {
    pub goal: Name,
    pub kind: GoalKind,
    pub variants: Vec<GoalVariant>,
    pub verdict: Verdict,
}

/// One variant's share of a goal.
#[derive(Clone, Debug)]
pub struct GoalVariant {
    pub variant: Name,
    pub participants: u64,
    pub conversions: u64,
    /// None where conversions are no share of participants, and for variants that are not compared.
    pub proportion: Option<Proportion>,
    /// None for the control, for variants that are not compared, and where there is no rate.
    pub versus_control: Option<Comparison>,
}

impl GoalVariant {
    /// Conversions a participant; none without participants.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.participants > 0).then(|| self.conversions as f64 / self.participants as f64)
    }
}

/// A variant beside the control.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub control: Proportion,
    pub variant: Proportion,
    /// Variant's rate less control's.
    pub difference: f64,
    /// The difference by control's rate; none where that is 0.
    pub lift: Option<f64>,
    pub one_look: OneLook,
    /// None while neither rate varies.
    pub sequential: Option<Sequential>,
    /// The sequential p-value, adjusted for all comparisons of the experiment.
    pub p_holm: Option<f64>,
    pub still_needed: StillNeeded,
}

/// How many participants more each variant needs for 80 % power of the sequential test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StillNeeded {
    /// At the effect seen; none where there is none.
    pub for_effect_seen: Option<u64>,
    /// At the smallest effect declared.
    pub for_minimum_effect: Option<u64>,
}

impl Comparison {
    fn new(control: Proportion, variant: Proportion) -> Self {
        Self {
            control,
            variant,
            difference: difference(control, variant),
            lift: lift(control, variant),
            one_look: one_look(control, variant),
            sequential: sequential(control, variant).map(|found| possible(found, variant)),
            p_holm: None,
            still_needed: StillNeeded::default(),
        }
    }

    /// Says how many participants it still takes, as one of so many comparisons.
    pub(super) fn plan(&mut self, minimum_effect: Option<f64>, comparisons: usize) {
        let now = self.control.participants.min(self.variant.participants);
        let control = self.control.rate();
        let still = |rate: f64| {
            let needed = participants_needed(control, rate, comparisons)?;
            Some(needed.saturating_sub(now))
        };
        self.still_needed = StillNeeded {
            for_effect_seen: still(self.variant.rate()),
            for_minimum_effect: (minimum_effect)
                .and_then(|effect| still((control * (1.0 + effect)).min(1.0))),
        };
    }

    /// Whether both sides have what a verdict takes.
    #[must_use]
    pub fn is_ripe(&self) -> bool {
        is_ripe(self.control, self.variant) && is_ripe(self.variant, self.control)
    }

    /// Whether the variant is known to be better or worse, at whatever look this is.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.is_ripe() && self.p_holm.is_some_and(|p| p < ALPHA)
    }
}

/// Few conversions are enough where that itself is the result: a button that does not work.
fn is_ripe(side: Proportion, other: Proportion) -> bool {
    let expected = side.participants as f64 * other.rate();
    side.participants >= MIN_PARTICIPANTS
        && (side.conversions >= MIN_CONVERSIONS || expected >= EXPECTED_CONVERSIONS)
}

/// With few participants the intervals reach beyond what a difference of rates, and a lift, can be; and
/// that of a lift to no conversion at all has no width.
fn possible(mut sequential: Sequential, variant: Proportion) -> Sequential {
    sequential.interval.low = sequential.interval.low.max(-1.0);
    sequential.interval.high = sequential.interval.high.min(1.0);
    sequential.lift_interval = (sequential.lift_interval)
        .filter(|_| variant.conversions > 0)
        .map(|lift| Interval {
            low: lift.low.max(-1.0),
            ..lift
        });
    sequential
}

/// One variant beside another, for the matrix of pairs.
#[derive(Clone, Debug)]
pub struct Pair<'a> {
    pub variant: &'a Name,
    pub versus: &'a Name,
    pub comparison: Comparison,
}

impl GoalResults {
    /// Every variant compared beside every other, both ways; p-values are adjusted for all pairs
    /// of the goal.
    #[must_use]
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        let with_rate: Vec<(&Name, Proportion)> = (self.variants.iter())
            .filter_map(|variant| Some((&variant.variant, variant.proportion?)))
            .collect();
        let ordered = |one: usize, other: usize| {
            let ((versus, control), (variant, proportion)) = (with_rate[one], with_rate[other]);
            Pair {
                variant,
                versus,
                comparison: Comparison::new(control, proportion),
            }
        };
        let unordered =
            (0..with_rate.len()).flat_map(|one| (0..one).map(move |other| (other, one)));
        let mut pairs: Vec<[Pair; 2]> = (unordered)
            .map(|(one, other)| [ordered(one, other), ordered(other, one)])
            .collect();
        let p = |pair: &Pair| {
            pair.comparison
                .sequential
                .as_ref()
                .map_or(1.0, |s| s.p_value)
        };
        // Both ways, it is the same question.
        let p_values: Vec<f64> = pairs.iter().map(|[pair, _]| p(pair)).collect();
        for (both, p_holm) in pairs.iter_mut().zip(holm(&p_values)) {
            for pair in both {
                pair.comparison.p_holm = pair.comparison.sequential.is_some().then_some(p_holm);
            }
        }
        pairs.into_iter().flatten().collect()
    }
}

/// The declared goals in their order, then others in natural order. Without verdicts yet.
pub(super) fn all(
    counts: &ExperimentCounts,
    declared: Option<&Declared>,
    variants: &[Variant],
    control: Option<&Name>,
) -> Vec<GoalResults> {
    let declared = declared.map_or(&[][..], |declared| &declared.goals);
    let others = (counts.goals().into_iter())
        .filter(|goal| !declared.iter().any(|declared| declared.name == **goal))
        .map(|goal| (goal, true));
    (declared.iter().map(|goal| (&goal.name, goal.unique)))
        .chain(others)
        .map(|(goal, unique)| one(counts, goal, unique, variants, control))
        .collect()
}

fn one(
    counts: &ExperimentCounts,
    goal: &Name,
    unique: bool,
    variants: &[Variant],
    control: Option<&Name>,
) -> GoalResults {
    let exceeds =
        |variant: &Variant| counts.conversions(goal, &variant.name) > variant.participants;
    let kind = if unique
        && !variants
            .iter()
            .any(|variant| variant.compared && exceeds(variant))
    {
        GoalKind::Proportion
    } else {
        GoalKind::Count
    };
    let proportion = |variant: &Variant| {
        Proportion::new(
            counts.conversions(goal, &variant.name),
            variant.participants,
        )
        .filter(|_| kind == GoalKind::Proportion && variant.compared)
    };
    let control = (variants.iter()).find(|variant| Some(&variant.name) == control);
    let control_rate = control.and_then(proportion);
    GoalResults {
        goal: goal.clone(),
        kind,
        variants: (variants.iter())
            .map(|variant| {
                let is_other = variant.compared && control.is_some_and(|c| c.name != variant.name);
                let sides = control_rate.zip(proportion(variant)).filter(|_| is_other);
                GoalVariant {
                    variant: variant.name.clone(),
                    participants: variant.participants,
                    conversions: counts.conversions(goal, &variant.name),
                    proportion: proportion(variant),
                    versus_control: sides
                        .map(|(control, variant)| Comparison::new(control, variant)),
                }
            })
            .collect(),
        verdict: Verdict::default(),
    }
}
