//! `lamed logs`

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;

use super::deployment::{connect, place};
use super::printer::{BOLD, DIM};
use super::signals::Stop;
use super::visible::harmless;
use super::{CliError, Context};
use crate::deploy::{Deployment, LogEvent, Logs};
use crate::domain::Timestamp;

/// Between two looks for what is new.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(super) struct Args {
    /// Keep showing new lines until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Show logs from this long ago, for example 30s, 10m, 2h or 7d
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = since)]
    since: Since,
    /// Show the logs of this function only
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
}

/// A span of time, and how it was written.
#[derive(Clone, Debug, PartialEq)]
struct Since {
    milliseconds: i64,
    text: String,
}

/// What `--json` prints of an event.
#[derive(Serialize)]
struct Event {
    at: String,
    function: String,
    message: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let deployment = Deployment::new(&config)?;
    let functions = functions(&deployment, args.function.as_deref())?;
    let stop = args.follow.then(Stop::listen).transpose()?;
    let aws = connect(context).await?;
    let since = Timestamp(Timestamp::now().0 - args.since.milliseconds);
    let mut logs = Logs::new(&aws, functions, since);
    let Some(stop) = stop else {
        let events = read(context, &aws, &mut logs, &deployment).await?;
        if context.json {
            return context.printer.json(&json!({"events": events}));
        }
        if events.is_empty() {
            let since = &args.since.text;
            context
                .printer
                .talk(&format!("no logs in the last {since}"));
        }
        let lines: String = events.iter().map(text).collect();
        return context.printer.data(&lines);
    };
    let follow = async {
        loop {
            let events = read(context, &aws, &mut logs, &deployment).await?;
            if !show(context, &events)? {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        end = follow => end,
        () = stop.signal() => Ok(()),
    }
}

/// Of all functions, or of the one that was asked for.
fn functions<'a>(deployment: &'a Deployment, only: Option<&str>) -> Result<Vec<&'a str>, CliError> {
    let all: Vec<&str> = (deployment.functions())
        .map(|function| function.name.as_str())
        .collect();
    let Some(only) = only else {
        return Ok(all);
    };
    match all.iter().find(|name| **name == only) {
        Some(name) => Ok(vec![name]),
        None => Err(CliError::usage(format!(
            "`--function {only}`: unknown function: expected one of {}",
            all.join(", ")
        ))),
    }
}

/// What is new; without Lambda's own lines, unless they were asked for.
async fn read(
    context: &Context,
    aws: &crate::deploy::Aws,
    logs: &mut Logs<'_>,
    deployment: &Deployment,
) -> Result<Vec<Event>, CliError> {
    let Some(mut events) = logs.read().await? else {
        return Err(CliError::failed(format!(
            "no logs of `{}` found in {}: run `lamed deploy`, or choose another region with `--region`",
            deployment.name,
            place(aws.account().await?)
        )));
    };
    events.retain(|event| context.verbose || !is_lambdas(&event.message));
    Ok(events.into_iter().map(Event::from).collect())
}

/// Whether Lambda itself wrote it, about an invocation or a start.
///
/// Source: "Viewing CloudWatch logs for Lambda functions", AWS documentation.
fn is_lambdas(message: &str) -> bool {
    let starts = [
        "START RequestId:",
        "END RequestId:",
        "REPORT RequestId:",
        "INIT_START ",
    ];
    starts.iter().any(|start| message.starts_with(start))
}

/// Says whether somebody still reads it.
fn show(context: &Context, events: &[Event]) -> Result<bool, CliError> {
    for event in events {
        let read = if context.json {
            context.printer.json_line(event)?
        } else {
            context.printer.stream(&text(event))?
        };
        if !read {
            return Ok(false);
        }
    }
    Ok(true)
}

impl From<LogEvent> for Event {
    fn from(event: LogEvent) -> Self {
        let (hour, minute, second) = event.at.time_of_day();
        let millisecond = event.at.0.rem_euclid(1000);
        Self {
            at: format!(
                "{}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z",
                event.at.day()
            ),
            function: event.function,
            message: event.message.trim_end().to_owned(),
        }
    }
}

/// One line, and one more, indented, for each further line of the message.
fn text(event: &Event) -> String {
    let mut lines = event.message.trim().lines();
    let first = lines.next().unwrap_or_default();
    let head = format!("{DIM}{}{DIM:#} {BOLD}{}{BOLD:#}", event.at, event.function);
    let mut text = format!("{head} {}\n", plain(first));
    for line in lines {
        text.push_str(&format!("    {}\n", plain(line)));
    }
    text
}

/// A tab separates words, too.
fn plain(line: &str) -> String {
    harmless(&line.replace('\t', " ")).trim_end().to_owned()
}

/// Reads `30s`, `10m`, `2h` or `7d`.
fn since(text: &str) -> Result<Since, String> {
    let wrong = || "expected a whole number and a unit, for example 30s, 10m, 2h or 7d".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number = &text[..text.len() - 1];
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = (number.checked_mul(seconds * 1000))
        .filter(|milliseconds| *milliseconds <= Timestamp::now().0)
        .ok_or("CloudWatch has no logs from that time")?;
    Ok(Since {
        milliseconds,
        text: text.to_owned(),
    })
}
