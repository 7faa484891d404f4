//! How long a request is tried again, and when.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::random;

/// The longest of the first pause; each may be twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// For one request with its retries, or for several that one call waits for.
pub(super) struct Patience {
    deadline: Instant,
    /// The longest that one attempt may take: an answer that was lost leaves time for another attempt.
    attempt: Duration,
    pause: Duration,
    /// Whether an attempt may have been carried out that brought no answer.
    pub unclear: bool,
}

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            deadline: Instant::now() + timeout,
            attempt: timeout * 2 / 5,
            pause: FIRST_PAUSE,
            unclear: false,
        }
    }

    /// The same end, for a request that goes on by itself.
    pub(super) fn fork(&self) -> Self {
        Self {
            pause: FIRST_PAUSE,
            unclear: false,
            ..*self
        }
    }

    /// When the attempt that begins now ends.
    pub(super) fn attempt(&self) -> Instant {
        self.deadline.min(Instant::now() + self.attempt)
    }

    /// Waits a while; `false` where there is no time left.
    pub(super) async fn pause(&mut self) -> bool {
        let longest = u64::try_from(self.pause.as_micros()).unwrap_or(u64::MAX);
        let pause = Duration::from_micros(1 + random::below(longest));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if Instant::now() + pause >= self.deadline {
            return false;
        }
        sleep(pause).await;
        true
    }
}
