//! Whom a request asks.

use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{Request, Version};

use crate::http::Reply;

/// What a request gets that does not say clearly whom it asks: a proxy and this server might each take
/// another host. None of it is for any edge.
///
/// Source: RFC 9112, 3.2.
pub(super) fn unclear<B>(request: &Request<B>) -> Option<Reply> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let message = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => "the header `Host` is missing",
        (Some(_), Some(_)) => "the header `Host` must not be repeated",
        (Some(host), None) if !is_host(host.as_bytes()) => {
            "the header `Host` must be a host name or address"
        }
        _ => return None,
    };
    Some(Reply::message(400, message))
}

/// `HOST[:PORT]`, or nothing, where the target has no authority.
fn is_host(value: &[u8]) -> bool {
    value.is_empty() || (!value.contains(&b'@') && Authority::try_from(value).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_one_host() {
        for (version, hosts, is_clear) in [
            (Version::HTTP_11, &["ab.example.com"][..], true),
            (Version::HTTP_11, &["ab_1.example.com:443"], true),
            (Version::HTTP_11, &["[::1]:3000"], true),
            (Version::HTTP_11, &[""], true),
            (Version::HTTP_11, &[], false),
            (Version::HTTP_11, &["a", "a"], false),
            (Version::HTTP_11, &["a", "b"], false),
            (Version::HTTP_11, &["a, b"], false),
            (Version::HTTP_11, &["user@a"], false),
            (Version::HTTP_11, &["a/b"], false),
            (Version::HTTP_11, &["a b"], false),
            // As before there was a `Host`, or where `:authority` names it.
            (Version::HTTP_10, &[], true),
            (Version::HTTP_10, &["a", "b"], false),
            (Version::HTTP_2, &[], true),
            (Version::HTTP_2, &["a", "b"], false),
        ] {
            let request = hosts
                .iter()
                .fold(Request::builder(), |r, host| r.header(HOST, *host));
            let request = request.version(version).body(()).unwrap();
            assert_eq!(
                unclear(&request).is_none(),
                is_clear,
                "{version:?} {hosts:?}"
            );
        }
    }
}
