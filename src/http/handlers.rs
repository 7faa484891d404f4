//! The handlers: parameters in, store, reply out.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::batch::{Body, MAX_BATCH};
use super::crawlers::is_crawler;
use super::events::{Batch, Fields, json, malformed, no_user, optional, required};
use super::wire::{self, parameter};
use super::{Api, MAX_BODY, Reply, Request, Rules, Run};
use crate::domain::{
    DayCount, Event, EventKind, ExperimentCounts, Limit, Name, Outcome, Selection,
};
use crate::store::{CountLimits, StoreError};

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
        no_user(&request.query)?;
        if request.query.get(parameter::PROBE).is_some() {
            self.store.ping().await?;
            return Ok(Reply::ok(&wire::Tracked { counted: false }));
        }
        let rules = self.rules();
        let event = rules.event(&Fields::Query(&request.query))?;
        let event = event.filter(|_| !self.ignores(&rules, request, 1));
        if let Some(event) = &event {
            rules.note_alephbet(&event.counter.experiment);
        }
        let counted = match event {
            None => false,
            Some(event) => self.count(&rules, &[event]).await? == [Outcome::Counted],
        };
        Ok(Reply::ok(&wire::Tracked { counted }))
    }

    pub(super) async fn track_batch(&self, request: &Request) -> Result<Reply, Refusal> {
        no_user(&request.query)?;
        let body = serde_json::from_slice(json(request)?)
            .map_err(|error| Refusal::Malformed(format!("the body is not JSON: {error}")))?;
        let rules = self.rules();
        let mut batch = Batch::default();
        match body {
            Body::Array { length, .. } if length > MAX_BATCH => {
                return Err(Refusal::Malformed(format!(
                    "the body contains {length} events: send at most {MAX_BATCH} at a time"
                )));
            }
            Body::Array { first, .. } => batch.read_all(&rules, &first)?,
            Body::One(event) => batch.add(rules.batched(&event, "")?),
        }
        let Batch {
            events,
            mut ignored,
            refused,
        } = batch;
        let mut tracked = if self.ignores(&rules, request, events.len()) {
            ignored += events.len();
            wire::TrackedBatch::from(&[][..])
        } else if events.is_empty() {
            wire::TrackedBatch::from(&[][..])
        } else {
            match self.count(&rules, &events).await {
                Ok(outcomes) => wire::TrackedBatch::from(&*outcomes),
                Err(Refusal::Full(limit, mut tracked)) => {
                    (tracked.ignored, tracked.refused) = (ignored, refused);
                    return Err(Refusal::Full(limit, tracked));
                }
                Err(refusal) => return Err(refusal),
            }
        };
        (tracked.ignored, tracked.refused) = (ignored, refused);
        Ok(Reply::ok(&tracked))
    }

    /// Whether well-formed events are a crawler's, and not to be counted.
    fn ignores(&self, rules: &Rules, request: &Request, events: usize) -> bool {
        let user_agent = request.user_agent.as_deref().unwrap_or_default();
        let ignored = rules.ignore_bots && is_crawler(user_agent);
        if ignored {
            self.crawlers.fetch_add(events as u64, Ordering::Relaxed);
        }
        ignored
    }

    async fn count(&self, rules: &Rules, events: &[Event]) -> Result<Vec<Outcome>, Refusal> {
        rules.keep_copies(&*self.store, events).await?;
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

    pub(super) async fn all_experiments(&self, request: &Request) -> Result<Reply, Refusal> {
        let fields = Fields::Query(&request.query);
        let namespace = self.rules().namespace(&fields)?;
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
        let rules = self.rules();
        let (counted, runs) =
            (self.counted(&rules, &namespace, asked_for.as_deref(), days)).await?;
        let experiments = counted.iter().map(|(counts, by_day)| wire::Experiment {
            days: days.then(|| wire::DayOf::all(by_day, counts.worth_by_day())),
            ..counts.into()
        });
        let meta = wire::Element::Meta {
            meta: wire::Meta {
                scope: scope.map(str::to_owned),
                declared: runs.map(|runs| runs.iter().map(wire::Followed::from).collect()),
            },
        };
        let experiments = experiments.map(wire::Element::Experiment);
        Ok(Reply::ok(
            &std::iter::once(meta).chain(experiments).collect::<Vec<_>>(),
        ))
    }

    /// What is declared in a namespace; none where nothing is.
    async fn followed(
        &self,
        rules: &Rules,
        namespace: &Name,
    ) -> Result<Option<Vec<Run>>, StoreError> {
        let experiments = &rules.experiments;
        if experiments.all().is_empty() || experiments.namespace() != namespace {
            return Ok(None);
        }
        self.runs(experiments).await.map(Some)
    }

    /// What was counted, with the counts by day where asked for; and what is declared.
    async fn counted(
        &self,
        rules: &Rules,
        namespace: &Name,
        experiments: Option<&[Name]>,
        days: bool,
    ) -> Result<(Vec<(ExperimentCounts, Vec<DayCount>)>, Option<Vec<Run>>), StoreError> {
        let (mut counted, runs) = tokio::try_join!(
            self.counts(namespace, experiments, days),
            self.followed(rules, namespace),
        )?;
        self.add_worth(namespace, &mut counted, runs.as_deref().unwrap_or_default())
            .await?;
        Ok((counted, runs))
    }

    /// Reads what conversions were worth, where any goal has a value.
    async fn add_worth(
        &self,
        namespace: &Name,
        counted: &mut [(ExperimentCounts, Vec<DayCount>)],
        runs: &[Run],
    ) -> Result<(), StoreError> {
        let has_value = |run: &&Run| run.declared.goals.iter().any(|goal| goal.value.is_some());
        let with: HashSet<Name> = (runs.iter().filter(has_value))
            .map(|run| run.declared.wire_name())
            .collect();
        let places =
            (0..counted.len()).filter(|place| with.contains(&counted[*place].0.experiment));
        let places: Vec<usize> = places.collect();
        if places.is_empty() {
            return Ok(());
        }
        let names: Vec<Name> = (places.iter())
            .map(|place| counted[*place].0.experiment.clone())
            .collect();
        let sums = self.store.sums(namespace, &names).await?;
        for (place, sums) in places.into_iter().zip(sums) {
            counted[place].0.set_worth_by_day(sums);
        }
        Ok(())
    }

    /// What was counted, with the counts by day where asked for.
    async fn counts(
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
    ) -> Result<(Vec<(ExperimentCounts, Vec<DayCount>)>, Option<Vec<Run>>), Reply> {
        let rules = self.rules();
        let read = self.counted(&rules, namespace, experiments, days).await;
        read.map_err(|error| {
            self.outage.log(&error);
            Refusal::from(error).into()
        })
    }

    /// Counts with other limits from now on.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn limit(&self, limits: CountLimits) -> Result<(), StoreError> {
        self.store.limit(limits).await
    }

    /// Deletes counters without the wire between, and says how many.
    ///
    /// # Errors
    /// When the store fails: the reply that a client would get.
    pub async fn remove(&self, selection: &Selection) -> Result<u64, Reply> {
        let deleted = self.store.delete(selection).await;
        self.rules().forget_copies();
        deleted.map_err(|error| {
            self.outage.log(&error);
            Refusal::from(error).into()
        })
    }

    pub(super) async fn one_experiment(&self, request: &Request) -> Result<Reply, Refusal> {
        let fields = Fields::Query(&request.query);
        let experiment = required(&fields, parameter::EXPERIMENT)?;
        let namespace = self.rules().namespace(&fields)?;
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
            namespace: self.rules().namespace(&fields)?,
        };
        let deleted = self.store.delete(&selection).await;
        self.rules().forget_copies();
        let deleted = deleted?;
        Ok(Reply::ok(&wire::Deleted { deleted }))
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
