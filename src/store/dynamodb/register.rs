//! Counters that an instance does not know: it finds them in the table, or makes them where there is room.

use std::collections::HashMap;

use serde_json::Value;

use super::failure::Failure;
use super::items::{self, Key};
use super::patience::Patience;
use super::request::{self, Action, Item};
use super::{DynamoDbStore, random};
use crate::domain::{Event, Limit, Name};
use crate::store::{CountLimits, StoreError};

/// How many counters are looked up at once: a transaction takes 100 items, and a counter has four.
const AT_ONCE: usize = 25;

/// An experiment, as the table has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Experiment {
    /// 0 where it never had a counter.
    pub version: u64,
    /// The version of its last delete.
    pub deleted: u64,
    /// How many counters each variant has.
    pub variants: Vec<(String, u64)>,
}

impl Experiment {
    pub(super) fn read(item: &Value) -> Self {
        let variants = item["variants"]["M"].as_object();
        Self {
            version: items::number(item, "version").unwrap_or(0),
            deleted: items::number(item, "deleted").unwrap_or(0),
            variants: (variants.into_iter().flatten())
                .filter_map(|(name, count)| Some((name.clone(), items::read_number(count)?)))
                .collect(),
        }
    }

    /// Writes it, where it is still in the version before.
    pub(super) fn put(&self, namespace: &Name, name: &Name, before: u64) -> Action {
        let item = Item::new(&items::experiment(namespace, name))
            .text("namespace", namespace.as_str())
            .text("experiment", name.as_str())
            .number("version", &self.version)
            .number("deleted", &self.deleted)
            .numbers("variants", &self.variants);
        match before {
            0 => put_new(item),
            _ => Action::put(item)
                .when("#version = :before")
                .name("version", "version")
                .number("before", &before),
        }
    }
}

/// What one look in the table found.
#[derive(Default)]
struct Look {
    /// The ids of counters, and how many counters each namespace has.
    numbers: HashMap<Key, u64>,
    experiments: Vec<(Key, Experiment)>,
    /// Those beside the configured one.
    namespaces: Vec<String>,
}

impl Look {
    fn keys(event: &Event) -> [Key; 4] {
        let counter = &event.counter;
        [
            items::counter(counter),
            items::experiment(&counter.namespace, &counter.experiment),
            items::namespace(&counter.namespace),
            items::namespaces(),
        ]
    }

    /// Takes over one item, or that it is not there.
    fn add(&mut self, key: Key, item: &Value) {
        if key == items::namespaces() {
            let names = item["names"]["SS"].as_array().into_iter().flatten();
            let names = names.filter_map(|name| name.as_str().map(str::to_owned));
            self.namespaces = names.collect();
        } else if key.sk != "x" {
            self.put_number(key, items::number(item, "id"));
        } else if key.pk.starts_with("n:") {
            self.put_number(key, items::number(item, "counters"));
        } else {
            self.put_experiment(key, Experiment::read(item));
        }
    }

    fn put_number(&mut self, key: Key, number: Option<u64>) {
        match number {
            Some(number) => self.numbers.insert(key, number),
            None => self.numbers.remove(&key),
        };
    }

    fn put_experiment(&mut self, key: Key, experiment: Experiment) {
        self.experiments.retain(|(other, _)| *other != key);
        self.experiments.push((key, experiment));
    }

    fn id(&self, event: &Event) -> Option<u64> {
        self.numbers.get(&items::counter(&event.counter)).copied()
    }

    fn experiment(&self, event: &Event) -> Experiment {
        let counter = &event.counter;
        let key = items::experiment(&counter.namespace, &counter.experiment);
        let found = self.experiments.iter().find(|(other, _)| *other == key);
        found
            .map(|(_, experiment)| experiment.clone())
            .unwrap_or_default()
    }

    /// How many counters its namespace has; none where it is new.
    fn counters(&self, event: &Event) -> Option<u64> {
        let key = items::namespace(&event.counter.namespace);
        self.numbers.get(&key).copied()
    }

    /// The limit that leaves no room for the counter of this event.
    fn limit(&self, event: &Event, limits: &CountLimits) -> Option<Limit> {
        let experiment = self.experiment(event);
        let variant = event.counter.variant.as_str();
        let is_new = experiment.variants.iter().all(|(name, _)| name != variant);
        if !event.configured.variant
            && is_new
            && experiment.variants.len() as u64 >= limits.max_variants
        {
            return Some(Limit::Variants(limits.max_variants));
        }
        match self.counters(event) {
            Some(counters) if counters >= limits.max_counters => {
                Some(Limit::Counters(limits.max_counters))
            }
            None if limits.max_counters == 0 => Some(Limit::Counters(0)),
            None if !event.configured.namespace
                && self.namespaces.len() as u64 >= limits.max_namespaces =>
            {
                Some(Limit::Namespaces(limits.max_namespaces))
            }
            _ => None,
        }
    }
}

impl DynamoDbStore {
    /// Makes sure that the counters of these events are known, in this order; the limit where there is no room for one.
    pub(super) async fn find(
        &self,
        events: &[&Event],
        patience: &mut Patience,
    ) -> Result<Vec<Result<(), Limit>>, StoreError> {
        let mut found = Vec::with_capacity(events.len());
        for some in events.chunks(AT_ONCE) {
            let mut look = Look::default();
            self.look(some, &mut look, patience).await?;
            for event in some {
                found.push(self.find_one(event, &mut look, patience).await?);
            }
        }
        Ok(found)
    }

