//! The browser client, compressed once and sent so to those who take it.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;

/// So many documents are kept: the scripts of the present config, and of the one before.
const KEPT: usize = 8;

/// Compressed bodies by the `ETag` of the plain ones, the newest last.
#[derive(Default)]
pub(super) struct Compressed(Mutex<Vec<(String, Arc<[u8]>)>>);

impl Compressed {
    /// Compresses a body that is sent for the first time.
    pub(super) fn of(&self, tag: &str, body: &str) -> Option<Arc<[u8]>> {
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
}

fn gzip(body: &str) -> Option<Arc<[u8]>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.as_bytes()).ok()?;
    encoder.finish().ok().map(Arc::from)
}
