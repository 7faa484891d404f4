//! `lamed --help`: the commands in groups, in the order in which a newcomer needs them.
//!
//! clap has no groups of commands. So the list is written here, of the names and first lines that clap has.

use std::fmt::Write;

use clap::Command;
use terminal_size::terminal_size;
use textwrap::Options;

/// The widest help, as for the other texts of `--help`.
pub(super) const WIDEST: usize = 100;

/// Each command stands in one of them; the last is for those that are no part of the work.
pub(super) const GROUPS: [(&str, &[&str]); 6] = [
    ("Try", &["serve", "snippet", "doctor"]),
    (
        "Experiments",
        &[
            "new",
            "start",
            "stop",
            "ship",
            "restart",
            "archive",
            "experiments",
            "plan",
        ],
    ),
    ("Results", &["results", "dashboard", "delete"]),
    ("Server", &["configure", "ready", "backup"]),
    (
        "AWS",
        &[
            "preflight",
            "deploy",
            "status",
            "logs",
            "rollback",
            "destroy",
        ],
    ),
    ("Other", &["completions", "help"]),
];

/// The same command line with its commands in groups.
pub(super) fn grouped(command: Command) -> Command {
    let list = list(&command, width());
    let header = command.get_styles().get_header();
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}{header}Options:{header:#}\n\
         {{options}}{{after-help}}"
    );
    command.help_template(template)
}

/// As clap finds it.
fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let width = terminal_size().map(|(width, _)| usize::from(width.0));
    width.or_else(columns).unwrap_or(WIDEST).min(WIDEST)
}

/// A heading and its commands, group by group.
fn list(command: &Command, width: usize) -> String {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    // clap adds `help` when it builds the command.
    let mut built = command.clone();
    built.build();
    let longest = (built.get_subcommands())
        .map(|command| command.get_name().len())
        .max();
    let indent = longest.unwrap_or_default() + 4;
    let mut text = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "{header}{group}:{header:#}");
        for command in names.iter().filter_map(|name| built.find_subcommand(name)) {
            let about = command.get_about().map(ToString::to_string);
            let gap = " ".repeat(indent - 2 - command.get_name().len());
            let _ = writeln!(
                text,
                "  {literal}{}{literal:#}{gap}{}",
                command.get_name(),
                hanging(&about.unwrap_or_default(), indent, width)
            );
        }
        text.push('\n');
    }
    text
}

/// A text that begins at this column, and whose other lines begin there, too.
fn hanging(text: &str, indent: usize, width: usize) -> String {
    // A word is never cut, however narrow the terminal.
    let room = width.saturating_sub(indent).max(20);
    let lines = textwrap::wrap(text, Options::new(room).break_words(false));
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_command_stands_in_one_group() {
        let mut command = crate::cli::command();
        command.build();
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, names) in GROUPS {
            for name in names {
                *times.entry(name).or_default() += 1;
            }
        }
        let once: BTreeMap<&str, usize> = (command.get_subcommands())
            .map(|command| (command.get_name(), 1))
            .collect();
        assert_eq!(times, once);
    }
}
