//! `lamed deploy`

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::changes::{self, confirm};
use super::client::Client;
use super::deployment::{connect, new_key, place};
use super::endpoint::Endpoint;
use super::printer::BOLD;
use super::{CliError, Context, live, preflight, secrets, snippet};
use crate::config::Config;
use crate::deploy::{
    Account, Change, Costs, Deployment, Desired, Plan, Purpose, by_hand, mapped_domains, plan,
};
use crate::domain::Secret;
use crate::function::key_in;
use crate::http::STAGE;
use crate::report::{Question, Runs, read};

/// How long the deployed API may take to say what it counts.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(super) struct Args {
    /// Show the plan, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Skip the checks of `lamed preflight`
    #[arg(long)]
    no_preflight: bool,
    /// Make a new API key for the function URL; the old one stops working
    #[arg(long)]
    new_key: bool,
    /// Do not ask before resources are deleted or overwritten
    #[arg(short, long)]
    yes: bool,
    /// Deploy this zip of the Lambda function instead of the one in this lamed
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let deployment = Deployment::new(&config)?;
    let prepared = deployment.prepare(&config, args.bootstrap.as_deref())?;
    let name = deployment.name.clone();
    let aws = connect(context).await?;
    let (observed, account) = if args.no_preflight {
        deployment.observe(&aws, Purpose::Compare(&config)).await?
    } else {
        let observed = preflight::before_deploy(context, &config, &deployment, &aws).await?;
        (observed, aws.account().await?)
    };
    let key = new_key(args.new_key)?;
    let desired = deployment.desired(&config, prepared, &observed, key)?;
    secrets::know(&desired.settings.value);
    if let Some(url) = &desired.url {
        secrets::know(&url.settings);
        key_in(&url.settings).iter().for_each(secrets::know);
    } else if args.new_key {
        return Err(CliError::usage(
            "`--new-key` makes a new API key for a function URL, but this deployment has a REST API: delete its API key \
             in API Gateway and deploy again",
        ));
    }
    say_without_effect(context, &config, &desired);
    let plan = plan::deploy(&desired, &observed, account);
    let known = deployment.endpoint(&aws, &observed);
    if let Some(refusal) = refusal(&config, known).await {
        return Err(refusal);
    }
    if let Some((function, bytes)) = plan.too_large_environment() {
        return Err(CliError::failed(format!(
            "the environment variables of `{function}` need {bytes} bytes, but Lambda allows {}: remove variables \
             that you set on the function, or make them shorter",
            plan::MAX_ENVIRONMENT
        )));
    }
    for kept in &plan.kept {
        context.printer.talk(kept);
    }
    for warning in by_hand(&observed, &name) {
        context.printer.warn(&warning);
    }
    if !desired.rest_api
        && let Some(mapped) = mapped_domains(&observed)
    {
        return Err(CliError::failed(mapped));
    }
    if args.dry_run {
        return show(context, &name, account, &plan, &desired);
    }
    if plan.is_empty() {
        context.printer.talk("no changes needed");
    } else {
        context
            .printer
            .talk(&format!("{BOLD}{name}{BOLD:#} in {}\n", place(account)));
        context.printer.talk(&changes::of_deploy(&plan, &desired));
    }
    if !plan.foreign.is_empty() {
        let question = format!(
            "Overwrite {}, which lamed did not make?",
            plan.foreign.join(", ")
        );
        if !confirm(args.yes, &question)? {
            return Err(CliError::failed("cancelled: no changes made"));
        }
    }
    let lost: Vec<String> = plan.destructive().map(Change::lost).collect();
    if !lost.is_empty() {
        let question = format!("Permanently delete {}?", lost.join(", "));
        if !confirm(args.yes, &question)? {
            return Err(CliError::failed("cancelled: no changes made"));
        }
    }
    let applied = changes::apply(context.printer, &aws, Some(&desired), &observed, &plan).await?;
    let url = applied.url.filter(|_| desired.url.is_some());
    let url = url.map(|url| url.trim_end_matches('/').to_owned());
    let api = applied.api.filter(|_| desired.rest_api);
    let api = api.map(|api| aws.base_url(&api, STAGE));
    // Only a custom domain leads to an API whose own address is disabled.
    let is_disabled = observed.api.as_ref().is_some_and(|api| api.is_disabled);
    let asked = url
        .clone()
        .into_iter()
        .chain(api.clone().filter(|_| !is_disabled));
    // Also where nothing was to be done: an earlier deploy may have ended here.
    let done = match plan.is_empty() {
        true => "no changes needed",
        false => "deployed",
    };
    for base in asked {
        let door = Endpoint { base, key: None };
        live::make_sure(context, &aws, &door, done).await?;
    }
    let Some(base) = url.or(api) else {
        return Err(CliError::failed(
            "the deployment has no address: run `lamed deploy` again",
        ));
    };
    let endpoint = Endpoint { base, key: None };
    say_deployed(context, &config, &name, account, &endpoint, &plan)
}

