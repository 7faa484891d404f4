//! The last step of a deploy and of a rollback: whether what is live answers.

use super::endpoint::Endpoint;
use super::{CliError, Context};
use crate::deploy::{Aws, check};

/// Asks the API once, without counting anything. `done` says what was done before: `deployed`.
pub(super) async fn make_sure(
    context: &Context,
    aws: &Aws,
    endpoint: &Endpoint,
    done: &str,
) -> Result<(), CliError> {
    let waits = || context.printer.talk("waiting until the API answers…");
    let url = endpoint.probe_url();
    tokio::select! {
        live = check(aws, &url, waits) => live.map_err(|trouble| {
            CliError::failed(format!("{done}, but events cannot be counted yet: {trouble}"))
        }),
        // Since steps were applied, nothing else ends the program.
        _ = tokio::signal::ctrl_c() => Err(CliError::failed(format!(
            "interrupted: {done}, but lamed did not check whether the API answers"
        ))),
    }
}
