//! What people mistype, answered in one line.
//!
//! clap knows neither the config nor which command is meant by another word. All other errors are clap's.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, ColorChoice, FromArgMatches};

use super::log::Format;
use super::printer::Printer;
use super::{Cli, CliError, command};
use crate::config::{Config, nearest};
use crate::domain::{Declared, Name};

/// What other programs call it.
const MEANT: [(&str, &str); 8] = [
    ("init", "configure"),
    ("list", "experiments"),
    ("ls", "experiments"),
    ("remove", "delete"),
    ("report", "results"),
    ("rm", "delete"),
    ("run", "serve"),
    ("version", "--version"),
];

/// The commands that write the config file and read no API.
const CHANGES_CONFIG: [&str; 4] = ["archive", "new", "restart", "start"];

/// Reads the command line, or ends.
pub(super) fn parse() -> Cli {
    let matches = command().try_get_matches();
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.unwrap_or_else(|error| {
        let Some(told) = told(&error) else {
            error.exit()
        };
        let error = CliError::usage(told);
        Printer::new(false, ColorChoice::Auto, Format::Text).error(&error);
        std::process::exit(2)
    })
}

/// The line for a mistake that is known here.
fn told(error: &clap::Error) -> Option<String> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand)?;
            Some(unknown_command(&word))
        }
        ErrorKind::MissingRequiredArgument => {
            let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
                return None;
            };
            // What there is of it, for the config and the names in it.
            let matches = command().ignore_errors(true).try_get_matches().ok()?;
            let (name, given) = matches.subcommand()?;
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            match *missing.as_slice() {
                ["<EXPERIMENT>"] | ["<EXPERIMENT>", "<VARIANT>"] if name != "new" => {
                    Some(no_experiment(name, &declared(given)))
                }
                ["<VARIANT>"] if name == "ship" => Some(no_variant(given)),
                ["--variants <VARIANTS>"] => {
                    Some("missing variants: use `--variants`, the control first, for example `--variants old,new`".to_owned())
                }
                ["--rate <RATE>"] if name == "plan" => Some(
                    "missing rate: use `--rate`, for example `--rate 5%`, or name an experiment that has counts: `lamed plan EXPERIMENT`"
                        .to_owned(),
                ),
                [.., "<EXPERIMENT>"] if name == "new" => {
                    Some("missing name: `lamed new EXPERIMENT --variants old,new`".to_owned())
                }
                _ => None,
            }
        }
        ErrorKind::UnknownArgument => {
            let matches = command().ignore_errors(true).try_get_matches().ok()?;
            let all = command();
            let given = all.find_subcommand(matches.subcommand_name()?)?;
            unknown_argument(&text(error, ContextKind::InvalidArg)?, given)
        }
        _ => None,
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// `word` is what a command does not take.
fn unknown_argument(word: &str, given: &clap::Command) -> Option<String> {
    let name = given.get_name();
    let listens = || given.get_arguments().any(|one| one.get_id() == "listen");
    let takes_names = || given.get_positionals().next().is_some();
    match word {
        "--port" if listens() => Some(
            "unknown option `--port`: use `--listen`, for example `--listen 127.0.0.1:3001`"
                .to_owned(),
        ),
        "--local" if CHANGES_CONFIG.contains(&name) => Some(format!(
            "unknown option `--local`: `lamed {name}` changes the config file, and a running `lamed serve` loads it by \
             itself"
        )),
        word if !word.starts_with('-') && takes_names() => Some(format!(
            "unexpected argument `{word}`: write a name with spaces in quotes, for example \"button color\""
        )),
        _ => None,
    }
}

fn unknown_command(word: &str) -> String {
    let all = command();
    let names = all.get_subcommands().map(clap::Command::get_name);
    let meant = MEANT.iter().find(|(other, _)| *other == word);
    match meant
        .map(|(_, name)| *name)
        .or_else(|| nearest(word, names))
    {
        Some(name) => format!("unknown command `{word}`: did you mean `lamed {name}`?"),
        None => format!("unknown command `{word}`: `lamed --help` lists the commands"),
    }
}

/// The declared experiments, as far as the config can be read.
fn declared(given: &ArgMatches) -> Vec<Declared> {
    let file = given.try_get_one::<OsString>("config").ok().flatten();
    let file = file.filter(|file| !file.is_empty()).map(PathBuf::from);
    let config = Config::load(file.as_deref()).unwrap_or_default();
    let shown = config.experiments.into_iter().filter(|one| !one.archived);
    shown.collect()
}

fn no_experiment(command: &str, declared: &[Declared]) -> String {
    let form = match command {
        "ship" => "lamed ship EXPERIMENT VARIANT".to_owned(),
        command => format!("lamed {command} EXPERIMENT"),
    };
    let names = quoted(declared.iter().map(|one| &one.name));
    match declared {
        [] => format!(
            "missing experiment: `{form}`; the config declares no experiments: use `lamed new`"
        ),
        _ => format!("missing experiment: `{form}`; the config declares {names}"),
    }
}

fn no_variant(given: &ArgMatches) -> String {
    let name = given.try_get_one::<Name>("experiment").ok().flatten();
    let declared = declared(given);
    let one = declared.iter().find(|one| Some(&one.name) == name);
    let variants = one.map(|one| quoted(one.variants.iter().map(|(name, _)| name)));
    match variants.filter(|variants| !variants.is_empty()) {
        Some(variants) => format!("missing variant: expected one of {variants}"),
        None => "missing variant: `lamed ship EXPERIMENT VARIANT`".to_owned(),
    }
}

/// `` `a`, `b` ``
fn quoted<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
