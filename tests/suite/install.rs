//! `packaging/install.sh`, from a server on this machine with a release of the test's making.

use std::env::consts::ARCH;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::package::files_below;
use crate::support::{Deadline, tools};

/// A folder with the files of a release, and who serves it.
struct Release {
    folder: TempDir,
    server: Child,
    url: String,
}

impl Release {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(tools().join("venv/bin/python"))
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let _deadline = Deadline::of(&server);
        let mut line = String::new();
        let mut stdout = BufReader::new(server.stdout.as_mut().unwrap());
        stdout.read_line(&mut line).unwrap();
        // Serving HTTP on 127.0.0.1 port 40123 (http://127.0.0.1:40123/) ...
        let (_, rest) = line.split_once('(').unwrap();
        let url = rest.split("/)").next().unwrap().to_owned();
        Self {
            folder,
            server,
            url,
        }
    }

    /// Makes the archive, with a program that says its version, and gives its sum.
    fn build(&self, version: &str) -> String {
        let content = self.folder.path().join(archive().replace(".tar.gz", ""));
        fs::create_dir_all(&content).unwrap();
        let program = content.join("lamed");
        fs::write(&program, format!("#!/bin/sh\necho lamed {version}\n")).unwrap();
        for (file, text) in [
            ("man/lamed.1", version),
            ("man/lamed-config.5", version),
            ("completions/lamed.bash", version),
            ("completions/lamed.fish", version),
            ("completions/lamed.zsh", version),
        ] {
            let file = content.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let mut commands = [Command::new("chmod"), Command::new("tar")];
        commands[0].arg("755").arg(&program);
        commands[1].current_dir(self.folder.path()).args([
            "-czf",
            &archive(),
            content.file_name().unwrap().to_str().unwrap(),
        ]);
        for mut command in commands {
            assert!(command.status().unwrap().success());
        }
        let bytes = fs::read(self.folder.path().join(archive())).unwrap();
        Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn sums(&self, text: &str) {
        fs::write(self.folder.path().join("SHA256SUMS"), text).unwrap();
    }

    /// Exit code, stdout and stderr, with names for what differs from run to run.
    fn install(&self, home: &Path) -> (Option<i32>, String, String) {
        let output = Command::new("sh")
            .args(["-c", &script()])
            .env("HOME", home)
            .env("LAMED_DOWNLOAD_URL", &self.url)
            .env_remove("LAMED_INSTALL_DIR")
            .env("TMPDIR", home)
            .output()
            .unwrap();
        let text = |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(home.to_str().unwrap(), "~")
                .replace(&self.url, "URL")
        };
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn archive() -> String {
    format!("lamed-{ARCH}-unknown-linux-gnu.tar.gz")
}

/// As a release has it.
fn script() -> String {
    let print = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/installer");
    let script = Command::new(print).output().unwrap();
    assert!(script.status.success(), "{script:?}");
    String::from_utf8(script.stdout).unwrap()
}

#[test]
fn a_release_is_installed_and_replaced() {
    let (release, home) = (Release::new(), tempfile::tempdir().unwrap());
    for version in ["1.2.3", "1.2.4"] {
        let sum = release.build(version);
        release.sums(&format!("{:064}  other.zip\n{sum}  {}\n", 0, archive()));
        let installed = format!(
            "installed lamed {version} as ~/.local/bin/lamed\n~/.local/bin is not on your PATH: add it with  \
             export PATH=\"~/.local/bin:$PATH\"\n"
        );
        assert_eq!(
            release.install(home.path()),
            (Some(0), installed, String::new())
        );
    }
    let files = files_below(home.path());
    let installed = [
        ".local/bin/lamed",
        ".local/share/bash-completion/completions/lamed",
        ".local/share/fish/vendor_completions.d/lamed.fish",
        ".local/share/man/man1/lamed.1",
        ".local/share/man/man5/lamed-config.5",
    ];
    assert_eq!(files.iter().collect::<Vec<_>>(), installed);
    for file in &installed[1..] {
        let text = fs::read_to_string(home.path().join(file)).unwrap();
        assert_eq!(text, "1.2.4", "{file}");
    }
}

#[test]
fn the_repository_is_that_of_the_crate() {
    let releases = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases");
    let named = script().matches("https://").count();
    assert_eq!((named, script().matches(releases).count()), (2, 2));
}

#[test]
fn what_was_not_released_is_not_installed() {
    let (release, home) = (Release::new(), tempfile::tempdir().unwrap());
    let refusal = |expected: &str| {
        let (code, stdout, stderr) = release.install(home.path());
        // Who downloads says why, in words of its own.
        let last = stderr.lines().last().unwrap_or_default();
        assert_eq!(
            (code, stdout.as_str(), last),
            (Some(1), "", expected),
            "{stderr}"
        );
        assert!(files_below(home.path()).is_empty());
    };
    refusal("error: cannot download URL/SHA256SUMS");
    release.sums("");
    refusal(&format!("error: cannot download URL/{}", archive()));
    let sum = release.build("1.2.3");
    refusal(&format!("error: SHA256SUMS does not name {}", archive()));
    let other = format!("{:064}", 0);
    release.sums(&format!("{other}  {}\n", archive()));
    refusal(&format!(
        "error: {} is damaged: expected SHA-256 {other} but found {sum}",
        archive()
    ));
}
