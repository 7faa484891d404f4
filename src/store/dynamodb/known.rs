//! What an instance remembers of counters, so that an event is one request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::random;
use crate::domain::{Counter, EventKind, Name};

/// How long an instance goes without looking whether counters of an experiment were deleted. A delete removes the items
/// that count, which everybody notices at once; this is for one that was interrupted before that.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How many items a counter may have for the same days.
pub(super) const MOST_SHARDS: u64 = 64;

/// How many times as many are used after a conflict.
const SPREAD: u64 = 4;

type Place = (Name, Name);

/// The counters that were found in the table.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Place, Experiment>>);

struct Experiment {
    /// The version of its last delete.
    deleted: u64,
    looked: Instant,
    counters: HashMap<(EventKind, Name), Found>,
}

#[derive(Clone, Copy)]
struct Found {
    id: u64,
    /// How many shards are in use: more than one after a conflict.
    shards: u64,
}

fn place(counter: &Counter) -> Place {
    (counter.namespace.clone(), counter.experiment.clone())
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Experiment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of a counter, and one of its shards.
    pub(super) fn find(&self, counter: &Counter) -> Option<(u64, u64)> {
        let experiments = self.lock();
        let experiment = experiments.get(&place(counter))?;
        let key = (counter.kind.clone(), counter.variant.clone());
        let Found { id, shards } = *experiment.counters.get(&key)?;
        Some((id, random::below(shards)))
    }

    /// Remembers a counter that was read together with its experiment.
    pub(super) fn insert(&self, counter: &Counter, id: u64, deleted: u64) {
        let mut experiments = self.lock();
        let experiment = experiments
            .entry(place(counter))
            .or_insert_with(|| Experiment {
                deleted,
                looked: Instant::now(),
                counters: HashMap::new(),
            });
        if experiment.deleted != deleted {
            experiment.counters.clear();
            experiment.deleted = deleted;
        }
        let key = (counter.kind.clone(), counter.variant.clone());
        experiment.counters.insert(key, Found { id, shards: 1 });
    }

    /// Uses more items for a counter from now on.
    pub(super) fn spread(&self, counter: &Counter) {
        let mut experiments = self.lock();
        let key = (counter.kind.clone(), counter.variant.clone());
        let experiment = experiments.get_mut(&place(counter));
        if let Some(found) = experiment.and_then(|experiment| experiment.counters.get_mut(&key)) {
            found.shards = (found.shards * SPREAD).min(MOST_SHARDS);
        }
    }

    /// Forgets the counters of an experiment.
    pub(super) fn forget(&self, namespace: &Name, experiment: &Name) {
        self.lock().remove(&(namespace.clone(), experiment.clone()));
    }

    /// Whether it is time to look for deletes again. Only one asker is told so.
    pub(super) fn is_due(&self, counter: &Counter) -> bool {
        let mut experiments = self.lock();
        let Some(experiment) = experiments.get_mut(&place(counter)) else {
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
        let mut experiments = self.lock();
        let place = place(counter);
        let is_same = (experiments.get(&place)).is_none_or(|known| known.deleted == deleted);
        if !is_same {
            experiments.remove(&place);
        }
        is_same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
