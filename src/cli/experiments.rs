//! `lamed experiments`

use serde::Serialize;

use super::client::Client;
use super::endpoint::{ApiArgs, Endpoint, KeyArgs};
use super::results::{Grid, width};
use super::visible::{of_namespace, visible};
use super::{CliError, Context, block_on};
use crate::config::Config;
use crate::domain::results::grouped;
use crate::domain::{Declared, Name};
use crate::report::{Evaluated, Found, Question, Runs, Said, read};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Show archived experiments, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    endpoint: ApiArgs,
    #[command(flatten)]
    key: KeyArgs,
}

/// An experiment in one line.
#[derive(Serialize)]
struct Row {
    experiment: String,
    /// `draft`, `running`, `stopped` or `shipped`; null if it is not declared.
    state: Option<&'static str>,
    shipped: Option<String>,
    run: u32,
    archived: bool,
    /// Of each variant, in the order in which they are declared.
    weights: Vec<(String, u32)>,
    /// With events; null where the counts are missing.
    days: Option<usize>,
    participants: Option<u64>,
    verdict: Option<Said>,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let found = counted(context, &config, &args);
    let (found, missing) = match found {
        Ok(found) => (found, None),
        // What is declared is known all the same.
        Err(error @ CliError::Failed(_)) if !config.experiments.is_empty() => {
            (Found::default(), Some(error))
        }
        Err(error) => return Err(error),
    };
    let runs = Runs::new(found.runs, &config.experiments);
    let mut rows: Vec<Row> = runs.present().map(Row::of).collect();
    if missing.is_some() {
        rows.iter_mut().for_each(Row::forget_counts);
    }
    for counted in &found.counted {
        let evaluated = Evaluated::new(counted, &runs, None);
        let name = counted.name();
        match runs.of(name) {
            Some(run) if !run.earlier => {
                let is_it = |row: &&mut Row| row.experiment == run.declared.name.as_str();
                if let Some(row) = rows.iter_mut().find(is_it) {
                    row.count(&evaluated);
                }
            }
            None if runs.lists(name) => {
                let mut row = Row::of(&Declared::new(name.clone()));
                row.state = None;
                row.count(&evaluated);
                rows.push(row);
            }
            _ => {}
        }
    }
    let all = rows.len();
    rows.retain(|row| args.all || !row.archived);
    if context.json {
        context.printer.json(&rows)?;
    } else if rows.is_empty() && all > 0 {
        (context.printer).talk("all experiments are archived: use `--all` to see them");
    } else if rows.is_empty() {
        context.printer.talk(&format!(
            "no experiments{} yet: use `lamed new` to declare one",
            of_namespace(&config)
        ));
    } else {
        context.printer.data(&table(&rows, width()))?;
    }
    match missing {
        None => Ok(()),
        Some(error) => {
            (context.printer).warn(&format!("counts are missing: {error}"));
            Ok(())
        }
    }
}

fn counted(context: &Context, config: &Config, args: &Args) -> Result<Found, CliError> {
    let endpoint = Endpoint::resolve(context, config, &args.endpoint, Some(&args.key))?;
    let client = Client::new(endpoint)?;
    let question = Question {
        namespace: &config.namespace,
        experiment: None,
        days: true,
    };
    block_on(async { Ok(read(&client, question).await?) })
}

impl Row {
    fn of(declared: &Declared) -> Self {
        Self {
            experiment: declared.name.to_string(),
            state: Some(declared.state.as_str()),
            shipped: declared.state.shipped().map(Name::to_string),
            run: declared.run,
            archived: declared.archived,
            weights: (declared.variants.iter())
                .map(|(name, weight): &(Name, u32)| (name.to_string(), *weight))
                .collect(),
            days: Some(0),
            participants: Some(0),
            verdict: None,
        }
    }

    fn count(&mut self, evaluated: &Evaluated) {
        self.days = Some(evaluated.days());
        self.participants = Some(evaluated.results.participants());
        self.verdict = Some((&evaluated.results.verdict).into());
    }

    fn forget_counts(&mut self) {
        (self.days, self.participants) = (None, None);
    }

    fn state(&self) -> String {
        match (self.state, &self.shipped) {
            (Some(_), Some(variant)) => format!("shipped {}", visible(variant)),
            (Some(state), None) => state.to_owned(),
            (None, _) => "not declared".to_owned(),
        }
    }

    fn weights(&self) -> String {
        let each = self.weights.iter();
        let each: Vec<String> = each
            .map(|(name, weight)| format!("{} {weight}", visible(name)))
            .collect();
        each.join(" : ")
    }
}

/// With as many columns as there is room for.
fn table(rows: &[Row], width: usize) -> String {
    const ALL: [&str; 7] = [
        "experiment",
        "state",
        "run",
        "weights",
        "days",
        "participants",
        "verdict",
    ];
    const NARROW: [&[usize]; 4] = [&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 4, 5], &[0, 1, 5], &[0, 1]];
    let number = |number: Option<f64>| number.map_or_else(|| "–".to_owned(), grouped);
    let cells = |row: &Row| {
        [
            visible(&row.experiment).into_owned(),
            row.state(),
            row.run.to_string(),
            row.weights(),
            number(row.days.map(|days| days as f64)),
            number(row.participants.map(|participants| participants as f64)),
            String::new(),
        ]
    };
    let of = |columns: &[usize]| {
        let titles = columns.iter().map(|column| ALL[*column].to_owned());
        let is_text = |place: &usize| matches!(ALL[columns[*place]], "state" | "weights");
        let mut grid = Grid::new(titles, (0..columns.len()).filter(is_text));
        for row in rows {
            let cells = cells(row);
            grid.push(columns.iter().map(|column| cells[*column].clone()));
        }
        grid
    };
    let columns = (NARROW.iter())
        .find(|columns| of(columns).width() <= width)
        .unwrap_or(&NARROW[3]);
    // The verdict stands below: a sentence is no cell.
    let grid = of(columns).text(width);
    let mut lines = grid.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (line, row) in lines.zip(rows) {
        text.push_str(&format!("{line}\n"));
        if let Some(verdict) = &row.verdict {
            let options = textwrap::Options::new(width.max(20))
                .initial_indent("   ")
                .subsequent_indent("   ");
            let verdict = textwrap::fill(&visible(&verdict.text), options);
            text.push_str(&format!("{verdict}\n"));
        }
    }
    text
}
