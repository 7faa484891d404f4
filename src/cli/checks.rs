//! Checks as a table, for `lamed preflight`, `deploy` and `doctor`.

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use terminal_size::terminal_size;

use super::visible::harmless;
use crate::preflight::{Check, Status};

/// Where no terminal says how wide it is.
const WIDTH: u16 = 100;

fn sign(status: Status) -> &'static str {
    match status {
        Status::Ok => "✓",
        Status::Warning => "!",
        Status::Failed => "✗",
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
        table.add_row([sign(check.status), check.check, &found]);
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
