//! One connection: HTTP/1.1 or HTTP/2, and its end where the client does not bring it about.
//!
//! hyper knows no limit for a client that sends nothing at all, one that never reads its answer, or an
//! HTTP/2 connection on which nothing happens. One rule covers them: a connection on which no request
//! is being answered has until its [`Limits`] to begin the next.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::exchange::response;
use super::host::unclear;
use super::{Edge, Limits};

/// How long a connection may take to end once it is told to, when it has nothing to answer.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What reads requests and writes answers.
pub(super) type Protocol = auto::Builder<TokioExecutor>;

/// HTTP/1.1 and HTTP/2 (prior knowledge) within the limits.
pub(super) fn protocol(limits: &Limits) -> Protocol {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    (builder.http1())
        .timer(TokioTimer::new())
        // It would run between requests, too; the rule above does the same and knows the difference.
        .header_read_timeout(None)
        .max_buf_size(limits.head);
    // Beside these, hyper ends a connection of more than 20 streams that the client opened and reset at
    // once ("rapid reset"), and of more than 1024 that were reset for its errors.
    (builder.http2())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX));
    builder
}

/// What a connection is doing.
struct Pulse {
    start: Instant,
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// When the last answer was ready: milliseconds after `start`, or [`NEVER`].
    answered: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Pulse {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            busy: AtomicUsize::new(0),
            answered: AtomicU64::new(NEVER),
        }
    }

    /// Until when the next request has to begin.
    fn deadline(&self, limits: &Limits) -> Instant {
        if self.busy.load(Ordering::Acquire) > 0 {
            return Instant::now() + limits.idle;
        }
        match self.answered.load(Ordering::Acquire) {
            NEVER => self.start + limits.head_time,
            answered => self.start + Duration::from_millis(answered) + limits.idle,
        }
    }

    /// When to look again. An answer meanwhile may make the deadline earlier, by `idle` from then.
    fn alarm(&self, limits: &Limits) -> Instant {
        self.deadline(limits).min(Instant::now() + limits.idle)
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }
}

/// A request that is being answered; also where it is given up half-way.
struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        let Self(pulse) = self;
        let answered = u64::try_from(pulse.start.elapsed().as_millis()).unwrap_or(NEVER - 1);
        pulse.answered.store(answered, Ordering::Release);
        pulse.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits until the server is told to stop.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Answers the requests of one connection until it ends. Told to `stop`, it finishes what began.
pub(super) async fn hold(
    stream: TcpStream,
    peer: SocketAddr,
    edge: Arc<dyn Edge>,
    protocol: Protocol,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let pulse = Arc::new(Pulse::new());
    let service = service_fn({
        let pulse = Arc::clone(&pulse);
        move |request: Request<Incoming>| {
            let (edge, busy) = (Arc::clone(&edge), pulse.begin());
            async move {
                let answer = match unclear(&request) {
                    Some(refusal) => response(refusal),
                    None => edge.answer(request, peer).await,
                };
                drop(busy);
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let mut alarm = pin!(sleep_until(pulse.alarm(&limits)));
    let mut stopping = false;
    let end = loop {
        tokio::select! {
            end = poll_fn(|context| connection.as_mut().poll(context)) => break end,
            () = asked(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = alarm.as_mut() => {
                if pulse.deadline(&limits) > Instant::now() {
                    alarm.as_mut().reset(pulse.alarm(&limits));
                    continue;
                }
                connection.as_mut().graceful_shutdown();
                let _ = timeout(LAST_WORDS, connection).await;
                tracing::debug!(%peer, "a connection was idle for too long");
                return;
            }
        }
    };
    if let Err(error) = end {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}
