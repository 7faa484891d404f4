//! Pages about commands.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

/// What each page says after its examples.
const EXIT_STATUS: &str = "0: success. 1: the command failed. 2: wrong usage or config.";

/// An empty one would be left out, and the words after it would take its place.
pub const NO_DATE: &str = " ";

pub fn lamed(command: &Command) -> String {
    let mut text = head(command);
    let mut page = Roff::default();
    page.control("SH", ["COMMANDS"]);
    for subcommand in command.get_subcommands() {
        page.control("TP", []);
        page.text([
            bold(format!("lamed-{}", subcommand.get_name())),
            roman("(1)"),
        ]);
        page.text([roman(about(subcommand))]);
    }
    examples(&mut page, command);
    exit_status(&mut page);
    page.control("SH", ["ENVIRONMENT"]);
    for (variable, meaning) in [
        ("LAMED_CONFIG", "The config file. --config overrides it."),
        ("LAMED_API_KEY", "The API key. --api-key overrides it."),
        (
            "VISUAL, EDITOR",
            "The editor that lamed-configure(1) opens.",
        ),
        (
            "AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …",
            "As in the AWS CLI.",
        ),
    ] {
        page.control("TP", []);
        page.text([bold(variable)]);
        page.text([roman(meaning)]);
    }
    page.control("SH", ["FILES"]);
    for (file, meaning) in [
        (
            "./config.json, ~/.lamed/config.json",
            "The config file: see lamed-config(5).",
        ),
        (
            "~/.lamed/config.schema.json",
            "The JSON Schema of the config file, for editors.",
        ),
        (
            "~/.lamed/local/",
            "The addresses and API keys of lamed serve --local on this machine.",
        ),
    ] {
        page.control("TP", []);
        page.text([italic(file)]);
        page.text([roman(meaning)]);
    }
    let mut others: Vec<String> = (command.get_subcommands())
        .map(|subcommand| format!("lamed-{}(1)", subcommand.get_name()))
        .collect();
    others.push("lamed-config(5)".to_owned());
    see_also(&mut page, &others.join(", "));
    text.push_str(&page.render());
    finished(&text)
}

pub fn subcommand(command: &Command) -> String {
    let mut text = head(command);
    let mut page = Roff::default();
    examples(&mut page, command);
    exit_status(&mut page);
    see_also(&mut page, "lamed(1), lamed-config(5)");
    text.push_str(&page.render());
    finished(&text)
}

/// Name to options. Neither a version nor a date: they would make every page stale by themselves.
fn head(command: &Command) -> String {
    let man = Man::new(command.clone())
        .date(NO_DATE)
        .source("lamed")
        .manual("lamed manual");
    let mut text = Vec::new();
    man.render_title(&mut text).unwrap();
    man.render_name_section(&mut text).unwrap();
    man.render_synopsis_section(&mut text).unwrap();
    man.render_description_section(&mut text).unwrap();
    man.render_options_section(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The end of `--help`: lines of a command and what it does, and perhaps a text after them.
fn examples(page: &mut Roff, command: &Command) {
    let text = command.get_after_help().unwrap().to_string();
    let (examples, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    page.control("SH", ["EXAMPLES"]);
    for example in examples.lines().filter_map(|line| line.strip_prefix("  ")) {
        let (line, meaning) = example.split_once("  ").unwrap_or((example, ""));
        page.control("TP", []);
        page.text([bold(line)]);
        page.text([roman(meaning.trim_start())]);
    }
    if !rest.is_empty() {
        page.control("PP", []);
        page.text([roman(rest)]);
    }
}

fn exit_status(page: &mut Roff) {
    page.control("SH", ["EXIT STATUS"]);
    page.text([roman(EXIT_STATUS)]);
}

pub fn see_also(page: &mut Roff, others: &str) {
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(others)]);
}

fn about(command: &Command) -> String {
    command.get_about().unwrap().to_string()
}

/// The page in ASCII, which every `man` shows right, with one preamble.
pub fn finished(text: &str) -> String {
    let mut page = String::new();
    let mut preamble = Vec::new();
    for line in text.lines() {
        if line.starts_with(".ie \\n(.g") || line.starts_with(".el .ds") {
            if preamble.contains(&line) {
                continue;
            }
            preamble.push(line);
        }
        for character in line.chars() {
            if character.is_ascii() {
                page.push(character);
            } else {
                page.push_str(&format!("\\[u{:04X}]", u32::from(character)));
            }
        }
        page.push('\n');
    }
    page
}
