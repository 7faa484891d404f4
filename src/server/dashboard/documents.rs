//! What the page draws.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use super::Dashboard;
use crate::domain::{Day, Declared, EventKind, ExperimentCounts, Name, Selection, Timestamp};
use crate::http::wire::{Deleted, parameter};
use crate::http::{Parameters, Reply};
use crate::report::{
    Against, Counted, Evaluated, ExperimentDocument, Failure, Found, Line, OfPair, Overview, Pairs,
    Question, Report, Runs, Separator, read,
};

/// The parameter that chooses the control.
const CONTROL: &str = "control";

/// The parameter that asks for the table for spreadsheets, and for nothing else.
const CSV: &str = "csv";

/// The parameter that asks for all pairs of a goal, and for nothing else.
const PAIRS: &str = "pairs";

#[derive(Serialize)]
struct PairsOf {
    pairs: Vec<OfPair>,
}

#[derive(Serialize)]
struct Table {
    csv: String,
}

/// A document, or why there is none.
pub(super) struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    fn of(document: &impl Serialize) -> Self {
        let Reply { status, body, .. } = Reply::ok(document);
        Self { status, body }
    }

    fn message(status: u16, message: &str) -> Self {
        let Reply { body, .. } = Reply::message(status, message);
        Self { status, body }
    }

    pub(super) fn not_found() -> Self {
        Self::message(404, "not found")
    }
}

impl From<Failure> for Answer {
    fn from(
        Failure {
            status, message, ..
        }: Failure,
    ) -> Self {
        // The page would take these for its own session's.
        let status = if matches!(status, 401 | 403) {
            502
        } else {
            status
        };
        Self::message(status, &message)
    }
}

/// Of a document that could not be made.
fn settled(answer: Result<Answer, Answer>) -> Answer {
    answer.unwrap_or_else(|failure| failure)
}

/// Lets one document be made at a time, away from the threads that count: whatever it takes, events do not
/// wait for it.
#[derive(Clone)]
pub struct Workbench(Arc<Semaphore>);

impl Default for Workbench {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Workbench {
    /// Reads, then works on what was read.
    async fn make(
        &self,
        dashboard: &Dashboard,
        question: Question<'_>,
        work: impl FnOnce(&[Counted], &Runs) -> Result<Answer, Answer> + Send + 'static,
    ) -> Result<Answer, Answer> {
        // Before the reading, so that what waits holds nothing. It is never closed.
        let place = self.0.clone().acquire_owned().await;
        let Found {
            counted,
            runs,
            crawlers,
        } = read(&*dashboard.source, question).await?;
        let runs = Runs::new(runs, &dashboard.experiments).with_crawlers(crawlers);
        let made = spawn_blocking(move || {
            let _place = place;
            work(&counted, &runs)
        });
        let failed = |error: JoinError| Answer::message(500, &error.to_string());
        made.await.map_err(failed)?
    }
}

impl Dashboard {
    pub(super) async fn overview(&self, query: &Parameters) -> Answer {
        let overview = async {
            let namespace = self.namespace(query)?;
            let question = Question {
                namespace: &namespace,
                experiment: None,
                days: true,
            };
            let empty = self.empty(&namespace);
            let own = namespace == self.namespace;
            let work = move |counted: &[Counted], runs: &Runs| {
                Ok(Answer::of(&Overview {
                    experiments: lines(counted, runs, own),
                    ..empty
                }))
            };
            self.workbench.make(self, question, work).await
        };
        settled(overview.await)
    }

    /// Whether there is something to show.
    ///
    /// # Errors
    /// When the API cannot be read.
    pub async fn check(&self) -> Result<(), Failure> {
        let question = Question {
            namespace: &self.namespace,
            experiment: None,
            days: false,
        };
        read(&*self.source, question).await.map(drop)
    }

    fn empty(&self, namespace: &Name) -> Overview {
        Overview {
            namespace: namespace.to_string(),
            default_namespace: self.namespace.to_string(),
            api: self.api.clone(),
            snippet: Some(self.snippet.borrow().clone()),
            experiments: Vec::new(),
        }
    }

    pub(super) async fn experiment(&self, query: &Parameters) -> Answer {
        let document = async {
            let namespace = self.namespace(query)?;
            let experiment = required(query, parameter::EXPERIMENT)?;
            let control = optional(query, CONTROL)?;
            let pairs = optional(query, PAIRS)?;
            let wants_table = query.get(CSV).is_some();
            let question = Question {
                namespace: &namespace,
                experiment: Some(&experiment),
                days: true,
            };
            let nothing = format!("experiment not found: {experiment}");
            let (wanted, of_namespace) = (experiment.clone(), namespace.to_string());
            let own = namespace == self.namespace;
            let work = move |counted: &[Counted], runs: &Runs| {
                let nothing = || Answer::message(404, &nothing);
                // What is declared is there before its first visitor.
                let declared = runs.of(&wanted).filter(|_| own);
                let empty = || declared.map(|_| uncounted(wanted.clone()));
                let counted = counted.first().cloned().or_else(empty);
                let counted = &counted.ok_or_else(nothing)?;
                let evaluated = Evaluated::new(counted, runs, control.as_ref());
                if wants_table {
                    return Ok(Answer::of(&Table {
                        csv: table(of_namespace, evaluated.document(Pairs::Without)),
                    }));
                }
                match pairs {
                    None => Ok(Answer::of(&evaluated.document(Pairs::Without))),
                    Some(goal) => evaluated
                        .pairs(&goal)
                        .map(|pairs| Answer::of(&PairsOf { pairs }))
                        .ok_or_else(nothing),
                }
            };
            self.workbench.make(self, question, work).await
        };
        settled(document.await)
    }

