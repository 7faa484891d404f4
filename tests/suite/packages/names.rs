//! The names of what is released for each platform, as package managers look for them; and that equal input gives equal
//! bytes.

use std::time::{Duration, SystemTime};

use super::*;

/// Archives and packages for all platforms, of a program that does nothing.
struct Release(PathBuf);

impl Release {
    /// `None` where the Lambda functions are not there.
    fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Release> = OnceLock::new();
        archive()?;
        Some(SHARED.get_or_init(|| Self::new("release")))
    }

    fn new(name: &str) -> Self {
        let release = Self(folder().join(name));
        fs::create_dir(&release.0).unwrap();
        let program = release.program();
        let mut archives = Vec::new();
        for target in targets() {
            let mut script = script("archive");
            let folder = release.0.join("archives");
            script.arg(target).arg(folder).env("LAMED_BINARY", &program);
            archives.push(run(&mut script).trim_end().to_owned());
        }
        for name in ["wheel", "npm", "deb"] {
            run(script(name).arg(release.0.join(name)).args(&archives));
        }
        fs::remove_file(program).unwrap();
        release
    }

    /// It is small, and includes the functions as lamed does.
    fn program(&self) -> PathBuf {
        let program = self.0.join("program");
        let (source, text) = (program.with_extension("c"), "int main(void) { return 0; }");
        fs::write(&source, text).unwrap();
        run(Command::new("cc").arg("-o").args([&program, &source]));
        fs::remove_file(source).unwrap();
        let mut bytes = fs::read(&program).unwrap();
        for architecture in ["arm64", "x86_64"] {
            bytes.extend(lamed::assets::bootstrap(architecture).unwrap());
        }
        fs::write(&program, bytes).unwrap();
        // One of another time must not change a package.
        let other = SystemTime::now() - Duration::from_hours(24 * 365);
        fs::File::open(&program)
            .unwrap()
            .set_modified(other)
            .unwrap();
        program
    }

    fn files(&self) -> BTreeSet<String> {
        files_below(&self.0)
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.0.join(file)).unwrap()
    }

    /// A file of a package of npm.
    fn manifest(&self, package: &str) -> Value {
        let file = format!("npm/{package}-{}.tgz", env!("CARGO_PKG_VERSION"));
        let path = self.0.join(file);
        let text = run(Command::new("tar")
            .arg("-xzOf")
            .arg(path)
            .arg("package/package.json"));
        serde_json::from_str(&text).unwrap()
    }
}

/// For what the workflow builds binaries.
fn targets() -> Vec<String> {
    let lines = workflow();
    let targets = lines.lines().filter_map(|line| {
        let (_, rest) = line.split_once(" target: ")?;
        Some(rest.trim_end_matches([' ', '}']).to_owned())
    });
    targets.collect()
}

fn workflow() -> String {
    let workflow = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/workflows/release.yml");
    fs::read_to_string(workflow).unwrap()
}

