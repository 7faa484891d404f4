//! Chromium, driven by `tests/browser/driver.mjs`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Dialogue, tools};

pub struct Browser(Dialogue);

impl Browser {
    pub fn start() -> Self {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/driver.mjs");
        let mut node = Command::new("node");
        Self(Dialogue::start(
            node.arg(driver).env("LAMED_TEST_TOOLS", tools()),
        ))
    }

    /// Does what the command says, which must not fail.
    #[track_caller]
    pub fn ask(&mut self, command: Value) -> Value {
        let answer = self.0.ask(&command);
        assert_eq!(answer["error"], Value::Null, "{command}");
        answer
    }
}
