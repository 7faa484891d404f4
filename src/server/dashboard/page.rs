//! The page: one document, whose script and style are allowed by their hashes and nothing else is.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::with_headers;
use crate::assets::dashboard::{FRAME, SCRIPT, STYLE};
use crate::http::Reply;
use crate::report::harmless_json;

/// The page without data, and its policy.
static PAGE: LazyLock<(String, String)> = LazyLock::new(|| {
    let of_header = format!("{}; frame-ancestors 'none'", policy("'self'"));
    (document("'self'", ""), of_header)
});

/// The page without data.
pub(super) fn reply() -> Reply {
    let (page, policy) = &*PAGE;
    with_headers(page.clone(), 200, "text/html; charset=utf-8")
        .with("Content-Security-Policy", policy.as_str())
}

/// The page with a snapshot in it, which needs no server.
///
/// # Errors
/// When the snapshot is not JSON.
pub fn of_snapshot(snapshot: &impl Serialize) -> serde_json::Result<String> {
    // No text within may end the element that holds it.
    let json = serde_json::to_string(snapshot)?.replace('<', "\\u003c");
    let json = harmless_json(&json);
    Ok(document("'none'", &json))
}

fn document(connect: &str, snapshot: &str) -> String {
    // The snapshot last: what looks like a place to fill in there is none.
    FRAME
        .replace("{{policy}}", &policy(connect))
        .replace("{{style}}", STYLE)
        .replace("{{script}}", SCRIPT)
        .replace("{{snapshot}}", snapshot)
}

/// What may run and load. A snapshot may load nothing at all.
fn policy(connect: &str) -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src {connect}; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}
