//! Reading counts back.

use std::collections::BTreeMap;

use ::redis::{Cmd, FromRedisValue, Value, cmd, from_redis_value, pipe};

use super::RedisStore;
use crate::domain::{Count, Day, DayCount, DaySums, EventKind, ExperimentCounts, Name, Sums};
use crate::store::StoreError;
use crate::store::redis::keyspace::{self, ExperimentKeys, Key, Namespace};

/// One form of an experiment's name in one form of its namespace's, and the counters there.
pub(super) struct Home {
    /// Which of the experiments asked for.
    position: usize,
    pub namespace: Namespace,
    pub experiment: ExperimentKeys,
    pub counters: Vec<Indexed>,
}

/// A counter as the indexes have it.
pub(super) struct Indexed {
    pub key: String,
    pub kind: EventKind,
    pub variant: Name,
}

impl RedisStore {
    /// Asks what does not depend on each other: one round trip.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        questions: Vec<Cmd>,
    ) -> Result<Vec<T>, StoreError> {
        let answers = self.values(questions).await?;
        let read = |value| from_redis_value(value).map_err(|error| self.link.error(&error.into()));
        answers.into_iter().map(read).collect()
    }

    async fn values(&self, questions: Vec<Cmd>) -> Result<Vec<Value>, StoreError> {
        let mut pipeline = pipe();
        for question in questions {
            pipeline.add_command(question);
        }
        let answers = self.link.send(pipeline).await?;
        self.all(answers)
    }

    async fn members(
        &self,
        sets: impl Iterator<Item = String>,
    ) -> Result<Vec<Vec<String>>, StoreError> {
        (self.ask(sets.map(|set| cmd("SMEMBERS").arg(set).take()).collect())).await
    }

    /// The counters of the experiments: one round trip.
    pub(super) async fn homes(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Home>, StoreError> {
        let namespaces = Namespace::forms(namespace, self.cluster);
        let mut homes = Vec::new();
        for (position, experiment) in experiments.iter().enumerate() {
            for namespace in &namespaces {
                for experiment in namespace.experiment_forms(experiment) {
                    homes.push(Home {
                        position,
                        namespace: namespace.clone(),
                        experiment,
                        counters: Vec::new(),
                    });
                }
            }
        }
        let members = self
            .members(homes.iter().map(|home| home.experiment.index().concat()))
            .await?;
        for (home, keys) in homes.iter_mut().zip(members) {
            home.counters = (keys.into_iter())
                .filter_map(|key| {
                    let (kind, variant) = home.experiment.parse(&key)?;
                    Some(Indexed { key, kind, variant })
                })
                .collect();
        }
        Ok(homes)
    }

    /// The experiments of a namespace, in natural order: one round trip.
    async fn experiments(&self, namespace: &Name) -> Result<Vec<Name>, StoreError> {
        let namespaces = Namespace::forms(namespace, self.cluster);
        let members = self
            .members(
                namespaces
                    .iter()
                    .map(|namespace| namespace.experiments().concat()),
            )
            .await?;
        let mut names: Vec<Name> = (members.concat().iter())
            .map(|member| Name::stored(keyspace::decode(member)))
            .collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The counts of the experiments in `scope`, or of all: three round trips.
    pub(super) async fn read_counts(
        &self,
        namespace: &Name,
        scope: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError> {
        let experiments = match scope {
            Some(scope) => scope.to_vec(),
            None => self.experiments(namespace).await?,
        };
        let homes = self.homes(namespace, &experiments).await?;
        let homes: Vec<Home> = (homes.into_iter())
            .filter(|home| !home.counters.is_empty())
            .collect();
        let questions: Vec<Cmd> = (homes.iter())
            .map(|home| {
                let mut mget = cmd("MGET");
                for counter in &home.counters {
                    mget.arg(&counter.key);
                }
                mget
            })
            .collect();
        let values: Vec<Vec<Option<u64>>> = self.ask(questions).await?;
        let mut counts: Vec<Vec<Count>> = experiments.iter().map(|_| Vec::new()).collect();
        for (home, values) in homes.into_iter().zip(values) {
            counts[home.position].extend(home.counters.into_iter().zip(values).map(
                |(counter, value)| Count {
                    kind: counter.kind,
                    variant: counter.variant,
                    count: value.unwrap_or(0),
                },
            ));
        }
        // On a cluster an experiment that was deleted keeps its place in the set of experiments.
        let gone = |counts: &[Count]| scope.is_none() && counts.is_empty();
        Ok((experiments.into_iter().zip(counts))
            .filter(|(_, counts)| !gone(counts))
            .map(|(experiment, counts)| ExperimentCounts::new(experiment, counts))
            .collect())
    }

    /// The counts by day: two round trips.
    pub(super) async fn read_days(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DayCount>>, StoreError> {
        let homes = self.homes(namespace, experiments).await?;
        let hashes: Vec<Hash<i64>> = self.hashes(homes, ExperimentKeys::days).await?;
        let mut counts: Vec<Vec<DayCount>> = experiments.iter().map(|_| Vec::new()).collect();
        for Hash { at, of, fields } in hashes {
            counts[at].extend(fields.into_iter().map(|(day, count)| DayCount {
                day: Day::new(day),
                kind: of.kind.clone(),
                variant: of.variant.clone(),
                count,
            }));
        }
        for counts in &mut counts {
            DayCount::sort(counts);
        }
        Ok(counts)
    }

    /// The values by day: two round trips.
    pub(super) async fn read_sums(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DaySums>>, StoreError> {
        let mut homes = self.homes(namespace, experiments).await?;
        for home in &mut homes {
            home.counters
                .retain(|counter| counter.kind.goal().is_some());
        }
        let hashes: Vec<Hash<String>> = self.hashes(homes, ExperimentKeys::sums).await?;
        let mut sums: Vec<Vec<DaySums>> = experiments.iter().map(|_| Vec::new()).collect();
        for Hash { at, of, fields } in hashes {
            let EventKind::Conversion(goal) = &of.kind else {
                continue;
            };
            sums[at].extend(by_day(fields).map(|(day, sums)| DaySums {
                day,
                goal: goal.clone(),
                variant: of.variant.clone(),
                sums,
            }));
        }
        for sums in &mut sums {
            DaySums::sort(sums);
        }
        Ok(sums)
    }

    /// The same hash of each counter, but for empty ones: one round trip.
    async fn hashes<F: FromRedisValue>(
        &self,
        homes: Vec<Home>,
        key: for<'a> fn(&'a ExperimentKeys, &'a str) -> Key<'a, 4>,
    ) -> Result<Vec<Hash<F>>, StoreError> {
        let questions: Vec<Cmd> = (homes.iter())
            .flat_map(|home| {
                let counters = home.counters.iter();
                counters.map(|counter| {
                    let hash = key(&home.experiment, &counter.key).concat();
                    cmd("HGETALL").arg(hash).take()
                })
            })
            .collect();
        let fields: Vec<Vec<(F, u64)>> = self.ask(questions).await?;
        let counters = (homes.into_iter()).flat_map(|home| {
            (home.counters.into_iter()).map(move |counter| (home.position, counter))
        });
        let hashes = counters.zip(fields);
        Ok((hashes.filter(|(_, fields)| !fields.is_empty()))
            .map(|((at, of), fields)| Hash { at, of, fields })
            .collect())
    }
}

/// A hash of a counter.
struct Hash<F> {
    /// Which of the experiments asked for.
    at: usize,
    of: Indexed,
    fields: Vec<(F, u64)>,
}

/// The sums of each day. A field is a day, or with `:h` or `:l` behind it one of the two parts of its squares.
fn by_day(fields: Vec<(String, u64)>) -> impl Iterator<Item = (Day, Sums)> {
    let mut days: BTreeMap<i64, Sums> = BTreeMap::new();
    for (field, number) in fields {
        let (day, part) = field.split_once(':').unwrap_or((&field, ""));
        let sums = match part {
            "" => Sums::stored(number, 0, 0),
            "h" => Sums::stored(0, number, 0),
            "l" => Sums::stored(0, 0, number),
            _ => continue,
        };
        if let Ok(day) = day.parse() {
            let of_day = days.entry(day).or_default();
            *of_day = of_day.and(sums);
        }
    }
    (days.into_iter()).map(|(day, sums)| (Day::new(day), sums))
}
