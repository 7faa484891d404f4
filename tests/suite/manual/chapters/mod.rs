//! The chapters of the book that are made from the program: each begins with what was written by hand
//! beside this file.

mod commands;
mod config;
mod http;

use std::collections::BTreeMap;

const NOTE: &str = "<!-- Made by `cargo xtask man`. Edit tests/suite/manual/chapters, or the source of the text. -->\n";

/// The chapters by file.
pub fn pages() -> BTreeMap<String, String> {
    [
        ("docs/config.md", config::chapter()),
        ("docs/commands.md", commands::chapter()),
        ("docs/http-api.md", http::chapter()),
    ]
    .map(|(file, text)| (file.to_owned(), NOTE.to_owned() + text.trim_end() + "\n"))
    .into()
}

/// Text as a cell of a table: in one line, and with no end of the cell in it.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "\\<")
}

/// A table with these heads. Empty without rows.
fn table<const COLUMNS: usize>(heads: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = format!("| {} |\n|{}\n", heads.join(" | "), "---|".repeat(COLUMNS));
    for row in rows {
        table += &format!("| {} |\n", row.join(" | "));
    }
    table + "\n"
}
