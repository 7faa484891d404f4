//! What of a config the handler follows. It may change while the handler runs: each request sees one config, whole.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::wire::declared::Declared as Shape;
use super::{Api, BrowserClient};
use crate::domain::{Declared, Event, Experiments, Name, State, frozen};
use crate::store::{Store, StoreError};

/// So long a copy is taken to be in the store. It goes when another server deletes the experiment.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What of a config the handler follows.
pub struct Rules {
    pub experiments: Experiments,
    /// Whether the events of known crawlers are answered and not counted.
    pub ignore_bots: bool,
    /// The browser client that is served, if any.
    pub client: Option<BrowserClient>,
    /// Of each experiment, in their order.
    copies: Vec<Copy>,
}

/// What goes into the store with the first counter of a run.
struct Copy {
    text: String,
    kept: Mutex<Option<Instant>>,
    /// When AlephBet last sent an event: it does so by GET, and `lamed.js` does not.
    alephbet: Mutex<Option<Instant>>,
}

impl Rules {
    /// Rules that count crawlers and serve no browser client.
    #[must_use]
    pub fn new(experiments: Experiments) -> Self {
        let copy = |declared: &Declared| Copy {
            text: serde_json::to_string(&Shape::from(declared)).unwrap_or_default(),
            kept: Mutex::default(),
            alephbet: Mutex::default(),
        };
        Self {
            copies: experiments.all().iter().map(copy).collect(),
            experiments,
            ignore_bots: false,
            client: None,
        }
    }

    /// Whether the events of known crawlers are answered and not counted.
    #[must_use]
    pub fn ignoring_bots(self, ignore_bots: bool) -> Self {
        Self {
            ignore_bots,
            ..self
        }
    }

    /// The browser client that is served.
    #[must_use]
    pub fn serving(self, client: BrowserClient) -> Self {
        Self {
            client: Some(client),
            ..self
        }
    }

    /// Sees to it that the store has a copy of what each run began with, before its first event is counted.
    pub(super) async fn keep_copies(
        &self,
        store: &dyn Store,
        events: &[Event],
    ) -> Result<(), StoreError> {
        for event in events.iter().filter(|event| event.configured.namespace) {
            let wire = &event.counter.experiment;
            if let Some(place) = self.experiments.place(wire) {
                self.keep_copy(store, place, wire).await?;
            }
        }
        Ok(())
    }

    async fn keep_copy(
        &self,
        store: &dyn Store,
        place: usize,
        wire: &Name,
    ) -> Result<(), StoreError> {
        let Copy { text, kept, .. } = &self.copies[place];
        let is_fresh = |kept: &Option<Instant>| kept.is_some_and(|at| at.elapsed() < LOOK_AGAIN);
        if is_fresh(&kept.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let namespace = self.experiments.namespace();
        let there = store.keep_copy(namespace, wire, text, false).await?;
        let now = &self.experiments.all()[place];
        if read(&there).is_some_and(|began| is_larger(&began, now)) {
            store.keep_copy(namespace, wire, text, true).await?;
        }
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    /// Takes over what other rules noted.
    pub(super) fn remember(&self, others: &Self) {
        for declared in self.experiments.all() {
            let wire = declared.wire_name();
            if let Some(at) = others.alephbet(&wire) {
                self.note(&wire, at);
            }
        }
    }

    /// Notes that AlephBet sends events of an experiment.
    pub(super) fn note_alephbet(&self, wire: &Name) {
        self.note(wire, Instant::now());
    }

    fn note(&self, wire: &Name, at: Instant) {
        if let Some(place) = self.experiments.place(wire) {
            let noted = &self.copies[place].alephbet;
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        }
    }

    /// When AlephBet last sent an event of an experiment, if it did within a day, as far as this process knows.
    fn alephbet(&self, wire: &Name) -> Option<Instant> {
        let noted = &self.copies[self.experiments.place(wire)?].alephbet;
        let noted = *noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.filter(|at| at.elapsed() < A_DAY)
    }

    /// After a delete: the store may have no copies any more.
    pub(super) fn forget_copies(&self) {
        for copy in &self.copies {
            *copy.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Whether a sample grew, and nothing else that counts: what it has grown to may not shrink any more.
fn is_larger(began: &Declared, now: &Declared) -> bool {
    now.sample > began.sample && frozen::changes(began, now).is_empty()
}

fn read(copy: &str) -> Option<Declared> {
    serde_json::from_str::<Shape>(copy).ok().map(Into::into)
}

/// One run of a declared experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Of an earlier run as it was then.
    pub declared: Declared,
    /// What is not as it was when the present run began.
    pub changed: Vec<String>,
    /// As it was then, if anything of the present run was counted.
    pub began: Option<Declared>,
    pub earlier: bool,
    /// Whether AlephBet itself sent events of it within a day, as far as this process knows.
    pub alephbet: bool,
}

impl Api {
    /// The present runs of these experiments, each followed by what is known of its earlier ones.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn runs(&self, experiments: &Experiments) -> Result<Vec<Run>, StoreError> {
        let runs = experiments.all().iter().flat_map(|declared| {
            let runs = (1..=declared.run).rev();
            runs.map(move |run| Declared {
                run,
                ..declared.clone()
            })
        });
        let runs: Vec<Declared> = runs.collect();
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<Name> = runs.iter().map(Declared::wire_name).collect();
        let copies = (self.store).copies(experiments.namespace(), &names).await?;
        let present = |name| experiments.present(name).is_some();
        let rules = self.rules();
        let known = runs.into_iter().zip(&names).zip(copies);
        Ok(known
            .filter_map(|((now, name), copy)| {
                let began = copy.as_deref().and_then(read);
                if present(name) {
                    let changed = |began| frozen::changes(began, &now);
                    return Some(Run {
                        changed: began.as_ref().map_or_else(Vec::new, changed),
                        began,
                        declared: now,
                        alephbet: rules.alephbet(name).is_some(),
                        earlier: false,
                    });
                }
                Some(Run {
                    declared: Declared {
                        state: State::Stopped,
                        ..began?
                    },
                    changed: Vec::new(),
                    began: None,
                    alephbet: false,
                    earlier: true,
                })
            })
            .collect())
    }
}
