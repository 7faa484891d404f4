//! The one place that knows the secrets of a run, and keeps them out of all that lamed says.
//!
//! What others say, AWS or a Redis, can repeat what it was sent. [`super::printer`] and [`super::log`] write nothing
//! that did not come through [`masked`].

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};

use crate::domain::Secret;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// A shorter text is no secret that could be told from ordinary words.
const SHORTEST: usize = 6;

/// As they would show: as they are, and as JSON writes them. Longer ones first, since one may be part of another.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From now on this secret is masked.
pub(super) fn know(secret: &Secret) {
    let text = secret.reveal();
    if text.len() < SHORTEST {
        return;
    }
    let mut shapes = vec![text.to_owned()];
    for _ in 0..2 {
        // A JSON document may stand in another one as a text.
        let quoted = serde_json::Value::from(shapes[shapes.len() - 1].as_str()).to_string();
        shapes.push(quoted[1..quoted.len() - 1].to_owned());
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.extend(shapes);
    known.sort_by_key(|shape| std::cmp::Reverse(shape.len()));
    known.dedup();
}

/// The text without the secrets that are known.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut text = Cow::Borrowed(text);
    for secret in known.iter() {
        if text.contains(secret.as_str()) {
            text = Cow::Owned(text.replace(secret.as_str(), MASK));
        }
    }
    text
}

/// Standard error for logs. Each line comes whole.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().write_all(masked(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_is_masked_in_every_shape() {
        let secret = r#"pass"word \ of this test"#;
        know(&Secret::new(secret));
        let once = serde_json::json!({"password": secret}).to_string();
        let twice = serde_json::json!({"settings": once}).to_string();
        assert_eq!(masked(&format!("it is {secret}!")), "it is ***!");
        assert_eq!(masked(&once), r#"{"password":"***"}"#);
        assert_eq!(masked(&twice), r#"{"settings":"{\"password\":\"***\"}"}"#);
        know(&Secret::new("short"));
        know(&Secret::new(""));
        assert_eq!(masked("short"), "short");
    }
}
