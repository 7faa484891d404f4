//! Which API a command speaks to: `--local`, or `--url BASE --api-key K`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{CliError, Context};
use crate::config::{self, environment};
use crate::domain::Secret;
use crate::http::STAGE;

/// Where `lamed serve` listens unless told otherwise.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:3000";

#[derive(clap::Args)]
pub(super) struct ApiArgs {
    /// The API that `lamed serve --local` serves on this machine
    #[arg(long, conflicts_with = "url")]
    local: bool,
    /// The API at BASE, as in https://abc.execute-api.eu-west-1.amazonaws.com/prod
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct KeyArgs {
    /// The API key
    #[arg(long, value_name = "KEY", env = environment::API_KEY, hide_env_values = true)]
    pub api_key: Option<String>,
}

/// An API: `http://127.0.0.1:3000/prod`, and the key where one is known.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub base: String,
    pub key: Option<Secret>,
}

impl Endpoint {
    pub(super) fn track_url(&self) -> String {
        format!("{}/track", self.base)
    }

    /// Resolves what was asked for. A key on the command line or in the environment goes first.
    pub(super) fn resolve(args: &ApiArgs, key: Option<&KeyArgs>) -> Result<Self, CliError> {
        // An empty one is as good as none: a script left its variable unset.
        let given = (key.and_then(|key| key.api_key.as_deref()))
            .filter(|key| !key.is_empty())
            .map(Secret::new);
        if let Some(url) = &args.url {
            return Ok(Self {
                base: base(url)?,
                key: given,
            });
        }
        if !args.local {
            return Err(CliError::usage(
                "which API? Say `--local` for the one `lamed serve --local` serves here, or `--url BASE`",
            ));
        }
        let running = Running::read();
        let base = running.as_ref().map(|running| running.base.clone());
        Ok(Self {
            base: base.unwrap_or_else(|| format!("http://{DEFAULT_LISTEN}/{STAGE}")),
            key: given.or(running.map(|running| Secret::new(running.api_key))),
        })
    }
}

/// Checks a base URL; a slash at its end or a pasted `/track` is forgiven.
fn base(url: &str) -> Result<String, CliError> {
    let trimmed = url.trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/track").unwrap_or(trimmed);
    let valid = trimmed.parse::<hyper::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if valid {
        Ok(trimmed.to_owned())
    } else {
        Err(CliError::usage(format!(
            "`--url {url}` is not the base of an API: it looks like https://HOST/{STAGE}"
        )))
    }
}

/// What a running `lamed serve --local` leaves in `~/.lamed/local.json`, readable by its user only,
/// so that `--local` needs neither port nor key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Running {
    base: String,
    api_key: String,
    pid: u32,
}

impl Running {
    fn path() -> Option<PathBuf> {
        config::home().map(|home| home.join("local.json"))
    }

    fn read() -> Option<Self> {
        let text = fs::read_to_string(Self::path()?).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the file. Where it cannot be written, `--local` needs `--url` and `--api-key` instead.
    pub(super) fn announce(context: &Context, base: &str, api_key: &Secret) {
        let Some(path) = Self::path() else {
            return;
        };
        let running = Self {
            base: base.to_owned(),
            api_key: api_key.reveal().to_owned(),
            pid: std::process::id(),
        };
        if let Err(error) = running.write(&path) {
            context.printer.warn(&format!(
                "cannot write `{}`, so `--local` will not find this server: {error}",
                path.display()
            ));
        }
    }

    fn write(&self, path: &std::path::Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)?;
        // Temporary files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes the file, unless a later server wrote it.
    pub(super) fn withdraw() {
        if Self::read().is_some_and(|running| running.pid == std::process::id())
            && let Some(path) = Self::path()
        {
            let _ = fs::remove_file(path);
        }
    }
}
