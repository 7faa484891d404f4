//! `lamed completions`

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Cli, CliError, Context};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the script for this shell
    shell: Shell,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "lamed", &mut script);
    context.printer.data(&String::from_utf8_lossy(&script))
}
