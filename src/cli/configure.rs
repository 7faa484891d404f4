//! `lamed configure`

use std::env;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use dialoguer::Confirm;

use super::printer::somebody_answers;
use super::{CliError, Context};
use crate::assets::CONFIG_TEMPLATE;
use crate::config::{Config, Location, locate};

#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(context: &Context, Args {}: Args) -> Result<(), CliError> {
    let path = match locate(context.config_file.as_deref()) {
        Location::Found(path) => path,
        Location::Missing(path) => {
            create(&path)?;
            (context.printer).talk(&format!("created `{}`", path.display()));
            path
        }
    };
    if !somebody_answers() && editor().is_none() {
        return Err(CliError::usage(format!(
            "no terminal and no `$EDITOR`: edit `{}` yourself",
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
                (context.printer).talk(&format!("`{}` is in order", path.display()));
                return Ok(());
            }
            Err(error) => CliError::from(error),
        };
        if !somebody_answers() {
            return Err(problem);
        }
        context.printer.error(&problem);
        let again = Confirm::new()
            .with_prompt("Edit it again?")
            .default(true)
            .interact()
            .map_err(|error| CliError::failed(error.to_string()))?;
        if !again {
            return Err(CliError::usage(format!(
                "`{}` was left as it is",
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
            ErrorKind::NotFound => CliError::failed("no editor found: name yours in `$EDITOR`"),
            _ => CliError::failed(format!("the editor failed: {error}")),
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

/// Makes the file from the template, readable by its user only: it will hold a password.
fn create(path: &Path) -> Result<(), CliError> {
    let cannot = |path: &Path, error: &dyn std::fmt::Display| {
        CliError::failed(format!("cannot create `{}`: {error}", path.display()))
    };
    let folder = (path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty()))
    .map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&folder).map_err(|error| cannot(&folder, &error))?;
    // Temporary files are made with mode 0600.
    let mut file =
        tempfile::NamedTempFile::new_in(&folder).map_err(|error| cannot(path, &error))?;
    file.write_all(CONFIG_TEMPLATE.as_bytes())
        .map_err(|error| cannot(path, &error))?;
    file.persist_noclobber(path)
        .map_err(|error| cannot(path, &error))?;
    Ok(())
}
