//! A variant beside the control, today and at the ends of days.

use super::goal::{GoalKind, GoalVariant, Looked};
use super::measured::{Known, Measured};
use crate::domain::statistics::{
    ALPHA, Contrast, Interval, Looking, OneLook, Posterior, Proportion, Sequential, Wanted, holm,
    posterior,
};
use crate::domain::{Better, Day, GoalValue};

/// No verdict before each side of a comparison has so many participants …
pub const MIN_PARTICIPANTS: u64 = 30;

/// … and so many conversions.
pub const MIN_CONVERSIONS: u64 = 5;

/// … or where they have values so many: means of a few large orders among many small ones are far from normal.
/// Simulated, see `benches/peeking.rs`: with 5 at weights of 90:10, 12 % of verdicts are wrong.
pub const MIN_VALUES: u64 = 100;

/// … or so few of so many that it should have at the other's rate: by chance that happens to one in
/// 50,000.
pub const EXPECTED_CONVERSIONS: f64 = 20.0;

/// A variant beside the control.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub better: Better,
    pub control: Proportion,
    pub variant: Proportion,
    /// Variant's rate less control's, or variant's mean less control's where the goal has a value.
    pub difference: f64,
    /// The difference by control's; none where that is 0.
    pub lift: Option<f64>,
    pub one_look: OneLook,
    /// None while neither varies.
    pub sequential: Option<Sequential>,
    /// The least p-value of the ends of days and of now, adjusted for all comparisons of the experiment:
    /// what was decided at the end of a day stays decided.
    pub p_holm: Option<f64>,
    pub decision: Option<Decision>,
    pub still_needed: StillNeeded,
    measured: Measured,
    /// How the two stand beside each other now.
    pub(super) contrast: Contrast,
    /// The plan, as far as it is of these two.
    looking: Looking,
    /// The p-value of now, or with a plan that is complete how clear it still is: at most [`ALPHA`] if a decision
    /// has not faded.
    clarity: Option<f64>,
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

/// How many participants more each variant needs, on average of the two, for 80 % power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StillNeeded {
    /// At the effect seen; none where there is none.
    pub for_effect_seen: Option<u64>,
    /// At the smallest effect declared.
    pub for_minimum_effect: Option<u64>,
    /// At the effect seen and one standard error more.
    pub at_best: Option<u64>,
}

/// How two variants of a goal are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct How<'a> {
    pub kind: GoalKind,
    pub better: Better,
    pub value: Option<&'a GoalValue>,
    pub looking: Looking,
}

impl How<'_> {
    /// The interval of the difference, valid at every look, at the end of a day with these; none before a verdict
    /// could be.
    pub(super) fn interval(&self, control: Known, variant: Known) -> Option<Interval> {
        let ripe = are_ripe(
            self.kind == GoalKind::Value,
            control.proportion?,
            variant.proportion?,
        );
        let measured = Measured::of(self.kind, control, variant).filter(|_| ripe)?;
        let found = self.looking.compare(&measured.contrast())?;
        Some(measured.possible(found, self.value).interval)
    }
}

impl Comparison {
    /// None where one of the two has nothing to compare. Not yet decided: that takes all comparisons.
    pub(super) fn of(how: &How, control: &GoalVariant, variant: &GoalVariant) -> Option<Self> {
        let How {
            better, looking, ..
        } = *how;
        let measured = Measured::of(how.kind, control.known(), variant.known())?;
        let contrast = measured.contrast();
        Some(Self {
            better,
            control: control.proportion?,
            variant: variant.proportion?,
            difference: contrast.difference,
            lift: measured.lift(),
            one_look: measured.one_look(),
            sequential: looking
                .compare(&contrast)
                .map(|found| measured.possible(found, how.value)),
            p_holm: None,
            decision: None,
            still_needed: StillNeeded::default(),
            measured,
            contrast,
            looking,
            clarity: looking.clarity(&contrast),
            looks: looks(how, &control.looks, &variant.looks),
        })
    }

