//! One connection: HTTP/1.1 or HTTP/2, and its end where the client does not bring it about.
//!
//! hyper knows no limit for a client that sends nothing at all, one that never reads its answer, or an
//! HTTP/2 connection on which nothing happens. One rule covers them: a connection on which no request
//! is being answered has until its [`Limits`] to begin the next. Where there is no room for a new connection,
//! the one that has waited longest for its client ends at once.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::exchange::response;
use super::host::unclear;
use super::room::{Room, Waits};
use super::streams::Exchanges;
use super::{Body, Connections, Edge, Limits};

/// How long a connection may take to end once it is told to, when it has nothing to answer.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The smallest window of an HTTP/2 connection, in bytes (RFC 9113, 6.9.2).
const WINDOW: u32 = 65_535;

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
        // What a client may send before somebody reads it. All streams together have no more.
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX));
    builder
}

/// What a connection is doing.
pub(super) struct Pulse {
    pub(super) peer: IpAddr,
    start: Instant,
    room: Arc<Room>,
    /// Told when others need the room more.
    pub(super) asked: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Requests that are being answered.
    active: usize,
    /// Those of them whose bodies are being read.
    reading: usize,
    /// When the last answer was ready.
    answered: Option<Instant>,
    /// Whether the client is waited for, and not the other way round.
    waits: Option<Waits>,
}

impl Pulse {
    fn new(peer: IpAddr, room: Arc<Room>) -> Arc<Self> {
        let pulse = Arc::new(Self {
            peer,
            start: Instant::now(),
            room,
            asked: Arc::default(),
            state: Mutex::default(),
        });
        pulse.change(|_| {});
        pulse
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        if state.active > state.reading {
            state.waits = None;
        } else if state.waits.is_none() {
            state.waits = Some(self.room.waits(self.peer, &self.asked));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody waits for an answer.
    fn waits(&self) -> bool {
        let state = self.state();
        state.active == state.reading
    }

    /// Until when the next request has to begin.
    fn deadline(&self, limits: &Limits) -> Instant {
        let state = self.state();
        match state.answered {
            _ if state.active > 0 => Instant::now() + limits.idle,
            None => self.start + limits.head_time,
            Some(answered) => answered + limits.idle,
        }
    }

    /// When to look again. An answer meanwhile may make the deadline earlier, by `idle` from then.
    fn alarm(&self, limits: &Limits) -> Instant {
        self.deadline(limits).min(Instant::now() + limits.idle)
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.change(|state| state.active += 1);
        Busy(Arc::clone(self))
    }

    /// From now on the body of a request is read, until this is dropped.
    pub(super) fn read(&self) -> Reading<'_> {
        self.change(|state| state.reading += 1);
        Reading(self)
    }
}

/// A request that is being answered; also where it is given up half-way.
struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.answered = Some(Instant::now());
            state.active -= 1;
        });
    }
}

/// A body that is being read.
pub(super) struct Reading<'a>(&'a Pulse);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.reading -= 1);
    }
}

/// Waits until the server is told to stop.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn answer(
    edge: &dyn Edge,
    request: Request<Body>,
    peer: SocketAddr,
) -> Response<Full<Bytes>> {
    match unclear(&request) {
        Some(refusal) => response(refusal),
        None => edge.answer(request, peer).await,
    }
}

/// Answers the requests of one connection until it ends. Told to `stop`, it finishes what began.
pub(super) async fn hold(
    stream: TcpStream,
    peer: SocketAddr,
    edge: Arc<dyn Edge>,
    protocol: Protocol,
    connections: Connections,
    mut stop: watch::Receiver<bool>,
) {
    let limits = connections.limits();
    let pulse = Pulse::new(peer.ip(), Arc::clone(&connections.room));
    let service = service_fn({
        let pulse = Arc::clone(&pulse);
        move |request: Request<Incoming>| {
            let (edge, busy) = (Arc::clone(&edge), pulse.begin());
            let exchanges = Exchanges::of(&request, &connections);
            let request = request.map(|incoming| Body {
                incoming,
                pulse: Arc::clone(&pulse),
                bodies: Arc::clone(&connections.bodies),
                time: limits.body_time,
                wants_room: false,
            });
            async move {
                let answer = answer(&*edge, request, peer);
                let answer = match exchanges {
                    Some(exchanges) => exchanges.within(&busy.0, answer).await,
                    None => answer.await,
                };
                drop(busy);
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let mut alarm = pin!(sleep_until(pulse.alarm(&limits)));
    let (mut stopping, mut leaving) = (false, false);
    let end = loop {
        tokio::select! {
            end = poll_fn(|context| connection.as_mut().poll(context)) => break end,
            () = asked(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = pulse.asked.notified() => {
                if !pulse.waits() {
                    continue;
                }
                connection.as_mut().graceful_shutdown();
                // One look more: HTTP/2 says good-bye, and a request that has come meanwhile is answered.
                let ended = poll_fn(|context| Poll::Ready(connection.as_mut().poll(context))).await;
                if ended.is_ready() || pulse.waits() {
                    tracing::debug!(%peer, "closed an idle connection to accept a new one");
                    return;
                }
            }
            () = alarm.as_mut() => {
                if pulse.deadline(&limits) > Instant::now() {
                    alarm.as_mut().reset(pulse.alarm(&limits));
                } else if leaving {
                    tracing::debug!(%peer, "closed an idle connection");
                    return;
                } else {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                    alarm.as_mut().reset(Instant::now() + LAST_WORDS);
                }
            }
        }
    };
    if let Err(error) = end {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}
