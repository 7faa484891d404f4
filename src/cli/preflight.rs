//! `lamed preflight`

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use terminal_size::terminal_size;

use super::deployment::connect;
use super::visible::harmless;
use super::{CliError, Context};
use crate::config::{Config, locate};
use crate::deploy::{Aws, Deployment, Observed};
use crate::preflight::{self, Check, Status, failures};

/// Where no terminal says how wide it is.
const WIDTH: u16 = 100;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Check this zip of the Lambda function instead of the embedded one
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Print the least IAM policy for a user who runs `lamed deploy`, and check nothing
    #[arg(long, conflicts_with = "bootstrap")]
    policy: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    checks: &'a [Check],
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.load()?;
    let deployment = Deployment::new(&config)?;
    let file = locate(context.config_file.as_deref());
    let aws = connect(context).await;
    if args.policy {
        let aws = aws?;
        let policy = deployment.policy(&config, aws.account().await?);
        return context.printer.data(&format!("{policy:#}\n"));
    }
    let zip = args.bootstrap.as_deref();
    let checks = preflight::run(&config, &file, &deployment, aws.as_ref(), zip).await;
    let failures = failures(&checks);
    if context.json {
        let ok = failures.is_none();
        context.printer.json(&Document {
            ok,
            checks: &checks,
        })?;
    } else {
        context.printer.data(&text(&checks))?;
    }
    match failures {
        Some(failures) => Err(CliError::failed(format!("preflight failed: {failures}"))),
        None => Ok(()),
    }
}

/// Prints the checks that are not well, and gives back what was read on the way.
pub(super) async fn before_deploy(
    context: &Context,
    config: &Config,
    deployment: &Deployment,
    aws: &Aws,
) -> Result<Observed, CliError> {
    let (checks, observed) = preflight::before_deploy(config, deployment, aws).await?;
    if !checks.is_empty() {
        context.printer.talk(&text(&checks));
    }
    match (observed, failures(&checks)) {
        (Err(error), _) if !error.is_denied() => Err(error.into()),
        (Ok(observed), None) => Ok(observed),
        (_, failures) => Err(CliError::failed(format!(
            "preflight failed: {}; use `--no-preflight` to skip these checks",
            failures.unwrap_or_default()
        ))),
    }
}

fn sign(status: Status) -> &'static str {
    match status {
        Status::Ok => "✓",
        Status::Warning => "!",
        Status::Failed => "✗",
    }
}

/// A table: a sign, what was checked, what was found and, below it, what to do.
fn text<'a>(checks: impl IntoIterator<Item = &'a Check>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(terminal_size().map_or(WIDTH, |(width, _)| width.0));
    for check in checks {
        let remedy = check.remedy.as_ref();
        let found = match remedy {
            None => harmless(&check.found).into_owned(),
            Some(remedy) => format!("{}\n→ {}", harmless(&check.found), harmless(remedy)),
        };
        table.add_row([sign(check.status), check.check, &found]);
    }
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        let content = line.trim_start();
        let style = match content.chars().next() {
            Some('✓') => AnsiColor::Green.on_default(),
            Some('!') => AnsiColor::Yellow.on_default().bold(),
            Some('✗') => AnsiColor::Red.on_default().bold(),
            _ => Style::new(),
        };
        let sign = content.chars().next().map_or(0, char::len_utf8);
        let indent = line.len() - content.len();
        if style == Style::new() || indent > 1 {
            text.push_str(&format!("{line}\n"));
        } else {
            let (sign, rest) = content.split_at(sign);
            text.push_str(&format!(
                "{}{style}{sign}{style:#}{rest}\n",
                &line[..indent]
            ));
        }
    }
    text
}
