//! What the operator hears while a store is down: one line a second, not one a request.

use std::time::Duration;

use super::LogLimit;
use crate::domain::Limit;
use crate::store::StoreError;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Outage(LogLimit);

impl Default for Outage {
    fn default() -> Self {
        Self(LogLimit::new(PAUSE))
    }
}

impl Outage {
    /// Logs why a request failed, or counts it for the next line.
    pub(super) fn log(&self, error: &StoreError) {
        let Some(more) = self.0.admit() else {
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
        if let Some(more) = self.0.admit() {
            tracing::warn!(more, "events were refused: limit reached: {limit}");
        }
    }
}
