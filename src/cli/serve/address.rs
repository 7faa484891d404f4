//! The addresses on which `serve` listens: who could reach them, and who has them already.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, lookup_host};

use super::Args;
use crate::cli::CliError;
use crate::cli::listen::host_and_port;
use crate::cli::nearby::{get, here};
use crate::cli::running::Running;

/// The fewest characters of an API key that strangers may try to find.
const SHORTEST_KEY: usize = 16;

/// How long another program on this machine may take to say that it is lamed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Binds the address, unless strangers could reach it with a key that nobody chose.
pub(super) async fn listen(args: &Args) -> Result<TcpListener, CliError> {
    let addresses = addresses("--listen", &args.listen).await?;
    let exposed = addresses.iter().any(|address| !address.ip().is_loopback());
    if (exposed || !args.local)
        && let Some(key) = &args.key.api_key
    {
        check_length(key)?;
    }
    if exposed && args.key.api_key.is_none() {
        return Err(CliError::usage(format!(
            "other machines can reach `--listen {}`: choose an API key with `--api-key` or `$LAMED_API_KEY`",
            args.listen
        )));
    }
    bind("--listen", &args.listen).await
}

/// A short key is soon found by trying. On a machine of one's own there is nothing to find.
fn check_length(key: &str) -> Result<(), CliError> {
    match key.chars().count() {
        SHORTEST_KEY.. => Ok(()),
        length => Err(CliError::usage(format!(
            "the API key has {length} character{}: choose one of at least {SHORTEST_KEY}, for example the output of \
             `openssl rand -hex 16`",
            if length == 1 { "" } else { "s" }
        ))),
    }
}

async fn addresses(option: &str, text: &str) -> Result<Vec<SocketAddr>, CliError> {
    let text = host_and_port(option, text)?;
    let addresses = lookup_host(&*text).await.map_err(|error| {
        CliError::usage(format!("`{option} {text}` must be HOST:PORT: {error}"))
    })?;
    Ok(addresses.collect())
}

pub(super) async fn bind(option: &str, text: &str) -> Result<TcpListener, CliError> {
    let addresses = addresses(option, text).await?;
    TcpListener::bind(&addresses[..]).await.map_err(|error| {
        let taken = error.kind() == ErrorKind::AddrInUse;
        let other = addresses
            .first()
            .filter(|_| taken)
            .and_then(|address| other(option, *address));
        let next = addresses
            .first()
            .map(|address| address.port().wrapping_add(1));
        let why = other.unwrap_or_else(|| {
            let next = next.unwrap_or_default();
            format!("{error}; choose another address, for example `{option} 127.0.0.1:{next}`")
        });
        let place = host_and_port(option, text).unwrap_or(Cow::Borrowed(text));
        CliError::failed(format!("cannot listen on {place}: {why}"))
    })
}

/// Which lamed has an address already, and what to do about it.
fn other(option: &str, address: SocketAddr) -> Option<String> {
    let free = format!("use `{option} 127.0.0.1:0` for a free port");
    if let Some(running) = Running::on_port(address) {
        let (which, stop) = (running.which(), running.stop());
        return Some(format!(
            "your `lamed serve --local`{which} uses it: {stop}, or {free}"
        ));
    }
    let answer = get(here(address), "/readyz", PATIENCE).ok()?;
    let readiness: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    let is_lamed = matches!(
        readiness["status"].as_str(),
        Some("ready" | "degraded" | "unready")
    );
    is_lamed.then(|| format!("another `lamed serve` uses it: stop it, or {free}"))
}
