//! Many comparisons at once.

/// p-values adjusted for being looked at together, in the order given (Holm 1979): sorted, the i-th
/// of m is multiplied by m−i+1, is at least as large as the ones before, and at most 1.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        least = least.max((factor * p_values[index]).min(1.0));
        adjusted[index] = least;
    }
    adjusted
}
