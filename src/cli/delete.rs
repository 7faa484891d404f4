//! `lamed delete`

use dialoguer::Confirm;

use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::printer::{harmless, somebody_answers};
use super::{CliError, Context, block_on, name};
use crate::domain::{Kind, Name, Selection};
use crate::report::delete;

#[derive(clap::Args)]
pub(super) struct Args {
    #[arg(value_parser = name)]
    experiment: Name,
    /// Only this goal (`participate` for the participants)
    #[arg(long, value_parser = name)]
    goal: Option<Name>,
    /// Only this variant
    #[arg(long, value_parser = name)]
    variant: Option<Name>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
    #[command(flatten)]
    key: endpoint::KeyArgs,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, Some(&args.key))?;
    let what = describe(&args);
    if !args.yes && !confirmed(&what, &endpoint)? {
        return Err(CliError::failed("nothing was deleted"));
    }
    let selection = Selection {
        namespace: config.namespace.clone(),
        experiment: args.experiment,
        kind: args.goal.map(Kind::from),
        variant: args.variant,
    };
    let client = Client::new(endpoint)?;
    let deleted = block_on(async { Ok(delete(&client, &selection).await?) })?;
    if deleted.deleted == 0 {
        return Err(CliError::failed(format!(
            "nothing was counted under {what} in namespace `{}`",
            harmless(config.namespace.as_str())
        )));
    }
    if context.json {
        return context.printer.json(&deleted);
    }
    let counters = if deleted.deleted == 1 {
        "counter"
    } else {
        "counters"
    };
    (context.printer).talk(&format!("deleted {what}: {} {counters}", deleted.deleted));
    Ok(())
}

fn describe(args: &Args) -> String {
    let mut what = format!("experiment `{}`", harmless(args.experiment.as_str()));
    if let Some(goal) = &args.goal {
        what.push_str(&format!(", goal `{}`", harmless(goal.as_str())));
    }
    if let Some(variant) = &args.variant {
        what.push_str(&format!(", variant `{}`", harmless(variant.as_str())));
    }
    what
}

fn confirmed(what: &str, endpoint: &Endpoint) -> Result<bool, CliError> {
    if !somebody_answers() {
        return Err(CliError::usage(format!(
            "deleting {what} cannot be undone: say `--yes`"
        )));
    }
    Confirm::new()
        .with_prompt(format!("Delete {what} at {}?", endpoint.base))
        .default(false)
        .interact()
        .map_err(|error| CliError::failed(error.to_string()))
}
