//! The `redis` section: what redis-py's `Redis(**redis)` takes, and a little more.

mod values;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{self, Deserializer, Error, IgnoredAny, MapAccess};
use serde_json::json;

use self::values::{CertReqs, Db, Host, Node, Port, Seconds, Text, Truth, Url};
use crate::domain::Secret;
use crate::store::{DEFAULT_TIMEOUT, Pem, RedisSettings, Server, Tls};

/// As redis-py has them.
const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 6379;

const KNOWN: &[&str] = &[
    "url",
    "host",
    "port",
    "db",
    "username",
    "password",
    "unix_socket_path",
    "cluster",
    "nodes",
    "ssl",
    "ssl_ca_certs",
    "ssl_cert_reqs",
    "ssl_check_hostname",
    "ssl_certfile",
    "ssl_keyfile",
    "socket_timeout",
    "socket_connect_timeout",
];

/// What redis-py knows and lamed has no need of.
const IGNORED: &[&str] = &[
    "auto_close_connection_pool",
    "cache",
    "cache_config",
    "charset",
    "client_name",
    "connection_pool",
    "credential_provider",
    "decode_responses",
    "encoding",
    "encoding_errors",
    "errors",
    "event_dispatcher",
    "health_check_interval",
    "lib_name",
    "lib_version",
    "max_connections",
    "protocol",
    "redis_connect_func",
    "retry",
    "retry_on_error",
    "retry_on_timeout",
    "single_connection_client",
    "socket_keepalive",
    "socket_keepalive_options",
    "socket_read_size",
    "ssl_ca_data",
    "ssl_ca_path",
    "ssl_ciphers",
    "ssl_min_version",
    "ssl_ocsp_context",
    "ssl_ocsp_expected_cert",
    "ssl_password",
    "ssl_validate_ocsp",
    "ssl_validate_ocsp_stapled",
];

/// The section, read.
pub(super) struct Redis {
    pub settings: RedisSettings,
    pub warnings: Vec<String>,
}

impl<'de> Deserialize<'de> for Redis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Visitor)
    }
}

/// Reads key by key, so that an error knows its line.
struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Redis;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Redis, A::Error> {
        let mut keys = Keys::default();
        let mut warnings = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "url" => keys.url = map.next_value()?,
                "host" => keys.host = map.next_value()?,
                "port" => keys.port = map.next_value()?,
                "db" => keys.db = map.next_value()?,
                "username" => keys.username = map.next_value()?,
                "password" => keys.password = map.next_value()?,
                "unix_socket_path" => keys.unix_socket_path = map.next_value()?,
                "ssl" => keys.ssl = map.next_value::<Truth>()?.0,
                "ssl_ca_certs" => keys.ca_certs = map.next_value()?,
                // `null` is redis-py's `CERT_NONE`.
                "ssl_cert_reqs" => {
                    keys.accept_any = map
                        .next_value::<Option<CertReqs>>()?
                        .is_none_or(|CertReqs { accept_any }| accept_any);
                }
                "ssl_check_hostname" => keys.any_host_name = !map.next_value::<Truth>()?.0,
                "ssl_certfile" => keys.certfile = map.next_value()?,
                "ssl_keyfile" => keys.keyfile = map.next_value()?,
                "socket_timeout" => keys.timeout = map.next_value()?,
                // Connecting is part of each call's time.
                "socket_connect_timeout" => {
                    map.next_value::<Option<Seconds>>()?;
                }
                "cluster" => keys.cluster = Some(map.next_value::<Truth>()?.0),
                "nodes" => keys.nodes = map.next_value()?,
                ignored if IGNORED.contains(&ignored) => {
                    map.next_value::<IgnoredAny>()?;
                    warnings.push(format!(
                        "`redis.{ignored}` is ignored: lamed does not use this option of redis-py"
                    ));
                }
                unknown => return Err(A::Error::unknown_field(unknown, KNOWN)),
            }
        }
        let settings = keys.settings().map_err(A::Error::custom)?;
        Ok(Redis { settings, warnings })
    }
}

/// The Redis or Valkey that stores the counts. Write a `url`, or the options of redis-py (a Python library).
#[derive(Default, JsonSchema)]
struct Keys {
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…` with TLS, or
    /// `redis+unix:///PATH[?db=DB]`. Do not use it with `host`, `port`, `ssl` or `unix_socket_path`.
    url: Option<Url>,
    /// The name or address of the Redis.
    #[schemars(extend("default" = DEFAULT_HOST))]
    host: Option<Host>,
    /// The port of the Redis.
    #[schemars(extend("default" = DEFAULT_PORT))]
    port: Option<Port>,
    /// The number of the database in the Redis.
    #[schemars(extend("default" = 0))]
    db: Option<Db>,
    /// The name of the Redis user. Leave it empty for no user.
    username: Option<Text>,
    /// The password of the Redis. Leave it empty for no password.
    password: Option<Text>,
    /// The path of a Unix socket on this machine. Do not use it with `host`.
    unix_socket_path: Option<PathBuf>,
    /// Whether the Redis is a node of a Redis Cluster. lamed finds the other nodes through it.
    #[schemars(with = "Truth", extend("default" = false))]
    cluster: Option<bool>,
    /// Nodes of a Redis Cluster, each as `HOST:PORT`. lamed starts with one that answers, and finds the other nodes
    /// through it. Do not use it with `host`, `port` or `url`. You do not have to set `cluster`.
    #[schemars(length(min = 1))]
    nodes: Option<Vec<Node>>,
    /// Whether to connect with TLS.
    #[schemars(with = "Truth", extend("default" = false))]
    ssl: bool,
    /// A PEM file with the certificate authorities to trust, instead of those of the system.
    #[schemars(rename = "ssl_ca_certs")]
    ca_certs: Option<PathBuf>,
    /// Whether to check the certificate of the Redis. `required` and `optional` check it. `none` and `null` accept any
    /// certificate, so an attacker in the network can pretend to be the Redis.
    #[schemars(rename = "ssl_cert_reqs", with = "Option<CertReqs>", extend("default" = "required"))]
    accept_any: bool,
    /// Whether the certificate must be for the host name that lamed connects to.
    #[schemars(rename = "ssl_check_hostname", with = "Truth", extend("default" = true))]
    any_host_name: bool,
    /// A PEM file with a client certificate. `ssl_keyfile` is required with it.
    #[schemars(rename = "ssl_certfile")]
    certfile: Option<PathBuf>,
    /// A PEM file with the key of the client certificate.
    #[schemars(rename = "ssl_keyfile")]
    keyfile: Option<PathBuf>,
    /// The longest time for a call to the Redis, in seconds. It includes the time to connect.
    #[schemars(rename = "socket_timeout", extend("default" = DEFAULT_TIMEOUT.as_secs_f64()))]
    timeout: Option<Seconds>,
}

