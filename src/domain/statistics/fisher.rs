//! Fisher's exact test.

use super::Proportion;

/// Tables that are likelier than the one seen by less than this factor count as equally likely:
/// equal chances may come out unequal by rounding. R's `fisher.test` has the same.
const TIE: f64 = 1.0 + 1e-7;

/// Fisher's exact test, two-sided: the chance, with the margins as they are, of a table at most as
/// likely as the one seen (Fisher 1935; the two-sided rule of R and scipy).
///
/// The table is turned so that the first cell has the least margins r and c, and k in it may be 0 to
/// min(r, c). Weights relative to that of k = 0 follow by multiplication,
/// P(k+1)/P(k) = (r−k)(c−k)/((k+1)(N−r−c+k+1)), and are normalised by their sum: no lnΓ, whose
/// differences would lose all digits at 10⁹. Where an expected cell is under 5 the weights are
/// negligible after a few hundred steps at most, however large the margins.
pub(super) fn fisher(control: Proportion, variant: Proportion) -> f64 {
    let table = Table::new(control, variant);
    let mut weights = Vec::new();
    let (mut weight, mut sum, mut k) = (1.0_f64, 0.0, 0);
    while weight > 0.0 && k <= table.largest() {
        weights.push(weight);
        sum += weight;
        weight *= table.step(k);
        k += 1;
    }
    let seen = usize::try_from(table.seen).ok();
    let Some(seen) = seen.and_then(|k| weights.get(k).copied()) else {
        return 0.0;
    };
    // From the least on, so that a small sum keeps its digits.
    weights.sort_by(f64::total_cmp);
    let limit = seen * TIE;
    let as_unlikely: f64 = weights.iter().take_while(|w| **w <= limit).sum();
    (as_unlikely / sum).min(1.0)
}

/// A table of two rows and two columns, by its margins and one cell.
struct Table {
    row: u128,
    column: u128,
    all: u128,
    /// In the cell of the least row and column.
    seen: u128,
}

impl Table {
    fn new(control: Proportion, variant: Proportion) -> Self {
        let (less, more) = if control.participants <= variant.participants {
            (control, variant)
        } else {
            (variant, control)
        };
        let row = u128::from(less.participants);
        let all = row + u128::from(more.participants);
        let conversions = u128::from(less.conversions) + u128::from(more.conversions);
        let failures = all.saturating_sub(conversions);
        if conversions <= failures {
            Self {
                row,
                column: conversions,
                all,
                seen: u128::from(less.conversions),
            }
        } else {
            Self {
                row,
                column: failures,
                all,
                seen: u128::from(less.failed().conversions),
            }
        }
    }

    fn largest(&self) -> u128 {
        self.row.min(self.column)
    }

    /// P(k+1)/P(k).
    fn step(&self, k: u128) -> f64 {
        let up = (self.row - k) as f64 * (self.column - k) as f64;
        up / ((k + 1) as f64 * (self.all - self.row - self.column + k + 1) as f64)
    }
}
