//! Where events are counted: the [`Store`] trait and its homes, Redis, SQLite and DynamoDB.
//!
//! All promise the same, and `tests/suite/stores` holds them to it: an event is counted exactly
//! once within the window, what was acknowledged survives a crash, and a retry is always safe.

pub(crate) mod dynamodb;
#[cfg(feature = "cli")]
mod health;
mod redis;
#[cfg(feature = "cli")]
mod sqlite;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use self::dynamodb::{
    Credentials, CredentialsSource, DynamoDbSettings, DynamoDbStore, EnvironmentCredentials,
    command_that_makes_a_table,
};
#[cfg(feature = "cli")]
pub use self::health::{Durability, Fsync, Health};
#[cfg(feature = "cli")]
pub use self::redis::{Facts, Info, NoFacts};
pub use self::redis::{NotARedisUrl, Pem, RedisSettings, RedisStore, Server, Tls, UnreadablePem};
#[cfg(feature = "cli")]
pub use self::sqlite::{Location, SqliteStore, back_up};
use crate::domain::{DayCount, DaySums, Event, ExperimentCounts, Name, Outcome, Selection};

/// How long an idempotency key is remembered; `None` is until its experiment is deleted.
pub type Window = Option<Duration>;

/// The window when none is configured: 30 days. Clients send an event again for days.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The same with [`Dedupe::Flags`], as in Python lamed: a day.
pub const DEFAULT_WINDOW_OF_FLAGS: Duration = Duration::from_secs(24 * 60 * 60);

/// How many counters a namespace may have when nothing else is configured.
pub const DEFAULT_MAX_COUNTERS: u64 = 10_000;

/// How many namespaces a store may have beside the configured one when nothing else is configured.
pub const DEFAULT_MAX_NAMESPACES: u64 = 10;

/// How many variants an experiment may have when nothing else is configured.
pub const DEFAULT_MAX_VARIANTS: u64 = 100;

/// How events are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    pub window: Window,
    /// In which form a Redis remembers. SQLite has one of its own.
    pub dedupe: Dedupe,
    /// How many counters a namespace may have: an event that would make one more is refused.
    pub max_counters: u64,
    /// How many namespaces a store may have beside the configured one and those that were there before
    /// there was a limit.
    pub max_namespaces: u64,
    /// How many variants an experiment may have. Declared ones are taken in any case.
    pub max_variants: u64,
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            window: Some(DEFAULT_WINDOW),
            dedupe: Dedupe::default(),
            max_counters: DEFAULT_MAX_COUNTERS,
            max_namespaces: DEFAULT_MAX_NAMESPACES,
            max_variants: DEFAULT_MAX_VARIANTS,
        }
    }
}

/// The limits on what strangers can make, which may change while a store counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountLimits {
    pub max_counters: u64,
    pub max_namespaces: u64,
    pub max_variants: u64,
}

impl CountLimits {
    /// Those of a way of counting.
    #[must_use]
    pub fn of(counting: &Counting) -> Self {
        Self {
            max_counters: counting.max_counters,
            max_namespaces: counting.max_namespaces,
            max_variants: counting.max_variants,
        }
    }
}

/// The form in which a Redis remembers idempotency keys. Both forms are always heeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dedupe {
    /// Python lamed's: a key each, some 150 bytes. Both can count on one Redis.
    Flags,
    /// Sets of hashes, some 9 bytes each.
    #[default]
    Compact,
}

impl Dedupe {
    /// The window when none is configured.
    #[must_use]
    pub const fn default_window(self) -> Duration {
        match self {
            Self::Flags => DEFAULT_WINDOW_OF_FLAGS,
            Self::Compact => DEFAULT_WINDOW,
        }
    }
}

/// The longest that any call to a store may take before it counts as unreachable.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// Counts events, and reads the counts back.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Counts each event whose idempotency key was not yet counted under its counter within the
    /// window, unless its counter is new and there is no room for it. When this returns, what it says is durable
    /// as far as the store is.
    ///
    /// # Errors
    /// When the store cannot answer. Some of the events may then have been counted; sending them
    /// again is safe.
    async fn track(&self, events: &[Event]) -> Result<Vec<Outcome>, StoreError>;

    /// The counts of the experiments in `scope` (in that order, unknown ones empty), or of all of
    /// the namespace in natural order.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn counts(
        &self,
        namespace: &Name,
        scope: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError>;

    /// The counts of these experiments by day: for each, in the order of days.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn days(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DayCount>>, StoreError>;

    /// What the conversions of these experiments were worth by day: for each, in the order of days, and nothing for
    /// goals without values.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn sums(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DaySums>>, StoreError>;

    /// Deletes counters and what was remembered under them; says how many counters.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn delete(&self, selection: &Selection) -> Result<u64, StoreError>;

    /// Keeps a text with an experiment until its last counter is deleted, and gives what is kept then: where
    /// there is one already, that one stays unless this is to `replace` it.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn keep_copy(
        &self,
        namespace: &Name,
        experiment: &Name,
        copy: &str,
        replace: bool,
    ) -> Result<String, StoreError>;

    /// What [`Self::keep_copy`] keeps of these experiments.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn copies(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Option<String>>, StoreError>;

    /// Counts with other limits from now on.
    ///
    /// # Errors
    /// When the store cannot answer.
    async fn limit(&self, limits: CountLimits) -> Result<(), StoreError>;

    /// Whether the store can be reached.
    ///
    /// # Errors
    /// When it cannot.
    async fn ping(&self) -> Result<(), StoreError>;

    /// How the store is: what its acknowledgements are worth, and what it cannot do, for events of this
    /// namespace.
    ///
    /// # Errors
    /// When it cannot be reached.
    #[cfg(feature = "cli")]
    async fn health(&self, _namespace: &Name) -> Result<Health, StoreError> {
        self.ping().await?;
        Ok(Health::well("unknown", Durability::Unknown))
    }
}

/// Why a store gave no answer. The text is for the operator, not for HTTP clients.
#[derive(Debug)]
pub enum StoreError {
    /// The store cannot be reached or cannot count now: trying again later may help.
    Unavailable(String),
    /// The store answered what makes no sense here: trying again will not help.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(reason) | Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for StoreError {}
