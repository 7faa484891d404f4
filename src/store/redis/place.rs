//! The place of a namespace among those of the store, and what is to be entered on a cluster before a
//! counter is made.

use ::redis::{RedisResult, Value, cmd};

use super::RedisStore;
use super::script::{Call, ENTER, REGISTER};
use crate::domain::{Event, Limit, Name};
use crate::store::StoreError;
use crate::store::redis::keyspace::{NAMESPACES, Namespace};

/// The keys that say whether a namespace has a place: the set of those that have one, and its own index in
/// the forms of its name other than `form`. They are for one Redis: on a cluster they are in many slots.
pub(super) fn place(namespace: &Name, form: &Namespace) -> impl Iterator<Item = String> {
    let others = (Namespace::forms(namespace, false).into_iter())
        .map(|namespace| namespace.index().concat())
        .filter({
            let index = form.index().concat();
            move |other| *other != index
        });
    std::iter::once(NAMESPACES.to_owned()).chain(others)
}

/// What became of a counter's registration.
#[derive(Clone, Copy)]
pub(super) enum Registration {
    /// By this call, or by another one before.
    Done {
        by_us: bool,
    },
    Refused(Limit),
}

impl RedisStore {
    /// On a cluster: enters the counters of these events in the indexes of their namespaces, and before that
    /// the namespaces that are new among those of the store. One round trip, or three. Where a node is away, the
    /// others go on.
    pub(super) async fn register(
        &self,
        events: &[Event],
        unregistered: &[usize],
    ) -> Result<Vec<(usize, RedisResult<Registration>)>, StoreError> {
        let mut done = Vec::new();
        let mut open: Vec<(usize, bool)> = (unregistered.iter())
            .map(|&event| (event, events[event].configured.namespace))
            .collect();
        while !open.is_empty() {
            let calls: Vec<Call> = (open.iter())
                .map(|&(event, has_place)| self.registration(&events[event], has_place))
                .collect();
            let answers = self.evaluate_each(&REGISTER, &calls).await?;
            let mut without_place = Vec::new();
            for ((event, has_place), answer) in open.into_iter().zip(answers) {
                match answer {
                    Ok(Value::Int(answer @ (0 | 1))) => {
                        let by_us = answer == 1;
                        done.push((event, Ok(Registration::Done { by_us })));
                    }
                    Ok(Value::Int(-1)) => {
                        let limit = Limit::Counters(self.limits().max_counters);
                        done.push((event, Ok(Registration::Refused(limit))));
                    }
                    Ok(Value::Int(-6)) if !has_place => without_place.push(event),
                    Err(error) => done.push((event, Err(error))),
                    _ => return Err(self.odd_answer()),
                }
            }
            open = Vec::new();
            let calls: Vec<Call> = (without_place.iter())
                .map(|&event| self.entry(&events[event].counter.namespace))
                .collect();
            let answers = self.evaluate_each(&ENTER, &calls).await?;
            for (event, answer) in without_place.into_iter().zip(answers) {
                match answer {
                    Ok(Value::Int(1)) => open.push((event, true)),
                    Err(error) => done.push((event, Err(error))),
                    Ok(Value::Int(-4)) => {
                        let limit = Limit::Namespaces(self.limits().max_namespaces);
                        done.push((event, Ok(Registration::Refused(limit))));
                    }
                    _ => return Err(self.odd_answer()),
                }
            }
        }
        Ok(done)
    }

    /// On a cluster: takes counters out of the indexes of their namespaces again, for which there was no room
    /// in the experiment by the time that they were registered. An entry that stays, because this is
    /// interrupted, takes the place of a counter and does no other harm.
    pub(super) async fn unregister(&self, events: &[&Event]) -> Result<(), StoreError> {
        let removals = events.iter().map(|event| {
            let counter = &event.counter;
            let namespace = Namespace::new(&counter.namespace, self.cluster);
            let experiment = namespace.experiment(&counter.experiment);
            cmd("SREM")
                .arg(namespace.index().concat())
                .arg(experiment.counter(&counter.kind, &counter.variant))
                .take()
        });
        self.ask::<u64>(removals.collect()).await.map(drop)
    }

    fn registration(&self, event: &Event, has_place: bool) -> Call {
        let counter = &event.counter;
        let namespace = Namespace::new(&counter.namespace, self.cluster);
        let experiment = namespace.experiment(&counter.experiment);
        let mut call = Call::new();
        call.keys([namespace.experiments(), namespace.index()])
            .arguments([
                &*experiment.counter(&counter.kind, &counter.variant),
                &experiment.member,
                &self.limits().max_counters.to_string(),
                if has_place { "yes" } else { "no" },
            ]);
        call
    }

    fn entry(&self, namespace: &Name) -> Call {
        let namespace = Namespace::new(namespace, self.cluster);
        let most = self.limits().max_namespaces.to_string();
        let mut call = Call::new();
        call.keys([[NAMESPACES]])
            .arguments([namespace.member(), &most]);
        call
    }
}
