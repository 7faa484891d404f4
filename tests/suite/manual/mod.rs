//! The manual in `man/` and the chapters of the book that say the same: rendered from the command line, the
//! schema of the config and the description of the API, by `cargo xtask man`, which is the first of these tests
//! told to write.

mod chapters;
mod config;
mod page;
mod schema;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What tells the test to write the pages instead of comparing them.
const WRITE: &str = "LAMED_WRITE_MANUAL";

/// All pages of `man/` and all chapters, by file.
fn pages() -> BTreeMap<String, String> {
    // The pages are the help.
    let mut command = lamed::cli::command().disable_help_subcommand(true);
    command.build();
    let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
    let mut pages: BTreeMap<String, String> = (subcommands.iter())
        .map(|subcommand| {
            let text = page::subcommand(subcommand);
            (format!("man/lamed-{}.1", subcommand.get_name()), text)
        })
        .collect();
    pages.insert("man/lamed.1".to_owned(), page::lamed(&command));
    let schema = lamed::config::schema();
    let config = config::page(schema.as_value());
    pages.insert("man/lamed-config.5".to_owned(), config);
    pages.extend(chapters::pages());
    pages
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is there of `pages`, and all that is in `man/`.
fn files(pages: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let in_man = fs::read_dir(root().join("man")).unwrap();
    let in_man = in_man.map(|entry| format!("man/{}", entry.unwrap().file_name().display()));
    (pages.keys().cloned().chain(in_man))
        .filter_map(|file| {
            let text = fs::read_to_string(root().join(&file)).ok()?;
            Some((file, text))
        })
        .collect()
}

#[test]
fn the_pages_say_what_the_program_does() {
    let pages = pages();
    if std::env::var_os(WRITE).is_some() {
        for stale in files(&pages)
            .keys()
            .filter(|file| !pages.contains_key(*file))
        {
            fs::remove_file(root().join(stale)).unwrap();
        }
        for (file, text) in &pages {
            fs::write(root().join(file), text).unwrap();
        }
    }
    let files = files(&pages);
    let stale: Vec<_> = (pages.keys().chain(files.keys()))
        .filter(|file| pages.get(*file) != files.get(*file))
        .collect();
    assert!(stale.is_empty(), "run `cargo xtask man`: stale {stale:?}");
}

#[test]
fn the_pages_are_shown_without_a_warning() {
    for file in pages().keys().filter(|file| file.starts_with("man/")) {
        let shown = Command::new("man")
            .args(["--warnings", "--encoding=UTF-8", "--local-file"])
            .arg(root().join(file))
            .envs([("MANWIDTH", "100"), ("LC_ALL", "C.UTF-8")])
            .output()
            .expect("man: `tests/run` installs it");
        let warnings = String::from_utf8(shown.stderr).unwrap();
        let text = String::from_utf8(shown.stdout).unwrap();
        let has_name = text.contains("\nNAME\n");
        assert_eq!((warnings.as_str(), has_name), ("", true), "{file}");
    }
}
