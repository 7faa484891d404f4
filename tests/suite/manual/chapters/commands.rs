//! The commands, from clap.

use clap::{Arg, Command};

use super::{cell, table};

pub fn chapter() -> String {
    let mut lamed = lamed::cli::command().disable_help_subcommand(true);
    lamed.build();
    let mut chapter = include_str!("commands.md").to_owned();
    chapter += "\n## All commands\n\n";
    let rows: Vec<_> = (lamed.get_subcommands())
        .map(|command| {
            let name = command.get_name();
            let about = command.get_about().unwrap().to_string();
            [format!("[`lamed {name}`](#lamed-{name})"), cell(&about)]
        })
        .collect();
    chapter += &table(["command", "what it does"], &rows);
    chapter += "## Global options\n\nEvery command takes these options:\n\n";
    chapter += &options(lamed.get_arguments());
    for command in lamed.get_subcommands() {
        chapter += &section(command);
    }
    chapter
}

fn section(command: &Command) -> String {
    let name = command.get_name();
    let about = command.get_long_about().or(command.get_about()).unwrap();
    let mut section = format!("## `lamed {name}`\n\n{}\n\n", sentences(&about.to_string()));
    section += &examples(command);
    let own = command.get_arguments().filter(|arg| !arg.is_global_set());
    section + &options(own)
}

/// The first line of `--help` is a phrase.
fn sentences(about: &str) -> String {
    let (phrase, rest) = about.split_once("\n\n").unwrap_or((about, ""));
    let phrase = format!("{}.", phrase.trim_end_matches('.'));
    [phrase.as_str(), rest].join("\n\n").trim_end().to_owned()
}

/// The end of `--help`: lines of a command and what it does, and perhaps a text after them.
fn examples(command: &Command) -> String {
    let text = command.get_after_help().unwrap().to_string();
    let (examples, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let examples: Vec<(&str, &str)> = (examples.lines())
        .filter_map(|line| line.strip_prefix("  "))
        .map(|example| example.split_once("  ").unwrap_or((example, "")))
        .collect();
    let width = examples.iter().map(|(line, _)| line.chars().count()).max();
    let block: String = (examples.iter())
        .map(|(line, meaning)| match meaning.trim_start() {
            "" => format!("$ {line}\n"),
            meaning => format!("$ {line:0$}  # {meaning}\n", width.unwrap_or_default()),
        })
        .collect();
    let rest = match rest {
        "" => String::new(),
        rest => format!("{rest}\n\n"),
    };
    format!("```console\n{block}```\n\n{rest}")
}

fn options<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<_> = arguments
        .filter(|arg| !arg.is_hide_set() && arg.get_id() != "help" && arg.get_id() != "version")
        .map(|arg| [format!("`{}`", spelling(arg)), what(arg)])
        .collect();
    table(["option", "what it does"], &rows)
}

/// As it is written: `-q, --quiet`, `--config FILE`, `EXPERIMENT`.
fn spelling(arg: &Arg) -> String {
    let value = arg
        .get_value_names()
        .filter(|_| arg.get_action().takes_values())
        .map_or_else(String::new, |names| names.join(" "));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names = [short, long].into_iter().flatten().collect::<Vec<_>>();
    let spelled = names.join(", ") + " " + &value;
    spelled.trim().replace('|', "\\|")
}

fn what(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).unwrap();
    let help = help.to_string();
    // The first line of the help is a phrase; what follows are sentences.
    let mut text = match help.contains("\n\n") {
        true => cell(&sentences(&help)),
        false => cell(&help),
    };
    let values: Vec<_> = (arg.get_possible_values().iter())
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({})", value.get_name(), cell(&help.to_string())),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        let between = if text.ends_with('.') {
            " Values: "
        } else {
            ": "
        };
        text += &format!("{between}{}", values.join(", "));
    }
    if let [default] = arg.get_default_values()
        && arg.get_action().takes_values()
    {
        text += &format!(" [default: {}]", default.to_string_lossy());
    }
    if let Some(variable) = arg.get_env() {
        text += &format!(" [env: `{}`]", variable.to_string_lossy());
    }
    text
}
