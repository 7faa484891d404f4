//! The crate as it is published: what is in it, and that it stands alone. And what its dependencies
//! ask of a compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const ZIPS: [&str; 2] = [
    "embedded/prebuilt/bootstrap-arm64.zip",
    "embedded/prebuilt/bootstrap-x86_64.zip",
];

/// Packaged as a person would who publishes it.
#[test]
fn the_crate_holds_what_it_takes_and_nothing_else() {
    let clone = Clone::new();
    for zip in ZIPS {
        clone.write(zip, zip);
    }
    // Ignored by git, and by the package as well.
    clone.write("target/debug/lamed", "a binary");
    clone.write("tests/oracle/__pycache__/oracle.pyc", "junk");
    let unpacked = clone.package(clone.script());

    let files = files_below(&unpacked);
    let made = [".cargo_vcs_info.json", "Cargo.toml", "Cargo.toml.orig"];
    for file in &files {
        let known = clone.tracked.contains(file) || ZIPS.contains(&file.as_str());
        assert!(known || made.contains(&file.as_str()), "stray: {file}");
    }
    for zip in ZIPS {
        assert_eq!(fs::read_to_string(unpacked.join(zip)).unwrap(), zip);
    }
    let missing = missing_inclusions(&unpacked);
    assert!(
        missing.is_empty(),
        "compiled in, but not there: {missing:?}"
    );
    let fixture = root().join("fixtures/package.txt");
    let (expected, actual) = (fs::read_to_string(&fixture).unwrap(), summary(&files));
    assert!(
        actual == expected,
        "not as in fixtures/package.txt, but:\n{actual}"
    );
}

#[test]
fn a_crate_is_not_published_in_disorder() {
    let clone = Clone::new();
    clone.write(ZIPS[0], "zip");
    let refusal = |expected: &str| {
        let output = clone.script().output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(1), expected));
    };
    refusal(&format!(
        "error: {} is missing: run `cargo xtask bootstrap`\n",
        ZIPS[1]
    ));
    clone.write(ZIPS[1], "zip");
    clone.write("src/notes.txt", "junk");
    refusal("error: not committed:\n?? src/notes.txt\n");
}

/// Nobody who has yet to build the Lambda functions is kept from trying.
#[test]
fn a_crate_without_functions_can_be_packaged() {
    let clone = Clone::new();
    let mut plain = cargo(clone.folder.path());
    plain.args(["package", "--package=lamed", "--locked"]);
    let files = files_below(&clone.package(plain));
    assert!(files.contains("embedded/builder.rs"));
    assert!(!files.iter().any(|file| file.ends_with(".zip")));
}

#[test]
fn no_dependency_asks_for_a_newer_compiler() {
    let host = String::from_utf8(run(Command::new("rustc").arg("-vV"))).unwrap();
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let metadata = run(cargo(root()).args([
        "metadata",
        "--locked",
        "--offline",
        "--format-version=1",
        "--filter-platform",
        host,
    ]));
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let asked: BTreeMap<String, Vec<u32>> = (packages.iter())
        .filter_map(|package| {
            let version = package["rust_version"].as_str()?;
            let numbers = version.split('.').map(|number| number.parse().unwrap());
            let name = format!("{} {}", package["name"], package["version"]);
            Some((name.replace('"', ""), numbers.collect()))
        })
        .collect();
    let ours = &asked[concat!("lamed ", env!("CARGO_PKG_VERSION"))];
    let newer: Vec<_> = asked
        .iter()
        .filter(|(_, version)| *version > ours)
        .collect();
    assert!(
        newer.is_empty(),
        "newer than `rust-version` {ours:?}: {newer:?}"
    );
    assert!(
        asked.len() > 200,
        "only {} packages say a version",
        asked.len()
    );
}

/// A repository of its own, committed.
struct Clone {
    folder: TempDir,
    tracked: BTreeSet<String>,
}

impl Clone {
    fn new() -> Self {
        let clone = Self {
            folder: tempfile::tempdir().unwrap(),
            tracked: tracked(),
        };
        for file in &clone.tracked {
            let copy = clone.path(file);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(root().join(file), copy).unwrap();
        }
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "all"],
        ] {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
                .args(arguments)
                .current_dir(clone.folder.path())
                .env("GIT_CONFIG_GLOBAL", "/dev/null");
            run(&mut git);
        }
        clone
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// `packaging/crate package`
    fn script(&self) -> Command {
        let mut script = Command::new(self.folder.path().join("packaging/crate"));
        script.arg("package").env_remove("CARGO_TARGET_DIR");
        script
    }

    /// The folder in which the crate was unpacked that this command makes.
    fn package(&self, mut command: Command) -> PathBuf {
        let target = self.folder.path().join("target");
        run(command
            .args(["--no-verify", "--offline", "--target-dir"])
            .arg(&target));
        let name = concat!("lamed-", env!("CARGO_PKG_VERSION"));
        let folder = target.join("package");
        run(Command::new("tar")
            .arg("-xzf")
            .arg(folder.join(format!("{name}.crate")))
            .arg("-C")
            .arg(&folder));
        folder.join(name)
    }
}

/// What is committed here, or would be.
pub fn tracked() -> BTreeSet<String> {
    let list = run(Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root()));
    let list = String::from_utf8(list).unwrap();
    let files = list.split_terminator('\0').map(str::to_owned);
    files.filter(|file| root().join(file).exists()).collect()
}

/// The files by their paths in the folder.
pub fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(
                    path.strip_prefix(folder)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    files
}

/// A line for each file, and for folders that grow, one for each kind of file in them.
fn summary(files: &BTreeSet<String>) -> String {
    let line = |file: &String| {
        let grows = ["docs/", "embedded/dashboard/", "man/", "src/"];
        let Some(folder) = grows.iter().find(|folder| file.starts_with(*folder)) else {
            return format!("{file}\n");
        };
        format!("{folder}**.{}\n", file.rsplit('.').next().unwrap())
    };
    files
        .iter()
        .map(line)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// What sources here compile in by `include_str!` and `include_bytes!`, and is not here.
fn missing_inclusions(package: &Path) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    let files = files_below(package);
    for source in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = fs::read_to_string(package.join(source)).unwrap();
        for macro_name in ["include_str!(\"", "include_bytes!(\""] {
            for (at, _) in text.match_indices(macro_name) {
                let name = text[at + macro_name.len()..].split('"').next().unwrap();
                let path = package.join(source).with_file_name("").join(name);
                if !path.exists() {
                    missing.insert(format!("{source}: {name}"));
                }
            }
        }
    }
    missing
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A cargo that knows nothing of the one that runs this test.
fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder).env_remove("CARGO_TARGET_DIR");
    command
}

/// What a command prints; it has to succeed.
#[track_caller]
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{stderr}");
    output.stdout
}
