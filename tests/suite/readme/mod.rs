//! What the README and the book show is true: their commands run, their configs load, their links lead somewhere. A new
//! chapter is read as soon as it is in `docs/`. Their pages of HTML are in `tests/browser/client/pages.mjs`.

mod code;
mod others;
mod story;
mod text;
mod units;

use std::fs;
use std::path::Path;

/// A fenced block.
struct Block {
    indent: usize,
    language: String,
    text: String,
}

/// A command that a reader is shown, as the shell would see it.
#[derive(Debug)]
struct Shown {
    /// As it stands there.
    line: String,
    /// `NAME=value` before it.
    environment: Vec<(String, String)>,
    /// Up to where its output goes elsewhere.
    words: Vec<String>,
    /// What is shown below it.
    output: String,
}

impl Shown {
    /// The arguments of `lamed`, however it is called.
    fn lamed(&self) -> Option<Vec<&str>> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match &words[..] {
            ["lamed", arguments @ ..] | ["cargo", "run", "--release", "--", arguments @ ..] => {
                Some(arguments.to_vec())
            }
            _ => None,
        }
    }
}

/// The README, or a chapter of the book.
struct Page {
    file: String,
    text: String,
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The README, and every chapter.
fn pages() -> Vec<Page> {
    let chapters = fs::read_dir(root().join("docs")).unwrap();
    let chapters = chapters.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let mut files: Vec<String> = chapters.filter(|file| file.ends_with(".md")).collect();
    files.push("README.md".to_owned());
    files.sort();
    assert!(files.len() > 20, "{files:?}");
    (files.into_iter())
        .map(|file| Page {
            text: fs::read_to_string(root().join(&file)).unwrap(),
            file,
        })
        .collect()
}

/// All of it.
fn book() -> String {
    pages().into_iter().map(|page| page.text).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in markdown.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block {
                    indent: line.len() - line.trim_start().len(),
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                // In a list all of it is indented as the fence is.
                let indented = line
                    .get(..block.indent)
                    .is_some_and(|i| i.trim().is_empty());
                let line = if indented {
                    &line[block.indent..]
                } else {
                    line
                };
                block.text += &format!("{line}\n");
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The text without its blocks.
fn prose(markdown: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in markdown.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            prose += &format!("{line}\n");
        }
    }
    prose
}

/// Each `$ …` of the `console` blocks, and each line of the `sh` blocks.
fn commands(markdown: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for block in blocks(markdown) {
        let prompt = match &block.language[..] {
            "console" => "$ ",
            "sh" => "",
            _ => continue,
        };
        let joined = block.text.replace("\\\n", " ");
        let mut lines = joined.lines();
        while let Some(line) = lines.next() {
            if let Some(line) = line.strip_prefix(prompt) {
                let mut line = line.to_owned();
                while is_open(&line) {
                    let next = lines.next().expect("a quote is closed");
                    line += &format!("\n{next}");
                }
                commands.push(shown(&line));
            } else {
                let command = commands
                    .last_mut()
                    .expect("a `console` block begins with `$ `");
                command.output += &format!("{line}\n");
            }
        }
    }
    commands
}

/// Whether the next line belongs to a quote of this one.
fn is_open(line: &str) -> bool {
    let quote = line.chars().fold(None, |quote, character| match quote {
        Some(open) if open == character => None,
        None if matches!(character, '"' | '\'') => Some(character),
        quote => quote,
    });
    quote.is_some() && !line.contains(" # ")
}

fn shown(line: &str) -> Shown {
    let mut words = words(line).into_iter().peekable();
    let mut environment = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        {
            break;
        }
        environment.push((name.to_owned(), value.to_owned()));
        words.next();
    }
    Shown {
        line: line.to_owned(),
        environment,
        words: words
            .take_while(|word| !matches!(&word[..], ">" | "|" | "&&" | "<"))
            .collect(),
        output: String::new(),
    }
}

/// As a shell splits a line: quotes hold together, `#` begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    assert_eq!(quote, None, "a quote is not closed: {line}");
    words.extend(word);
    words
}

#[test]
fn commands_are_read_as_a_shell_reads_them() {
    let markdown = "```console\n$ A=1 lamed  delete \"a b\" --yes > x # now\n{}\n$ cargo run \\\n  --release -- x\n```\n";
    let commands = commands(markdown);
    assert_eq!(commands[0].environment, [("A".to_owned(), "1".to_owned())]);
    assert_eq!(commands[0].lamed(), Some(vec!["delete", "a b", "--yes"]));
    assert_eq!(commands[0].output, "{}\n");
    assert_eq!(commands[1].lamed(), Some(vec!["x"]));
}
