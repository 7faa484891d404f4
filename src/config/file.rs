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
use crate::domain::{self, Declared, ERROR, Goal, PARTICIPATE};
use crate::store::{
    Counting, DEFAULT_MAX_COUNTERS, DEFAULT_MAX_NAMESPACES, DEFAULT_MAX_VARIANTS, DEFAULT_WINDOW,
    Dedupe as Form, Window,
};

/// The longest window in seconds: a hundred years.
const MAX_WINDOW: u64 = 100 * 366 * 24 * 60 * 60;

/// The highest limit that may be set.
const MAX_LIMIT: u64 = 1_000_000_000;

/// Under `EXPERIMENT:NAME` AlephBet keeps what it knows of the visitor, and that a goal was reached:
/// a goal of such a name would count as reached from the start.
const KEPT_BY_ALEPHBET: [&str; 2] = ["variant", "in_sample"];

/// The config file of lamed, an A/B-testing backend. All keys are optional. Unknown keys are an error.
// The doc comments of this room's shapes are for the file's author, too: they go into the JSON Schema
// and into lamed-config(5).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "lamed config")]
pub(super) struct File {
    /// The Redis or Valkey that stores the counts: the options of redis-py, or a `url`.
    redis: Option<Redis>,
    /// The namespace of events that do not name a namespace.
    #[serde(default = "default_namespace")]
    #[schemars(extend("default" = DEFAULT_NAMESPACE))]
    namespace: Name,
    /// How long an event is remembered, in seconds, so as not to count it again. `null` is for ever.
    /// With `"dedupe": "flags"` the default is 86400 (a day), as in Python lamed. Systems that share a
    /// Redis must share it.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Expiry>", extend("default" = DEFAULT_WINDOW.as_secs()))]
    uuid_expiry_seconds: Option<Option<Expiry>>,
    /// How a Redis remembers idempotency keys.
    #[serde(default)]
    #[schemars(extend("default" = "compact"))]
    dedupe: Dedupe,
    /// Experiments by name. `lamed snippet` includes declared experiments with their variants, weights
    /// and goals. Other experiments are counted too, unless `accept` is "declared".
    #[serde(default, deserialize_with = "distinct")]
    #[schemars(with = "BTreeMap<Name, ExperimentSection>", extend("default" = {}))]
    experiments: Vec<(Name, ExperimentSection)>,
    /// Which events are counted. Other events get 400.
    #[serde(default)]
    #[schemars(extend("default" = "any"))]
    accept: Accept,
    /// Whether to ignore the events of known crawlers: they get an answer but are not counted.
    #[serde(default = "yes")]
    #[schemars(extend("default" = true))]
    ignore_bots: bool,
    /// The highest number of counters (experiment × event × variant) in a namespace. An event that
    /// would create one more gets 429, so that scanners cannot fill the Redis.
    #[schemars(extend("default" = DEFAULT_MAX_COUNTERS))]
    max_counters: Option<Most>,
    /// The highest number of namespaces that events may create in a store, in addition to `namespace`. An
    /// event that would create one more gets 429. A namespace with counters is always counted.
    #[schemars(extend("default" = DEFAULT_MAX_NAMESPACES))]
    max_namespaces: Option<Most>,
    /// The highest number of variants of an experiment. An event that would create one more gets 429.
    /// Variants that `experiments` declares are always counted.
    #[schemars(extend("default" = DEFAULT_MAX_VARIANTS))]
    max_variants: Option<Most>,
    /// The settings for `lamed deploy`.
    #[serde(default)]
    aws: Aws,
    /// More functions and paths for the handlers, in the format of Python lamed. For example, an ad
    /// blocker may block a path with "track" in its name.
    #[serde(default)]
    #[schemars(extend("default" = []))]
    extra_wiring: Vec<Wiring>,
    /// The JSON Schema that editors use to complete and check this file.
    #[serde(default, rename = "$schema")]
    #[schemars(with = "String")]
    _schema: Option<IgnoredAny>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Dedupe {
    /// As Python lamed does, with fifteen times the memory. Use it for a Redis that both write to.
    Flags,
    /// About 9 bytes for each event.
    #[default]
    Compact,
}

#[derive(Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Accept {
    /// All events.
    #[default]
    Any,
    /// Events with an experiment, variant and goal of this file.
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
    "A name of at most 200 bytes, without control characters.",
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
        let forever = " or null (remember forever)";
        let seconds = whole(deserializer, 1..=MAX_WINDOW, forever)?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

described!(Expiry, "Seconds.", whole_number(1, MAX_WINDOW));

/// Tells `null` from a missing key.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Expiry>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// How many there may be of something.
struct Most(u64);

impl Most {
    fn or(limit: Option<Self>, default: u64) -> u64 {
        limit.map_or(default, |Self(most)| most)
    }
}

impl<'de> Deserialize<'de> for Most {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 1..=MAX_LIMIT, "").map(Self)
    }
}

