//! The dashboard: one page, and the documents that it draws, about any API.
//!
//! | request | session | reply |
//! |---|---|---|
//! | `GET /dashboard` | | the page; no data in it |
//! | `POST /dashboard/session` `{"key"}` | | `{"session"}`, for the API key |
//! | `GET /dashboard/experiments[?namespace]` | yes | all experiments in short |
//! | `GET /dashboard/experiment?experiment[&namespace&control]` | yes | one in full, without pairs |
//! | `GET /dashboard/experiment?experiment&pairs=GOAL[&namespace]` | yes | `{"pairs"}` of one goal |
//! | `GET /dashboard/experiment?experiment&csv=1[&namespace]` | yes | `{"csv"}`, the table for spreadsheets |
//! | `DELETE /dashboard/experiment?experiment[&goal&variant&namespace]` | yes | `{"deleted"}` |
//!
//! The API key never enters the page's documents, an address or a log: the server asks the API by
//! itself. A session is a random text that the page sends as `Authorization: Bearer …`; it ends after a
//! day without use. It is no cookie, so another site's page cannot use it; and where the server is for
//! this machine alone, a `Host` that is not this machine's is refused (DNS rebinding).

mod documents;
mod origin;
mod page;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use self::documents::Answer;
pub use self::documents::{Snapshot, Workbench, snapshot};
use self::origin::{names_this_machine, not_from_the_page};
pub use self::page::of_snapshot;
use self::session::NoSession;
pub use self::session::Sessions;
use super::exchange::response;
use super::guesses::{RETRY_AFTER, TOO_MANY};
use super::{Answering, Body, Edge};
use crate::domain::{Declared, Name};
use crate::http::{Parameters, Reply, header};
use crate::report::Source;

/// Where the page is.
pub const PATH: &str = "/dashboard";

/// The largest body of a sign-in, in bytes: a key is shorter.
const MAX_SIGN_IN: usize = 4 * 1024;

/// A dashboard about one API.
pub struct Dashboard {
    pub source: Arc<dyn Source>,
    /// The API's address, to be shown.
    pub api: String,
    /// HTML for pages that load the script of the API. An address that begins with `/` is one of the page's host.
    pub snippet: watch::Receiver<String>,
    /// The namespace shown first.
    pub namespace: Name,
    pub experiments: Arc<[Declared]>,
    pub workbench: Workbench,
    pub sessions: Sessions,
    /// Whether it is for this machine alone.
    pub loopback_only: bool,
}

/// The dashboard before another edge, which gets what is not the dashboard's.
pub struct WithDashboard {
    pub dashboard: Dashboard,
    pub rest: Arc<dyn Edge>,
}

impl Edge for WithDashboard {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        let rest = request.uri().path().strip_prefix(PATH);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            self.dashboard.answer(request, peer)
        } else {
            self.rest.answer(request, peer)
        }
    }
}

impl Edge for Dashboard {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        Box::pin(async move {
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let start = Instant::now();
            let (head, body) = request.into_parts();
            let reply = self.reply(&head, body, peer).await;
            let elapsed = start.elapsed();
            tracing::info!(%method, path, status = reply.status, ?elapsed, "answered");
            response(reply)
        })
    }
}

#[derive(Deserialize)]
struct SignIn {
    key: String,
}

#[derive(Serialize)]
struct SignedIn {
    session: String,
}

impl Dashboard {
    async fn reply(&self, head: &Parts, body: Body, peer: SocketAddr) -> Reply {
        if self.loopback_only && !names_this_machine(head) {
            return message(
                StatusCode::MISDIRECTED_REQUEST,
                "this server accepts requests from this machine only",
            );
        }
        let path = head.uri.path();
        match (&head.method, path.strip_prefix(PATH).unwrap_or(path)) {
            (&Method::GET, "" | "/") if path.starts_with(PATH) => page::reply(),
            // The dashboard on its own has nothing else to show.
            (&Method::GET, "/") => redirect(),
            (&Method::POST, "/session") => match not_from_the_page(head) {
                Some((status, reason)) => message(status, reason),
                None => self.sign_in(head, body, peer).await,
            },
            (&Method::GET | &Method::DELETE, "/experiments" | "/experiment") => {
                let token = head
                    .headers
                    .get(AUTHORIZATION)
                    .and_then(|value| value.to_str().ok());
                let token = token.and_then(|value| value.strip_prefix("Bearer "));
                if !token.is_some_and(|token| self.sessions.knows(token)) {
                    return message(StatusCode::UNAUTHORIZED, "sign in");
                }
                self.document(head).await
            }
            _ => message(StatusCode::NOT_FOUND, "not found"),
        }
    }

    async fn document(&self, head: &Parts) -> Reply {
        let query = Parameters::decode(head.uri.query().unwrap_or_default());
        let is_list = head.uri.path().ends_with("/experiments");
        let answer = match (&head.method, is_list) {
            (&Method::GET, true) => self.overview(&query).await,
            (&Method::GET, false) => self.experiment(&query).await,
            (_, false) => self.delete(&query).await,
            (_, true) => Answer::not_found(),
        };
        json(answer.status, answer.body)
    }

    async fn sign_in(&self, head: &Parts, body: Body, peer: SocketAddr) -> Reply {
        let whole = match body.read(MAX_SIGN_IN).await {
            Ok(whole) => whole,
            Err(error) => return private(error.reply(MAX_SIGN_IN)),
        };
        let Ok(SignIn { key }) = serde_json::from_slice(whole.bytes()) else {
            return message(StatusCode::BAD_REQUEST, "the body must be {\"key\": …}");
        };
        match self.sessions.open(&key, peer, &head.headers).await {
            Ok(session) => serde_json::to_string(&SignedIn { session }).map_or_else(
                |error| message(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
                |body| json(200, body),
            ),
            Err(reason) => refusal(reason),
        }
    }
}

fn refusal(reason: NoSession) -> Reply {
    match reason {
        NoSession::NoKey => message(
            StatusCode::FORBIDDEN,
            "this dashboard does not accept API keys: run `lamed dashboard` again",
        ),
        NoSession::WrongKey => message(StatusCode::FORBIDDEN, "wrong API key"),
        NoSession::TooManyKeys => {
            message(StatusCode::TOO_MANY_REQUESTS, TOO_MANY).with("Retry-After", RETRY_AFTER)
        }
        NoSession::NoRandomness => message(
            StatusCode::INTERNAL_SERVER_ERROR,
            "cannot get random bytes from the system",
        ),
    }
}

fn redirect() -> Reply {
    json(302, String::new()).with("Location", PATH)
}

fn message(status: StatusCode, message: &str) -> Reply {
    private(Reply::message(status.as_u16(), message))
}

/// A message of the API as one of the dashboard.
fn private(reply: Reply) -> Reply {
    let mut private = json(reply.status, reply.body);
    let mut retry = reply.headers;
    retry.retain(|(name, _)| name == "Retry-After");
    private.headers.append(&mut retry);
    private
}

fn json(status: u16, body: String) -> Reply {
    with_headers(body, status, "application/json")
}

/// Nothing of it is for other sites, caches or frames.
fn with_headers(body: String, status: u16, kind: &'static str) -> Reply {
    let headers = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    ];
    Reply {
        status,
        headers: headers.map(header).into(),
        body,
    }
}
