//! How many participants it takes.

use super::planned::boundary;
use super::special::{Z_80, normal};
use super::{ALPHA, Contrast, Looking};

/// More than anyone will have.
const MOST: u64 = 2_000_000_000_000_000;

/// A difference that is to be found by one of several comparisons, each at α divided by their number.
///
/// Of variants with the shares fA and fB of the participants, σ(N)² = `spread`/N is the squared standard error of
/// their difference, and σ₀(N)² = `pooled_spread`/N that of no difference. N are the participants of both together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    pub difference: f64,
    pub spread: f64,
    pub pooled_spread: f64,
    pub comparisons: usize,
}

impl Wanted {
    /// Two rates. None when they are equal, are no rates, or have no variance.
    #[must_use]
    pub fn rates(
        control: f64,
        variant: f64,
        control_share: f64,
        comparisons: usize,
    ) -> Option<Self> {
        let are_rates = [control, variant]
            .iter()
            .all(|rate| (0.0..=1.0).contains(rate));
        if !are_rates {
            return None;
        }
        let of_rate = |rate: f64| rate * (1.0 - rate);
        let share = 1.0 - control_share;
        let pooled = control_share * control + share * variant;
        Self {
            difference: (variant - control).abs(),
            spread: of_rate(control) / control_share + of_rate(variant) / share,
            pooled_spread: of_rate(pooled) / (control_share * share),
            comparisons,
        }
        .checked()
    }

    /// What is seen, if it stays as it is; or this difference, with as much spread. None where there is no
    /// difference, or no variance.
    #[must_use]
    pub fn seen(seen: &Contrast, difference: f64, comparisons: usize) -> Option<Self> {
        Self {
            difference: difference.abs(),
            spread: seen.participants() * seen.variance(),
            pooled_spread: seen.participants() * seen.pooled_variance,
            comparisons,
        }
        .checked()
    }

    fn checked(self) -> Option<Self> {
        let is_more = |value: f64| value > 0.0 && value.is_finite();
        (is_more(self.difference) && is_more(self.spread) && is_more(self.pooled_spread))
            .then_some(self)
    }

    fn alpha(&self) -> f64 {
        ALPHA / self.comparisons.max(1) as f64
    }

    /// The least N with 80 % power: δ ≥ z₀.₈·σ(N) + K·σ(N) of the sequence, or until M, with a plan,
    /// δ ≥ z₀.₈·σ(N) + c·√(M/N)·σ₀(N). `now` are there already: what of the plan would have been enough before them
    /// was not.
    ///
    /// One single look, decided in advance, would need fewer. And with looks before the last the power is a little
    /// higher, so N is on the safe side. None when it would be above 2·10¹⁵.
    #[must_use]
    pub fn participants(&self, looking: Looking, now: f64) -> Option<u64> {
        let by_sequence = least(|n| self.suffices_for_sequence(looking, n));
        let planned = looking.planned.filter(|planned| now < *planned);
        let by_plan = planned.and_then(|planned| {
            let c = boundary(self.alpha());
            let found = least(|n| self.suffices_for_plan(c * (planned / n).sqrt(), n))?;
            (found as f64 <= planned).then_some(found)
        });
        match (by_sequence, by_plan) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The least plan that has 80 % power when it is complete.
    #[must_use]
    pub fn plan(&self) -> Option<u64> {
        let c = boundary(self.alpha());
        least(|n| self.suffices_for_plan(c, n))
    }

    /// The chance that the difference has been found by the time that N participants have come; a little less, as of
    /// looks before the last.
    #[must_use]
    pub fn power(&self, looking: Looking, participants: f64) -> f64 {
        let (error, pooled_error) = self.errors(participants);
        let k = self.of_sequence(looking, participants);
        let by_sequence = normal((self.difference - k * error) / error);
        match looking.planned.filter(|planned| participants <= *planned) {
            None => by_sequence,
            Some(planned) => {
                let c = boundary(self.alpha()) * (planned / participants).sqrt();
                by_sequence.max(normal((self.difference - c * pooled_error) / error))
            }
        }
    }

    fn errors(&self, participants: f64) -> (f64, f64) {
        let error = |spread: f64| (spread / participants).sqrt();
        (error(self.spread), error(self.pooled_spread))
    }

    fn of_sequence(&self, looking: Looking, participants: f64) -> f64 {
        looking.multiplier_of_sequence(participants, self.alpha())
    }

    fn suffices_for_sequence(&self, looking: Looking, n: f64) -> bool {
        self.difference >= (Z_80 + self.of_sequence(looking, n)) * self.errors(n).0
    }

    fn suffices_for_plan(&self, c: f64, n: f64) -> bool {
        let (error, pooled_error) = self.errors(n);
        self.difference >= Z_80 * error + c * pooled_error
    }
}

/// How many participants a variant (split equally) it takes for the sequential comparison without a plan to have
/// 80 % power at these rates, as one of so many comparisons; see [`Wanted::participants`].
#[must_use]
pub fn participants_needed(
    control_rate: f64,
    variant_rate: f64,
    comparisons: usize,
) -> Option<u64> {
    let wanted = Wanted::rates(control_rate, variant_rate, 0.5, comparisons)?;
    Some(wanted.participants(Looking::default(), 0.0)?.div_ceil(2))
}

/// The first number from which on it is so; none up to [`MOST`].
fn least(is_so: impl Fn(f64) -> bool) -> Option<u64> {
    if !is_so(MOST as f64) {
        return None;
    }
    let (mut too_few, mut enough) = (0, MOST);
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if is_so(middle as f64) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Some(enough)
}
