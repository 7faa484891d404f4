//! The handlers: parameters in, store, reply out.

use std::fmt::Display;
use std::sync::atomic::Ordering;

use super::batch::{Body, Element, Field, MAX_BATCH, Object};
use super::crawlers::is_crawler;
use super::wire::{self, parameter};
use super::{Api, MAX_BODY, Parameters, Reply, Request};
use crate::domain::{
    Accept, Configured, Counter, DayCount, Event, EventKind, ExperimentCounts, IdempotencyKey,
    Limit, Name, Outcome, Selection, Undeclared,
};
use crate::store::StoreError;

/// Why a request gets no 200.
pub(super) enum Refusal {
    /// The request can never succeed as it is.
    Malformed(String),
    /// The body is compressed.
    Encoded,
    /// The body is longer than [`MAX_BODY`].
    TooLong,
    Store(StoreError),
    /// There is no room for the counters of some events: the first limit that they met, and what became of
    /// the other events.
    Full(Limit, wire::TrackedBatch),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Reply {
    /// The client learns what it can do; the reason in the store is the operator's.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(message) => Self::message(400, &message),
            Refusal::Encoded => Self::message(
                415,
                "the body must be plain JSON, without `Content-Encoding`: send it without compression",
            )
            .with("Accept-Encoding", "identity"),
            Refusal::TooLong => Self::too_long(MAX_BODY),
            Refusal::Store(StoreError::Unavailable(_)) => {
                Self::message(503, "the store cannot be reached: try again")
            }
            Refusal::Store(StoreError::Failed(_)) => Self::message(
                500,
                "the store failed: the log has the reason",
            ),
            Refusal::Full(limit, tracked) => Self::json(
                429,
                &wire::Refused {
                    message: format!("limit reached: {limit}"),
                    tracked,
                },
            ),
        }
    }
}

impl Api {
    pub(super) async fn track(&self, request: &Request) -> Result<Reply, Refusal> {
        let event = self.event(&Fields::Query(&request.query))?;
        if self.ignores(request, 1) {
            return Ok(Reply::ok(&wire::Tracked { counted: false }));
        }
        let outcomes = self.count(&[event]).await?;
        Ok(Reply::ok(&wire::Tracked {
            counted: outcomes == [Outcome::Counted],
        }))
    }

    pub(super) async fn track_batch(&self, request: &Request) -> Result<Reply, Refusal> {
        if request.body.len() > MAX_BODY {
            return Err(Refusal::TooLong);
        }
        if request.encoding.as_deref().is_some_and(is_encoded) {
            return Err(Refusal::Encoded);
        }
        let json = request.body.strip_prefix(BYTE_ORDER_MARK);
        let body = serde_json::from_slice(json.unwrap_or(&request.body))
            .map_err(|error| Refusal::Malformed(format!("the body is not JSON: {error}")))?;
        let (events, refused) = match body {
            Body::Array { length, .. } if length > MAX_BATCH => Err(Refusal::Malformed(format!(
                "the body contains {length} events: send at most {MAX_BATCH} at a time"
            ))),
            Body::Array { first, .. } => self.well_formed(&first),
            Body::One(event) => self
                .batched(&event, "")
                .map(|event| (vec![event], Vec::new())),
        }?;
        let mut tracked = if self.ignores(request, events.len()) {
            wire::TrackedBatch::ignored(events.len())
        } else if events.is_empty() {
            wire::TrackedBatch::from(&[][..])
        } else {
            match self.count(&events).await {
                Ok(outcomes) => wire::TrackedBatch::from(&*outcomes),
                Err(Refusal::Full(limit, mut tracked)) => {
                    tracked.refused = refused;
                    return Err(Refusal::Full(limit, tracked));
                }
                Err(refusal) => return Err(refusal),
            }
        };
        tracked.refused = refused;
        Ok(Reply::ok(&tracked))
    }

    /// Each event of an array stands for itself: those that can be counted, and those that never can.
    /// An error where there are only such.
    fn well_formed(
        &self,
        batch: &[Element],
    ) -> Result<(Vec<Event>, Vec<wire::RefusedEvent>), Refusal> {
        let (mut events, mut refused) = (Vec::new(), Vec::new());
        for (index, element) in batch.iter().enumerate() {
            match self.batched(element, "") {
                Ok(event) => events.push(event),
                Err(Refusal::Malformed(message)) => {
                    refused.push(wire::RefusedEvent { index, message });
                }
                Err(refusal) => return Err(refusal),
            }
        }
        match batch.first() {
            Some(first) if events.is_empty() => {
                self.batched(first, " in event 0")?;
                Ok((events, refused))
            }
            _ => Ok((events, refused)),
        }
    }

