//! The shape of the file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::json;

use super::aws::Aws;
use super::redis::Redis;
use super::schema::{described, whole_number};
use super::value::{distinct, share, text, whole};
use super::wiring::Wiring;
use super::{Config, DEFAULT_NAMESPACE};
use crate::domain::{self, Declared, Goal, PARTICIPATE};
use crate::store::{Counting, DEFAULT_MAX_COUNTERS, DEFAULT_WINDOW, Dedupe as Form};

/// The longest window in seconds: a hundred years.
const MAX_WINDOW: u64 = 100 * 366 * 24 * 60 * 60;

/// The most counters that a namespace may be given.
const MAX_COUNTERS: u64 = 1_000_000_000;

/// Under `EXPERIMENT:NAME` AlephBet keeps what it knows of the visitor, and that a goal was reached:
/// a goal of such a name would count as reached from the start.
const KEPT_BY_ALEPHBET: [&str; 2] = ["variant", "in_sample"];

/// The config file of lamed, an A/B-testing backend. All keys are optional, and unknown ones are an
/// error.
// The doc comments of this room's shapes are for the file's author, too: they go into the JSON Schema
// and into lamed-config(5).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "lamed config")]
pub(super) struct File {
    /// The Redis or Valkey that counts: what redis-py takes, or a `url`.
    redis: Option<Redis>,
    /// Where events go that name no namespace.
    #[serde(default = "default_namespace")]
    #[schemars(extend("default" = DEFAULT_NAMESPACE))]
    namespace: Name,
    /// How long an event is remembered, in seconds, so as not to count it again. `null` is for ever.
    /// Systems that share a Redis must share it.
    #[serde(default = "default_expiry")]
    #[schemars(extend("default" = DEFAULT_WINDOW.as_secs()))]
    uuid_expiry_seconds: Option<Expiry>,
    /// How a Redis remembers events.
    #[serde(default)]
    #[schemars(extend("default" = "compact"))]
    dedupe: Dedupe,
    /// Experiments by name. Declared ones are written into the snippet with their variants, weights
    /// and goals; others are counted just the same, unless `accept` says otherwise.
    #[serde(default, deserialize_with = "distinct")]
    #[schemars(extend("default" = {}))]
    experiments: BTreeMap<Name, Experiment>,
    /// What is counted. Anything else gets 400.
    #[serde(default)]
    #[schemars(extend("default" = "any"))]
    accept: Accept,
    /// Whether events of known crawlers are answered and not counted.
    #[serde(default = "yes")]
    #[schemars(extend("default" = true))]
    ignore_bots: bool,
    /// How many counters (experiment × event × variant) a namespace may have. An event that would
    /// make one more gets 429, so that no scanner fills the Redis.
    #[schemars(extend("default" = DEFAULT_MAX_COUNTERS))]
    max_counters: Option<Most>,
    /// What `lamed deploy` deploys, and how.
    #[serde(default)]
    aws: Aws,
    /// More functions and paths to the handlers, in Python lamed's shape. Ad-blockers, for one, may
    /// block a path with "track" in its name.
    #[serde(default)]
    #[schemars(extend("default" = []))]
    extra_wiring: Vec<Wiring>,
    /// The JSON Schema by which an editor completes and checks this file.
    #[serde(default, rename = "$schema")]
    #[schemars(with = "String")]
    _schema: Option<IgnoredAny>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Dedupe {
    /// As Python lamed does, which takes fifteen times the memory: for a Redis that both count on.
    Flags,
    /// Some 9 bytes for each event.
    #[default]
    Compact,
}

#[derive(Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Accept {
    /// All events.
    #[default]
    Any,
    /// Only the experiments, variants and goals of this file.
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

described!(
    Name,
    "A name: up to 200 bytes of any text without control characters.",
    json!({
        "type": "string",
        "maxLength": domain::Name::MAX_BYTES,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    })
);

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

described!(Expiry, "Seconds.", whole_number(1, MAX_WINDOW));

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

described!(Most, "A number of counters.", whole_number(1, MAX_COUNTERS));

#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "ExperimentShape")]
struct Experiment {
    control: Option<Name>,
    variants: BTreeMap<Name, u32>,
    goals: Vec<GoalShape>,
    minimum_effect: Option<f64>,
    unit: Unit,
}

/// A declared experiment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExperimentShape {
    /// The variant that others are compared with. Without one it is the first in natural order.
    control: Option<Name>,
    /// Variants by name, with their weights: whole numbers, of which at least one is above 0.
    #[serde(default, deserialize_with = "distinct")]
    #[schemars(extend("default" = {}))]
    variants: BTreeMap<Name, u32>,
    /// The goals that visitors can reach. The first is the one that the verdict is about.
    #[serde(default)]
    #[schemars(extend("default" = []))]
    goals: Vec<GoalShape>,
    /// The smallest lift worth knowing of, as a share of the control's rate: 0.05 for 5 %.
    #[serde(default, deserialize_with = "share")]
    #[schemars(with = "f64", extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    minimum_effect: Option<f64>,
    /// Whom the experiment gives a variant and counts once: visitors, or users who are signed in.
    #[serde(default)]
    #[schemars(extend("default" = "visitor"))]
    unit: Unit,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unit {
    /// A browser. It draws a variant and remembers it. A person with two browsers is two visitors.
    #[default]
    Visitor,
    /// A user who is signed in, with the id that the page gives. All devices of a user show the same
    /// variant. Without an id the experiment does not start.
    User,
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
            if KEPT_BY_ALEPHBET.contains(&name.as_str()) {
                return Err(format!(
                    "AlephBet cannot count a goal `{name}`, because it keeps its own state under that \
                     name: rename the goal"
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
            unit: shape.unit,
        })
    }
}

/// `"sign up"`, or `{"name": "page view", "unique": false}`.
struct GoalShape(Goal);

impl JsonSchema for GoalShape {
    fn schema_name() -> Cow<'static, str> {
        "Goal".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (name, full) = (
            generator.subschema_for::<Name>(),
            generator.subschema_for::<FullGoal>(),
        );
        json_schema!({
            "description": "A goal's name, or an object: for a goal that a visitor may reach again and again, or of which less is better.",
            "anyOf": [name, full],
        })
    }
}

