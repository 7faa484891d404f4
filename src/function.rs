//! What `lamed deploy` and the Lambda function agree on: the function's settings, which travel in
//! one environment variable.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{Name, NameError, Secret};
use crate::store::{
    Counting, DEFAULT_MAX_COUNTERS, DEFAULT_MAX_NAMESPACES, DEFAULT_MAX_VARIANTS, Dedupe, Pem,
    RedisSettings, Server, Tls, UnreadablePem,
};

/// The environment variable that holds the [`Settings`].
pub const SETTINGS: &str = "LAMED_SETTINGS";

/// The file beside the function's program that holds the declared experiments, for the functions that need them.
/// They have no room in a variable.
pub const EXPERIMENTS: &str = "experiments.json";

/// The file beside the function's program that holds a script compressed, by the `ETag` of the script: one that is not of
/// the present experiments is not found.
#[must_use]
pub fn compressed(tag: &str) -> String {
    format!("{}.gz", tag.trim_matches('"'))
}

/// The longest JSON, in bytes. Lambda allows 4 KB (4,096 bytes) for the names and values of all
/// variables of a function together ("Lambda quotas", AWS documentation).
const MAX_BYTES: usize = 4000;

/// All that the Lambda function has to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub store: Store,
    /// What requests mean that name no namespace.
    pub namespace: Name,
    /// Whether events of crawlers are not counted.
    pub ignore_bots: bool,
    /// What the function behind a function URL has to know beside.
    pub door: Option<Door>,
}

/// Where a function counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Store {
    Redis(RedisSettings),
    /// A table of DynamoDB in the function's region.
    DynamoDb {
        table: String,
        counting: Counting,
        timeout: Duration,
    },
}

impl Store {
    /// How events are counted.
    #[must_use]
    pub fn counting(&self) -> Counting {
        match self {
            Self::Redis(redis) => redis.counting,
            Self::DynamoDb { counting, .. } => *counting,
        }
    }
}

/// What no gateway does for the function behind a function URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Door {
    /// The API key, which reading and deleting require.
    pub key: Secret,
    /// The routes beside those that every deployment has.
    pub routes: Vec<ExtraRoute>,
}

/// The API key in the settings of a function behind a function URL, whatever build wrote them.
#[must_use]
pub fn key_in(settings: &Secret) -> Option<Secret> {
    let settings: serde_json::Value = serde_json::from_str(settings.reveal()).ok()?;
    settings["door"]["key"].as_str().map(Secret::new)
}

/// Whether a function with these settings counts in a table of DynamoDB, whatever build wrote them.
#[must_use]
pub fn counts_in_a_table(settings: &Secret) -> Option<bool> {
    let settings: serde_json::Value = serde_json::from_str(settings.reveal()).ok()?;
    Some(settings["table"].is_string())
}

/// A route as `extra_wiring` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraRoute {
    pub path: String,
    /// `GET`
    pub method: String,
    /// `lamed.track`
    pub handler: String,
    pub key_required: bool,
}

/// Why settings cannot be written for a function, or read by it. Never repeats a value: any of
/// them may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Pem(#[from] UnreadablePem),
    #[error(
        "the settings of the function need {0} bytes, but Lambda allows {MAX_BYTES}: use short certificates, \
         for example with elliptic curves"
    )]
    TooLong(usize),
    #[error("a path in the settings is not UTF-8")]
    Path,
    #[error("{SETTINGS} is not the JSON that `lamed deploy` writes (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error("{SETTINGS}: the namespace {0}")]
    Namespace(#[from] NameError),
    #[error("{SETTINGS} names no store")]
    NoStore,
    #[error("{SETTINGS}: a time is negative or too long")]
    Time,
}

impl Settings {
    /// The settings as compact JSON, PEM files by their text.
    ///
    /// # Errors
    /// When a PEM file cannot be read, or the JSON has no room in a function's environment.
    pub fn to_json(&self) -> Result<Secret, SettingsError> {
        let json = serde_json::to_string(&Json::of(self)?).map_err(|_| SettingsError::Path)?;
        if json.len() > MAX_BYTES {
            return Err(SettingsError::TooLong(json.len()));
        }
        Ok(Secret::new(json))
    }

    /// Reads what [`Settings::to_json`] wrote. Keys that are not known are ignored: while a deploy is
    /// under way an older function may be given the settings of a newer one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_json(json: &str) -> Result<Self, SettingsError> {
        let json: Json = serde_json::from_str(json).map_err(|error| SettingsError::Json {
            line: error.line(),
            column: error.column(),
        })?;
        json.settings()
    }
}