/// Says which settings a function URL has no use for.
fn say_without_effect(context: &Context, config: &Config, desired: &Desired) {
    if desired.rest_api {
        return;
    }
    if config.aws.throttle.is_some() {
        context.printer.warn(
            "`aws.throttle` has no effect: a function URL has no such limit; use `aws.reserved_concurrency`",
        );
    }
    if !config.wiring.is_empty() {
        context.printer.warn(
            "`extra_wiring`: `FunctionName`, `MemorySize` and `requestParameters` have no effect: behind a function URL \
             one function answers on all paths",
        );
    }
}

/// What the deployed API has begun to count stands on what was declared then. An API that does not answer, or
/// says nothing of it, keeps no deploy from mending it.
async fn refusal(config: &Config, known: Option<(String, Option<Secret>)>) -> Option<CliError> {
    let (base, key) = known?;
    key.as_ref()?;
    if config.experiments.is_empty() {
        return None;
    }
    let client = Client::new(Endpoint { base, key });
    let question = Question {
        namespace: &config.namespace,
        experiment: config.experiments.first().map(|declared| &declared.name),
        days: false,
    };
    let asked = async { read(&client.ok()?, question).await.ok() };
    let found = timeout(PATIENCE, asked).await.ok()??;
    let runs = Runs::new(found.runs, &[]);
    let (name, changes) = runs.refuses(&config.experiments)?;
    Some(CliError::usage(format!(
        "experiment `{name}`: {}; undo the change, or start a new run with `lamed restart`",
        changes.join("; ")
    )))
}

/// The plan as data.
fn show(
    context: &Context,
    name: &str,
    account: &Account,
    plan: &Plan,
    desired: &Desired,
) -> Result<(), CliError> {
    let costs = Costs::of(desired.doors(), desired.table.is_some());
    if context.json {
        return context.printer.json(&json!({
            "name": name,
            "account": account.id,
            "region": account.region,
            "changes": plan.changes,
            "dollars_per_million": costs,
        }));
    }
    if plan.is_empty() {
        return context
            .printer
            .data(&format!("no changes needed in {}\n", place(account)));
    }
    let costs = match plan.experiments_only(desired) {
        Some(_) => String::new(),
        None => format!("\n{}", in_words(&costs)),
    };
    let text = changes::of_deploy(plan, desired);
    (context.printer).data(&format!(
        "{BOLD}{name}{BOLD:#} in {}\n\n{text}{costs}",
        place(account)
    ))
}

fn in_words(costs: &Costs) -> String {
    let Costs {
        events,
        page_views,
        plus_redis,
        ..
    } = costs;
    let redis = if *plus_redis { " and the Redis" } else { "" };
    format!(
        "A million events cost about ${events:.2}{redis} (us-east-1), and so do events that are sent again. A million page views \
         without events cost ${page_views:.2}.\n"
    )
}

fn say_deployed(
    context: &Context,
    config: &Config,
    name: &str,
    account: &Account,
    endpoint: &Endpoint,
    plan: &Plan,
) -> Result<(), CliError> {
    let (track, html) = (endpoint.track_url(), snippet::html(endpoint, config));
    let experiments = endpoint.experiments_url();
    if context.json {
        return context.printer.json(&json!({
            "name": name,
            "account": account.id,
            "region": account.region,
            "track_url": track,
            "experiments_url": experiments,
            "changes": plan.changes,
            "snippet": html,
        }));
    }
    let paste = if config.experiments.is_empty() {
        "The config declares no experiments. Declare some and deploy again; then paste HTML such as this"
    } else {
        "Paste this HTML"
    };
    context.printer.data(&format!(
        "{BOLD}{name} is live{BOLD:#} in {}\n\n  track        {track}\n  experiments  {experiments}\n\n\
         {paste} into your pages:\n\n{html}",
        place(account)
    ))
}
