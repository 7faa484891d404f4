//! `lamed.js`: how it is served, and that the committed files are what their sources give.

mod browsers;
mod cookies;
mod http;
mod page;
mod types;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{tell_that_skipped, tools};

const FILES: [&str; 2] = ["lamed.js", "lamed.mjs"];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("embedded/client")
}

/// Where `name` is among the modules that are installed: those of the tests, or those of the client's own.
fn modules(name: &str) -> Option<std::path::PathBuf> {
    let mut folders = [tools(), folder()]
        .map(|f| f.join("node_modules"))
        .into_iter();
    let found = folders.find(|folder| folder.join(name).exists());
    if found.is_none() {
        tell_that_skipped(&format!("npm package `{name}`"));
    }
    found
}

#[test]
fn the_committed_files_are_what_their_sources_give() {
    let (Some(modules), Some(_)) = (modules("terser"), modules("esbuild")) else {
        return;
    };
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("src")).unwrap();
    for file in ["build.mjs", "package.json"] {
        fs::copy(folder().join(file), copy.path().join(file)).unwrap();
    }
    for entry in fs::read_dir(folder().join("src")).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), copy.path().join("src").join(file.file_name())).unwrap();
    }
    std::os::unix::fs::symlink(modules, copy.path().join("node_modules")).unwrap();
    let build = Command::new("node")
        .args(["build.mjs", "built"])
        .current_dir(copy.path())
        .output()
        .unwrap();
    assert!(build.status.success(), "{build:?}");
    for name in FILES {
        let committed = fs::read_to_string(folder().join(name)).unwrap();
        let built = fs::read_to_string(copy.path().join("built").join(name)).unwrap();
        assert!(
            committed == built,
            "{name} is not what its sources give: run `cargo xtask client`"
        );
    }
}

#[test]
fn a_page_loads_at_most_4000_bytes() {
    for name in FILES {
        let gzip = Command::new("gzip")
            .args(["-9", "--no-name", "--stdout"])
            .arg(folder().join(name))
            .output()
            .unwrap();
        let bytes = gzip.stdout.len();
        assert!((1000..=4000).contains(&bytes), "{name}: {bytes} bytes");
    }
}
