//! One shared connection to one Redis, that heals itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Pipeline, RedisError, RedisResult, ServerErrorKind, Value,
};
use tokio::sync::Mutex as AsyncMutex;

use crate::store::{RedisSettings, StoreError};

/// A multiplexed connection, made when first needed and made anew when it broke.
///
/// A connection whose peer closed it while the process was frozen (a Lambda between two calls) is
/// dead for ever and says so only when used. So every call is given a second try on a new one.
pub(super) struct Node {
    client: Client,
    timeout: Duration,
    name: String,
    state: Mutex<State>,
    /// Held while connecting, so that a broken connection is replaced once, not once a caller.
    connecting: AsyncMutex<()>,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    /// How often connecting failed, and how the last time.
    failures: u64,
    failure: Option<RedisError>,
}

#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    generation: u64,
}

impl Node {
    /// The server that the settings name; connects when first used.
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        Ok(Self {
            client: settings.client()?,
            timeout: settings.timeout,
            name: settings.to_string(),
            state: Mutex::default(),
            connecting: AsyncMutex::new(()),
        })
    }

    /// Sends commands of which none needs another's answer, and which are safe to send twice: once on
    /// the live connection, and once more on a new one when that broke.
    pub(super) async fn answers(
        &self,
        commands: &Pipeline,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let first = self.live(0).await?;
        let answers: RedisResult<Vec<RedisResult<Value>>> =
            commands.query_async(&mut first.connection.clone()).await;
        let broken = match &answers {
            Err(error) => Some(error),
            Ok(answers) => answers.iter().find_map(|answer| answer.as_ref().err()),
        };
        let Some(error) = broken.filter(|error| is_broken(error)) else {
            return answers;
        };
        tracing::info!(redis = self.name, %error, "lost the connection: reconnecting");
        let second = self.live(first.generation).await?;
        commands.query_async(&mut second.connection.clone()).await
    }

    /// A connection that nobody else uses, and what the server says where there is none.
    pub(super) async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let client = &self.client;
        client
            .get_multiplexed_async_connection_with_config(&self.config())
            .await
    }

    /// The address without any secret.
    #[cfg(feature = "cli")]
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The live connection, or a new one where there is none newer than generation `broken`. Who waits while
    /// another fails to connect fails with it: a server that is silent costs its time once.
    async fn live(&self, broken: u64) -> RedisResult<Live> {
        let newer = |live: &Live| live.generation > broken;
        let failures = {
            let state = self.state();
            if let Some(live) = state.live.clone().filter(newer) {
                return Ok(live);
            }
            state.failures
        };
        let _one_at_a_time = self.connecting.lock().await;
        let current = {
            let state = self.state();
            match (state.live.clone().filter(newer), &state.failure) {
                (Some(live), _) => return Ok(live),
                (None, Some(failure)) if state.failures > failures => return Err(failure.clone()),
                _ => state.live.clone(),
            }
        };
        let connected = self.connection().await;
        let mut state = self.state();
        match connected {
            Ok(connection) => {
                let live = Live {
                    connection,
                    generation: current.map_or(1, |live| live.generation + 1),
                };
                state.live = Some(live.clone());
                Ok(live)
            }
            Err(error) => {
                state.failures += 1;
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Half of the whole for each step, so that a connection which went silent leaves time for another.
    fn config(&self) -> AsyncConnectionConfig {
        let half = Some(self.timeout / 2);
        AsyncConnectionConfig::new()
            .set_connection_timeout(half)
            .set_response_timeout(half)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the connection itself is at fault. A read-only replica counts: after a failover a new
/// connection finds the new primary.
pub(super) fn is_broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || error.kind() == ::redis::ErrorKind::Server(ServerErrorKind::ReadOnly)
}
