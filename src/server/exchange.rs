//! A reply as it is sent.

use std::borrow::Cow;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::Error;
use hyper::{Response, StatusCode};

use crate::http::Reply;

/// A reply as hyper sends it.
pub(super) fn response(mut reply: Reply) -> Response<Full<Bytes>> {
    let body = Bytes::from(std::mem::take(&mut reply.body));
    response_of(reply, body)
}

/// The same with another body.
pub(super) fn response_of(reply: Reply, body: Bytes) -> Response<Full<Bytes>> {
    try_response(reply, body).unwrap_or_else(|error| {
        tracing::error!(%error, "cannot send a reply");
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn try_response(reply: Reply, body: Bytes) -> Result<Response<Full<Bytes>>, Error> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(reply.status)?;
    let headers = response.headers_mut();
    headers.reserve(reply.headers.len());
    for (name, value) in reply.headers {
        headers.append(header_name(&name)?, header_value(value)?);
    }
    Ok(response)
}

/// Those of most replies are known without parsing.
fn header_name(name: &str) -> Result<HeaderName, Error> {
    Ok(match name {
        "Access-Control-Allow-Origin" => header::ACCESS_CONTROL_ALLOW_ORIGIN,
        "Cache-Control" => header::CACHE_CONTROL,
        "Content-Type" => header::CONTENT_TYPE,
        "Pragma" => header::PRAGMA,
        _ => name.parse::<HeaderName>()?,
    })
}

fn header_value(value: Cow<'static, str>) -> Result<HeaderValue, Error> {
    Ok(HeaderValue::from_maybe_shared(match value {
        Cow::Borrowed(value) => Bytes::from_static(value.as_bytes()),
        Cow::Owned(value) => Bytes::from(value),
    })?)
}
