//! The examples of `docs/servers.md`, run as they stand there, but for the address.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::serve_with;
use crate::support::{Deadline, Server, is_skipped, tell_that_skipped, tools};

/// The code of the page in one language.
fn blocks(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/servers.md");
    let page = fs::read_to_string(page).unwrap();
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    let code = |block: &str| block.split("\n```\n").next().unwrap().to_owned() + "\n";
    blocks.map(code).collect()
}

/// A server with the config that the page names.
fn serve() -> Server {
    let [config] = &blocks("json")
        .into_iter()
        .filter(|block| block.starts_with("{\"experiments\""))
        .collect::<Vec<_>>()[..]
    else {
        panic!("one config");
    };
    serve_with(
        &serde_json::from_str(config).unwrap(),
        &["--store", "embedded"],
    )
}

/// Runs code in a folder of its own; gives what it says.
fn run(
    server: &Server,
    code: &str,
    file: &str,
    command: impl FnOnce(&TempDir) -> Command,
) -> String {
    let folder = tempfile::tempdir().unwrap();
    assert!(code.contains("http://127.0.0.1:3000"), "{code}");
    let code = code.replace("127.0.0.1:3000", &server.address);
    fs::write(folder.path().join(file), code).unwrap();
    let child = command(&folder)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::of(&child);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What the examples count: user 42, who sees red, and bought.
fn has_counted(server: &Server) {
    let counted = Runtime::new().unwrap().block_on(server.experiments());
    let result = json!({"label": "red", "successes": 1, "trials": 1});
    assert_eq!(
        counted,
        [json!({
            "experiment": "button color",
            "goals": [{"goal": "bought", "results": [result]}],
            "variants": [{"label": "red", "trials": 1}],
        })]
    );
}

fn node(folder: &TempDir) -> Command {
    let modules = folder.path().join("node_modules");
    std::os::unix::fs::symlink(tools().join("node_modules"), modules).unwrap();
    let mut node = Command::new("node");
    node.arg("example.mjs");
    node
}

fn python(_: &TempDir) -> Command {
    let mut python = Command::new(tools().join("venv/bin/python"));
    python.arg("example.py");
    python
}

/// Go, with its caches beside the other tools.
fn go() -> Command {
    let mut go = Command::new(tools().join("venv/bin/go"));
    go.env("GOPATH", tools().join("go"))
        .env("GOCACHE", tools().join("go/cache"))
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-mod=mod");
    go
}

#[test]
fn node_js() {
    let [provider, call] = &blocks("js")[..] else {
        panic!("two examples");
    };
    let server = serve();
    assert_eq!(run(&server, provider, "example.mjs", node), "red\n");
    assert_eq!(run(&server, call, "example.mjs", node), "");
    has_counted(&server);
}

#[test]
fn python_3() {
    let [provider, call] = &blocks("python")[..] else {
        panic!("two examples");
    };
    let server = serve();
    assert_eq!(run(&server, provider, "example.py", python), "red\n");
    assert_eq!(run(&server, call, "example.py", python), "");
    has_counted(&server);
}

#[test]
fn php() {
    let [both] = &blocks("php")[..] else {
        panic!("one example");
    };
    if is_skipped("php", "PHP") {
        return;
    }
    let server = serve();
    let said = run(&server, both, "example.php", |_| {
        let mut php = Command::new("php");
        php.arg("example.php");
        php
    });
    assert_eq!(said, "red\n");
    has_counted(&server);
}

#[test]
fn ruby() {
    let [_, call] = &blocks("ruby")[..] else {
        panic!("two examples");
    };
    if is_skipped("ruby", "Ruby") {
        return;
    }
    let server = serve();
    let said = run(&server, call, "example.rb", |_| {
        let mut ruby = Command::new("ruby");
        ruby.arg("example.rb");
        ruby
    });
    assert_eq!(said, "");
    has_counted(&server);
}

#[test]
fn ruby_with_its_provider() {
    let mut find = Command::new("ruby");
    let found = find
        .args(["-e", "require 'openfeature/ofrep/provider'"])
        .output();
    if !found.is_ok_and(|output| output.status.success()) {
        return tell_that_skipped("gem `openfeature-ofrep-provider`");
    }
    let said = run(&serve(), &blocks("ruby")[0], "example.rb", |_| {
        let mut ruby = Command::new("ruby");
        ruby.arg("example.rb");
        ruby
    });
    assert_eq!(said, "red\n");
}

/// `docs/examples/rust` is a package for it, whose crates `tests/setup` has built.
#[test]
fn rust() {
    let [both] = &blocks("rust")[..] else {
        panic!("one example");
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/rust");
    assert_eq!(
        *both,
        fs::read_to_string(package.join("main.rs")).unwrap(),
        "docs/examples/rust/main.rs is not as the page shows it"
    );
    let server = serve();
    let said = run(&server, both, "main.rs", |folder| {
        for file in ["Cargo.toml", "Cargo.lock"] {
            fs::copy(package.join(file), folder.path().join(file)).unwrap();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["run", "--locked", "--offline", "--quiet", "--target-dir"])
            .arg(tools().join("rust"));
        cargo
    });
    assert_eq!(said, "red\n");
    has_counted(&server);
}

#[test]
fn go_1() {
    let [_, call] = &blocks("go")[..] else {
        panic!("two examples");
    };
    let server = serve();
    let said = run(&server, call, "example.go", |_| {
        let mut go = go();
        go.args(["run", "example.go"]);
        go
    });
    assert_eq!(said, "");
    has_counted(&server);
}

#[test]
fn go_with_its_provider() {
    let module = "github.com/open-feature/go-sdk-contrib/providers/ofrep@latest";
    let found = go().args(["list", "-m", module]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        return tell_that_skipped("Go module `open-feature/go-sdk-contrib/providers/ofrep`");
    }
    let said = run(&serve(), &blocks("go")[0], "example.go", |folder| {
        for command in [&["mod", "init", "example"], &["mod", "tidy"][..]] {
            let done = go().args(command).current_dir(folder.path()).output();
            assert!(
                done.is_ok_and(|output| output.status.success()),
                "{command:?}"
            );
        }
        let mut go = go();
        go.args(["run", "."]);
        go
    });
    assert_eq!(said, "red\n");
}
