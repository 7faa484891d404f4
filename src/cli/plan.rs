//! `lamed plan`

mod curve;

use std::fmt::Write as _;

use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use self::curve::Curve;
use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::printer::{BOLD, DIM};
use super::results::{Grid, find, unknown, width};
use super::visible::visible;
use super::{CliError, Context, block_on, completions, name};
use crate::config::Config;
use crate::domain::results::{
    Design, GoalKind, GoalResults, Results, grouped, percent, rounded_up,
};
use crate::domain::{Better, Declared, Name};
use crate::report::{Evaluated, Question};

/// Of who says nothing else.
const EFFECT: f64 = 0.1;

#[derive(clap::Args)]
#[command(
    override_usage = "lamed plan [OPTIONS] EXPERIMENT\n       lamed plan [OPTIONS] --rate RATE"
)]
pub(super) struct Args {
    /// Plan for this experiment: use its variants, and the rate and the visitors counted so far
    #[arg(value_name = "EXPERIMENT", value_parser = name, add = ArgValueCompleter::new(completions::experiments))]
    experiment: Option<Name>,
    /// The conversion rate of the control, for example 5%
    #[arg(long, value_name = "RATE", value_parser = rate, required_unless_present = "experiment")]
    rate: Option<f64>,
    /// The smallest effect worth finding, for example 10%: from 5 % to 5.5 % [default: `minimum_effect` of the
    /// experiment, or else 10%]
    #[arg(long, value_name = "EFFECT", value_parser = effect)]
    effect: Option<f64>,
    /// The number of visitors a day, in all variants together
    #[arg(long, value_name = "VISITORS", value_parser = clap::value_parser!(u64).range(1..))]
    daily: Option<u64>,
    /// The number of variants, including the control [default: those of the experiment, or else 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=100))]
    variants: Option<u8>,
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
    #[command(flatten)]
    key: endpoint::KeyArgs,
}

/// A share, also in percent.
fn share(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let (number, unit) = match trimmed.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (trimmed, 1.0),
    };
    let number: f64 = (number.parse()).map_err(|_| "expected a number such as 5% or 0.05")?;
    if unit == 1.0 && number >= 1.0 {
        return Err(format!(
            "expected a number such as 5% or 0.05: did you mean {number}%?"
        ));
    }
    Ok(number / unit)
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = share(text)?;
    match rate > 0.0 && rate < 1.0 {
        true => Ok(rate),
        false => Err("must be more than 0 % and less than 100 %".to_owned()),
    }
}

