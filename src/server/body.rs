//! The body of a request, as it is read.
//!
//! All bodies of a server together take no more memory than its [`Limits`](super::Limits) say. What a body
//! takes is what has arrived of it, in one piece, however it was cut.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as _, Bytes, Incoming};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::timeout;

use super::connection::Pulse;
use super::room::Room;
use crate::http::Reply;

/// The least room of a body that is read, in bytes: what its request takes besides.
const LEAST: usize = 4 * 1024;

/// How much is read of a body that is too long, before the connection is closed, in bytes.
const DISCARDED: usize = 16 * 1024 * 1024;

/// When to try again where there was no room, in seconds.
pub(super) const RETRY_AFTER: &str = "5";

/// The body of a request that is not read yet.
pub struct Body {
    pub(super) incoming: Incoming,
    pub(super) pulse: Arc<Pulse>,
    pub(super) bodies: Arc<Room>,
    /// How long reading may take.
    pub(super) time: Duration,
    /// Whether the client waits for room, and not the other way round.
    pub(super) wants_room: bool,
}

/// A whole body. Its room is free again when this is dropped.
#[derive(Default)]
pub(super) struct Whole {
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl Whole {
    /// In bytes.
    fn room(&self) -> usize {
        self.room
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// To so many bytes, by `more` room.
    fn grow(&mut self, wanted: usize, more: OwnedSemaphorePermit) {
        match &mut self.room {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        self.bytes.reserve_exact(wanted - self.bytes.len());
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, and their room, which is to be kept as long as they are.
    pub(super) fn into_parts(self) -> (Vec<u8>, Option<OwnedSemaphorePermit>) {
        (self.bytes, self.room)
    }
}

/// Why there is no whole body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLong,
    /// The client broke off, or was too slow: most likely nobody reads the answer.
    Incomplete,
    /// There is no room, or others need it and this one is slow.
    NoRoom,
}

impl BodyError {
    /// What a client gets, where `most` bytes are allowed.
    pub(super) fn reply(self, most: usize) -> Reply {
        match self {
            Self::TooLong => Reply::too_long(most),
            Self::Incomplete => Reply::message(408, "the body is incomplete"),
            Self::NoRoom => Reply::message(503, "too many request bodies at once: retry in 5 s")
                .with("Retry-After", RETRY_AFTER),
        }
    }
}

impl Body {
    /// Reads it, up to `most` bytes.
    pub(super) async fn read(mut self, most: usize) -> Result<Whole, BodyError> {
        if self.incoming.is_end_stream() {
            return Ok(Whole::default());
        }
        let asked = Arc::new(Notify::new());
        let _waits = self.bodies.waits(self.pulse.peer, &asked);
        let pulse = Arc::clone(&self.pulse);
        let _reading = pulse.read();
        let whole = async {
            let whole = match timeout(self.time, self.collect(most)).await {
                Ok(whole) => whole,
                Err(_) if self.wants_room => Err(BodyError::NoRoom),
                Err(_) => Err(BodyError::Incomplete),
            };
            if let Err(BodyError::TooLong) = whole {
                let _ = timeout(self.time, self.discard()).await;
            }
            whole
        };
        tokio::select! {
            biased;
            whole = whole => whole,
            () = asked.notified() => Err(BodyError::NoRoom),
        }
    }

    async fn collect(&mut self, most: usize) -> Result<Whole, BodyError> {
        let announced = self.incoming.size_hint();
        if announced.lower() > most as u64 {
            return Err(BodyError::TooLong);
        }
        let likely = announced.upper().unwrap_or(u64::MAX).min(most as u64);
        let likely = usize::try_from(likely).unwrap_or(most);
        let mut whole = Whole::default();
        whole.grow(LEAST.min(likely), self.room(LEAST).await);
        while let Some(frame) = self.next().await? {
            let length = whole.bytes.len() + frame.len();
            if length > most {
                return Err(BodyError::TooLong);
            }
            let room = whole.room();
            if length > room {
                let wanted = length.max((2 * room).min(likely));
                whole.grow(wanted, self.room(wanted - room).await);
            }
            // A copy: the frame may be one byte, and hold the whole buffer that it was read into.
            whole.bytes.extend_from_slice(&frame);
        }
        Ok(whole)
    }

    /// Reads what nobody needs: a client that still writes when the connection is closed may never see its answer.
    async fn discard(&mut self) {
        let mut length = 0;
        while length < DISCARDED
            && let Ok(Some(frame)) = self.next().await
        {
            length += frame.len();
        }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        match self.incoming.frame().await {
            None => Ok(None),
            // Trailers are of no use.
            Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
            Some(Err(_)) => Err(BodyError::Incomplete),
        }
    }

    async fn room(&mut self, bytes: usize) -> OwnedSemaphorePermit {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.bodies.take(permits, || {
            tracing::warn!("memory limit for request bodies reached: the slowest requests get 503");
        });
        self.wants_room = true;
        let room = room.await;
        self.wants_room = false;
        room
    }
}
