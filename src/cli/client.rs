//! The HTTP client for a lamed API.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::CliError;
use super::endpoint::Endpoint;

/// How long a request may take: what API Gateway allows, and a little more.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The body of an error.
#[derive(Deserialize)]
struct Message {
    message: String,
}

/// Sends one request and reads its reply.
pub(super) fn request<T: DeserializeOwned>(
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    query: &[(&str, &str)],
) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(error.to_string()))?;
    let (status, body) = runtime.block_on(async {
        let exchange = exchange(endpoint, method, path, query);
        timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| {
            Err(CliError::failed(format!(
                "{} gave no answer within {TIMEOUT:?}",
                endpoint.base
            )))
        })
    })?;
    if status != StatusCode::OK {
        return Err(refused(endpoint, status, &body));
    }
    serde_json::from_slice(&body).map_err(|error| {
        CliError::failed(format!(
            "what answers at {} is no lamed API: {error}",
            endpoint.base
        ))
    })
}

async fn exchange(
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    query: &[(&str, &str)],
) -> Result<(StatusCode, Bytes), CliError> {
    let unreachable = |error: &dyn Error| {
        CliError::failed(format!("cannot reach {}: {}", endpoint.base, root(error)))
    };
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| unreachable(&error))?
        .https_or_http()
        .enable_http1()
        .build();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}/{path}?{query}", endpoint.base));
    if let Some(key) = &endpoint.key {
        request = request.header("x-api-key", key.reveal());
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|_| CliError::usage("the API key cannot be sent: it holds a control character"))?;
    let client = HyperClient::builder(TokioExecutor::new()).build(connector);
    let response = (client.request(request).await).map_err(|error| unreachable(&error))?;
    let status = response.status();
    let body = (response.into_body().collect().await).map_err(|error| {
        CliError::failed(format!("{} broke off: {}", endpoint.base, root(&error)))
    })?;
    Ok((status, body.to_bytes()))
}

fn refused(endpoint: &Endpoint, status: StatusCode, body: &[u8]) -> CliError {
    let message = serde_json::from_slice(body).map_or_else(
        |_| String::new(),
        |Message { message }| format!(": {message}"),
    );
    let advice = match (status, &endpoint.key) {
        // API Gateway's words for a path that it does not know.
        (StatusCode::FORBIDDEN, _) if message.contains("Missing Authentication Token") => {
            "; is that the base of the API? It ends in the stage, as in https://HOST/prod"
        }
        (StatusCode::FORBIDDEN, None) => "; give the API key by `--api-key` or `$LAMED_API_KEY`",
        (StatusCode::FORBIDDEN, Some(_)) => "; is the API key the right one?",
        _ => "",
    };
    CliError::failed(format!(
        "{} answered {}{message}{advice}",
        endpoint.base,
        status.as_u16()
    ))
}

/// The innermost cause: "Connection refused" rather than "client error (Connect)".
fn root(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