    /// Whether well-formed events are a crawler's, and not to be counted.
    fn ignores(&self, request: &Request, events: usize) -> bool {
        let user_agent = request.user_agent.as_deref().unwrap_or_default();
        let ignored = self.crawlers.ignored && is_crawler(user_agent);
        if ignored {
            (self.crawlers.events).fetch_add(events as u64, Ordering::Relaxed);
        }
        ignored
    }

    async fn count(&self, events: &[Event]) -> Result<Vec<Outcome>, Refusal> {
        let outcomes = self.store.track(events).await?;
        let refused = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Refused(limit) => Some(*limit),
            Outcome::Counted | Outcome::Duplicate => None,
        });
        match refused {
            Some(limit) => Err(Refusal::Full(limit, outcomes.as_slice().into())),
            None => Ok(outcomes),
        }
    }

    fn batched(&self, event: &Element, place: &str) -> Result<Event, Refusal> {
        match event {
            Element::Object(object) => self.event(&Fields::Body(object, place)),
            Element::Other => Err(Refusal::Malformed(format!(
                "the body must be an event or an array of events: expected a JSON object{place}"
            ))),
        }
    }

    pub(super) async fn all_experiments(&self, request: &Request) -> Result<Reply, Refusal> {
        let fields = Fields::Query(&request.query);
        let namespace = self.namespace(&fields)?;
        let days = match request.query.get(parameter::DAYS) {
            None | Some("" | "0") => false,
            Some("1") => true,
            Some(_) => return Err(malformed(parameter::DAYS, "must be 0 or 1", "")),
        };
        let scope = request.query.get(parameter::SCOPE);
        let asked_for = match optional(&fields, parameter::EXPERIMENT)? {
            // By this, a name with a comma can be asked for.
            Some(experiment) => Some(vec![experiment]),
            None => names(scope)?,
        };
        let counted = self.counted(&namespace, asked_for.as_deref(), days).await?;
        let experiments = counted.iter().map(|(counts, by_day)| wire::Experiment {
            days: days.then(|| wire::DayOf::all(by_day)),
            ..counts.into()
        });
        let meta = wire::Element::Meta {
            meta: wire::Meta {
                scope: scope.map(str::to_owned),
            },
        };
        let experiments = experiments.map(wire::Element::Experiment);
        Ok(Reply::ok(
            &std::iter::once(meta).chain(experiments).collect::<Vec<_>>(),
        ))
    }

    /// What was counted, with the counts by day where asked for.
    async fn counted(
        &self,
        namespace: &Name,
        experiments: Option<&[Name]>,
        days: bool,
    ) -> Result<Vec<(ExperimentCounts, Vec<DayCount>)>, StoreError> {
        let counts = self.store.counts(namespace, experiments).await?;
        let days = if days {
            let names: Vec<Name> = counts.iter().map(|one| one.experiment.clone()).collect();
            self.store.days(namespace, &names).await?
        } else {
            Vec::new()
        };
        let days = days.into_iter().chain(std::iter::repeat_with(Vec::new));
        Ok(counts.into_iter().zip(days).collect())
    }

    /// The same for who is in this process, without the wire between.
    ///
    /// # Errors
    /// When the store fails: the reply that a client would get.
    pub async fn read(
        &self,
        namespace: &Name,
        experiments: Option<&[Name]>,
        days: bool,
    ) -> Result<Vec<(ExperimentCounts, Vec<DayCount>)>, Reply> {
        let counted = self.counted(namespace, experiments, days).await;
        counted.map_err(|error| {
            self.outage.log(&error);
            Refusal::from(error).into()
        })
    }

    /// Deletes counters without the wire between, and says how many.
    ///
    /// # Errors
    /// When the store fails: the reply that a client would get.
    pub async fn remove(&self, selection: &Selection) -> Result<u64, Reply> {
        self.store.delete(selection).await.map_err(|error| {
            self.outage.log(&error);
            Refusal::from(error).into()
        })
    }

    pub(super) async fn one_experiment(&self, request: &Request) -> Result<Reply, Refusal> {
        let fields = Fields::Query(&request.query);
        let experiment = required(&fields, parameter::EXPERIMENT)?;
        let namespace = self.namespace(&fields)?;
        let counts = self.store.counts(&namespace, Some(&[experiment])).await?;
        let goals: Vec<wire::Goal> = (counts.iter())
            .flat_map(|counts| wire::Experiment::from(counts).goals)
            .collect();
        Ok(Reply::ok(&goals))
    }

    pub(super) async fn delete(&self, request: &Request) -> Result<Reply, Refusal> {
        let fields = Fields::Query(&request.query);
        let selection = Selection {
            experiment: required(&fields, parameter::EXPERIMENT)?,
            kind: optional(&fields, parameter::GOAL)?.map(EventKind::from),
            variant: optional(&fields, parameter::VARIANT)?,
            namespace: self.namespace(&fields)?,
        };
        let deleted = self.store.delete(&selection).await?;
        Ok(Reply::ok(&wire::Deleted { deleted }))
    }

    fn namespace(&self, fields: &Fields) -> Result<Name, Refusal> {
        Ok(optional(fields, parameter::NAMESPACE)?.unwrap_or_else(|| self.namespace.clone()))
    }

    /// What of an accepted counter the config names.
    fn configured(&self, counter: &Counter) -> Configured {
        let namespace = counter.namespace == self.namespace;
        let variant = match *self.accept {
            Accept::Declared { .. } => true,
            Accept::Any => (self.declared).include(&counter.experiment, &counter.variant),
        };
        Configured {
            namespace,
            variant: namespace && variant,
        }
    }

    fn event(&self, fields: &Fields) -> Result<Event, Refusal> {
        let counter = Counter {
            experiment: required(fields, parameter::EXPERIMENT)?,
            variant: required(fields, parameter::VARIANT)?,
            kind: required(fields, parameter::EVENT)?.into(),
            namespace: self.namespace(fields)?,
        };
        self.accept.check(&counter).map_err(|undeclared| {
            let name = match undeclared {
                Undeclared::Namespace => parameter::NAMESPACE,
                Undeclared::Experiment => parameter::EXPERIMENT,
                Undeclared::Variant => parameter::VARIANT,
                Undeclared::Event => parameter::EVENT,
            };
            malformed(name, undeclared, fields.place())
        })?;
        Ok(Event {
            configured: self.configured(&counter),
            counter,
            key: match fields.get(parameter::UUID)? {
                None => Err(missing(parameter::UUID, fields.place())),
                Some(uuid) => IdempotencyKey::new(uuid)
                    .map_err(|error| malformed(parameter::UUID, error, fields.place())),
            }?,
        })
    }
}

