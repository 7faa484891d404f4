//! What conversions are worth: the mean of a variant's participants, and two of them compared.

use super::Interval;
use super::quadrature::{NODES, RULE};
use super::special::{falls_to, stirling_remainder};
use crate::domain::Sums;

/// What a variant's participants are worth. Who did not convert is worth 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valued {
    pub participants: u64,
    pub sums: Sums,
}

/// Two means compared, valid when the data are looked at only once: Welch's t test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// Of the difference of the means.
    pub interval: Interval,
    pub t: f64,
    /// Welch's (1947) and Satterthwaite's (1946).
    pub degrees_of_freedom: f64,
    /// Two-sided.
    pub p_value: f64,
}

/// How many units of [`Sums::sum`] make 1.
const UNITS: f64 = 10_000.0;

impl Valued {
    /// `None` without at least two participants: there is no variance then.
    #[must_use]
    pub fn new(participants: u64, sums: Sums) -> Option<Self> {
        (participants > 1).then_some(Self { participants, sums })
    }

    /// The mean of all participants.
    #[must_use]
    pub fn mean(self) -> f64 {
        self.sums.total() / self.participants as f64
    }

    /// The squared standard error of the mean, s²/n with s² = (Σx² − n·m²)/(n−1): in whole numbers,
    /// (n·Σx² − (Σx)²)/(n²(n−1)).
    #[must_use]
    pub fn variance(self) -> f64 {
        let n = self.participants as f64;
        self.spread() / n / n / (n - 1.0)
    }

    /// The interval of 95 % that the mean lies in, by Student's t: m ± t₀.₉₇₅·s/√n, and not below 0.
    #[must_use]
    pub fn interval(self) -> Interval {
        let margin = quantile(self.participants as f64 - 1.0) * self.variance().sqrt();
        Interval {
            low: (self.mean() - margin).max(0.0),
            high: self.mean() + margin,
        }
    }

    /// n·Σx² − (Σx)²: exact but for one rounding, where it is below 2¹²⁸.
    fn spread(self) -> f64 {
        let Sums { sum, squares } = self.sums;
        let up = squares.checked_mul(self.participants.into());
        let spread = match (up, sum.checked_mul(sum)) {
            (Some(up), Some(down)) => up.saturating_sub(down) as f64,
            _ => {
                let (sum, squares) = (sum as f64, squares as f64);
                (squares * self.participants as f64 - sum * sum).max(0.0)
            }
        };
        spread / (UNITS * UNITS)
    }
}

/// mB − mA, rounded only once: (ΣxB·nA − ΣxA·nB)/(nA·nB).
#[must_use]
pub fn difference_of_means(control: Valued, variant: Valued) -> f64 {
    let product = |sum: u128, participants: u64| sum.checked_mul(participants.into());
    let up = product(variant.sums.sum, control.participants);
    let down = product(control.sums.sum, variant.participants);
    let (Some(up), Some(down)) = (up, down) else {
        return variant.mean() - control.mean();
    };
    let size = up.abs_diff(down) as f64
        / control.participants as f64
        / variant.participants as f64
        / UNITS;
    if up < down { -size } else { size }
}

/// The comparison for one single look. None where nobody's worth varies.
///
/// t = d/σ̂, σ̂² = σ̂A² + σ̂B², with σ̂⁴/(σ̂A⁴/(nA−1) + σ̂B⁴/(nB−1)) degrees of freedom; the interval is d ± t₀.₉₇₅·σ̂.
#[must_use]
pub fn welch(control: Valued, variant: Valued) -> Option<Welch> {
    let (of_a, of_b) = (control.variance(), variant.variance());
    let variance = of_a + of_b;
    if variance <= 0.0 || variance.is_nan() {
        return None;
    }
    let part = |variance_of_one: f64, one: Valued| {
        (variance_of_one / variance).powi(2) / (one.participants as f64 - 1.0)
    };
    let degrees_of_freedom = 1.0 / (part(of_a, control) + part(of_b, variant));
    let difference = difference_of_means(control, variant);
    let t = difference / variance.sqrt();
    let margin = quantile(degrees_of_freedom) * variance.sqrt();
    Some(Welch {
        interval: Interval {
            low: difference - margin,
            high: difference + margin,
        },
        t,
        degrees_of_freedom,
        p_value: two_sided(t, degrees_of_freedom),
    })
}

