//! What `packaging` makes for package managers: each package is made of the binary under test, installed into an empty
//! place, and tried there.

mod deb;
mod image;
mod names;
mod npm;
mod wheel;

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::package::files_below;
use crate::support::aws::Aws;
use crate::support::{Client, Line, is_skipped, line, tell_that_skipped};

const VERSION: &str = concat!("lamed ", env!("CARGO_PKG_VERSION"), "\n");

/// Where all that is made lies. One place, made anew in each run: nobody removes what is static.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// The archive of the binary under test; `None` where it cannot include both Lambda functions.
fn archive() -> Option<&'static Path> {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    let mut architectures = ["arm64", "x86_64"].into_iter();
    if architectures.any(|other| is_skipped(other, "cross compiler")) {
        return None;
    }
    let archive = ARCHIVE.get_or_init(|| {
        let binary = folder().join("lamed");
        run(Command::new("strip")
            .arg("-o")
            .args([&binary, Path::new(env!("CARGO_BIN_EXE_lamed"))]));
        let target = format!("{ARCH}-unknown-linux-gnu");
        let mut script = script("archive");
        script.arg(target).arg(folder()).env("LAMED_BINARY", binary);
        PathBuf::from(run(&mut script).trim_end())
    });
    Some(archive)
}

/// A script of `packaging`, quickly.
fn script(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(root.join("packaging").join(name));
    script
        .env("LAMED_COMPRESSION", "1")
        .env("LAMED_GLIBC", "3.0") // this system's
        .env("LAMED_THIRD_PARTY", root.join("LICENSE"))
        .env_remove("SOURCE_DATE_EPOCH");
    script
}

/// The packages that a script makes of the archive; made once.
fn packages(name: &'static str) -> Option<Vec<PathBuf>> {
    static MADE: Mutex<BTreeMap<&str, Vec<PathBuf>>> = Mutex::new(BTreeMap::new());
    let archive = archive()?;
    let mut made = MADE.lock().unwrap();
    let packages = made.entry(name).or_insert_with(|| {
        let made = run(script(name).arg(folder().join(name)).arg(archive));
        made.lines().map(PathBuf::from).collect()
    });
    Some(packages.clone())
}

/// What it wrote to stdout; it has to succeed.
#[track_caller]
fn run(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}\n{stderr}");
    String::from_utf8(stdout).unwrap()
}

/// A lamed that was installed.
struct Installed {
    /// The program and its first arguments.
    command: Vec<String>,
    /// Where it is started.
    folder: PathBuf,
    /// Its home, by the path that it sees.
    home: PathBuf,
    /// The words that make it root's, and what sends it a signal.
    as_root: Vec<&'static str>,
}

impl Installed {
    /// One that needs no more than its path.
    fn at(program: &Path, folder: &Path) -> Self {
        Self {
            command: vec![program.to_str().unwrap().to_owned()],
            folder: folder.to_owned(),
            home: folder.to_owned(),
            as_root: Vec::new(),
        }
    }

    fn line(&self, arguments: &[&str]) -> Line {
        self.of(line(&self.folder, arguments))
    }

    fn of(&self, line: Line) -> Line {
        line.by(&self.command).env("HOME", &self.home)
    }

    /// Tries what its users do first: they ask for the version, count on a server, stop it, and deploy.
    fn works(&self) {
        self.answers();
        for signal in ["-INT", "-TERM"] {
            self.serves_until(signal);
        }
        self.deploys();
    }

    /// As without a package: what is said, and the exit code.
    fn answers(&self) {
        self.line(&["--version"]).gives(0, VERSION, "");
        let wrong = ["--no-such-option"];
        assert_eq!(self.line(&wrong).run(), line(&self.folder, &wrong).run());
    }

    fn serves_until(&self, signal: &str) {
        let store = ["--store", "embedded"];
        let serve = ["serve", "--local", "--json", "--listen", "127.0.0.1:0"];
        let mut server = self.line(&[&serve[..], &store].concat()).start();
        let ready: Value = serde_json::from_str(server.until("\n")).unwrap();
        let url = ready["track_url"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap();
        let (address, path) = address.split_once('/').unwrap();
        let event = format!("/{path}?experiment=e&variant=v&event=participate&uuid=1");
        Runtime::new().unwrap().block_on(async {
            let mut client = Client::new(address);
            for counted in [true, false] {
                let reply = client.get(&event).await;
                assert_eq!(reply.json(), json!({ "counted": counted }));
            }
            assert_eq!(client.get("/prod/lamed.js").await.status, 200);
        });
        let base = url.strip_suffix("/track").unwrap();
        let key = ready["api_key"].as_str().unwrap();
        let results = ["results", "--csv", "--url", base, "--api-key", key];
        let outcome = self.line(&results).run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let pid = match self.as_root.is_empty() {
            true => server.pid().to_string(),
            // sudo keeps signals of its own process group to itself.
            false => youngest(&server.pid().to_string()),
        };
        let kill = [&self.as_root[..], &["kill", signal, &pid]].concat();
        run(Command::new(kill[0]).args(&kill[1..]));
        let outcome = server.end();
        assert_eq!(outcome.code, Some(0), "{signal}: {outcome}");
    }

    /// With the Lambda function that it includes, and nothing in the config.
    fn deploys(&self) {
        let aws = Aws::start();
        let arguments = ["deploy", "--no-preflight", "--yes"];
        let outcome = self.of(aws.line(&self.folder, &arguments)).run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let state = aws.state();
        let function = &state["functions"]["lamed"];
        let url = function["url"]["FunctionUrl"].as_str().unwrap();
        assert!(outcome.stdout.contains(url), "{outcome}");
    }
}

/// The process at the end of a line of children.
fn youngest(pid: &str) -> String {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    match children.split_whitespace().next() {
        Some(child) => youngest(child),
        None => pid.to_owned(),
    }
}

/// What runs a program as root, with the environment that it is given: words before it. `None` where nothing may.
fn as_root() -> Option<Vec<&'static str>> {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        return Some(Vec::new());
    }
    let sudo = Command::new("sudo").args(["-n", "true"]).output();
    if sudo.is_ok_and(|output| output.status.success()) {
        return Some(vec!["sudo", "-n", "-E"]);
    }
    tell_that_skipped("right to become root");
    None
}

/// `man` shows the pages of this folder.
fn manual_is_found(folder: &Path) {
    let mut man = Command::new("man");
    man.arg("--manpath")
        .arg(folder)
        .envs([("LC_ALL", "C.UTF-8"), ("MANPAGER", "cat")]);
    for page in ["lamed", "lamed-serve", "lamed-config"] {
        let text = run(man.arg(page));
        assert!(text.contains("NAME"), "{page}: {text}");
    }
}
