//! The HTTP client for a lamed API.

use std::error::Error;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::CliError;
use super::endpoint::Endpoint;
use crate::http::wire::Tracked;
use crate::http::{Handler, STAGE};
use crate::report::{Failure, Wire, message};

/// How long a request may take: what API Gateway allows, and a little more.
const TIMEOUT: Duration = Duration::from_secs(35);

/// How long another address may take to say whether it is the right one.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a reply may be, in bytes. One of 10,000 counters (`max_counters`) and a year of days takes
/// less than half of it where a fifth of them counts each day; API Gateway passes 10 MB on. What is longer
/// comes from something else, and may never end.
const MAX_REPLY: usize = 64 * 1024 * 1024;

/// Speaks to one API; keeps its connection.
pub(super) struct Client {
    endpoint: Endpoint,
    key: Option<HeaderValue>,
    http: Http,
}

/// Speaks HTTP/1.1 to anybody, with TLS by the certificates of this machine.
pub(super) type Http = HyperClient<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// `with_tls` is for an address that needs it: then it is an error that this machine has no certificates. Else it is
/// one when a page leads to such an address.
///
/// # Errors
/// When TLS is needed, and this machine has no certificates.
pub(super) fn http(with_tls: bool) -> io::Result<Http> {
    let connector = match HttpsConnectorBuilder::new().with_native_roots() {
        Ok(connector) => connector,
        Err(error) if with_tls => return Err(error),
        // The system has no certificate authorities, and none is needed.
        Err(_) => HttpsConnectorBuilder::new().with_tls_config(trusting_nobody()),
    };
    let connector = connector.https_or_http().enable_http1().build();
    Ok(HyperClient::builder(TokioExecutor::new()).build(connector))
}

impl Client {
    pub(super) fn new(endpoint: Endpoint) -> Result<Self, CliError> {
        let key = (endpoint
            .key
            .as_ref()
            .map(|key| HeaderValue::from_str(key.reveal())))
        .transpose()
        .map_err(|_| CliError::usage("cannot send the API key: it contains a control character"))?
        .map(|mut key| {
            key.set_sensitive(true);
            key
        });
        let http = http(endpoint.base.starts_with("https:"));
        let http = http.map_err(|error| CliError::failed(unreachable(&endpoint, &error)))?;
        Ok(Self {
            endpoint,
            key,
            http,
        })
    }

    async fn exchange(
        &self,
        handler: Handler,
        query: &[(&str, &str)],
    ) -> Result<(StatusCode, String), Failure> {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let mut request = Request::builder()
            .method(handler.methods()[0].as_str())
            .uri(format!("{}/{}?{query}", self.endpoint.base, handler.path()));
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        let request = request
            .body(Empty::new())
            .map_err(|error| Failure::gateway(error.to_string()))?;
        let unreachable = |error| Failure::gateway(unreachable(&self.endpoint, &error));
        let response = self.http.request(request).await.map_err(unreachable)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_REPLY)
            .collect()
            .await;
        let body = body.map_err(|error| {
            let base = &self.endpoint.base;
            if error.is::<LengthLimitError>() {
                return Failure {
                    status: StatusCode::PAYLOAD_TOO_LARGE.as_u16(),
                    message: format!(
                        "{base} sent more than {} MiB: is it a lamed API?",
                        MAX_REPLY >> 20
                    ),
                    answered: true,
                };
            }
            Failure::gateway(format!("lost the connection to {base}: {}", root(&*error)))
        })?;
        Ok((
            status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        ))
    }

    /// The base with the stage, where only that was missing: an API answers there. The key stays here.
    async fn with_stage(&self, status: StatusCode) -> Option<String> {
        let base = &self.endpoint.base;
        let ends_with_stage = base.ends_with(&format!("/{STAGE}"));
        if ends_with_stage || !matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return None;
        }
        let right = Endpoint {
            base: format!("{base}/{STAGE}"),
            key: None,
        };
        let url = right.probe_url().parse().ok()?;
        let response = timeout(PATIENCE, self.http.get(url)).await.ok()?.ok()?;
        let body = Limited::new(response.into_body(), 1024).collect();
        let body = timeout(PATIENCE, body).await.ok()?.ok()?.to_bytes();
        let is_lamed = serde_json::from_slice::<Tracked>(&body).is_ok();
        is_lamed.then_some(right.base)
    }

    fn refused(&self, status: StatusCode, body: &str) -> Failure {
        let message = message(body).map_or_else(String::new, |message| format!(": {message}"));
        let advice = match (status, &self.key) {
            (StatusCode::NOT_FOUND, _) => OTHER_BASE,
            // API Gateway's words for a path that it does not know.
            (StatusCode::FORBIDDEN, _) if message.contains("Missing Authentication Token") => {
                OTHER_BASE
            }
            (StatusCode::FORBIDDEN, None) => {
                "; pass the API key with `--api-key` or `$LAMED_API_KEY`"
            }
            (StatusCode::FORBIDDEN, Some(_)) => "; check the API key",
            _ => "",
        };
        Failure {
            status: status.as_u16(),
            message: format!(
                "{} answered {}{message}{advice}",
                self.endpoint.base,
                status.as_u16()
            ),
            answered: true,
        }
    }
}

#[async_trait]
impl Wire for Client {
    async fn ask(&self, handler: Handler, query: &[(&str, &str)]) -> Result<String, Failure> {
        let answer = timeout(TIMEOUT, self.exchange(handler, query)).await;
        let answer = answer.map_err(|_| Failure {
            status: StatusCode::GATEWAY_TIMEOUT.as_u16(),
            message: format!(
                "{} did not answer within {} seconds",
                self.endpoint.base,
                TIMEOUT.as_secs()
            ),
            answered: false,
        })?;
        let (status, body) = answer?;
        if status != StatusCode::OK {
            let mut failure = self.refused(status, &body);
            if let Some(right) = self.with_stage(status).await {
                failure.message = format!(
                    "{} answered {}: the API is at {right}: use `--url {right}`",
                    self.endpoint.base,
                    status.as_u16()
                );
            }
            return Err(failure);
        }
        Ok(body)
    }

    fn place(&self) -> &str {
        &self.endpoint.base
    }
}

const OTHER_BASE: &str =
    "; check the base URL: it must end with the stage, for example https://HOST/prod";

fn trusting_nobody() -> ClientConfig {
    ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

fn unreachable(endpoint: &Endpoint, error: &(dyn Error + 'static)) -> String {
    format!(
        "cannot reach {}: {}; check the URL, and that the server runs",
        endpoint.base,
        root(error)
    )
}

/// The innermost cause: "Connection refused" rather than "client error (Connect)".
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    match unwrapped(innermost).downcast_ref() {
        Some(rustls::Error::InvalidMessage(_)) => {
            "the server there does not use HTTPS: try `http://`".to_owned()
        }
        _ => innermost.to_string(),
    }
}

/// What an I/O error was made of, as it is no cause of its own.
fn unwrapped<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let within = error.downcast_ref::<io::Error>();
    match within.and_then(io::Error::get_ref) {
        Some(within) => unwrapped(within),
        None => error,
    }
}
