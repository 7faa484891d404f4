//! `lamed backup`

use std::path::PathBuf;

use serde_json::json;

use super::stores::Choice;
use super::{CliError, Context};
use crate::store::{Location, back_up};

const REDIS: &str = "`lamed backup` copies only SQLite files: to back up a Redis, use `BGSAVE` or copy its \
                     append-only file";

#[derive(clap::Args)]
pub(super) struct Args {
    /// Write the copy to this file, which must not exist
    file: PathBuf,
    /// Back up this store, an SQLite file: embedded:FILE
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let store = match &args.store {
        Some(text) => match Choice::parse(text)? {
            Choice::Embedded(Location::File(store)) => store,
            Choice::Embedded(Location::Memory) => {
                return Err(CliError::usage(
                    "cannot back up a store in memory: use `--store embedded:FILE`",
                ));
            }
            _ => return Err(CliError::usage(REDIS)),
        },
        None if context.config()?.redis.is_some() => return Err(CliError::usage(REDIS)),
        None => {
            return Err(CliError::usage(
                "`--store` is missing: use `--store embedded:FILE` to name the store",
            ));
        }
    };
    let bytes = back_up(&store, &args.file)
        .map_err(|error| CliError::failed(format!("cannot back up the store: {error}")))?;
    if context.json {
        let file = args.file.display().to_string();
        return (context.printer).json(&json!({ "file": file, "bytes": bytes }));
    }
    context.printer.talk(&format!(
        "backed up `{}` to `{}` ({})",
        store.display(),
        args.file.display(),
        size(bytes)
    ));
    Ok(())
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}
