//! A variant beside the control, today and at the ends of days.

use super::goal::{GoalVariant, Looked};
use crate::domain::statistics::{
    ALPHA, Interval, OneLook, Posterior, Proportion, Sequential, difference, holm, lift, one_look,
    participants_needed, posterior, sequential, sequential_p_value,
};
use crate::domain::{Better, Day};

/// No verdict before each side of a comparison has so many participants …
pub const MIN_PARTICIPANTS: u64 = 30;

/// … and so many conversions.
pub const MIN_CONVERSIONS: u64 = 5;

/// … or so few of so many that it should have at the other's rate: by chance that happens to one in
/// 50,000.
pub const EXPECTED_CONVERSIONS: f64 = 20.0;

/// A variant beside the control.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub better: Better,
    pub control: Proportion,
    pub variant: Proportion,
    /// Variant's rate less control's.
    pub difference: f64,
    /// The difference by control's rate; none where that is 0.
    pub lift: Option<f64>,
    pub one_look: OneLook,
    /// None while neither rate varies.
    pub sequential: Option<Sequential>,
    /// The least p-value of the ends of days and of now, adjusted for all comparisons of the experiment:
    /// what was decided at the end of a day stays decided.
    pub p_holm: Option<f64>,
    pub decision: Option<Decision>,
    pub still_needed: StillNeeded,
    /// Each look whose p-value was lower than all before it.
    looks: Vec<Look>,
}

/// What is known of a variant, at whatever look this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub outcome: Outcome,
    /// The first day that ended with it, or today; none where no days are known.
    pub day: Option<Day>,
    /// Whether the counts of now would not decide it.
    pub faded: bool,
}

/// How a variant compares with the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Better,
    Worse,
}

impl Outcome {
    /// The word for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
        }
    }
}

/// One look at a comparison.
#[derive(Clone, Copy, Debug)]
struct Look {
    day: Option<Day>,
    p_value: f64,
    outcome: Outcome,
    ripe: bool,
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
    /// None where one of the two has no rate. Not yet decided: that takes all comparisons.
    pub(super) fn of(better: Better, control: &GoalVariant, variant: &GoalVariant) -> Option<Self> {
        let (a, b) = (control.proportion?, variant.proportion?);
        Some(Self {
            better,
            control: a,
            variant: b,
            difference: difference(a, b),
            lift: lift(a, b),
            one_look: one_look(a, b),
            sequential: sequential(a, b).map(|found| possible(found, b)),
            p_holm: None,
            decision: None,
            still_needed: StillNeeded::default(),
            looks: looks(better, &control.looks, &variant.looks),
        })
    }

    /// Says how many participants it still takes, as one of so many comparisons.
    pub(super) fn plan(&mut self, minimum_effect: Option<f64>, comparisons: usize) {
        let now = self.control.participants.min(self.variant.participants);
        let control = self.control.rate();
        let still = |rate: f64| {
            let needed = participants_needed(control, rate, comparisons)?;
            Some(needed.saturating_sub(now))
        };
        let least = |effect: f64| match self.better {
            Better::Higher => (control * (1.0 + effect)).min(1.0),
            Better::Lower => control * (1.0 - effect),
        };
        self.still_needed = StillNeeded {
            for_effect_seen: still(self.variant.rate()),
            for_minimum_effect: minimum_effect.and_then(|effect| still(least(effect))),
        };
    }

    /// Whether both sides have what a verdict takes.
    #[must_use]
    pub fn is_ripe(&self) -> bool {
        are_ripe(self.control, self.variant)
    }

    /// How it is decided, if it is.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.decision.map(|decision| decision.outcome)
    }

    /// The chance that the variant is better, and what choosing it loses on average.
    #[must_use]
    pub fn posterior(&self) -> Posterior {
        posterior(
            judged(self.better, self.control),
            judged(self.better, self.variant),
        )
    }

    /// The least p-value of the ends of days and of now, valid at every look.
    #[must_use]
    pub fn running_p_value(&self) -> Option<f64> {
        self.looks.last().map(|look| look.p_value)
    }

    fn last_look(&self, until: Option<Day>) -> Option<&Look> {
        self.looks.iter().rev().find(|look| look.day <= until)
    }
}

