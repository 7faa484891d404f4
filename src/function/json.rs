//! The JSON of the settings.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Settings, SettingsError};
use crate::domain::{Accept, Better, Declared, Goal, Name, Secret, Unit};
use crate::store::{
    Counting, DEFAULT_MAX_COUNTERS, DEFAULT_MAX_NAMESPACES, DEFAULT_MAX_VARIANTS, Dedupe, Pem,
    RedisSettings, Server, Tls, UnreadablePem,
};

/// The JSON's shape. Times are seconds.
#[derive(Serialize, Deserialize)]
pub(super) struct Json {
    namespace: String,
    server: JsonServer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(default)]
    db: i64,
    #[serde(default)]
    cluster: bool,
    /// Other nodes of the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<(String, u16)>,
    #[serde(default)]
    dedupe: JsonDedupe,
    #[serde(default = "default_max_counters")]
    max_counters: u64,
    /// The other limits are written only where they are not the default ones.
    #[serde(
        default = "default_max_namespaces",
        skip_serializing_if = "is_default_max_namespaces"
    )]
    max_namespaces: u64,
    #[serde(
        default = "default_max_variants",
        skip_serializing_if = "is_default_max_variants"
    )]
    max_variants: u64,
    /// By experiment; where it is missing, all is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    declared: Option<Vec<JsonDeclared>>,
    /// By experiment, where all is counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) variants: BTreeMap<String, Vec<String>>,
    /// Written only where it is not what holds without it.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    ignore_bots: bool,
    /// `null` remembers for ever, which no missing key may mean.
    #[serde(deserialize_with = "required")]
    window: Option<f64>,
    timeout: f64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonDedupe {
    Flags,
    #[default]
    Compact,
}

/// Experiment, variants and goals: what else is declared is for reading.
#[derive(Serialize, Deserialize)]
pub(super) struct JsonDeclared(
    pub(super) String,
    pub(super) Vec<String>,
    pub(super) Vec<String>,
);

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_true(value: &bool) -> bool {
    *value
}

fn default_max_counters() -> u64 {
    DEFAULT_MAX_COUNTERS
}

