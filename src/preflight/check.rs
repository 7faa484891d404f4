//! What a check says.

use serde::Serialize;

/// What one check found, and what to do about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub check: &'static str,
    pub status: Status,
    pub found: String,
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It may do harm later, or could not be checked.
    Warning,
    /// A deployment would fail, or would not count.
    Failed,
}

impl Check {
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    pub fn warning(
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(check, found)
        }
    }

    pub fn failed(
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Failed,
            ..Self::warning(check, found, remedy)
        }
    }

    /// For errors, which say themselves what to do.
    pub fn error(check: &'static str, error: impl ToString) -> Self {
        Self {
            status: Status::Failed,
            ..Self::ok(check, error.to_string())
        }
    }
}

/// The names of the checks that failed: `permissions, redis address`.
#[must_use]
pub fn failures(checks: &[Check]) -> Option<String> {
    let failed = |check: &&Check| check.status == Status::Failed;
    let names: Vec<&str> = checks
        .iter()
        .filter(failed)
        .map(|check| check.check)
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}
