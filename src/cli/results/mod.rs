//! `lamed results`

mod bars;
mod csv;
mod find;
mod gate;
mod grid;
mod markdown;
mod table;

use std::env;
use std::io::{IsTerminal, stdout};
use std::mem;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use terminal_size::terminal_size_of;
use tokio::time::sleep;

use self::csv::Separator;
pub(super) use self::find::{find, unknown};
use self::gate::Gate;
pub(super) use self::grid::Grid;
use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::printer::DIM;
use super::signals::Stop;
use super::visible::{of_namespace, visible};
use super::{CliError, Context, block_on, completions, name};
use crate::config::Config;
use crate::domain::{Declared, Name, State, Timestamp};
use crate::report::{Counted, Evaluated, Pairs, Question, Report, Runs, read};

/// Why a developer's own visits may be missing.
const REMEMBERED: &str = "hint: lamed counts each browser once: to test again, use a private window; `lamed doctor` checks your page";

/// The width of what is read by no terminal.
const DEFAULT_WIDTH: u16 = 100;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Show these experiments only
    #[arg(value_name = "EXPERIMENT", value_parser = name, add = ArgValueCompleter::new(completions::experiments))]
    experiments: Vec<Name>,
    /// Show this run of the experiments instead of the current one
    #[arg(long, value_name = "N", requires = "experiments", value_parser = clap::value_parser!(u32).range(1..))]
    run: Option<u32>,
    /// Show earlier runs and archived experiments, too
    #[arg(long, conflicts_with = "experiments")]
    all: bool,
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
    /// Print the results as Markdown, for pull requests
    #[arg(long, conflicts_with_all = ["json", "csv", "watch"])]
    markdown: bool,
    /// Refresh the results every 10 seconds, or every SECONDS seconds
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "10",
        value_parser = seconds,
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

/// A pause, up to a day.
fn seconds(text: &str) -> Result<u64, String> {
    (text.parse().ok())
        .filter(|seconds| (1..=86_400).contains(seconds))
        .ok_or_else(|| "expected a whole number of seconds from 1 to 86,400".to_owned())
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, Some(&args.key))?;
    let client = Client::new(endpoint)?;
    block_on(async {
        let Some(seconds) = args.watch else {
            let results = fetch(&client, &config, &args).await?;
            let experiments = evaluate(&results, &config, &args)?;
            show(context, &config, &args, &experiments, &results, None)?;
            if !context.json && !args.csv && !args.markdown {
                for note in notes(&results, &experiments, &config, &args) {
                    context.printer.talk(&note);
                }
            }
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
            Ok(results) => {
                let experiments = evaluate(&results, config, args)?;
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
                    || !show(context, config, args, &experiments, &results, Some(look))?
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

async fn fetch(client: &Client, config: &Config, args: &Args) -> Result<Results, CliError> {
    let question = Question {
        namespace: &config.namespace,
        experiment: None,
        days: true,
    };
    if args.experiments.is_empty() {
        let found = read(client, question).await?;
        let runs = Runs::new(found.runs, &config.experiments);
        let (counted, hidden): (Vec<Counted>, Vec<Counted>) =
            (found.counted.into_iter()).partition(|counted| args.all || runs.lists(counted.name()));
        let hidden = hidden.len();
        return Ok(Results {
            counted,
            runs,
            hidden,
        });
    }
    let mut results = Results::default();
    for name in &args.experiments {
        let (counted, runs) = find(client, question, config, name, args.run).await?;
        results.counted.push(counted);
        results.runs = runs;
    }
    Ok(results)
}

/// What was counted of the experiments asked for.
#[derive(Default)]
struct Results {
    counted: Vec<Counted>,
    runs: Runs,
    /// How many were left out of the list.
    hidden: usize,
}

fn evaluate<'a>(
    results: &'a Results,
    config: &Config,
    args: &Args,
) -> Result<Vec<Evaluated<'a>>, CliError> {
    let counted = &results.counted;
    let experiments: Vec<Evaluated> = (counted.iter())
        .map(|counted| Evaluated::new(counted, &results.runs, args.control.as_ref()))
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

/// What a reader of the tables should know beside.
fn notes(
    results: &Results,
    experiments: &[Evaluated],
    config: &Config,
    args: &Args,
) -> Vec<String> {
    let mut notes = Vec::new();
    if results.hidden > 0 {
        let number = results.hidden;
        let plural = if number == 1 { "" } else { "s" };
        notes.push(format!(
            "{number} earlier run{plural} or archived experiment{plural} not shown: use `--all`"
        ));
    }
    let is_named = !args.experiments.is_empty() && args.run.is_none();
    for which in experiments.iter().map(|evaluated| &evaluated.which) {
        let before = results.runs.before(&which.name, which.run);
        if let (true, Some(before)) = (is_named, before) {
            let name = visible(&which.name);
            notes.push(format!(
                "`{name}` was restarted: `--run {before}` shows the run before this one"
            ));
        }
    }
    let is_declared_here = |one: &Counted| config.declared(one.name().as_str()).is_some();
    if !results.runs.from_api && results.counted.iter().any(is_declared_here) {
        notes.push(
            "the API does not report its declared experiments: goals, weights and controls are from your config file"
                .to_owned(),
        );
    }
    notes
}

/// Says whether somebody still reads.
fn show(
    context: &Context,
    config: &Config,
    args: &Args,
    experiments: &[Evaluated],
    results: &Results,
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
        let namespace = of_namespace(config);
        let is_draft = |one: &Declared| one.state == State::Draft;
        let mut present = results
            .runs
            .present()
            .filter(|one| !one.archived)
            .peekable();
        let hint = match present.peek().is_some() && present.all(is_draft) {
            true => "hint: your experiments are drafts: use `lamed start` to start one",
            false => REMEMBERED,
        };
        context.printer.talk(&match results.hidden {
            0 => format!("no events{namespace} yet\n{hint}"),
            // Of an experiment that was restarted, a browser is counted again.
            _ => {
                format!("no events{namespace} yet, except of earlier runs or archived experiments")
            }
        });
    }
    if args.markdown {
        let blocks: Vec<String> = experiments.iter().map(markdown::experiment).collect();
        return context.printer.stream(&blocks.concat());
    }
    let width = width();
    if args.experiments.is_empty() && experiments.len() > 1 {
        let read = context.printer.stream(&table::list(experiments, width))?;
        if look.is_none() {
            let local = if args.endpoint.is_local() {
                "--local "
            } else {
                ""
            };
            context.printer.talk(&format!(
                "hint: use `lamed results {local}NAME` to see an experiment in full"
            ));
        }
        return Ok(read);
    }
    let blocks: Vec<String> = (experiments.iter())
        .map(|experiment| table::experiment(experiment, width))
        .collect();
    context.printer.stream(&blocks.join("\n"))
}

/// The columns of the terminal; where stdout is none, what `COLUMNS` says.
pub(super) fn width() -> usize {
    let terminal = terminal_size_of(stdout()).map(|(width, _)| width.0);
    let told = || env::var("COLUMNS").ok()?.parse().ok();
    let width = terminal.or_else(told).filter(|width| *width > 0);
    usize::from(width.unwrap_or(DEFAULT_WIDTH))
}
