//! `lamed delete`

use clap_complete::engine::ArgValueCompleter;
use dialoguer::Confirm;

use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::printer::somebody_answers;
use super::terminal::Terminal;
use super::visible::{of_namespace, visible};
use super::{CliError, Context, block_on, completions, name};
use crate::config::{Config, nearest};
use crate::domain::{EventKind, Name, PARTICIPATE, Selection, assignment};
use crate::http::wire::Deleted;
use crate::report::{Question, Runs, Source as _, read};

/// What follows from a delete of participants.
const REMEMBERED: &str = "hint: browsers remember their variant: lamed does not count them as participants again, but it \
     counts their conversions; to start again, use `lamed restart`";

#[derive(clap::Args)]
pub(super) struct Args {
    /// Delete the counts of this experiment
    #[arg(value_parser = name, add = ArgValueCompleter::new(completions::experiments))]
    experiment: Name,
    /// Delete this run of the experiment instead of the current one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    run: Option<u32>,
    /// Delete this goal only; `participate` means the participants
    #[arg(long, value_parser = name)]
    goal: Option<Name>,
    /// Delete this variant only
    #[arg(long, value_parser = name)]
    variant: Option<Name>,
    /// Do not ask for confirmation
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
    let client = Client::new(endpoint.clone())?;
    let experiment = block_on(wire_name(&client, &config, &args))?;
    let what = describe(&args, &experiment);
    if !args.yes && !confirmed(&what, &config.namespace, &endpoint)? {
        return Err(CliError::failed("cancelled: no changes made"));
    }
    let selection = Selection {
        namespace: config.namespace.clone(),
        experiment,
        kind: args.goal.map(EventKind::from),
        variant: args.variant,
    };
    let takes_participants = !matches!(selection.kind, Some(EventKind::Conversion(_)));
    let deleted = block_on(async {
        let deleted = client.delete(&selection).await?;
        if deleted == 0 {
            let is_all = selection.kind.is_none() && selection.variant.is_none();
            if is_all && args.run.is_none() && config.declared(args.experiment.as_str()).is_some() {
                return Err(CliError::failed(format!(
                    "{what} has no counts{}; to remove the experiment itself, delete it from the config file",
                    of_namespace(&config)
                )));
            }
            let meant = meant(&client, &selection).await;
            return Err(CliError::failed(format!(
                "{what} not found{}{}",
                of_namespace(&config),
                meant.map_or_else(String::new, |name| {
                    format!(": did you mean `{}`?", visible(&name))
                })
            )));
        }
        Ok(deleted)
    })?;
    if context.json {
        return context.printer.json(&Deleted { deleted });
    }
    let counters = if deleted == 1 { "counter" } else { "counters" };
    (context.printer).talk(&format!("deleted {what}: {} {counters}", deleted));
    if takes_participants {
        context.printer.talk(REMEMBERED);
    }
    Ok(())
}

/// What events call the run that is meant.
async fn wire_name(client: &Client, config: &Config, args: &Args) -> Result<Name, CliError> {
    if let Some(run) = args.run {
        let name = assignment::wire_name(args.experiment.as_str(), run);
        return Ok(Name::stored(name));
    }
    let question = Question {
        namespace: &config.namespace,
        experiment: Some(&args.experiment),
        days: false,
    };
    let found = read(client, question).await?;
    Ok(Runs::new(found.runs, &config.experiments).wire_name(&args.experiment))
}

fn describe(args: &Args, experiment: &Name) -> String {
    let mut what = format!("experiment `{}`", visible(experiment.as_str()));
    if let Some(goal) = &args.goal {
        what.push_str(&format!(", goal `{}`", visible(goal.as_str())));
    }
    if let Some(variant) = &args.variant {
        what.push_str(&format!(", variant `{}`", visible(variant.as_str())));
    }
    what
}

/// The name that may be meant by the first one under which nothing is counted.
async fn meant(client: &Client, selection: &Selection) -> Option<String> {
    let question = Question {
        namespace: &selection.namespace,
        experiment: None,
        days: false,
    };
    let all = read(client, question).await.ok()?.counted;
    let experiment = selection.experiment.as_str();
    let Some(counted) = all
        .iter()
        .find(|counted| *counted.name() == selection.experiment)
    else {
        let known = all.iter().map(|counted| counted.name().as_str());
        return nearest(experiment, known).map(str::to_owned);
    };
    let goals = || counted.counts.goals().into_iter().map(Name::as_str);
    let variants = || counted.counts.variants().into_iter().map(Name::as_str);
    match (&selection.kind, &selection.variant) {
        (Some(EventKind::Conversion(goal)), _) if goals().all(|known| known != goal.as_str()) => {
            nearest(goal.as_str(), goals().chain([PARTICIPATE]))
        }
        (_, Some(variant)) if variants().all(|known| known != variant.as_str()) => {
            nearest(variant.as_str(), variants())
        }
        _ => None,
    }
    .map(str::to_owned)
}

fn confirmed(what: &str, namespace: &Name, endpoint: &Endpoint) -> Result<bool, CliError> {
    let question = format!(
        "Delete {what} of namespace `{}` at {}?",
        visible(namespace.as_str()),
        endpoint.base
    );
    if !somebody_answers() {
        return Err(CliError::usage(format!(
            "cannot ask for confirmation: not a terminal; use `--yes` to confirm: {question}"
        )));
    }
    let question = Confirm::new().with_prompt(question).default(false);
    Terminal::guard()?.answer(question.interact())
}
