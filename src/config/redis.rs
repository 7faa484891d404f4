//! The `redis` section: what redis-py's `Redis(**redis)` takes, and a little more.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Error, IgnoredAny, MapAccess, Unexpected};

use super::value::{positive, text, whole};
use crate::domain::Secret;
use crate::store::{Pem, RedisSettings, Server, Tls};

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
                "cluster" => keys.cluster = map.next_value::<Truth>()?.0,
                ignored if IGNORED.contains(&ignored) => {
                    map.next_value::<IgnoredAny>()?;
                    warnings.push(format!(
                        "`redis.{ignored}` is an option of redis-py that lamed does not use"
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
    url: Option<Url>,
    host: Option<Host>,
    port: Option<Port>,
    db: Option<Db>,
    username: Option<Text>,
    password: Option<Text>,
    unix_socket_path: Option<PathBuf>,
    cluster: bool,
    ssl: bool,
    ca_certs: Option<PathBuf>,
    accept_any: bool,
    any_host_name: bool,
    certfile: Option<PathBuf>,
    keyfile: Option<PathBuf>,
    timeout: Option<Seconds>,
}

impl Keys {
    fn settings(self) -> Result<RedisSettings, String> {
        if self.url.is_some() {
            for (key, given) in [
                ("host", self.host.is_some()),
                ("port", self.port.is_some()),
                ("ssl", self.ssl),
                ("unix_socket_path", self.unix_socket_path.is_some()),
            ] {
                if given {
                    return Err(format!(
                        "`redis.url` stands beside `redis.{key}`, and says the same: keep one"
                    ));
                }
            }
        }
        let mut settings = match (self.url, self.unix_socket_path) {
            (Some(Url(settings)), _) => *settings,
            (None, Some(path)) => RedisSettings::new(Server::Unix(path)),
            (None, None) => RedisSettings::new(Server::Tcp {
                host: (self.host).map_or_else(|| "localhost".to_owned(), |Host(host)| host),
                port: self.port.map_or(6379, |Port(port)| port),
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
                        "`redis.ssl_certfile` and `redis.ssl_keyfile` go together".to_owned()
                    );
                }
            };
        }
        if let Some(Db(db)) = self.db {
            settings.db = db;
        }
        if self.cluster && settings.db != 0 {
            return Err("`redis.cluster`: a cluster has only `db` 0".to_owned());
        }
        if self.cluster && matches!(settings.server, Server::Unix(_)) {
            return Err(
                "`redis.cluster`: a cluster is not reached by `unix_socket_path`, name a host"
                    .to_owned(),
            );
        }
        settings.cluster = self.cluster;
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

struct Url(Box<RedisSettings>);

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |url| {
            (RedisSettings::from_url(url).map(Box::new).map(Self))
                .map_err(|error| error.to_string())
        })
    }
}

struct Host(String);

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |host| {
            if host.contains("://") || host.contains('@') {
                Err("a host alone belongs here: a URL goes into `redis.url`".to_owned())
            } else if host.trim().is_empty() {
                Err("the host is empty: put the name or address of your Redis here".to_owned())
            } else if host.contains(char::is_whitespace) {
                Err(format!(
                    "the host is `{host}`: put the name or address of your Redis here"
                ))
            } else {
                Ok(Self(host.to_owned()))
            }
        })
    }
}

struct Port(u16);

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 1..=u16::MAX, "").map(Self)
    }
}

struct Db(i64);

impl<'de> Deserialize<'de> for Db {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 0..=i32::MAX, "").map(|db: i32| Self(db.into()))
    }
}

/// A time-out: more than none, and nobody waits longer than a year.
struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const YEAR: f64 = 365.0 * 24.0 * 60.0 * 60.0;
        let seconds = positive(deserializer)?;
        Ok(Self(Duration::from_secs_f64(seconds.min(YEAR))))
    }
}

/// redis-py's words for how to check the server's certificate.
struct CertReqs {
    accept_any: bool,
}

impl<'de> Deserialize<'de> for CertReqs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |word| match word {
            "none" => Ok(Self { accept_any: true }),
            "optional" | "required" => Ok(Self { accept_any: false }),
            other => Err(format!(
                "expected `required`, `optional` or `none`, found `{other}`"
            )),
        })
    }
}

/// A text, or a whole number that means its digits: redis-py takes both.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text in double quotes")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            // Its digits are lost already, and it may be a password.
            fn visit_f64<E: Error>(self, _: f64) -> Result<Text, E> {
                Err(E::invalid_type(Unexpected::Other("a number"), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// `true`, `false`, or what Python takes for them.
struct Truth(bool);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Truth;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Truth, E> {
                Ok(Truth(truth))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Truth, E> {
                Ok(Truth(number != 0))
            }

            fn visit_unit<E>(self) -> Result<Truth, E> {
                Ok(Truth(false))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
