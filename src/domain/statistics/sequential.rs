//! Two variants compared so that the data may be looked at every day.

use super::difference::{cross, difference};
use super::{ALPHA, Interval, Proportion};

/// The number of participants at which the sequence is tightest (`GrowthBook`'s choice).
const TUNED_TO: f64 = 5000.0;

/// Two variants compared, valid at every look, however often and whenever one looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequential {
    /// Of the difference of the rates.
    pub interval: Interval,
    /// At most [`ALPHA`] exactly when the interval does not hold 0.
    pub p_value: f64,
    /// Of the lift; excludes 0 exactly when `interval` does. None where control's rate cannot be
    /// told from 0, as the lift is then unbounded.
    pub lift_interval: Option<Interval>,
}

/// The comparison that is valid at every look: an asymptotic confidence sequence (Waudby-Smith,
/// Arbour, Sinha, Kennedy, Ramdas, arXiv:2103.06476).
///
/// d ± K·σ̂ with σ̂ the unpooled standard error of d, t = Nρ²+1, K² = 2t/(Nρ²)·ln(√t/α); and
/// p = min(1, √t·exp(−ρ²N·d²/(2σ̂²t))). None when σ̂ is 0: in both variants all or none converted.
#[must_use]
pub fn sequential(control: Proportion, variant: Proportion) -> Option<Sequential> {
    let variance = control.variance() + variant.variance();
    if variance <= 0.0 {
        return None;
    }
    let participants = control.participants as f64 + variant.participants as f64;
    let d = difference(control, variant);
    let margin = multiplier(participants, ALPHA) * variance.sqrt();
    let interval = Interval {
        low: d - margin,
        high: d + margin,
    };
    Some(Sequential {
        interval,
        p_value: p_value(participants, d * d / variance),
        lift_interval: lift_interval(control, variant, interval),
    })
}

/// The p-value of [`sequential`] alone: for many looks at once.
#[must_use]
pub fn sequential_p_value(control: Proportion, variant: Proportion) -> Option<f64> {
    let variance = control.variance() + variant.variance();
    let participants = control.participants as f64 + variant.participants as f64;
    let d = difference(control, variant);
    (variance > 0.0).then(|| p_value(participants, d * d / variance))
}

/// Of the squared difference in units of its standard error.
fn p_value(participants: f64, square: f64) -> f64 {
    let information = participants * rho_squared();
    let t = information + 1.0;
    let evidence = information * square / (2.0 * t);
    (t.sqrt() * (-evidence).exp()).min(1.0)
}

/// K: by how many standard errors the interval of level 1 − α reaches either way at so many
/// participants of both variants together. It is tuned for [`ALPHA`], whatever α is.
pub(super) fn multiplier(participants: f64, alpha: f64) -> f64 {
    let information = participants * rho_squared();
    let t = information + 1.0;
    (2.0 * t / information * (t.sqrt() / alpha).ln()).sqrt()
}

/// ρ² = (−2 ln α + ln(1 − 2 ln α))/N*.
fn rho_squared() -> f64 {
    let twice = -2.0 * ALPHA.ln();
    (twice + twice.ln_1p()) / TUNED_TO
}

/// Fieller's interval (1954): those s for which (d − s·p̂A)² ≤ K²(σ̂B² + (1+s)²σ̂A²).
///
/// That is a·s² − 2b·s + c ≤ 0 with a = p̂A² − K²σ̂A², b = d·p̂A + K²σ̂A² and c = d² − K²σ̂², the
/// product of the difference's two ends: so 0 is outside exactly when it is outside there. Bounded
/// when a > 0. The root in which b and the square root would cancel is taken from the product c/a.
fn lift_interval(control: Proportion, variant: Proportion, of_d: Interval) -> Option<Interval> {
    let k = multiplier(
        control.participants as f64 + variant.participants as f64,
        ALPHA,
    );
    let (rate, error) = (control.rate(), k * control.variance().sqrt());
    let a = (rate - error) * (rate + error);
    if rate <= error || a <= 0.0 {
        return None;
    }
    // d·p̂A with d's own rounding only.
    let b = cross(control, variant) / control.participants as f64
        * (rate / variant.participants as f64)
        + error * error;
    let c = of_d.low * of_d.high;
    let root = (k * k * variant.variance() * a + (variant.rate() * error).powi(2)).sqrt();
    let far = if b >= 0.0 { b + root } else { b - root };
    let (one, other) = (far / a, c / far);
    Some(Interval {
        low: one.min(other),
        high: one.max(other),
    })
}
