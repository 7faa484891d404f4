//! One shared connection to Redis, or to each node of a cluster, that heals itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, ServerErrorKind, Value, pipe,
};
use futures_util::future::join_all;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

use crate::store::{RedisSettings, StoreError};

/// A multiplexed connection, made when first needed and made anew when it broke.
///
/// A connection whose peer closed it while the process was frozen (a Lambda between two calls) is
/// dead for ever and says so only when used. So every call is given a second try on a new one. The
/// cluster client does the same by itself, for each node.
pub(super) struct Link {
    client: Client,
    cluster: Option<ClusterClient>,
    timeout: Duration,
    name: String,
    live: Mutex<Option<Live>>,
    /// Held while connecting, so that a broken connection is replaced once, not once a caller.
    connecting: AsyncMutex<()>,
}

#[derive(Clone)]
struct Live {
    connection: Connection,
    generation: u64,
}

/// A connection that many may use side by side.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Sends commands of which none needs another's answer: one round trip. On a cluster each goes to
    /// the node of its keys.
    pub(super) async fn send(self, commands: Vec<Cmd>) -> RedisResult<Vec<RedisResult<Value>>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::One(mut connection) => {
                let mut pipeline = pipe();
                for command in commands {
                    pipeline.add_command(command);
                }
                pipeline.ignore_errors().query_async(&mut connection).await
            }
            Self::Cluster(connection) => {
                let answers = commands.iter().map(|command| {
                    let mut connection = connection.clone();
                    async move { command.query_async(&mut connection).await }
                });
                Ok(join_all(answers).await)
            }
        }
    }

    fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

impl Link {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        Ok(Self {
            client: settings.client()?,
            cluster: settings
                .cluster
                .then(|| settings.cluster_client())
                .transpose()?,
            timeout: settings.timeout,
            name: settings.to_string(),
            live: Mutex::new(None),
            connecting: AsyncMutex::new(()),
        })
    }

    /// Runs `command`, which must be safe to run twice, on the live connection; once more on a new
    /// one when that broke. All of it within the timeout.
    pub(super) async fn call<T, F: Future<Output = RedisResult<T>>>(
        &self,
        command: impl Fn(Connection) -> F,
    ) -> Result<T, StoreError> {
        let attempts = async {
            let first = self.live(0).await?;
            let is_cluster = first.connection.is_cluster();
            match command(first.connection).await {
                Err(error) if is_broken(&error) && !is_cluster => {
                    tracing::info!(redis = self.name, %error, "connection broke: connecting again");
                    let second = self.live(first.generation).await?;
                    command(second.connection).await
                }
                answer => answer,
            }
        };
        match timeout(self.timeout, attempts).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if !error.is_timeout() => Err(self.store_error(&error)),
            _ => Err(StoreError::Unavailable(format!(
                "{} gave no answer within {:?}",
                self.name, self.timeout
            ))),
        }
    }

    /// A connection to the one node that the settings name, and what it says where there is none.
    #[cfg(feature = "cli")]
    pub(super) async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        (self.client)
            .get_multiplexed_async_connection_with_config(&self.config())
            .await
    }

    /// The address without any secret.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// For a call in all.
    #[cfg(feature = "cli")]
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The live connection, or a new one where there is none newer than generation `broken`.
    async fn live(&self, broken: u64) -> RedisResult<Live> {
        let newer = |live: &Live| live.generation > broken;
        if let Some(live) = self.current().filter(newer) {
            return Ok(live);
        }
        let _one_at_a_time = self.connecting.lock().await;
        let current = self.current();
        if let Some(live) = current.clone().filter(newer) {
            return Ok(live);
        }
        let connection = match &self.cluster {
            Some(cluster) => Connection::Cluster(cluster.get_async_connection().await?),
            None => Connection::One(
                (self.client)
                    .get_multiplexed_async_connection_with_config(&self.config())
                    .await?,
            ),
        };
        let live = Live {
            connection,
            generation: current.map_or(1, |live| live.generation + 1),
        };
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
        Ok(live)
    }

    /// Half of the whole for each step, so that a connection which went silent leaves time for another.
    fn config(&self) -> AsyncConnectionConfig {
        let half = Some(self.timeout / 2);
        AsyncConnectionConfig::new()
            .set_connection_timeout(half)
            .set_response_timeout(half)
    }

    fn current(&self) -> Option<Live> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.clone()
    }

    fn store_error(&self, error: &RedisError) -> StoreError {
        let reason = format!("{}: {error}", self.name);
        match error.kind() {
            ::redis::ErrorKind::UnexpectedReturnType | ::redis::ErrorKind::Parse => {
                StoreError::Failed(reason)
            }
            // A wrong-typed key reaches a script's caller as a plain error response.
            ::redis::ErrorKind::Server(ServerErrorKind::ResponseError) => {
                StoreError::Failed(reason)
            }
            _ if error.code() == Some("WRONGTYPE") => StoreError::Failed(reason),
            _ => StoreError::Unavailable(reason),
        }
    }
}

/// Whether the connection itself is at fault. A read-only replica counts: after a failover a new
/// connection finds the new primary.
fn is_broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || error.kind() == ::redis::ErrorKind::Server(ServerErrorKind::ReadOnly)
}
