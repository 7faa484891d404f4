//! The life of an experiment, in browsers and in a back end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Deadline, Server, tools};

const LIMIT: Duration = Duration::from_mins(5);

#[test]
fn an_experiment_lives_from_draft_to_archive_without_a_page_or_a_server_touched() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), "{}").unwrap();
    let arguments = ["--store", "embedded", "--api-key", "the key of the test"];
    let server = Server::start_in(home, "127.0.0.1:0", &arguments);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/live.mjs");
    let node = Command::new("node")
        .arg(script)
        .env("LAMED_TEST_TOOLS", tools())
        .env("LAMED", env!("CARGO_BIN_EXE_lamed"))
        .env("LAMED_HOME", server.home.path())
        .env("LAMED_URL", format!("http://{}/prod", server.address))
        .env("LAMED_API_KEY", &server.key)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::within(LIMIT, &node);
    let output = node.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = said.contains("# pass 1\n") || said.contains("ℹ pass 1\n");
    assert!(
        output.status.success() && passed,
        "{said}\n{}",
        server.log()
    );
}
