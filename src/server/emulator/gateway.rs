//! The edge of `serve --local`: API Gateway (REST, stage `prod`) with Lambda behind it.
//!
//! Every request becomes the proxy event that Lambda would be invoked with, and every reply goes
//! back through the proxy reply. What the gateway itself answers is answered the same; the rows of
//! the table come from recordings of the real service by others and from the AWS documentation.
//!
//! | case | reply |
//! |---|---|
//! | unknown path, or another method | 403 `Missing Authentication Token` |
//! | key missing or wrong | 403 `Forbidden`; the route is looked up first |
//! | body over 10 MB, event over 6 MB | 413 `Request Too Long` |
//! | more requests than the throttle allows | 429 `Too Many Requests` |
//! | the function panicked, ran into its own timeout, or gave a malformed or too large reply | 502 `Internal server error` |
//! | no reply within 29 s | 504 `Endpoint request timed out` |
//!
//! 429 `Limit Exceeded` answers a usage plan's quota, which lamed never sets.

use async_trait::async_trait;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::event::{Caller, Identifiers, proxy_event};
use super::reply::reply_from_proxy;
use super::token_bucket::TokenBucket;
use crate::http::gateway::{FunctionError, answer};
use crate::http::{
    Api, COMMON_HEADERS, Handler, Reply, Route, RouteMatch, Routes, after_stage, header,
};
use crate::server::body::BodyError;
use crate::server::exchange::response;
use crate::server::metrics::handled;
use crate::server::{Answering, ApiKey, Body, Edge};

/// The longest that API Gateway waits for an integration.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// The largest body of a request, in bytes: API Gateway's limit.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// The largest event and the largest reply of a function, in bytes: Lambda's limit.
const MAX_PAYLOAD: usize = 6 * 1024 * 1024;

/// The functions behind the routes.
#[async_trait]
pub trait Invoke: Send + Sync + 'static {
    /// Invokes the function of `handler` with a proxy event; it answers with a proxy reply.
    ///
    /// # Errors
    /// When the function fails, which Lambda calls a function error.
    async fn invoke(&self, handler: Handler, event: Value) -> Result<Value, FunctionError>;
}

/// The function in this process, as the Lambda bootstrap runs it.
#[async_trait]
impl Invoke for Api {
    async fn invoke(&self, handler: Handler, event: Value) -> Result<Value, FunctionError> {
        answer(self, handler, &event).await
    }
}

/// API Gateway's behaviour around the functions.
pub struct Gateway {
    function: Arc<dyn Invoke>,
    routes: Routes,
    key: ApiKey,
    throttle: Mutex<TokenBucket>,
    identifiers: Identifiers,
}

/// What the gateway answers by itself.
#[derive(Clone, Copy)]
enum Refusal {
    MissingAuthenticationToken,
    Forbidden,
    RequestTooLong,
    TooManyRequests,
    InternalServerError,
    TimedOut,
}

impl Gateway {
    /// # Errors
    /// When the system gives no randomness for the API's id.
    pub fn new(
        function: impl Invoke,
        routes: Routes,
        key: ApiKey,
        throttle: TokenBucket,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            function: Arc::new(function),
            routes,
            key,
            throttle: Mutex::new(throttle),
            identifiers: Identifiers::random()?,
        })
    }

    /// The path after the stage, and where it leads; or what the gateway itself answers.
    fn route<'a>(
        &'a self,
        head: &'a Parts,
    ) -> Result<(&'a str, &'a Route), Result<Reply, Refusal>> {
        let missing = Err(Refusal::MissingAuthenticationToken);
        let Some(path) = after_stage(head.uri.path()) else {
            return Err(missing);
        };
        match self.routes.find(head.method.as_str(), path) {
            RouteMatch::Route(route) => Ok((path, route)),
            RouteMatch::Path(routes) if head.method == hyper::Method::OPTIONS => {
                Err(Ok(Reply::preflight_of(&routes)))
            }
            RouteMatch::Path(_) | RouteMatch::Nothing => Err(missing),
        }
    }

    async fn reply(
        &self,
        (path, route): (&str, &Route),
        head: &Parts,
        body: Body,
        peer: SocketAddr,
        request_id: &str,
    ) -> Result<Reply, Refusal> {
        let key = head.headers.get(ApiKey::HEADER).map(|key| key.as_bytes());
        if route.key_required && !self.key.matches(key) {
            return Err(Refusal::Forbidden);
        }
        if !self.admit() {
            return Err(Refusal::TooManyRequests);
        }
        let whole = match body.read(MAX_BODY).await {
            Ok(whole) => whole,
            Err(BodyError::TooLong) => return Err(Refusal::RequestTooLong),
            Err(BodyError::Incomplete) => return Err(Refusal::InternalServerError),
            // This machine's, not the gateway's.
            Err(error @ BodyError::NoRoom) => return Ok(error.reply(MAX_BODY)),
        };
        // The room is free when there is a reply.
        let (body, _room) = whole.into_parts();
        let caller = Caller {
            peer,
            request_id,
            key: key.filter(|_| route.key_required).map(|_| &self.key),
        };
        let length = body.len();
        let event = proxy_event(head, path, body, route, &caller, &self.identifiers);
        if is_too_long(length, &event) {
            return Err(Refusal::RequestTooLong);
        }
        invoke(&self.function, route, event).await
    }

    fn admit(&self) -> bool {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.admit(Instant::now())
    }
}

