//! Deleting counters, and what is remembered under them.

use ::redis::{Cmd, Value, cmd};

use super::RedisStore;
use super::place::place;
use super::read::{Home, Indexed};
use super::script::{Call, DELETE};
use super::sets::{FULL, Memory, window_name};
use crate::domain::{Name, Selection};
use crate::store::StoreError;
use crate::store::redis::keyspace::Namespace;

/// How often sets are looked up again that grew meanwhile. One has to take up to 511 events between
/// two round trips for that.
const ATTEMPTS: usize = 20;

/// The sets of some counters.
#[derive(Default)]
struct Sets {
    /// Those that had room when looked at: the ends of all trees.
    with_room: Vec<String>,
    full: Vec<String>,
}

impl RedisStore {
    /// Deletes the selected counters: three round trips, and one for each level of sets.
    pub(super) async fn remove(&self, selection: &Selection) -> Result<u64, StoreError> {
        let experiment = std::slice::from_ref(&selection.experiment);
        let mut deleted = 0;
        for mut home in self.homes(&selection.namespace, experiment).await? {
            (home.counters).retain(|counter| selection.includes(&counter.kind, &counter.variant));
            if self.cluster && !home.counters.is_empty() {
                // At first: when this is interrupted, an entry too few in this index only lets the
                // namespace grow by a counter more.
                let mut srem = cmd("SREM");
                srem.arg(home.namespace.index().concat());
                for counter in &home.counters {
                    srem.arg(&counter.key);
                }
                self.ask::<u64>(vec![srem]).await?;
            }
            deleted += self.remove_from(&selection.namespace, &home).await?;
        }
        Ok(deleted)
    }

    async fn remove_from(&self, namespace: &Name, home: &Home) -> Result<u64, StoreError> {
        for _ in 0..ATTEMPTS {
            let zrange = cmd("ZRANGE")
                .arg(home.experiment.windows().concat())
                .arg(0)
                .arg(-1)
                .take();
            let windows = self.ask::<Vec<String>>(vec![zrange]).await?.concat();
            let sets = self.sets(home, &windows).await?;
            let call = self.delete_call(namespace, home, windows, sets);
            let answers = self.evaluate(&DELETE, &[call]).await?;
            match answers.first() {
                Some(Value::Int(-1)) => {}
                Some(Value::Int(count)) => return Ok(count.unsigned_abs()),
                _ => return Err(self.odd_answer()),
            }
        }
        Err(StoreError::Unavailable(format!(
            "{}: cannot delete all idempotency keys: new events arrive too fast",
            self.link.name()
        )))
    }

    fn delete_call(&self, namespace: &Name, home: &Home, windows: Vec<String>, sets: Sets) -> Call {
        let experiment = &home.experiment;
        let mut call = Call::new();
        call.keys([
            experiment.index(),
            experiment.windows(),
            experiment.variants(),
            experiment.copy(),
        ]);
        if !self.cluster {
            call.keys([home.namespace.experiments(), home.namespace.index()])
                .keys(place(namespace, &home.namespace).map(|key| [key]));
        }
        let first_counter = call.number_of_keys() + 1;
        for Indexed { key, .. } in &home.counters {
            call.keys([[key]]).keys([
                experiment.days(key),
                experiment.sums(key),
                experiment.deleted(key),
            ]);
        }
        let sets_by_room = sets.with_room.iter().chain(&sets.full);
        call.keys(sets_by_room.map(|set| [set]));
        call.arguments([
            &*window_name(self.counting.window),
            &experiment.member,
            if self.cluster { "elsewhere" } else { "here" },
            &home.counters.len().to_string(),
            &sets.with_room.len().to_string(),
            Namespace::new(namespace, self.cluster).member(),
            &first_counter.to_string(),
        ])
        .arguments(&windows);
        call
    }

    /// All sets of the counters for these windows, from the roots down: a round trip for each level.
    async fn sets(&self, home: &Home, windows: &[String]) -> Result<Sets, StoreError> {
        let memories: Vec<Memory> = (home.counters.iter())
            .flat_map(|counter| {
                windows
                    .iter()
                    .map(|window| Memory::new(&home.experiment, &counter.key, window))
            })
            .collect();
        let mut level: Vec<(&Memory, String)> = (memories.iter())
            .flat_map(|memory| memory.roots().map(move |root| (memory, root)))
            .collect();
        let mut sets = Sets::default();
        while !level.is_empty() {
            let questions: Vec<Cmd> = (level.iter())
                .map(|(_, set)| cmd("SCARD").arg(set).take())
                .collect();
            let sizes: Vec<u64> = self.ask(questions).await?;
            let mut below = Vec::new();
            for ((memory, set), size) in level.into_iter().zip(sizes) {
                if size < FULL {
                    sets.with_room.push(set);
                } else {
                    below.extend(memory.children(&set).map(|child| (memory, child)));
                    sets.full.push(set);
                }
            }
            level = below;
        }
        Ok(sets)
    }
}
