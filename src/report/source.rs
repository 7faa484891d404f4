//! Where counts come from: any API, in this process or far away.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::{DayCount, ExperimentCounts, Name, Selection};
use crate::http::wire::{Deleted, Element, Experiment, Followed, parameter};
use crate::http::{Api, Handler, Reply, Run};

/// Where results come from.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Reads what was counted.
    ///
    /// # Errors
    /// When there is no answer, or one that makes no sense.
    async fn counted(&self, question: Question<'_>) -> Result<Found, Failure>;

    /// Deletes counters, and says how many.
    ///
    /// # Errors
    /// When there is no answer, or one that makes no sense.
    async fn delete(&self, selection: &Selection) -> Result<u64, Failure>;
}

/// An API that is reached by its wire: a [`Source`] by that.
#[async_trait]
pub trait Wire: Send + Sync + 'static {
    /// Asks a handler by its first method; gives the body of a 200.
    ///
    /// # Errors
    /// When there is no answer, or another one.
    async fn ask(&self, handler: Handler, query: &[(&str, &str)]) -> Result<String, Failure>;

    /// Where it is, for messages.
    fn place(&self) -> &str;
}

#[async_trait]
impl<W: Wire> Source for W {
    async fn counted(&self, question: Question<'_>) -> Result<Found, Failure> {
        let mut query = vec![(parameter::NAMESPACE, question.namespace.as_str())];
        query.extend((question.experiment).map(|name| (parameter::EXPERIMENT, name.as_str())));
        query.extend(question.days.then_some((parameter::DAYS, "1")));
        let body = self.ask(Handler::AllExperiments, &query).await?;
        let place = self.place();
        let elements: Vec<Element> = parse(&body, place)?;
        let mut found = Found::default();
        for element in elements {
            match element {
                Element::Experiment(one) => found.counted.push(Counted::new(&one, place)?),
                Element::Meta { meta } => {
                    let runs = |all: Vec<Followed>| all.into_iter().map(run).collect();
                    found.runs = meta.declared.map(runs);
                }
            }
        }
        Ok(found)
    }

    async fn delete(&self, selection: &Selection) -> Result<u64, Failure> {
        let mut query = vec![
            (parameter::NAMESPACE, selection.namespace.as_str()),
            (parameter::EXPERIMENT, selection.experiment.as_str()),
        ];
        query.extend((selection.kind.as_ref()).map(|kind| (parameter::GOAL, kind.as_str())));
        query.extend((selection.variant.as_ref()).map(|name| (parameter::VARIANT, name.as_str())));
        let body = self.ask(Handler::Delete, &query).await?;
        let Deleted { deleted } = parse(&body, self.place())?;
        Ok(deleted)
    }
}

fn run(followed: Followed) -> Run {
    Run {
        declared: followed.declared.into(),
        changed: followed.changed,
        began: followed.began.map(Into::into),
        earlier: followed.earlier,
        alephbet: followed.alephbet,
    }
}

/// What a source knows.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub counted: Vec<Counted>,
    /// What the API follows; none where it says nothing of it.
    pub runs: Option<Vec<Run>>,
    /// How many events of crawlers it did not count since it started. Over the wire nobody knows: on AWS, who reads is
    /// another function than who counts.
    pub crawlers: u64,
}

/// What was counted of one experiment.
#[derive(Clone, Debug)]
pub struct Counted {
    pub counts: ExperimentCounts,
    /// Empty where they were not asked for, and where the API keeps none.
    pub days: Vec<DayCount>,
}

