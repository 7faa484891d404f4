//! What the server tells Prometheus: how much, how fast, and how it ended. No name that comes from
//! outside is a label, so that nobody can make the figures grow.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::exchange::response;
use super::health::text;
use super::{Answering, Body, Connections, Edge};
use crate::domain::{self, DayCount, DaySums, Event, ExperimentCounts, Name, Outcome, Selection};
use crate::http::{Api, Handler};
use crate::store::{CountLimits, Health, Store, StoreError};

/// Where they are read.
const PATH: &str = "/metrics";

/// The upper ends of the histograms' buckets, in seconds. An event takes one millisecond or two; the store
/// may take 2 s unless the config says otherwise, a function 60 s.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0,
];

/// The handler that answered, noted in a response for [`WithMetrics`].
#[derive(Clone, Copy)]
struct Handled(Handler);

/// The response, with a note of who answered.
pub(super) fn handled(
    mut response: Response<Full<Bytes>>,
    handler: Option<Handler>,
) -> Response<Full<Bytes>> {
    if let Some(handler) = handler {
        response.extensions_mut().insert(Handled(handler));
    }
    response
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    handler: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct By {
    handler: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Became {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    operation: &'static str,
}

// What becomes of an event.
const COUNTED: &str = "counted";
const DUPLICATE: &str = "duplicate";
const REFUSED: &str = "refused";
const IGNORED: &str = "ignored";
const UNAVAILABLE: &str = "unavailable";
const FAILED: &str = "failed";

/// Makes histograms, all alike.
#[derive(Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

/// The figures of one server since its start.
pub struct Metrics {
    requests: Family<Answered, Counter>,
    durations: Family<By, Histogram, Seconds>,
    events: Family<Became, Counter>,
    store: Family<Asked, Histogram, Seconds>,
    open: Gauge,
    registry: Mutex<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(Seconds),
            events: Family::default(),
            store: Family::new_with_constructor(Seconds),
            open: Gauge::default(),
            registry: Mutex::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        // Those that may never happen are there from the start: a rate needs a zero to begin with.
        for outcome in [COUNTED, DUPLICATE, REFUSED, IGNORED, UNAVAILABLE, FAILED] {
            drop(self.events.get_or_create(&Became { outcome }));
        }
        let mut guard = self.registry();
        let registry = &mut *guard;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("lamed_build", "Version of lamed", Info::new(version));
        let started = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
        started.set(domain::Timestamp::now().0 as f64 / 1000.0);
        let help = "Start time of the process, in seconds since 1970";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, started);
        let registry = registry.sub_registry_with_prefix("lamed");
        let help = "Open connections to the API";
        registry.register("open_connections", help, self.open.clone());
        registry.register("requests", "Answered requests", self.requests.clone());
        let help = "Time from the head of a request to its reply";
        registry.register_with_unit(
            "request_duration",
            help,
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("events", "Events by result", self.events.clone());
        let help = "Time from a request to the store to its reply";
        registry.register_with_unit("store_duration", help, Unit::Seconds, self.store.clone());
    }

    fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        (self.registry.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    fn events(&self, outcome: &'static str, number: usize) {
        let family = self.events.get_or_create(&Became { outcome });
        family.inc_by(number as u64);
    }

    fn request(&self, handler: &'static str, status: u16, took: Duration) {
        let answered = Answered { handler, status };
        self.requests.get_or_create(&answered).inc();
        let histogram = self.durations.get_or_create(&By { handler });
        histogram.observe(took.as_secs_f64());
    }

    fn asked(&self, operation: &'static str, took: Duration) {
        let histogram = self.store.get_or_create(&Asked { operation });
        histogram.observe(took.as_secs_f64());
    }
}

/// Figures about another edge, which gets all requests.
pub struct WithMetrics {
    pub metrics: Arc<Metrics>,
    pub rest: Arc<dyn Edge>,
}

impl Edge for WithMetrics {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        let start = Instant::now();
        Box::pin(async move {
            let response = self.rest.answer(request, peer).await;
            let handler = match response.extensions().get() {
                Some(Handled(handler)) => handler.path(),
                None => "none",
            };
            let status = response.status().as_u16();
            self.metrics.request(handler, status, start.elapsed());
            response
        })
    }
}

/// Figures about another store.
pub struct Metered {
    pub metrics: Arc<Metrics>,
    pub store: Arc<dyn Store>,
}

impl Metered {
    async fn timed<T>(&self, operation: &'static str, answer: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let answer = answer.await;
        self.metrics.asked(operation, start.elapsed());
        answer
    }
}

#[async_trait]
impl Store for Metered {
    async fn track(&self, events: &[Event]) -> Result<Vec<Outcome>, StoreError> {
        let answer = self.timed("track", self.store.track(events)).await;
        match &answer {
            Ok(outcomes) => {
                let label = |outcome: &Outcome| match outcome {
                    Outcome::Counted => COUNTED,
                    Outcome::Duplicate => DUPLICATE,
                    Outcome::Refused(_) => REFUSED,
                };
                for became in [COUNTED, DUPLICATE, REFUSED] {
                    let those = outcomes.iter().filter(|outcome| label(outcome) == became);
                    match those.count() {
                        0 => {}
                        number => self.metrics.events(became, number),
                    }
                }
            }
            Err(StoreError::Unavailable(_)) => self.metrics.events(UNAVAILABLE, events.len()),
            Err(StoreError::Failed(_)) => self.metrics.events(FAILED, events.len()),
        }
        answer
    }

    async fn counts(
        &self,
        namespace: &Name,
        scope: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError> {
        (self.timed("read", self.store.counts(namespace, scope))).await
    }

    async fn days(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DayCount>>, StoreError> {
        (self.timed("read", self.store.days(namespace, experiments))).await
    }

    async fn sums(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Vec<DaySums>>, StoreError> {
        (self.timed("read", self.store.sums(namespace, experiments))).await
    }

    async fn delete(&self, selection: &Selection) -> Result<u64, StoreError> {
        self.timed("delete", self.store.delete(selection)).await
    }

    async fn limit(&self, limits: CountLimits) -> Result<(), StoreError> {
        self.store.limit(limits).await
    }

    async fn keep_copy(
        &self,
        namespace: &Name,
        experiment: &Name,
        copy: &str,
        replace: bool,
    ) -> Result<String, StoreError> {
        let kept = self.store.keep_copy(namespace, experiment, copy, replace);
        self.timed("write", kept).await
    }

    async fn copies(
        &self,
        namespace: &Name,
        experiments: &[Name],
    ) -> Result<Vec<Option<String>>, StoreError> {
        (self.timed("read", self.store.copies(namespace, experiments))).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.timed("ping", self.store.ping()).await
    }

    async fn health(&self, namespace: &Name) -> Result<Health, StoreError> {
        self.timed("ping", self.store.health(namespace)).await
    }
}

/// The edge on which Prometheus reads them.
pub struct Scraped {
    pub metrics: Arc<Metrics>,
    /// Those of the API.
    pub connections: Connections,
    pub api: Api,
}

impl Scraped {
    fn text(&self) -> Result<String, std::fmt::Error> {
        let registry = self.metrics.registry();
        // Under the lock, so that two readers do not both add what is missing.
        let outcome = Became { outcome: IGNORED };
        let ignored = self.metrics.events.get_or_create_owned(&outcome);
        ignored.inc_by(self.api.ignored().saturating_sub(ignored.get()));
        let open = i64::try_from(self.connections.open()).unwrap_or(i64::MAX);
        self.metrics.open.set(open);
        let mut text = String::new();
        encode(&mut text, &registry).map(|()| text)
    }
}

impl Edge for Scraped {
    fn answer(&self, request: Request<Body>, _peer: SocketAddr) -> Answering<'_> {
        let reply = match (request.method(), request.uri().path()) {
            (&Method::GET, PATH) => match self.text() {
                Ok(body) => {
                    let mut reply = text(200, "");
                    reply.headers[0].1 = CONTENT_TYPE.into();
                    reply.body = body;
                    reply
                }
                Err(error) => text(500, &error.to_string()),
            },
            _ => text(404, "the metrics are at /metrics"),
        };
        Box::pin(ready(response(reply)))
    }
}
