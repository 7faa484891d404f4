//! What can be wrong with a config file, in one line: where, what, and what to do.

use std::io;
use std::path::Path;

use super::nearest::nearest;
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
            what: "there is no such file; `lamed configure` makes one".to_owned(),
        }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            place: format!("`{}`", path.display()),
            what: format!("cannot be read: {error}"),
        }
    }

    pub(super) fn empty(path: &Path) -> Self {
        Self {
            place: path.display().to_string(),
            what: "the file is empty; remove it, and `lamed configure` makes one".to_owned(),
        }
    }

    pub(super) fn no_object(path: &Path) -> Self {
        Self {
            place: path.display().to_string(),
            what: "expected a JSON object: the file has to begin with `{`".to_owned(),
        }
    }

    pub(super) fn no_variants(path: &Path, experiment: &Name) -> Self {
        Self {
            place: path.display().to_string(),
            what: format!(
                "`accept` is `declared`, and `{experiment}` declares no variants: name those to count"
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
/// our own already. What stands in the file is not repeated when it is a text: it may be a password.
fn reworded(what: &str) -> String {
    if let Some(key) = unknown_key(what) {
        return key;
    }
    if let Some((found, expected)) = ["invalid type: ", "invalid value: ", "unknown variant "]
        .iter()
        .find_map(|start| what.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        return format!("expected {}, found {}", noun(expected), noun(found));
    }
    if let Some(key) = what.strip_prefix("missing field ") {
        return format!("{key} is missing");
    }
    if let Some(key) = what.strip_prefix("duplicate field ") {
        return format!("{key} stands here a second time");
    }
    match what {
        "EOF while parsing an object" => "the file ends too early: a `}` is missing",
        "EOF while parsing a list" => "the file ends too early: a `]` is missing",
        "EOF while parsing a string" => "the file ends too early: a `\"` is missing",
        "EOF while parsing a value" => "the file ends too early: a value is missing",
        "trailing comma" => "the comma before this is one too many",
        "trailing characters" => "something follows after the end of the object",
        "key must be a string" => "expected a key in double quotes",
        "expected value" | "expected ident" => "expected a value; a text needs double quotes",
        "invalid escape" => "unknown escape in a text; a `\\` itself is written `\\\\`",
        control if control.starts_with("control character") => {
            "a line ends inside a text: a `\"` is missing"
        }
        other => other,
    }
    .to_owned()
}

/// The things of JSON in the words of this page, from those of serde.
fn noun(serde: &str) -> String {
    match serde.split_once(' ') {
        Some(("string", _)) => "a text".to_owned(),
        Some(("integer" | "boolean", value)) => value.to_owned(),
        Some(("floating", rest)) => rest.trim_start_matches("point ").to_owned(),
        Some(("struct", _)) => "an object".to_owned(),
        _ => match serde {
            "map" | "a map" => "an object",
            "sequence" | "a sequence" => "a list",
            "a string" | "path string" => "a text",
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
    Some(match nearest(key, known.iter().copied()) {
        Some(name) => format!("unknown key `{key}`: did you mean `{name}`?"),
        None => format!("unknown key `{key}`: known are `{}`", known.join("`, `")),
    })
}
