//! Where counts come from: any API, in this process or far away.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::{Name, Selection};
use crate::http::wire::{Deleted, Element, Experiment as Counted, parameter};
use crate::http::{Api, Handler, Request};

/// An API that answers questions.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Asks a handler by its first method; gives the body of a 200.
    ///
    /// # Errors
    /// When there is no answer, or another one.
    async fn ask(&self, handler: Handler, query: &[(&str, &str)]) -> Result<String, Failure>;

    /// Where it is, for messages.
    fn place(&self) -> &str;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What the API said, or 502 where it said nothing of sense.
    pub status: u16,
    pub message: String,
}

impl Failure {
    /// The API cannot be reached, or is none.
    pub fn gateway(message: impl Into<String>) -> Self {
        Self {
            status: 502,
            message: message.into(),
        }
    }
}

/// The API in this process.
#[async_trait]
impl Source for Api {
    async fn ask(&self, handler: Handler, query: &[(&str, &str)]) -> Result<String, Failure> {
        let pairs = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = Request {
            method: handler.methods()[0],
            query: pairs.collect(),
            body: Vec::new(),
            encoding: None,
            user_agent: None,
        };
        let reply = self.handle(handler, &request).await;
        match reply.status {
            200 => Ok(reply.body),
            status => Err(Failure {
                status,
                message: message(&reply.body).unwrap_or(reply.body),
            }),
        }
    }

    fn place(&self) -> &str {
        "this server"
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
/// # Errors
/// When the source fails.
pub async fn read(source: &dyn Source, question: Question<'_>) -> Result<Vec<Counted>, Failure> {
    let mut query = vec![(parameter::NAMESPACE, question.namespace.as_str())];
    query.extend((question.experiment).map(|name| (parameter::EXPERIMENT, name.as_str())));
    query.extend(question.days.then_some((parameter::DAYS, "1")));
    let elements: Vec<Element> = ask(source, Handler::AllExperiments, &query).await?;
    Ok((elements.into_iter())
        .filter_map(|element| match element {
            Element::Meta { .. } => None,
            Element::Experiment(experiment) => Some(experiment),
        })
        // An API that does not know the parameter (Python lamed's) gives all; one that has nothing
        // of an experiment gives it without anything.
        .filter(|counted| {
            question.experiment.is_none_or(|name| {
                counted.experiment == name.as_str()
                    && !(counted.variants.is_empty() && counted.goals.is_empty())
            })
        })
        .collect())
}

/// Deletes counters, and says how many.
///
/// # Errors
/// When the source fails.
pub async fn delete(source: &dyn Source, selection: &Selection) -> Result<Deleted, Failure> {
    let mut query = vec![
        (parameter::NAMESPACE, selection.namespace.as_str()),
        (parameter::EXPERIMENT, selection.experiment.as_str()),
    ];
    query.extend((selection.kind.as_ref()).map(|kind| (parameter::GOAL, kind.as_str())));
    query.extend((selection.variant.as_ref()).map(|name| (parameter::VARIANT, name.as_str())));
    ask(source, Handler::Delete, &query).await
}

async fn ask<T: DeserializeOwned>(
    source: &dyn Source,
    handler: Handler,
    query: &[(&str, &str)],
) -> Result<T, Failure> {
    let body = source.ask(handler, query).await?;
    serde_json::from_str(&body).map_err(|error| {
        let place = source.place();
        Failure::gateway(format!("what answers at {place} is no lamed API: {error}"))
    })
}
