//! Replies, and the headers that all of them carry.

use std::borrow::Cow;

use serde::Serialize;

use super::{Handler, Method, Route};

/// On every reply, errors included: a browser must be able to read it, and no cache may keep it.
pub const COMMON_HEADERS: [(&str, &str); 3] = [
    ("Access-Control-Allow-Origin", "*"),
    ("Cache-Control", "no-cache, no-store, must-revalidate"),
    ("Pragma", "no-cache"),
];

/// What a page of another site may send: any header, because tracing tools add `traceparent`, `baggage`
/// and others of their own to each request. The names are for browsers that do not know `*`.
const ALLOWED_HEADERS: &str = "*,Content-Type,X-Api-Key";

/// The same for OFREP, where providers may send a key of their own.
const ALLOWED_HEADERS_OF_FLAGS: &str = "*,Authorization,Content-Type,If-None-Match,X-Api-Key";

/// Name and value.
pub type Header = (Cow<'static, str>, Cow<'static, str>);

/// A reply with a JSON body (none for OPTIONS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<Header>,
    pub body: String,
}

/// The body of an error.
#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

impl Reply {
    /// A reply with the common headers.
    #[must_use]
    pub fn new(status: u16, body: String) -> Self {
        let kind = std::iter::once(("Content-Type", "application/json"));
        let headers = kind.chain(COMMON_HEADERS);
        Self {
            status,
            headers: headers.map(header).collect(),
            body,
        }
    }

    /// 200 with a JSON body.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(200, body)
    }

    /// Any status with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self::new(status, body),
            Err(error) => Self::message(500, &error.to_string()),
        }
    }

    /// An error that says why.
    #[must_use]
    pub fn message(status: u16, message: &str) -> Self {
        let body = serde_json::to_string(&Message { message }).unwrap_or_default();
        Self::new(status, body)
    }

    /// What a body gets that is longer than `most` bytes.
    #[must_use]
    pub fn too_long(most: usize) -> Self {
        let kib = most / 1024;
        Self::message(413, &format!("the body must be at most {kib} KiB"))
    }

    /// The answer to OPTIONS, which browsers ask before a DELETE or a request with a key.
    #[must_use]
    pub fn preflight(methods: &[Method]) -> Self {
        let mut allowed: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
        allowed.push("OPTIONS");
        Self::new(200, String::new())
            .with("Access-Control-Allow-Methods", allowed.join(","))
            .with("Access-Control-Allow-Headers", ALLOWED_HEADERS)
            .with("Access-Control-Max-Age", "86400")
    }

    /// The same for a path of these routes.
    #[must_use]
    pub fn preflight_of(routes: &[&Route]) -> Self {
        let methods: Vec<Method> = routes.iter().map(|route| route.method).collect();
        let mut reply = Self::preflight(&methods);
        if (routes.iter()).any(|route| route.handler == Handler::Evaluate) {
            let allowed = reply
                .headers
                .iter_mut()
                .find(|(name, _)| name == "Access-Control-Allow-Headers");
            if let Some((_, allowed)) = allowed {
                *allowed = ALLOWED_HEADERS_OF_FLAGS.into();
            }
        }
        reply
    }

    /// One more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A header that is always the same.
pub(crate) fn header((name, value): (&'static str, &'static str)) -> Header {
    (name.into(), value.into())
}
