//! DynamoDB: one table, paid by request, and one request an event.
//!
//! An event is one transaction: it puts the idempotency key, unless it is there and has not expired, and adds 1 to its
//! day. So it is counted once, whoever writes it, and however often; and it takes four write units, however long the
//! experiment runs, as both items stay below 1 KB ([`items`]). A counter begins with one item for each month. Where
//! transactions meet on it, DynamoDB refuses one of them: from then on the instance counts on one of several. Events of one
//! instance never meet on an item: they take different ones.

mod client;
mod connections;
mod copies;
mod delete;
mod failure;
mod items;
mod known;
mod patience;
mod random;
mod read;
mod register;
mod request;
#[cfg(feature = "cli")]
pub(crate) mod rights;
mod settings;
mod signature;
mod table;
mod track;

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Mutex;

use self::client::Client;
use self::known::Known;
pub use self::settings::{
    Credentials, CredentialsSource, DynamoDbSettings, EnvironmentCredentials,
};
pub use self::table::command as command_that_makes_a_table;
use super::{CountLimits, Counting, Store, StoreError};
#[cfg(feature = "cli")]
use super::{Durability, Health};
use crate::domain::{
    DayCount, DaySums, Event, ExperimentCounts, Name, Outcome, Selection, Timestamp,
};

/// A store over one table.
pub struct DynamoDbStore {
    client: Client,
    counting: Counting,
    limits: RwLock<CountLimits>,
    known: Known,
    /// Held by who makes an item to count on.
    making: Mutex<()>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl DynamoDbStore {
    /// A store that connects when first used.
    ///
    /// # Errors
    /// When the endpoint is no address.
    pub fn new(
        settings: &DynamoDbSettings,
        credentials: Arc<dyn CredentialsSource>,
    ) -> Result<Self, StoreError> {
        Self::with_clock(settings, credentials, Timestamp::now)
    }

    /// The same, by another clock than the system's.
    ///
    /// # Errors
    /// As [`DynamoDbStore::new`].
    pub fn with_clock(
        settings: &DynamoDbSettings,
        credentials: Arc<dyn CredentialsSource>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            client: Client::new(settings, credentials)?,
            counting: settings.counting,
            limits: RwLock::new(CountLimits::of(&settings.counting)),
            known: Known::default(),
            making: Mutex::default(),
            clock: Box::new(clock),
        })
    }

    fn limits(&self) -> CountLimits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What these give, in their order, so many of them at once; or the first error.
async fn at_once<T>(
    many: usize,
    all: Vec<impl Future<Output = Result<T, StoreError>>>,
) -> Result<Vec<T>, StoreError> {
    let done: Vec<Result<T, StoreError>> = stream::iter(all).buffered(many).collect().await;
    done.into_iter().collect()
}

#[async_trait]
impl Store for DynamoDbStore {
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

    async fn limit(&self, limits: CountLimits) -> Result<(), StoreError> {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.greet().await
    }

    #[cfg(feature = "cli")]
    async fn health(&self, _: &Name) -> Result<Health, StoreError> {
        self.ping().await?;
        Ok(Health::well("dynamodb", Durability::Replicated))
    }
}
