//! A reply as it is sent.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};

use crate::http::Reply;

/// A reply as hyper sends it.
pub(super) fn response(mut reply: Reply) -> Response<Full<Bytes>> {
    let body = Bytes::from(std::mem::take(&mut reply.body));
    response_of(reply, body)
}

/// The same with another body.
pub(super) fn response_of(reply: Reply, body: Bytes) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(body)).unwrap_or_else(|error| {
        tracing::error!(%error, "cannot send a reply");
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
