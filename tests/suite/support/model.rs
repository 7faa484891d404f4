//! What exact counting is, in the plainest way: sets.

use std::collections::{BTreeMap, BTreeSet};

use lamed::domain::{Name, PARTICIPATE};
use serde_json::{Value, json};

use super::name;

/// A call of a handler, as both take it.
#[derive(Debug)]
pub struct Call {
    pub handler: &'static str,
    pub fields: Vec<(&'static str, String)>,
}

impl Call {
    pub fn get(&self, field: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(name, _)| *name == field);
        found.map(|(_, value)| value.as_str())
    }

    pub fn namespace(&self) -> String {
        self.get("namespace").unwrap_or("alephbet").to_owned()
    }

    pub fn experiment(&self) -> Name {
        name(self.get("experiment").unwrap())
    }

    /// The experiments asked for, where the call names some.
    pub fn scope(&self) -> Option<Vec<Name>> {
        let scope = self.get("scope").filter(|scope| !scope.is_empty())?;
        Some(scope.split(',').map(name).collect())
    }
}

/// What exact counting is: the set of idempotency keys of each counter. Replies as ours should.
#[derive(Default)]
pub struct Model {
    experiments: BTreeMap<(String, Name), Counters>,
    /// The keys, in Redis, of the counters that were deleted.
    pub deleted: BTreeSet<String>,
}

/// By event and variant.
type Counters = BTreeMap<(Name, Name), BTreeSet<String>>;

impl Model {
    /// Whether the event counts; `at` is its namespace, experiment, event and variant.
    pub fn track(&mut self, at: [&str; 4], key: &str) -> bool {
        let [namespace, experiment, event, variant] = at;
        (self.experiments)
            .entry((namespace.to_owned(), name(experiment)))
            .or_default()
            .entry((name(event), name(variant)))
            .or_default()
            .insert(key.to_owned())
    }

    /// All experiments of a namespace, as `/experiments` has them.
    pub fn all(&self, namespace: &str) -> Vec<Value> {
        let ids = self.experiments.keys().filter(|(ns, _)| ns == namespace);
        ids.map(|(_, experiment)| self.one(namespace, experiment))
            .collect()
    }

    pub fn apply(&mut self, call: &Call) -> Value {
        let namespace = call.namespace();
        let field = |field| call.get(field).unwrap();
        match call.handler {
            "track" => {
                let at = [
                    &namespace,
                    field("experiment"),
                    field("event"),
                    field("variant"),
                ];
                json!({"counted": self.track(at, field("uuid"))})
            }
            "delete" => json!({"deleted": self.delete(call)}),
            "experiment" => self.one(&namespace, &call.experiment())["goals"].take(),
            _ => {
                let mut elements = vec![json!({"meta": {"scope": call.get("scope")}})];
                elements.extend(match call.scope() {
                    None => self.all(&namespace),
                    Some(scope) => scope.iter().map(|e| self.one(&namespace, e)).collect(),
                });
                elements.into()
            }
        }
    }

    fn delete(&mut self, call: &Call) -> usize {
        let id = (call.namespace(), call.experiment());
        let (namespace, experiment) = &id;
        let counters = self.experiments.remove(&id).unwrap_or_default();
        let selected = |field: &str, name: &Name| {
            call.get(field)
                .is_none_or(|selected| selected == name.as_str())
        };
        let (gone, left): (Counters, Counters) =
            (counters.into_iter()).partition(|((goal, variant), _)| {
                selected("goal", goal) && selected("variant", variant)
            });
        let count = gone.len();
        (self.deleted).extend(
            gone.into_keys().map(|(event, variant)| {
                format!("{namespace}:deleted:{experiment}:{event}:{variant}")
            }),
        );
        if !left.is_empty() {
            self.experiments.insert(id, left);
        }
        count
    }

    fn one(&self, namespace: &str, experiment: &Name) -> Value {
        let id = (namespace.to_owned(), experiment.clone());
        let none = Counters::new();
        let counters = self.experiments.get(&id).unwrap_or(&none);
        let count = |event: &Name, variant: &Name| {
            let keys = counters.get(&(event.clone(), variant.clone()));
            keys.map_or(0, BTreeSet::len)
        };
        let participate = name(PARTICIPATE);
        let variants: BTreeSet<&Name> = counters.keys().map(|(_, variant)| variant).collect();
        let mut goals: BTreeSet<&Name> = counters.keys().map(|(event, _)| event).collect();
        goals.remove(&participate);
        let result = |goal: &Name, variant: &Name| {
            json!({
                "label": variant.as_str(),
                "successes": count(goal, variant),
                "trials": count(&participate, variant),
            })
        };
        let goal = |goal: &Name| {
            let results: Vec<Value> = variants
                .iter()
                .map(|variant| result(goal, variant))
                .collect();
            json!({"goal": goal.as_str(), "results": results})
        };
        let trials = |variant: &&Name| json!({"label": variant.as_str(), "trials": count(&participate, variant)});
        json!({
            "experiment": experiment.as_str(),
            "goals": goals.into_iter().map(goal).collect::<Vec<_>>(),
            "variants": variants.iter().map(trials).collect::<Vec<_>>(),
        })
    }
}