/// The chance that Student's t of ν ≥ 1 degrees of freedom lies at least as far from 0 as `t`, either way.
///
/// With t = √ν·tan θ it is 2Γ((ν+1)/2)/(√π·Γ(ν/2)) · ∫ cosᵛ⁻¹ from θ to π/2, by quadrature over panels that grow
/// from the width of the density, and shrink towards π/2, where the integrand is no polynomial. No term is
/// negative, so the tail keeps its digits however small it is.
fn two_sided(t: f64, nu: f64) -> f64 {
    use std::f64::consts::{FRAC_PI_2, PI};
    let (t, root) = (t.abs(), nu.sqrt());
    let is_near = t < root;
    // Each of the two angles has digits where the other one has lost them.
    let (theta, phi) = match is_near {
        true => ((t / root).atan(), FRAC_PI_2 - (t / root).atan()),
        false => (FRAC_PI_2 - (root / t).atan(), (root / t).atan()),
    };
    // At so far before π/2.
    let log = |left: f64| match is_near {
        true => (nu - 1.0) * log_cos(theta + (phi - left)),
        false => (nu - 1.0) * left.sin().ln(),
    };
    let top = log(phi);
    let (mut left, mut integral) = (phi, 0.0);
    let mut width = 0.5 / (nu + 1.0).sqrt().max((nu - 1.0) * theta.tan());
    loop {
        width = width.min(left / 2.0);
        let half = width / 2.0;
        let values: [f64; NODES] = RULE
            .nodes
            .map(|node| (log(left - half * (1.0 + node)) - top).exp());
        let panel = RULE.whole(&values, half);
        integral += panel;
        if panel <= integral * f64::EPSILON / 16.0 {
            break;
        }
        left -= width;
        width *= 1.25;
    }
    (2.0 * (top + log_gamma_ratio(nu)).exp() / PI.sqrt() * integral).min(1.0)
}

/// ln cos θ, also where cos θ is nearly 1.
fn log_cos(theta: f64) -> f64 {
    let sine = (theta / 2.0).sin();
    (-2.0 * sine * sine).ln_1p()
}

/// ln Γ((ν+1)/2) − ln Γ(ν/2), by Stirling's formula for both: with y = ν/2,
/// y·ln(1+1/2y) + ½·ln y − ½ and the difference of what the formula leaves.
fn log_gamma_ratio(nu: f64) -> f64 {
    let y = nu / 2.0;
    let remainders = stirling_remainder(y + 0.5) - stirling_remainder(y);
    y * (0.5 / y).ln_1p() + 0.5 * y.ln() - 0.5 + remainders
}

/// The t that is exceeded either way with a chance of 5 %.
fn quantile(nu: f64) -> f64 {
    // Between that of infinitely many degrees and that of one.
    falls_to(super::ALPHA, [1.95, 12.8], |t| two_sided(t, nu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_one_and_two_degrees_is_what_is_known_in_closed_form() {
        for t in [0.0_f64, 0.1, 1.0, 12.7, 1e6] {
            let one = (1.0 / t).atan() * 2.0 / std::f64::consts::PI;
            let two = 1.0 - t / (2.0 + t * t).sqrt();
            let [got_one, got_two] = [1.0, 2.0].map(|nu| two_sided(t, nu));
            assert!((got_one / one - 1.0).abs() < 1e-13, "{t}: {got_one} {one}");
            assert!((got_two - two).abs() < 1e-13, "{t}: {got_two} {two}");
        }
    }

    #[test]
    fn very_many_participants_and_none_that_convert_make_no_nonsense() {
        let most = Valued::new(
            u64::MAX,
            Sums {
                sum: u128::MAX,
                squares: u128::MAX,
            },
        );
        let most = most.unwrap();
        assert!(most.mean().is_finite() && most.variance() >= 0.0);
        assert!(difference_of_means(most, most).abs() < f64::INFINITY);
        let nothing = Valued::new(10, Sums::default()).unwrap();
        assert_eq!((nothing.mean(), nothing.variance()), (0.0, 0.0));
        assert_eq!(welch(nothing, nothing), None);
        assert_eq!(Valued::new(1, Sums::default()), None);
    }
}
