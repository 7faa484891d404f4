//! `lamed status`

use std::path::PathBuf;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use terminal_size::terminal_size;

use super::changes;
use super::deployment::{connect, new_key, place};
use super::endpoint::Endpoint;
use super::printer::BOLD;
use super::visible::harmless;
use super::{CliError, Context};
use crate::deploy::plan::{Release, live_versions};
use crate::deploy::{Account, Change, Deployment, Observed, Plan, Purpose, by_hand, plan};
use crate::http::STAGE;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Also show the API key
    #[arg(long)]
    reveal: bool,
    /// Compare with this zip of the Lambda function instead of the one in this lamed
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Status {
    name: String,
    account: String,
    region: String,
    track_url: Option<String>,
    experiments_url: Option<String>,
    /// Where the REST API is beside a function URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    rest_api_url: Option<String>,
    /// Custom domains that lead to the REST API.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    custom_domains: Vec<String>,
    /// What somebody set by hand, and what stops it from working.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// With `--reveal` only.
    api_key: Option<String>,
    /// The release that is live; 0 is Python lamed's.
    release: Option<u64>,
    /// All that `rollback` can go to, newest first.
    releases: Vec<u64>,
    functions: Vec<Live>,
    /// What `deploy` would change; `null` where this lamed carries no function to compare with.
    drift: Option<Vec<Change>>,
}

/// A function, and what is live of it.
#[derive(Serialize)]
struct Live {
    function: String,
    version: Option<u64>,
    description: Option<String>,
    published: Option<String>,
    runtime: Option<String>,
    architecture: Option<String>,
    /// Versions of Python lamed's that are still there.
    python_versions: Vec<u64>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let deployment = Deployment::new(&config)?;
    let name = deployment.name.clone();
    let aws = connect(context).await?;
    let (observed, account) = deployment.observe(&aws, Purpose::Show(&config)).await?;
    if observed.api.is_none() && !observed.functions.values().any(|function| function.ours) {
        return Err(CliError::failed(format!(
            "`{name}` is not deployed in {}: run `lamed deploy`, or choose another region with `--region`",
            place(account)
        )));
    }
    let prepared = deployment.prepare(&config, args.bootstrap.as_deref());
    let desired = match (prepared, new_key(false)?) {
        (Ok(prepared), key) => deployment.desired(&config, prepared, &observed, key),
        (Err(error), _) => Err(error),
    };
    let drift = match desired {
        Ok(desired) => {
            let plan = plan::deploy(&desired, &observed, account);
            let text = changes::of_deploy(&plan, &desired);
            Some((plan, text))
        }
        Err(error) => {
            context.printer.warn(&format!(
                "cannot compare the deployment with the config: {error}"
            ));
            None
        }
    };
    let planned = drift.as_ref().map(|(plan, _)| plan);
    let endpoint = deployment.endpoint(&aws, &observed);
    let (base, key) = endpoint.map_or((None, None), |(base, key)| (Some(base), key));
    let mut status = status(&name, base, account, &observed, planned);
    if let Some(api) = (observed.api.as_ref()).filter(|_| observed.url().is_some()) {
        status.rest_api_url = Some(aws.base_url(&api.id, STAGE));
    }
    if let Some(key) = key.filter(|_| args.reveal) {
        status.api_key = Some(key.reveal().to_owned());
    }
    if context.json {
        return context.printer.json(&status);
    }
    for warning in &status.warnings {
        context.printer.warn(warning);
    }
    let drift = drift.as_ref().map_or(String::new(), |(plan, changes)| {
        if plan.is_empty() {
            "\nThe deployment matches the config.\n".to_owned()
        } else {
            format!(
                "\nThe deployment differs from the config. `lamed deploy` would make these changes:\n\n{changes}"
            )
        }
    });
    context
        .printer
        .data(&format!("{}{drift}", text(&status, account)))
}

