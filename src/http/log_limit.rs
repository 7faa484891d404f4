//! Lines that would be a flood in the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one line through in each pause, and counts the others.
pub(crate) struct LogLimit {
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Instant>,
    /// Lines held back since then.
    suppressed: u64,
}

impl LogLimit {
    /// At most one line in each `pause`.
    pub(crate) fn new(pause: Duration) -> Self {
        Self {
            pause,
            state: Mutex::default(),
        }
    }

    /// How many lines were held back since the last one, if it is time for a line.
    pub(crate) fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now < last + self.pause) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_says_how_many_it_stands_for() {
        let (limit, start) = (LogLimit::new(Duration::from_secs(1)), Instant::now());
        let at = |milliseconds| limit.admit_at(start + Duration::from_millis(milliseconds));
        assert_eq!(
            [at(0), at(1), at(999), at(1000), at(1001), at(9000)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }
}
