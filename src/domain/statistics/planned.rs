//! The boundary of a comparison that is planned for a number of participants.
//!
//! |z| ≥ c·√(M/N) at any look at N ≤ M participants, z with the pooled standard error. On the scale of a
//! Brownian motion B(N/M) = z·√(N/M) that is the constant c (O'Brien & Fleming 1979; Lan & `DeMets` 1983).

use super::ALPHA;
use super::special::erfc;
use super::special::falls_to;

/// The boundary has this share of the wrong alarms that are accepted. The sequence, which holds at any number of
/// participants, has the rest.
pub(super) const SHARE: f64 = 0.9;

/// c for [`SHARE`] of [`ALPHA`].
const AT_ALPHA: f64 = 2.281_819_483_438_662;

/// The chance that a Brownian motion leaves (−c, c) before the time 1, by the reflection principle:
/// 4·Σₖ(−1)ᵏ(1−Φ((2k+1)c)).
///
/// Where c is small and the sum slow, by its complement 4/π·Σₖ(−1)ᵏ/(2k+1)·exp(−(2k+1)²π²/(8c²)).
pub(super) fn crossing(c: f64) -> f64 {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, PI};
    if c <= 0.0 {
        return 1.0;
    }
    if c >= 1.0 {
        return 2.0 * alternating(|odd| erfc(odd * c * FRAC_1_SQRT_2));
    }
    let rate = (FRAC_PI_2 / c).powi(2) / 2.0;
    1.0 - 4.0 / PI * alternating(|odd| (-odd * odd * rate).exp() / odd)
}

/// The terms of 1, 3, 5, … with changing signs, until one counts for nothing.
fn alternating(term: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut odd, mut sign) = (0.0, 1.0, 1.0);
    loop {
        let term = term(odd);
        if term <= sum * f64::EPSILON / 16.0 {
            return sum;
        }
        sum += sign * term;
        odd += 2.0;
        sign = -sign;
    }
}

/// The c that is left with the chance `alpha`·[`SHARE`].
pub(super) fn boundary(alpha: f64) -> f64 {
    if alpha == ALPHA {
        return AT_ALPHA;
    }
    falls_to(alpha * SHARE, [0.0, 40.0], crossing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_series_of_the_crossing_are_one() {
        let (below, above) = (crossing(1.0 - 1e-12), crossing(1.0));
        assert!((below - above).abs() < 1e-11, "{below} {above}");
        assert_eq!((crossing(0.0), crossing(0.05)), (1.0, 1.0));
    }

    #[test]
    fn the_boundary_is_crossed_with_its_chance() {
        for alpha in [0.5, ALPHA, 0.0125, 1e-6, 1e-100] {
            let chance = crossing(boundary(alpha)) / (alpha * SHARE);
            assert!((chance - 1.0).abs() < 1e-11, "{alpha}: {chance}");
        }
        // What is looked up is what would be found.
        let found = boundary(ALPHA * (1.0 + 1e-15));
        assert!((found - AT_ALPHA).abs() < 1e-12, "{found}");
    }
}
