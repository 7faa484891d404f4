//! `lamed preflight`
use super::{CliError, Context};
#[derive(clap::Args)]
pub(super) struct Args {}
pub(super) async fn run(_context: &Context, _args: Args) -> Result<(), CliError> {
    Ok(())
}
pub(super) async fn before_deploy(
    _context: &Context,
    _config: &crate::config::Config,
    deployment: &super::deployment::Deployment,
    aws: &crate::deploy::Aws,
) -> Result<crate::deploy::Observed, CliError> {
    deployment.observe(aws).await
}
