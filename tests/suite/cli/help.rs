//! What helps people to find their way: examples, "did you mean", completions.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::support::{Outcome, line};

/// A line as a shell reads it, for as much of one as examples need: words, single quotes and `>`.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    assert!(!quoted, "{line}");
    let end = words.iter().position(|word| word == ">");
    words.truncate(end.unwrap_or(words.len()));
    words
}

#[test]
fn every_command_has_examples_and_all_of_them_are_true() {
    let command = lamed::cli::command();
    for command in command.get_subcommands().chain([&command]) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let examples: Vec<&str> = (help.split("\n\n").next().unwrap().lines())
            .filter_map(|line| line.strip_prefix("  "))
            .collect();
        let name = command.get_name();
        assert!((2..=4).contains(&examples.len()), "{name}: {help}");
        for example in examples {
            let line = example.split("  ").next().unwrap();
            assert!(example.len() <= 98, "{example}");
            assert!(name == "lamed" || words(line)[1] == name, "{example}");
            let read = lamed::cli::command().try_get_matches_from(words(line));
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
        }
    }
}

#[test]
fn who_mistypes_is_told_what_may_be_meant() {
    let home = home();
    for (arguments, tip) in [
        (
            &["serv"][..],
            "error: unknown command `serv`: did you mean `lamed serve`?\n",
        ),
        (
            &["result"],
            "error: unknown command `result`: did you mean `lamed results`?\n",
        ),
        (
            &["stpo"],
            "error: unknown command `stpo`: did you mean `lamed stop`?\n",
        ),
        (
            &["list"],
            "error: unknown command `list`: did you mean `lamed experiments`?\n",
        ),
        (
            &["frobnicate"],
            "error: unknown command `frobnicate`: `lamed --help` lists the commands\n",
        ),
        (
            &["start"],
            "error: missing experiment: `lamed start EXPERIMENT`; the config declares no experiments: use `lamed new`\n",
        ),
        (
            &["results", "--watch=abc"],
            "error: invalid value 'abc' for '--watch [<SECONDS>]': expected a whole number of seconds from 1 to 86,400\n",
        ),
        (
            &[
                "results",
                "--url",
                "https://a.execute-api.eu-west-1.amazonaws.com/",
            ],
            "error: `--url https://a.execute-api.eu-west-1.amazonaws.com/` has no stage: use \
             `--url https://a.execute-api.eu-west-1.amazonaws.com/prod`\n",
        ),
        (
            &[
                "results",
                "--url",
                "http://127.0.0.1:3000/dashboard#session=hunter2",
            ],
            "error: `--url http://127.0.0.1:3000/dashboard` is a dashboard, not an API: use \
             `--url http://127.0.0.1:3000/prod`\n",
        ),
        (
            &["serve", "--lokal"],
            "a similar argument exists: '--local'",
        ),
        (
            &["results", "--fail-on", "loosr"],
            "a similar value exists: 'loser'",
        ),
        (&["completions", "bsh"], "a similar value exists: 'bash'"),
        (
            &["serve", "--store", "embeded"],
            "error: `--store`: unknown store: did you mean `embedded`?\n",
        ),
        (
            &["serve", "--store", "embeded:hunter2"],
            "error: `--store`: unknown store: did you mean `embedded:FILE`?\n",
        ),
        (
            &["serve", "--store", "hunter2"],
            "error: `--store`: unknown store: expected auto, docker, embedded, embedded:FILE, dynamodb:TABLE, \
             redis://… or config\n",
        ),
    ] {
        let Outcome { code, stderr, .. } = line(&home, arguments).run();
        let told = stderr.contains(tip) && !stderr.contains("hunter");
        assert!(told && code == Some(2), "{arguments:?}: {stderr}");
    }
}

