//! One variant's rate and the interval it lies in.

use super::special::Z_95;

/// How many of a variant's participants converted. Of one that [`Proportion::new`] would not make,
/// nothing sensible can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proportion {
    pub conversions: u64,
    pub participants: u64,
}

/// A 95 % interval. For rates and their differences in units of the rate (0.01 is a percentage
/// point), for lifts relative to control's rate (0.01 is one percent).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Proportion {
    /// `None` when there are no participants, or fewer than conversions: then the goal is not a
    /// proportion.
    #[must_use]
    pub fn new(conversions: u64, participants: u64) -> Option<Self> {
        (participants > 0 && conversions <= participants).then_some(Self {
            conversions,
            participants,
        })
    }

    /// Conversions per participant, 0 to 1.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.conversions as f64 / self.participants as f64
    }

    /// Wilson's score interval (Wilson 1927; Brown, Cai, `DasGupta` 2001):
    /// (p̂ + z²/2n ± z√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n), without correction for continuity.
    ///
    /// The ends' product is x²/(n(n+z²)), and the same holds of the failures: the end that would be
    /// a small difference of large terms is taken from the other.
    #[must_use]
    pub fn interval(self) -> Interval {
        let low = |x: f64, n: f64, high: f64| x * x / (n * (n + Z_95 * Z_95) * high);
        let (x, n) = (self.conversions as f64, self.participants as f64);
        let high = self.wilson_high();
        Interval {
            low: low(x, n, high),
            high: if self.conversions == self.participants {
                1.0
            } else {
                high.min(1.0)
            },
        }
    }

    /// Where the rate is beyond reasonable doubt: Wilson's interval with three standard errors, which is what the
    /// sequence for every look takes at its tightest.
    #[must_use]
    pub fn bounds(self) -> Interval {
        let high = |of: Self| (of.rate() + of.upper_arm_of(3.0)).min(1.0);
        Interval {
            low: 1.0 - high(self.failed()),
            high: high(self),
        }
    }

    /// How far Wilson's interval reaches below the rate and above it, without the cancellation of
    /// taking the difference of its ends and the rate.
    ///
    /// With w = z√(npq + z²/4) and p ≥ ½ the upper arm is z²pq/(w + z²(p−½)), else
    /// (w + z²(½−p))/(n+z²); the lower arm is the failures' upper one.
    pub(super) fn arms(self) -> (f64, f64) {
        (self.failed().upper_arm(), self.upper_arm())
    }

    fn upper_arm(self) -> f64 {
        self.upper_arm_of(Z_95)
    }

    fn upper_arm_of(self, z: f64) -> f64 {
        let (n, square) = (self.participants as f64, z * z);
        let (p, q) = (self.rate(), self.failed().rate());
        let spread = z * (n * p * q + square / 4.0).sqrt();
        let off_centre = square * (p - q) / 2.0;
        if p >= q {
            square * p * q / (spread + off_centre)
        } else {
            (spread - off_centre) / (n + square)
        }
    }

    fn wilson_high(self) -> f64 {
        self.rate() + self.upper_arm()
    }

    /// Those who did not convert, as if they had: what is said of a rate where the lower one is better.
    #[must_use]
    pub fn failed(self) -> Self {
        Self {
            conversions: self.participants.saturating_sub(self.conversions),
            participants: self.participants,
        }
    }

    /// p̂(1−p̂)/n: the squared standard error of the rate.
    pub(super) fn variance(self) -> f64 {
        self.rate() * self.failed().rate() / self.participants as f64
    }
}
