//! What `lamed deploy` and the Lambda function agree on: the function's settings, which travel in
//! one environment variable.

mod json;

use json::Json;

use crate::domain::{Accept, DeclaredVariants, Name, NameError, Secret};
use crate::store::{RedisSettings, UnreadablePem};

/// The environment variable that holds the [`Settings`].
pub const SETTINGS: &str = "LAMED_SETTINGS";

/// The file beside the function's program that holds the config of the browser client, for the functions that
/// serve it. It has no room in a variable.
pub const EXPERIMENTS: &str = "experiments.json";

/// The longest JSON, in bytes. Lambda allows 4 KB (4,096 bytes) for the names and values of all
/// variables of a function together ("Lambda quotas", AWS documentation).
const MAX_BYTES: usize = 4000;

/// All that the Lambda function has to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub redis: RedisSettings,
    /// What requests mean that name no namespace.
    pub namespace: Name,
    pub accept: Accept,
    /// The variants that `max_variants` is not for. Where only declared ones are accepted it is for none,
    /// and they need not be said again.
    pub declared: DeclaredVariants,
    /// Whether events of crawlers are not counted.
    pub ignore_bots: bool,
}

/// Why settings cannot be written for a function, or read by it. Never repeats a value: any of
/// them may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Pem(#[from] UnreadablePem),
    #[error(
        "the settings of the function need {0} bytes, but Lambda allows {MAX_BYTES}: use short certificates, \
         for example with elliptic curves; with `\"accept\": \"declared\"`, declare fewer experiments"
    )]
    TooLong(usize),
    #[error("a path in the settings is not UTF-8")]
    Path,
    #[error("{SETTINGS} is not the JSON that `lamed deploy` writes (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error("{SETTINGS}: the namespace {0}")]
    Namespace(#[from] NameError),
    #[error("{SETTINGS}: a time is negative or too long")]
    Time,
}

impl Settings {
    /// The settings as compact JSON, PEM files by their text. Declared variants that have no room are
    /// left out.
    ///
    /// # Errors
    /// When a PEM file cannot be read, or the JSON has no room in a function's environment.
    pub fn to_json(&self) -> Result<Secret, SettingsError> {
        let text = |json: &Json| serde_json::to_string(json).map_err(|_| SettingsError::Path);
        let mut shape = Json::of(self)?;
        let mut json = text(&shape)?;
        if json.len() > MAX_BYTES && !shape.variants.is_empty() {
            // Without them `max_variants` is for all: that is better than no function.
            shape.variants.clear();
            json = text(&shape)?;
        }
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
