//! The browser client, compressed once and sent so to those who take it.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::ACCEPT_ENCODING;
use hyper::{HeaderMap, Response};

use super::exchange::{response, response_of};
use crate::http::Reply;

/// So many documents are kept: the scripts of the present config, and of the one before.
const KEPT: usize = 8;

/// Compressed bodies by the `ETag` of the plain ones, the newest last.
#[derive(Default)]
pub(super) struct Compressed(Mutex<Vec<(String, Bytes)>>);

impl Compressed {
    /// Compresses a body that is sent for the first time.
    fn of(&self, tag: &str, body: &str) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, compressed)) = kept.iter().find(|(known, _)| known == tag) {
            return Some(compressed.clone());
        }
        let compressed = gzip(body)?;
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((tag.to_owned(), compressed.clone()));
        Some(compressed)
    }

    /// The reply of the browser client as hyper sends it. The compressed form has an `ETag` of its own, as
    /// that stands for exact bytes.
    pub(super) fn response(&self, mut reply: Reply, asked: &HeaderMap) -> Response<Full<Bytes>> {
        let tag = reply.headers.iter_mut().find(|(name, _)| name == "ETag");
        let Some((_, tag)) = tag else {
            return response(reply);
        };
        let mut body = None;
        if takes_gzip(asked) {
            let plain = tag.clone();
            *tag = format!("\"{}-gzip\"", plain.trim_matches('"'));
            if reply.status == 200 {
                body = self.of(&plain, &reply.body);
            }
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
