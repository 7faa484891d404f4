//! Results as JSON: one shape for `lamed results --json`, the dashboard and its snapshots.
//!
//! Numbers are not rounded, and absent ones are null. What a field means is said where it is computed:
//! [`crate::domain::results`] and [`crate::domain::statistics`].

mod csv;
mod runs;
mod shapes;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::csv::Separator;
pub use self::runs::Runs;
pub use self::shapes::{
    Against, ExperimentDocument, Goal, OfPair, Pairs, Said, Side, VersusControl,
};
pub use self::source::{Counted, Failure, Found, Question, Source, Wire, message, read};
use crate::domain::results::{Results, by_day};
use crate::domain::{Day, EventKind, Name, State};
use crate::http::Run;

/// All experiments of a namespace, in full.
#[derive(Debug, Serialize)]
pub struct Report {
    pub namespace: String,
    /// When it was made, where it is one of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    pub experiments: Vec<ExperimentDocument>,
}

/// All experiments of a namespace, in short: what a list of them shows.
#[derive(Debug, Serialize)]
pub struct Overview {
    pub namespace: String,
    pub default_namespace: String,
    /// The API that counted.
    pub api: String,
    /// HTML for pages, where it is known.
    pub snippet: Option<String>,
    pub experiments: Vec<Line>,
}

/// One experiment in short.
#[derive(Debug, Serialize)]
pub struct Line {
    #[serde(flatten)]
    which: Which,
    /// Whether it is an earlier run, or archived.
    hidden: bool,
    control: Option<String>,
    participants: u64,
    variants: usize,
    goals: usize,
    srm_alarm: bool,
    verdict: Said,
    /// The last day (UTC) with an event.
    last_day: Option<String>,
    /// The last days with events, and how many participants came on each.
    recent: Vec<(String, u64)>,
}

/// How many days a line tells of.
const RECENT: usize = 14;

impl Report {
    /// The same as a table for spreadsheets: a row for each experiment, goal and variant. Titles come
    /// with the first of several.
    #[must_use]
    pub fn csv(&self, separator: Separator, titles: bool) -> String {
        csv::of(self, separator, titles)
    }
}

/// Which experiment, and which run of it.
#[derive(Clone, Debug, Serialize)]
pub struct Which {
    /// As events call it: of a later run the name with its number.
    pub experiment: String,
    /// As pages call it.
    pub name: String,
    pub run: u32,
    /// `draft`, `running`, `stopped` or `shipped`; null if it is not declared.
    pub state: Option<&'static str>,
    /// The variant that is shipped.
    pub shipped: Option<String>,
    /// Whether a later run follows it.
    #[serde(skip)]
    pub earlier: bool,
}

impl Which {
    /// `run` is what is known of it.
    #[must_use]
    pub fn of(experiment: &Name, run: Option<&Run>) -> Self {
        let declared = run.map(|run| &run.declared);
        let state = declared.map(|declared| &declared.state);
        Self {
            experiment: experiment.to_string(),
            name: declared.map_or(experiment, |one| &one.name).to_string(),
            run: declared.map_or(1, |declared| declared.run),
            state: state.map(State::as_str),
            shipped: state.and_then(State::shipped).map(Name::to_string),
            earlier: run.is_some_and(|run| run.earlier),
        }
    }
}

impl Line {
    /// The line of an experiment.
    #[must_use]
    pub fn of(evaluated: &Evaluated, runs: &Runs) -> Self {
        let results = &evaluated.results;
        let recent = evaluated.recent();
        Self {
            which: evaluated.which.clone(),
            hidden: !runs.lists(&results.experiment),
            control: results.control.as_ref().map(Name::to_string),
            participants: results.participants(),
            variants: results.variants.len() + results.others.variants,
            goals: results.goals.len() + results.others.goals,
            srm_alarm: results.has_alarm(),
            verdict: (&results.verdict).into(),
            last_day: recent.last().map(|(day, _)| day.clone()),
            recent,
        }
    }
}

/// What was counted of one experiment, and what it says.
#[derive(Debug)]
pub struct Evaluated<'a> {
    pub results: Results,
    pub which: Which,
    counted: &'a Counted,
}

impl<'a> Evaluated<'a> {
    /// Evaluates the counts; `control` goes before the declared one.
    #[must_use]
    pub fn new(counted: &'a Counted, runs: &Runs, control: Option<&Name>) -> Self {
        let run = runs.of(counted.name());
        let declared = run.map(|run| &run.declared);
        let mut results = Results::of(&counted.counts, &counted.days, declared, control);
        results.note_crawlers(runs.crawlers());
        results.withhold(run.map_or(&[], |run| &run.changed));
        Self {
            results,
            which: Which::of(counted.name(), run),
            counted,
        }
    }

    /// On how many days something was counted.
    #[must_use]
    pub fn days(&self) -> usize {
        let days = self.counted.days.iter().map(|count| count.day);
        days.collect::<BTreeSet<_>>().len()
    }

    /// The last days with events, and how many participants came on each.
    fn recent(&self) -> Vec<(String, u64)> {
        let mut days: BTreeMap<Day, u64> = BTreeMap::new();
        for count in &self.counted.days {
            let participants = match count.kind {
                EventKind::Exposure => count.count,
                EventKind::Conversion(_) => 0,
            };
            let of_day = days.entry(count.day).or_default();
            *of_day = of_day.saturating_add(participants);
        }
        let skipped = days.len().saturating_sub(RECENT);
        let recent = days.into_iter().skip(skipped);
        recent
            .map(|(day, count)| (day.to_string(), count))
            .collect()
    }

    /// What another control than the usual one changes.
    #[must_use]
    pub fn against(&self) -> Against {
        let Counted { counts, days } = self.counted;
        Against::new(&self.results, &by_day(&self.results, counts, days))
    }

    /// The document about it.
    #[must_use]
    pub fn document(&self, pairs: Pairs) -> ExperimentDocument {
        let Counted { counts, days } = self.counted;
        ExperimentDocument::new(self, &by_day(&self.results, counts, days), pairs)
    }

    /// The matrix of pairs of one goal; none without such a goal.
    #[must_use]
    pub fn pairs(&self, goal: &Name) -> Option<Vec<OfPair>> {
        let goal = self.results.goals.iter().find(|one| one.goal == *goal)?;
        Some(OfPair::all(goal, &self.results))
    }
}

/// Whether a terminal obeys it rather than shows it: control characters, and what turns the direction of
/// the text around.
#[must_use]
pub fn is_harmful(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON in which nothing is obeyed by a terminal: such characters stand there as `\u009b`.
#[must_use]
pub fn harmless_json(json: &str) -> String {
    let mut harmless = String::with_capacity(json.len());
    for character in json.chars() {
        if is_harmful(character) {
            harmless.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            harmless.push(character);
        }
    }
    harmless
}
