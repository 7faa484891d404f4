//! The manual in `man/`: rendered from the command line and from the schema of the config, by
//! `cargo xtask man`, which is the first of these tests told to write.

mod config;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What tells the test to write the pages instead of comparing them.
const WRITE: &str = "LAMED_WRITE_MANUAL";

/// All pages by file.
fn pages() -> BTreeMap<String, String> {
    // The pages are the help.
    let mut command = lamed::cli::command().disable_help_subcommand(true);
    command.build();
    let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
    let mut pages: BTreeMap<String, String> = (subcommands.iter())
        .map(|subcommand| {
            let text = page::subcommand(subcommand);
            (format!("lamed-{}.1", subcommand.get_name()), text)
        })
        .collect();
    pages.insert("lamed.1".to_owned(), page::lamed(&command));
    let schema = lamed::config::schema();
    let config = config::page(schema.as_value());
    pages.insert("lamed-config.5".to_owned(), config);
    pages
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

fn files() -> BTreeMap<String, String> {
    (fs::read_dir(folder()).unwrap())
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let text = fs::read_to_string(folder().join(&name)).unwrap();
            (name, text)
        })
        .collect()
}

#[test]
fn the_pages_say_what_the_program_does() {
    let pages = pages();
    if std::env::var_os(WRITE).is_some() {
        for stale in files().keys().filter(|file| !pages.contains_key(*file)) {
            fs::remove_file(folder().join(stale)).unwrap();
        }
        for (file, text) in &pages {
            fs::write(folder().join(file), text).unwrap();
        }
    }
    let files = files();
    let stale: Vec<_> = (pages.keys().chain(files.keys()))
        .filter(|file| pages.get(*file) != files.get(*file))
        .collect();
    assert!(stale.is_empty(), "run `cargo xtask man`: stale {stale:?}");
}

#[test]
fn the_pages_are_shown_without_a_warning() {
    for file in pages().keys() {
        let shown = Command::new("man")
            .args(["--warnings", "--encoding=UTF-8", "--local-file"])
            .arg(folder().join(file))
            .envs([("MANWIDTH", "100"), ("LC_ALL", "C.UTF-8")])
            .output()
            .expect("man: `tests/run` installs it");
        let warnings = String::from_utf8(shown.stderr).unwrap();
        let text = String::from_utf8(shown.stdout).unwrap();
        let has_name = text.contains("\nNAME\n");
        assert_eq!((warnings.as_str(), has_name), ("", true), "{file}");
    }
}
