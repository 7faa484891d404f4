//! Results as JSON: one shape for `lamed results --json`, the dashboard and its snapshots.
//!
//! Numbers are not rounded, and absent ones are null. What a field means is said where it is computed:
//! [`crate::domain::results`] and [`crate::domain::statistics`].

mod csv;
mod shapes;
mod source;

use serde::Serialize;

pub use self::shapes::{Against, Experiment, Goal, Pairs, Said, Side, VersusControl};
pub use self::source::{Failure, Question, Source, delete, message, read};
use crate::domain::results::{Results, by_day};
use crate::domain::{DayCount, Declared, Name};
use crate::http::wire::{Experiment as Counted, NotADay};

/// All experiments of a namespace, in full.
#[derive(Debug, Serialize)]
pub struct Report {
    pub namespace: String,
    pub experiments: Vec<Experiment>,
}

/// All experiments of a namespace, in short: what a list of them shows.
#[derive(Debug, Serialize)]
pub struct Overview {
    pub namespace: String,
    pub default_namespace: String,
    /// The API that counted.
    pub api: String,
    pub experiments: Vec<Line>,
}

/// One experiment in short.
#[derive(Debug, Serialize)]
pub struct Line {
    experiment: String,
    control: Option<String>,
    participants: u64,
    variants: usize,
    goals: usize,
    srm_alarm: bool,
    verdict: Said,
}

impl Report {
    /// The same as a table for spreadsheets: a row for each experiment, goal and variant.
    #[must_use]
    pub fn csv(&self) -> String {
        csv::of(self)
    }
}

impl From<&Results> for Line {
    fn from(results: &Results) -> Self {
        Self {
            experiment: results.experiment.to_string(),
            control: results.control.as_ref().map(Name::to_string),
            participants: results.participants(),
            variants: results.variants.len(),
            goals: results.goals.len(),
            srm_alarm: results.has_alarm(),
            verdict: (&results.verdict).into(),
        }
    }
}

/// What was counted of one experiment, read from the wire.
#[derive(Debug)]
pub struct Evaluated {
    pub results: Results,
    /// Empty where they were not asked for.
    pub days: Vec<DayCount>,
}

impl Evaluated {
    /// Evaluates what the wire says; `control` goes before the declared one.
    ///
    /// # Errors
    /// When the days in it are none.
    pub fn new(
        counted: &Counted,
        declared: Option<&Declared>,
        control: Option<&Name>,
    ) -> Result<Self, NotADay> {
        Ok(Self {
            results: Results::of(&counted.counts(), declared, control),
            days: counted.day_counts()?,
        })
    }

    /// The document about it.
    #[must_use]
    pub fn document(&self, pairs: Pairs) -> Experiment {
        Experiment::new(&self.results, &by_day(&self.results, &self.days), pairs)
    }
}