    /// Says how many participants it still takes, as one of so many comparisons.
    pub(super) fn foresee(&mut self, minimum_effect: Option<f64>, comparisons: usize) {
        let (contrast, now) = (self.contrast, self.contrast.participants());
        let still = |wanted: Option<Wanted>| {
            let needed = wanted?.participants(self.looking, now)? as f64;
            Some(((needed - now) / 2.0).max(0.0).ceil() as u64)
        };
        let seen = |difference| Wanted::seen(&contrast, difference, comparisons);
        self.still_needed = StillNeeded {
            for_effect_seen: still(seen(contrast.difference)),
            for_minimum_effect: minimum_effect
                .and_then(|effect| still(self.wanted(effect, comparisons))),
            at_best: still(seen(contrast.difference.abs() + contrast.variance().sqrt())),
        };
    }

    /// The smallest effect worth knowing, in the direction that is better.
    fn wanted(&self, effect: f64, comparisons: usize) -> Option<Wanted> {
        let effect = match self.better {
            Better::Higher => effect,
            Better::Lower => -effect,
        };
        self.measured.wanted(effect, comparisons)
    }

    /// Whether it compares what participants are worth, not rates.
    #[must_use]
    pub fn is_of_means(&self) -> bool {
        matches!(self.measured, Measured::Means(..))
    }

    /// Whether both sides have what a verdict takes.
    #[must_use]
    pub fn is_ripe(&self) -> bool {
        are_ripe(self.is_of_means(), self.control, self.variant)
    }

    /// How it is decided, if it is.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.decision.map(|decision| decision.outcome)
    }

    /// The chance that the variant is better, and what choosing it loses on average. None where what is compared
    /// is no rate.
    #[must_use]
    pub fn posterior(&self) -> Option<Posterior> {
        let Measured::Rates(control, variant) = self.measured else {
            return None;
        };
        let judged = |one| judged(self.better, one);
        Some(posterior(judged(control), judged(variant)))
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

/// The rate that is the higher, the better: of those who converted, or of those who did not.
pub(super) fn judged(better: Better, proportion: Proportion) -> Proportion {
    match better {
        Better::Higher => proportion,
        Better::Lower => proportion.failed(),
    }
}

/// The looks that found a lower p-value than all before. Days that ended with too few to judge by do not
/// count; now does.
fn looks(how: &How, control: &[Looked], variant: &[Looked]) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    let last = control.len().saturating_sub(1);
    for (place, (control, variant)) in control.iter().zip(variant).enumerate() {
        let (a, b) = (control.known, variant.known);
        let measured = Measured::of(how.kind, a, b);
        let (Some(measured), Some(a), Some(b)) = (measured, a.proportion, b.proportion) else {
            continue;
        };
        let ripe = are_ripe(how.kind == GoalKind::Value, a, b);
        if !ripe && place != last {
            continue;
        }
        let contrast = measured.contrast();
        let Some(p_value) = how.looking.p_value(&contrast) else {
            continue;
        };
        if looks.last().is_none_or(|before| p_value < before.p_value) {
            let more = contrast.difference > 0.0;
            looks.push(Look {
                day: control.day,
                p_value,
                outcome: match (how.better, more) {
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
    let p_now = |one: &Comparison| one.clarity.unwrap_or(1.0);
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

fn are_ripe(are_means: bool, one: Proportion, other: Proportion) -> bool {
    match are_means {
        true => one.conversions.min(other.conversions) >= MIN_VALUES,
        false => is_ripe(one, other) && is_ripe(other, one),
    }
}

/// Few conversions are enough where that itself is the result: a button that does not work.
fn is_ripe(side: Proportion, other: Proportion) -> bool {
    let expected = side.participants as f64 * other.rate();
    side.participants >= MIN_PARTICIPANTS
        && (side.conversions >= MIN_CONVERSIONS || expected >= EXPECTED_CONVERSIONS)
}
