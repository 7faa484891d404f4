//! API Gateway's throttle.

use std::time::Duration;

use tokio::time::Instant;

/// API Gateway's throttle: a token bucket.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    /// Requests a second.
    rate: f64,
    /// Requests at once.
    burst: f64,
    tokens: f64,
    filled: Option<Instant>,
}

impl TokenBucket {
    /// `rate` requests a second, `burst` at once.
    #[must_use]
    pub fn new(rate: f64, burst: f64) -> Self {
        Self {
            rate,
            burst,
            tokens: burst,
            filled: None,
        }
    }

    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let elapsed = self.filled.map_or(Duration::ZERO, |filled| now - filled);
        self.filled = Some(now);
        self.tokens = (self.tokens + self.rate * elapsed.as_secs_f64()).min(self.burst);
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        admitted
    }
}

/// An account's limits in API Gateway where nothing else is set.
impl Default for TokenBucket {
    fn default() -> Self {
        Self::new(10_000.0, 5_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_fills_again() {
        let start = Instant::now();
        let mut throttle = TokenBucket::new(2.0, 3.0);
        let mut at = |milliseconds| throttle.admit(start + Duration::from_millis(milliseconds));
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(400), at(500), at(600)], [false, true, false]);
        assert_eq!(
            [at(9000), at(9000), at(9000), at(9000)],
            [true, true, true, false]
        );
    }
}
