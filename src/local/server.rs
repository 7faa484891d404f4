//! The server: handed its listener and its end, it answers every connection through an [`Edge`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::Limits;
use super::connection::{hold, protocol};
use super::seldom::Seldom;

/// The least time between two lines about connections that cannot be taken.
const PAUSE: Duration = Duration::from_secs(60);

/// What stands between a socket and the handler.
#[async_trait]
pub trait Edge: Send + Sync + 'static {
    /// Answers a request of `peer`. Never fails: an error is an answer, too.
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>>;
}

/// Room for the connections of one server.
#[derive(Clone)]
pub struct Connections {
    limits: Limits,
    room: Arc<Semaphore>,
    open: Arc<AtomicUsize>,
    waiting: Arc<Seldom>,
}

impl Connections {
    /// Room for as many as the limits allow.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let most = limits.connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            limits: Limits {
                connections: most,
                ..limits
            },
            room: Arc::new(Semaphore::new(most)),
            open: Arc::default(),
            waiting: Arc::new(Seldom::new(PAUSE)),
        }
    }

    /// What their clients may do.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How many may be open.
    #[must_use]
    pub fn most(&self) -> usize {
        self.limits.connections
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Room for one more, as soon as there is. Whoever is not yet accepted waits in the system's queue.
    async fn admit(&self) -> OwnedSemaphorePermit {
        if self.room.available_permits() == 0 && self.waiting.admits() {
            tracing::warn!(
                connections = self.most(),
                "as many connections are open as may be: new ones wait until one ends"
            );
        }
        match Arc::clone(&self.room).acquire_owned().await {
            Ok(room) => room,
            // Nobody closes it.
            Err(_) => std::future::pending().await,
        }
    }

    /// The room is taken by a connection.
    fn opened(&self, room: OwnedSemaphorePermit) -> Opened {
        self.open.fetch_add(1, Ordering::Relaxed);
        Opened {
            open: Arc::clone(&self.open),
            _room: room,
        }
    }

    /// Waits until none is open, as long as that may take.
    async fn ended(&self) -> bool {
        let all = u32::try_from(self.most()).unwrap_or(u32::MAX);
        let ended = timeout(self.limits.drain, self.room.acquire_many(all));
        ended.await.is_ok()
    }
}

/// An open connection's room, free again when this is dropped.
struct Opened {
    open: Arc<AtomicUsize>,
    _room: OwnedSemaphorePermit,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// Serves HTTP/1.1 and HTTP/2 (prior knowledge) until `stop` is done; then takes no more, finishes
/// what was accepted, and returns.
pub async fn serve(
    listener: TcpListener,
    edge: Arc<dyn Edge>,
    connections: &Connections,
    stop: impl Future<Output = ()>,
) {
    let limits = connections.limits;
    let protocol = protocol(&limits);
    let (stopping, told) = watch::channel(false);
    let trouble = Seldom::new(PAUSE);
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async { (connections.admit().await, listener.accept().await) };
        let (room, accepted) = tokio::select! {
            biased;
            () = &mut stop => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error, &trouble).await;
                continue;
            }
        };
        // Replies are small and whole: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let opened = connections.opened(room);
        let edge = Arc::clone(&edge);
        let connection = hold(stream, peer, edge, protocol.clone(), limits, told.clone());
        tokio::spawn(async move {
            connection.await;
            drop(opened);
        });
    }
    drop(listener);
    let _ = stopping.send(true);
    if !connections.ended().await {
        let limit = limits.drain;
        tracing::warn!("some requests did not end within {limit:?}: dropped");
    }
}

/// One client's failed connection is no reason to wait; a lack of descriptors or memory is.
async fn pause_after(error: &io::Error, trouble: &Seldom) {
    let clients_fault = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if clients_fault {
        tracing::debug!(%error, "cannot accept a connection");
        return;
    }
    if trouble.admits() {
        tracing::warn!(%error, "cannot accept connections: they wait until it can");
    }
    sleep(Duration::from_millis(100)).await;
}