impl Counted {
    /// Of the wire of the API at this place.
    ///
    /// # Errors
    /// When a day or a value in it is none.
    pub fn new(experiment: &Experiment, place: &str) -> Result<Self, Failure> {
        let mut counts = experiment.counts();
        (experiment.add_worth(&mut counts)).map_err(|error| no_lamed(place, &error))?;
        Ok(Self {
            counts,
            days: (experiment.day_counts()).map_err(|error| no_lamed(place, &error))?,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.counts.experiment
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What the API said, or 502 where it said nothing of sense.
    pub status: u16,
    pub message: String,
    /// Whether the API itself said so.
    pub answered: bool,
}

impl Failure {
    /// The API cannot be reached, or is none.
    pub fn gateway(message: impl Into<String>) -> Self {
        Self {
            status: 502,
            message: message.into(),
            answered: false,
        }
    }
}

/// The API in this process: its store is read, and nothing goes over a wire.
#[async_trait]
impl Source for Api {
    async fn counted(&self, question: Question<'_>) -> Result<Found, Failure> {
        let experiment = question.experiment.map(std::slice::from_ref);
        let read = self.read(question.namespace, experiment, question.days);
        let (counted, runs) = read.await.map_err(refused)?;
        let counted = counted.into_iter();
        Ok(Found {
            counted: counted
                .map(|(counts, days)| Counted { counts, days })
                .collect(),
            runs,
            crawlers: self.ignored(),
        })
    }

    async fn delete(&self, selection: &Selection) -> Result<u64, Failure> {
        self.remove(selection).await.map_err(refused)
    }
}

fn refused(reply: Reply) -> Failure {
    Failure {
        status: reply.status,
        message: message(&reply.body).unwrap_or(reply.body),
        answered: true,
    }
}

/// What the body of an error says.
#[must_use]
pub fn message(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    let message: Message = serde_json::from_str(body).ok()?;
    Some(message.message)
}

/// What to read.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub namespace: &'a Name,
    /// One experiment, or all.
    pub experiment: Option<&'a Name>,
    /// Counts by day, too.
    pub days: bool,
}

/// Reads what was counted, in natural order.
///
/// The counts by day of all experiments may be more than an API can answer at once (a function's reply has
/// a limit, which it says by 400): then they are read one experiment at a time, and where even that fails
/// there are none.
///
/// # Errors
/// When the source fails.
pub async fn read(source: &dyn Source, question: Question<'_>) -> Result<Found, Failure> {
    let failure = match read_once(source, question).await {
        Err(failure)
            if question.days
                && failure.answered
                && matches!(failure.status, 400 | 413 | 500 | 502) =>
        {
            failure
        }
        read => return read,
    };
    let without_days = Question {
        days: false,
        ..question
    };
    let mut all = read_once(source, without_days).await.map_err(|_| failure)?;
    let each = all.counted.iter_mut();
    for counted in each.filter(|_| question.experiment.is_none()) {
        let one = Question {
            experiment: Some(&counted.counts.experiment),
            ..question
        };
        let found = read_once(source, one).await.ok();
        if let Some(found) = found.and_then(|found| found.counted.into_iter().next()) {
            *counted = found;
        }
    }
    Ok(all)
}

async fn read_once(source: &dyn Source, question: Question<'_>) -> Result<Found, Failure> {
    let mut found = source.counted(question).await?;
    // An API that does not know the parameter (Python lamed's) gives all; one that has nothing of an
    // experiment gives it without anything.
    if let Some(name) = question.experiment {
        (found.counted).retain(|one| one.name() == name && !one.counts.all().is_empty());
    }
    Ok(found)
}

fn parse<T: DeserializeOwned>(body: &str, place: &str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|error| no_lamed(place, &error))
}

fn no_lamed(place: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::gateway(format!(
        "{place} is not a lamed API: {error}; check the URL"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Count, Day, EventKind, PARTICIPATE};

    /// Answers with counts by day for no more than one experiment, and for none of `long`.
    struct Limited {
        status: u16,
        long: Name,
    }

    fn name(text: &str) -> Name {
        Name::stored(text.to_owned())
    }

    #[async_trait]
    impl Source for Limited {
        async fn counted(&self, question: Question<'_>) -> Result<Found, Failure> {
            let is_long = question.experiment.is_none_or(|name| *name == self.long);
            if question.days && is_long {
                return Err(Failure {
                    status: self.status,
                    message: "too long".to_owned(),
                    answered: true,
                });
            }
            let kind = || EventKind::from(name(PARTICIPATE));
            let count = |day| DayCount {
                day: Day::new(day),
                kind: kind(),
                variant: name("v"),
                count: 1,
            };
            let all = ["a", "b", "long"].map(|experiment| Counted {
                counts: ExperimentCounts::new(
                    name(experiment),
                    [Count {
                        kind: kind(),
                        variant: name("v"),
                        count: 2,
                    }],
                ),
                days: if question.days {
                    vec![count(1), count(2)]
                } else {
                    Vec::new()
                },
            });
            let asked = |one: &Counted| question.experiment.is_none_or(|name| one.name() == name);
            Ok(Found {
                counted: all.into_iter().filter(asked).collect(),
                runs: None,
                crawlers: 0,
            })
        }

        async fn delete(&self, _: &Selection) -> Result<u64, Failure> {
            unreachable!()
        }
    }

    #[tokio::test]
    async fn days_that_are_too_long_for_one_answer_are_read_one_experiment_at_a_time() {
        let question = Question {
            namespace: &name("n"),
            experiment: None,
            days: true,
        };
        for status in [400, 413, 500, 502] {
            let long = name("long");
            let read = read(&Limited { status, long }, question).await.unwrap();
            let days: Vec<(&str, usize)> = (read.counted.iter())
                .map(|one| (one.name().as_str(), one.days.len()))
                .collect();
            assert_eq!(days, [("a", 2), ("b", 2), ("long", 0)], "{status}");
        }
        let denied = Limited {
            status: 403,
            long: name("long"),
        };
        assert_eq!(read(&denied, question).await.unwrap_err().status, 403);
    }
}