/// Some editors and languages begin every text in UTF-8 with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whether a `Content-Encoding` names any encoding. `identity` is none (RFC 9110, 8.4.1).
fn is_encoded(header: &str) -> bool {
    let mut encodings = header.split(',').map(str::trim);
    encodings.any(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
}

/// Where parameters are read from.
enum Fields<'a> {
    Query(&'a Parameters),
    /// A JSON object, and the words that say which one of several.
    Body(&'a Object, &'a str),
}

impl Fields<'_> {
    fn get(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self {
            Self::Query(parameters) => Ok(parameters.get(name)),
            Self::Body(object, place) => match object.get(name) {
                Field::Missing => Ok(None),
                Field::Text(text) => Ok(Some(text)),
                Field::Other => Err(Refusal::Malformed(format!(
                    "`{name}`{place} must be a string"
                ))),
            },
        }
    }

    fn place(&self) -> &str {
        match self {
            Self::Query(_) => "",
            Self::Body(_, place) => place,
        }
    }
}

/// The experiments in a `scope`; an empty one means all, as in Python lamed.
fn names(scope: Option<&str>) -> Result<Option<Vec<Name>>, Refusal> {
    let Some(list) = scope.filter(|list| !list.is_empty()) else {
        return Ok(None);
    };
    (list.split(',').filter(|name| !name.is_empty()))
        .map(|name| Name::new(name).map_err(|error| malformed(parameter::SCOPE, error, "")))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn optional(fields: &Fields, name: &str) -> Result<Option<Name>, Refusal> {
    fields
        .get(name)?
        .map(|text| Name::new(text).map_err(|error| malformed(name, error, fields.place())))
        .transpose()
}

fn required(fields: &Fields, name: &str) -> Result<Name, Refusal> {
    optional(fields, name)?.ok_or_else(|| missing(name, fields.place()))
}

fn missing(name: &str, place: &str) -> Refusal {
    Refusal::Malformed(format!("`{name}`{place} is missing"))
}

fn malformed(name: &str, error: impl Display, place: &str) -> Refusal {
    Refusal::Malformed(format!("`{name}`{place} {error}"))
}
