//! What an instance remembers of counters, so that an event is one request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::items::{self, Key};
use super::random;
use crate::domain::Counter;

/// How long an instance goes without looking whether counters of an experiment were deleted. A delete removes the items
/// that count, which everybody notices at once; this is for one that was interrupted before that.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How many items a counter may have for the same days.
pub(super) const MOST_SHARDS: u64 = 64;

/// How many times as many are used after a conflict.
const SPREAD: u64 = 4;

/// The counters that were found in the table.
#[derive(Default)]
pub(super) struct Known(Mutex<Found>);

#[derive(Default)]
struct Found {
    /// By their partitions.
    experiments: HashMap<String, Experiment>,
    counters: HashMap<Key, Place>,
}

#[derive(Clone, Copy)]
struct Experiment {
    /// The version of its last delete.
    deleted: u64,
    looked: Instant,
}

#[derive(Clone, Copy)]
struct Place {
    id: u64,
    /// How many shards are in use: more than one after a conflict.
    shards: u64,
}

impl Found {
    fn forget(&mut self, partition: &str) {
        self.experiments.remove(partition);
        self.counters.retain(|key, _| key.pk != partition);
    }
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of a counter, and one of its shards.
    pub(super) fn find(&self, counter: &Counter) -> Option<(u64, u64)> {
        let found = self.lock();
        let Place { id, shards } = *found.counters.get(&items::counter(counter))?;
        Some((id, random::below(shards)))
    }

    /// Remembers a counter that was read together with its experiment.
    pub(super) fn insert(&self, counter: &Counter, id: u64, deleted: u64) {
        let key = items::counter(counter);
        let mut found = self.lock();
        let before = found.experiments.get(&key.pk).copied();
        if before.is_some_and(|before| before.deleted != deleted) {
            found.forget(&key.pk);
        }
        let looked = before.map_or_else(Instant::now, |before| before.looked);
        let experiment = Experiment { deleted, looked };
        found.experiments.insert(key.pk.clone(), experiment);
        found.counters.insert(key, Place { id, shards: 1 });
    }

    /// Uses more items for a counter from now on.
    pub(super) fn spread(&self, counter: &Counter) {
        let mut found = self.lock();
        if let Some(place) = found.counters.get_mut(&items::counter(counter)) {
            place.shards = (place.shards * SPREAD).min(MOST_SHARDS);
        }
    }

    /// Forgets the counters of an experiment.
    pub(super) fn forget(&self, partition: &str) {
        self.lock().forget(partition);
    }

    /// Whether it is time to look for deletes again. Only one asker is told so.
    pub(super) fn is_due(&self, counter: &Counter) -> bool {
        let mut found = self.lock();
        let key = items::counter(counter);
        let Some(experiment) = found.experiments.get_mut(&key.pk) else {
            return false;
        };
        let is_due = experiment.looked.elapsed() >= LOOK_AGAIN;
        if is_due {
            experiment.looked = Instant::now();
        }
        is_due
    }

    /// What a look found; `false` where the counters are deleted that were known.
    pub(super) fn looked(&self, counter: &Counter, deleted: u64) -> bool {
        let mut found = self.lock();
        let key = items::counter(counter);
        let known = found.experiments.get(&key.pk);
        let is_same = known.is_none_or(|known| known.deleted == deleted);
        if !is_same {
            found.forget(&key.pk);
        }
        is_same
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventKind, Name};

    fn counter(variant: &str) -> Counter {
        let name = |text: &str| Name::stored(text.to_owned());
        Counter {
            namespace: name("n"),
            experiment: name("e"),
            kind: EventKind::Exposure,
            variant: name(variant),
        }
    }

    #[test]
    fn conflicts_spread_a_counter_over_all_shards_and_no_further() {
        let known = Known::default();
        known.insert(&counter("a"), 7, 0);
        let highest = || {
            let shards = (0..2_000).map(|_| known.find(&counter("a")).unwrap().1);
            shards.max().unwrap()
        };
        for expected in [0, 3, 15, 63, 63] {
            assert_eq!(highest(), expected);
            known.spread(&counter("a"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn deletes_are_looked_for_every_five_seconds() {
        let known = Known::default();
        assert!(!known.is_due(&counter("a")));
        known.insert(&counter("a"), 7, 3);
        known.insert(&counter("b"), 8, 3);
        assert!(!known.is_due(&counter("a")));
        tokio::time::advance(LOOK_AGAIN).await;
        assert!(known.is_due(&counter("a")));
        assert!(!known.is_due(&counter("b")), "one look is for all counters");
        assert!(known.looked(&counter("a"), 3));
        assert_eq!(known.find(&counter("b")).map(|found| found.0), Some(8));
        assert!(!known.looked(&counter("a"), 4));
        assert_eq!(known.find(&counter("b")), None);
        // One that was read after a delete knows that the others are gone.
        known.insert(&counter("a"), 7, 3);
        known.insert(&counter("b"), 9, 4);
        assert_eq!(known.find(&counter("a")), None);
    }
}
