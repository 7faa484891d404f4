//! The browser client, compressed once and sent so to those who take it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::ACCEPT_ENCODING;
use hyper::{HeaderMap, Response};

use super::exchange::{response, response_of};
use crate::http::{BrowserClient, Reply};

/// Compressed bodies by the `ETag` of the plain ones.
#[derive(Default)]
pub(super) struct Compressed(Vec<(String, Bytes)>);

impl Compressed {
    pub(super) fn of(client: Option<&BrowserClient>) -> Self {
        let documents = client.into_iter().flat_map(BrowserClient::documents);
        let gzip = |(tag, body): (&str, &str)| Some((tag.to_owned(), gzip(body)?));
        Self(documents.filter_map(gzip).collect())
    }

    /// The reply of the browser client as hyper sends it. The compressed form has an `ETag` of its own, as
    /// that stands for exact bytes.
    pub(super) fn response(&self, mut reply: Reply, asked: &HeaderMap) -> Response<Full<Bytes>> {
        let tag = reply.headers.iter_mut().find(|(name, _)| name == "ETag");
        let Some((_, tag)) = tag else {
            return response(reply);
        };
        let compressed = self.0.iter().find(|(plain, _)| plain == tag);
        let mut body = None;
        if let Some((plain, compressed)) = compressed.filter(|_| takes_gzip(asked)) {
            *tag = format!("\"{}-gzip\"", plain.trim_matches('"'));
            body = (reply.status == 200).then(|| compressed.clone());
        }
        let mut reply = reply.with("Vary", "Accept-Encoding");
        match body {
            Some(body) => {
                reply.body.clear();
                response_of(reply.with("Content-Encoding", "gzip"), body)
            }
            None => response(reply),
        }
    }
}

fn gzip(body: &str) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.as_bytes()).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3). What is named goes before `*`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter();
    let listed: Vec<(&str, bool)> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let quality = quality.trim().trim_start_matches(['q', 'Q', '=', ' ']);
            (
                name.trim(),
                quality.parse::<f32>().is_ok_and(|quality| quality > 0.0),
            )
        })
        .collect();
    let of = |wanted: &[&str]| {
        let mut named = (listed.iter()).filter(|(name, _)| {
            wanted
                .iter()
                .any(|wanted| name.eq_ignore_ascii_case(wanted))
        });
        named.next().map(|(_, allowed)| *allowed)
    };
    of(&["gzip", "x-gzip"])
        .or_else(|| of(&["*"]))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            takes_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, value)]))
        };
        for yes in [
            "gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, GZIP;q=0.5",
            "*",
            "x-gzip",
        ] {
            assert!(takes(yes), "{yes}");
        }
        for no in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "*, gzip; q=0.000",
            "*;q=0",
        ] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
