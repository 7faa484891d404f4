//! `lamed results`

mod bars;
mod csv;
mod gate;
mod grid;
mod table;

use std::env;
use std::io::{IsTerminal, stdout};
use std::mem;
use std::time::Duration;

use terminal_size::terminal_size_of;
use tokio::time::sleep;

use self::csv::Separator;
use self::gate::Gate;
use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::printer::DIM;
use super::signals::Stop;
use super::visible::visible;
use super::{CliError, Context, block_on, name};
use crate::config::{Config, nearest};
use crate::domain::{Name, Timestamp};
use crate::report::{Counted, Evaluated, Pairs, Question, Report, read};

/// Why a developer's own visits may be missing.
const REMEMBERED: &str = "hint: lamed counts each browser once: to test again, use a private window, or clear the storage of \
     the site";

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
    ///
    /// The table begins with a byte order mark, so that Excel reads it as UTF-8.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Separate the columns with this character [default: `;` in a locale with a decimal comma, else `,`]
    ///
    /// With `;`, decimals have a comma, as Excel expects. The locale is that of $LC_ALL, $LC_NUMERIC or
    /// $LANG. Scripts should name the separator.
    #[arg(long, value_name = "SEPARATOR", requires = "csv")]
    csv_separator: Option<Separator>,
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
            let counted = fetch(&client, &config, &args).await?;
            let experiments = evaluate(&counted, &config, &args)?;
            show(context, &config, &args, &experiments, None)?;
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
    let is_text = !context.json && !args.csv;
    let redraws = stdout().is_terminal() && is_text;
    let mut is_first = true;
    loop {
        match fetch(&client, config, args).await {
            Ok(counted) => {
                let experiments = evaluate(&counted, config, args)?;
                let look = Look {
                    time: Timestamp::now(),
                    is_first: mem::take(&mut is_first),
                };
                let (hour, minute, second) = look.time.time_of_day();
                let begin = match (redraws, is_text) {
                    (true, _) => "\u{1b}[H\u{1b}[2J\u{1b}[3J".to_owned(),
                    // A file of many looks says when each was.
                    (_, true) => format!("{}\n", look.stamp()),
                    _ => String::new(),
                };
                if !context.printer.stream(&begin)?
                    || !show(context, config, args, &experiments, Some(look))?
                {
                    return Ok(());
                }
                if redraws {
                    context.printer.talk(&format!(
                        "\n{DIM}{hour:02}:{minute:02}:{second:02} UTC, refreshed every {pause:?}; press Ctrl-C to stop{DIM:#}"
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

/// One look of many.
#[derive(Clone, Copy)]
struct Look {
    time: Timestamp,
    is_first: bool,
}

impl Look {
    /// `2026-11-24 14:05:00 UTC`
    fn stamp(self) -> String {
        let (hour, minute, second) = self.time.time_of_day();
        format!("{} {hour:02}:{minute:02}:{second:02} UTC", self.time.day())
    }
}

async fn fetch(client: &Client, config: &Config, args: &Args) -> Result<Vec<Counted>, CliError> {
    let question = Question {
        namespace: &config.namespace,
        experiment: None,
        days: true,
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
            let known = all.iter().map(|counted| counted.name().as_str());
            return Err(unknown(
                "experiment",
                experiment.map_or("", Name::as_str),
                known,
                config,
            ));
        }
        counted.extend(found);
    }
    Ok(counted)
}

fn evaluate<'a>(
    counted: &'a [Counted],
    config: &Config,
    args: &Args,
) -> Result<Vec<Evaluated<'a>>, CliError> {
    let experiments: Vec<Evaluated> = (counted.iter())
        .map(|counted| {
            let declared = config.declared(counted.name().as_str());
            Evaluated::new(counted, declared, args.control.as_ref())
        })
        .collect();
    match &args.control {
        Some(control)
            if !experiments
                .iter()
                .any(|e| e.results.control.as_ref() == Some(control)) =>
        {
            let variants = counted.iter().flat_map(|counted| counted.counts.variants());
            let known = variants.map(Name::as_str);
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
        "{what} `{}` not found in namespace `{}`",
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
    look: Option<Look>,
) -> Result<bool, CliError> {
    if context.json || args.csv {
        let report = Report {
            namespace: config.namespace.to_string(),
            time: look.map(Look::stamp),
            experiments: (experiments.iter())
                .map(|experiment| experiment.document(Pairs::Without))
                .collect(),
        };
        return if args.csv {
            let separator = args.csv_separator.unwrap_or_else(Separator::of_locale);
            let titles = look.is_none_or(|look| look.is_first);
            context
                .printer
                .stream(&report.csv(separator.into(), titles))
        } else {
            context.printer.json_line(&report)
        };
    }
    if experiments.is_empty() {
        context.printer.talk(&format!(
            "no events in namespace `{}` yet\n{REMEMBERED}",
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
