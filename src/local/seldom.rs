//! Lines that would be a flood in the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one line through in each pause.
pub(super) struct Seldom {
    pause: Duration,
    said: Mutex<Option<Instant>>,
}

impl Seldom {
    /// A line is let through when none was for so long.
    pub(super) fn new(pause: Duration) -> Self {
        Self {
            pause,
            said: Mutex::new(None),
        }
    }

    /// Whether it is time for a line.
    pub(super) fn admits(&self) -> bool {
        let now = Instant::now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let admits = said.is_none_or(|said| now >= said + self.pause);
        if admits {
            *said = Some(now);
        }
        admits
    }
}
