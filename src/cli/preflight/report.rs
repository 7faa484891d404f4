//! Checks, and how they are shown.

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use terminal_size::terminal_size;

use super::harmless;

/// Where no terminal says how wide it is.
const WIDTH: u16 = 100;

/// What one check found, and what to do about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub check: &'static str,
    pub status: Status,
    pub found: String,
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// It may do harm later, or could not be checked.
    Warning,
    /// A deployment would fail, or would not count.
    Failed,
}

impl Check {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(
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

    pub(super) fn failed(
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
    pub(super) fn error(check: &'static str, error: impl ToString) -> Self {
        Self {
            status: Status::Failed,
            ..Self::ok(check, error.to_string())
        }
    }
}

impl Status {
    fn sign(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Failed => "✗",
        }
    }
}

/// A table: a sign, what was checked, what was found and, below it, what to do.
pub(super) fn text<'a>(checks: impl IntoIterator<Item = &'a Check>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(terminal_size().map_or(WIDTH, |(width, _)| width.0));
    for check in checks {
        let remedy = check.remedy.as_ref();
        let found = match remedy {
            None => harmless(&check.found).into_owned(),
            Some(remedy) => format!("{}\n→ {}", harmless(&check.found), harmless(remedy)),
        };
        table.add_row([check.status.sign(), check.check, &found]);
    }
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        let content = line.trim_start();
        let style = match content.chars().next() {
            Some('✓') => AnsiColor::Green.on_default(),
            Some('!') => AnsiColor::Yellow.on_default().bold(),
            Some('✗') => AnsiColor::Red.on_default().bold(),
            _ => Style::new(),
        };
        let sign = content.chars().next().map_or(0, char::len_utf8);
        let indent = line.len() - content.len();
        if style == Style::new() || indent > 1 {
            text.push_str(&format!("{line}\n"));
        } else {
            let (sign, rest) = content.split_at(sign);
            text.push_str(&format!(
                "{}{style}{sign}{style:#}{rest}\n",
                &line[..indent]
            ));
        }
    }
    text
}

/// The names of the checks that failed: `permissions, redis address`.
pub(super) fn failures(checks: &[Check]) -> Option<String> {
    let failed = |check: &&Check| check.status == Status::Failed;
    let names: Vec<&str> = checks
        .iter()
        .filter(failed)
        .map(|check| check.check)
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}
