//! What the counts of an A/B test say: intervals, p-values, chances and their losses.
//!
//! Pure functions of counts of conversions and participants; no history is needed. Each names its
//! formula and source. All take any `u64` without panic, overflow or NaN. Exact differences of
//! counts are taken in 128-bit integers before anything is rounded, so that results keep their
//! digits at 10⁹ participants and in far tails. The only special functions that come from a crate
//! are the complementary error function and ln Γ (`libm`).
//!
//! A is the control, B the other variant throughout.

mod best;
mod contrast;
mod density;
mod difference;
mod fisher;
mod holm;
mod panels;
mod planned;
mod posterior;
mod power;
mod proportion;
mod quadrature;
mod sample_ratio;
mod sequential;
mod special;
mod valued;

pub use best::chances_to_be_best;
pub use contrast::{Contrast, Mean};
pub use difference::{OneLook, TestMethod, difference, lift, one_look};
pub use holm::holm;
pub use posterior::{Posterior, chance_to_win, expected_loss, posterior};
pub use power::{Wanted, participants_needed};
pub use proportion::{Interval, Proportion};
pub use sample_ratio::{SampleRatio, sample_ratio};
pub use sequential::{Looking, Sequential, sequential};
pub use valued::{Valued, Welch, difference_of_means, welch};

/// The share of wrong alarms that is accepted: intervals are 95 % intervals, verdicts need p < 0.05.
pub const ALPHA: f64 = 0.05;
