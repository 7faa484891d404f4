//! The way to the one Redis, or to the cluster, of the settings.

use std::sync::Arc;
use std::time::Duration;

use ::redis::{Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::time::{Instant, timeout_at};

use super::cluster::Cluster;
use super::node::Node;
use crate::store::{RedisSettings, StoreError};

/// Sends commands to where they belong, each call within the timeout.
pub(super) struct Link {
    home: Home,
    timeout: Duration,
    name: String,
}

enum Home {
    One(Arc<Node>),
    Cluster(Box<Cluster>),
}

/// The nodes that are there to be asked.
pub(super) struct Nodes {
    /// Each with a slot of its own, on a cluster.
    pub nodes: Vec<(Arc<Node>, Option<u16>)>,
    /// Slots of the cluster that no node has.
    #[cfg_attr(not(feature = "cli"), expect(dead_code))]
    pub unowned: usize,
}

impl Link {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        Ok(Self {
            home: if settings.cluster {
                Home::Cluster(Box::new(Cluster::new(settings)?))
            } else {
                Home::One(Arc::new(Node::new(settings)?))
            },
            timeout: settings.timeout,
            name: settings.to_string(),
        })
    }

    /// Sends commands of which none needs another's answer, and which are safe to send twice. Each has an
    /// answer of its own, or the reason why it has none; an error is for all of them.
    pub(super) async fn send(
        &self,
        mut commands: Pipeline,
    ) -> Result<Vec<RedisResult<Value>>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        commands.ignore_errors();
        let deadline = self.deadline();
        match &self.home {
            Home::Cluster(cluster) => Ok(cluster.answers(&commands, deadline).await),
            Home::One(node) => match timeout_at(deadline, node.answers(&commands)).await {
                Ok(Ok(answers)) => Ok(answers),
                Ok(Err(error)) => Err(self.error(&error)),
                Err(_) => Err(self.silence()),
            },
        }
    }

    /// The nodes that events are counted on.
    pub(super) async fn nodes(&self) -> RedisResult<Nodes> {
        match &self.home {
            Home::One(node) => Ok(Nodes {
                nodes: vec![(node.clone(), None)],
                unowned: 0,
            }),
            Home::Cluster(cluster) => {
                let (nodes, unowned) = cluster.owners(self.deadline()).await?;
                let nodes = nodes.into_iter().map(|(node, slot)| (node, Some(slot)));
                Ok(Nodes {
                    nodes: nodes.collect(),
                    unowned,
                })
            }
        }
    }

    /// The servers that the settings name.
    #[cfg(feature = "cli")]
    pub(super) fn seeds(&self) -> Vec<Arc<Node>> {
        match &self.home {
            Home::One(node) => vec![node.clone()],
            Home::Cluster(cluster) => cluster.seeds(),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
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

    pub(super) fn silence(&self) -> StoreError {
        StoreError::Unavailable(format!(
            "{} did not answer within {:?}",
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
                if matches!(self.home, Home::One(_)) =>
            {
                StoreError::Failed(format!(
                    "{} is a node of a Redis Cluster: set `\"cluster\": true` under `redis` in the config",
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
pub(super) fn is_refused(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
        || error.detail().is_some_and(|detail| {
            detail.contains("The user executing the script can't run this command")
                || detail.contains("ACL failure in script")
        })
}