/// A goal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FullGoal {
    /// What the event is called.
    name: Name,
    /// Whether it is counted once a visitor. A goal that is not is shown as a number for each
    /// participant, not as a percentage.
    #[serde(default = "yes")]
    #[schemars(extend("default" = true))]
    unique: bool,
    /// Whether a higher or a lower rate is the better one: "lower" for goals such as "unsubscribed".
    #[serde(default)]
    #[schemars(extend("default" = "higher"))]
    better: Better,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Better {
    /// The more visitors reach the goal, the better.
    #[default]
    Higher,
    /// The fewer, the better.
    Lower,
}

impl From<Better> for domain::Better {
    fn from(better: Better) -> Self {
        match better {
            Better::Higher => Self::Higher,
            Better::Lower => Self::Lower,
        }
    }
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
                Ok(FullGoal {
                    name,
                    unique: true,
                    better: Better::default(),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FullGoal, A::Error> {
                FullGoal::deserialize(MapAccessDeserializer::new(map))
            }
        }
        let FullGoal {
            name: Name(name),
            unique,
            better,
        } = deserializer.deserialize_any(Shape)?;
        Ok(Self(Goal {
            name,
            unique,
            better: better.into(),
        }))
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
                    unit: match experiment.unit {
                        Unit::Visitor => domain::Unit::Visitor,
                        Unit::User => domain::Unit::User,
                    },
                })
                .collect(),
            wiring,
            aws: file.aws,
            warnings,
        }
    }
}
