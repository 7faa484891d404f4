//! Redis or Valkey: one script and one round trip an event, in Python lamed's `flags` scheme, so
//! that both systems can share a Redis.

#[cfg(feature = "cli")]
mod facts;
mod link;
mod settings;

use std::sync::LazyLock;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, cmd,
    pipe,
};
use async_trait::async_trait;

#[cfg(feature = "cli")]
pub use self::facts::{Facts, Info, NoFacts};
use self::link::Link;
pub use self::settings::{NotARedisUrl, Pem, RedisSettings, Server, Tls, UnreadablePem};
use super::keyspace::{self, CounterKeys};
use super::{Store, StoreError, Window};
use crate::domain::{
    Count, Day, DayCount, Event, ExperimentCounts, Kind, Name, Outcome, Selection,
};

/// A script and its SHA-1, by which Redis knows it once loaded.
struct Lua {
    source: &'static str,
    hash: String,
}

impl Lua {
    fn new(source: &'static str) -> Self {
        let hash = Script::new(source).get_hash().to_owned();
        Self { source, hash }
    }
}

static TRACK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("track.lua")));
static DELETE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("delete.lua")));

/// A store over one Redis.
pub struct RedisStore {
    link: Link,
    window: String,
}

impl RedisStore {
    /// A store that connects when first used.
    ///
    /// # Errors
    /// When the settings cannot work: a certificate file that cannot be read.
    pub fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::new(settings)?,
            window: milliseconds(settings.window),
        })
    }

    async fn ask<T: FromRedisValue>(&self, questions: &Pipeline) -> Result<Vec<T>, StoreError> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        (self.link)
            .call(|mut connection| async move { questions.query_async(&mut connection).await })
            .await
    }

    async fn members(&self, sets: &[String]) -> Result<Vec<Vec<String>>, StoreError> {
        let mut smembers = pipe();
        for set in sets {
            smembers.cmd("SMEMBERS").arg(set);
        }
        self.ask(&smembers).await
    }

    /// The counters of the experiments: one round trip.
    async fn homes(&self, namespace: &Name, experiments: &[Name]) -> Result<Vec<Home>, StoreError> {
        let mut homes = Vec::new();
        for (position, experiment) in experiments.iter().enumerate() {
            for ns in keyspace::forms(namespace) {
                for experiment in keyspace::forms(experiment) {
                    homes.push(Home {
                        position,
                        namespace: ns.clone(),
                        experiment,
                        counters: Vec::new(),
                    });
                }
            }
        }
        let indexes: Vec<String> = (homes.iter())
            .map(|home| keyspace::experiment_index(&home.namespace, &home.experiment))
            .collect();
        let members = self.members(&indexes).await?;
        for (home, keys) in homes.iter_mut().zip(members) {
            home.counters = (keys.into_iter())
                .filter_map(|key| {
                    let (kind, variant) = keyspace::parse(&key, &home.namespace, &home.experiment)?;
                    Some(Indexed { key, kind, variant })
                })
                .collect();
        }
        Ok(homes)
    }
}

/// One form of an experiment's name in one form of its namespace's, and the counters there.
struct Home {
    /// Which of the experiments asked for.
    position: usize,
    namespace: String,
    experiment: String,
    counters: Vec<Indexed>,
}

/// A counter as the indexes have it.
struct Indexed {
    key: String,
    kind: Kind,
    variant: Name,
}

/// The keys and arguments of one run of a script.
struct Call {
    keys: Vec<String>,
    arguments: Vec<String>,
}

