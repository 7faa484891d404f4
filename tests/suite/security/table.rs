//! The table itself: every row names a test, and every test that is named exists.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_row_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let rows: Vec<&str> = (page.lines())
        .filter(|line| line.starts_with("| ") && !line.starts_with("| attempt |"))
        .collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let tests = row
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            wrong.push(format!("no test: {row}"));
        }
        let missing = names.iter().filter(|name| !exists(root, name));
        wrong.extend(missing.map(|name| format!("there is no test {name}: {row}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether there is a test of this path: in the suite, or else beside what it tests.
fn exists(root: &Path, name: &str) -> bool {
    let (path, function) = name.rsplit_once("::").unwrap_or(("", name));
    let (folder, path) = match path.strip_suffix("::tests") {
        Some(path) => ("src", path),
        None => ("tests/suite", path),
    };
    let path = root.join(folder).join(path.replace("::", "/"));
    let files = [
        path.with_extension("rs"),
        path.join("mod.rs"),
        path.join("tests.rs"),
    ];
    files.iter().any(|file| holds(file, function))
}

/// Whether the function stands there right below a line that makes it a test.
fn holds(file: &PathBuf, function: &str) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| {
        let is_test = pair[0].starts_with("#[test]") || pair[0].starts_with("#[tokio::test");
        let declared = pair[1].strip_prefix("async ").unwrap_or(pair[1]);
        is_test && declared == format!("fn {function}() {{")
    })
}
