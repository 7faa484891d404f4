//! The bootstrap as Lambda runs it: under cargo-lambda's Runtime API, frozen between invocations.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use lamed::function::{EXPERIMENTS, SETTINGS, Settings, Store};
use lamed::http::Handler;
use lamed::http::gateway::FunctionError;
use lamed::server::Invoke;
use lamed::store::RedisSettings;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::{Client, Clock, free_port, name, tools};

/// How long an invocation may take.
const LIMIT: Duration = Duration::from_mins(1);

/// An unpacked bootstrap that runs here, by qemu where it is another machine's.
pub struct Executable {
    folder: TempDir,
    architecture: &'static str,
    environment: Vec<(&'static str, OsString)>,
}

impl Executable {
    /// The one that is compiled into lamed; `None`, with a loud word, where `tests/run` found that
    /// this machine cannot build it.
    pub fn embedded(architecture: &'static str) -> Option<Self> {
        if super::is_skipped(architecture, "cross compiler") {
            return None;
        }
        let zip = lamed::assets::bootstrap(architecture);
        let zip = zip.expect("no bootstrap is embedded: `tests/run` builds them");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bootstrap.zip"), zip).unwrap();
        let executable = Self {
            folder,
            architecture,
            environment: Vec::new(),
        };
        executable.unzip();
        Some(executable)
    }

    /// This machine's architecture.
    pub const NATIVE: &str = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };

    /// The one for this machine.
    pub fn native() -> Option<Self> {
        Self::embedded(Self::NATIVE)
    }

    /// Its time of day is the clock's from now on.
    pub fn by(mut self, clock: &Clock) -> Self {
        let compiler = if self.is_native() {
            "cc".to_owned()
        } else {
            format!("{}-linux-gnu-gcc", self.machine())
        };
        self.environment = clock.environment(&compiler);
        self
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("bootstrap")
    }

    /// Python unpacks it: somebody else's idea of a zip.
    fn unzip(&self) {
        const UNZIP: &str =
            "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
        let python = Command::new(tools().join("venv/bin/python"))
            .args(["-c", UNZIP])
            .arg(self.folder.path().join("bootstrap.zip"))
            .arg(self.folder.path())
            .status();
        assert!(python.unwrap().success());
        fs::set_permissions(self.path(), Permissions::from_mode(0o755)).unwrap();
    }

    /// Linux's name of its architecture.
    fn machine(&self) -> &'static str {
        match self.architecture {
            "arm64" => "aarch64",
            machine => machine,
        }
    }

    fn is_native(&self) -> bool {
        self.architecture == Self::NATIVE
    }

    /// Runs it with nothing in its environment but what a function has.
    pub fn command(&self) -> Command {
        let machine = self.machine();
        let mut command = if self.is_native() {
            Command::new(self.path())
        } else {
            let mut qemu = Command::new(format!("qemu-{machine}-static"));
            qemu.args(["-L", &format!("/usr/{machine}-linux-gnu")]);
            qemu.arg(self.path());
            qemu
        };
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }
}

/// The functions of a deployment, in their order: `lamed.track` and so on.
const FUNCTIONS: [&str; 5] = ["track", "all", "experiment", "delete", "client"];

/// A deployment's functions over one store.
pub struct Lambda {
    runtime_api: Child,
    address: String,
    folder: TempDir,
    functions: Vec<Mutex<Process>>,
}

impl Lambda {
    /// What is beside the functions: nothing is declared.
    const DECLARED: &str = r#"{"declared_only":false,"experiments":[]}"#;

    pub async fn start(executable: &Executable, redis: RedisSettings) -> Self {
        Self::over(executable, Store::Redis(redis), &[]).await
    }