fn effect(text: &str) -> Result<f64, String> {
    let effect = share(text)?;
    match effect > 0.0 && effect.is_finite() {
        true => Ok(effect),
        false => Err("must be more than 0 %".to_owned()),
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let planning = match &args.experiment {
        None => Planning::from_options(args),
        Some(name) if args.rate.is_some() => declared(&context.config()?, name, args)?,
        Some(name) => {
            let config = context.config()?;
            let endpoint = Endpoint::resolve(context, &config, &args.endpoint, Some(&args.key))?;
            block_on(counted(&Client::new(endpoint)?, &config, name, args))?
        }
    };
    let document = planning.document()?;
    if context.json {
        return context.printer.json(&document);
    }
    context.printer.data(&text(&planning, &document, width()))
}

/// What to plan for.
struct Planning {
    experiment: Option<Name>,
    design: Design,
    effect: f64,
    /// Whether nobody said how large the effect is.
    is_effect_assumed: bool,
    daily: Option<f64>,
    /// As it is declared.
    planned: Option<u64>,
    /// Where the rate is from.
    source: Option<String>,
    /// Whether the experiment counts already: then its plan cannot change.
    has_begun: bool,
}

impl Planning {
    fn from_options(args: &Args) -> Self {
        let variants = usize::from(args.variants.unwrap_or(2));
        Self {
            experiment: None,
            design: Design {
                rate: args.rate.unwrap_or_default(),
                better: Better::Higher,
                weights: vec![1.0; variants],
                comparisons: variants - 1,
            },
            effect: args.effect.unwrap_or(EFFECT),
            is_effect_assumed: args.effect.is_none(),
            daily: args.daily.map(|daily| daily as f64),
            planned: None,
            source: None,
            has_begun: false,
        }
    }

    /// What the options do not say is as declared.
    fn declared(mut self, declared: &Declared, args: &Args) -> Self {
        let control = declared.control();
        let (mut first, others): (Vec<_>, Vec<_>) = (declared.variants.iter())
            .filter(|(_, weight)| *weight > 0)
            .partition(|(name, _)| Some(name) == control);
        first.extend(others);
        if args.variants.is_none() && first.len() > 1 {
            self.design.weights = first.iter().map(|(_, weight)| f64::from(*weight)).collect();
        }
        let goals = declared.goals.iter().filter(|goal| goal.unique);
        self.design.comparisons = (self.design.weights.len() - 1) * goals.count().max(1);
        if let Some(goal) = declared.goals.iter().find(|goal| goal.unique) {
            self.design.better = goal.better;
        }
        if let (None, Some(effect)) = (args.effect, declared.minimum_effect) {
            (self.effect, self.is_effect_assumed) = (effect, false);
        }
        self.planned = declared.planned_participants;
        self.experiment = Some(declared.name.clone());
        self
    }
}

/// An experiment whose rate is given: nothing is asked of an API.
fn declared(config: &Config, name: &Name, args: &Args) -> Result<Planning, CliError> {
    let declared = config.declared(name.as_str()).ok_or_else(|| {
        let known = config.experiments.iter().map(|one| one.name.as_str());
        unknown("experiment", name.as_str(), known, config)
    })?;
    Ok(Planning::from_options(args).declared(declared, args))
}

/// An experiment with the rate and the traffic that it has.
async fn counted(
    client: &Client,
    config: &Config,
    name: &Name,
    args: &Args,
) -> Result<Planning, CliError> {
    let question = Question {
        namespace: &config.namespace,
        experiment: None,
        days: true,
    };
    let (counted, runs) = find(client, question, config, name, None).await?;
    let results = Evaluated::new(&counted, &runs, None).results;
    let mut planning = Planning::from_options(args);
    planning.experiment = Some(name.clone());
    if let Some(run) = runs.of(counted.name()) {
        planning = planning.declared(&run.declared, args);
    } else if args.variants.is_none() {
        let compared = results.variants.iter().filter(|one| one.compared).count();
        planning.design.weights = vec![1.0; compared.max(2)];
        planning.design.comparisons = planning.design.weights.len() - 1;
    }
    planning.daily = planning.daily.or(results.participants_per_day);
    let goal = (results.goals.iter()).find(|goal| goal.kind == GoalKind::Proportion);
    let no_rate = |why: &str| {
        let name = visible(name.as_str());
        CliError::failed(format!(
            "cannot take the rate from `{name}`: {why}; use `--rate`"
        ))
    };
    let goal = goal.ok_or_else(|| no_rate("it has no goal that counts once and has no value"))?;
    let rate = rate_of(goal, &results).map_err(no_rate)?;
    planning.has_begun = results.participants() > 0;
    planning.design.rate = rate;
    planning.design.better = goal.better;
    planning.source = Some(format!("goal {}, as counted", visible(goal.goal.as_str())));
    Ok(planning)
}

/// The rate of the control, or why nothing can be planned with it.
fn rate_of(goal: &GoalResults, results: &Results) -> Result<f64, &'static str> {
    let mut variants = goal.variants.iter();
    let control = variants.find(|one| Some(&one.variant) == results.control.as_ref());
    match control.and_then(|control| control.proportion) {
        Some(counted) if counted.rate() >= 1.0 => Err("all visitors of its control converted"),
        Some(counted) if counted.rate() > 0.0 => Ok(counted.rate()),
        _ => Err("its control has no conversions yet"),
    }
}

/// The answer.
#[derive(Serialize)]
struct Document {
    experiment: Option<String>,
    rate: f64,
    effect: f64,
    /// `higher` or `lower`.
    better: &'static str,
    variants: usize,
    comparisons: usize,
    participants_per_day: Option<f64>,
    power: f64,
    with_plan: Size,
    without_plan: Size,
    /// What is declared as `planned_participants`, and the power that it has.
    planned: Option<Declaration>,
    curve: Curve,
}

/// How large, and how long.
#[derive(Serialize)]
struct Size {
    participants: u64,
    participants_per_variant: u64,
    days: Option<u64>,
}

#[derive(Serialize)]
struct Declaration {
    participants: u64,
    power: f64,
    days: Option<u64>,
}

impl Planning {
    fn document(&self) -> Result<Document, CliError> {
        let design = &self.design;
        let improved = design.improved(self.effect);
        if !(0.0..=1.0).contains(&improved) {
            return Err(CliError::usage(format!(
                "an effect of {} is impossible: the rate would change from {} to {}",
                percent(self.effect),
                percent(design.rate),
                percent(improved)
            )));
        }
        let too_small = || {
            CliError::usage(format!(
                "an effect of {} is too small to plan for",
                percent(self.effect)
            ))
        };
        let with_plan = design.with_plan(self.effect).ok_or_else(too_small)?;
        let without_plan = design.without_plan(self.effect).ok_or_else(too_small)?;
        Ok(Document {
            experiment: self.experiment.as_ref().map(Name::to_string),
            rate: design.rate,
            effect: self.effect,
            better: match design.better {
                Better::Higher => "higher",
                Better::Lower => "lower",
            },
            variants: design.weights.len(),
            comparisons: design.comparisons,
            participants_per_day: self.daily,
            power: 0.8,
            with_plan: self.size(with_plan),
            without_plan: self.size(without_plan),
            planned: self.planned.map(|participants| Declaration {
                participants,
                power: design.power(self.effect, Some(participants), participants),
                days: self.days(participants),
            }),
            curve: Curve::new(design, self.effect, self.planned.unwrap_or(with_plan)),
        })
    }

