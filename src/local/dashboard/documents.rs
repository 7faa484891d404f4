//! What the page draws.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Dashboard;
use crate::domain::{Day, Declared, Instant, Kind, Name, Selection};
use crate::http::wire::{Experiment as Counted, parameter};
use crate::http::{Parameters, Reply};
use crate::report::{
    Against, Evaluated, Experiment, Failure, Line, Overview, Pairs, Question, delete, read,
};

/// The parameter that chooses the control.
const CONTROL: &str = "control";

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
    fn from(Failure { status, message }: Failure) -> Self {
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

impl Dashboard {
    pub(super) async fn overview(&self, query: &Parameters) -> Answer {
        let overview = async {
            let namespace = self.namespace(query)?;
            let overview = self.overview_of(&namespace).await?;
            Ok(Answer::of(&overview))
        };
        settled(overview.await)
    }

    /// Whether there is something to show.
    ///
    /// # Errors
    /// When the API cannot be read.
    pub async fn check(&self) -> Result<(), Failure> {
        self.overview_of(&self.namespace).await.map(drop)
    }

    async fn overview_of(&self, namespace: &Name) -> Result<Overview, Failure> {
        let question = Question {
            namespace,
            experiment: None,
            days: false,
        };
        let counted = read(&*self.source, question).await?;
        Ok(self.overview_with(namespace, &self.evaluate(&counted, None)?))
    }

    fn overview_with(&self, namespace: &Name, experiments: &[Evaluated]) -> Overview {
        Overview {
            namespace: namespace.to_string(),
            default_namespace: self.namespace.to_string(),
            api: self.api.clone(),
            experiments: experiments.iter().map(|e| Line::from(&e.results)).collect(),
        }
    }

    fn evaluate(
        &self,
        counted: &[Counted],
        control: Option<&Name>,
    ) -> Result<Vec<Evaluated>, Failure> {
        (counted.iter())
            .map(|counted| {
                let declared = self.declared(&counted.experiment);
                Evaluated::new(counted, declared, control)
                    .map_err(|error| Failure::gateway(error.to_string()))
            })
            .collect()
    }

    fn declared(&self, experiment: &str) -> Option<&Declared> {
        self.experiments
            .iter()
            .find(|declared| declared.name.as_str() == experiment)
    }

    pub(super) async fn experiment(&self, query: &Parameters) -> Answer {
        let document = async {
            let namespace = self.namespace(query)?;
            let experiment = required(query, parameter::EXPERIMENT)?;
            let control = optional(query, CONTROL)?;
            let question = Question {
                namespace: &namespace,
                experiment: Some(&experiment),
                days: true,
            };
            let counted = read(&*self.source, question).await?;
            match self.evaluate(&counted, control.as_ref())?.first() {
                Some(evaluated) => Ok(Answer::of(&evaluated.document(Pairs::With))),
                None => Err(Answer::message(
                    404,
                    &format!("nothing is counted for {experiment}"),
                )),
            }
        };
        settled(document.await)
    }

    pub(super) async fn delete(&self, query: &Parameters) -> Answer {
        let deleted = async {
            let selection = Selection {
                namespace: self.namespace(query)?,
                experiment: required(query, parameter::EXPERIMENT)?,
                kind: optional(query, parameter::GOAL)?.map(Kind::from),
                variant: optional(query, parameter::VARIANT)?,
            };
            Ok(Answer::of(&delete(&*self.source, &selection).await?))
        };
        settled(deleted.await)
    }

    fn namespace(&self, query: &Parameters) -> Result<Name, Answer> {
        Ok(optional(query, parameter::NAMESPACE)?.unwrap_or_else(|| self.namespace.clone()))
    }
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
    usual: Experiment,
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
    let counted = read(&*dashboard.source, question).await?;
    let usual = dashboard.evaluate(&counted, None)?;
    let mut details = BTreeMap::new();
    for (one, usual) in counted.iter().zip(&usual) {
        let mut others = BTreeMap::new();
        let variants = usual.results.variants.iter().map(|variant| &variant.name);
        for control in variants.filter(|name| usual.results.control.as_ref() != Some(*name)) {
            for other in dashboard.evaluate(std::slice::from_ref(one), Some(control))? {
                // What cannot be the control leaves the usual one.
                if other.results.control.as_ref() == Some(control) {
                    others.insert(control.to_string(), Against::from(&other.results));
                }
            }
        }
        let usual = usual.document(Pairs::With);
        details.insert(one.experiment.clone(), Detail { usual, others });
    }
    Ok(Snapshot {
        taken: timestamp(Instant::now()),
        experiments: dashboard.overview_with(namespace, &usual),
        details,
    })
}

/// `2026-11-24T14:05:00Z`
fn timestamp(now: Instant) -> String {
    let (hour, minute, second) = now.time_of_day();
    let day: Day = now.day();
    format!("{day}T{hour:02}:{minute:02}:{second:02}Z")
}
