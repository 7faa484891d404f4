//! Redis or Valkey, one or a cluster: one script and one round trip an event.

mod delete;
#[cfg(feature = "cli")]
mod facts;
mod link;
mod place;
mod read;
mod script;
mod sets;
mod settings;
mod track;

use ::redis::cmd;
use async_trait::async_trait;

#[cfg(feature = "cli")]
pub use self::facts::{Facts, Info, NoFacts};
use self::link::Link;
pub use self::settings::{NotARedisUrl, Pem, RedisSettings, Server, Tls, UnreadablePem};
use self::track::Learned;
use super::{Counting, Store, StoreError};
use crate::domain::{DayCount, Event, ExperimentCounts, Name, Outcome, Selection};

/// A store over one Redis or a cluster.
pub struct RedisStore {
    link: Link,
    cluster: bool,
    counting: Counting,
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
            learned: Learned::default(),
        })
    }

    /// What a script answers only when it is another one.
    fn odd_answer(&self) -> StoreError {
        let redis = self.link.name();
        StoreError::Failed(format!(
            "{redis}: a script gave an answer that it never gives"
        ))
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

    async fn delete(&self, selection: &Selection) -> Result<u64, StoreError> {
        self.remove(selection).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.ask::<()>(vec![cmd("PING")]).await.map(drop)
    }
}