    pub(super) async fn delete(&self, query: &Parameters) -> Answer {
        let deleted = async {
            let selection = Selection {
                namespace: self.namespace(query)?,
                experiment: required(query, parameter::EXPERIMENT)?,
                kind: optional(query, parameter::GOAL)?.map(EventKind::from),
                variant: optional(query, parameter::VARIANT)?,
            };
            let deleted = self.source.delete(&selection).await?;
            Ok(Answer::of(&Deleted { deleted }))
        };
        settled(deleted.await)
    }

    fn namespace(&self, query: &Parameters) -> Result<Name, Answer> {
        Ok(optional(query, parameter::NAMESPACE)?.unwrap_or_else(|| self.namespace.clone()))
    }
}

/// An experiment that nothing was counted of.
fn uncounted(experiment: Name) -> Counted {
    Counted {
        counts: ExperimentCounts::new(experiment, []),
        days: Vec::new(),
    }
}

/// The lines of the list, in natural order; in the `own` namespace also of what is declared and has no events yet.
fn lines(counted: &[Counted], runs: &Runs, own: bool) -> Vec<Line> {
    let is_there = |name: &Name| counted.iter().any(|one| one.name() == name);
    let missing: Vec<Counted> = (runs.present().map(Declared::wire_name))
        .filter(|name| own && !is_there(name))
        .map(uncounted)
        .collect();
    let mut all: Vec<&Counted> = counted.iter().chain(&missing).collect();
    all.sort_by(|a, b| a.name().cmp(b.name()));
    (all.into_iter())
        .map(|one| Line::of(&Evaluated::new(one, runs, None), runs))
        .collect()
}

/// One experiment as a table for spreadsheets.
fn table(namespace: String, document: ExperimentDocument) -> String {
    let report = Report {
        namespace,
        time: None,
        experiments: vec![document],
    };
    report.csv(Separator::Comma, true)
}

/// An empty one is none.
fn optional(query: &Parameters, name: &str) -> Result<Option<Name>, Answer> {
    (query.get(name).filter(|text| !text.is_empty()))
        .map(|text| Name::new(text).map_err(|e| Answer::message(400, &format!("`{name}` {e}"))))
        .transpose()
}

fn required(query: &Parameters, name: &str) -> Result<Name, Answer> {
    optional(query, name)?.ok_or_else(|| Answer::message(400, &format!("`{name}` is missing")))
}

/// All of a namespace at one time.
#[derive(Serialize)]
pub struct Snapshot {
    taken: String,
    experiments: Overview,
    details: BTreeMap<String, Detail>,
}

/// One experiment with its usual control, and what each of the others changes: most of the work, and
/// of the document, is the same for all.
#[derive(Serialize)]
struct Detail {
    usual: ExperimentDocument,
    csv: String,
    others: BTreeMap<String, Against>,
}

/// Takes a snapshot of the dashboard's namespace.
///
/// # Errors
/// When the source fails.
pub async fn snapshot(dashboard: &Dashboard) -> Result<Snapshot, Failure> {
    let namespace = &dashboard.namespace;
    let question = Question {
        namespace,
        experiment: None,
        days: true,
    };
    let Found {
        counted,
        runs,
        crawlers,
    } = read(&*dashboard.source, question).await?;
    let runs = &Runs::new(runs, &dashboard.experiments).with_crawlers(crawlers);
    let mut experiments = dashboard.empty(namespace);
    let mut details = BTreeMap::new();
    experiments.experiments = lines(&counted, runs, true);
    let missing = |name: &Name| counted.iter().all(|one| one.name() != name);
    let missing = runs.present().map(Declared::wire_name).filter(missing);
    let missing: Vec<Counted> = missing.map(uncounted).collect();
    for one in counted.iter().chain(&missing) {
        let usual = Evaluated::new(one, runs, None);
        let mut others = BTreeMap::new();
        let control = usual.results.control.as_ref();
        let names = usual.results.principal().into_iter();
        for name in names.filter(|name| control != Some(*name)) {
            let other = Evaluated::new(one, runs, Some(name));
            // What cannot be the control leaves the usual one.
            if other.results.control.as_ref() == Some(name) {
                others.insert(name.to_string(), other.against());
            }
        }
        let csv = table(namespace.to_string(), usual.document(Pairs::Without));
        let usual = usual.document(Pairs::With);
        let detail = Detail { usual, csv, others };
        details.insert(one.name().to_string(), detail);
    }
    Ok(Snapshot {
        taken: timestamp(Timestamp::now()),
        experiments,
        details,
    })
}

/// `2026-11-24T14:05:00Z`
fn timestamp(now: Timestamp) -> String {
    let (hour, minute, second) = now.time_of_day();
    let day: Day = now.day();
    format!("{day}T{hour:02}:{minute:02}:{second:02}Z")
}
