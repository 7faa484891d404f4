//! Whether participants fell on the variants as declared.

use super::special::{chi_square_tail, excess, stirling_remainder};

/// The sum of the prior's pseudo-counts.
const PRIOR: f64 = 100.0;

/// How well participants agree with the declared weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRatio {
    pub chi_square: f64,
    /// Of χ²: for one look.
    pub p_value: f64,
    /// Valid at every look.
    pub sequential_p_value: f64,
}

impl SampleRatio {
    /// Whether the traffic is not split as declared, so that no result can be trusted: the sequential
    /// test at 0.01. χ² is for one look, and people look every day: it is a figure to show, and raises
    /// no alarm.
    #[must_use]
    pub fn alarm(&self) -> bool {
        self.sequential_p_value < 0.01
    }
}

/// Compares counts of participants with the declared weights. Only variants with a weight above 0
/// count; none when there are fewer than two of those, or no participants.
///
/// χ² = Σ (cᵢ − nθᵢ)²/(nθᵢ) of k−1 degrees of freedom, the differences taken in whole numbers; and
/// the Dirichlet-multinomial test of Lindon & Malek (arXiv:2011.03567), p = min(1, 1/E),
/// with ln E = lnΓ(Σa) − lnΓ(Σa+n) + Σ[lnΓ(aᵢ+cᵢ) − lnΓ(aᵢ)] − Σcᵢ ln θᵢ and aᵢ = 100θᵢ.
#[must_use]
pub fn sample_ratio(counts: &[(u64, u32)]) -> Option<SampleRatio> {
    let counted = || counts.iter().filter(|(_, weight)| *weight > 0);
    let variants = counted().count();
    let participants: u128 = counted().map(|(count, _)| u128::from(*count)).sum();
    let weights: u128 = counted().map(|(_, weight)| u128::from(*weight)).sum();
    if variants < 2 || participants == 0 {
        return None;
    }
    let (n, all) = (participants as f64, weights as f64);
    let cells: Vec<Cell> = counted()
        .map(|&(count, weight)| {
            let is = u128::from(count) * weights;
            let should_be = participants * u128::from(weight);
            let size = is.abs_diff(should_be) as f64 / all;
            Cell {
                count: count as f64,
                share: f64::from(weight) / all,
                surplus: if is < should_be { -size } else { size },
            }
        })
        .collect();
    let chi_square = (cells.iter())
        .map(|cell| cell.surplus * (cell.surplus / (n * cell.share)))
        .sum();
    Some(SampleRatio {
        chi_square,
        p_value: chi_square_tail(chi_square, variants - 1),
        sequential_p_value: (-ln_evidence(&cells, n)).exp().min(1.0),
    })
}

/// One variant's participants, against its share of all.
struct Cell {
    count: f64,
    share: f64,
    /// How many more there are than its share of all.
    surplus: f64,
}

/// ln E, see [`sample_ratio`].
///
/// At 10⁹ its terms are so large that their differences would have no digits left. By Stirling's
/// formula, xᵢ = aᵢ+cᵢ, X = Σxᵢ = 100+n and δᵢ = (cᵢ−nθᵢ)/(Xθᵢ) = xᵢ/(Xθᵢ) − 1, where Σθᵢδᵢ = 0, all
/// large terms cancel and leave
/// Σ [Xθᵢ((1+δᵢ)ln(1+δᵢ) − δᵢ) − ½ln(1+δᵢ) + μ(xᵢ) − μ(aᵢ)] − (k−1)/2·ln(X/100) − μ(X) + μ(100)
/// with μ the remainder of Stirling's formula.
fn ln_evidence(cells: &[Cell], n: f64) -> f64 {
    let all = PRIOR + n;
    let of_cells: f64 = (cells.iter())
        .map(|cell| {
            let prior = PRIOR * cell.share;
            let delta = cell.surplus / (all * cell.share);
            let ratio = (prior + cell.count) / (all * cell.share);
            let excess = excess(delta, ratio);
            let ln = delta - excess;
            all * cell.share * (delta * ln - excess) - ln / 2.0
                + stirling_remainder(prior + cell.count)
                - stirling_remainder(prior)
        })
        .sum();
    of_cells - (cells.len() - 1) as f64 / 2.0 * (n / PRIOR).ln_1p() - stirling_remainder(all)
        + stirling_remainder(PRIOR)
}
