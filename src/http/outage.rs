//! What the operator hears while a store is down: one line a second, not one a request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::Limit;
use crate::store::StoreError;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Outage {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    said: Option<Instant>,
    /// Failures since then.
    unsaid: u64,
}

impl Outage {
    /// Logs why a request failed, or counts it for the next line.
    pub(super) fn log(&self, error: &StoreError) {
        let Some(more) = self.admit(Instant::now()) else {
            return;
        };
        match error {
            StoreError::Unavailable(reason) => {
                tracing::error!(reason, more, "the store is unavailable");
            }
            StoreError::Failed(reason) => tracing::error!(reason, more, "the store failed"),
        }
    }

    /// Logs that events were refused for want of room, or counts it for the next line.
    pub(super) fn log_full(&self, limit: Limit) {
        if let Some(more) = self.admit(Instant::now()) {
            tracing::warn!(more, "events were refused: limit reached: {limit}");
        }
    }

    /// How many failures went without a line, if it is time for one.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.said.is_some_and(|said| now < said + PAUSE) {
            state.unsaid += 1;
            return None;
        }
        state.said = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_says_how_many_it_stands_for() {
        let (outage, start) = (Outage::default(), Instant::now());
        let at = |milliseconds| outage.admit(start + Duration::from_millis(milliseconds));
        assert_eq!(
            [at(0), at(1), at(999), at(1000), at(1001), at(9000)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }
}
