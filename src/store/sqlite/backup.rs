//! A copy of a store file, also while `lamed serve` counts in it.

use std::fmt;
#[cfg(unix)]
use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use tempfile::NamedTempFile;

use super::BUSY;
use crate::store::StoreError;

/// Copies the store in `file` to `copy`, which must not exist yet, and says how many bytes it has. The copy is
/// of one moment, is on disk when this returns, and is for its owner alone.
///
/// One read takes all of it, so events that come meanwhile neither disturb it nor wait for it.
///
/// # Errors
/// When `file` is no store, `copy` exists, or the copy cannot be written. Nothing stays behind then.
pub fn back_up(file: &Path, copy: &Path) -> Result<u64, StoreError> {
    if copy.symlink_metadata().is_ok() {
        return Err(failed(copy, &"already exists: choose another name"));
    }
    if !file.is_file() {
        return Err(failed(file, &"is not a file"));
    }
    let folder = match copy.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let unwritable = |error: &dyn fmt::Display| {
        StoreError::Failed(format!("cannot write `{}`: {error}", copy.display()))
    };
    // Its mode is 0600, and it is removed unless it gets its name.
    let begun = tempfile::Builder::new()
        .prefix(".lamed-backup-")
        .tempfile_in(folder)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => unwritable(&"the folder does not exist"),
            _ => unwritable(&error),
        })?;
    vacuum_into(file, &begun)?;
    begun
        .as_file()
        .sync_all()
        .map_err(|error| unwritable(&error))?;
    let size = begun
        .as_file()
        .metadata()
        .map_err(|error| unwritable(&error))?;
    (begun.persist_noclobber(copy)).map_err(|error| unwritable(&error.error))?;
    sync_folder(folder).map_err(|error| unwritable(&error))?;
    Ok(size.len())
}

fn vacuum_into(file: &Path, begun: &NamedTempFile) -> Result<(), StoreError> {
    let source = open(file).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => failed(file, &"is not a lamed store"),
        _ => failed(file, &error),
    })?;
    let Some(source) = source else {
        return Err(failed(file, &"is not a lamed store"));
    };
    let into = begun.path().to_str().ok_or_else(|| {
        StoreError::Failed("the folder name of the copy must be UTF-8".to_owned())
    })?;
    source
        .execute("VACUUM INTO ?1", [into])
        .map_err(|error| failed(file, &format!("cannot be copied: {error}")))?;
    Ok(())
}

/// `None` where it is another program's.
fn open(file: &Path) -> rusqlite::Result<Option<Connection>> {
    // To write is to read along with the server: through the index of its log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(file, flags)?;
    source.busy_timeout(BUSY)?;
    let is_store = source
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'remembered'",
            [],
            |_| Ok(()),
        )
        .optional()?;
    Ok(is_store.map(|()| source))
}

fn failed(path: &Path, what: &dyn fmt::Display) -> StoreError {
    StoreError::Failed(format!("`{}` {what}", path.display()))
}

/// Only then is the name on disk, too.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    folder.metadata().map(drop)
}
