//! `ETag`: by which a client asks whether it has a document already.

use sha1::{Digest, Sha1};

/// The strong tag of a body, in its quotes.
pub(super) fn of(body: &str) -> String {
    let digest = Sha1::digest(body.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether the header `If-None-Match` names the tag (RFC 9110, 13.1.2): whatever a proxy made of it that
/// compresses (`W/"…"`), and that of the compressed form, `"…-gzip"`.
pub(super) fn names(if_none_match: &str, tag: &str) -> bool {
    let plain = tag.trim_matches('"');
    if_none_match.split(',').map(str::trim).any(|listed| {
        let listed = listed
            .strip_prefix("W/")
            .unwrap_or(listed)
            .trim_matches('"');
        listed == "*" || listed.strip_suffix("-gzip").unwrap_or(listed) == plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_names_what_it_has_in_many_ways() {
        for same in [
            "\"a\"",
            "W/\"a\"",
            "\"x\", \"a\"",
            "\"a-gzip\"",
            "W/\"a-gzip\"",
            "*",
        ] {
            assert!(names(same, "\"a\""), "{same}");
        }
        for other in ["", "\"b\"", "\"ab\"", "\"-gzip\"", "\"a-br\""] {
            assert!(!names(other, "\"a\""), "{other}");
        }
    }
}
