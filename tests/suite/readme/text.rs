//! What the README and the book say in words.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lamed::config::Config;
use serde_json::Value;

use super::{Block, blocks, book, pages, prose, readme, root};
use crate::support::line;

/// In ten seconds a reader sees what it is, and in one screen how to try it.
#[test]
fn the_readme_is_short() {
    let readme = readme();
    assert!(readme.lines().count() <= 130, "{}", readme.lines().count());
    let widest = readme
        .lines()
        .max_by_key(|line| line.chars().count())
        .unwrap();
    assert!(widest.chars().count() <= 125, "{widest}");
    let screen: String = readme.lines().take(30).collect();
    for command in ["$ cargo run --release -- serve --local ", "$ tests/run "] {
        assert!(screen.contains(command), "{command}");
    }
}

#[test]
fn every_config_loads() {
    let mut loaded = 0;
    for page in pages() {
        let json = blocks(&page.text)
            .into_iter()
            .filter(|block| block.language == "json");
        for block in json {
            if !is_body(&block) {
                let config = Config::parse(Path::new("config.json"), &block.text);
                let config = config
                    .unwrap_or_else(|error| panic!("{}: {error}, in\n{}", page.file, block.text));
                assert_eq!(config.warnings, [""; 0], "{}", block.text);
                loaded += 1;
            }
        }
    }
    assert!(loaded > 5, "only {loaded} configs are shown");
}

/// What is sent to the API, or comes back, with the keys that its description has.
fn is_body(block: &Block) -> bool {
    let Ok(Value::Object(body)) = serde_json::from_str(&block.text) else {
        return false;
    };
    let api: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    let schemas = api["components"]["schemas"].as_object().unwrap();
    schemas.values().any(|schema| {
        let required = schema["required"].as_array().into_iter().flatten();
        let mut required = required.filter_map(Value::as_str).peekable();
        let is_empty = required.peek().is_none();
        let known = |key: &String| !schema["properties"][key].is_null();
        !is_empty && required.all(|key| body.contains_key(key)) && body.keys().all(known)
    })
}

/// As plain Markdown, where GitHub shows it. `xtask` follows those of the book.
#[test]
fn every_link_leads_somewhere() {
    let mut files: Vec<PathBuf> = pages().iter().map(|page| root().join(&page.file)).collect();
    files.extend(["CONTRIBUTING.md", "CHANGELOG.md", "STYLE.md"].map(|name| root().join(name)));
    let mut dead = Vec::new();
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
            if !page.exists() || !anchor.is_empty() && !anchors(&page).contains(anchor) {
                dead.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
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
    for span in pages().iter().flat_map(|page| spans(&prose(&page.text))) {
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
    let named: BTreeSet<String> = (words(&book()))
        .filter(|word| word.starts_with("LAMED_") && word.len() > "LAMED_".len())
        .collect();
    assert!(named.contains("LAMED_API_KEY") && named.contains("LAMED_CONFIG"));
    for name in named {
        assert!(sources.contains(&name), "nothing reads ${name}");
    }
}

/// The variables that a command can be given stand in the book.
#[test]
fn every_variable_read_is_named() {
    let named: BTreeSet<String> = words(&book()).collect();
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
    let text = prose(&book()).replace('\n', " ");
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
    assert!(told >= 3, "only {told} exit codes are told");
}

#[test]
fn the_compiler_named_is_the_one_needed() {
    let needed = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"));
    for file in ["README.md", "docs/getting-started.md"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(prose(&text).contains(needed), "{file}: {needed}");
    }
}

/// Options of other programs that the text names alone.
const OF_OTHERS: [&str; 4] = ["--build-arg", "--env", "--kind", "--volume"];

/// Options in the text are those of some command, or of the one named with them.
#[test]
fn every_option_and_command_named_is_there() {
    let (all, commands) = help();
    for page in pages() {
        for span in spans(&prose(&page.text)) {
            let words: Vec<&str> = span.split_whitespace().collect();
            let help = match words[..] {
                ["lamed", command, ..] if !command.starts_with(['-', '…']) => {
                    let found = commands.iter().find(|(name, _)| name == command);
                    &found
                        .unwrap_or_else(|| panic!("{}: no command: `{span}`", page.file))
                        .1
                }
                ["lamed", ..] => &all,
                [first, ..] if OF_OTHERS.contains(&first) => continue,
                [first, ..] if first.starts_with("--") => &all,
                _ => continue,
            };
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap();
                let found = help
                    .split([' ', '\n', ',', '=', '['])
                    .any(|word| word == option);
                assert!(found, "{}: no option {option}: `{span}`", page.file);
            }
        }
    }
    let book = book();
    for (command, _) in commands {
        let name = format!("lamed {command}");
        assert!(book.contains(&name), "nothing speaks of `{name}`");
    }
}

/// Owner and repository stand in Cargo.toml, and all other files follow.
#[test]
fn every_file_names_the_repository_of_cargo_toml() {
    let repository = env!("CARGO_PKG_REPOSITORY");
    let ours = repository
        .strip_prefix("https://github.com/")
        .unwrap()
        .to_lowercase();
    let name = ours.split('/').nth(1).unwrap();
    let mut named = 0;
    for file in crate::package::tracked() {
        let Ok(text) = fs::read_to_string(root().join(&file)) else {
            continue;
        };
        for host in ["github.com/", "ghcr.io/"] {
            for (at, _) in text.match_indices(host) {
                let place = text[at + host.len()..].to_lowercase();
                let part = |c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c);
                let mut parts = place.splitn(3, ['/']);
                let owner = parts.next().unwrap_or_default();
                let project = parts
                    .next()
                    .unwrap_or_default()
                    .split(part)
                    .next()
                    .unwrap_or_default();
                if project == name {
                    assert_eq!(format!("{owner}/{project}"), ours, "{file}");
                    named += 1;
                }
            }
        }
    }
    assert!(named > 0, "Cargo.toml names it");
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
