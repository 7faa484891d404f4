//! What ends a command early.

use std::fmt;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::deploy::{AwsError, SetupError};
use crate::report::Failure;

/// One line for the person at the terminal: what is wrong, where, what to do.
#[derive(Debug)]
pub enum CliError {
    /// The command line or the config has to change.
    Usage(String),
    /// The work failed.
    Failed(String),
}

impl CliError {
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for CliError {}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<getrandom::Error> for CliError {
    fn from(error: getrandom::Error) -> Self {
        Self::Failed(format!("cannot get random bytes from the system: {error}"))
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.message)
    }
}

impl From<AwsError> for CliError {
    fn from(error: AwsError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<SetupError> for CliError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Usage(message) => Self::Usage(message),
            SetupError::NoFunction(message) => Self::Failed(message),
        }
    }
}
