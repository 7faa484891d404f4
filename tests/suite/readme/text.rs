//! What the README says in words.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lamed::config::Config;

use super::{blocks, pages, prose, readme};
use crate::support::line;

#[test]
fn every_config_loads() {
    let configs: Vec<_> = (pages().iter())
        .flat_map(|page| blocks(page))
        .filter(|block| block.language == "json")
        .collect();
    assert!(configs.len() > 1, "no configs are shown");
    for config in configs {
        let loaded = Config::parse(Path::new("config.json"), &config.text);
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}, in\n{}", config.text));
        assert_eq!(loaded.warnings, [""; 0], "{}", config.text);
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut files = vec![root().join("README.md")];
    files.extend(["CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let pages = docs.map(|entry| entry.unwrap().path());
    files.extend(pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    for file in files {
        let text = prose(&fs::read_to_string(&file).unwrap());
        for (_, rest) in text
            .match_indices("](")
            .map(|(at, found)| (at, &text[at + found.len()..]))
        {
            let target = rest.split(')').next().unwrap();
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let page = if path.is_empty() {
                file.clone()
            } else {
                file.parent().unwrap().join(path)
            };
            assert!(page.exists(), "{}: {target}", file.display());
            assert!(
                anchor.is_empty() || anchors(&page).contains(anchor),
                "{}: no heading {target}",
                file.display()
            );
        }
    }
}

/// Of its headings, as GitHub makes them.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = prose(&fs::read_to_string(page).unwrap());
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_file_named_is_there() {
    let folders = [
        "benches/",
        "docs/",
        "embedded/",
        "fixtures/",
        "man/",
        "packaging/",
        "src/",
        "tests/",
    ];
    for span in spans(&prose(&readme())) {
        let path = span.split(' ').next().unwrap();
        let ours =
            folders.iter().any(|folder| path.starts_with(folder)) && !path.contains(['*', '<']);
        // Made by `cargo xtask bootstrap`.
        if ours && path != "embedded/prebuilt/" {
            assert!(root().join(path).exists(), "`{span}`");
        }
    }
}

#[test]
fn every_variable_named_is_read() {
    let sources = sources();
    let named: BTreeSet<String> = (words(&readme()))
        .filter(|word| word.starts_with("LAMED_") && word.len() > "LAMED_".len())
        .collect();
    assert!(named.contains("LAMED_API_KEY") && named.contains("LAMED_CONFIG"));
    for name in named {
        assert!(sources.contains(&name), "nothing reads ${name}");
    }
}

/// The variables that a command can be given stand in the README.
#[test]
fn every_variable_read_is_named() {
    let named: BTreeSet<String> = words(&readme()).collect();
    for name in [
        lamed::config::environment::CONFIG,
        lamed::config::environment::API_KEY,
        lamed::function::SETTINGS,
    ] {
        assert!(named.contains(name), "${name}");
    }
}

#[test]
fn every_exit_code_named_is_given() {
    let text = prose(&readme()).replace('\n', " ");
    let sources = sources();
    let mut told = 0;
    for (at, found) in text.match_indices("exit code is ") {
        let rest = &text[at + found.len()..];
        let sentence = rest.split(['.', ';']).next().unwrap();
        for part in sentence.split(',') {
            let Ok(code) = part
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .parse::<u8>()
            else {
                continue;
            };
            let given = code == 0 || sources.contains(&format!("ExitCode::from({code})"));
            assert!(given, "nothing ends with {code}: {sentence}");
            told += 1;
        }
    }
    assert!(told >= 3, "the README tells {told} exit codes");
}

#[test]
fn the_compiler_named_is_the_one_needed() {
    let needed = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"));
    assert!(prose(&readme()).contains(needed), "{needed}");
}

/// Options in the text are those of some command, or of the one named with them.
#[test]
fn every_option_and_command_named_is_there() {
    let (all, commands) = help();
    let text = prose(&readme());
    for span in spans(&text) {
        let words: Vec<&str> = span.split_whitespace().collect();
        let help = match words[..] {
            ["lamed", command, ..] if !command.starts_with('-') => {
                let found = commands.iter().find(|(name, _)| name == command);
                &found.unwrap_or_else(|| panic!("no command: `{span}`")).1
            }
            ["lamed", ..] => &all,
            [first, ..] if first.starts_with("--") => &all,
            _ => continue,
        };
        for option in words.iter().filter(|word| word.starts_with("--")) {
            let option = option.split('=').next().unwrap();
            let found = help
                .split([' ', '\n', ',', '=', '['])
                .any(|word| word == option);
            assert!(found, "no option {option}: `{span}`");
        }
    }
    let shown = readme();
    for (command, _) in commands {
        let name = format!("lamed {command}");
        let told = shown.contains(&name) || text.contains(&format!("`{command}`"));
        assert!(told, "the README does not speak of `{name}`");
    }
}

/// What `--help` prints: of all commands together, and of each.
fn help() -> (String, Vec<(String, String)>) {
    let home = tempfile::tempdir().unwrap();
    let overview = line(&home, &["--help"]).run().stdout;
    let commands: Vec<(String, String)> = (lamed::cli::command().get_subcommands())
        .map(|command| {
            let name = command.get_name().to_owned();
            let help = line(&home, &[&name, "--help"]).run().stdout;
            (name, help)
        })
        .collect();
    assert!(commands.len() >= 12, "{overview}");
    let each = commands.iter().map(|(_, help)| help.as_str());
    (each.collect::<String>() + &overview, commands)
}

/// What stands in back-ticks.
fn spans(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.map(|span| span.replace('\n', " ")).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    text.split(ends).map(str::to_owned)
}

/// All that reads the environment, or ends with a code.
fn sources() -> String {
    let mut text = String::new();
    let mut places: Vec<PathBuf> = ["src", "xtask/src", "packaging", "build.rs", "tests/run"]
        .map(|name| root().join(name))
        .into();
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(
                fs::read_dir(place)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            text += &fs::read_to_string(place).unwrap_or_default();
        }
    }
    text
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
