//! Two variants side by side: what every comparison stands on, whatever is compared.

use super::difference::difference;
use super::{Proportion, Valued, difference_of_means};

/// What is known of one variant: its mean, and how far that may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    pub value: f64,
    /// The squared standard error of the mean.
    pub variance: f64,
    pub participants: u64,
}

/// Two variants side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    pub control: Mean,
    pub variant: Mean,
    /// Variant's mean less control's, with as few roundings as there can be.
    pub difference: f64,
    /// The squared standard error of the difference if there is none: what a plan's boundary takes.
    pub pooled_variance: f64,
}

impl Contrast {
    /// Of two rates.
    #[must_use]
    pub fn of_rates(control: Proportion, variant: Proportion) -> Self {
        let mean = |one: Proportion| Mean {
            value: one.rate(),
            variance: one.variance(),
            participants: one.participants,
        };
        Self {
            control: mean(control),
            variant: mean(variant),
            difference: difference(control, variant),
            pooled_variance: pooled_variance(control, variant),
        }
    }

    /// Of what participants are worth. Their variances say nothing of each other: none is pooled.
    #[must_use]
    pub fn of_means(control: Valued, variant: Valued) -> Self {
        let mean = |one: Valued| Mean {
            value: one.mean(),
            variance: one.variance(),
            participants: one.participants,
        };
        Self {
            control: mean(control),
            variant: mean(variant),
            difference: difference_of_means(control, variant),
            pooled_variance: control.variance() + variant.variance(),
        }
    }

    /// The squared standard error of the difference, unpooled: what intervals take.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.control.variance + self.variant.variance
    }

    /// Those of both variants.
    #[must_use]
    pub fn participants(&self) -> f64 {
        self.control.participants as f64 + self.variant.participants as f64
    }
}

/// p(1−p)(1/nA + 1/nB) with p the rate of both together. In whole numbers, X conversions and F failures of
/// N = nA+nB: X·F/(N·nA·nB).
fn pooled_variance(control: Proportion, variant: Proportion) -> f64 {
    let both = |of: fn(Proportion) -> u64| of(control) as f64 + of(variant) as f64;
    let participants = both(|one| one.participants);
    let conversions = both(|one| one.conversions);
    let failures = both(|one| one.failed().conversions);
    (conversions / participants) * (failures / control.participants as f64)
        / variant.participants as f64
}
