//! What `serve` says when it is ready.

use serde_json::json;

use super::Args;
use crate::cli::endpoint::Endpoint;
use crate::cli::printer::BOLD;
use crate::cli::stores::Opened;
use crate::cli::{CliError, Context};
use crate::domain::Secret;

/// Where what is not the API is.
pub(super) struct Addresses {
    pub(super) dashboard: String,
    pub(super) metrics: Option<String>,
}

pub(super) fn say_ready(
    context: &Context,
    args: &Args,
    endpoint: &Endpoint,
    addresses: &Addresses,
    opened: &Opened,
) -> Result<(), CliError> {
    let track = endpoint.track_url();
    let experiments = endpoint.experiments_url();
    let key = endpoint.key.as_ref().map_or("", Secret::reveal);
    if context.json {
        return context.printer.json(&json!({
            "track_url": track,
            "experiments_url": experiments,
            "dashboard_url": addresses.dashboard,
            "metrics_url": addresses.metrics,
            "api_key": key,
            "store": opened.name,
        }));
    }
    // Whoever chose the key has it, and the journal of a service should not.
    let key = args
        .key
        .api_key
        .as_ref()
        .map_or(key, |_| "the key that you chose");
    let mut text = format!(
        "{BOLD}lamed counts{BOLD:#} in {}\n\n  track        {track}\n  experiments  {experiments}\n  \
         dashboard    {}\n  API key      {key}\n",
        opened.place, addresses.dashboard,
    );
    if let Some(metrics) = &addresses.metrics {
        text.push_str(&format!("  metrics      {metrics}\n"));
    }
    if args.local {
        text.push_str(
            "\n  lamed snippet --local   print the HTML to paste into your pages\n  \
             lamed results --local   show the results\n",
        );
    }
    context.printer.data(&text)?;
    if args.demo {
        (context.printer).talk(
            "\nThis is a demo: two invented experiments to look at. They are lost when the server stops (Ctrl-C).",
        );
    } else if opened.fleeting {
        (context.printer).talk(
            "\nThe counts are lost when the server stops (Ctrl-C); use `--store embedded:lamed.db` to keep them",
        );
    }
    Ok(())
}
