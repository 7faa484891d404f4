//! `lamed results`

mod bars;
mod gate;
mod grid;
mod table;

use std::env;
use std::io::{IsTerminal, stdout};
use std::time::Duration;

use terminal_size::terminal_size_of;
use tokio::time::sleep;

use self::gate::Gate;
use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::printer::DIM;
use super::signals::Stop;
use super::visible::visible;
use super::{CliError, Context, block_on, name};
use crate::config::{Config, nearest};
use crate::domain::{Instant, Name};
use crate::report::{Evaluated, Failure, Pairs, Question, Report, read};

/// The width of what is read by no terminal.
const DEFAULT_WIDTH: u16 = 100;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Show these experiments only
    #[arg(value_name = "EXPERIMENT", value_parser = name)]
    experiments: Vec<Name>,
    /// Compare with this variant instead of the declared control
    #[arg(long, value_name = "VARIANT", value_parser = name)]
    control: Option<Name>,
    /// Print the results as CSV, for spreadsheets
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Refresh the results every 10 seconds, or every SECONDS seconds
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "10",
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        conflicts_with = "fail_on"
    )]
    watch: Option<u64>,
    /// Exit with 1 if this is true for any experiment shown
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    fail_on: Vec<Gate>,
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
    #[command(flatten)]
    key: endpoint::KeyArgs,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, Some(&args.key))?;
    let client = Client::new(endpoint)?;
    block_on(async {
        let Some(seconds) = args.watch else {
            let experiments = fetch(&client, &config, &args, context.json).await?;
            show(context, &config, &args, &experiments)?;
            return gate::check(&args.fail_on, &experiments);
        };
        let stop = Stop::listen()?;
        tokio::select! {
            watched = watch(context, &config, &args, client, Duration::from_secs(seconds)) => watched,
            () = stop.signal() => Ok(()),
        }
    })
}

/// Goes on until nobody reads any more. What fails may work the next time.
async fn watch(
    context: &Context,
    config: &Config,
    args: &Args,
    mut client: Client,
    pause: Duration,
) -> Result<(), CliError> {
    let redraws = stdout().is_terminal() && !context.json && !args.csv;
    loop {
        match fetch(&client, config, args, context.json).await {
            Ok(experiments) => {
                if redraws && !context.printer.stream("\u{1b}[H\u{1b}[2J\u{1b}[3J")? {
                    return Ok(());
                }
                if !show(context, config, args, &experiments)? {
                    return Ok(());
                }
                if redraws {
                    let (hour, minute, second) = Instant::now().time_of_day();
                    context.printer.talk(&format!(
                        "\n{DIM}{hour:02}:{minute:02}:{second:02} UTC, again every {pause:?}; Ctrl-C ends{DIM:#}"
                    ));
                }
            }
            Err(error) => {
                context.printer.error(&error);
                // A local server that was started anew has another key.
                if args.endpoint.is_local() {
                    client = Endpoint::resolve(context, config, &args.endpoint, Some(&args.key))
                        .and_then(Client::new)
                        .unwrap_or(client);
                }
            }
        }
        sleep(pause).await;
    }
}

async fn fetch(
    client: &Client,
    config: &Config,
    args: &Args,
    days: bool,
) -> Result<Vec<Evaluated>, CliError> {
    let question = Question {
        namespace: &config.namespace,
        experiment: None,
        days,
    };
    let mut counted = Vec::new();
    if args.experiments.is_empty() {
        counted = read(client, question).await?;
    }
    for experiment in &args.experiments {
        let experiment = Some(experiment);
        let found = read(
            client,
            Question {
                experiment,
                ..question
            },
        )
        .await?;
        if found.is_empty() {
            let all = read(client, question).await.unwrap_or_default();
            let known = all.iter().map(|counted| counted.experiment.as_str());
            return Err(unknown(
                "experiment",
                experiment.map_or("", Name::as_str),
                known,
                config,
            ));
        }
        counted.extend(found);
    }
    let experiments = (counted.iter())
        .map(|counted| {
            let declared = config.declared(&counted.experiment);
            Evaluated::new(counted, declared, args.control.as_ref())
                .map_err(|error| Failure::gateway(error.to_string()).into())
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    match &args.control {
        Some(control)
            if !experiments
                .iter()
                .any(|e| e.results.control.as_ref() == Some(control)) =>
        {
            let known = counted.iter().flat_map(|counted| {
                (counted.variants.iter()).map(|variant| variant.label.as_str())
            });
            Err(unknown("variant", control.as_str(), known, config))
        }
        _ => Ok(experiments),
    }
}

/// Nothing is counted under a name; another one may be meant.
pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    config: &Config,
) -> CliError {
    let mut message = format!(
        "nothing is counted for {what} `{}` in namespace `{}`",
        visible(name),
        visible(config.namespace.as_str())
    );
    if let Some(near) = nearest(name, known) {
        message.push_str(&format!(": did you mean `{}`?", visible(near)));
    }
    CliError::failed(message)
}

/// Says whether somebody still reads.
fn show(
    context: &Context,
    config: &Config,
    args: &Args,
    experiments: &[Evaluated],
) -> Result<bool, CliError> {
    if context.json || args.csv {
        let report = Report {
            namespace: config.namespace.to_string(),
            experiments: (experiments.iter())
                .map(|experiment| experiment.document(Pairs::Without))
                .collect(),
        };
        return if args.csv {
            context.printer.stream(&report.csv())
        } else {
            context.printer.json_line(&report)
        };
    }
    if experiments.is_empty() {
        context.printer.talk(&format!(
            "nothing is counted in namespace `{}` yet",
            visible(config.namespace.as_str())
        ));
    }
    let width = width();
    let blocks: Vec<String> = (experiments.iter())
        .map(|experiment| table::experiment(&experiment.results, width))
        .collect();
    context.printer.stream(&blocks.join("\n"))
}

/// The columns of the terminal; where stdout is none, what `COLUMNS` says.
fn width() -> usize {
    let terminal = terminal_size_of(stdout()).map(|(width, _)| width.0);
    let told = || env::var("COLUMNS").ok()?.parse().ok();
    let width = terminal.or_else(told).filter(|width| *width > 0);
    usize::from(width.unwrap_or(DEFAULT_WIDTH))
}