fn status(
    name: &str,
    base: Option<String>,
    account: &Account,
    observed: &Observed,
    drift: Option<&Plan>,
) -> Status {
    let endpoint = base.map(|base| Endpoint { base, key: None });
    let live = live_versions(observed);
    Status {
        name: name.to_owned(),
        account: account.id.clone(),
        region: account.region.clone(),
        track_url: endpoint.as_ref().map(Endpoint::track_url),
        experiments_url: endpoint.as_ref().map(Endpoint::experiments_url),
        rest_api_url: None,
        custom_domains: (observed.api.as_ref())
            .map(|api| api.domains.clone())
            .unwrap_or_default(),
        warnings: by_hand(observed, name),
        api_key: None,
        release: Release::live(observed)
            .or(live.values().next().map(|v| Release::of(v)))
            .map(|r| r.0),
        releases: Release::all(observed)
            .iter()
            .map(|release| release.0)
            .collect(),
        functions: (observed.functions.iter())
            .map(|(name, function)| {
                let live = live.get(name.as_str());
                Live {
                    function: name.clone(),
                    version: live.map(|version| version.number),
                    description: live.map(|version| version.description.clone()),
                    published: live.map(|version| version.modified.clone()),
                    runtime: live.map(|version| version.configuration.runtime.clone()),
                    architecture: live.map(|version| version.configuration.architecture.clone()),
                    python_versions: (function.versions.iter())
                        .filter(|version| version.configuration.is_python())
                        .map(|version| version.number)
                        .collect(),
                }
            })
            .collect(),
        drift: drift.map(|plan| plan.changes.clone()),
    }
}

fn text(status: &Status, account: &Account) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#} in {}\n\n", status.name, place(account));
    let mut row = |what: &str, value: String| text.push_str(&format!("  {what:<12} {value}\n"));
    let none = || "none".to_owned();
    row("track", status.track_url.clone().unwrap_or_else(none));
    row(
        "experiments",
        status.experiments_url.clone().unwrap_or_else(none),
    );
    if let Some(rest_api) = &status.rest_api_url {
        row("REST API", rest_api.clone());
    }
    if !status.custom_domains.is_empty() {
        row("domains", status.custom_domains.join(", "));
    }
    if let Some(key) = &status.api_key {
        row("API key", key.clone());
    }
    row(
        "release",
        match status.release {
            None => none(),
            Some(0) => "Python lamed".to_owned(),
            Some(live) => {
                let others: Vec<String> = (status.releases.iter())
                    .filter(|release| **release != live)
                    .map(u64::to_string)
                    .collect();
                if others.is_empty() {
                    live.to_string()
                } else {
                    format!(
                        "{live} (available for `lamed rollback`: {})",
                        others.join(", ")
                    )
                }
            }
        },
    );
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some((width, _)) = terminal_size() {
        table.set_width(width.0);
    }
    table.set_header(["function", "live", "published", "runtime", "release"]);
    for live in &status.functions {
        let runtime = live.runtime.as_deref().map(|runtime| {
            format!(
                "{runtime} {}",
                live.architecture.as_deref().unwrap_or_default()
            )
        });
        let release = live.description.as_deref().unwrap_or_default();
        let release = release.split(", code ").next().unwrap_or_default();
        table.add_row([
            harmless(&live.function).into_owned(),
            live.version
                .map_or_else(none, |version| version.to_string()),
            live.published.as_deref().map(short).unwrap_or_default(),
            runtime.unwrap_or_default(),
            harmless(release.trim_start_matches("lamed ")).into_owned(),
        ]);
    }
    text.push('\n');
    for line in table.lines() {
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    let python: Vec<String> = (status.functions.iter())
        .flat_map(|live| {
            live.python_versions
                .iter()
                .map(|version| format!("{}:{version}", live.function))
        })
        .collect();
    if !python.is_empty() {
        text.push_str(&format!(
            "\nVersions of Python lamed, on a runtime that AWS no longer supports: {}\n",
            python.join(", ")
        ));
    }
    text
}

/// `2026-11-23T03:40:12.000+0000` as `2026-11-23 03:40 UTC`
fn short(moment: &str) -> String {
    match (moment.get(..10), moment.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => moment.to_owned(),
    }
}
