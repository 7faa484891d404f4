//! The container image, on this system's C library in the place of its base: a registry may be out of reach.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::*;
use crate::support::Deadline;

const BASE: &str = "lamed-test-base";

/// An image and its container, removed when dropped.
struct Container {
    image: String,
    id: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        for arguments in [
            ["rm", "--force", &self.id],
            ["rmi", "--force", &self.image],
            ["rmi", "--force", BASE],
        ] {
            let _ = Command::new("docker").args(arguments).output();
        }
    }
}

fn docker(arguments: &[&str]) -> String {
    let said = run(Command::new("docker").args(arguments));
    said.trim_end().to_owned()
}

/// The libraries that the program loads, and nothing else.
fn import_base(program: &Path) {
    // ldd writes `name => path (address)`; the loader's line has the path alone.
    let import = r#"ldd "$0" | grep -o '/[^ ]*' |
        tar --create --dereference --directory / --files-from - --absolute-names --transform 's,^/,,' |
        docker import - "$1""#;
    run(Command::new("sh")
        .args(["-euc", import])
        .arg(program)
        .arg(BASE));
}

/// As the workflow makes it.
fn context(archive: &Path, architecture: &str) -> TempDir {
    let context = tempfile::tempdir().unwrap();
    let folder = context.path().join(architecture);
    fs::create_dir_all(context.path().join("data")).unwrap();
    fs::create_dir(&folder).unwrap();
    run(Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .arg("--strip-components=1"));
    context
}

#[test]
fn the_image_serves_without_rights_and_says_when_it_is_healthy() {
    if is_skipped("docker", "Docker") {
        return;
    }
    let Some(archive) = archive() else {
        return;
    };
    import_base(&folder().join("lamed"));
    let architecture = if ARCH == "aarch64" { "arm64" } else { "amd64" };
    let context = context(archive, architecture);
    let dockerfile = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/Dockerfile");
    let image = docker(&[
        "build",
        "--quiet",
        "--file",
        dockerfile,
        "--build-arg",
        &format!("BASE={BASE}"),
        "--build-arg",
        &format!("TARGETARCH={architecture}"),
        context.path().to_str().unwrap(),
    ]);
    let start = [
        "run",
        "--detach",
        "--network",
        "none",
        "--health-interval",
        "1s",
    ];
    let key = ["--env", "LAMED_API_KEY=a-long-random-text-of-the-test"];
    let id = docker(&[&start[..], &key, &[&image]].concat());
    let container = Container { image, id };
    let id = &container.id;
    assert_eq!(health(id), "health_status: healthy");
    // One process, and it is not root's.
    let processes = docker(&["top", id, "-eo", "pid,uid,args"]);
    let words: Vec<&str> = processes.split_whitespace().skip(4).collect();
    let serve = ["65532", "/usr/local/bin/lamed", "serve"];
    assert!(words.starts_with(&serve), "{processes}");
    assert_eq!(processes.lines().count(), 2, "{processes}");
    docker(&["stop", id]);
    let code = docker(&["inspect", "--format", "{{.State.ExitCode}}", id]);
    assert_eq!(code, "0", "{}", docker(&["logs", id]));
}

/// The first thing that the daemon says about the health of a container.
fn health(id: &str) -> String {
    let mut events = Command::new("docker")
        .args([
            "events",
            "--since",
            "10m",
            "--filter",
            "event=health_status",
        ])
        .args(["--format", "{{.Action}}", "--filter"])
        .arg(format!("container={id}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::of(&events);
    let mut line = String::new();
    let stdout = events.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let _ = events.kill();
    let _ = events.wait();
    line.trim_end().to_owned()
}
