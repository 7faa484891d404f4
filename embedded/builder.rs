//! Builds the Lambda bootstrap and zips it: for `build.rs` and for `cargo xtask bootstrap`, which both
//! take this file in as a module.
//!
//! Equal source gives equal bytes, wherever the checkout, the target folder and cargo's home are.

mod elf;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// What the runtime `provided.al2023` has.
const MAX_GLIBC: (u32, u32) = (2, 34);

/// A processor that Lambda offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Lambda's name for it.
    pub name: &'static str,
    /// Linux's and Rust's.
    machine: &'static str,
}

impl Architecture {
    pub const ALL: [Self; 2] = [
        Self {
            name: "x86_64",
            machine: "x86_64",
        },
        Self {
            name: "arm64",
            machine: "aarch64",
        },
    ];

    /// This machine's, where it runs Linux.
    pub fn host() -> Option<Self> {
        let linux = env::consts::OS == "linux";
        let mut all = Self::ALL.into_iter();
        all.find(|architecture| linux && architecture.machine == env::consts::ARCH)
    }

    /// The name of its zip.
    pub fn file(self) -> String {
        format!("bootstrap-{}.zip", self.name)
    }

    fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.machine)
    }
}

/// Builds the bootstrap of the workspace in `workspace` and gives its zip. `scratch` is a folder for
/// cargo to work in, best kept for the next time.
///
/// # Errors
/// When it cannot be built here; in one line.
pub fn build(
    workspace: &Path,
    architecture: Architecture,
    scratch: &Path,
) -> Result<Vec<u8>, String> {
    let workspace = canonical(workspace)?;
    if !workspace.join("embedded/bootstrap/Cargo.toml").exists() {
        return Err(
            "the source of the Lambda function is missing: it is only in the repository".into(),
        );
    }
    let toolchain = Toolchain::find(architecture)?;
    fs::create_dir_all(scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let scratch = canonical(scratch)?;
    compile(&workspace, architecture, &toolchain, &scratch)?;
    let target = architecture.target();
    let executable = scratch.join(target).join("bootstrap/bootstrap");
    let executable =
        fs::read(&executable).map_err(|error| format!("{}: {error}", executable.display()))?;
    elf::check_glibc(&executable, MAX_GLIBC)?;
    zipped(&executable).map_err(|error| format!("cannot zip the Lambda function: {error}"))
}

fn canonical(path: &Path) -> Result<PathBuf, String> {
    fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A Rust compiler that has the target's standard library, and the linker for it.
struct Toolchain {
    rustc: OsString,
    /// `None` is the compiler's own choice.
    linker: Option<OsString>,
}

impl Toolchain {
    fn find(architecture: Architecture) -> Result<Self, String> {
        let target = architecture.target();
        // The compiler in use, else the one of Debian's `rustc-web`.
        let used = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let compilers = [used, "/usr/bin/rustc".into()];
        let chosen = env::var_os(linker_variable(&target));
        let rustc = (compilers.into_iter())
            .find(|rustc| has_target(rustc, &target))
            .ok_or_else(|| {
                format!(
                    "cannot find a Rust compiler for {target}: run `rustup target add {target}`, or on Debian \
                     `apt install rustc-web libstd-rust-web-dev:{}`",
                    if architecture.name == "arm64" { "arm64" } else { "amd64" }
                )
            })?;
        let native = Architecture::host() == Some(architecture);
        let linker = chosen.or((!native).then(|| {
            let machine = architecture.machine;
            format!("{machine}-linux-gnu-gcc").into()
        }));
        if let Some(linker) = &linker {
            let found = output(Command::new(linker).arg("--version")).is_some();
            if !found {
                let package = format!("gcc-{}-linux-gnu", architecture.machine.replace('_', "-"));
                let linker = linker.to_string_lossy();
                return Err(format!(
                    "cannot find the linker `{linker}`: on Debian, run `apt install {package}`"
                ));
            }
        }
        Ok(Self { rustc, linker })
    }

    /// What stands in the compiler's output where its source is meant: the path of its own standard
    /// library's source, where that is installed, reads as where it is not.
    fn source(&self) -> Option<(PathBuf, String)> {
        let sysroot = output(Command::new(&self.rustc).args(["--print", "sysroot"]))?;
        let version = output(Command::new(&self.rustc).arg("-vV"))?;
        let mut lines = version.lines();
        let commit = lines.find_map(|line| line.strip_prefix("commit-hash: "))?;
        let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
        Some((source, format!("/rustc/{commit}")))
    }
}

fn has_target(rustc: &OsString, target: &str) -> bool {
    let libraries =
        output(Command::new(rustc).args(["--print", "target-libdir", "--target", target]));
    let Some(Ok(entries)) = libraries.map(|folder| fs::read_dir(folder.trim())) else {
        return false;
    };
    let mut names = entries.flatten().map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with("libstd-"))
}

/// What a command prints, when it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    (output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn linker_variable(target: &str) -> String {
    let target = target.to_uppercase().replace('-', "_");
    format!("CARGO_TARGET_{target}_LINKER")
}

