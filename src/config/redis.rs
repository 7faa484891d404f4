//! The `redis` section: what redis-py's `Redis(**redis)` takes, and a little more.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Error, IgnoredAny, MapAccess};

use super::file::Integer;
use crate::domain::Secret;
use crate::store::{RedisSettings, Server, Tls};

const KNOWN: &[&str] = &[
    "url",
    "host",
    "port",
    "db",
    "username",
    "password",
    "unix_socket_path",
    "cluster",
    "ssl",
    "ssl_ca_certs",
    "ssl_cert_reqs",
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
    "ssl_check_hostname",
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
                "url" => keys.url = Some(map.next_value()?),
                "host" => keys.host = map.next_value::<Option<Text>>()?,
                "port" => keys.port = map.next_value()?,
                "db" => keys.db = map.next_value()?,
                "username" => keys.username = map.next_value()?,
                "password" => keys.password = map.next_value()?,
                "unix_socket_path" => keys.unix_socket_path = map.next_value()?,
                "ssl" => keys.ssl = map.next_value::<Truth>()?.0,
                "ssl_ca_certs" => keys.ca_certs = map.next_value()?,
                "ssl_cert_reqs" => keys.accept_any = accepts_any(map.next_value()?)?,
                "ssl_certfile" => keys.certfile = map.next_value()?,
                "ssl_keyfile" => keys.keyfile = map.next_value()?,
                "socket_timeout" => keys.timeout = map.next_value()?,
                // Connecting is part of each call's time.
                "socket_connect_timeout" => drop(map.next_value::<Option<f64>>()?),
                "cluster" => {
                    if map.next_value::<Truth>()?.0 {
                        return Err(A::Error::custom("`redis.cluster` is not available yet"));
                    }
                }
                ignored if IGNORED.contains(&ignored) => {
                    map.next_value::<IgnoredAny>()?;
                    warnings.push(format!(
                        "`redis.{ignored}` is redis-py's: lamed has no need of it"
                    ));
                }
                unknown => return Err(A::Error::unknown_field(unknown, KNOWN)),
            }
        }
        let settings = keys.settings().map_err(A::Error::custom)?;
        Ok(Redis { settings, warnings })
    }
}

#[derive(Default)]
struct Keys {
    url: Option<String>,
    host: Option<Text>,
    port: Option<Integer>,
    db: Option<Integer>,
    username: Option<Text>,
    password: Option<Text>,
    unix_socket_path: Option<PathBuf>,
    ssl: bool,
    ca_certs: Option<PathBuf>,
    accept_any: bool,
    certfile: Option<PathBuf>,
    keyfile: Option<PathBuf>,
    timeout: Option<f64>,
}

impl Keys {
    fn settings(self) -> Result<RedisSettings, String> {
        let mut settings = match (self.url, self.unix_socket_path) {
            (Some(url), _) => {
                RedisSettings::from_url(&url).map_err(|e| format!("`redis.url`: {e}"))?
            }
            (None, Some(path)) => RedisSettings::new(Server::Unix(path)),
            (None, None) => RedisSettings::new(Server::Tcp {
                host: host(self.host)?,
                port: port(self.port)?,
                tls: self.ssl.then(Tls::default),
            }),
        };
        if let Server::Tcp { tls: Some(tls), .. } = &mut settings.server {
            tls.ca_file = self.ca_certs;
            tls.accept_any |= self.accept_any;
            tls.client = match (self.certfile, self.keyfile) {
                (None, None) => None,
                (Some(certificate), Some(key)) => Some((certificate, key)),
                _ => {
                    return Err(
                        "`redis.ssl_certfile` and `redis.ssl_keyfile` go together".to_owned()
                    );
                }
            };
        }
        if let Some(Integer(db)) = self.db {
            settings.db =
                i64::try_from(db).map_err(|_| format!("`redis.db` is {db}: too large"))?;
        }
        // Empty means none, as in redis-py.
        if let Some(Text(username)) = self.username.filter(|Text(text)| !text.is_empty()) {
            settings.username = Some(username);
        }
        if let Some(Text(password)) = self.password.filter(|Text(text)| !text.is_empty()) {
            settings.password = Some(Secret::new(password));
        }
        if let Some(seconds) = self.timeout {
            settings.timeout = Duration::try_from_secs_f64(seconds)
                .ok()
                .filter(|timeout| !timeout.is_zero())
                .ok_or("`redis.socket_timeout` must be a positive number of seconds")?;
        }
        Ok(settings)
    }
}

fn host(host: Option<Text>) -> Result<String, String> {
    match host {
        None => Ok("localhost".to_owned()),
        Some(Text(host)) if host.trim().is_empty() => Err("`redis.host` is empty".to_owned()),
        Some(Text(host)) if host.contains(char::is_whitespace) => Err(format!(
            "`redis.host` is `{host}`: put the name or address of your Redis there"
        )),
        Some(Text(host)) => Ok(host),
    }
}

fn port(port: Option<Integer>) -> Result<u16, String> {
    match port {
        None => Ok(6379),
        Some(Integer(port)) => u16::try_from(port)
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("`redis.port` is {port}: it must be from 1 to 65535")),
    }
}

/// redis-py's words for how to check the server's certificate; `null` is its `CERT_NONE`.
fn accepts_any<E: Error>(word: Option<String>) -> Result<bool, E> {
    match word.as_deref() {
        None | Some("none") => Ok(true),
        Some("optional" | "required") => Ok(false),
        Some(other) => Err(E::custom(format!(
            "`redis.ssl_cert_reqs` is `{other}`: it must be `required`, `optional` or `none`"
        ))),
    }
}

/// A text, or a number that means its digits: redis-py takes both.
#[derive(Deserialize)]
#[serde(from = "TextShape")]
struct Text(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a string")]
enum TextShape {
    Text(String),
    Number(serde_json::Number),
}

impl From<TextShape> for Text {
    fn from(shape: TextShape) -> Self {
        Self(match shape {
            TextShape::Text(text) => text,
            TextShape::Number(number) => number.to_string(),
        })
    }
}

/// `true`, `false`, or what Python takes for them.
#[derive(Deserialize)]
#[serde(from = "TruthShape")]
struct Truth(bool);

#[derive(Deserialize)]
#[serde(untagged, expecting = "true or false")]
enum TruthShape {
    Bool(bool),
    Number(u8),
    Null(()),
}

impl From<TruthShape> for Truth {
    fn from(shape: TruthShape) -> Self {
        Self(match shape {
            TruthShape::Bool(truth) => truth,
            TruthShape::Number(number) => number != 0,
            TruthShape::Null(()) => false,
        })
    }
}
