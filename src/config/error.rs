//! What can be wrong with a config file, in one line: where, what, and what to do.

use std::io;
use std::path::Path;

/// A config file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ConfigError {
    /// The file, with line and column where they are known.
    place: String,
    what: String,
}

impl ConfigError {
    pub(super) fn missing(path: &Path) -> Self {
        Self {
            place: format!("`{}`", path.display()),
            what: "there is no such file; `lamed configure` makes one".to_owned(),
        }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            place: format!("`{}`", path.display()),
            what: format!("cannot be read: {error}"),
        }
    }

    pub(super) fn malformed(path: &Path, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json says the place at the end of the text; here it stands at the front.
        let position = format!(" at line {} column {}", error.line(), error.column());
        let what = text.strip_suffix(&position).unwrap_or(&text);
        Self {
            place: format!("{}:{}:{}", path.display(), error.line(), error.column()),
            what: unknown_key(what).unwrap_or_else(|| what.to_owned()),
        }
    }
}

/// Puts serde's "unknown field" into our words, with the nearest name that is known.
fn unknown_key(what: &str) -> Option<String> {
    let rest = what.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    Some(match nearest(key, &known) {
        Some(name) => format!("unknown key `{key}`: did you mean `{name}`?"),
        None => format!("unknown key `{key}`: known are `{}`", known.join("`, `")),
    })
}

/// The name most like `word`, if any is like it at all.
fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    (names.iter())
        .map(|name| (strsim::jaro_winkler(word, name), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
