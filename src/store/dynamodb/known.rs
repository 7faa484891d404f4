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

/// How many times as many are used when these do not do.
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
    /// How many shards are used: more than one after a conflict, or where several events come at once.
    shards: u64,
    /// The shards on which this instance counts just now, a bit each.
    busy: u64,
}

impl Place {
    fn spread(&mut self) {
        self.shards = (self.shards * SPREAD).min(MOST_SHARDS);
    }

    /// The shards on which this instance does not count just now.
    fn free(&self) -> impl Iterator<Item = u64> + Clone {
        let busy = self.busy;
        (0..self.shards).filter(move |shard| busy & (1 << shard) == 0)
    }

    /// One of the free shards, or any where none is.
    fn take(&mut self) -> u64 {
        while self.free().next().is_none() && self.shards < MOST_SHARDS {
            self.spread();
        }
        let free = self.free().count() as u64;
        let shard = match free {
            0 => None,
            _ => self.free().nth(random::below(free) as usize),
        };
        let shard = shard.unwrap_or_else(|| random::below(self.shards));
        self.busy |= 1 << shard;
        shard
    }
}

/// A counter and one of its shards, which other events of this instance leave alone until this is dropped.
pub(super) struct Taken<'a> {
    known: &'a Known,
    key: Key,
    pub id: u64,
    pub shard: u64,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut found = self.known.lock();
        if let Some(place) = found.counters.get_mut(&self.key)
            && place.id == self.id
        {
            place.busy &= !(1 << self.shard);
        }
    }
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

    pub(super) fn knows(&self, counter: &Counter) -> bool {
        self.lock().counters.contains_key(&items::counter(counter))
    }

    /// A counter, and one of its shards.
    pub(super) fn take(&self, counter: &Counter) -> Option<Taken<'_>> {
        let key = items::counter(counter);
        let mut found = self.lock();
        let place = found.counters.get_mut(&key)?;
        let (id, shard) = (place.id, place.take());
        Some(Taken {
            known: self,
            key,
            id,
            shard,
        })
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
        let place = Place {
            id,
            shards: 1,
            busy: 0,
        };
        found.counters.insert(key, place);
    }

    /// Uses more items for a counter from now on.
    pub(super) fn spread(&self, counter: &Counter) {
        let mut found = self.lock();
        if let Some(place) = found.counters.get_mut(&items::counter(counter)) {
            place.spread();
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
            let shards = (0..2_000).map(|_| known.take(&counter("a")).unwrap().shard);
            shards.max().unwrap()
        };
        for expected in [0, 3, 15, 63, 63] {
            assert_eq!(highest(), expected);
            known.spread(&counter("a"));
        }
    }

    #[test]
    fn events_of_one_instance_do_not_meet() {
        let known = Known::default();
        known.insert(&counter("a"), 7, 0);
        let take = || known.take(&counter("a")).unwrap();
        let first = take();
        assert_eq!((first.id, first.shard), (7, 0));
        let taken: Vec<Taken> = (1..MOST_SHARDS).map(|_| take()).collect();
        let mut shards: Vec<u64> = taken.iter().map(|taken| taken.shard).collect();
        shards.sort_unstable();
        assert_eq!(shards, Vec::from_iter(1..MOST_SHARDS));
        // All are taken: any will do. Then the one that is free again.
        drop(take());
        drop(taken);
        let again: Vec<Taken> = (1..MOST_SHARDS).map(|_| take()).collect();
        assert!(again.iter().all(|taken| taken.shard < MOST_SHARDS));
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
        assert_eq!(known.take(&counter("b")).map(|taken| taken.id), Some(8));
        assert!(!known.looked(&counter("a"), 4));
        assert!(!known.knows(&counter("b")));
        // One that was read after a delete knows that the others are gone.
        known.insert(&counter("a"), 7, 3);
        known.insert(&counter("b"), 9, 4);
        assert!(!known.knows(&counter("a")));
    }
}
