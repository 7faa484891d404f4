//! The tests of `tests/browser/client` in Chromium, Firefox and WebKitGTK. All tests of a browser share one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Deadline, Server, is_skipped, tools};

/// On a quiet machine each takes a minute or two.
const LIMIT: Duration = Duration::from_mins(10);
const LOADS: &str = "loads.mjs";
/// Without a browser.
const PURE: &str = "assignment.mjs";
/// In Chromium alone: what Vite builds, and the pages of the book, do the same in all browsers.
const ONE_BROWSER: [&str; 2] = ["frameworks.mjs", "pages.mjs"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/client")
}

/// The files that hold tests.
fn files() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_test = |name: &String| {
        let source = fs::read_to_string(folder().join(name)).unwrap();
        source.lines().any(|line| line.starts_with("import test "))
    };
    let mut files: Vec<String> = names.filter(is_test).collect();
    files.sort();
    files
}

/// Runs these files in one browser. All tests pass but those that the browser cannot do. Drivers of browsers stumble at times: a
/// test that fails runs again, and one that fails twice is a failure.
#[track_caller]
fn run(browser: &str, files: &[String], serve: Option<fn() -> Server>) {
    let need = match browser {
        "firefox" => "Firefox",
        "webkit" => "WebKitGTK",
        _ => "Chromium",
    };
    if is_skipped(browser, need) {
        return;
    }
    if let Err(first) = once(browser, files, &[], serve) {
        println!("{first}");
        if let Err(second) = once(browser, files, &failed(&first), serve) {
            panic!("twice:\n{second}");
        }
    }
}

/// The names of the tests that failed.
fn failed(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("not ok "));
    let names = lines.filter_map(|line| line.split_once(" - "));
    names
        .map(|(_, name)| name.replace("\\#", "#").replace("\\\\", "\\"))
        .collect()
}

/// Runs the tests of these names, or all without a name. What they said, if one fails.
fn once(
    browser: &str,
    files: &[String],
    names: &[String],
    serve: Option<fn() -> Server>,
) -> Result<(), String> {
    let server = serve.map(|serve| serve());
    let mut node = Command::new("node");
    for name in names {
        let escaped: String = name
            .chars()
            .flat_map(|c| {
                (!c.is_alphanumeric())
                    .then_some('\\')
                    .into_iter()
                    .chain([c])
            })
            .collect();
        node.arg(format!("--test-name-pattern=^{escaped}$"));
    }
    node.arg(folder().join("matrix.mjs"))
        .args(files)
        .env("LAMED_TEST_TOOLS", tools())
        .env("LAMED_BROWSER", browser)
        .stdout(Stdio::piped());
    if let Some(server) = &server {
        node.env("LAMED_URL", format!("http://{}/prod", server.address))
            .env("LAMED_API_KEY", &server.key);
    }
    let node = node.spawn().unwrap();
    let _deadline = Deadline::within(LIMIT, &node);
    let output = node.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let count = |word: &str| -> u32 {
        let line = said.lines().find_map(|line| line.strip_prefix(word));
        line.map_or(0, |number| number.trim().parse().unwrap())
    };
    match output.status.success() && count("# pass ") > 0 {
        true => Ok(()),
        false => Err(said),
    }
}

fn all_but_loads(browser: &str) {
    let files: Vec<String> = (files().into_iter())
        .filter(|name| ![LOADS, PURE].contains(&name.as_str()))
        .filter(|name| browser == "chromium" || !ONE_BROWSER.contains(&name.as_str()))
        .collect();
    assert!(files.len() >= 5, "{files:?}");
    run(browser, &files, None);
}

/// A real lamed counts. Each load is a new visitor's, who comes once more.
fn loads(browser: &str) {
    let serve = || Server::start(&["--store", "embedded", "--api-key", "the-key-of-the-test"]);
    run(browser, &[LOADS.to_owned()], Some(serve));
}

#[test]
fn assignment_without_a_browser() {
    run("chromium", &[PURE.to_owned()], None);
}

#[test]
fn chromium_does_what_is_promised() {
    all_but_loads("chromium");
}

#[test]
fn firefox_does_what_is_promised() {
    all_but_loads("firefox");
}

#[test]
fn webkit_does_what_is_promised() {
    all_but_loads("webkit");
}

#[test]
fn chromium_loses_and_doubles_nothing_in_300_loads() {
    loads("chromium");
}

#[test]
fn firefox_loses_and_doubles_nothing_in_300_loads() {
    loads("firefox");
}

#[test]
fn webkit_loses_and_doubles_nothing_in_300_loads() {
    loads("webkit");
}