/// What bash offers for a line that ends at the cursor.
fn bash(home: &TempDir, script: &str, words: &[&str]) -> String {
    let last = words.len() - 1;
    let ask = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}\n\
         _clap_complete_lamed lamed '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        (words.iter().map(|word| format!("'{word}'")))
            .collect::<Vec<_>>()
            .join(" "),
        words[last],
        words[last - 1],
    );
    let lamed = Path::new(env!("CARGO_BIN_EXE_lamed")).parent().unwrap();
    let path = format!("{}:{}", lamed.display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash")
        .args(["--noprofile", "--norc"])
        .env("PATH", path)
        .env("HOME", home.path())
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(ask.as_bytes())
        .unwrap();
    String::from_utf8(bash.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn bash_completes_what_is_typed() {
    let home = home();
    let config = r#"{"experiments": {"button color": {"variants": {"red": 1}}}}"#;
    fs::write(home.path().join("config.json"), config).unwrap();
    let script = line(&home, &["completions", "bash"]).run();
    assert_eq!((script.code, script.stderr.as_str()), (Some(0), ""));
    for (words, offered) in [
        (&["lamed", "des"][..], "destroy\n"),
        (&["lamed", "stop", "bu"], "'button color'\n"),
        (&["lamed", "ship", "button color", "r"], "red\n"),
        (&["lamed", "configure", "--w"], "--wizard\n"),
        (&["lamed", "results", "--fail-on", "u"], "undecided\n"),
        (&["lamed", "completions", "p"], "powershell\n"),
    ] {
        assert_eq!(bash(&home, &script.stdout, words), offered, "{words:?}");
    }
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let script = line(&home, &["completions", shell]).run();
        let whole = script.code == Some(0) && script.stdout.contains("LAMED_COMPLETE");
        assert!(whole, "{shell}: {script}");
    }
}

/// The commands stand in groups, each with its first line of help, however narrow the terminal is.
#[test]
fn the_help_begins_with_the_commands_in_groups() {
    let home = home();
    let groups = ["Try", "Experiments", "Results", "Server", "AWS", "Other"];
    let mut command = lamed::cli::command();
    command.build();
    for (columns, help) in [
        ("60", &["--help"][..]),
        ("80", &["help"]),
        ("80", &["-h"]),
        ("120", &["--help"]),
    ] {
        let outcome = line(&home, help).env("COLUMNS", columns).run();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        let (head, rest) = outcome.stdout.split_once("\nTry:\n").unwrap();
        assert!(
            head.ends_with("Usage: lamed [OPTIONS] <COMMAND>\n"),
            "{head}"
        );
        let (list, options) = rest.split_once("\nOptions:\n").unwrap();
        let list = format!("Try:\n{list}");
        assert!(list.starts_with("Try:\n  serve "), "{list}");
        let headings: Vec<&str> = (list.lines())
            .filter_map(|line| line.strip_suffix(':').filter(|_| !line.starts_with(' ')))
            .collect();
        assert_eq!(headings, groups);
        for command in command.get_subcommands() {
            let start = format!("\n  {} ", command.get_name());
            let (_, after) = list.split_once(&start).unwrap();
            let mut lines = after.lines();
            let mut about = lines.next().unwrap().trim().to_owned();
            for line in lines.take_while(|line| line.starts_with("     ")) {
                about.push_str(&format!(" {}", line.trim()));
            }
            assert_eq!(about, command.get_about().unwrap().to_string());
        }
        for wanted in ["--config", "--color", "-V, --version", "\nExamples:\n"] {
            assert!(options.contains(wanted), "{options}");
        }
        let widest = list.lines().map(|line| line.chars().count()).max().unwrap();
        let limit = columns.parse::<usize>().unwrap().min(100);
        assert!(
            (limit * 3 / 4..=limit).contains(&widest),
            "{widest}: {list}"
        );
    }
    // The help of a command is as it was.
    let help = line(&home, &["help", "stop"]).run().stdout;
    let begins =
        help.starts_with("Stop an experiment: all visitors see the control\n\nThe results stay.");
    assert!(
        begins && help.contains("Usage: lamed stop [OPTIONS] <EXPERIMENT>"),
        "{help}"
    );
    assert_eq!(line(&home, &["stop", "--help"]).run().stdout, help);
}
