//! The server: handed its listener and its end, it answers every connection through an [`Edge`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::connection::{hold, protocol};
use super::room::Room;
use super::shares::{Share, Shares, is_same_client};
use super::{Body, Limits};
use crate::http::LogLimit;

/// The least time between two lines about connections that cannot be taken.
const PAUSE: Duration = Duration::from_secs(60);

/// The answer of an [`Edge`], once it is there.
pub type Answering<'a> = BoxFuture<'a, Response<Full<Bytes>>>;

/// What stands between a socket and the handler.
pub trait Edge: Send + Sync + 'static {
    /// Answers a request of `peer`. Never fails: an error is an answer, too. An edge that stands before another
    /// gives that one's answer as it is: each event passes it.
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_>;
}

/// Room for the connections of one server, and for what they send.
#[derive(Clone)]
pub struct Connections {
    limits: Limits,
    pub(super) room: Arc<Room>,
    /// In bytes.
    pub(super) bodies: Arc<Room>,
    /// In bytes.
    pub(super) exchanges: Arc<Room>,
    shares: Arc<Shares>,
    open: Arc<AtomicUsize>,
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
            room: Arc::new(Room::new(most, limits.grace)),
            bodies: Arc::new(Room::new(limits.bodies, limits.grace)),
            exchanges: Arc::new(Room::new(limits.exchanges, limits.grace)),
            shares: Arc::new(Shares::new(limits.share)),
            open: Arc::default(),
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

    /// Room for one more, as soon as there is; `None` where its client has his share. Until then the next ones
    /// wait in the system's queue.
    async fn admit(&self, peer: IpAddr) -> Option<Opened> {
        let share = self.shares.enter(peer);
        if share.as_ref().is_some_and(Share::is_too_much)
            && !self.room.ask(|other| is_same_client(peer, other))
        {
            self.shares.warn(peer);
            return None;
        }
        let room = self.room.take(1, || {
            tracing::warn!(
                connections = self.most(),
                "connection limit reached: closing the connections that have been idle longest"
            );
        });
        let room = room.await;
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Opened {
            open: Arc::clone(&self.open),
            _share: share,
            _room: room,
        })
    }

    /// Waits until none is open, as long as that may take.
    async fn ended(&self) -> bool {
        let ended = timeout(self.limits.drain, self.room.empty(self.most()));
        ended.await.is_ok()
    }
}

/// An open connection's room, free again when this is dropped.
struct Opened {
    open: Arc<AtomicUsize>,
    _share: Option<Share>,
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
    let trouble = LogLimit::new(PAUSE);
    let mut stop = std::pin::pin!(stop);
    loop {
        // One is accepted before there is room for it: else nobody would have to give way.
        let next = async {
            let (stream, peer) = listener.accept().await?;
            let opened = connections.admit(peer.ip()).await;
            Ok(opened.map(|opened| (stream, peer, opened)))
        };
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = next => accepted,
        };
        let (stream, peer, opened) = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => continue,
            Err(error) => {
                pause_after(&error, &trouble).await;
                continue;
            }
        };
        // Replies are small and whole: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let (edge, connections) = (Arc::clone(&edge), connections.clone());
        let connection = hold(
            stream,
            peer,
            edge,
            protocol.clone(),
            connections,
            told.clone(),
        );
        tokio::spawn(async move {
            connection.await;
            drop(opened);
        });
    }
    drop(listener);
    let _ = stopping.send(true);
    if !connections.ended().await {
        let limit = limits.drain;
        tracing::warn!("some requests did not end within {limit:?}: closed their connections");
    }
}

/// One client's failed connection is no reason to wait; a lack of descriptors or memory is.
async fn pause_after(error: &io::Error, trouble: &LogLimit) {
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
    if trouble.admit().is_some() {
        tracing::warn!(%error, "cannot accept connections: new connections wait");
    }
    sleep(Duration::from_millis(100)).await;
}