#[test]
fn each_platform_has_its_packages_and_equal_input_gives_equal_bytes() {
    let Some(release) = Release::shared() else {
        return;
    };
    let version = env!("CARGO_PKG_VERSION");
    let files: Vec<String> = (release.files().into_iter())
        .map(|file| file.replace(version, "VERSION"))
        .collect();
    let glibc = files
        .iter()
        .find_map(|file| file.split("manylinux_").nth(1))
        .unwrap();
    let glibc = glibc.replace("_aarch64.whl", "");
    let files: Vec<String> = files
        .iter()
        .map(|file| file.replace(&glibc, "GLIBC"))
        .collect();
    assert_eq!(
        files,
        [
            "archives/lamed-aarch64-apple-darwin.tar.gz",
            "archives/lamed-aarch64-unknown-linux-gnu.tar.gz",
            "archives/lamed-x86_64-apple-darwin.tar.gz",
            "archives/lamed-x86_64-pc-windows-msvc.zip",
            "archives/lamed-x86_64-unknown-linux-gnu.tar.gz",
            "deb/lamed_VERSION_amd64.deb",
            "deb/lamed_VERSION_arm64.deb",
            "npm/lamed-VERSION.tgz",
            "npm/lamed-darwin-arm64-VERSION.tgz",
            "npm/lamed-darwin-x64-VERSION.tgz",
            "npm/lamed-linux-arm64-VERSION.tgz",
            "npm/lamed-linux-x64-VERSION.tgz",
            "npm/lamed-win32-x64-VERSION.tgz",
            "wheel/lamed-VERSION-py3-none-macosx_10_12_x86_64.whl",
            "wheel/lamed-VERSION-py3-none-macosx_11_0_arm64.whl",
            "wheel/lamed-VERSION-py3-none-manylinux_GLIBC_aarch64.whl",
            "wheel/lamed-VERSION-py3-none-manylinux_GLIBC_x86_64.whl",
            "wheel/lamed-VERSION-py3-none-win_amd64.whl",
        ]
    );
    // The package that people name asks for just those that there are.
    let manifest = release.manifest("lamed");
    let platforms = manifest["optionalDependencies"].as_object().unwrap();
    for (name, wanted) in platforms {
        let manifest = release.manifest(name);
        assert_eq!((wanted, &manifest["version"]), (&json!(version), wanted));
        let platform = format!(
            "lamed-{}-{}",
            manifest["os"][0].as_str().unwrap(),
            manifest["cpu"][0].as_str().unwrap()
        );
        let libc = if name.contains("linux") {
            json!(["glibc"])
        } else {
            Value::Null
        };
        assert_eq!((&platform, &manifest["libc"]), (name, &libc));
    }
    assert_eq!(platforms.len(), targets().len());

    let again = Release::new("release-again");
    for file in release.files() {
        assert!(release.bytes(&file) == again.bytes(&file), "{file} differs");
    }
}

/// `cargo binstall lamed` looks for what the release has: archives, and the program in them.
#[test]
fn cargo_binstall_finds_the_archives() {
    let Some(release) = Release::shared() else {
        return;
    };
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args([
        "metadata",
        "--offline",
        "--locked",
        "--no-deps",
        "--format-version=1",
    ]);
    let metadata: Value = serde_json::from_str(&run(&mut metadata)).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let lamed = packages
        .iter()
        .find(|package| package["name"] == "lamed")
        .unwrap();
    let settings = &lamed["metadata"]["binstall"];
    for target in targets() {
        let setting = |name: &str| {
            let own = &settings["overrides"][&target][name];
            let text = own.as_str().or(settings[name].as_str()).unwrap();
            text.replace("{ repo }", lamed["repository"].as_str().unwrap())
                .replace("{ version }", env!("CARGO_PKG_VERSION"))
                .replace("{ target }", &target)
                .replace("{ bin }", "lamed")
                .replace(
                    "{ binary-ext }",
                    if target.contains("windows") {
                        ".exe"
                    } else {
                        ""
                    },
                )
        };
        // As `gh release create` publishes it.
        let folder = concat!(
            env!("CARGO_PKG_REPOSITORY"),
            "/releases/download/v",
            env!("CARGO_PKG_VERSION"),
            "/"
        );
        let url = setting("pkg-url");
        let name = url.strip_prefix(folder).unwrap_or_else(|| panic!("{url}"));
        let archive = release.0.join("archives").join(name);
        let (format, list) = match name.rsplit_once('.').unwrap().1 {
            "zip" => ("zip", ["python3", "-m", "zipfile", "-l"].as_slice()),
            _ => ("tgz", ["tar", "-tzf"].as_slice()),
        };
        assert_eq!(setting("pkg-fmt"), format, "{target}");
        let content = run(Command::new(list[0]).args(&list[1..]).arg(archive));
        let program = setting("bin-dir");
        let is_there = content
            .lines()
            .any(|line| line.split(' ').next() == Some(&program));
        assert!(is_there, "{program} is not in {name}:\n{content}");
    }
}

/// What is tried here is what is released.
#[test]
fn the_workflow_uses_the_same_scripts() {
    let workflow = workflow();
    for script in ["archive", "wheel", "npm", "deb", "installer"] {
        let line = format!("packaging/{script} ");
        assert!(workflow.contains(&line), "{line}");
    }
    assert!(workflow.contains("cargo build --locked --profile dist "));
}
