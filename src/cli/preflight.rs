//! `lamed preflight`

use std::path::PathBuf;

use serde::Serialize;

use super::checks::text;
use super::deployment::connect;
use super::{CliError, Context};
use crate::config::{Config, locate};
use crate::deploy::{Aws, Deployment, Observed};
use crate::preflight::{self, Check, failures};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Check this zip of the Lambda function instead of the one in this lamed
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Print the smallest IAM policy that lets a user run `lamed deploy`, and check nothing
    #[arg(long, conflicts_with = "bootstrap")]
    policy: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    checks: &'a [Check],
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.load()?;
    let deployment = Deployment::new(&config)?;
    let file = locate(context.config_file.as_deref());
    let aws = connect(context).await;
    if args.policy {
        let aws = aws?;
        let policy = deployment.policy(&config, aws.account().await?);
        return context.printer.data(&format!("{policy:#}\n"));
    }
    let zip = args.bootstrap.as_deref();
    let checks = preflight::run(&config, &file, &deployment, aws.as_ref(), zip).await;
    let failures = failures(&checks);
    if context.json {
        let ok = failures.is_none();
        context.printer.json(&Document {
            ok,
            checks: &checks,
        })?;
    } else {
        context.printer.data(&text(&checks))?;
    }
    match failures {
        Some(failures) => Err(CliError::failed(format!("preflight failed: {failures}"))),
        None => Ok(()),
    }
}

/// Prints the checks that are not well, and gives back what was read on the way.
pub(super) async fn before_deploy(
    context: &Context,
    config: &Config,
    deployment: &Deployment,
    aws: &Aws,
) -> Result<Observed, CliError> {
    let (checks, observed) = preflight::before_deploy(config, deployment, aws).await?;
    if !checks.is_empty() {
        context.printer.talk(&text(&checks));
    }
    match (observed, failures(&checks)) {
        (Err(error), _) if !error.is_denied() => Err(error.into()),
        (Ok(observed), None) => Ok(observed),
        (_, failures) => Err(CliError::failed(format!(
            "preflight failed: {}; use `--no-preflight` to skip these checks",
            failures.unwrap_or_default()
        ))),
    }
}
