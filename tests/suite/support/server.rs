//! The real binary.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{Client, Deadline};

/// In a server's home: what it writes to stderr.
const STDERR: &str = "stderr.log";

/// The binary with a home of its own and nothing inherited that it reads.
pub fn lamed(home: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lamed"));
    command
        .current_dir(home)
        .env("HOME", home)
        .env_remove("LAMED_CONFIG")
        .env_remove("LAMED_API_KEY")
        .env_remove("VISUAL")
        .env_remove("EDITOR")
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_lowercase();
        if text.starts_with("aws_") || text.ends_with("_proxy") || text == "ssl_cert_file" {
            command.env_remove(name);
        }
    }
    command
}

/// `lamed serve …` on a free port, ended when dropped.
pub struct Server {
    child: Child,
    pub home: TempDir,
    /// `127.0.0.1:PORT`
    pub address: String,
    pub key: String,
    /// The ready line.
    pub ready: Value,
}

impl Server {
    /// Starts it with these arguments after `serve --json` and waits for the ready line.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", arguments)
    }

    pub fn start_at(listen: &str, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::start_in(home, listen, arguments)
    }

    /// With a home that may already hold a config file.
    pub fn start_in(home: TempDir, listen: &str, arguments: &[&str]) -> Self {
        let mut child = lamed(home.path())
            .args(["serve", "--json", "--listen", listen])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(File::create(home.path().join(STDERR)).unwrap())
            .spawn()
            .unwrap();
        let _deadline = Deadline::of(&child);
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line: {}", log(&home)));
        let track_url = ready["track_url"].as_str().unwrap();
        let address = track_url
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/prod/track"))
            .unwrap()
            .to_owned();
        let key = ready["api_key"].as_str().unwrap().to_owned();
        Self {
            child,
            home,
            address,
            key,
            ready,
        }
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        log(&self.home)
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// All experiments of the default namespace, without the element about the scope.
    pub async fn experiments(&self) -> Vec<Value> {
        let headers = [("x-api-key", self.key.as_str())];
        let mut client = self.client();
        let response = client.send("GET", "/prod/experiments", &headers, "").await;
        let Value::Array(mut elements) = response.unwrap().json() else {
            panic!("not an array");
        };
        elements.split_off(1)
    }

    /// Asks it to stop, as a service manager would.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end; what it still wrote to stdout comes along.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let _deadline = Deadline::of(&self.child);
        let mut rest = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut rest).unwrap();
        }
        (self.child.wait().unwrap(), rest)
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a server has written to stderr so far.
fn log(home: &TempDir) -> String {
    fs::read_to_string(home.path().join(STDERR)).unwrap_or_default()
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let last: Vec<String> = log(&self.home)
                .lines()
                .rev()
                .take(20)
                .map(str::to_owned)
                .collect();
            eprintln!(
                "the server's last words, newest first:\n{}",
                last.join("\n")
            );
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
