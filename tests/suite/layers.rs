//! Modules use only the modules below them: this checks the table in `src/lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

const ROOMS: [&str; 12] = [
    "assets",
    "cli",
    "config",
    "deploy",
    "doctor",
    "domain",
    "function",
    "http",
    "preflight",
    "report",
    "server",
    "store",
];

/// Which other modules each module may name. `http`, `config` and `function` see the trait or the settings of
/// `store`, which a path cannot tell; the Lambda bootstrap's crate list will.
const MAY_KNOW: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("assets", &[]),
    ("store", &["domain"]),
    ("function", &["domain", "store"]),
    ("http", &["assets", "domain", "store"]),
    ("config", &["domain", "store", "http"]),
    ("deploy", &["domain"]),
    ("report", &["domain", "http"]),
    ("preflight", &["config", "deploy", "domain", "store"]),
    (
        "doctor",
        &["assets", "config", "domain", "http", "preflight", "report"],
    ),
    ("server", &["domain", "store", "http", "report", "assets"]),
    (
        "cli",
        &[
            "assets",
            "config",
            "deploy",
            "doctor",
            "domain",
            "function",
            "http",
            "preflight",
            "report",
            "server",
            "store",
        ],
    ),
];

/// What the way from the config into `deploy` may name, too; nothing else in that module may.
const FROM_CONFIG_MAY_KNOW: [&str; 5] = ["assets", "config", "function", "http", "store"];

#[test]
fn rooms_know_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for (room, may_know) in MAY_KNOW {
        let files = files_of(room);
        assert!(!files.is_empty(), "{room} has no files");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let from_config = file
                .components()
                .any(|part| part.as_os_str() == "from_config")
                || file.ends_with("deploy/bootstrap.rs");
            for other in ROOMS {
                let named = names(&text, &format!("crate::{other}"));
                let allowed = may_know.contains(&other)
                    || (from_config && FROM_CONFIG_MAY_KNOW.contains(&other));
                if named && other != room && !allowed {
                    wrong.push(format!("{} knows {other}", file.display()));
                }
            }
            if !text.contains("use crate::{") {
                continue;
            }
            wrong.push(format!(
                "{}: name each room on its own line",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn http_knows_no_store_but_the_trait() {
    for file in files_of("http") {
        let text = fs::read_to_string(&file).unwrap();
        for store in [
            "RedisStore",
            "SqliteStore",
            "DynamoDbStore",
            "redis::",
            "rusqlite",
        ] {
            assert!(!text.contains(store), "{} knows {store}", file.display());
        }
    }
}

#[test]
fn domain_uses_the_standard_library_only() {
    for file in files_of("domain") {
        let text = fs::read_to_string(&file).unwrap();
        // Two exceptions: special functions, which all of the statistics take from there, and the hash that
        // draws variants.
        let special_functions = file.ends_with("domain/statistics/special.rs");
        for line in text.lines().map(str::trim_start) {
            let Some(path) = line.strip_prefix("use ").or(line.strip_prefix("pub use ")) else {
                continue;
            };
            let root = path.split("::").next().unwrap();
            assert!(
                ["std", "crate", "super", "self"].contains(&root)
                    || (special_functions && root == "libm")
                    || (file.ends_with("domain/assignment.rs") && root == "sha1")
                    || files_of("domain")
                        .iter()
                        .any(|f| f.file_stem().unwrap() == root),
                "{}: {line}",
                file.display()
            );
        }
    }
}

/// Whether `path` stands in the text as a whole path segment.
fn names(text: &str, path: &str) -> bool {
    (text.match_indices(path)).any(|(at, _)| {
        let after = text[at + path.len()..].chars().next();
        !after.is_some_and(|character| character.is_alphanumeric() || character == '_')
    })
}

fn files_of(room: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let single = source.join(format!("{room}.rs"));
    if single.exists() {
        files.push(single);
    }
    let mut folders = vec![source.join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}
