//! The browser client, compressed once and sent so to those who take it.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Reply;

/// So many documents are kept: the scripts of the present config, and of the one before.
const KEPT: usize = 8;

/// Compressed bodies by the `ETag` of the plain ones, the newest last.
#[derive(Default)]
pub(crate) struct Compressed(Mutex<Vec<(String, Arc<[u8]>)>>);

impl Compressed {
    /// Compresses a body that is sent for the first time.
    fn of(&self, tag: &str, body: &str) -> Option<Arc<[u8]>> {
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

    /// The reply of the browser client as it is sent, and its body where that is compressed. The compressed
    /// form has an `ETag` of its own, as that stands for exact bytes.
    pub(crate) fn choose(&self, mut reply: Reply, takes_gzip: bool) -> (Reply, Option<Arc<[u8]>>) {
        let tag = reply.headers.iter_mut().find(|(name, _)| name == "ETag");
        let Some((_, tag)) = tag else {
            return (reply, None);
        };
        let mut body = None;
        if takes_gzip {
            let plain = tag.clone();
            *tag = format!("\"{}-gzip\"", plain.trim_matches('"'));
            if reply.status == 200 {
                body = self.of(&plain, &reply.body);
            }
        }
        let mut reply = reply.with("Vary", "Accept-Encoding");
        if body.is_some() {
            reply.body.clear();
            reply = reply.with("Content-Encoding", "gzip");
        }
        (reply, body)
    }
}

fn gzip(body: &str) -> Option<Arc<[u8]>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.as_bytes()).ok()?;
    encoder.finish().ok().map(Arc::from)
}

/// Whether the lines of `Accept-Encoding` allow gzip (RFC 9110, 12.5.3). What is named goes before `*`.
pub(crate) fn takes_gzip<'a>(lines: impl IntoIterator<Item = &'a str>) -> bool {
    let lines = lines.into_iter();
    let listed: Vec<(&str, bool)> = lines
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
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value| takes_gzip([value]);
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
        assert!(!takes_gzip([]));
    }
}
