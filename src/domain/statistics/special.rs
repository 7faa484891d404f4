//! Special functions, relatively exact also where they are tiny.

pub(super) use libm::erfc;
/// √(x² + y²). The C library's, which `f64::hypot` calls, would ask for glibc 2.35: Amazon Linux 2023 has 2.34.
pub(super) use libm::hypot;
use libm::lgamma;

/// The quantile of the standard normal distribution at 0.975: 95 % lie within ± this.
pub(super) const Z_95: f64 = 1.959_963_984_540_054_2;

/// The quantile of the standard normal distribution at 0.8.
pub(super) const Z_80: f64 = 0.841_621_233_572_914_2;

/// Where a function that falls from `low` to `high` comes down to a value, as near as an f64 can be.
pub(super) fn falls_to(value: f64, [mut low, mut high]: [f64; 2], of: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if of(middle) > value {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The chance that a standard normal variable lies at least as far from 0 as `z`, either way:
/// erfc(|z|/√2).
pub(super) fn normal_two_sided(z: f64) -> f64 {
    erfc(z.abs() * std::f64::consts::FRAC_1_SQRT_2)
}

/// Φ: the chance that a standard normal variable is at most `z`.
pub(super) fn normal(z: f64) -> f64 {
    erfc(-z * std::f64::consts::FRAC_1_SQRT_2) / 2.0
}

/// The chance that a χ² variable of `df` ≥ 1 degrees of freedom exceeds `x`.
///
/// With y = x/2, for even df e⁻ʸ Σ yʲ/j! over j < df/2; for odd df erfc(√y) + e⁻ʸ Σ yʲ/Γ(j+1) over
/// j = ½, 1½, … < df/2 (Abramowitz & Stegun 26.4.4 and 26.4.5). No term is negative, so the tail
/// keeps its digits however small it is. Summed from the largest term, which cannot underflow first.
pub(super) fn chi_square_tail(x: f64, df: usize) -> f64 {
    let y = x / 2.0;
    if y <= 0.0 {
        return 1.0;
    }
    let first = if df.is_multiple_of(2) { 0.0 } else { 0.5 };
    let start = if df.is_multiple_of(2) {
        0.0
    } else {
        erfc(y.sqrt())
    };
    let last = df as f64 / 2.0 - 1.0;
    if last < first {
        return start;
    }
    let top = first + (y - first).clamp(0.0, last - first).floor();
    let largest = (top * y.ln() - y - lgamma(top + 1.0)).exp();
    let mut sum = largest;
    let (mut j, mut term) = (top, largest);
    while j > first && term > sum * f64::EPSILON / 16.0 {
        term *= j / y;
        j -= 1.0;
        sum += term;
    }
    let (mut j, mut term) = (top, largest);
    while j < last && term > sum * f64::EPSILON / 16.0 {
        j += 1.0;
        term *= y / j;
        sum += term;
    }
    (start + sum).min(1.0)
}

/// μ(x) = lnΓ(x) − (x−½)ln x + x − ½ln 2π: what Stirling's formula leaves of lnΓ, for x > 0.
///
/// Its asymptotic series from 10 on (Abramowitz & Stegun 6.1.41); below, by
/// μ(x) = μ(x+1) + (x+½)ln(1+1/x) − 1, which follows from Γ(x+1) = xΓ(x).
pub(super) fn stirling_remainder(x: f64) -> f64 {
    let (mut x, mut steps) = (x, 0.0);
    while x < 10.0 {
        steps += (x + 0.5) * x.recip().ln_1p() - 1.0;
        x += 1.0;
    }
    let inverse = x.recip();
    let square = inverse * inverse;
    let series = [
        1.0 / 156.0,
        -691.0 / 360_360.0,
        1.0 / 1188.0,
        -1.0 / 1680.0,
        1.0 / 1260.0,
        -1.0 / 360.0,
        1.0 / 12.0,
    ];
    steps + inverse * series.iter().fold(0.0, |sum, c| sum * square + c)
}

/// δ − ln(1+δ) for δ > −1, given also `ratio` = 1+δ, which near 0 has digits that δ has lost.
///
/// Never negative, and relatively exact: near 0, where the difference cancels, by r = δ/(2+δ),
/// r·(δ − 2r²(1/3 + r²/5 + r⁴/7 + …)), from ln(1+δ) = 2 artanh r.
pub(super) fn excess(delta: f64, ratio: f64) -> f64 {
    if delta.abs() >= 0.2 {
        return delta - ratio.ln();
    }
    let r = delta / (2.0 + delta);
    let square = r * r;
    let terms = if delta.abs() < 1e-3 { 4 } else { 8 };
    let series = (0..terms)
        .rev()
        .fold(0.0, |sum, n| sum * square + ODD_RECIPROCALS[n]);
    r * (delta - 2.0 * square * series)
}

const ODD_RECIPROCALS: [f64; 8] = [
    1.0 / 3.0,
    1.0 / 5.0,
    1.0 / 7.0,
    1.0 / 9.0,
    1.0 / 11.0,
    1.0 / 13.0,
    1.0 / 15.0,
    1.0 / 17.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_is_what_stirling_leaves() {
        for x in [1e-9, 1e-4, 0.3, 1.0, 2.0, 9.999, 10.0, 10.001, 50.0] {
            let direct = lgamma(x) - ((x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln());
            assert!(
                (stirling_remainder(x) - direct).abs() < 1e-13,
                "{x}: {} {direct}",
                stirling_remainder(x)
            );
        }
    }

    #[test]
    fn excess_is_what_it_says() {
        for delta in [-0.199, -0.15, -0.05, 0.05, 0.15, 0.199_f64] {
            let direct = delta - delta.ln_1p();
            assert!(
                (excess(delta, 1.0 + delta) - direct).abs() < 2e-16,
                "{delta}"
            );
        }
    }

    #[test]
    fn excess_is_continuous_where_its_formula_changes() {
        for at in [-0.2, -1e-3, 1e-3, 0.2] {
            let (below, above) = (at - 1e-13, at + 1e-13);
            let (left, right) = (excess(below, 1.0 + below), excess(above, 1.0 + above));
            // The slope is about δ.
            let slack = 3e-13 * at.abs();
            assert!((left - right).abs() < slack, "{at}: {left} {right}");
        }
    }

    #[test]
    fn a_chi_square_tail_of_very_many_degrees_is_one_half_at_its_middle() {
        let middle = chi_square_tail(20_000.0, 20_000);
        assert!((middle - 0.5).abs() < 0.01, "{middle}");
    }
}
