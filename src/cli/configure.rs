//! `lamed configure`

use std::fs;
use std::io::{IsTerminal, Write, stdin};
use std::path::{Path, PathBuf};

use dialoguer::Confirm;

use super::{CliError, Context};
use crate::assets::CONFIG_TEMPLATE;
use crate::config::{Config, Location, locate};

#[derive(Debug, clap::Args)]
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
    if !stdin().is_terminal() && editor().is_none() {
        return Err(CliError::usage(format!(
            "no terminal and no $EDITOR: edit `{}` yourself",
            path.display()
        )));
    }
    loop {
        edit::edit_file(&path)
            .map_err(|error| CliError::failed(format!("the editor failed: {error}")))?;
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
        if !stdin().is_terminal() {
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

/// The editor that the user names. `edit` falls back on what it finds installed.
fn editor() -> Option<std::ffi::OsString> {
    std::env::var_os("VISUAL").or_else(|| std::env::var_os("EDITOR"))
}

/// Makes the file from the template, readable by its user only: it will hold a password.
fn create(path: &Path) -> Result<(), CliError> {
    let cannot = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("cannot create `{}`: {error}", path.display()))
    };
    let folder = (path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty()))
    .map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&folder).map_err(|error| cannot(&error))?;
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(|error| cannot(&error))?;
    file.write_all(CONFIG_TEMPLATE.as_bytes())
        .map_err(|error| cannot(&error))?;
    file.persist_noclobber(path)
        .map_err(|error| cannot(&error))?;
    Ok(())
}
