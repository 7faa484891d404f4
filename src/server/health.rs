//! Whether the server is there, and whether it can count: for what restarts it or sends it requests.
//!
//! | request | reply |
//! |---|---|
//! | `GET /healthz` | 200 `ok`: the process is alive |
//! | `GET /readyz` | 200 and `{"status":"ready",…}`: the store counts; `"degraded"` where it cannot do everything; else 503, `"unready"` and why |
//!
//! They are the server's own, as the dashboard is: no API has them on AWS. They need no key. Beside what anybody
//! could find out by `/track` they tell the kind of store, and what its acknowledgements are worth.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, Request};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

use super::exchange::response;
use super::{Answering, Body, Edge};
use crate::domain::Name;
use crate::http::{LogLimit, Reply, header};
use crate::store::{self, Store, StoreError};

/// How long a store may take that has no shorter limit of its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// The least time between two lines that say why the store is not ready.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the server's state.
pub struct Health {
    store: Arc<dyn Store>,
    /// Whose events it has to be able to count.
    namespace: Name,
    draining: watch::Receiver<bool>,
    /// Whether the config was changed to what cannot be taken.
    refused: watch::Receiver<bool>,
    log: LogLimit,
}

/// The body of `/readyz`.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Readiness {
    Ready(Ready),
    Degraded {
        #[serde(flatten)]
        ready: Ready,
        reason: String,
    },
    Unready {
        reason: String,
    },
}

#[derive(Serialize)]
struct Ready {
    store: &'static str,
    /// The setting.
    durability: String,
    /// What it means.
    promise: &'static str,
}

impl Health {
    /// The health of a server over `store`, which ends once `draining` is true, and which follows an earlier
    /// config while a change of it is `refused`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        namespace: Name,
        draining: watch::Receiver<bool>,
        refused: watch::Receiver<bool>,
    ) -> Self {
        Self {
            refused,
            store,
            namespace,
            draining,
            log: LogLimit::new(PAUSE),
        }
    }

    async fn ready(&self) -> Readiness {
        const UNREACHABLE: &str = "the store cannot be reached";
        if *self.draining.borrow() {
            return Readiness::Unready {
                reason: "the server is stopping".to_owned(),
            };
        }
        let detail = match timeout(PATIENCE, self.store.health(&self.namespace)).await {
            Ok(Ok(health)) => return self.judge(&health),
            Ok(Err(StoreError::Unavailable(reason) | StoreError::Failed(reason))) => reason,
            Err(_) => format!("no answer within {PATIENCE:?}"),
        };
        if self.log.admit().is_some() {
            tracing::warn!(reason = detail, "not ready: {UNREACHABLE}");
        }
        Readiness::Unready {
            reason: UNREACHABLE.to_owned(),
        }
    }

    /// What a store that answers can do.
    fn judge(&self, health: &store::Health) -> Readiness {
        let detail = health.away.join("; ");
        if let Some(reason) = health.unready() {
            if self.log.admit().is_some() {
                tracing::warn!(detail, "not ready: {reason}");
            }
            return Readiness::Unready { reason };
        }
        let ready = Ready {
            store: health.store,
            durability: health.durability.to_string(),
            promise: health.durability.promise(),
        };
        match health.degraded() {
            None if *self.refused.borrow() => Readiness::Degraded {
                ready,
                reason: "the server cannot use the changed config: the log has the reason"
                    .to_owned(),
            },
            None => Readiness::Ready(ready),
            Some(reason) => {
                if self.log.admit().is_some() {
                    tracing::warn!(detail, "degraded: {reason}");
                }
                Readiness::Degraded { ready, reason }
            }
        }
    }
}

/// Health before another edge, which gets all other requests.
pub struct WithHealth {
    pub health: Health,
    pub rest: Arc<dyn Edge>,
}

/// What is asked for.
enum Question {
    Alive,
    Ready,
}

impl Question {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/healthz" => Some(Self::Alive),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }
}

impl Edge for WithHealth {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        let Some(question) = Question::of(request.uri().path()) else {
            return self.rest.answer(request, peer);
        };
        Box::pin(async move {
            response(match (request.method(), question) {
                (&Method::GET | &Method::HEAD, Question::Alive) => text(200, "ok"),
                (&Method::GET | &Method::HEAD, Question::Ready) => {
                    self.health.ready().await.reply()
                }
                _ => text(405, "method not allowed").with("Allow", "GET,HEAD"),
            })
        })
    }
}

impl Readiness {
    fn reply(&self) -> Reply {
        let status = match self {
            Self::Unready { .. } => 503,
            Self::Ready(_) | Self::Degraded { .. } => 200,
        };
        // Texts are always JSON.
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut reply = text(status, &json);
        reply.headers[0].1 = "application/json".into();
        reply
    }
}

/// A line of text that no cache may keep.
pub(super) fn text(status: u16, text: &str) -> Reply {
    let headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Cache-Control", "no-store"),
    ];
    Reply {
        status,
        headers: headers.map(header).into(),
        body: format!("{text}\n"),
    }
}