    /// Over any store, with these variables beside those of Lambda.
    pub async fn over(executable: &Executable, store: Store, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let runtime_api = start_runtime_api(folder.path(), &address);
        // It says nothing when it listens.
        while TcpStream::connect(&address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let namespace = name("alephbet");
        let settings = Settings {
            store,
            namespace,
            ignore_bots: true,
            door: None,
        };
        let settings = settings.to_json().unwrap();
        fs::write(folder.path().join(EXPERIMENTS), Self::DECLARED).unwrap();
        let start = |function: &&str| {
            let mut command = executable.command();
            command
                .env("_HANDLER", format!("lamed.{function}"))
                .env("AWS_LAMBDA_FUNCTION_NAME", function)
                .env(
                    "AWS_LAMBDA_RUNTIME_API",
                    format!("http://{address}/.rt/{function}"),
                )
                .env(SETTINGS, settings.reveal())
                .env("LAMBDA_TASK_ROOT", folder.path())
                .envs(variables.iter().copied())
                .stdout(Stdio::null())
                .stderr(File::create(folder.path().join(function)).unwrap());
            Mutex::new(Process(command.spawn().unwrap()))
        };
        let lambda = Self {
            functions: FUNCTIONS.iter().map(start).collect(),
            runtime_api,
            address,
            folder,
        };
        for function in FUNCTIONS {
            // Needs no Redis, and waits until the function is there.
            let preflight = lambda.invoke(function, r#"{"httpMethod": "OPTIONS"}"#);
            assert_eq!(preflight.await.unwrap()["statusCode"], 200);
        }
        lambda
    }

    /// Invokes a function with any text; what it answers, or its error as Lambda reports it.
    pub async fn invoke(&self, function: &str, event: &str) -> Result<Value, Value> {
        let position = FUNCTIONS.iter().position(|name| *name == function).unwrap();
        let mut process = self.functions[position].lock().await;
        process.thaw();
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let mut client = Client::new(&self.address);
        let response = tokio::time::timeout(LIMIT, client.post(&path, event)).await;
        let response = response.unwrap_or_else(|_| {
            panic!(
                "{function} gave no answer to {event}: {}",
                self.log(function)
            )
        });
        process.freeze();
        match response.status {
            200 => Ok(response.json()),
            _ => Err(response.json()),
        }
    }

    /// The process of a function: the same as long as the function lives.
    pub async fn pid(&self, function: &str) -> u32 {
        let position = FUNCTIONS.iter().position(|name| *name == function).unwrap();
        self.functions[position].lock().await.0.id()
    }

    /// What a function has logged.
    pub fn log(&self, function: &str) -> String {
        fs::read_to_string(self.folder.path().join(function)).unwrap()
    }
}

/// The functions behind a gateway.
#[async_trait]
impl Invoke for Lambda {
    async fn invoke(&self, handler: Handler, event: Value) -> Result<Value, FunctionError> {
        let function = match handler {
            Handler::Track => "track",
            Handler::AllExperiments => "all",
            Handler::OneExperiment => "experiment",
            Handler::Delete => "delete",
            Handler::Client => "client",
            Handler::Evaluate => "evaluate",
        };
        let answer = Self::invoke(self, function, &event.to_string()).await;
        answer.map_err(|error| FunctionError(error["errorMessage"].to_string()))
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for function in FUNCTIONS {
                eprintln!("the log of {function}:\n{}", self.log(function));
            }
        }
        let _ = self.runtime_api.kill();
        let _ = self.runtime_api.wait();
    }
}

/// A process that runs only while it is needed: this Runtime API answers `/next` at once with nothing,
/// and Lambda freezes a function between two invocations, too.
struct Process(Child);

impl Process {
    fn freeze(&self) {
        self.signal("-STOP");
    }

    fn thaw(&mut self) {
        let ended = self.0.try_wait().unwrap();
        assert_eq!(ended, None, "the function ended");
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        let kill = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(kill.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// cargo-lambda takes the names of functions from a project's.
fn start_runtime_api(folder: &Path, address: &str) -> Child {
    let mut manifest =
        "[package]\nname = \"functions\"\nedition = \"2024\"\n[workspace]\n".to_owned();
    for function in FUNCTIONS {
        manifest += &format!("[[bin]]\nname = \"{function}\"\npath = \"main.rs\"\n");
    }
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("main.rs"), "fn main() {}").unwrap();
    let (host, port) = address.split_once(':').unwrap();
    Command::new(tools().join("venv/bin/cargo-lambda"))
        .args([
            "lambda",
            "watch",
            "--only-lambda-apis",
            "-A",
            host,
            "-P",
            port,
        ])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("cargo-lambda: `tests/run` installs it")
}
