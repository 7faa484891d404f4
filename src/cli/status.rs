//! `lamed status`
use super::{CliError, Context};
#[derive(clap::Args)]
pub(super) struct Args {}
pub(super) async fn run(_context: &Context, _args: Args) -> Result<(), CliError> {
    Ok(())
}
