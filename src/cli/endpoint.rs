//! Which API a command speaks to: the deployed one, `--local`, or `--url BASE --api-key K`.

use std::env;

use super::running::Running;
use super::{CliError, Context, block_on, deployment};
use crate::config::{Config, environment};
use crate::domain::Secret;
use crate::http::STAGE;
use crate::http::wire::parameter::PROBE;

/// Where `lamed serve` listens unless told otherwise.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:3000";

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

    /// Refuses a URL that cannot be an API's.
    pub(super) fn check(&self) -> Result<(), CliError> {
        self.url
            .as_deref()
            .map_or(Ok(()), |url| base(url).map(drop))
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
            let base = base(url)?;
            // The key of another one of your servers on this machine is as near as that of the last one.
            let found = (given.is_none() && is_here(&base)).then(|| Running::at(&base));
            let found = found.flatten().map(Running::into_key);
            return Ok(Self {
                key: key_of(found),
                base,
            });
        }
        if !args.local {
            let (base, key) = block_on(deployment::find(context, config)).map_err(|error| {
                CliError::failed(match Running::all().next() {
                    Some(running) => format!(
                        "use `--local` for your server on this machine, {}; without it, lamed asks AWS: {error}",
                        running.base
                    ),
                    None => {
                        format!("{error}; use `--local` for the API of `lamed serve --local`")
                    }
                })
            })?;
            return Ok(Self {
                base,
                key: key_of(key),
            });
        }
        let mut running = Running::all();
        let Some(last) = running.next() else {
            return Err(CliError::failed(
                "your `lamed serve --local` is not running on this machine: start it, or use `--url BASE`",
            ));
        };
        let others: Vec<String> = running
            .map(|other| format!("`--url {}`", other.base))
            .collect();
        if !others.is_empty() {
            context.printer.warn(&format!(
                "{} of your servers run on this machine: lamed uses the one that you started last, {}; for another one \
                 use {}",
                others.len() + 1,
                last.base,
                others.join(" or ")
            ));
        }
        Ok(Self {
            base: last.base.clone(),
            key: key_of(Some(last.into_key())),
        })
    }
}

/// What people paste with the base: addresses below it.
const BELOW: [&str; 4] = ["/track", "/experiments", "/lamed.js", "/lamed.mjs"];

/// Checks a base URL; a slash at its end or an address below it is forgiven.
fn base(url: &str) -> Result<String, CliError> {
    // What follows `#` may be the session of a dashboard, which nobody should see.
    let url = url.split('#').next().unwrap_or_default();
    let trimmed = url.trim_end_matches('/');
    let below = BELOW.iter().find_map(|path| trimmed.strip_suffix(path));
    let trimmed = below.unwrap_or(trimmed);
    let uri = trimmed.parse::<hyper::Uri>().ok();
    let authority = uri.as_ref().and_then(hyper::Uri::authority);
    if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(CliError::usage(
            "`--url` must not contain a user name or password: pages would show it",
        ));
    }
    let valid = uri.as_ref().is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.query().is_none()
            && uri.authority().is_some_and(|authority| {
                let port = authority.as_str().strip_prefix(authority.host());
                !authority.host().is_empty()
                    && port.is_some_and(|port| port.is_empty() || authority.port_u16().is_some())
            })
    });
    if !valid {
        return Err(CliError::usage(format!(
            "`--url {url}` is not the base URL of an API: expected a URL such as https://HOST/{STAGE}"
        )));
    }
    if let Some(root) = trimmed.strip_suffix("/dashboard") {
        return Err(CliError::usage(format!(
            "`--url {url}` is a dashboard, not an API: use `--url {root}/{STAGE}`"
        )));
    }
    // API Gateway itself has nothing without a stage. A domain name of one's own may lead to one.
    let host = authority.map_or("", |authority| authority.host());
    let is_gateway = host.contains(".execute-api.") && host.ends_with(".amazonaws.com");
    if is_gateway && uri.as_ref().is_some_and(|uri| uri.path() == "/") {
        return Err(CliError::usage(format!(
            "`--url {url}` has no stage: use `--url {trimmed}/{STAGE}`"
        )));
    }
    Ok(trimmed.to_owned())
}

/// Whether a base URL names this machine.
fn is_here(base: &str) -> bool {
    let uri = base.parse::<hyper::Uri>().ok();
    let host = uri.as_ref().and_then(hyper::Uri::host);
    host.is_some_and(|host| {
        let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    })
}
