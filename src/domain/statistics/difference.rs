//! Two variants compared, as if looked at once.

use super::fisher::fisher;
use super::special::{hypot, normal_two_sided};
use super::{Interval, Proportion};

/// How a p-value was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestMethod {
    /// The pooled z test.
    Z,
    /// Fisher's exact test: an expected cell is under 5.
    Fisher,
    /// Welch's t test, of means.
    Welch,
}

/// Two variants compared, valid when the data are looked at only once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneLook {
    /// Of the difference of the rates (Newcombe).
    pub interval: Interval,
    /// The pooled z; none when all or none converted.
    pub z: Option<f64>,
    /// Two-sided.
    pub p_value: f64,
    pub method: TestMethod,
}

/// p̂B − p̂A, rounded only once: (xB·nA − xA·nB)/(nA·nB), the difference in whole numbers.
#[must_use]
pub fn difference(control: Proportion, variant: Proportion) -> f64 {
    cross(control, variant) / (control.participants as f64 * variant.participants as f64)
}

/// (p̂B − p̂A)/p̂A; none when control has no conversion.
#[must_use]
pub fn lift(control: Proportion, variant: Proportion) -> Option<f64> {
    (control.conversions > 0).then(|| {
        cross(control, variant) / (control.conversions as f64 * variant.participants as f64)
    })
}

/// The comparison for one single look: Newcombe's interval, and the pooled z test or Fisher's.
///
/// Newcombe (1998), method 10, from the two Wilson intervals \[l, u\]:
/// d − √((p̂B−lB)² + (uA−p̂A)²), d + √((uB−p̂B)² + (p̂A−lA)²).
#[must_use]
pub fn one_look(control: Proportion, variant: Proportion) -> OneLook {
    let d = difference(control, variant);
    let (below_a, above_a) = control.arms();
    let (below_b, above_b) = variant.arms();
    let z = pooled_z(control, variant);
    let (p_value, method) = match z {
        Some(z) if !expects_under_5(control, variant) => (normal_two_sided(z), TestMethod::Z),
        _ => (fisher(control, variant), TestMethod::Fisher),
    };
    OneLook {
        interval: Interval {
            low: d - hypot(below_b, above_a),
            high: d + hypot(above_b, below_a),
        },
        z,
        p_value,
        method,
    }
}

/// xB·nA − xA·nB, exact but for one rounding.
pub(super) fn cross(control: Proportion, variant: Proportion) -> f64 {
    let up = u128::from(variant.conversions) * u128::from(control.participants);
    let down = u128::from(control.conversions) * u128::from(variant.participants);
    let size = up.abs_diff(down) as f64;
    if up < down { -size } else { size }
}

/// d/√(p(1−p)(1/nA+1/nB)) with p the rate of both together. In whole numbers, X conversions and F
/// failures of N = nA+nB: (xB·nA − xA·nB)·√(N/(X·F·nA·nB)).
fn pooled_z(control: Proportion, variant: Proportion) -> Option<f64> {
    let conversions = both(control.conversions, variant.conversions);
    let participants = both(control.participants, variant.participants);
    let failures = participants.saturating_sub(conversions);
    (conversions > 0 && failures > 0).then(|| {
        let products = (conversions as f64 * failures as f64)
            * (control.participants as f64 * variant.participants as f64);
        cross(control, variant) * (participants as f64 / products).sqrt()
    })
}

/// Whether a cell of the table is expected to hold fewer than 5: the least of rows times the least
/// of columns, by all.
fn expects_under_5(control: Proportion, variant: Proportion) -> bool {
    let conversions = both(control.conversions, variant.conversions);
    let participants = both(control.participants, variant.participants);
    let row = u128::from(control.participants.min(variant.participants));
    row * conversions.min(participants.saturating_sub(conversions)) < 5 * participants
}

fn both(a: u64, b: u64) -> u128 {
    u128::from(a) + u128::from(b)
}
