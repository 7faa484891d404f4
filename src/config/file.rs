//! The shape of the file.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::json;

use super::aws::Aws;
use super::experiments::Experiments;
use super::redis::Redis;
use super::schema::{described, whole_number};
use super::value::{text, whole};
use super::wiring::Wiring;
use super::{Config, DEFAULT_NAMESPACE};
use crate::domain;
use crate::store::{
    Counting, DEFAULT_MAX_COUNTERS, DEFAULT_MAX_NAMESPACES, DEFAULT_MAX_VARIANTS, DEFAULT_WINDOW,
    Dedupe as Form, Window,
};

/// The longest window in seconds: a hundred years.
const MAX_WINDOW: u64 = 100 * 366 * 24 * 60 * 60;

/// The highest limit that may be set.
const MAX_LIMIT: u64 = 1_000_000_000;

/// The config file of lamed, an A/B-testing backend. All keys are optional. Unknown keys are an error.
// The doc comments of this room's shapes are for the file's author, too: they go into the JSON Schema
// and into lamed-config(5).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "lamed config")]
pub(super) struct File {
    /// The Redis or Valkey that stores the counts. Write a `url`, or the options of redis-py (a Python library).
    redis: Option<Redis>,
    /// A namespace is a separate set of experiments with its own counts. Events that do not name a namespace belong
    /// to this one.
    #[serde(default = "default_namespace")]
    #[schemars(extend("default" = DEFAULT_NAMESPACE))]
    namespace: Name,
    /// How many seconds lamed remembers an event, so that it counts only once. `null` means forever.
    /// Events with `"unit": "user"` are remembered until you delete the experiment. With `"dedupe": "flags"` the
    /// default is 86400 (a day), as in Python lamed. All systems that use the same Redis must have the same value.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Expiry>", extend("default" = DEFAULT_WINDOW.as_secs()))]
    uuid_expiry_seconds: Option<Option<Expiry>>,
    /// How a Redis remembers the idempotency keys, which make each event count once.
    #[serde(default)]
    #[schemars(extend("default" = "compact"))]
    dedupe: Dedupe,
    /// Experiments by name. `lamed snippet` includes declared experiments with their variants, weights
    /// and goals. Other experiments are counted too, unless `accept` is "declared".
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    experiments: Experiments,
    /// Which events are counted. Other events get 400.
    #[serde(default)]
    #[schemars(extend("default" = "any"))]
    accept: Accept,
    /// Whether to ignore the events of known crawlers. They get an answer but are not counted.
    #[serde(default = "yes")]
    #[schemars(extend("default" = true))]
    ignore_bots: bool,
    /// The highest number of counters (experiment × event × variant) in a namespace. An event that
    /// would create one more gets 429, so that invented names cannot fill the store.
    #[schemars(extend("default" = DEFAULT_MAX_COUNTERS))]
    max_counters: Option<Most>,
    /// The highest number of namespaces that events may create in a store, in addition to `namespace`. An
    /// event that would create one more gets 429. This limit does not affect namespaces that already have counters.
    #[schemars(extend("default" = DEFAULT_MAX_NAMESPACES))]
    max_namespaces: Option<Most>,
    /// The highest number of variants of an experiment. An event that would create one more gets 429.
    /// This limit does not affect variants that `experiments` declares.
    #[schemars(extend("default" = DEFAULT_MAX_VARIANTS))]
    max_variants: Option<Most>,
    /// The settings for `lamed deploy`.
    #[serde(default)]
    aws: Aws,
    /// More paths for the API, each with the function behind it, in the format of Python lamed. You need
    /// them, for example, if ad blockers block a path with "track" in its name.
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
    /// The format of Python lamed. It needs fifteen times the memory. Use it if Python lamed writes to the
    /// same Redis.
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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(pub domain::Name);

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

pub(super) fn name(text: &str) -> Result<Name, String> {
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

fn yes() -> bool {
    true
}

impl From<File> for Config {
    fn from(file: File) -> Self {
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
            accept: match file.accept {
                Accept::Any => domain::Accept::Any,
                Accept::Declared => domain::Accept::Declared,
            },
            ignore_bots: file.ignore_bots,
            experiments: file.experiments.declared(),
            wiring,
            aws: file.aws,
            warnings,
        }
    }
}
