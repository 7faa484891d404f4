//! Long bodies on slow lines: they go out piece by piece, and what limits the time is that no piece moves, not the clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_lambda::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_lambda::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// How long nothing may move: neither a piece of the request, nor the reply that follows the last one.
const STALLED: Duration = Duration::from_secs(60);

/// So many bytes at a time. A slow line takes some in a second.
const PIECE: usize = 16 * 1024;

/// A client whose requests end when nothing moves.
#[derive(Clone, Debug)]
pub(super) struct Patient(pub(super) SharedHttpClient);

impl HttpClient for Patient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(PatientConnector {
            connector: self.0.http_connector(settings, components),
            stalled: STALLED,
        })
    }
}

#[derive(Debug)]
struct PatientConnector {
    connector: SharedHttpConnector,
    stalled: Duration,
}

impl HttpConnector for PatientConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let moved = Moved::default();
        if let Some(bytes) = request.body().bytes().filter(|bytes| bytes.len() > PIECE) {
            let pieces = Pieces {
                left: Bytes::copy_from_slice(bytes),
                moved: moved.clone(),
            };
            *request.body_mut() = SdkBody::from_body_1_x(pieces);
        }
        let (reply, stalled) = (self.connector.call(request), self.stalled);
        HttpConnectorFuture::new(async move {
            tokio::pin!(reply);
            loop {
                let end = moved.last() + stalled;
                tokio::select! {
                    reply = &mut reply => return reply,
                    () = sleep_until(end) => if moved.last() + stalled <= Instant::now() {
                        let why = format!("nothing moved for {} seconds", stalled.as_secs());
                        return Err(ConnectorError::timeout(why.into()));
                    },
                }
            }
        })
    }
}

/// When something moved last.
#[derive(Clone)]
struct Moved(Arc<Mutex<Instant>>);

impl Default for Moved {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Moved {
    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// A body of which the connection takes a piece when it has sent the one before.
struct Pieces {
    left: Bytes,
    moved: Moved,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.moved.now();
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.left.len().min(PIECE);
        let piece = self.left.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use http_body_util::BodyExt;
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    const PIECES: u32 = 20;

    /// A line that takes a piece after each pause, and then answers.
    #[derive(Debug)]
    struct Line {
        pause: Duration,
    }

    impl HttpConnector for Line {
        fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
            let pause = self.pause;
            HttpConnectorFuture::new(async move {
                let mut body = request.take_body();
                let mut taken = 0;
                while let Some(piece) = body.frame().await {
                    taken += piece.unwrap().into_data().unwrap().len();
                    sleep(pause).await;
                }
                assert_eq!(taken, PIECE * PIECES as usize);
                Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::empty()))
            })
        }
    }

    /// What becomes of a request, and how long it takes.
    async fn send(pause: Duration) -> (Result<u16, String>, Duration) {
        let connector = PatientConnector {
            connector: SharedHttpConnector::new(Line { pause }),
            stalled: LIMIT,
        };
        let body = vec![b'x'; PIECE * PIECES as usize];
        let start = Instant::now();
        let reply = connector.call(HttpRequest::new(SdkBody::from(body))).await;
        let reply = reply.map(|reply| reply.status().as_u16());
        (reply.map_err(|error| format!("{error:?}")), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_takes_longer_than_the_limit_and_a_dead_one_does_not() {
        let pause = LIMIT / 2;
        assert_eq!(send(pause).await, (Ok(200), pause * PIECES));
        let (reply, took) = send(LIMIT * 2).await;
        let why = reply.unwrap_err();
        assert!(why.contains("nothing moved for 60 seconds"), "{why}");
        assert!(took >= LIMIT && took < LIMIT * 2, "{took:?}");
    }
}
