//! The edge of a server of one's own: plain HTTP manners, the handler called straight.

use std::net::SocketAddr;
use std::time::Instant;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, IF_NONE_MATCH, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Request, Response, Uri};

use super::compressed::Compressed;
use super::exchange::{response, response_of};
use super::guesses::{Judgement, RETRY_AFTER, TOO_MANY};
use super::metrics::handled;
use super::{Answering, ApiKey, Body, Edge};
use crate::assets::OPENAPI;
use crate::http::compressed::{choose, takes_gzip};
use crate::http::{
    self, Api, Details, Handler, Method, Parameters, Reply, Route, Routes, after_stage, door,
};

/// Where the description of the API is. It needs no key.
const DESCRIPTION: &str = "/openapi.json";

/// Calls the handler straight.
pub struct Direct {
    api: Api,
    routes: Routes,
    key: ApiKey,
    compressed: Compressed,
}

impl Direct {
    /// An edge that asks for `key` where a route requires one.
    #[must_use]
    pub fn new(api: Api, routes: Routes, key: ApiKey) -> Self {
        Self {
            api,
            routes: routes.with_flags(),
            key,
            compressed: Compressed::default(),
        }
    }

    /// Where a request goes, or what it gets instead.
    fn route(&self, head: &Parts) -> Result<&Route, Reply> {
        if head.uri.path() == DESCRIPTION {
            return Err(description(&head.method));
        }
        let Some(path) = path(&head.uri) else {
            return Err(door::not_found());
        };
        door::find(&self.routes, head.method.as_str(), path)
    }

    /// What a request gets that has no key where one is required.
    async fn refusal(&self, route: &Route, head: &Parts, peer: SocketAddr) -> Option<Reply> {
        let given = head.headers.get(ApiKey::HEADER);
        let judgement = match given {
            _ if !route.key_required => return None,
            // That is no guess.
            None => Judgement::Wrong,
            Some(key) => (self.key.judge(peer, &head.headers, key.as_bytes())).await,
        };
        match judgement {
            Judgement::Right => None,
            Judgement::Wrong => Some(door::forbidden()),
            Judgement::TooMany => {
                Some(Reply::message(429, TOO_MANY).with("Retry-After", RETRY_AFTER))
            }
        }
    }

    async fn reply(&self, route: &Route, head: &Parts, body: Body) -> Reply {
        let whole = match body.read(http::MAX_BODY).await {
            Ok(whole) => whole,
            Err(error) => return error.reply(http::MAX_BODY),
        };
        // The room is free when there is a reply.
        let (body, _room) = whole.into_parts();
        let header = |name| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
        let request = http::Request {
            method: route.method,
            query: Parameters::decode(head.uri.query().unwrap_or_default()),
            body,
            encoding: header(CONTENT_ENCODING),
            user_agent: header(USER_AGENT),
            details: match route.handler {
                Handler::Client | Handler::Evaluate => Details {
                    is_module: route.is_module(),
                    flag: path(&head.uri)
                        .and_then(|path| door::flag(route, path, head.uri.query())),
                    if_none_match: header(IF_NONE_MATCH),
                },
                _ => Details::default(),
            },
        };
        self.api.handle(route.handler, &request).await
    }
}

impl Edge for Direct {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        Box::pin(self.response(request, peer))
    }
}

impl Direct {
    async fn response(&self, request: Request<Body>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let start = Instant::now();
        let (head, body) = request.into_parts();
        let (handler, reply) = match self.route(&head) {
            Ok(route) => {
                let reply = match self.refusal(route, &head, peer).await {
                    Some(refusal) => refusal,
                    None => self.reply(route, &head, body).await,
                };
                (Some(route.handler), reply)
            }
            Err(reply) => (None, reply),
        };
        let elapsed = start.elapsed();
        // Never the query: it holds idempotency keys.
        let (method, path, status) = (&head.method, head.uri.path(), reply.status);
        tracing::info!(%method, path, status, ?elapsed, "answered");
        let response = match handler {
            Some(Handler::Client) => {
                let accepted = head.headers.get_all(ACCEPT_ENCODING).iter();
                let accepted = accepted.filter_map(|line| line.to_str().ok());
                let compressed = |tag: &str, body: &str| self.compressed.of(tag, body);
                match choose(reply, takes_gzip(accepted), compressed) {
                    (reply, Some(body)) => response_of(reply, Bytes::from_owner(body)),
                    (reply, None) => response(reply),
                }
            }
            _ => response(reply),
        };
        handled(response, handler)
    }
}

/// The description of the API, or what another method than `GET` gets.
fn description(method: &hyper::Method) -> Reply {
    match *method {
        hyper::Method::GET => Reply::new(200, OPENAPI.to_owned()),
        hyper::Method::OPTIONS => Reply::preflight(&[Method::Get]),
        _ => door::not_allowed(&[Method::Get]),
    }
}

/// What follows the stage, which OFREP does not need: some providers drop the path of their base URL.
fn path(uri: &Uri) -> Option<&str> {
    let path = uri.path();
    let is_ofrep = path
        .strip_prefix('/')
        .is_some_and(|path| path.starts_with("ofrep/"));
    after_stage(path).or_else(|| is_ofrep.then_some(path))
}
