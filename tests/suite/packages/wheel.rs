//! `pip install lamed`, in virtual environments.

use std::io::Write;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

struct Environment(TempDir);

impl Environment {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(folder.path()));
        Self(folder)
    }

    /// `pip …` with wheels from this folder alone.
    fn pip(&self, arguments: &[&str]) {
        let mut pip = Command::new(self.0.path().join("bin/pip"));
        pip.args(arguments)
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_CACHE_DIR", self.0.path().join("cache"));
        run(&mut pip);
    }

    fn install(&self, wheels: &Path, what: &[&str]) {
        let from = [
            "install",
            "--no-index",
            "--find-links",
            wheels.to_str().unwrap(),
        ];
        self.pip(&[&from, what].concat());
    }

    fn lamed(&self) -> Installed {
        let home = self.0.path().join("home");
        fs::create_dir_all(&home).unwrap();
        Installed::at(&self.0.path().join("bin/lamed"), &home)
    }

    /// Without what Python, pip and lamed remember.
    fn files(&self) -> BTreeSet<String> {
        let mut files = files_below(self.0.path());
        files.retain(|file| {
            let is_remembered = file.contains("__pycache__") || file.starts_with("cache/");
            !is_remembered && !file.starts_with("home/")
        });
        files
    }
}

#[test]
fn pip_installs_the_program_and_removes_it_and_upgrades_python_lamed() {
    let Some(wheels) = packages("wheel") else {
        return;
    };
    let wheels = wheels[0].parent().unwrap();
    let environment = Environment::new();
    let before = environment.files();
    environment.install(wheels, &["lamed"]);
    environment.lamed().works();
    manual_is_found(&environment.0.path().join("share/man"));
    let installed = environment.files();
    for script in [
        "bash-completion/completions/lamed",
        "fish/vendor_completions.d/lamed.fish",
        "zsh/site-functions/_lamed",
    ] {
        assert!(installed.contains(&format!("share/{script}")), "{script}");
    }
    environment.pip(&["uninstall", "--yes", "lamed"]);
    assert_eq!(environment.files(), before);

    // Who had Python lamed has this one after an upgrade, and nothing is left of it.
    let python = tempfile::tempdir().unwrap();
    write_python_lamed(python.path());
    environment.install(python.path(), &["lamed"]);
    let version = || environment.lamed().line(&["--version"]);
    version().gives(0, "lamed of Python\n", "");
    environment.install(wheels, &["--upgrade", "lamed"]);
    version().gives(0, VERSION, "");
    assert_eq!(environment.files(), installed);
}

/// A wheel of its name and version, with its command.
fn write_python_lamed(folder: &Path) {
    let file = fs::File::create(folder.join("lamed-0.4.3-py3-none-any.whl")).unwrap();
    let mut wheel = ZipWriter::new(file);
    let info = "lamed-0.4.3.dist-info";
    for (name, text) in [
        ("lamed.py", "def main():\n    print('lamed of Python')\n"),
        (
            &format!("{info}/METADATA"),
            "Metadata-Version: 2.1\nName: lamed\nVersion: 0.4.3\n",
        ),
        (
            &format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        (
            &format!("{info}/entry_points.txt"),
            "[console_scripts]\nlamed = lamed:main\n",
        ),
        (
            &format!("{info}/RECORD"),
            "lamed.py,,\nlamed-0.4.3.dist-info/METADATA,,\nlamed-0.4.3.dist-info/WHEEL,,\nlamed-0.4.3.dist-info/entry_points.txt,,\nlamed-0.4.3.dist-info/RECORD,,\n",
        ),
    ] {
        wheel
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        wheel.write_all(text.as_bytes()).unwrap();
    }
    wheel.finish().unwrap();
}
