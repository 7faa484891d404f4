//! `domain::statistics`.

mod cases;
mod peeking;
mod properties;
mod values;

use lamed::domain::statistics::Proportion;

/// Chances and p-values under this may be anything under it.
const NOTHING: f64 = 1e-300;

fn counts(conversions: u64, participants: u64) -> Proportion {
    Proportion::new(conversions, participants).unwrap()
}

fn sums_to_one(chances: &[f64], at: impl std::fmt::Debug) {
    let sum: f64 = chances.iter().sum();
    assert!((sum - 1.0).abs() < 1e-12, "{at:?}: {chances:?}");
}
