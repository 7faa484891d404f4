//! `lamed new`, `start`, `stop`, `ship`, `restart` and `archive`: what they do to the config file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstyle::AnsiColor;
use clap_complete::engine::ArgValueCompleter;
use serde_json::json;
use tokio::time::timeout;

use super::changes::confirm;
use super::client::Client;
use super::configure::files;
use super::endpoint::{ApiArgs, Endpoint, KeyArgs};
use super::running::Running;
use super::visible::{harmless, visible};
use super::{CliError, Context, block_on, completions, name};
use crate::config::{Config, Document, Location, New, Verb, locate};
use crate::domain::{Name, Secret, Unit};
use crate::report::{Question, Runs, read};

/// How long a server may take to say who sends events.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(super) struct NewArgs {
    /// The name of the experiment, as your pages will use it
    #[arg(value_name = "EXPERIMENT", value_parser = name)]
    experiment: Name,
    /// The variants, separated by commas, the control first; a weight follows `=`, for example red=20
    #[arg(long, value_name = "VARIANTS", value_delimiter = ',', required = true, value_parser = variant)]
    variants: Vec<(Name, u32)>,
    /// A goal, or several, separated by commas; you can use this option more than once
    #[arg(long, value_name = "GOAL", value_delimiter = ',', value_parser = goal)]
    goal: Vec<Name>,
    /// Give variants to users who are signed in, instead of to visitors
    #[arg(long)]
    users: bool,
    /// The share of visitors that take part, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    sample: f64,
    /// Start the experiment at once, instead of a draft, which visitors do not see
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