/// Runs a script once for each call, all in one round trip; one more where Redis has forgotten
/// the script.
async fn evaluate(
    mut connection: MultiplexedConnection,
    lua: &Lua,
    calls: &[Call],
) -> RedisResult<Vec<u64>> {
    let mut run = async |command: &str, script: &str, calls: &[&Call]| {
        let mut evaluation = pipe();
        for call in calls {
            (evaluation.cmd(command).arg(script))
                .arg(call.keys.len())
                .arg(&call.keys)
                .arg(&call.arguments);
        }
        (evaluation.ignore_errors())
            .query_async::<Vec<RedisResult<u64>>>(&mut connection)
            .await
    };
    let all: Vec<&Call> = calls.iter().collect();
    let mut answers = run("EVALSHA", &lua.hash, &all).await?;
    // Only those that did not run are sent again: the others would answer that they are duplicates.
    let unknown: Vec<usize> = (answers.iter().enumerate())
        .filter(|(_, answer)| answer.as_ref().is_err_and(is_unknown_script))
        .map(|(position, _)| position)
        .collect();
    if !unknown.is_empty() {
        let again: Vec<&Call> = unknown.iter().map(|&position| &calls[position]).collect();
        let second = run("EVAL", lua.source, &again).await?;
        for (position, answer) in unknown.into_iter().zip(second) {
            answers[position] = answer;
        }
    }
    answers.into_iter().collect()
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// A window as the scripts take it.
fn milliseconds(window: Window) -> String {
    window.map_or_else(String::new, |window| window.as_millis().to_string())
}

#[async_trait]
impl Store for RedisStore {
    async fn track(&self, events: &[Event]) -> Result<Vec<Outcome>, StoreError> {
        let calls: Vec<Call> = events
            .iter()
            .map(|event| {
                let keys = CounterKeys::new(&event.counter);
                Call {
                    keys: vec![
                        keyspace::flag(&keys.counter, event),
                        keys.counter,
                        keys.days,
                        keys.deleted,
                        keys.experiments,
                        keys.namespace_index,
                        keys.experiment_index,
                    ],
                    arguments: vec![
                        self.window.clone(),
                        keyspace::encode(event.counter.experiment.as_str()).into_owned(),
                    ],
                }
            })
            .collect();
        let counted = (self.link)
            .call(|connection| evaluate(connection, &TRACK, &calls))
            .await?;
        let outcome = |n| {
            if n == 1 {
                Outcome::Counted
            } else {
                Outcome::Duplicate
            }
        };
        Ok(counted.into_iter().map(outcome).collect())
    }

    async fn counts(
        &self,
        namespace: &Name,
        scope: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError> {
        let experiments = match scope {
            Some(scope) => scope.to_vec(),
            None => {
                let indexes: Vec<String> = (keyspace::forms(namespace).iter())
                    .map(|ns| keyspace::experiments(ns))
                    .collect();
                let members = self.members(&indexes).await?.concat();
                let mut names: Vec<Name> = (members.iter())
                    .map(|member| Name::stored(keyspace::decode(member)))
                    .collect();
                names.sort();
                names.dedup();
                names
            }
        };
        let homes = self.homes(namespace, &experiments).await?;
        let mut get = pipe();
        for counter in homes.iter().flat_map(|home| &home.counters) {
            get.cmd("GET").arg(&counter.key);
        }
        let values: Vec<Option<u64>> = self.ask(&get).await?;
        let mut values = values.into_iter();
        let mut counts: Vec<Vec<Count>> = experiments.iter().map(|_| Vec::new()).collect();
        for home in homes {
            counts[home.position].extend(home.counters.into_iter().zip(&mut values).map(
                |(counter, value)| Count {
                    kind: counter.kind,
                    variant: counter.variant,
                    count: value.unwrap_or(0),
                },
            ));
        }
        Ok((experiments.into_iter().zip(counts))
            .map(|(experiment, counts)| ExperimentCounts::new(experiment, counts))
            .collect())
    }

    async fn days(&self, namespace: &Name, experiment: &Name) -> Result<Vec<DayCount>, StoreError> {
        let homes = (self.homes(namespace, std::slice::from_ref(experiment))).await?;
        let mut hgetall = pipe();
        for home in &homes {
            for counter in &home.counters {
                let key = keyspace::sibling(&counter.key, &home.namespace, "days");
                hgetall.cmd("HGETALL").arg(key);
            }
        }
        let days: Vec<Vec<(i64, u64)>> = self.ask(&hgetall).await?;
        let counters = homes.into_iter().flat_map(|home| home.counters);
        let mut counts: Vec<DayCount> = (counters.zip(days))
            .flat_map(|(counter, days)| {
                days.into_iter().map(move |(day, count)| DayCount {
                    day: Day::new(day),
                    kind: counter.kind.clone(),
                    variant: counter.variant.clone(),
                    count,
                })
            })
            .collect();
        counts.sort_by(|a, b| (a.day, &a.kind, &a.variant).cmp(&(b.day, &b.kind, &b.variant)));
        Ok(counts)
    }

    async fn delete(&self, selection: &Selection) -> Result<u64, StoreError> {
        let experiment = std::slice::from_ref(&selection.experiment);
        let homes = self.homes(&selection.namespace, experiment).await?;
        let calls: Vec<Call> = (homes.into_iter())
            .map(|home| {
                let mut keys = vec![
                    keyspace::experiments(&home.namespace),
                    keyspace::namespace_index(&home.namespace),
                    keyspace::experiment_index(&home.namespace, &home.experiment),
                ];
                for counter in home.counters {
                    if selection.includes(&counter.kind, &counter.variant) {
                        let days = keyspace::sibling(&counter.key, &home.namespace, "days");
                        let deleted = keyspace::sibling(&counter.key, &home.namespace, "deleted");
                        keys.extend([counter.key, days, deleted]);
                    }
                }
                Call {
                    keys,
                    arguments: vec![self.window.clone(), home.experiment],
                }
            })
            .collect();
        let deleted = (self.link)
            .call(|connection| evaluate(connection, &DELETE, &calls))
            .await?;
        Ok(deleted.iter().sum())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        (self.link)
            .call(|mut connection| async move { cmd("PING").query_async(&mut connection).await })
            .await
    }
}
