//! How long to go on after errors that may pass, and how long to wait between tries.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{AwsError, ErrorKind};

/// How long AWS may be busy: with other calls, with an update, or with making a role known.
const BUSY: Duration = Duration::from_secs(120);

/// How often a call without a reply, or with an error of AWS's own, is tried in all.
const UNCLEAR_TRIES: u32 = 6;

/// The pauses between tries: each twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long to go on after errors that may pass.
pub(in crate::deploy) struct Patience {
    since: Instant,
    pause: Duration,
    unclear: u32,
}

impl Patience {
    pub(in crate::deploy) fn new() -> Self {
        Self {
            since: Instant::now(),
            pause: FIRST_PAUSE,
            unclear: 0,
        }
    }

    /// None for errors that nobody understands.
    pub(super) fn little() -> Self {
        Self {
            unclear: UNCLEAR_TRIES,
            ..Self::new()
        }
    }

    /// Waits for the next try, or gives up with the error.
    pub(super) async fn after(&mut self, error: AwsError) -> Result<(), AwsError> {
        match error.kind {
            ErrorKind::Busy if self.since.elapsed() < BUSY => {}
            ErrorKind::Unclear if self.unclear + 1 < UNCLEAR_TRIES => self.unclear += 1,
            _ => return Err(error),
        }
        tracing::info!(%error, "retrying");
        self.pause().await;
        Ok(())
    }

    /// Waits longer each time.
    pub(in crate::deploy) async fn pause(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// How long it has been going on.
    pub(in crate::deploy) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}