    async fn find_one(
        &self,
        event: &Event,
        look: &mut Look,
        patience: &mut Patience,
    ) -> Result<Result<(), Limit>, StoreError> {
        loop {
            if let Some(id) = look.id(event) {
                let deleted = look.experiment(event).deleted;
                self.known.insert(&event.counter, id, deleted);
                return Ok(Ok(()));
            }
            if let Some(limit) = look.limit(event, &self.limits()) {
                return Ok(Err(limit));
            }
            let experiment = self.with_counter(event, look);
            let transaction = self.registration(event, look, &experiment);
            match (self
                .client
                .ask("TransactWriteItems", &transaction, patience))
            .await
            {
                Ok(_) => self.registered(event, look, experiment),
                // Somebody else was faster, with this counter or another.
                Err(Failure::Canceled(_)) => {
                    if !patience.pause().await {
                        return Err(self.client.error(Failure::Condition));
                    }
                    self.look(&[event], look, patience).await?;
                }
                Err(failure) => return Err(self.client.error(failure)),
            }
        }
    }

    /// What the table has of these counters, all of it at one moment.
    async fn look(
        &self,
        events: &[&Event],
        look: &mut Look,
        patience: &mut Patience,
    ) -> Result<(), StoreError> {
        let keys: Vec<Key> = (events.iter()).flat_map(|event| Look::keys(event)).fold(
            Vec::new(),
            |mut keys, key| {
                if !keys.contains(&key) {
                    keys.push(key);
                }
                keys
            },
        );
        let table = &self.client.table;
        let gets: Vec<String> = keys
            .iter()
            .map(request::key)
            .map(|key| format!(r#"{{"Get":{{"TableName":"{table}","Key":{key}}}}}"#))
            .collect();
        let body = format!(r#"{{"TransactItems":[{}]}}"#, gets.join(","));
        let answer = loop {
            match self.client.ask("TransactGetItems", &body, patience).await {
                Ok(answer) => break answer,
                // Something is being written just now.
                Err(Failure::Canceled(_)) if patience.pause().await => {}
                Err(failure) => return Err(self.client.error(failure)),
            }
        };
        let responses = answer["Responses"].as_array();
        let responses = responses.filter(|responses| responses.len() == keys.len());
        let responses = responses.ok_or_else(|| self.client.odd_answer())?;
        for (key, response) in keys.into_iter().zip(responses) {
            look.add(key, &response["Item"]);
        }
        Ok(())
    }

    /// The experiment with one counter more, whose id is the experiment's new version.
    fn with_counter(&self, event: &Event, look: &Look) -> Experiment {
        let mut experiment = look.experiment(event);
        experiment.version += 1;
        let variant = event.counter.variant.as_str();
        let mut variants = experiment.variants.iter_mut();
        match variants.find(|(name, _)| name == variant) {
            Some((_, counters)) => *counters += 1,
            None => experiment.variants.push((variant.to_owned(), 1)),
        }
        experiment
    }

    /// Makes a counter, unless anything changed since the look: its experiment and its namespace know of it, and the item
    /// is there on which it counts.
    fn registration(&self, event: &Event, look: &Look, experiment: &Experiment) -> String {
        let counter = &event.counter;
        let (namespace, name) = (&counter.namespace, &counter.experiment);
        let id = experiment.version;
        let item = Item::new(&items::counter(counter))
            .number("id", &id)
            .text("event", counter.kind.as_str())
            .text("variant", counter.variant.as_str());
        let entry = Item::new(&items::entry(namespace, name)).text("experiment", name.as_str());
        let period = items::period((self.clock)().day(), event.value.is_some());
        let counts = items::counts(&items::partition(namespace, name), id, &period, 0);
        let mut actions = vec![
            experiment.put(namespace, name, id - 1),
            put_new(item),
            Action::put(entry),
            Action::put(Item::new(&counts)),
        ];
        let limits = self.limits();
        let key = items::namespace(namespace);
        if look.counters(event).is_some() {
            let update = Action::update(&key, "ADD #counters :one").when("#counters < :most");
            let update = update.name("counters", "counters").number("one", &1);
            actions.push(update.number("most", &limits.max_counters));
        } else {
            let item = Item::new(&key).text("namespace", namespace.as_str());
            actions.push(put_new(item.number("counters", &1)));
            if !event.configured.namespace {
                let update = Action::update(&items::namespaces(), "ADD #names :name")
                    .when("attribute_not_exists(#names) OR size(#names) < :most")
                    .name("names", "names")
                    .set("name", namespace.as_str());
                actions.push(update.number("most", &limits.max_namespaces));
            }
        }
        self.transaction(&actions)
    }

    /// What a look would find after the registration.
    fn registered(&self, event: &Event, look: &mut Look, experiment: Experiment) {
        let counter = &event.counter;
        let namespace = &counter.namespace;
        look.put_number(items::counter(counter), Some(experiment.version));
        let key = items::experiment(namespace, &counter.experiment);
        look.put_experiment(key, experiment);
        let counters = look.counters(event);
        if counters.is_none() && !event.configured.namespace {
            look.namespaces.push(namespace.as_str().to_owned());
        }
        let key = items::namespace(namespace);
        look.put_number(key, Some(counters.unwrap_or(0) + 1));
    }

    /// A transaction of these actions on the table.
    pub(super) fn transaction(&self, actions: &[Action]) -> String {
        request::transaction(&self.client.table, actions, &random::token())
    }
}

/// Puts an item where there is none.
fn put_new(item: Item) -> Action {
    Action::put(item).when("attribute_not_exists(pk)")
}

/// The distinct counters among these events, the first of each.
pub(super) fn first_of_each<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<&'a Event> {
    let mut first: Vec<&Event> = Vec::new();
    for event in events {
        if first.iter().all(|other| other.counter != event.counter) {
            first.push(event);
        }
    }
    first
}
