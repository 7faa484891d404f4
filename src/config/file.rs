//! The shape of the file.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::aws::Aws;
use super::redis::Redis;
use super::value::{distinct, share, text, whole};
use super::wiring::Wiring;
use super::{Config, DEFAULT_NAMESPACE};
use crate::domain::{self, Declared, Goal, PARTICIPATE};
use crate::store::{Counting, DEFAULT_MAX_COUNTERS, DEFAULT_WINDOW, Dedupe as Form};

/// The longest window in seconds: a hundred years.
const MAX_WINDOW: u64 = 100 * 366 * 24 * 60 * 60;

/// The most counters that a namespace may be given.
const MAX_COUNTERS: u64 = 1_000_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    redis: Option<Redis>,
    #[serde(default = "default_namespace")]
    namespace: Name,
    #[serde(default = "default_expiry")]
    uuid_expiry_seconds: Option<Expiry>,
    #[serde(default)]
    dedupe: Dedupe,
    #[serde(default, deserialize_with = "distinct")]
    experiments: BTreeMap<Name, Experiment>,
    #[serde(default)]
    accept: Accept,
    #[serde(default = "yes")]
    ignore_bots: bool,
    max_counters: Option<Most>,
    #[serde(default)]
    aws: Aws,
    #[serde(default)]
    extra_wiring: Vec<Wiring>,
    /// For editors.
    #[serde(rename = "$schema")]
    _schema: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dedupe {
    Flags,
    #[default]
    Compact,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Accept {
    #[default]
    Any,
    Declared,
}

/// A name in the file, checked as names on the wire are.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name(domain::Name);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, name)
    }
}

fn name(text: &str) -> Result<Name, String> {
    let checked = domain::Name::new(text);
    checked
        .map(Name)
        .map_err(|error| format!("the name {error}"))
}

fn default_namespace() -> Name {
    Name(domain::Name::stored(DEFAULT_NAMESPACE.to_owned()))
}

struct Expiry(Duration);

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let forever = ", or null to remember for ever";
        let seconds = whole(deserializer, 1..=MAX_WINDOW, forever)?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

fn default_expiry() -> Option<Expiry> {
    Some(Expiry(DEFAULT_WINDOW))
}

/// How many counters a namespace may have.
struct Most(u64);

impl<'de> Deserialize<'de> for Most {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 1..=MAX_COUNTERS, "").map(Self)
    }
}

#[derive(Deserialize)]
#[serde(try_from = "ExperimentShape")]
struct Experiment {
    control: Option<Name>,
    variants: BTreeMap<Name, u32>,
    goals: Vec<GoalShape>,
    minimum_effect: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExperimentShape {
    control: Option<Name>,
    #[serde(default, deserialize_with = "distinct")]
    variants: BTreeMap<Name, u32>,
    #[serde(default)]
    goals: Vec<GoalShape>,
    #[serde(default, deserialize_with = "share")]
    minimum_effect: Option<f64>,
}

impl TryFrom<ExperimentShape> for Experiment {
    type Error = String;

    fn try_from(shape: ExperimentShape) -> Result<Self, String> {
        if !shape.variants.is_empty() && shape.variants.values().all(|weight| *weight == 0) {
            return Err("all weights are 0: give one variant at least 1".to_owned());
        }
        for (position, GoalShape(Goal { name, .. })) in shape.goals.iter().enumerate() {
            if name.as_str() == PARTICIPATE {
                return Err(format!(
                    "`{name}` is AlephBet's word for an exposure: rename the goal"
                ));
            }
            if shape.goals[..position]
                .iter()
                .any(|GoalShape(goal)| goal.name == *name)
            {
                return Err(format!("the goal `{name}` stands here a second time"));
            }
        }
        if let Some(Name(control)) = &shape.control
            && !shape.variants.is_empty()
            && !shape
                .variants
                .keys()
                .any(|Name(variant)| variant == control)
        {
            return Err(format!("the control `{control}` is not among the variants"));
        }
        Ok(Self {
            control: shape.control,
            variants: shape.variants,
            goals: shape.goals,
            minimum_effect: shape.minimum_effect,
        })
    }
}

/// `"sign up"`, or `{"name": "page view", "unique": false}`.
struct GoalShape(Goal);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullGoal {
    name: Name,
    #[serde(default = "yes")]
    unique: bool,
}

fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for GoalShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = FullGoal;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(r#"a goal's name, or {"name": "…", "unique": false}"#)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<FullGoal, E> {
                let name = name(text).map_err(E::custom)?;
                Ok(FullGoal { name, unique: true })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FullGoal, A::Error> {
                FullGoal::deserialize(MapAccessDeserializer::new(map))
            }
        }
        let FullGoal {
            name: Name(name),
            unique,
        } = deserializer.deserialize_any(Shape)?;
        Ok(Self(Goal { name, unique }))
    }
}

impl From<File> for Config {
    fn from(file: File) -> Self {
        let counting = Counting {
            window: file.uuid_expiry_seconds.map(|Expiry(window)| window),
            dedupe: match file.dedupe {
                Dedupe::Flags => Form::Flags,
                Dedupe::Compact => Form::Compact,
            },
            max_counters: file
                .max_counters
                .map_or(DEFAULT_MAX_COUNTERS, |Most(most)| most),
        };
        let mut warnings = Vec::new();
        let redis = file.redis.map(|section| {
            let mut settings = section.settings;
            settings.counting = counting;
            warnings.extend(section.warnings);
            settings
        });
        let mut wiring = Vec::new();
        for read in file.extra_wiring {
            match read.wired() {
                Ok(wired) => wiring.push(wired),
                Err(warning) => warnings.push(warning),
            }
        }
        Self {
            redis,
            namespace: file.namespace.0,
            counting,
            declared_only: file.accept == Accept::Declared,
            ignore_bots: file.ignore_bots,
            experiments: (file.experiments.into_iter())
                .map(|(Name(name), experiment)| Declared {
                    name,
                    control: experiment.control.map(|Name(control)| control),
                    variants: (experiment.variants.into_iter())
                        .map(|(Name(variant), weight)| (variant, weight))
                        .collect(),
                    goals: (experiment.goals.into_iter())
                        .map(|GoalShape(goal)| goal)
                        .collect(),
                    minimum_effect: experiment.minimum_effect,
                })
                .collect(),
            wiring,
            aws: file.aws,
            warnings,
        }
    }
}
