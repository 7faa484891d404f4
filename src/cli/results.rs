//! `lamed results`

use std::io::stdout;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use hyper::Method;
use serde::Serialize;
use terminal_size::terminal_size_of;

use super::endpoint::{self, Endpoint};
use super::printer::{BOLD, DIM, harmless};
use super::{CliError, Context, client, name};
use crate::config::Config;
use crate::domain::Name;
use crate::http::wire::{self, Element, parameter};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Only these experiments
    #[arg(value_name = "EXPERIMENT", value_parser = name)]
    experiments: Vec<Name>,
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
    #[command(flatten)]
    key: endpoint::KeyArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Results {
    namespace: String,
    experiments: Vec<Experiment>,
}

#[derive(Debug, Serialize)]
struct Experiment {
    experiment: String,
    control: Option<String>,
    variants: Vec<Variant>,
    goals: Vec<Goal>,
}

#[derive(Debug, Serialize)]
struct Variant {
    variant: String,
    participants: u64,
}

#[derive(Debug, Serialize)]
struct Goal {
    goal: String,
    variants: Vec<GoalVariant>,
}

#[derive(Debug, Serialize)]
struct GoalVariant {
    variant: String,
    participants: u64,
    conversions: u64,
    /// Conversions a participant; none without participants.
    rate: Option<f64>,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, Some(&args.key))?;
    let results = fetch(&endpoint, &config, &args.experiments)?;
    if context.json {
        return context.printer.json(&results);
    }
    if results.experiments.is_empty() {
        context.printer.talk(&format!(
            "nothing is counted in namespace `{}` yet",
            harmless(&results.namespace)
        ));
    }
    let width = terminal_size_of(stdout()).map(|(width, _)| width.0);
    let blocks: Vec<String> = (results.experiments.iter())
        .map(|experiment| block(experiment, width))
        .collect();
    context.printer.data(&blocks.join("\n"))
}

fn fetch(endpoint: &Endpoint, config: &Config, only: &[Name]) -> Result<Results, CliError> {
    // All of the namespace: a scope could not name an experiment with a comma in its name.
    let query = [(parameter::NAMESPACE, config.namespace.as_str())];
    let elements: Vec<Element> = client::request(endpoint, Method::GET, "experiments", &query)?;
    let mut experiments: Vec<wire::Experiment> = (elements.into_iter())
        .filter_map(|element| match element {
            Element::Meta { .. } => None,
            Element::Experiment(experiment) => Some(experiment),
        })
        .collect();
    if !only.is_empty() {
        for name in only {
            if !experiments.iter().any(|e| e.experiment == name.as_str()) {
                return Err(CliError::failed(format!(
                    "nothing is counted for experiment `{}` in namespace `{}`",
                    harmless(name.as_str()),
                    harmless(config.namespace.as_str())
                )));
            }
        }
        experiments.retain(|e| only.iter().any(|name| name.as_str() == e.experiment));
    }
    Ok(Results {
        namespace: config.namespace.to_string(),
        experiments: (experiments.into_iter())
            .map(|experiment| understand(experiment, config))
            .collect(),
    })
}

/// From the words of the wire to ours.
fn understand(experiment: wire::Experiment, config: &Config) -> Experiment {
    let declared = config.declared(&experiment.experiment);
    let control = declared
        .and_then(|declared| declared.control.as_ref())
        .map(Name::to_string)
        .or_else(|| experiment.variants.first().map(|first| first.label.clone()));
    Experiment {
        experiment: experiment.experiment,
        control,
        variants: (experiment.variants.into_iter())
            .map(|variant| Variant {
                variant: variant.label,
                participants: variant.trials,
            })
            .collect(),
        goals: (experiment.goals.into_iter())
            .map(|goal| Goal {
                goal: goal.goal,
                variants: goal.results.into_iter().map(GoalVariant::from).collect(),
            })
            .collect(),
    }
}

impl From<wire::GoalResult> for GoalVariant {
    fn from(result: wire::GoalResult) -> Self {
        Self {
            rate: (result.trials > 0).then(|| result.successes as f64 / result.trials as f64),
            variant: result.label,
            participants: result.trials,
            conversions: result.successes,
        }
    }
}

/// One experiment: its name, and a row for each goal and variant.
fn block(experiment: &Experiment, width: Option<u16>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    let variant_name = |name: &str| {
        let role = if experiment.control.as_deref() == Some(name) {
            " (control)"
        } else {
            ""
        };
        format!("{}{role}", harmless(name))
    };
    if experiment.goals.is_empty() {
        table.set_header(["variant", "participants"]);
        for variant in &experiment.variants {
            table.add_row([
                variant_name(&variant.variant),
                grouped(variant.participants),
            ]);
        }
        right_align(&mut table, &[1]);
    } else {
        table.set_header(["goal", "variant", "participants", "conversions", "rate"]);
        for goal in &experiment.goals {
            for (position, result) in goal.variants.iter().enumerate() {
                let goal = if position == 0 {
                    harmless(&goal.goal)
                } else {
                    "".into()
                };
                table.add_row([
                    goal.into_owned(),
                    variant_name(&result.variant),
                    grouped(result.participants),
                    grouped(result.conversions),
                    rate(result),
                ]);
            }
        }
        right_align(&mut table, &[2, 3, 4]);
    }
    let name = harmless(&experiment.experiment);
    let note = if experiment.goals.is_empty() {
        format!("{DIM} · no goal reached yet{DIM:#}")
    } else {
        String::new()
    };
    let rows: String = (table.lines())
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    format!("{BOLD}{name}{BOLD:#}{note}\n{rows}")
}

fn right_align(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A percentage while that makes sense: goals reached again and again can pass 100 %.
fn rate(result: &GoalVariant) -> String {
    match result.rate {
        None => "–".to_owned(),
        Some(rate) if rate > 1.0 => format!("{rate:.2} each"),
        Some(rate) => format!("{:.2} %", rate * 100.0),
    }
}

/// `1234567` as `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
