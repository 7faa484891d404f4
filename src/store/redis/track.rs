//! Counting events.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ::redis::{Value, from_redis_value};

use super::RedisStore;
use super::place::{Registration, place};
use super::script::{Call, TRACK};
use super::sets::{MAX_LEVELS, Memory, Token, steps, window_name};
use crate::domain::{Event, Limit, Outcome};
use crate::store::redis::keyspace::Namespace;
use crate::store::{CountLimits, Dedupe, StoreError};

/// What the script is given at first, and from then on when it asks for more: enough for 8,687
/// events of a counter, and four times as many with each level.
const FIRST_LEVELS: usize = 2;

/// How often the script may ask for more: for each level, the windows and a registration.
const MAX_ROUNDS: usize = 48;

/// What scripts have asked for, and will be given unasked from now on.
pub(super) struct Learned {
    levels: AtomicUsize,
    windows: Mutex<Vec<String>>,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            levels: AtomicUsize::new(FIRST_LEVELS),
            windows: Mutex::default(),
        }
    }
}

impl Learned {
    fn levels(&self) -> usize {
        self.levels.load(Ordering::Relaxed)
    }

    fn windows(&self) -> Vec<String> {
        (self.windows.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn learn_windows(&self, windows: Vec<String>) {
        let mut known = (self.windows.lock()).unwrap_or_else(PoisonError::into_inner);
        for window in windows {
            if !known.contains(&window) {
                known.push(window);
            }
        }
    }
}

/// A counter that is in the index of its namespace, on a cluster.
#[derive(Clone, Copy)]
struct Registered {
    by_us: bool,
}

/// What the script answered.
enum Answer {
    Done(Outcome),
    /// On a cluster: nobody has registered the counter.
    Register,
    /// More levels than these are needed.
    Deeper,
    /// The sets of other windows are needed.
    Windows(Vec<String>),
}

impl Answer {
    fn read(value: Value, limits: &CountLimits) -> Option<Self> {
        let refused = |limit| Some(Self::Done(Outcome::Refused(limit)));
        match value {
            Value::Int(1) => Some(Self::Done(Outcome::Counted)),
            Value::Int(0) => Some(Self::Done(Outcome::Duplicate)),
            Value::Int(-1) => refused(Limit::Counters(limits.max_counters)),
            Value::Int(-2) => Some(Self::Register),
            Value::Int(-3) => Some(Self::Deeper),
            Value::Int(-4) => refused(Limit::Namespaces(limits.max_namespaces)),
            Value::Int(-5) => refused(Limit::Variants(limits.max_variants)),
            windows => from_redis_value(windows).ok().map(Self::Windows),
        }
    }
}

impl RedisStore {
    /// Counts the events: one round trip, but when the script asks for more. Where some cannot be counted, on
    /// a cluster of which a node is away, the others are, and the error tells of the first.
    pub(super) async fn count(&self, events: &[Event]) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; events.len()];
        let mut registered: Vec<Option<Registered>> = vec![None; events.len()];
        let mut failed = vec![false; events.len()];
        let mut failure = None;
        for _ in 0..MAX_ROUNDS {
            let open: Vec<usize> = (0..events.len())
                .filter(|&event| outcomes[event].is_none() && !failed[event])
                .collect();
            if open.is_empty() {
                break;
            }
            let levels = self.learned.levels();
            let windows = self.learned.windows();
            let calls: Vec<Call> = (open.iter())
                .map(|&event| {
                    self.call(
                        &events[event],
                        levels,
                        &windows,
                        registered[event].is_some(),
                    )
                })
                .collect();
            let answers = self.evaluate_each(&TRACK, &calls).await?;
            let mut unregistered = Vec::new();
            for (event, answer) in open.into_iter().zip(answers) {
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(error) => {
                        failed[event] = true;
                        failure.get_or_insert_with(|| self.link.error(&error));
                        continue;
                    }
                };
                match Answer::read(answer, &self.limits()) {
                    Some(Answer::Done(outcome)) => outcomes[event] = Some(outcome),
                    Some(Answer::Register) => unregistered.push(event),
                    Some(Answer::Deeper) if levels < MAX_LEVELS => {
                        self.learned.levels.fetch_max(levels + 1, Ordering::Relaxed);
                    }
                    Some(Answer::Windows(windows)) => self.learned.learn_windows(windows),
                    _ => return Err(self.odd_answer()),
                }
            }
            for (event, registration) in self.register(events, &unregistered).await? {
                match registration {
                    Ok(Registration::Done { by_us }) => {
                        registered[event] = Some(Registered { by_us });
                    }
                    Ok(Registration::Refused(limit)) => {
                        outcomes[event] = Some(Outcome::Refused(limit));
                    }
                    Err(error) => {
                        failed[event] = true;
                        failure.get_or_insert_with(|| self.link.error(&error));
                    }
                }
            }
        }
        let in_vain: Vec<&Event> = (events.iter().zip(registered).zip(&outcomes))
            .filter(|((_, registered), outcome)| {
                matches!(outcome, Some(Outcome::Refused(_)))
                    && registered.is_some_and(|registered| registered.by_us)
            })
            .map(|((event, _), _)| event)
            .collect();
        self.unregister(&in_vain).await?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        (outcomes.into_iter().collect::<Option<Vec<_>>>()).ok_or_else(|| self.odd_answer())
    }

    fn call(&self, event: &Event, levels: usize, windows: &[String], registered: bool) -> Call {
        let counter = &event.counter;
        let namespace = Namespace::new(&counter.namespace, self.cluster);
        let experiment = namespace.experiment(&counter.experiment);
        let key = experiment.counter(&counter.kind, &counter.variant);
        let token = Token::new(&key, &event.key);
        let compact = self.counting.dedupe == Dedupe::Compact;
        let window = match self.counting.window {
            Some(window) if !(compact && event.configured.forever) => Some(window),
            _ => None,
        };
        let window = window_name(window);
        let others = windows.iter().filter(|other| **other != window || !compact);
        let windows: Vec<&String> = compact
            .then_some(&window)
            .into_iter()
            .chain(others)
            .collect();

        let mut call = Call::new();
        call.keys([[&key]])
            .keys([experiment.days(&key), experiment.deleted(&key)])
            .keys([experiment.flag(&token.hex())])
            .keys([
                experiment.windows(),
                experiment.index(),
                experiment.variants(),
            ]);
        let configured = event.configured;
        if !self.cluster {
            call.keys([namespace.experiments(), namespace.index()]);
            if !configured.namespace {
                call.keys(place(&counter.namespace, &namespace).map(|key| [key]));
            }
        }
        let first_set = call.number_of_keys() + 1;
        let steps = steps(token.hash());
        for window in &windows {
            call.keys(Memory::new(&experiment, &key, window).path(&steps, levels));
        }
        call.keys(event.value.map(|_| experiment.sums(&key)));
        let limits = self.limits();
        let max_variants = match configured.variant {
            true => String::new(),
            false => limits.max_variants.to_string(),
        };
        let worth = event.value.map_or_else(String::new, |value| {
            let (high, low) = value.square();
            format!("{} {high} {low}", value.units())
        });
        call.arguments([
            if compact { "compact" } else { "flags" },
            &window,
            &token.hash().to_string(),
            &levels.to_string(),
            &limits.max_counters.to_string(),
            match (self.cluster, registered) {
                (false, _) => "here",
                (true, true) => "yes",
                (true, false) => "no",
            },
            &experiment.member,
            &max_variants,
            &limits.max_namespaces.to_string(),
            match configured.namespace {
                true => "",
                false => namespace.member(),
            },
            &first_set.to_string(),
            &worth,
        ])
        .arguments(windows);
        call
    }
}
