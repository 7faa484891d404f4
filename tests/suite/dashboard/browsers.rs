//! The page in Firefox and WebKitGTK, and the same in Chromium.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use super::charts::demo;
use super::declared;
use crate::support::{Deadline, is_skipped, tools};

const LIMIT: Duration = Duration::from_mins(3);

/// Does what its reader does. Drivers of browsers stumble at times: what fails runs again, and what fails twice is a failure.
#[track_caller]
fn run(browser: &str, need: &str) {
    if is_skipped(browser, need) {
        return;
    }
    if let Err(first) = once(browser) {
        println!("{first}");
        if let Err(second) = once(browser) {
            panic!("twice:\n{second}");
        }
    }
}

fn once(browser: &str) -> Result<(), String> {
    let runtime = Runtime::new().unwrap();
    let full = demo();
    let experiments = json!({"color": {"variants": {"blue": 1, "red": 1}, "goals": ["clicked"]}});
    let empty = runtime.block_on(declared(experiments, &[]));
    let of = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/dashboard/page.mjs");
    let node = Command::new("node")
        .arg(page)
        .env("LAMED_TEST_TOOLS", tools())
        .env("LAMED_BROWSER", browser)
        .env("LAMED_DASHBOARD", of(&full.ready["dashboard_url"]))
        .env("LAMED_EMPTY", of(&empty.ready["dashboard_url"]))
        .env("LAMED_TRACK", of(&empty.ready["track_url"]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::within(LIMIT, &node);
    let output = node.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let passed = said.contains("\n# pass 4\n");
    (output.status.success() && passed)
        .then_some(())
        .ok_or(said)
}

#[test]
fn the_page_works_in_chromium() {
    run("chromium", "Chromium");
}

#[test]
fn the_page_works_in_firefox() {
    run("firefox", "Firefox");
}

#[test]
fn the_page_works_in_webkit() {
    run("webkit", "WebKitGTK");
}