/// Whether an event or a reply is longer than Lambda takes. A short body is never, however it is escaped: a
/// character takes at most six, and the head is limited.
fn is_too_long(body: usize, value: &Value) -> bool {
    body > MAX_PAYLOAD / 8 && length(value) > MAX_PAYLOAD
}

fn body_length(reply: &Value) -> usize {
    match reply.get("body") {
        Some(Value::String(body)) => body.len(),
        _ => MAX_PAYLOAD,
    }
}

/// How many bytes a value is as JSON, without writing it down.
fn length(value: &Value) -> usize {
    struct Length(usize);

    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut length = Length(0);
    let written = serde_json::to_writer(&mut length, value);
    written.map_or(usize::MAX, |()| length.0)
}

/// Invokes the function behind a route as API Gateway and Lambda do together.
async fn invoke(function: &Arc<dyn Invoke>, route: &Route, event: Value) -> Result<Reply, Refusal> {
    let function = Arc::clone(function);
    let handler = route.handler;
    let mut invocation = tokio::spawn(async move { function.invoke(handler, event).await });
    let limit = route.timeout.min(INTEGRATION_TIMEOUT);
    match timeout(limit, &mut invocation).await {
        Err(_) => {
            invocation.abort();
            // A function that outlives the gateway's patience is the gateway's time-out; one that
            // Lambda stops is an error of the function.
            Err(if route.timeout >= INTEGRATION_TIMEOUT {
                Refusal::TimedOut
            } else {
                Refusal::InternalServerError
            })
        }
        Ok(Err(panic)) => {
            tracing::error!(%panic, "the function panicked");
            Err(Refusal::InternalServerError)
        }
        Ok(Ok(Err(error))) => {
            tracing::error!(%error, "the function failed");
            Err(Refusal::InternalServerError)
        }
        Ok(Ok(Ok(reply))) if is_too_long(body_length(&reply), &reply) => {
            Err(Refusal::InternalServerError)
        }
        Ok(Ok(Ok(reply))) => reply_from_proxy(&reply).ok_or(Refusal::InternalServerError),
    }
}

impl Edge for Gateway {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        Box::pin(self.response(request, peer))
    }
}

impl Gateway {
    async fn response(&self, request: Request<Body>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let start = Instant::now();
        let request_id = self.identifiers.request_id();
        let (head, body) = request.into_parts();
        let (handler, reply) = match self.route(&head) {
            Ok(route) => (
                Some(route.1.handler),
                self.reply(route, &head, body, peer, &request_id).await,
            ),
            Err(reply) => (None, reply),
        };
        let reply = reply.unwrap_or_else(Refusal::reply);
        let elapsed = start.elapsed();
        // Never the query: it holds idempotency keys.
        let (method, path, status) = (&head.method, head.uri.path(), reply.status);
        tracing::info!(%method, path, status, ?elapsed, "answered");
        let reply = reply
            .with("x-amzn-RequestId", request_id)
            .with("x-amz-apigw-id", self.identifiers.extended_request_id());
        handled(response(reply), handler)
    }
}

impl Refusal {
    fn reply(self) -> Reply {
        let (status, body, kind) = match self {
            Self::MissingAuthenticationToken => (
                403,
                r#"{"message":"Missing Authentication Token"}"#,
                "MissingAuthenticationTokenException",
            ),
            Self::Forbidden => (403, r#"{"message":"Forbidden"}"#, "ForbiddenException"),
            Self::RequestTooLong => (
                413,
                r#"{"message":"Request Too Long"}"#,
                "RequestTooLargeException",
            ),
            Self::TooManyRequests => (
                429,
                r#"{"message":"Too Many Requests"}"#,
                "TooManyRequestsException",
            ),
            // As recorded: a space after the colon here, none above.
            Self::InternalServerError => (
                502,
                r#"{"message": "Internal server error"}"#,
                "InternalServerErrorException",
            ),
            Self::TimedOut => (
                504,
                r#"{"message": "Endpoint request timed out"}"#,
                "InternalServerErrorException",
            ),
        };
        // The gateway's own errors carry the common headers because deploy sets DEFAULT_4XX and
        // DEFAULT_5XX so.
        let own = [
            ("Content-Type", "application/json"),
            ("x-amzn-ErrorType", kind),
        ];
        Reply {
            status,
            headers: own.into_iter().chain(COMMON_HEADERS).map(header).collect(),
            body: body.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
