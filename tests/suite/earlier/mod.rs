//! What earlier builds left is taken over: `fixtures/earlier`. Their deployments are in
//! `deploy/earlier.rs`.
//!
//! Each store of a fixture has lived through `story.json`. Here a store of this build goes on from it, or
//! lives through the same.

mod redis;
mod sqlite;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lamed::domain::{
    Counter, Event, Experiments, IdempotencyKey, Limit, Outcome, Selection, Sums, Value as Worth,
};
use lamed::http::{Api, Details, Handler, Method, Request, Rules};
use lamed::store::{Counting, Dedupe, Store, Window};
use serde_json::Value;

use crate::support::{Clock, event_in, name};

/// The builds that fixtures were made by.
const BUILDS: [&str; 1] = ["1.0.0-e4aee2e"];

/// The window of those that did not say any, in milliseconds.
const DAY: i64 = 86_400_000;

/// How many counters the story leaves.
const COUNTERS: u64 = 11;

fn fixture(name: impl AsRef<Path>) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("fixtures/earlier").join(name)
}

enum Step {
    Track(Vec<Event>),
    Delete(Selection),
    /// Milliseconds.
    Pass(i64),
}

fn story() -> Vec<Step> {
    let text = fs::read_to_string(fixture("story.json")).unwrap();
    let rows: Vec<Vec<Value>> = serde_json::from_str(&text).unwrap();
    let step = |row: &Vec<Value>| {
        let text = |field: usize| row[field].as_str();
        match text(0).unwrap() {
            "pass" => Step::Pass(row[1].as_i64().unwrap()),
            "delete" => Step::Delete(Selection {
                namespace: name(text(1).unwrap()),
                experiment: name(text(2).unwrap()),
                kind: text(3).map(|goal| name(goal).into()),
                variant: text(4).map(name),
            }),
            _ => {
                let names: Vec<&str> = (1..5).map(|field| text(field).unwrap()).collect();
                let uuids = row[5].as_u64().unwrap()..row[6].as_u64().unwrap();
                Step::Track(
                    uuids
                        .map(|uuid| event(&names, &format!("u{uuid}")))
                        .collect(),
                )
            }
        }
    };
    rows.iter().map(step).collect()
}

fn event(names: &[&str], uuid: &str) -> Event {
    event_in(names[0], names[1], names[2], names[3], uuid)
}

/// The events of the story that are remembered at its end for certain: first sent within the window,
/// in milliseconds, and not deleted since.
fn remembered(window: Option<i64>) -> Vec<Event> {
    let mut now = 0;
    let mut sent: Vec<(i64, Event)> = Vec::new();
    for step in story() {
        match step {
            Step::Pass(time) => now += time,
            Step::Delete(selection) => sent.retain(|(_, event)| {
                let counter = &event.counter;
                !(counter.namespace == selection.namespace
                    && counter.experiment == selection.experiment
                    && selection.includes(&counter.kind, &counter.variant))
            }),
            Step::Track(events) => {
                for event in events {
                    if !sent.iter().any(|(_, known)| *known == event) {
                        sent.push((now, event));
                    }
                }
            }
        }
    }
    let kept = |at: i64| window.is_none_or(|window| now - at < window);
    (sent.into_iter().filter(|(at, _)| kept(*at)))
        .map(|(_, event)| event)
        .collect()
}

/// A store of this build, and the clock that it goes by.
struct Site {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Site {
    /// Lives through the story.
    async fn live(&self) {
        for step in story() {
            match step {
                Step::Pass(time) => self.clock.advance(time),
                Step::Delete(selection) => drop(self.store.delete(&selection).await.unwrap()),
                Step::Track(events) => {
                    for events in events.chunks(100) {
                        self.store.track(events).await.unwrap();
                    }
                }
            }
        }
    }

    /// `/experiments` of each namespace with its days, as fixtures have it.
    async fn replies(&self, namespaces: &[&str]) -> String {
        let api = Api::new(
            self.store.clone(),
            Rules::new(Experiments::none(name("alephbet"))),
        );
        let mut replies = String::new();
        for namespace in namespaces {
            let query = [("namespace", *namespace), ("days", "1")];
            let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let request = Request {
                method: Method::Get,
                query: query.into_iter().collect(),
                body: Vec::new(),
                encoding: None,
                user_agent: None,
                details: Details::default(),
            };
            let reply = api.handle(Handler::AllExperiments, &request).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            replies.push_str(&format!("{namespace}\n{}\n", reply.body));
        }
        replies
    }

