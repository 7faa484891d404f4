//! What `lamed deploy` and the Lambda function agree on: the function's settings, which travel in
//! one environment variable.

mod json;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::json::Json;
use crate::domain::{Name, NameError, Secret};
use crate::store::{Counting, RedisSettings, UnreadablePem};

/// The environment variable that holds the [`Settings`].
pub const SETTINGS: &str = "LAMED_SETTINGS";

/// The file beside the function's program that holds the declared experiments, for the functions that need them.
/// They have no room in a variable.
pub const EXPERIMENTS: &str = "experiments.json";

/// The file beside the function's program that holds a script compressed, by the `ETag` of the script: one that is not of
/// the present experiments is not found.
#[must_use]
pub fn compressed(tag: &str) -> String {
    format!("{}.gz", tag.trim_matches('"'))
}

/// The longest JSON, in bytes. Lambda allows 4 KB (4,096 bytes) for the names and values of all
/// variables of a function together ("Lambda quotas", AWS documentation).
const MAX_BYTES: usize = 4000;

/// All that the Lambda function has to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub store: Store,
    /// What requests mean that name no namespace.
    pub namespace: Name,
    /// Whether events of crawlers are not counted.
    pub ignore_bots: bool,
    /// What the function behind a function URL has to know beside.
    pub door: Option<Door>,
}

/// Where a function counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Store {
    Redis(RedisSettings),
    /// A table of DynamoDB in the function's region.
    DynamoDb {
        table: String,
        counting: Counting,
        timeout: Duration,
    },
}

impl Store {
    /// How events are counted.
    #[must_use]
    pub fn counting(&self) -> Counting {
        match self {
            Self::Redis(redis) => redis.counting,
            Self::DynamoDb { counting, .. } => *counting,
        }
    }
}

/// What no gateway does for the function behind a function URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Door {
    /// The API key, which reading and deleting require.
    pub key: Secret,
    /// The routes beside those that every deployment has.
    pub routes: Vec<ExtraRoute>,
}

/// The API key in the settings of a function behind a function URL, whatever build wrote them.
#[must_use]
pub fn key_in(settings: &Secret) -> Option<Secret> {
    let settings: serde_json::Value = serde_json::from_str(settings.reveal()).ok()?;
    settings["door"]["key"].as_str().map(Secret::new)
}

/// Whether a function with these settings counts in a table of DynamoDB, whatever build wrote them.
#[must_use]
pub fn counts_in_a_table(settings: &Secret) -> Option<bool> {
    let settings: serde_json::Value = serde_json::from_str(settings.reveal()).ok()?;
    Some(settings["table"].is_string())
}

/// A route as `extra_wiring` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraRoute {
    pub path: String,
    /// `GET`
    pub method: String,
    /// `lamed.track`
    pub handler: String,
    pub key_required: bool,
}

/// Why settings cannot be written for a function, or read by it. Never repeats a value: any of
/// them may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Pem(#[from] UnreadablePem),
    #[error(
        "the settings of the function need {0} bytes, but Lambda allows {MAX_BYTES}: use short certificates, \
         for example with elliptic curves"
    )]
    TooLong(usize),
    #[error("a path in the settings is not UTF-8")]
    Path,
    #[error("{SETTINGS} is not the JSON that `lamed deploy` writes (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error("{SETTINGS}: the namespace {0}")]
    Namespace(#[from] NameError),
    #[error("{SETTINGS} names no store")]
    NoStore,
    #[error("{SETTINGS}: a time is negative or too long")]
    Time,
}

impl Settings {
    /// The settings as compact JSON, PEM files by their text.
    ///
    /// # Errors
    /// When a PEM file cannot be read, or the JSON has no room in a function's environment.
    pub fn to_json(&self) -> Result<Secret, SettingsError> {
        let json = serde_json::to_string(&Json::of(self)?).map_err(|_| SettingsError::Path)?;
        if json.len() > MAX_BYTES {
            return Err(SettingsError::TooLong(json.len()));
        }
        Ok(Secret::new(json))
    }

    /// Reads what [`Settings::to_json`] wrote. Keys that are not known are ignored: while a deploy is
    /// under way an older function may be given the settings of a newer one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_json(json: &str) -> Result<Self, SettingsError> {
        let json: Json = serde_json::from_str(json).map_err(|error| SettingsError::Json {
            line: error.line(),
            column: error.column(),
        })?;
        json.settings()
    }
}

#[cfg(test)]
mod tests;
