//! The HTTP API: one handler for all homes.
//!
//! [`Api::handle`] takes a [`Request`] and gives a [`Reply`]; it knows neither sockets nor API
//! keys. Around it stand the edges: `server`, the Lambda bootstrap, and [`gateway`], which
//! translates between a request and API Gateway's proxy event, and [`function_url`], which does so for a
//! function without a gateway.

mod batch;
mod client;
pub(crate) mod compressed;
mod crawlers;
pub mod door;
mod etag;
mod events;
pub mod function_url;
pub mod gateway;
mod handlers;
mod log_limit;
mod ofrep;
mod outage;
mod parameters;
mod reply;
mod routes;
mod rules;
pub mod wire;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub use self::client::{BrowserClient, Script};
use self::handlers::Refusal;
#[cfg_attr(not(feature = "cli"), allow(unused_imports))]
pub(crate) use self::log_limit::LogLimit;
use self::outage::Outage;
pub use self::parameters::Parameters;
#[cfg_attr(not(feature = "cli"), allow(unused_imports))]
pub(crate) use self::reply::header;
pub use self::reply::{COMMON_HEADERS, Header, Reply};
pub use self::routes::{Handler, Method, Route, RouteMatch, Routes};
pub use self::rules::{Rules, Run};
use crate::store::Store;

/// The path under which API Gateway serves the API.
pub const STAGE: &str = "prod";

/// What follows the stage in a path: `/track` of `/prod/track`.
#[must_use]
pub(crate) fn after_stage(path: &str) -> Option<&str> {
    path.strip_prefix('/')?
        .strip_prefix(STAGE)
        .filter(|rest| rest.starts_with('/'))
}

/// The longest body of a request, in bytes. 100 events with the longest names take 100 KB.
pub const MAX_BODY: usize = 256 * 1024;

/// A request as the handler sees it: routed, with the query decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub query: Parameters,
    pub body: Vec<u8>,
    /// How the body is encoded, by the header `Content-Encoding`.
    pub encoding: Option<String>,
    /// Who sends it, by its own account.
    pub user_agent: Option<String>,
    /// What [`Handler::Client`] and [`Handler::Evaluate`] read beside: of other handlers it is the default.
    pub details: Details,
}

/// Which document is asked for, and which one is there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Whether the browser client is asked for as a module.
    pub is_module: bool,
    /// Which experiment is to be evaluated, as the address has it: what follows the path of [`Handler::Evaluate`],
    /// with the query. `None` is all of them.
    pub flag: Option<String>,
    /// The header `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// The API over one store.
#[derive(Clone)]
pub struct Api {
    store: Arc<dyn Store>,
    rules: Arc<RwLock<Arc<Rules>>>,
    outage: Arc<Outage>,
    /// How many events of crawlers were not counted.
    crawlers: Arc<AtomicU64>,
}

impl Api {
    /// An API that follows these rules.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, rules: Rules) -> Self {
        Self {
            store,
            rules: Arc::new(RwLock::new(Arc::new(rules))),
            outage: Arc::default(),
            crawlers: Arc::default(),
        }
    }

    /// The rules that it follows now.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&rules)
    }

    /// Follows other rules from the next request on, in all clones.
    pub fn follow(&self, rules: Rules) {
        rules.remember(&self.rules());
        let mut place = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(rules);
    }

    /// How many events of crawlers were not counted so far.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.crawlers.load(Ordering::Relaxed)
    }

    /// Answers a request. Never fails: what goes wrong is a reply, too.
    pub async fn handle(&self, handler: Handler, request: &Request) -> Reply {
        let answer = match (handler, request.method) {
            (Handler::Track, Method::Post) => self.track_batch(request).await,
            (Handler::Track, _) => self.track(request).await,
            (Handler::AllExperiments, _) => self.all_experiments(request).await,
            (Handler::OneExperiment, _) => self.one_experiment(request).await,
            (Handler::Delete, _) => self.delete(request).await,
            (Handler::Client, _) => Ok(self.browser_client(request)),
            (Handler::Evaluate, _) => self.evaluate(request),
        };
        answer.unwrap_or_else(|refusal| {
            match &refusal {
                Refusal::Store(error) => self.outage.log(error),
                Refusal::Full(limit, _) => self.outage.log_full(*limit),
                Refusal::Malformed(_) | Refusal::TooLong | Refusal::Encoded => {}
            }
            refusal.into()
        })
    }
}
