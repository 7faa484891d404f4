//! One shared connection to Redis, or to each node of a cluster, that heals itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::{ClusterConnection, Connect};
use ::redis::cluster_routing::{
    MultipleNodeRoutingInfo, ResponsePolicy, Route, RoutingInfo, SingleNodeRoutingInfo, Slot,
    SlotAddr,
};
use ::redis::{
    Arg, AsyncConnectionConfig, Client, Cmd, Pipeline, RedisError, RedisResult, ServerErrorKind,
    Value,
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
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    /// The answers to commands of which none needs another's: one round trip. On a cluster each command
    /// goes to the node of its keys.
    async fn answers(self, commands: &Pipeline) -> RedisResult<Vec<RedisResult<Value>>> {
        match self {
            Self::One(mut connection) => commands.query_async(&mut connection).await,
            Self::Cluster(connection) => {
                let answers = commands.cmd_iter().map(|command| {
                    let mut connection = connection.clone();
                    let command = command.clone();
                    async move {
                        let route = route(&command);
                        connection
                            .route_command(command, route)
                            .await?
                            .extract_error()
                    }
                });
                Ok(join_all(answers).await)
            }
        }
    }
}

/// The node of a command's keys, which are all in one slot; a command without keys is for all nodes.
/// The client would find out by itself, with tables of all commands that Redis has: without them the
/// Lambda function is 1.5 % smaller.
fn route(command: &Cmd) -> RoutingInfo {
    let mut arguments = command.args_iter().filter_map(|argument| match argument {
        Arg::Simple(argument) => Some(argument),
        _ => None,
    });
    let key = match arguments.next() {
        // A script, the number of keys, the keys.
        Some(b"EVAL" | b"EVALSHA") => arguments.nth(2),
        _ => arguments.next(),
    };
    match key {
        Some(key) => {
            let route = Route::with_slot(Slot::for_key(key), SlotAddr::Master);
            RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route))
        }
        None => RoutingInfo::MultiNode((
            MultipleNodeRoutingInfo::AllMasters,
            Some(ResponsePolicy::AllSucceeded),
        )),
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

    /// Sends commands of which none needs another's answer, and which are safe to send twice: once on
    /// the live connection, and once more on a new one when that broke. All of it within the timeout.
    pub(super) async fn send(
        &self,
        mut commands: Pipeline,
    ) -> Result<Vec<RedisResult<Value>>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        // Each has an answer of its own.
        commands.ignore_errors();
        let attempts = async {
            let first = self.live(0).await?;
            let answers = first.connection.answers(&commands).await;
            let broken = match &answers {
                // The cluster client connects anew by itself.
                _ if self.cluster.is_some() => None,
                Err(error) => Some(error),
                Ok(answers) => answers.iter().find_map(|answer| answer.as_ref().err()),
            };
            let Some(error) = broken.filter(|error| is_broken(error)) else {
                return answers;
            };
            tracing::info!(redis = self.name, %error, "connection broke: connecting again");
            let second = self.live(first.generation).await?;
            second.connection.answers(&commands).await
        };
        match timeout(self.timeout, attempts).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(error)) => Err(self.error(&error)),
            Err(_) => Err(self.silence()),
        }
    }

    /// A connection to the one node that the settings name, and what it says where there is none. Made as
    /// the cluster client makes one to each of its nodes: so the Lambda function has this code once.
    pub(super) async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let info = self.client.get_connection_info().clone();
        MultiplexedConnection::connect_with_config(info, self.config()).await
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
            None => Connection::One(self.connection().await?),
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

    fn silence(&self) -> StoreError {
        StoreError::Unavailable(format!(
            "{} gave no answer within {:?}",
            self.name, self.timeout
        ))
    }

    /// What an error means for the store.
    pub(super) fn error(&self, error: &RedisError) -> StoreError {
        if error.is_timeout() {
            return self.silence();
        }
        let reason = format!("{}: {error}", self.name);
        match error.kind() {
            ::redis::ErrorKind::Server(ServerErrorKind::CrossSlot | ServerErrorKind::Moved)
                if self.cluster.is_none() =>
            {
                StoreError::Failed(format!(
                    "{} is a node of a Redis Cluster: the config has to say so, by `\"cluster\": true` \
                     under `redis`",
                    self.name
                ))
            }
            ::redis::ErrorKind::UnexpectedReturnType | ::redis::ErrorKind::Parse => {
                StoreError::Failed(reason)
            }
            // Its operator can give the rights at any time.
            _ if is_refused(error) => StoreError::Unavailable(reason),
            // A wrong-typed key reaches a script's caller as a plain error response.
            ::redis::ErrorKind::Server(ServerErrorKind::ResponseError) => {
                StoreError::Failed(reason)
            }
            _ if error.code() == Some("WRONGTYPE") => StoreError::Failed(reason),
            _ => StoreError::Unavailable(reason),
        }
    }
}

/// Whether the user lacks a right, for the command itself or for one in a script (Redis 6.2 and 7.0 have no code
/// for that).
fn is_refused(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
        || error.detail().is_some_and(|detail| {
            detail.contains("The user executing the script can't run this command")
                || detail.contains("ACL failure in script")
        })
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
