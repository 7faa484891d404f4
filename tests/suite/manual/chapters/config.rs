//! The config reference, from the schema.

use super::super::schema::{Key, ignored, keys};
use super::{cell, table};

/// The sections, and the key that each is about. The first has those that are about none of them.
const SECTIONS: [(&str, &str); 5] = [
    ("Counting", ""),
    ("experiments", "experiments"),
    ("redis", "redis"),
    ("aws", "aws"),
    ("extra_wiring", "extra_wiring"),
];

pub fn chapter() -> String {
    let schema = lamed::config::schema();
    let keys = keys(schema.as_value());
    let mut chapter = include_str!("config.md").to_owned();
    for (heading, top) in SECTIONS {
        let heading = match top {
            "" => heading.to_owned(),
            top => format!("`{top}`"),
        };
        let rows: Vec<_> = (keys.iter())
            .filter(|key| section(key) == top)
            .map(row)
            .collect();
        chapter += &format!("\n## {heading}\n\n");
        chapter += table(["key", "what", "value", "default"], &rows).trim_end();
        chapter.push('\n');
        if top == "redis" {
            let ignored = ignored(schema.as_value()).join("`, `");
            chapter += &format!(
                "\nlamed accepts these options of redis-py, and ignores them with a warning: `{ignored}`.\n"
            );
        }
    }
    chapter
}

fn section(key: &Key) -> &str {
    let top = key.path.split(['.', '[']).next().unwrap();
    let has_one = SECTIONS.iter().any(|(_, section)| *section == top);
    if has_one { top } else { "" }
}

fn row(key: &Key) -> [String; 4] {
    let required = if key.is_required { " Required." } else { "" };
    let default = key.default.as_ref();
    [
        format!("`{}`", key.path),
        cell(&key.text) + required,
        values(&key.kind),
        default.map_or_else(String::new, |value| format!("`{value}`")),
    ]
}

/// Words as they are, and what is to be written as code.
fn values(kind: &str) -> String {
    let constants = kind.starts_with('"') || kind.starts_with(|c: char| c.is_ascii_digit());
    if constants {
        let each: Vec<_> = kind.split(", ").map(|value| format!("`{value}`")).collect();
        each.join(", ")
    } else {
        kind.to_owned()
    }
}