    /// The results are as the earlier build gave them, what it remembers is not counted again, and what
    /// is new is counted.
    #[track_caller]
    fn goes_on_from(&self, replies: &str, remembered: Vec<Event>) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let namespaces: Vec<&str> = replies.lines().step_by(2).collect();
            assert_eq!(self.replies(&namespaces).await, replies, "{place}");
            assert!(remembered.len() > 500);
            let mut new = BTreeMap::new();
            for events in remembered.chunks(100) {
                let outcomes = self.store.track(events).await.unwrap();
                let again: Vec<_> = events
                    .iter()
                    .zip(outcomes)
                    .filter(|(_, outcome)| *outcome != Outcome::Duplicate)
                    .collect();
                assert!(again.is_empty(), "{place}: {again:?}");
                new.extend(events.iter().map(|event| {
                    let key = IdempotencyKey::new("new").unwrap();
                    let new = Event {
                        key,
                        ..event.clone()
                    };
                    (format!("{:?}", event.counter), new)
                }));
            }
            assert_eq!(self.replies(&namespaces).await, replies, "{place}");
            let new: Vec<Event> = new.into_values().collect();
            let outcomes = self.store.track(&new).await.unwrap();
            assert_eq!(outcomes, vec![Outcome::Counted; new.len()], "{place}");
        }
    }

    /// A goal from before gets a value: what is counted from then on is worth something, and the count goes on.
    async fn takes_values(&self, remembered: &[Event]) {
        let goal = |event: &Event| event.counter.kind.goal().is_some();
        let of_goal = (remembered.iter().find(|event| goal(event)).cloned()).unwrap();
        let Counter {
            namespace,
            experiment,
            kind,
            variant,
        } = of_goal.counter.clone();
        let scope = [experiment];
        let conversions = async || {
            let counts = self.store.counts(&namespace, Some(&scope)).await.unwrap();
            counts[0].conversions(kind.goal().unwrap(), &variant)
        };
        let before = conversions().await;
        let worth = Event {
            key: IdempotencyKey::new("worth").unwrap(),
            value: Some(Worth::new(12.5).unwrap()),
            ..of_goal
        };
        let sums = async || self.store.sums(&namespace, &scope).await.unwrap().concat();
        assert_eq!(sums().await, []);
        assert_eq!(
            self.store.track(&[worth]).await.unwrap(),
            [Outcome::Counted]
        );
        assert_eq!(conversions().await, before + 1);
        let found: Vec<Sums> = sums().await.iter().map(|one| one.sums).collect();
        assert_eq!(found, [Sums::read("12.5", "156.25").unwrap()]);
    }

    /// The namespaces from before go on with new counters, beside one that strangers may make: none of them
    /// needs a place. The store takes one namespace beside the configured one.
    async fn takes_its_namespaces_over(&self, replies: &str) {
        let new = |namespace: &str| event_in(namespace, "new", "participate", "v", "1");
        let mut namespaces: Vec<&str> = replies.lines().step_by(2).collect();
        assert!(namespaces.len() > 2);
        namespaces.push("invented");
        for namespace in namespaces {
            let outcomes = self.store.track(&[new(namespace)]).await.unwrap();
            assert_eq!(outcomes, [Outcome::Counted], "{namespace}");
        }
        let outcomes = self.store.track(&[new("another")]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Refused(Limit::Namespaces(1))]);
    }

    /// Deletes all that the replies tell of, and says how many counters.
    async fn delete_all(&self, replies: &str) -> u64 {
        let mut deleted = 0;
        for namespace in replies.lines().step_by(2).map(name) {
            for counts in self.store.counts(&namespace, None).await.unwrap() {
                let selection = Selection {
                    namespace: namespace.clone(),
                    experiment: counts.experiment,
                    kind: None,
                    variant: None,
                };
                deleted += self.store.delete(&selection).await.unwrap();
            }
        }
        deleted
    }
}

/// Counting with this window in milliseconds.
fn counting(dedupe: Dedupe, window: Option<i64>) -> Counting {
    let window: Window = window.map(|window| Duration::from_millis(window.unsigned_abs()));
    Counting {
        window,
        dedupe,
        ..Counting::default()
    }
}
