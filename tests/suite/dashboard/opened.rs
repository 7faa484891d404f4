//! The browser that `lamed dashboard` opens, by one that is none.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tokio::runtime::Runtime;

use super::server;
use crate::cli::home;
use crate::support::line;

/// Follows the file that it is given, writes down what it finds, and ends the dashboard once the file is gone.
const BROWSER: &str = r#"#!/bin/sh
cd "$HOME"
echo "$@" > arguments
file=${1#file://}
stat -c %a "$file" > mode
url=$(sed -n 's/.*content="0; url=\([^"]*\)".*/\1/p' "$file")
echo "$url" > url
curl --silent --header "Authorization: Bearer ${url#*#session=}" "${url%#*}/experiments" > overview
while [ -e "$file" ]; do sleep 0.01; done
kill -TERM $PPID
"#;

#[test]
fn the_browser_finds_the_session_in_a_file_and_nobody_else_sees_it() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(server(&["--api-key", "the-key-of-the-test"]));
    let home = home();
    let browser = home.path().join("browser");
    fs::write(&browser, BROWSER).unwrap();
    fs::set_permissions(&browser, Permissions::from_mode(0o755)).unwrap();
    let base = format!("http://{}/prod", server.address);
    let shown = line(&home, &["dashboard", "--url", &base])
        .env("LAMED_API_KEY", "the-key-of-the-test")
        .env("BROWSER", &browser)
        .run_on_terminal(&[]);
    assert_eq!(shown.code, Some(0), "{shown}");
    let read = |name: &str| fs::read_to_string(home.path().join(name)).unwrap();
    let url = read("url");
    let (_, session) = url.trim().split_once("#session=").unwrap();
    assert!(shown.stdout.contains(url.trim()), "{shown}");
    assert_eq!(session.len(), 32);
    let arguments = read("arguments");
    assert!(
        arguments.starts_with("file:///") && !arguments.contains(session),
        "{arguments}"
    );
    assert_eq!(read("mode"), "600\n");
    let overview: Value = serde_json::from_str(&read("overview")).unwrap();
    assert_eq!(overview["api"], base);
}