described!(Most, "A limit.", whole_number(1, MAX_LIMIT));

#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "ExperimentShape")]
struct ExperimentSection {
    control: Option<Name>,
    /// As they are written: JavaScript assigns variants in this order.
    variants: Vec<(Name, u32)>,
    goals: Vec<GoalShape>,
    minimum_effect: Option<f64>,
    unit: Unit,
}

/// A declared experiment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExperimentShape {
    /// The variant that others are compared with. Without it, the control is the first variant in natural
    /// order.
    control: Option<Name>,
    /// Variants by name, with their weights. Weights are whole numbers; at least one must be above 0.
    #[serde(default, deserialize_with = "distinct")]
    #[schemars(with = "BTreeMap<Name, u32>", extend("default" = {}))]
    variants: Vec<(Name, u32)>,
    /// The goals that visitors can reach. The verdict is about the first goal.
    #[serde(default)]
    #[schemars(extend("default" = []))]
    goals: Vec<GoalShape>,
    /// The smallest lift that matters to you, relative to the rate of the control: 0.05 means 5 %.
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

impl TryFrom<ExperimentShape> for ExperimentSection {
    type Error = String;

    fn try_from(shape: ExperimentShape) -> Result<Self, String> {
        if !shape.variants.is_empty() && shape.variants.iter().all(|(_, weight)| *weight == 0) {
            return Err("all weights are 0: at least one must be above 0".to_owned());
        }
        for (position, GoalShape(Goal { name, .. })) in shape.goals.iter().enumerate() {
            if name.as_str() == PARTICIPATE {
                return Err(format!(
                    "`{name}` is the event of participants: rename the goal"
                ));
            }
            if name.as_str() == ERROR {
                return Err(format!(
                    "`{name}` is the event of errors in pages: rename the goal"
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
                return Err(format!("duplicate goal `{name}`"));
            }
        }
        if let Some(Name(control)) = &shape.control
            && !shape.variants.is_empty()
            && !shape
                .variants
                .iter()
                .any(|(Name(variant), _)| variant == control)
        {
            return Err(format!(
                "the control `{control}` is not one of the `variants`"
            ));
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
    /// The name of the goal, which is the name of its event.
    name: Name,
    /// Whether the goal is counted once per visitor. If not, results show a number per participant
    /// instead of a percentage.
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
                f.write_str(r#"a goal name or {"name": "…", "unique": false}"#)
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
    fn from(mut file: File) -> Self {
        file.experiments
            .sort_by(|(Name(a), _), (Name(b), _)| a.cmp(b));
        let dedupe = match file.dedupe {
            Dedupe::Flags => Form::Flags,
            Dedupe::Compact => Form::Compact,
        };
        let window: Window = match file.uuid_expiry_seconds {
            None => Some(dedupe.default_window()),
            Some(given) => given.map(|Expiry(window)| window),
        };
        let counting = Counting {
            window,
            dedupe,
            max_counters: Most::or(file.max_counters, DEFAULT_MAX_COUNTERS),
            max_namespaces: Most::or(file.max_namespaces, DEFAULT_MAX_NAMESPACES),
            max_variants: Most::or(file.max_variants, DEFAULT_MAX_VARIANTS),
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