/// The JSON's shape. Times are seconds.
#[derive(Serialize, Deserialize)]
struct Json {
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
    fn of(settings: &Settings) -> Result<Self, SettingsError> {
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

    fn settings(self) -> Result<Settings, SettingsError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(server: Server) -> Settings {
        Settings {
            store: Store::Redis(RedisSettings::new(server)),
            namespace: Name::stored("alephbet".to_owned()),
            ignore_bots: true,
            door: None,
        }
    }

    fn over_tls(tls: Tls) -> Settings {
        let redis = RedisSettings {
            username: Some("lamed".to_owned()),
            password: Some(Secret::new("s3cret \"quoted\"")),
            db: 3,
            cluster: true,
            nodes: vec![("other.example".to_owned(), 6381)],
            counting: Counting {
                window: None,
                dedupe: Dedupe::Flags,
                max_counters: 7,
                max_namespaces: 8,
                max_variants: 9,
            },
            timeout: Duration::from_millis(1500),
            ..RedisSettings::new(Server::Tcp {
                host: "cache.example".to_owned(),
                port: 6380,
                tls: Some(tls),
            })
        };
        Settings {
            store: Store::Redis(redis),
            namespace: Name::stored("shop ä".to_owned()),
            ignore_bots: false,
            door: Some(Door {
                key: Secret::new("s3cret key"),
                routes: vec![ExtraRoute {
                    path: "hello".to_owned(),
                    method: "GET".to_owned(),
                    handler: "lamed.track".to_owned(),
                    key_required: false,
                }],
            }),
        }
    }

    fn over_a_table() -> Settings {
        Settings {
            store: Store::DynamoDb {
                table: "lamed".to_owned(),
                counting: Counting {
                    window: None,
                    max_variants: 9,
                    ..Counting::default()
                },
                timeout: Duration::from_millis(1500),
            },
            ..over_tls(Tls::default())
        }
    }

    fn read_back(settings: &Settings) -> Settings {
        let json = settings.to_json().unwrap();
        assert!(!format!("{json:?} {settings:?}").contains("s3cret"));
        Settings::from_json(json.reveal()).unwrap()
    }

    #[test]
    fn settings_survive_the_way_into_the_function() {
        let text = |text: &str| Pem::Text(Secret::new(text));
        for settings in [
            settings(Server::Unix("/run/redis.sock".into())),
            settings(Server::Tcp {
                host: "localhost".to_owned(),
                port: 6379,
                tls: None,
            }),
            over_tls(Tls::default()),
            over_tls(Tls {
                ca: Some(text("authority\n")),
                client: Some((text("certificate\n"), text("s3cret key\n"))),
                accept_any: true,
                any_host_name: true,
            }),
            over_a_table(),
        ] {
            assert_eq!(read_back(&settings), settings);
        }
    }

    #[test]
    fn the_json_is_compact_and_stays_readable_for_other_versions() {
        let plain = settings(Server::Tcp {
            host: "h".to_owned(),
            port: 1,
            tls: None,
        });
        assert_eq!(
            plain.to_json().unwrap().reveal(),
            r#"{"namespace":"alephbet","server":{"tcp":{"host":"h","port":1}},"db":0,"cluster":false,"dedupe":"compact","max_counters":10000,"window":2592000.0,"timeout":2.0}"#
        );
        let newer = r#"{"namespace":"alephbet","server":{"tcp":{"host":"h","port":1,"tls":null,"new":1}},
            "window":2592000,"timeout":2,"dedupe":"compact"}"#;
        assert_eq!(Settings::from_json(newer).unwrap(), plain);
    }

    #[test]
    #[cfg(feature = "cli")] // for `tempfile`
    fn files_travel_by_their_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Pem::File(path)
        };
        let text = |text: &str| Pem::Text(Secret::new(text));
        let with = |ca, certificate, key| {
            over_tls(Tls {
                ca: Some(ca),
                client: Some((certificate, key)),
                ..Tls::default()
            })
        };
        let here = with(file("ca", "A"), file("crt", "B"), file("key", "C"));
        assert_eq!(read_back(&here), with(text("A"), text("B"), text("C")));

        let missing = Pem::File(folder.path().join("missing"));
        let error = with(missing, text("B"), text("C")).to_json().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot read `{}`: No such file or directory (os error 2)",
                folder.path().join("missing").display()
            )
        );
    }

    #[test]
    fn what_does_not_fit_or_cannot_be_read_is_said_in_one_line() {
        let long = over_tls(Tls {
            ca: Some(Pem::Text(Secret::new("x".repeat(4000)))),
            ..Tls::default()
        });
        let error = long.to_json().unwrap_err().to_string();
        assert!(
            error.starts_with("the settings of the function need 4473 bytes"),
            "{error}"
        );
        for (json, message) in [
            (
                "s3cret",
                "LAMED_SETTINGS is not the JSON that `lamed deploy` writes (line 1, column 1)",
            ),
            (
                r#"{"namespace":"n","server":{"unix":"/s"},"timeout":1}"#,
                "LAMED_SETTINGS is not the JSON that `lamed deploy` writes (line 1, column 52)",
            ),
            (
                r#"{"namespace":"n","timeout":1,"window":null}"#,
                "LAMED_SETTINGS names no store",
            ),
            (
                r#"{"namespace":"","server":{"unix":"/s"},"timeout":1,"window":null}"#,
                "LAMED_SETTINGS: the namespace is empty",
            ),
            (
                r#"{"namespace":"n","server":{"unix":"/s"},"timeout":-1,"window":null}"#,
                "LAMED_SETTINGS: a time is negative or too long",
            ),
        ] {
            assert_eq!(Settings::from_json(json).unwrap_err().to_string(), message);
        }
    }
}