fn default_max_namespaces() -> u64 {
    DEFAULT_MAX_NAMESPACES
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_default_max_namespaces(most: &u64) -> bool {
    *most == DEFAULT_MAX_NAMESPACES
}

fn default_max_variants() -> u64 {
    DEFAULT_MAX_VARIANTS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_default_max_variants(most: &u64) -> bool {
    *most == DEFAULT_MAX_VARIANTS
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonServer {
    Tcp {
        host: String,
        port: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tls: Option<JsonTls>,
    },
    Unix(std::path::PathBuf),
}

#[derive(Serialize, Deserialize)]
struct JsonTls {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    /// Certificate and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<(String, String)>,
    #[serde(default)]
    accept_any: bool,
    #[serde(default)]
    any_host_name: bool,
}

/// An `Option` whose key has to be there.
fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)
}

impl Json {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let redis = &settings.redis;
        Ok(Self {
            namespace: settings.namespace.to_string(),
            server: match &redis.server {
                Server::Unix(path) => JsonServer::Unix(path.clone()),
                Server::Tcp { host, port, tls } => JsonServer::Tcp {
                    host: host.clone(),
                    port: *port,
                    tls: tls.as_ref().map(JsonTls::of).transpose()?,
                },
            },
            username: redis.username.clone(),
            password: (redis.password.as_ref()).map(|password| password.reveal().to_owned()),
            db: redis.db,
            cluster: redis.cluster,
            nodes: redis.nodes.clone(),
            dedupe: match redis.counting.dedupe {
                Dedupe::Flags => JsonDedupe::Flags,
                Dedupe::Compact => JsonDedupe::Compact,
            },
            max_counters: redis.counting.max_counters,
            max_namespaces: redis.counting.max_namespaces,
            max_variants: redis.counting.max_variants,
            variants: (settings.declared.iter())
                .map(|(experiment, variants)| {
                    let variants = variants.iter().map(Name::to_string).collect();
                    (experiment.to_string(), variants)
                })
                .collect(),
            declared: match &settings.accept {
                Accept::Any => None,
                Accept::Declared { experiments, .. } => {
                    Some(experiments.iter().map(JsonDeclared::of).collect())
                }
            },
            ignore_bots: settings.ignore_bots,
            window: redis.counting.window.map(|window| window.as_secs_f64()),
            timeout: redis.timeout.as_secs_f64(),
        })
    }

    pub(super) fn settings(self) -> Result<Settings, SettingsError> {
        let time = |seconds| Duration::try_from_secs_f64(seconds).map_err(|_| SettingsError::Time);
        let namespace = Name::new(self.namespace)?;
        Ok(Settings {
            accept: match self.declared {
                None => Accept::Any,
                Some(experiments) => Accept::Declared {
                    namespace: namespace.clone(),
                    experiments: (experiments.into_iter())
                        .map(JsonDeclared::declared)
                        .collect(),
                },
            },
            declared: (self.variants.into_iter())
                .map(|(experiment, variants)| {
                    let variants = variants.into_iter().map(Name::stored).collect();
                    (Name::stored(experiment), variants)
                })
                .collect(),
            namespace,
            ignore_bots: self.ignore_bots,
            redis: RedisSettings {
                server: match self.server {
                    JsonServer::Unix(path) => Server::Unix(path),
                    JsonServer::Tcp { host, port, tls } => Server::Tcp {
                        host,
                        port,
                        tls: tls.map(JsonTls::tls),
                    },
                },
                username: self.username,
                password: self.password.map(Secret::new),
                db: self.db,
                cluster: self.cluster,
                nodes: self.nodes,
                counting: Counting {
                    window: self.window.map(time).transpose()?,
                    dedupe: match self.dedupe {
                        JsonDedupe::Flags => Dedupe::Flags,
                        JsonDedupe::Compact => Dedupe::Compact,
                    },
                    max_counters: self.max_counters,
                    max_namespaces: self.max_namespaces,
                    max_variants: self.max_variants,
                },
                timeout: time(self.timeout)?,
            },
        })
    }
}

impl JsonDeclared {
    fn of(declared: &Declared) -> Self {
        Self(
            declared.name.to_string(),
            (declared.variants.iter())
                .map(|(variant, _)| variant.to_string())
                .collect(),
            (declared.goals.iter())
                .map(|goal| goal.name.to_string())
                .collect(),
        )
    }

    /// Without what is for reading.
    pub(super) fn declared(self) -> Declared {
        let Self(name, variants, goals) = self;
        Declared {
            name: Name::stored(name),
            control: None,
            variants: (variants.into_iter())
                .map(|variant| (Name::stored(variant), 1))
                .collect(),
            goals: (goals.into_iter())
                .map(|goal| Goal {
                    name: Name::stored(goal),
                    unique: true,
                    better: Better::default(),
                })
                .collect(),
            minimum_effect: None,
            unit: Unit::default(),
        }
    }
}

impl JsonTls {
    fn of(tls: &Tls) -> Result<Self, UnreadablePem> {
        let read = |pem: &Pem| Ok::<_, UnreadablePem>(pem.read()?.reveal().to_owned());
        Ok(Self {
            ca: tls.ca.as_ref().map(read).transpose()?,
            client: match &tls.client {
                None => None,
                Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
            },
            accept_any: tls.accept_any,
            any_host_name: tls.any_host_name,
        })
    }

    fn tls(self) -> Tls {
        let text = |text| Pem::Text(Secret::new(text));
        Tls {
            ca: self.ca.map(text),
            client: (self.client).map(|(certificate, key)| (text(certificate), text(key))),
            accept_any: self.accept_any,
            any_host_name: self.any_host_name,
        }
    }
}
