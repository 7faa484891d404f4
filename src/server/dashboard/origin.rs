//! Where a request comes from.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HOST, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;

/// Why a request to sign in is not taken: it may have been sent by a page of another site, in the name of
/// whoever looks at that page. Such a page can send guesses from the owner's own address.
///
/// A browser asks first whether another site may send JSON, and is told nothing; so no old browser sends it.
/// Newer ones also say which site sends it. What sends no such header is no browser.
pub(super) fn not_from_the_page(head: &Parts) -> Option<(StatusCode, &'static str)> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Some((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the `Content-Type` must be `application/json`",
        ));
    }
    let is_own = match (text("sec-fetch-site"), head.headers.get(ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        // Hosts alone are compared: a proxy may pass the host on without its port.
        (None, Some(origin)) => {
            let host = authority(head).map(|authority| authority.host().to_ascii_lowercase());
            let origin = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.split_once("://"));
            let origin = origin.and_then(|(_, authority)| authority.parse::<Authority>().ok());
            host.is_some() && host == origin.map(|origin| origin.host().to_ascii_lowercase())
        }
        (None, None) => true,
    };
    (!is_own).then_some((
        StatusCode::FORBIDDEN,
        "only the dashboard page of this server can sign in",
    ))
}

/// Whom the client asks.
fn authority(head: &Parts) -> Option<Authority> {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    match (head.uri.authority(), host) {
        (Some(authority), _) => Some(authority.clone()),
        (None, Some(host)) => host.parse().ok(),
        (None, None) => None,
    }
}

/// Whether the client means this machine. A page of another site may have its own name lead here,
/// and would be of the same origin then; but it cannot choose another `Host`.
pub(super) fn names_this_machine(head: &Parts) -> bool {
    authority(head).is_some_and(|authority| {
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let address: Option<std::net::IpAddr> = host.parse().ok();
        host.eq_ignore_ascii_case("localhost") || address.is_some_and(|a| a.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn only_the_page_itself_signs_in() {
        let json = ("content-type", "application/json");
        for (headers, status) in [
            (&[json][..], None),
            (&[("content-type", "Application/JSON; charset=utf-8")], None),
            (&[json, ("sec-fetch-site", "same-origin")], None),
            (&[json, ("origin", "https://ab.example.com")], None),
            (&[json, ("origin", "https://AB.example.com:8443")], None),
            // What a form or a page may send without being asked.
            (&[], Some(415)),
            (&[("content-type", "text/plain")], Some(415)),
            (
                &[("content-type", "text/plain; application/json")],
                Some(415),
            ),
            (
                &[("content-type", "application/x-www-form-urlencoded")],
                Some(415),
            ),
            (&[json, ("sec-fetch-site", "cross-site")], Some(403)),
            // A neighbour's page is another's, too.
            (&[json, ("sec-fetch-site", "same-site")], Some(403)),
            (&[json, ("origin", "https://evil.example")], Some(403)),
            (&[json, ("origin", "https://example.com")], Some(403)),
            (&[json, ("origin", "null")], Some(403)),
            (&[json, ("origin", "")], Some(403)),
        ] {
            let request = Request::builder().header(HOST, "ab.example.com");
            let request = headers.iter().fold(request, |r, (n, v)| r.header(*n, *v));
            let (head, ()) = request.body(()).unwrap().into_parts();
            let refused = not_from_the_page(&head).map(|(status, _)| status.as_u16());
            assert_eq!(refused, status, "{headers:?}");
        }
    }
}
