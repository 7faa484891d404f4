//! What the requests of all HTTP/2 connections take together.
//!
//! One HTTP/2 connection holds many requests, and for a few bytes each a client may refuse to read their answers
//! (a window of 0). So each request takes room from its head until the last byte of its answer is sent. If there is
//! no room, the client that has not read its answers for the longest is closed, and the request gets 503.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, Response, Version};
use tokio::sync::OwnedSemaphorePermit;

use super::Connections;
use super::body::RETRY_AFTER;
use super::connection::Pulse;
use super::exchange::response;
use super::room::{Room, Waits};
use crate::http::Reply;

/// What a request takes without its answer, in bytes.
const LEAST: u32 = 8 * 1024;

/// What an answer takes at most, in bytes: a larger one has to be possible, too. Only those with the key get one.
const MOST: u32 = 256 * 1024;

/// The room that a request takes, and the one of bodies.
pub(super) struct Exchanges {
    room: Arc<Room>,
    bodies: Arc<Room>,
}

/// An answer that keeps its room until nobody needs its bytes.
struct Unsent {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
    _waits: Waits,
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Exchanges {
    /// For a request over HTTP/2. Over HTTP/1 the limit of connections is enough.
    pub(super) fn of<B>(request: &Request<B>, connections: &Connections) -> Option<Self> {
        (request.version() == Version::HTTP_2).then(|| Self {
            room: Arc::clone(&connections.exchanges),
            bodies: Arc::clone(&connections.bodies),
        })
    }

    /// The answer to a request of this connection, if there is room for it.
    pub(super) async fn within(
        self,
        connection: &Pulse,
        answer: impl Future<Output = Response<Full<Bytes>>>,
    ) -> Response<Full<Bytes>> {
        let Some(mut room) = self.take(LEAST) else {
            return too_many();
        };
        let (head, body) = answer.await.into_parts();
        let Ok(body) = body.collect().await;
        let bytes = body.to_bytes();
        let length = u32::try_from(bytes.len()).unwrap_or(MOST).min(MOST);
        let Some(more) = self.take(length) else {
            return too_many();
        };
        room.merge(more);
        let unsent = Unsent {
            bytes,
            _room: room,
            _waits: self.room.waits(connection.peer, &connection.asked),
        };
        Response::from_parts(head, Full::new(Bytes::from_owner(unsent)))
    }

    /// So many bytes. If there are none left, a connection gives way to the next requests: the one that has not read
    /// its answers for the longest, or else the body that has been sent for the longest.
    fn take(&self, bytes: u32) -> Option<OwnedSemaphorePermit> {
        let taken = self.room.try_take(bytes, || {
            tracing::warn!("memory limit for HTTP/2 requests reached: some requests get 503");
        });
        if taken.is_none() && !self.room.ask(|_| true) {
            self.bodies.ask(|_| true);
        }
        taken
    }
}

/// Without a body: nobody's window keeps it back.
fn too_many() -> Response<Full<Bytes>> {
    let mut reply = Reply::message(503, "").with("Retry-After", RETRY_AFTER);
    reply.body.clear();
    response(reply)
}
