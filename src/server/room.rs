//! Room that many share, and who gives way when it runs out: whoever has waited the longest for his client.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::http::LogLimit;

/// How often somebody is asked again to give way, as long as there is no room.
const AGAIN: Duration = Duration::from_millis(100);

/// The least time between two lines about a lack of room.
const PAUSE: Duration = Duration::from_secs(60);

/// A number of permits (connections, bytes), and those who hold some of them while they wait for a client.
pub(super) struct Room {
    permits: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
    /// Who waits for less time is not asked to give way.
    grace: Duration,
    lack: LogLimit,
}

/// In the order in which they began to wait.
#[derive(Default)]
struct Waiting {
    next: u64,
    places: BTreeMap<u64, Waiter>,
}

struct Waiter {
    peer: IpAddr,
    since: Instant,
    asked: Arc<Notify>,
}

/// A place among those who wait for their clients, given up when this is dropped.
pub(super) struct Waits {
    number: u64,
    waiting: Arc<Mutex<Waiting>>,
}

impl Drop for Waits {
    fn drop(&mut self) {
        lock(&self.waiting).places.remove(&self.number);
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    /// So many permits.
    pub(super) fn new(permits: usize, grace: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            waiting: Arc::default(),
            grace,
            lack: LogLimit::new(PAUSE),
        }
    }

    /// From now on somebody waits for a client, and is told by `asked` to give way.
    pub(super) fn waits(&self, peer: IpAddr, asked: &Arc<Notify>) -> Waits {
        let mut waiting = lock(&self.waiting);
        let number = waiting.next;
        waiting.next += 1;
        let place = Waiter {
            peer,
            since: Instant::now(),
            asked: Arc::clone(asked),
        };
        waiting.places.insert(number, place);
        Waits {
            number,
            waiting: Arc::clone(&self.waiting),
        }
    }

    /// So many permits, if there are any left now; `warn` says so in the log now and then.
    pub(super) fn try_take(
        &self,
        permits: u32,
        warn: impl FnOnce(),
    ) -> Option<OwnedSemaphorePermit> {
        let taken = Arc::clone(&self.permits)
            .try_acquire_many_owned(permits)
            .ok();
        if taken.is_none() && self.lack.admit().is_some() {
            warn();
        }
        taken
    }

    /// So many permits, as soon as there are. Whoever has waited longest for his client is asked to give way;
    /// `warn` says so in the log now and then.
    pub(super) async fn take(&self, permits: u32, warn: impl FnOnce()) -> OwnedSemaphorePermit {
        if let Some(taken) = self.try_take(permits, warn) {
            return taken;
        }
        let mut taken = std::pin::pin!(Arc::clone(&self.permits).acquire_many_owned(permits));
        let mut again = interval(AGAIN);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                taken = &mut taken => match taken {
                    Ok(taken) => return taken,
                    // Nobody closes it.
                    Err(_) => std::future::pending().await,
                },
                _ = again.tick() => drop(self.ask(|_| true)),
            }
        }
    }

    /// Asks the longest waiting of these peers to give way; whether there is one.
    pub(super) fn ask(&self, whose: impl Fn(IpAddr) -> bool) -> bool {
        let mut waiting = lock(&self.waiting);
        let oldest = (waiting.places.iter())
            .take_while(|(_, place)| place.since.elapsed() >= self.grace)
            .find(|(_, place)| whose(place.peer))
            .map(|(number, _)| *number);
        let asked = oldest.and_then(|number| waiting.places.remove(&number));
        asked.inspect(|place| place.asked.notify_one()).is_some()
    }

    /// Waits until nobody has any of so many permits.
    pub(super) async fn empty(&self, permits: usize) {
        let all = u32::try_from(permits).unwrap_or(u32::MAX);
        let _ = self.permits.acquire_many(all).await;
    }
}
