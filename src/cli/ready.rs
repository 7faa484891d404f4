//! `lamed ready`

use std::net::ToSocketAddrs;
use std::time::Duration;

use serde_json::{Value, json};

use super::endpoint::DEFAULT_LISTEN;
use super::listen::host_and_port;
use super::nearby::{get, here};
use super::{CliError, Context};

/// How long the server may take. A store has its own, shorter limit.
const LIMIT: Duration = Duration::from_secs(4);

#[derive(clap::Args)]
pub(super) struct Args {
    /// Check the server that listens on this address
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_LISTEN)]
    listen: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let listen = &*host_and_port("--listen", &args.listen)?;
    let not_an_address =
        |why: String| CliError::usage(format!("`--listen {listen}` must be HOST:PORT: {why}"));
    let address = (listen.to_socket_addrs())
        .map_err(|error| not_an_address(error.to_string()))?
        .next()
        .ok_or_else(|| not_an_address("the host has no address".to_owned()))?;
    let answer = get(here(address), "/readyz", LIMIT).map_err(|error| {
        CliError::failed(format!("cannot reach `lamed serve` at {listen}: {error}"))
    })?;
    match answer.status {
        200 | 503 => tell(context, answer.status, &answer.body),
        status => Err(CliError::failed(format!(
            "the server at {listen} is not `lamed serve`: `/readyz` answered {status}"
        ))),
    }
}

/// What a server says of itself. One of an earlier build says it without JSON.
fn tell(context: &Context, status: u16, body: &str) -> Result<(), CliError> {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({ "reason": body }));
    let reason = body["reason"].as_str().unwrap_or_default();
    if status == 503 {
        return Err(CliError::failed(format!("not ready: {reason}")));
    }
    let degraded = (body["status"] == "degraded").then_some(reason);
    if context.json {
        let degraded = degraded.map(|reason| json!({ "ready": true, "degraded": reason }));
        return (context.printer).json(&degraded.unwrap_or_else(|| json!({ "ready": true })));
    }
    if let Some(reason) = degraded {
        context.printer.warn(&format!("degraded: {reason}"));
    }
    context.printer.data("ready\n")
}
