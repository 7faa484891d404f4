//! `lamed configure`

mod answers;
pub(super) mod files;
mod wizard;

use std::env;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use dialoguer::Confirm;

use super::printer::somebody_answers;
use super::terminal::Terminal;
use super::{CliError, Context};
use crate::config::{Config, Location, locate};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Ask for the Redis settings and test them, instead of opening an editor
    #[arg(long, conflicts_with = "schema")]
    wizard: bool,
    /// Print the JSON Schema of the config file
    #[arg(long)]
    schema: bool,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    if args.schema {
        return context.printer.data(&files::schema());
    }
    if args.wizard {
        return wizard::run(context);
    }
    let path = match locate(context.config_file.as_deref()) {
        Location::Found(path) => path,
        Location::Missing(path) => {
            files::create(context, &path, &files::template(&path))?;
            path
        }
    };
    files::refresh_schema(context, &path)?;
    if !somebody_answers() && editor().is_none() {
        return Err(CliError::usage(format!(
            "cannot open an editor: not a terminal, and `$EDITOR` is not set; edit `{}` yourself",
            path.display()
        )));
    }
    loop {
        open(&path)?;
        let problem = match Config::read(&path) {
            Ok(config) => {
                for warning in &config.warnings {
                    context.printer.warn(warning);
                }
                (context.printer).talk(&format!("`{}` is valid", path.display()));
                return Ok(());
            }
            Err(error) => CliError::from(error),
        };
        if !somebody_answers() {
            return Err(problem);
        }
        context.printer.error(&problem);
        let again = Confirm::new()
            .with_prompt("Edit the file again?")
            .default(true);
        let terminal = Terminal::guard()?;
        let again = terminal.answer(again.interact())?;
        terminal.release();
        if !again {
            return Err(CliError::usage(format!(
                "`{}` is still invalid",
                path.display()
            )));
        }
    }
}

/// The editor that the user names, with its arguments.
fn editor() -> Option<String> {
    (["VISUAL", "EDITOR"].iter())
        .filter_map(|variable| env::var(variable).ok())
        .find(|command| !command.trim().is_empty())
}

/// Opens the file in the editor that the user names (never in another one instead), else in one
/// that is installed.
fn open(path: &Path) -> Result<(), CliError> {
    let Some(editor) = editor() else {
        return edit::edit_file(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => CliError::failed("no editor found: set `$EDITOR`"),
            _ => CliError::failed(format!("{error}; set `$EDITOR` to your editor")),
        });
    };
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or_default();
    match Command::new(program).args(words).arg(path).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the editor `{editor}` failed: {status}")),
        Err(error) => Err(format!("cannot start the editor `{editor}`: {error}")),
    }
    .map_err(CliError::failed)
}
