//! Whether the server is there, and whether it can count: for what restarts it or sends it requests.
//!
//! | request | reply |
//! |---|---|
//! | `GET /healthz` | 200 `ok`: the process is alive |
//! | `GET /readyz` | 200 `ready`: the store answers; else 503 and why |
//!
//! They are the server's own, as the dashboard is: no API has them on AWS. They need no key and say
//! nothing that anybody could not find out by `/track`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use tokio::sync::watch;
use tokio::time::timeout;

use super::exchange::response;
use super::{Body, Edge};
use crate::http::LogLimit;
use crate::http::Reply;
use crate::store::{Store, StoreError};

/// How long a store may take that has no shorter limit of its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// The least time between two lines that say why the store is not ready.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the server's state.
pub struct Health {
    store: Arc<dyn Store>,
    draining: watch::Receiver<bool>,
    log: LogLimit,
}

impl Health {
    /// The health of a server over `store`, which ends once `draining` is true.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, draining: watch::Receiver<bool>) -> Self {
        Self {
            store,
            draining,
            log: LogLimit::new(PAUSE),
        }
    }

    async fn ready(&self) -> Result<(), &'static str> {
        if *self.draining.borrow() {
            return Err("draining");
        }
        let reason = match timeout(PATIENCE, self.store.ping()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(StoreError::Unavailable(reason) | StoreError::Failed(reason))) => reason,
            Err(_) => format!("no answer within {PATIENCE:?}"),
        };
        if self.log.admit().is_some() {
            tracing::warn!(reason, "not ready: the store cannot be reached");
        }
        Err("the store cannot be reached")
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

#[async_trait]
impl Edge for WithHealth {
    async fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let Some(question) = Question::of(request.uri().path()) else {
            return self.rest.answer(request, peer).await;
        };
        response(match (request.method(), question) {
            (&Method::GET | &Method::HEAD, Question::Alive) => text(200, "ok"),
            (&Method::GET | &Method::HEAD, Question::Ready) => match self.health.ready().await {
                Ok(()) => text(200, "ready"),
                Err(reason) => text(503, reason),
            },
            _ => text(405, "method not allowed").with("Allow", "GET,HEAD"),
        })
    }
}

/// A line of text that no cache may keep.
pub(super) fn text(status: u16, text: &str) -> Reply {
    Reply {
        status,
        headers: vec![
            (
                "Content-Type".to_owned(),
                "text/plain; charset=utf-8".to_owned(),
            ),
            ("Cache-Control".to_owned(), "no-store".to_owned()),
        ],
        body: format!("{text}\n"),
    }
}