#[derive(clap::Args)]
pub(super) struct Args {
    /// The experiment
    #[arg(value_name = "EXPERIMENT", value_parser = name, add = ArgValueCompleter::new(completions::experiments))]
    experiment: Name,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

#[derive(clap::Args)]
pub(super) struct StopArgs {
    #[command(flatten)]
    of: Args,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(clap::Args)]
pub(super) struct ShipArgs {
    #[command(flatten)]
    of: Args,
    /// The variant that all visitors will see
    #[arg(value_name = "VARIANT", value_parser = name, add = ArgValueCompleter::new(completions::variants))]
    variant: Name,
    #[command(flatten)]
    server: ServerArgs,
}

/// Who can say whether pages with AlephBet send events.
#[derive(clap::Args)]
struct ServerArgs {
    #[command(flatten)]
    endpoint: ApiArgs,
    #[command(flatten)]
    key: KeyArgs,
}

#[derive(clap::Args)]
struct ConfirmArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// `red` or `red=20`
fn variant(text: &str) -> Result<(Name, u32), String> {
    let text = text.trim();
    match text.rsplit_once('=') {
        None => Ok((name(text)?, 1)),
        Some((variant, weight)) => {
            let weight = weight.trim().parse();
            let weight =
                weight.map_err(|_| "the weight must be a whole number from 0".to_owned())?;
            Ok((name(variant.trim())?, weight))
        }
    }
}

fn goal(text: &str) -> Result<Name, String> {
    name(text.trim())
}

fn share(text: &str) -> Result<f64, String> {
    (text.parse().ok())
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a number from 0 to 1 (0.5 means 50 %)".to_owned())
}

pub(super) fn new(context: &Context, args: NewArgs) -> Result<(), CliError> {
    let verb = Verb::New(New {
        variants: args.variants,
        goals: args.goal,
        unit: if args.users {
            Unit::User
        } else {
            Unit::Visitor
        },
        sample: args.sample,
        running: args.start,
    });
    let (path, text) = match locate(context.config_file.as_deref()) {
        Location::Found(path) => (path, None),
        // Where to count is for later: an experiment needs no Redis.
        Location::Missing(path) => {
            let text = files::template_without(&path, "redis");
            (path, Some(text))
        }
    };
    apply(context, &path, text, &verb, &args.experiment, &args.confirm)?;
    say_what_is_missing(context, &args.experiment)?;
    if !args.start {
        context.printer.talk(&format!(
            "To look at a variant, add `?lamed.{0}=VARIANT` to the address of your page. Run `lamed start {1}` to start.",
            encoded(&args.experiment),
            completions::quoted(args.experiment.as_str()),
        ));
    }
    Ok(())
}

pub(super) fn start(context: &Context, args: Args) -> Result<(), CliError> {
    edit(context, &Verb::Start, &args)?;
    say_what_is_missing(context, &args.experiment)
}

/// What keeps an experiment from a verdict.
fn say_what_is_missing(context: &Context, experiment: &Name) -> Result<(), CliError> {
    let config = context.config()?;
    let Some(declared) = config.declared(experiment.as_str()) else {
        return Ok(());
    };
    if declared.goals.is_empty() {
        (context.printer).talk("It has no goal yet: add one under `goals` in the config file.");
    }
    let weights = &declared.variants;
    for (name, _) in
        (weights.iter()).filter(|(name, weight)| *weight == 0 && declared.control() == Some(name))
    {
        context.printer.talk(&format!(
            "The control `{}` has weight 0: it gets no visitors, and lamed cannot compare other variants with it.",
            visible(name.as_str())
        ));
    }
    Ok(())
}

pub(super) fn stop(context: &Context, args: StopArgs) -> Result<(), CliError> {
    args.server.endpoint.check()?;
    edit(context, &Verb::Stop, &args.of)?;
    warn_of_alephbet(context, &args.server, &args.of.experiment)
}

pub(super) fn ship(context: &Context, args: ShipArgs) -> Result<(), CliError> {
    args.server.endpoint.check()?;
    let verb = Verb::Ship(args.variant);
    edit(context, &verb, &args.of)?;
    warn_of_alephbet(context, &args.server, &args.of.experiment)
}

pub(super) fn restart(context: &Context, args: Args) -> Result<(), CliError> {
    edit(context, &Verb::Restart, &args)
}

pub(super) fn archive(context: &Context, args: Args) -> Result<(), CliError> {
    edit(context, &Verb::Archive, &args)
}

fn edit(context: &Context, verb: &Verb, args: &Args) -> Result<(), CliError> {
    let path: PathBuf = match locate(context.config_file.as_deref()) {
        Location::Found(path) => path,
        Location::Missing(path) => {
            return Err(CliError::usage(format!(
                "`{}`: file not found: use `lamed new` to declare an experiment (the examples of `lamed serve` cannot be changed)",
                path.display()
            )));
        }
    };
    apply(context, &path, None, verb, &args.experiment, &args.confirm)
}

/// Shows what changes in the file, asks, and writes it. A `new` file begins with that text.
fn apply(
    context: &Context,
    path: &Path,
    new: Option<String>,
    verb: &Verb,
    experiment: &Name,
    args: &ConfirmArgs,
) -> Result<(), CliError> {
    let is_new = new.is_some();
    let (config, before) = match new {
        Some(text) => (Config::parse(path, &text)?, text),
        None => {
            let config = Config::read(path)?;
            let text = fs::read_to_string(path).map_err(|error| {
                CliError::failed(format!("cannot read `{}`: {error}", path.display()))
            })?;
            (config, text)
        }
    };
    let Some(mut document) = Document::new(&before) else {
        return Err(files::changed_meanwhile(path));
    };
    let done = verb.apply(&config, experiment, &mut document);
    let done = done.map_err(|error| CliError::usage(error.to_string()))?;
    // A change that other parts of the file do not allow is not made. Where that would be is in no file.
    Config::parse(path, document.text()).map_err(|error| CliError::usage(error.reason()))?;
    if !context.json {
        let difference = difference(path, &before, document.text());
        context
            .printer
            .talk(&without_password(&difference, &config));
    }
    let what = if is_new { "Create" } else { "Change" };
    if !confirm(args.yes, &format!("{what} `{}`?", path.display()))? {
        return Err(CliError::failed("cancelled: no changes made"));
    }
    if is_new {
        files::create(context, path, document.text())?;
        files::refresh_schema(context, path)?;
    } else {
        files::change(path, Some(&before), document.text())?;
    }
    if context.json {
        let file = path.display().to_string();
        return context.printer.json(&json!({"file": file, "done": done}));
    }
    context.printer.talk(&format!(
        "{}\nA running `lamed serve` with this file loads it within seconds, browsers within a minute. For AWS, run `lamed deploy`.",
        harmless(&done)
    ));
    Ok(())
}

/// A file in one line shows all of itself.
fn without_password(text: &str, config: &Config) -> String {
    let password = config
        .redis
        .as_ref()
        .and_then(|redis| redis.password.as_ref());
    let Some(password) = password
        .map(Secret::reveal)
        .filter(|password| !password.is_empty())
    else {
        return text.to_owned();
    };
    let as_json = serde_json::to_string(password).unwrap_or_default();
    let in_url: String = form_urlencoded::byte_serialize(password.as_bytes()).collect();
    let forms = [as_json.trim_matches('"'), password, &in_url];
    (forms.iter()).fold(text.to_owned(), |text, form| text.replace(form, "***"))
}

/// The lines that differ.
fn difference(path: &Path, before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = before.iter().zip(&after).take_while(same).count();
    let rest = before.len().min(after.len()) - head;
    let tail = (before.iter().rev().zip(after.iter().rev()))
        .take_while(same)
        .count()
        .min(rest);
    let mut text = format!("{}:{}\n", path.display(), head + 1);
    let mut add = |sign: char, line: &str| {
        let style = match sign {
            '-' => AnsiColor::Red.on_default(),
            _ => AnsiColor::Green.on_default(),
        };
        text.push_str(&format!(
            "{style}{sign} {}{style:#}\n",
            harmless(&line.replace('\t', "    "))
        ));
    };
    for line in &before[head..before.len() - tail] {
        add('-', line);
    }
    for line in &after[head..after.len() - tail] {
        add('+', line);
    }
    text
}

/// Pages with AlephBet itself show what they are written to show: where such pages send events, the owner learns
/// of it. Where nobody can be asked, nothing is known.
fn warn_of_alephbet(
    context: &Context,
    ServerArgs { endpoint, key }: &ServerArgs,
    experiment: &Name,
) -> Result<(), CliError> {
    if endpoint.is_deployed() && Running::all().next().is_none() {
        return Ok(());
    }
    let config = context.load()?;
    let local = ApiArgs::local();
    let asked = if endpoint.is_deployed() {
        &local
    } else {
        endpoint
    };
    let Ok(endpoint) = Endpoint::resolve(context, &config, asked, Some(key)) else {
        return Ok(());
    };
    let client = Client::new(endpoint)?;
    let question = Question {
        namespace: &config.namespace,
        experiment: Some(experiment),
        days: false,
    };
    let found = block_on(async { Ok(timeout(PATIENCE, read(&client, question)).await) })?;
    let Ok(Ok(found)) = found else {
        return Ok(());
    };
    let runs = Runs::new(found.runs, &[]);
    let run = runs.of(&runs.wire_name(experiment));
    if run.is_some_and(|run| run.alephbet) {
        context.printer.warn(&format!(
            "events of `{}` came by `GET /track` in the last 24 hours, as AlephBet sends them: pages with AlephBet still show its variants; change those pages",
            harmless(experiment.as_str())
        ));
    }
    Ok(())
}

/// A name in an address.
fn encoded(name: &Name) -> String {
    form_urlencoded::byte_serialize(name.as_str().as_bytes()).collect()
}