    fn size(&self, participants: u64) -> Size {
        Size {
            participants,
            participants_per_variant: participants.div_ceil(self.design.weights.len() as u64),
            days: self.days(participants),
        }
    }

    /// In numbers that are easy to read: all, and of each variant.
    fn rounded(&self, size: &Size) -> (u64, u64) {
        let each = rounded_up(size.participants_per_variant, 3);
        (each * self.design.weights.len() as u64, each)
    }

    fn days(&self, participants: u64) -> Option<u64> {
        self.daily
            .map(|daily| (participants as f64 / daily).ceil() as u64)
    }
}

fn text(planning: &Planning, document: &Document, width: usize) -> String {
    let mut text = title(planning, document);
    text.push_str("If the effect is real, 4 of 5 experiments find it with this many visitors:\n\n");
    let mut grid = Grid::new(
        ["", "visitors", "per variant", "days", "full weeks"].map(str::to_owned),
        None,
    );
    let sizes = [
        ("with a plan", &document.with_plan),
        ("without a plan", &document.without_plan),
    ];
    for (name, size) in sizes {
        let number = |number: u64| grouped(number as f64);
        let days = size.days.map_or_else(|| "–".to_owned(), number);
        let weeks = size
            .days
            .map_or_else(|| "–".to_owned(), |days| number(days.div_ceil(7)));
        let (all, each) = planning.rounded(size);
        grid.push([name.to_owned(), number(all), number(each), days, weeks]);
    }
    text.push_str(&grid.text(width));
    text.push('\n');
    text.push_str(&what_a_plan_is(planning, document));
    let (with_plan, _) = planning.rounded(&document.with_plan);
    let (visitors, is_planned) = (
        planning.planned.unwrap_or(with_plan),
        planning.planned.is_some(),
    );
    text.push_str(&(document.curve).text(visitors, is_planned, width));
    text.push('\n');
    text.push_str(&advice(planning, document));
    text
}

/// The name, the rate, the effect, and who comes.
fn title(planning: &Planning, document: &Document) -> String {
    let rounded = |rate: f64| percent((rate * 1e4).round() / 1e4);
    let name = document.experiment.as_ref();
    let mut text = name.map_or_else(String::new, |name| {
        format!("{BOLD}{}{BOLD:#}\n", visible(name))
    });
    let source = planning.source.as_ref();
    let source = source.map_or_else(String::new, |source| format!(" ({source})"));
    let assumed = if planning.is_effect_assumed {
        " (assumed; use `--effect`)"
    } else {
        ""
    };
    let _ = write!(
        text,
        "Rate of the control: {}{source}\nEffect: {}, from {} to {}{assumed}\n{} variants",
        rounded(document.rate),
        percent(document.effect),
        rounded(document.rate),
        rounded(planning.design.improved(document.effect)),
        document.variants,
    );
    if let Some(daily) = document.participants_per_day {
        let _ = write!(text, ", {} visitors a day", grouped(daily));
    }
    text.push_str("\n\n");
    text
}

/// What to write, where nothing is written and it is not too late.
fn what_a_plan_is(planning: &Planning, document: &Document) -> String {
    if document.planned.is_some() || planning.has_begun {
        return String::new();
    }
    // What was planned for is what results should look for.
    let effect = match planning.is_effect_assumed {
        true => String::new(),
        false => format!(
            ",\n\"minimum_effect\": {}",
            (document.effect * 1e6).round() / 1e6
        ),
    };
    format!(
        "Write the plan into the experiment in the config file, before the start:\n\
         \"planned_participants\": {}{effect}\n\n",
        planning.rounded(&document.with_plan).0
    )
}

fn advice(planning: &Planning, document: &Document) -> String {
    let mut lines = Vec::new();
    if let Some(declared) = &document.planned {
        lines.push(format!(
            "Your config plans {} visitors. With them, {:.0} % of experiments find an effect of {}.",
            grouped(declared.participants as f64),
            declared.power * 100.0,
            percent(document.effect)
        ));
    }
    if planning.daily.is_none() {
        lines.push("Use `--daily VISITORS` to see the days.".to_owned());
    } else {
        lines.push("Run for full weeks: visitors of weekdays and weekends differ.".to_owned());
    }
    lines
        .iter()
        .map(|line| format!("{DIM}{line}{DIM:#}\n"))
        .collect()
}
