//! Redis or Valkey, one or a cluster: one script and one round trip an event.

mod cluster;
mod copies;
mod delete;
#[cfg(feature = "cli")]
mod facts;
#[cfg(feature = "cli")]
mod health;
mod keyspace;
mod link;
mod node;
mod place;
mod read;
#[cfg(feature = "cli")]
mod rights;
mod script;
mod sets;
mod settings;
mod slots;
mod track;

use std::sync::{PoisonError, RwLock};

use ::redis::pipe;
use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::timeout_at;

#[cfg(feature = "cli")]
pub use self::facts::{Facts, Info, NoFacts};
use self::link::{Link, Nodes};
pub use self::settings::{NotARedisUrl, Pem, RedisSettings, Server, Tls, UnreadablePem};
use self::track::Learned;
#[cfg(feature = "cli")]
use super::Health;
use super::{CountLimits, Counting, Store, StoreError};
use crate::domain::{DayCount, DaySums, Event, ExperimentCounts, Name, Outcome, Selection};

/// A store over one Redis or a cluster.
pub struct RedisStore {
    link: Link,
    cluster: bool,
    counting: Counting,
    limits: RwLock<CountLimits>,
    learned: Learned,
}

impl RedisStore {
    /// A store that connects when first used.
    ///
    /// # Errors
    /// When the settings cannot work: a certificate file that cannot be read.
    pub fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::new(settings)?,
            cluster: settings.cluster,
            counting: settings.counting,
            limits: RwLock::new(CountLimits::of(&settings.counting)),
            learned: Learned::default(),
        })
    }

    /// Whether any node answers: where one of several is away, the others count.
    async fn greet(&self) -> Result<(), StoreError> {
        let nodes = self.link.nodes().await;
        let Nodes { nodes, .. } = nodes.map_err(|error| self.link.error(&error))?;
        let deadline = self.link.deadline();
        let mut ping = pipe();
        ping.cmd("PING").ignore_errors();
        let ping = &ping;
        let greetings = nodes.iter().map(async |(node, _)| {
            match timeout_at(deadline, node.answers(ping)).await {
                Ok(Ok(answers)) => self.all(answers).map(drop),
                Ok(Err(error)) => Err(self.link.error(&error)),
                Err(_) => Err(self.link.silence()),
            }
        });
        let mut last = Err(self.link.silence());
        for greeting in join_all(greetings).await {
            match greeting {
                Ok(()) => return Ok(()),
                failed => last = failed,
            }
        }
        last
    }

    fn limits(&self) -> CountLimits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a script answers only when it is another one.
    fn odd_answer(&self) -> StoreError {
        let redis = self.link.name();
        StoreError::Failed(format!("{redis}: unexpected reply from a script"))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn track(&self, events: &[Event]) -> Result<Vec<Outcome>, StoreError> {
        self.count(events).await
    }

    async fn counts(
        &self,
        namespace: &Name,
        scope: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError> {
        self.read_counts(namespace, scope).await
    }

    async fn days(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DayCount>>, StoreError> {
        self.read_days(namespace, experiments).await
    }

    async fn sums(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DaySums>>, StoreError> {
        self.read_sums(namespace, experiments).await
    }

    async fn delete(&self, selection: &Selection) -> Result<u64, StoreError> {
        self.remove(selection).await
    }

    async fn limit(&self, limits: CountLimits) -> Result<(), StoreError> {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
        Ok(())
    }

    async fn keep_copy(
        &self,
        namespace: &Name,
        experiment: &Name,
        copy: &str,
        replace: bool,
    ) -> Result<String, StoreError> {
        self.keep(namespace, experiment, copy, replace).await
    }

    async fn copies(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Option<String>>, StoreError> {
        self.kept(namespace, experiments).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.greet().await
    }

    #[cfg(feature = "cli")]
    async fn health(&self, namespace: &Name) -> Result<Health, StoreError> {
        self.examine(namespace).await
    }
}