/// By how much the variant's rate is above the control's: the interval that is valid at every look. None before a
/// verdict can be.
pub(super) fn safe_interval(control: Proportion, variant: Proportion) -> Option<Interval> {
    let found = sequential(control, variant).filter(|_| are_ripe(control, variant))?;
    Some(possible(found, variant).interval)
}

/// The rate that is the higher, the better: of those who converted, or of those who did not.
pub(super) fn judged(better: Better, proportion: Proportion) -> Proportion {
    match better {
        Better::Higher => proportion,
        Better::Lower => proportion.failed(),
    }
}

/// The looks that found a lower p-value than all before. Days that ended with too few to judge by do not
/// count; now does.
fn looks(better: Better, control: &[Looked], variant: &[Looked]) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    let last = control.len().saturating_sub(1);
    for (place, (control, variant)) in control.iter().zip(variant).enumerate() {
        let (Some(a), Some(b)) = (control.proportion, variant.proportion) else {
            continue;
        };
        let ripe = are_ripe(a, b);
        let Some(p_value) = sequential_p_value(a, b).filter(|_| ripe || place == last) else {
            continue;
        };
        if looks.last().is_none_or(|before| p_value < before.p_value) {
            let more = difference(a, b) > 0.0;
            looks.push(Look {
                day: control.day,
                p_value,
                outcome: match (better, more) {
                    (Better::Higher, true) | (Better::Lower, false) => Outcome::Better,
                    _ => Outcome::Worse,
                },
                ripe,
            });
        }
    }
    looks
}

/// Takes into account how many comparisons there are: Holm's adjustment. What cannot be tested yet takes
/// its place all the same: it will be.
pub(super) fn decide(mut comparisons: Vec<&mut Comparison>) {
    let p_now = |one: &Comparison| one.sequential.as_ref().map_or(1.0, |s| s.p_value);
    let now = holm(&comparisons.iter().map(|one| p_now(one)).collect::<Vec<_>>());
    let least = |one: &Comparison| one.running_p_value().unwrap_or(1.0);
    let running = holm(&comparisons.iter().map(|one| least(one)).collect::<Vec<_>>());
    let days = days_of_decisions(&comparisons, &running);
    for (place, one) in comparisons.iter_mut().enumerate() {
        one.p_holm = one.running_p_value().map(|_| running[place]);
        one.decision = days[place].and_then(|day| {
            let look = one.last_look(day).filter(|look| look.ripe)?;
            Some(Decision {
                outcome: look.outcome,
                day,
                faded: now[place] >= ALPHA,
            })
        });
    }
}

/// The first day at whose end each comparison's adjusted p-value was low enough; none for those whose is
/// not.
fn days_of_decisions(comparisons: &[&mut Comparison], running: &[f64]) -> Vec<Option<Option<Day>>> {
    let mut found = vec![None; comparisons.len()];
    let mut open: Vec<usize> = (0..found.len()).filter(|at| running[*at] < ALPHA).collect();
    let mut days: Vec<Option<Day>> = (comparisons.iter())
        .flat_map(|one| one.looks.iter().map(|look| look.day))
        .collect();
    days.sort_unstable();
    days.dedup();
    for day in days {
        if open.is_empty() {
            break;
        }
        let until = |one: &Comparison| one.last_look(day).map_or(1.0, |look| look.p_value);
        let then = holm(&comparisons.iter().map(|one| until(one)).collect::<Vec<_>>());
        open.retain(|at| {
            let decided = then[*at] < ALPHA;
            if decided {
                found[*at] = Some(day);
            }
            !decided
        });
    }
    found
}

fn are_ripe(one: Proportion, other: Proportion) -> bool {
    is_ripe(one, other) && is_ripe(other, one)
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