/// Runs cargo, which may be running around this already: nothing that it or the user set for other
/// builds comes in, and no folder is shared, whose lock both would wait for.
fn compile(
    workspace: &Path,
    architecture: Architecture,
    toolchain: &Toolchain,
    scratch: &Path,
) -> Result<(), String> {
    let target = architecture.target();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace)
        .env_clear()
        .envs(inherited())
        .env("RUSTC", &toolchain.rustc)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rustflags(workspace, toolchain, scratch),
        )
        .env("CARGO_BUILD_BUILD_DIR", scratch)
        .args(["build", "--locked", "--package", "lamed-bootstrap"])
        .args(["--profile", "bootstrap", "--target", &target])
        .arg("--target-dir")
        .arg(scratch)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(linker) = &toolchain.linker {
        command.env(linker_variable(&target), linker);
    }
    let mut child = (command.spawn()).map_err(|error| format!("cannot run cargo: {error}"))?;
    let mut reason = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.starts_with("error") && reason.is_none() {
                reason = Some(line.trim_start_matches("error: ").to_owned());
            }
            eprintln!("{line}");
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    Err(reason.unwrap_or_else(|| format!("cargo failed: {status}")))
}

/// What a build needs of the environment: programs, homes, the way to the network, the C compiler,
/// and the jobserver of a cargo around this one.
fn inherited() -> BTreeMap<String, OsString> {
    const NAMES: [&str; 12] = [
        "PATH",
        "HOME",
        "USER",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CC",
        "AR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSH_AUTH_SOCK",
    ];
    const PREFIXES: [&str; 7] = [
        "RUSTUP_",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
        "CC_",
        "AR_",
    ];
    let proxy = |name: &str| name.to_lowercase().ends_with("_proxy");
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| {
            NAMES.contains(&name.as_str())
                || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                || proxy(name)
        })
        .collect()
}

/// Paths of this machine read the same on all; the last that fits counts.
fn rustflags(workspace: &Path, toolchain: &Toolchain, scratch: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let mut remaps = vec![(workspace.to_owned(), "/lamed".to_owned())];
    // One folder for each registry, named by its address and cargo's version.
    let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    for registry in registries.into_iter().flatten().flatten() {
        remaps.push((registry.path(), "/crates".to_owned()));
    }
    remaps.extend(toolchain.source());
    remaps.push((scratch.to_owned(), "/target".to_owned()));
    let mut flags = OsString::new();
    for (from, to) in remaps {
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
        flags.push("\u{1f}");
    }
    flags.push("-Clink-arg=-Wl,--build-id=none");
    flags
}

/// One entry `bootstrap`, executable, of a fixed date.
fn zipped(executable: &[u8]) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", options)?;
    zip.write_all(executable)?;
    Ok(zip.finish()?.into_inner())
}
