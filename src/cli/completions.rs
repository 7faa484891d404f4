//! `lamed completions`, and what shells ask for then: the words that may follow, names of the config among them.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

use clap::ValueEnum;
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;

use super::{CliError, Context};
use crate::config::Config;

/// The variable by which a shell asks.
const VARIABLE: &str = "LAMED_COMPLETE";

/// The shell that asks; the variable is gone by the time that names are wanted.
static ASKING: OnceLock<OsString> = OnceLock::new();

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the script for this shell
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Elvish => "elvish",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Zsh => "zsh",
    };
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell = (shells.completer(name))
        .ok_or_else(|| CliError::usage(format!("there is no script for {name}")))?;
    shell
        .write_registration(VARIABLE, "lamed", "lamed", "lamed", &mut script)
        .map_err(|error| CliError::failed(error.to_string()))?;
    context.printer.data(&String::from_utf8_lossy(&script))
}

/// Answers a shell that asks, and ends then.
pub(super) fn answer() {
    if let Some(shell) = env::var_os(VARIABLE) {
        ASKING.get_or_init(|| shell);
    }
    CompleteEnv::with_factory(super::command)
        .var(VARIABLE)
        .complete();
}

/// The declared experiments that begin so. A config that cannot be read has none.
pub(super) fn experiments(begun: &OsStr) -> Vec<CompletionCandidate> {
    let config = Config::load(None).unwrap_or_default();
    let named = config.experiments.iter().map(|declared| {
        let state = declared.state.to_string();
        (declared.name.as_str(), Some(state))
    });
    begin_with(begun, named)
}

/// The declared variants that begin so, of all experiments.
pub(super) fn variants(begun: &OsStr) -> Vec<CompletionCandidate> {
    let config = Config::load(None).unwrap_or_default();
    let variants = config.experiments.iter().flat_map(|one| &one.variants);
    let names: BTreeSet<&str> = variants.map(|(name, _)| name.as_str()).collect();
    begin_with(begun, names.into_iter().map(|name| (name, None)))
}

/// bash puts what it is offered into the line as it is; other shells quote it themselves.
fn begin_with<'a>(
    begun: &OsStr,
    names: impl Iterator<Item = (&'a str, Option<String>)>,
) -> Vec<CompletionCandidate> {
    let is_bash = ASKING.get().is_some_and(|shell| shell == "bash");
    let begun = begun.to_string_lossy();
    let begun = begun.trim_start_matches(['\'', '"']);
    names
        .filter(|(name, _)| name.starts_with(begun))
        .map(|(name, help)| {
            let word = match is_bash {
                true => quoted(name),
                false => name.to_owned(),
            };
            CompletionCandidate::new(word).help(help.map(Into::into))
        })
        .collect()
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
