//! Gauss-Legendre quadrature, and integrals up to each node.

use std::sync::LazyLock;

/// Nodes a panel.
pub(super) const NODES: usize = 16;

/// Values at the nodes of one panel.
pub(super) type Values = [f64; NODES];

/// The rule on [−1, 1].
pub(super) struct Rule {
    pub nodes: Values,
    pub weights: Values,
    /// `up_to[i][j]`: how much the value at node j adds to the integral from −1 to node i.
    up_to: [Values; NODES],
}

pub(super) static RULE: LazyLock<Rule> = LazyLock::new(Rule::new);

impl Rule {
    /// The integral up to each node is that of the polynomial through all values:
    /// wⱼ Σₙ Pₙ(xⱼ)/2·(Pₙ₊₁(xᵢ) − Pₙ₋₁(xᵢ)), and (xᵢ+1)/2·wⱼ for n = 0, as
    /// (2n+1)∫Pₙ = Pₙ₊₁ − Pₙ₋₁ (Abramowitz & Stegun 22.13.8, 25.4.29).
    fn new() -> Self {
        let mut nodes = [0.0; NODES];
        let mut weights = [0.0; NODES];
        for i in 0..NODES {
            let node = root(i);
            let slope = slope(node);
            nodes[i] = node;
            weights[i] = 2.0 / ((1.0 - node * node) * slope * slope);
        }
        let mut up_to = [[0.0; NODES]; NODES];
        for (row, &to) in up_to.iter_mut().zip(&nodes) {
            let at_end = legendre(to);
            for ((share, &node), weight) in row.iter_mut().zip(&nodes).zip(&weights) {
                let at_node = legendre(node);
                let sum: f64 = (1..NODES)
                    .map(|n| at_node[n] * (at_end[n + 1] - at_end[n - 1]))
                    .sum();
                *share = weight * (to + 1.0 + sum) / 2.0;
            }
        }
        Self {
            nodes,
            weights,
            up_to,
        }
    }

    /// The integral of these values over the panel of this half width.
    pub fn whole(&self, values: &Values, half: f64) -> f64 {
        half * dot(&self.weights, values)
    }

    /// The integrals from the panel's left end to each node.
    pub fn sums_from_left(&self, values: &Values, half: f64) -> Values {
        let mut sums = [0.0; NODES];
        for (sum, row) in sums.iter_mut().zip(&self.up_to) {
            *sum = half * dot(row, values);
        }
        sums
    }

    /// The integrals from each node to the panel's right end: the rule is symmetric.
    pub fn sums_from_right(&self, values: &Values, half: f64) -> Values {
        let mut mirrored = *values;
        mirrored.reverse();
        let mut sums = self.sums_from_left(&mirrored, half);
        sums.reverse();
        sums
    }
}

/// The products at each node.
pub(super) fn times(a: &Values, b: &Values) -> Values {
    let mut products = *a;
    for (product, b) in products.iter_mut().zip(b) {
        *product *= b;
    }
    products
}

fn dot(a: &Values, b: &Values) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// P₀(x) … P₁₆(x), by (n+1)Pₙ₊₁ = (2n+1)xPₙ − nPₙ₋₁.
fn legendre(x: f64) -> [f64; NODES + 1] {
    let mut values = [1.0; NODES + 1];
    values[1] = x;
    for n in 1..NODES {
        let order = n as f64;
        values[n + 1] =
            ((2.0 * order + 1.0) * x * values[n] - order * values[n - 1]) / (order + 1.0);
    }
    values
}

/// P₁₆′(x).
fn slope(x: f64) -> f64 {
    let values = legendre(x);
    NODES as f64 * (values[NODES - 1] - x * values[NODES]) / (1.0 - x * x)
}

/// The i-th root of P₁₆ from the left, by Newton's method.
fn root(i: usize) -> f64 {
    let mut x = -(std::f64::consts::PI * (i as f64 + 0.75) / (NODES as f64 + 0.5)).cos();
    for _ in 0..10 {
        x -= legendre(x)[NODES] / slope(x);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_and_their_integrals_are_exact() {
        for power in 0..NODES {
            let power = i32::try_from(power).unwrap();
            let values = RULE.nodes.map(|x| x.powi(power));
            let integral = |x: f64| x.powi(power + 1) / f64::from(power + 1);
            let whole = integral(1.0) - integral(-1.0);
            assert!((RULE.whole(&values, 1.0) - whole).abs() < 1e-14);
            let (left, right) = (
                RULE.sums_from_left(&values, 1.0),
                RULE.sums_from_right(&values, 1.0),
            );
            for (i, &x) in RULE.nodes.iter().enumerate() {
                assert!((left[i] - (integral(x) - integral(-1.0))).abs() < 1e-14);
                assert!((left[i] + right[i] - whole).abs() < 1e-14);
            }
        }
    }
}
