//! Which API a command speaks to: the deployed one, `--local`, or `--url BASE --api-key K`.

use std::env;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::nearby::get;
use super::printer::Printer;
use super::{CliError, Context, block_on, deployment};
use crate::config::{self, Config, environment};
use crate::domain::Secret;
use crate::http::STAGE;
use crate::http::wire::parameter::PROBE;
use crate::server::Proof;

/// Where `lamed serve` listens unless told otherwise.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:3000";

/// How long a server on this machine may take to prove that it is the one of its file.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(super) struct ApiArgs {
    /// Use the API of `lamed serve --local` on this machine
    #[arg(long, conflicts_with = "url")]
    local: bool,
    /// Use the API at this base URL, for example https://abc.execute-api.eu-west-1.amazonaws.com/prod
    /// [default: the deployed API]
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
}

impl ApiArgs {
    /// The server on this machine.
    pub(super) fn local() -> Self {
        Self {
            local: true,
            url: None,
        }
    }

    pub(super) fn is_local(&self) -> bool {
        self.local
    }

    pub(super) fn is_deployed(&self) -> bool {
        !self.local && self.url.is_none()
    }
}

#[derive(clap::Args)]
pub(super) struct KeyArgs {
    /// Use this API key
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

    /// It counts nothing, and needs the store.
    pub(super) fn probe_url(&self) -> String {
        format!("{}?{PROBE}=1", self.track_url())
    }

    pub(super) fn experiments_url(&self) -> String {
        format!("{}/experiments", self.base)
    }

    /// Resolves what was asked for: the deployed API, unless told otherwise. A key on the command line
    /// goes first; one in the environment is for what has no key that could be found, and may be
    /// another server's.
    pub(super) fn resolve(
        context: &Context,
        config: &Config,
        args: &ApiArgs,
        key: Option<&KeyArgs>,
    ) -> Result<Self, CliError> {
        // An empty one is as good as none: a script left its variable unset.
        let given = (key.and_then(|key| key.api_key.as_deref())).filter(|key| !key.is_empty());
        let typed = given.filter(|key| env::var(environment::API_KEY).as_deref() != Ok(*key));
        let key_of = |found: Option<Secret>| match typed {
            Some(typed) => Some(Secret::new(typed)),
            None => found.or_else(|| given.map(Secret::new)),
        };
        if let Some(url) = &args.url {
            return Ok(Self {
                base: base(url)?,
                key: key_of(None),
            });
        }
        if !args.local {
            let (base, key) = block_on(deployment::find(context, config)).map_err(|error| {
                CliError::failed(format!(
                    "{error}; use `--local` for the API of `lamed serve --local`"
                ))
            })?;
            return Ok(Self {
                base,
                key: key_of(key),
            });
        }
        let running = Running::find().ok_or_else(|| {
            CliError::failed(
                "your `lamed serve --local` is not running on this machine: start it, or use `--url BASE`",
            )
        })?;
        Ok(Self {
            base: running.base,
            key: key_of(Some(Secret::new(running.api_key))),
        })
    }
}

/// Checks a base URL; a slash at its end or a pasted `/track` is forgiven.
fn base(url: &str) -> Result<String, CliError> {
    let trimmed = url.trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/track").unwrap_or(trimmed);
    let uri = trimmed.parse::<hyper::Uri>().ok();
    let authority = uri.as_ref().and_then(hyper::Uri::authority);
    if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(CliError::usage(
            "`--url` must not contain a user name or password: pages would show it",
        ));
    }
    let valid = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.query().is_none()
            && uri.authority().is_some_and(|authority| {
                let port = authority.as_str().strip_prefix(authority.host());
                !authority.host().is_empty()
                    && port.is_some_and(|port| port.is_empty() || authority.port_u16().is_some())
            })
    });
    if valid {
        Ok(trimmed.to_owned())
    } else {
        Err(CliError::usage(format!(
            "`--url {url}` is not the base URL of an API: expected a URL such as https://HOST/{STAGE}"
        )))
    }
}

/// What a running `lamed serve --local` leaves in `~/.lamed/local/PORT.json`, readable by its user
/// only, so that `--local` needs neither port nor key.
#[derive(Serialize, Deserialize)]
pub(super) struct Running {
    base: String,
    api_key: String,
    /// What the server can prove that it knows.
    proof: String,
}

impl Running {
    fn folder() -> Option<PathBuf> {
        config::home().map(|home| home.join("local"))
    }

    fn path(address: SocketAddr) -> Option<PathBuf> {
        Self::folder().map(|folder| folder.join(format!("{}.json", address.port())))
    }

    /// The server that was started last, of those that still run. One that crashed leaves its file
    /// behind, and its port to anybody.
    pub(super) fn find() -> Option<Self> {
        let mut files: Vec<(SystemTime, PathBuf)> = fs::read_dir(Self::folder()?)
            .ok()?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                Some((fs::metadata(&path).ok()?.modified().ok()?, path))
            })
            .collect();
        files.sort();
        files.iter().rev().find_map(|(_, path)| Self::read(path))
    }

    fn read(path: &Path) -> Option<Self> {
        let running: Self = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        let uri: hyper::Uri = running.base.parse().ok()?;
        let address: SocketAddr = uri.authority()?.as_str().parse().ok()?;
        let proof = Proof::of(Secret::new(running.proof.clone()));
        let (question, expected) = proof.question().ok()?;
        let answer = get(address, &question, ANSWER_TIMEOUT).ok()?;
        expected.is(&answer.body).then_some(running)
    }

    /// Writes the file. Where it cannot be written, `--local` needs `--url` and `--api-key` instead.
    pub(super) fn announce(
        printer: Printer,
        address: SocketAddr,
        base: &str,
        api_key: &Secret,
        proof: &Proof,
    ) {
        let Some(path) = Self::path(address) else {
            return;
        };
        let running = Self {
            base: base.to_owned(),
            api_key: api_key.reveal().to_owned(),
            proof: proof.secret().reveal().to_owned(),
        };
        if let Err(error) = running.write(&path) {
            printer.warn(&format!(
                "cannot write `{}`: {error}; `--local` will not find this server",
                path.display()
            ));
        }
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)?;
        // Temporary files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes the file.
    pub(super) fn withdraw(address: SocketAddr) {
        if let Some(path) = Self::path(address) {
            let _ = fs::remove_file(path);
        }
    }
}
