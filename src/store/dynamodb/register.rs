//! Counters that an instance does not know: it finds them in the table, or makes them where there is room.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::DynamoDbStore;
use super::failure::Failure;
use super::items::{self, Key};
use super::patience::Patience;
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
    pub variants: BTreeMap<String, u64>,
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
    pub(super) fn put(&self, key: &Key, names: [&Name; 2], before: u64) -> Value {
        let variants: Map<String, Value> = (self.variants.iter())
            .map(|(name, count)| (name.clone(), json!({"N": count.to_string()})))
            .collect();
        let item = key.with(json!({
            "namespace": {"S": names[0].as_str()},
            "experiment": {"S": names[1].as_str()},
            "version": {"N": self.version.to_string()},
            "deleted": {"N": self.deleted.to_string()},
            "variants": {"M": variants},
        }));
        if before == 0 {
            return json!({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"});
        }
        json!({
            "Item": item,
            "ConditionExpression": "#version = :before",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":before": {"N": before.to_string()}},
        })
    }
}

/// What one look in the table found.
#[derive(Default)]
struct Look(HashMap<Key, Value>);

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

    fn id(&self, event: &Event) -> Option<u64> {
        items::number(self.0.get(&items::counter(&event.counter))?, "id")
    }

    fn experiment(&self, event: &Event) -> Experiment {
        let counter = &event.counter;
        let key = items::experiment(&counter.namespace, &counter.experiment);
        self.0.get(&key).map(Experiment::read).unwrap_or_default()
    }

    /// How many counters its namespace has; none where it is new.
    fn counters(&self, event: &Event) -> Option<u64> {
        let key = items::namespace(&event.counter.namespace);
        items::number(self.0.get(&key)?, "counters")
    }

    /// Those beside the configured one.
    fn namespaces(&self) -> Vec<&str> {
        let item = self.0.get(&items::namespaces());
        let names = item.and_then(|item| item["names"]["SS"].as_array());
        names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The limit that leaves no room for the counter of this event.
    fn limit(&self, event: &Event, limits: &CountLimits) -> Option<Limit> {
        let experiment = self.experiment(event);
        let is_new = !(experiment.variants).contains_key(event.counter.variant.as_str());
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
                && self.namespaces().len() as u64 >= limits.max_namespaces =>
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
            let mut look = self.look(some, patience).await?;
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
            let (transaction, items) = self.registration(event, look);
            match (self
                .client
                .ask("TransactWriteItems", &transaction, patience))
            .await
            {
                Ok(_) => look.0.extend(items),
                // Somebody else was faster, with this counter or another.
                Err(Failure::Canceled(_)) => {
                    if !patience.pause().await {
                        return Err(self.client.error(Failure::Condition));
                    }
                    look.0.extend(self.look(&[event], patience).await?.0);
                }
                Err(failure) => return Err(self.client.error(failure)),
            }
        }
    }

    /// What the table has of these counters, all of it at one moment.
    async fn look(&self, events: &[&Event], patience: &mut Patience) -> Result<Look, StoreError> {
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
        let gets: Vec<Value> = keys
            .iter()
            .map(|key| json!({"Get": {"TableName": table, "Key": key.json()}}))
            .collect();
        let body = json!({"TransactItems": gets});
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
        // What was asked for and is not there is forgotten.
        let found = keys.into_iter().zip(responses);
        Ok(Look(
            found
                .map(|(key, response)| (key, response["Item"].clone()))
                .collect(),
        ))
    }

    /// Makes a counter, unless anything changed since the look: its experiment and its namespace know of it, and the item
    /// is there on which it counts. Also gives the items as they are then.
    fn registration(&self, event: &Event, look: &Look) -> (Value, Vec<(Key, Value)>) {
        let counter = &event.counter;
        let (namespace, name) = (&counter.namespace, &counter.experiment);
        let mut experiment = look.experiment(event);
        let before = experiment.version;
        experiment.version += 1;
        let variant = counter.variant.as_str().to_owned();
        *experiment.variants.entry(variant).or_default() += 1;
        let id = experiment.version;

        let key = items::experiment(namespace, name);
        let experiment = experiment.put(&key, [namespace, name], before);
        let entry = items::entry(namespace, name);
        let entry = entry.with(json!({"experiment": {"S": name.as_str()}}));
        let period = items::period((self.clock)().day(), event.value.is_some());
        let counts = items::counts(&items::partition(namespace, name), id, &period, 0);
        let key_of_counter = items::counter(counter);
        let item = key_of_counter.with(json!({
            "id": {"N": id.to_string()},
            "event": {"S": counter.kind.as_str()},
            "variant": {"S": counter.variant.as_str()},
        }));
        let mut items = vec![
            (key, experiment["Item"].clone()),
            (key_of_counter, item.clone()),
        ];
        let mut actions = vec![
            ("Put", experiment),
            ("Put", put_new(item)),
            ("Put", json!({"Item": entry})),
            ("Put", json!({"Item": counts.json()})),
        ];
        self.enter(event, look, &mut actions, &mut items);
        (self.transaction(actions), items)
    }

    /// Has the namespace know of one more counter, and the table of one more namespace where it is new.
    fn enter(
        &self,
        event: &Event,
        look: &Look,
        actions: &mut Vec<(&str, Value)>,
        items: &mut Vec<(Key, Value)>,
    ) {
        let namespace = &event.counter.namespace;
        let limits = self.limits();
        let key = items::namespace(namespace);
        let before = look.counters(event);
        let counters = before.unwrap_or(0) + 1;
        let item = key.with(json!({
            "namespace": {"S": namespace.as_str()},
            "counters": {"N": counters.to_string()},
        }));
        items.push((key.clone(), item.clone()));
        if before.is_some() {
            actions.push((
                "Update",
                json!({
                    "Key": key.json(),
                    "UpdateExpression": "ADD #counters :one",
                    "ConditionExpression": "#counters < :most",
                    "ExpressionAttributeNames": {"#counters": "counters"},
                    "ExpressionAttributeValues": {
                        ":one": {"N": "1"},
                        ":most": {"N": limits.max_counters.to_string()},
                    },
                }),
            ));
            return;
        }
        actions.push(("Put", put_new(item)));
        if event.configured.namespace {
            return;
        }
        let key = items::namespaces();
        let mut names = look.namespaces();
        names.push(namespace.as_str());
        items.push((key.clone(), key.with(json!({"names": {"SS": names}}))));
        actions.push((
            "Update",
            json!({
                "Key": key.json(),
                "UpdateExpression": "ADD #names :name",
                "ConditionExpression": "attribute_not_exists(#names) OR size(#names) < :most",
                "ExpressionAttributeNames": {"#names": "names"},
                "ExpressionAttributeValues": {
                    ":name": {"SS": [namespace.as_str()]},
                    ":most": {"N": limits.max_namespaces.to_string()},
                },
            }),
        ));
    }

    /// A transaction of these actions on the table.
    pub(super) fn transaction(&self, actions: Vec<(&str, Value)>) -> Value {
        let items: Vec<Value> = (actions.into_iter())
            .map(|(kind, mut action)| {
                action["TableName"] = self.client.table.as_str().into();
                json!({kind: action})
            })
            .collect();
        json!({"TransactItems": items, "ClientRequestToken": super::random::token()})
    }
}

/// Puts an item where there is none.
fn put_new(item: Value) -> Value {
    json!({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"})
}

/// The distinct counters among these events, the first of each.
pub(super) fn first_of_each<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<&'a Event> {
    let mut seen = BTreeSet::new();
    events
        .filter(|event| {
            let key = items::counter(&event.counter);
            seen.insert((key.pk, key.sk))
        })
        .collect()
}
