//! How many participants it takes.

use super::ALPHA;
use super::sequential::multiplier;
use super::special::Z_80;

/// More than anyone will have.
const MOST: u64 = 1_000_000_000_000_000;

/// How many participants a variant (split equally) it takes for the sequential comparison to have
/// 80 % power at these rates, as one of so many comparisons, each at α divided by their number: the least n with |p_B − p_A|/σ(n) ≥ z₀.₈ + K(2n), where
/// σ(n)² = (p_A(1−p_A) + p_B(1−p_B))/n and K is the sequence's multiplier.
///
/// One single look, decided in advance, would need fewer: there z₀.₉₇₅ = 1.96 stands for K, which is
/// 3.0 at its least. And with looks before the last the sequence's power is a little higher, so n
/// is on the safe side.
///
/// None when the rates are equal, are no rates, have no variance, or n would be above 10¹⁵.
#[must_use]
pub fn participants_needed(
    control_rate: f64,
    variant_rate: f64,
    comparisons: usize,
) -> Option<u64> {
    let are_rates = [control_rate, variant_rate]
        .iter()
        .all(|rate| (0.0..=1.0).contains(rate));
    if !are_rates {
        return None;
    }
    let effect = (variant_rate - control_rate).abs();
    let variance = control_rate * (1.0 - control_rate) + variant_rate * (1.0 - variant_rate);
    if effect <= 0.0 || variance <= 0.0 {
        return None;
    }
    let alpha = ALPHA / comparisons.max(1) as f64;
    let suffices = |n: u64| {
        let n = n as f64;
        effect * (n / variance).sqrt() >= Z_80 + multiplier(2.0 * n, alpha)
    };
    if !suffices(MOST) {
        return None;
    }
    let (mut too_few, mut enough) = (0, MOST);
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if suffices(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Some(enough)
}
