//! What can be wrong with a config file, in one line: where, what, and what to do.

use std::io;
use std::path::Path;

use super::nearest::meant;
use crate::domain::Name;

/// A config file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ConfigError {
    /// The file, with line and column where they are known.
    place: String,
    what: String,
}

impl ConfigError {
    /// What is wrong, without the place.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.what
    }

    pub(super) fn missing(path: &Path) -> Self {
        Self {
            place: format!("`{}`", path.display()),
            what: "file not found: run `lamed configure` to create it".to_owned(),
        }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            place: format!("`{}`", path.display()),
            what: format!("cannot read the file: {error}"),
        }
    }

    pub(super) fn empty(path: &Path) -> Self {
        Self {
            place: path.display().to_string(),
            what: "the file is empty: remove it, then run `lamed configure` to create a new one"
                .to_owned(),
        }
    }

    pub(super) fn no_object(path: &Path) -> Self {
        Self {
            place: path.display().to_string(),
            what: "expected a JSON object: the file must begin with `{`".to_owned(),
        }
    }

    pub(super) fn no_variants(path: &Path, experiment: &Name) -> Self {
        Self {
            place: path.display().to_string(),
            what: format!(
                "`accept` is `declared`, but the experiment `{experiment}` declares no variants: add `variants` to it"
            ),
        }
    }

    pub(super) fn malformed(path: &Path, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json says the place at the end of the text; here it stands at the front.
        let position = format!(" at line {} column {}", error.line(), error.column());
        let what = text.strip_suffix(&position).unwrap_or(&text);
        // The end of a line is column 0 of the next.
        let column = error.column().max(1);
        Self {
            place: format!("{}:{}:{column}", path.display(), error.line()),
            what: reworded(what),
        }
    }
}

/// Puts what serde and serde_json say of a config file into words for its author. Other texts are
/// our own already. A value of the file is not repeated when it is a string: it may be a password.
fn reworded(what: &str) -> String {
    if let Some(key) = unknown_key(what) {
        return key;
    }
    if let Some((found, expected)) = ["invalid type: ", "invalid value: ", "unknown variant "]
        .iter()
        .find_map(|start| what.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        return format!("expected {} but found {}", noun(expected), noun(found));
    }
    if let Some(key) = what.strip_prefix("missing field ") {
        return format!("missing key {key}");
    }
    if let Some(key) = what.strip_prefix("duplicate field ") {
        return format!("duplicate key {key}");
    }
    match what {
        "EOF while parsing an object" => "unexpected end of the file: `}` is missing",
        "EOF while parsing a list" => "unexpected end of the file: `]` is missing",
        "EOF while parsing a string" => "unexpected end of the file: `\"` is missing",
        "EOF while parsing a value" => "unexpected end of the file: a value is missing",
        "trailing comma" => "unexpected comma before this: remove it",
        "trailing characters" => "unexpected text after the end of the object",
        "key must be a string" => "expected a key in double quotes",
        "expected value" | "expected ident" => "expected a value: a string needs double quotes",
        "invalid escape" => "unknown escape in a string: write `\\\\` for a `\\`",
        control if control.starts_with("control character") => {
            "unexpected end of the line in a string: `\"` is missing"
        }
        other => other,
    }
    .to_owned()
}

/// The things of JSON in the words of this page, from those of serde.
fn noun(serde: &str) -> String {
    match serde.split_once(' ') {
        Some(("string", _)) => "a string".to_owned(),
        Some(("integer" | "boolean", value)) => value.to_owned(),
        Some(("floating", rest)) => rest.trim_start_matches("point ").to_owned(),
        Some(("struct", _)) => "an object".to_owned(),
        _ => match serde {
            "map" | "a map" => "an object",
            "sequence" | "a sequence" => "a list",
            "a string" | "path string" => "a string",
            "a boolean" => "true or false",
            "f64" => "a number",
            "u32" => "a whole number from 0 to 4294967295",
            "u64" => "a whole number from 0",
            other => other,
        }
        .to_owned(),
    }
}

/// Puts serde's "unknown field" into our words, with the nearest name that is known.
fn unknown_key(what: &str) -> Option<String> {
    let rest = what.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once("`, expected ")?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    Some(format!("unknown key `{key}`: {}", meant(key, &known)))
}
