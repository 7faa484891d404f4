//! The JSON in which the settings travel.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Door, ExtraRoute, Settings, SettingsError, Store};
use crate::domain::{Name, Secret};
use crate::store::{
    Counting, DEFAULT_MAX_COUNTERS, DEFAULT_MAX_NAMESPACES, DEFAULT_MAX_VARIANTS, Dedupe, Pem,
    RedisSettings, Server, Tls, UnreadablePem,
};

/// The settings. Times are seconds.
#[derive(Serialize, Deserialize)]
pub(super) struct Json {
    namespace: String,
    /// A Redis; else there is a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<JsonServer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
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
    /// Written only where it is not what holds without it.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    ignore_bots: bool,
    /// `null` remembers for ever, which no missing key may mean.
    #[serde(deserialize_with = "required")]
    window: Option<f64>,
    timeout: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    door: Option<JsonDoor>,
}

#[derive(Serialize, Deserialize)]
struct JsonDoor {
    key: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    routes: Vec<ExtraRoute>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonDedupe {
    Flags,
    #[default]
    Compact,
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

impl Json {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let counting = settings.store.counting();
        let (window, timeout) = match &settings.store {
            Store::Redis(redis) => (counting.window, redis.timeout),
            Store::DynamoDb { timeout, .. } => (counting.window, *timeout),
        };
        let json = Self {
            namespace: settings.namespace.to_string(),
            server: None,
            table: None,
            username: None,
            password: None,
            db: 0,
            cluster: false,
            nodes: Vec::new(),
            dedupe: match counting.dedupe {
                Dedupe::Flags => JsonDedupe::Flags,
                Dedupe::Compact => JsonDedupe::Compact,
            },
            max_counters: counting.max_counters,
            max_namespaces: counting.max_namespaces,
            max_variants: counting.max_variants,
            ignore_bots: settings.ignore_bots,
            window: window.map(|window| window.as_secs_f64()),
            timeout: timeout.as_secs_f64(),
            door: settings.door.as_ref().map(|door| JsonDoor {
                key: door.key.reveal().to_owned(),
                routes: door.routes.clone(),
            }),
        };
        match &settings.store {
            Store::Redis(redis) => json.over(redis),
            Store::DynamoDb { table, .. } => Ok(Self {
                table: Some(table.clone()),
                ..json
            }),
        }
    }

    /// The same over a Redis.
    fn over(self, redis: &RedisSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            server: Some(match &redis.server {
                Server::Unix(path) => JsonServer::Unix(path.clone()),
                Server::Tcp { host, port, tls } => JsonServer::Tcp {
                    host: host.clone(),
                    port: *port,
                    tls: tls.as_ref().map(JsonTls::of).transpose()?,
                },
            }),
            username: redis.username.clone(),
            password: (redis.password.as_ref()).map(|password| password.reveal().to_owned()),
            db: redis.db,
            cluster: redis.cluster,
            nodes: redis.nodes.clone(),
            ..self
        })
    }

    pub(super) fn settings(self) -> Result<Settings, SettingsError> {
        let time = |seconds| Duration::try_from_secs_f64(seconds).map_err(|_| SettingsError::Time);
        let namespace = Name::new(self.namespace)?;
        let counting = Counting {
            window: self.window.map(time).transpose()?,
            dedupe: match self.dedupe {
                JsonDedupe::Flags => Dedupe::Flags,
                JsonDedupe::Compact => Dedupe::Compact,
            },
            max_counters: self.max_counters,
            max_namespaces: self.max_namespaces,
            max_variants: self.max_variants,
        };
        let timeout = time(self.timeout)?;
        let store = match (self.server, self.table) {
            (Some(server), _) => Store::Redis(RedisSettings {
                server: server.server(),
                username: self.username,
                password: self.password.map(Secret::new),
                db: self.db,
                cluster: self.cluster,
                nodes: self.nodes,
                counting,
                timeout,
            }),
            (None, Some(table)) => Store::DynamoDb {
                table,
                counting,
                timeout,
            },
            (None, None) => return Err(SettingsError::NoStore),
        };
        Ok(Settings {
            namespace,
            ignore_bots: self.ignore_bots,
            door: self.door.map(|door| Door {
                key: Secret::new(door.key),
                routes: door.routes,
            }),
            store,
        })
    }
}

impl JsonServer {
    fn server(self) -> Server {
        match self {
            Self::Unix(path) => Server::Unix(path),
            Self::Tcp { host, port, tls } => Server::Tcp {
                host,
                port,
                tls: tls.map(JsonTls::tls),
            },
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
