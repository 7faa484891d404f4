//! By what two variants are compared: their rates, or what their participants are worth.

use super::goal::GoalKind;
use super::possible::{possible, possible_means};
use crate::domain::GoalValue;
use crate::domain::statistics::{
    Contrast, Interval, OneLook, Proportion, Sequential, TestMethod, Valued, Wanted,
    difference_of_means, lift, one_look, welch,
};

/// What is known of a variant, at whatever look this is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub proportion: Option<Proportion>,
    pub valued: Option<Valued>,
}

/// Two variants by the same measure, the control first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measured {
    Rates(Proportion, Proportion),
    Means(Valued, Valued),
}

impl Measured {
    /// None where one of the two has nothing to compare.
    pub(super) fn of(kind: GoalKind, control: Known, variant: Known) -> Option<Self> {
        match kind {
            GoalKind::Value => Some(Self::Means(control.valued?, variant.valued?)),
            GoalKind::Proportion => Some(Self::Rates(control.proportion?, variant.proportion?)),
            GoalKind::Count => None,
        }
    }

    pub(super) fn contrast(self) -> Contrast {
        match self {
            Self::Rates(a, b) => Contrast::of_rates(a, b),
            Self::Means(a, b) => Contrast::of_means(a, b),
        }
    }

    /// The difference by the control's; none where that is 0.
    pub(super) fn lift(self) -> Option<f64> {
        match self {
            Self::Rates(a, b) => lift(a, b),
            Self::Means(a, b) => (a.sums.sum > 0).then(|| difference_of_means(a, b) / a.mean()),
        }
    }

    pub(super) fn one_look(self) -> OneLook {
        let (a, b) = match self {
            Self::Rates(a, b) => return one_look(a, b),
            Self::Means(a, b) => (a, b),
        };
        let difference = difference_of_means(a, b);
        let found = welch(a, b);
        OneLook {
            interval: found.map_or(
                Interval {
                    low: difference,
                    high: difference,
                },
                |found| found.interval,
            ),
            z: found.map(|found| found.t),
            p_value: found.map_or(1.0, |found| found.p_value),
            method: TestMethod::Welch,
        }
    }

    /// Without what cannot be.
    pub(super) fn possible(self, found: Sequential, value: Option<&GoalValue>) -> Sequential {
        match self {
            Self::Rates(a, b) => possible(found, a, b),
            Self::Means(..) => possible_means(found, value.map_or(f64::MAX, |value| value.cap)),
        }
    }

    /// A relative effect that is to be found.
    pub(super) fn wanted(self, effect: f64, comparisons: usize) -> Option<Wanted> {
        let contrast = self.contrast();
        let control = contrast.control.value;
        match self {
            Self::Rates(..) => {
                let variant = (control * (1.0 + effect)).min(1.0);
                let share = contrast.control.participants as f64 / contrast.participants();
                Wanted::rates(control, variant, share, comparisons)
            }
            Self::Means(..) => Wanted::seen(&contrast, control * effect, comparisons),
        }
    }
}