impl JsonSchema for Redis {
    fn schema_name() -> Cow<'static, str> {
        "Redis".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Keys::json_schema(generator);
        // All are optional: the derived list takes those that are no `Option` for required.
        schema.remove("required");
        schema.insert("additionalProperties".to_owned(), false.into());
        let keys = schema
            .ensure_object()
            .entry("properties")
            .or_insert_with(|| json!({}));
        keys["socket_connect_timeout"] = json!({
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "description": "Accepted but ignored: `socket_timeout` includes the time to connect.",
        });
        for ignored in IGNORED {
            keys[*ignored] = json!({
                "description": "An option of redis-py. lamed ignores it.",
                "deprecated": true,
            });
        }
        schema
    }
}

impl Keys {
    /// The nodes of a cluster, which stand in the place of all other addresses.
    fn nodes(&mut self) -> Result<Vec<Node>, String> {
        let Some(nodes) = self.nodes.take() else {
            return Ok(Vec::new());
        };
        for (key, given) in [
            ("url", self.url.is_some()),
            ("host", self.host.is_some()),
            ("port", self.port.is_some()),
            ("unix_socket_path", self.unix_socket_path.is_some()),
        ] {
            if given {
                return Err(format!(
                    "`redis.nodes` and `redis.{key}` cannot be used together: remove one of them"
                ));
            }
        }
        if self.cluster == Some(false) {
            return Err("`redis.nodes` are nodes of a cluster: remove `redis.cluster`".to_owned());
        }
        if nodes.is_empty() {
            return Err("`redis.nodes` is empty: name at least one node as `HOST:PORT`".to_owned());
        }
        Ok(nodes)
    }

    fn settings(mut self) -> Result<RedisSettings, String> {
        let mut nodes = self.nodes()?.into_iter();
        if let Some(Node(host, port)) = nodes.next() {
            (self.host, self.port) = (Some(Host(host)), Some(Port(port)));
            self.cluster = Some(true);
        }
        if self.url.is_some() {
            for (key, given) in [
                ("host", self.host.is_some()),
                ("port", self.port.is_some()),
                ("ssl", self.ssl),
                ("unix_socket_path", self.unix_socket_path.is_some()),
            ] {
                if given {
                    return Err(format!(
                        "`redis.url` and `redis.{key}` cannot be used together: remove one of them"
                    ));
                }
            }
        }
        let mut settings = match (self.url, self.unix_socket_path) {
            (Some(Url(settings)), _) => *settings,
            (None, Some(path)) => RedisSettings::new(Server::Unix(path)),
            (None, None) => RedisSettings::new(Server::Tcp {
                host: (self.host).map_or_else(|| DEFAULT_HOST.to_owned(), |Host(host)| host),
                port: self.port.map_or(DEFAULT_PORT, |Port(port)| port),
                tls: self.ssl.then(Tls::default),
            }),
        };
        if let Server::Tcp { tls: Some(tls), .. } = &mut settings.server {
            tls.ca = self.ca_certs.map(Pem::File);
            tls.accept_any |= self.accept_any;
            tls.any_host_name = self.any_host_name;
            tls.client = match (self.certfile, self.keyfile) {
                (None, None) => None,
                (Some(certificate), Some(key)) => Some((Pem::File(certificate), Pem::File(key))),
                _ => {
                    return Err(
                        "`redis.ssl_certfile` and `redis.ssl_keyfile` must be used together"
                            .to_owned(),
                    );
                }
            };
        }
        if let Some(Db(db)) = self.db {
            settings.db = db;
        }
        let cluster = self.cluster == Some(true);
        if cluster && settings.db != 0 {
            return Err("`redis.db` must be 0 for a cluster (`redis.cluster`)".to_owned());
        }
        if cluster && matches!(settings.server, Server::Unix(_)) {
            return Err(
                "`redis.cluster` and `redis.unix_socket_path` cannot be used together: set `redis.host`"
                    .to_owned(),
            );
        }
        settings.cluster = cluster;
        settings.nodes = nodes.map(|Node(host, port)| (host, port)).collect();
        // Empty means none, as in redis-py.
        if let Some(Text(username)) = self.username.filter(|Text(text)| !text.is_empty()) {
            settings.username = Some(username);
        }
        if let Some(Text(password)) = self.password.filter(|Text(text)| !text.is_empty()) {
            settings.password = Some(Secret::new(password));
        }
        if let Some(Seconds(timeout)) = self.timeout {
            settings.timeout = timeout;
        }
        Ok(settings)
    }
}
