//! The body of a request as it is read, and a reply as it is sent.

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Response, StatusCode};
use tokio::time::timeout;

use super::Limits;
use crate::http::Reply;

/// Why there is no whole body.
pub(super) enum BodyError {
    TooLarge,
    /// The client broke off, or was too slow: most likely nobody reads the answer.
    Incomplete,
}

/// Reads a body within the limits.
pub(super) async fn read_body(body: Incoming, limits: &Limits) -> Result<Bytes, BodyError> {
    match timeout(limits.body_time, Limited::new(body, limits.body).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) | Err(_) => Err(BodyError::Incomplete),
    }
}

/// A reply as hyper sends it.
pub(super) fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    builder
        .body(Full::new(Bytes::from(reply.body)))
        .unwrap_or_else(|error| {
            tracing::error!(%error, "a reply could not be sent");
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
}
