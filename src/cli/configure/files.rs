//! What `lamed configure` writes.

use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::assets::CONFIG_TEMPLATE;
use crate::cli::{CliError, Context};
use crate::config::{self, Document};

/// The schema beside the config in `~/.lamed`, by which editors complete and check it.
const SCHEMA_FILE: &str = "config.schema.json";

/// The schema as a text.
pub(super) fn schema() -> String {
    format!("{:#}\n", config::schema().as_value())
}

/// What a new config file says. Only in `~/.lamed` there is a schema beside it: anywhere else that
/// would be a second file that nobody asked for.
pub(super) fn template(path: &Path) -> String {
    let Some(mut template) = Document::new(CONFIG_TEMPLATE) else {
        return CONFIG_TEMPLATE.to_owned();
    };
    if !at_home(path) {
        template.remove(&["$schema"]);
    }
    template.text().to_owned()
}

/// The same without a part of it.
pub(in crate::cli) fn template_without(path: &Path, key: &str) -> String {
    let text = template(path);
    let Some(mut template) = Document::new(&text) else {
        return text;
    };
    template.remove(&[key]);
    template.text().to_owned()
}

/// Makes the file.
pub(in crate::cli) fn create(context: &Context, path: &Path, text: &str) -> Result<(), CliError> {
    let file = written(path, text)?;
    (file.persist_noclobber(path)).map_err(|error| cannot_write(path, &error.error))?;
    (context.printer).talk(&format!("created `{}`", path.display()));
    Ok(())
}

/// Puts a text in the place of what the file said `before`: at once, so that nobody ever reads half of it. `None` is for a
/// file that was not there.
///
/// # Errors
/// When it cannot be written, or when somebody else changed it meanwhile.
pub(in crate::cli) fn change(
    path: &Path,
    before: Option<&str>,
    text: &str,
) -> Result<(), CliError> {
    if fs::read_to_string(path).ok().as_deref() != before {
        return Err(changed_meanwhile(path));
    }
    replace(path, text)
}

/// The error of a file that is not what it was when the command began.
pub(in crate::cli) fn changed_meanwhile(path: &Path) -> CliError {
    CliError::failed(format!(
        "`{}` was changed by another program: run the command again",
        path.display()
    ))
}

/// Puts a text in the place of the file's, which keeps its mode and owner, or makes the file.
fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    // A link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let file = written(&path, text)?;
    if let Ok(there) = fs::metadata(&path)
        && !keeps(&file, &there)
    {
        // Another user's, which only a write in place leaves to him.
        return fs::write(&path, text).map_err(|error| cannot_write(&path, &error));
    }
    (file.persist(&path)).map_err(|error| cannot_write(&path, &error.error))?;
    Ok(())
}

/// Lets nobody but its owner read a file that may get a password.
pub(super) fn keep_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // It is not there yet, or somebody else's.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Gives a new file the mode and the owner of the one that is there, if that is possible.
#[cfg(unix)]
fn keeps(new: &NamedTempFile, there: &fs::Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, fchown};
    let Ok(made) = new.as_file().metadata() else {
        return false;
    };
    let is_same = (made.uid(), made.gid()) == (there.uid(), there.gid());
    let owned = is_same || fchown(new.as_file(), Some(there.uid()), Some(there.gid())).is_ok();
    owned && new.as_file().set_permissions(there.permissions()).is_ok()
}

#[cfg(not(unix))]
fn keeps(_: &NamedTempFile, _: &fs::Metadata) -> bool {
    true
}

/// Brings the schema beside the config up to date with this lamed, where the config names it and is
/// in `~/.lamed`.
pub(in crate::cli) fn refresh_schema(context: &Context, path: &Path) -> Result<(), CliError> {
    let names_it = fs::read_to_string(path)
        .ok()
        .and_then(|text| Document::new(&text))
        .is_some_and(|config| config.value()["$schema"] == format!("./{SCHEMA_FILE}"));
    let file = path.with_file_name(SCHEMA_FILE);
    let text = schema();
    if !at_home(path) || !names_it || fs::read_to_string(&file).is_ok_and(|there| there == text) {
        return Ok(());
    }
    replace(&file, &text)?;
    context.printer.talk(&format!(
        "created `{}`: editors use it to complete and check the config",
        file.display()
    ));
    Ok(())
}

fn at_home(path: &Path) -> bool {
    path.parent() == config::home().as_deref()
}

/// A file with this text beside `path`, readable by its user only: it may hold a password.
fn written(path: &Path, text: &str) -> Result<NamedTempFile, CliError> {
    let folder = (path.parent())
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&folder).map_err(|error| {
        CliError::failed(format!("cannot create `{}`: {error}", folder.display()))
    })?;
    // Temporary files are made with mode 0600.
    let mut file = NamedTempFile::new_in(&folder).map_err(|error| cannot_write(path, &error))?;
    (file.write_all(text.as_bytes()))
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| cannot_write(path, &error))?;
    Ok(file)
}

fn cannot_write(path: &Path, error: &dyn Display) -> CliError {
    CliError::failed(format!("cannot write `{}`: {error}", path.display()))
}
