//! The units of systemd in `docs/self-hosting.md`: systemd reads them without a complaint, and what they start runs.

use std::fs;
use std::process::Command;

use super::{blocks, root};
use crate::support::{is_skipped, line};

const FOLDER: &str = "# /etc/systemd/system/";
const PROGRAM: &str = "/usr/local/bin/lamed";
const STATE: &str = "/var/lib/";

/// Each unit of the page: the name of its file, and its text.
fn units() -> Vec<(String, String)> {
    let page = fs::read_to_string(root().join("docs/self-hosting.md")).unwrap();
    let blocks = blocks(&page);
    let blocks = blocks.iter().filter(|block| block.language == "ini");
    let units = blocks.flat_map(|block| block.text.split(FOLDER).skip(1));
    let units: Vec<_> = units
        .map(|unit| unit.split_once('\n').unwrap())
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    assert_eq!(units.len(), 3);
    units
}

#[test]
fn systemd_takes_the_units() {
    if is_skipped("systemd", "systemd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify");
    for (name, text) in units() {
        let file = folder.path().join(name);
        // It has to be there.
        fs::write(&file, text.replace(PROGRAM, env!("CARGO_BIN_EXE_lamed"))).unwrap();
        verify.arg(file);
    }
    let path = format!("{}:", folder.path().display());
    let output = verify.env("SYSTEMD_UNIT_PATH", path).output().unwrap();
    // A word that systemd does not know is no failure to it.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn what_the_units_start_runs() {
    let home = tempfile::tempdir().unwrap();
    let state = format!("{}/", home.path().display());
    for folder in ["lamed", "lamed-backup"] {
        fs::create_dir(home.path().join(folder)).unwrap();
    }
    let commands: Vec<Vec<String>> = (units().iter())
        .flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|text| {
            Some(
                text.strip_prefix("ExecStart=")?
                    .strip_prefix(PROGRAM)?
                    .to_owned(),
            )
        })
        .map(|text| text.replace(STATE, &state).replace(":9464", ":0"))
        .map(|text| text.split_whitespace().map(str::to_owned).collect())
        .collect();
    let [serve, backup] = &commands[..] else {
        panic!("{commands:?}");
    };
    let serve = serve.iter().map(String::as_str);
    let serve: Vec<&str> = serve.chain(["--listen", "127.0.0.1:0"]).collect();
    let mut server = line(&home, &serve)
        .env("LAMED_API_KEY", "a-long-random-text")
        .start();
    server.until("track        http://127.0.0.1:");
    let backup: Vec<&str> = backup.iter().map(String::as_str).collect();
    let copied = line(&home, &backup).run();
    assert_eq!(copied.code, Some(0), "{copied}");
    assert!(home.path().join("lamed-backup/new.db").exists());
    server.interrupt();
    assert_eq!(server.end().code, Some(0));
}
