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
    use aws_smithy_http_client::Connector;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    /// More than all buffers on the way hold.
    const LENGTH: usize = 32 * 1024 * 1024;

    /// Reads a request's head, and then so many bytes before each pause.
    async fn read(stream: &mut TcpStream, at_once: usize, pause: Duration) {
        let mut buffer = vec![0; at_once];
        let mut read = 0;
        while read < LENGTH {
            let mut piece = 0;
            while piece < at_once && read < LENGTH {
                piece += match stream.read(&mut buffer).await.unwrap_or(0) {
                    0 => return,
                    length => length,
                };
                read += piece;
            }
            tokio::time::sleep(pause).await;
        }
        let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(reply).await.unwrap();
    }

    async fn send(at_once: usize, pause: Duration) -> (Result<u16, String>, Duration) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read(&mut stream, at_once, pause).await;
            // Open until the client is gone.
            let _ = stream.read(&mut [0; 1024]).await;
        });
        let connector = PatientConnector {
            connector: SharedHttpConnector::new(Connector::builder().build_http()),
            stalled: LIMIT,
        };
        let mut request = HttpRequest::new(SdkBody::from(vec![b'x'; LENGTH]));
        request.set_method("POST").unwrap();
        request.set_uri(format!("http://{address}/")).unwrap();
        let start = Instant::now();
        let reply = connector.call(request).await;
        let took = start.elapsed();
        drop(connector);
        server.abort();
        let reply = reply.map(|reply| reply.status().as_u16());
        (reply.map_err(|error| format!("{error:?}")), took)
    }

    #[tokio::test]
    async fn a_slow_line_takes_longer_than_the_limit_and_a_dead_one_does_not() {
        // Some 20 pauses.
        let (reply, took) = send(LENGTH / 20, Duration::from_millis(50)).await;
        assert_eq!(reply, Ok(200));
        assert!(took > LIMIT * 2, "{took:?}");
        let (reply, took) = send(LENGTH / 20, Duration::from_secs(60)).await;
        let why = reply.unwrap_err();
        assert!(why.contains("nothing moved"), "{why}");
        assert!(took >= LIMIT && took < LIMIT * 10, "{took:?}");
    }
}
