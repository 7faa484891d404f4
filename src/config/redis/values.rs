//! The values of the `redis` section, each as redis-py takes it.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Error, Unexpected};
use serde_json::json;

use crate::config::schema::{described, whole_number};
use crate::config::value::{positive, text, whole};
use crate::store::RedisSettings;

pub(super) struct Url(pub(super) Box<RedisSettings>);

described!(
    Url,
    "The URL of a Redis.",
    json!({
        "type": "string",
        "pattern": "^(rediss?|valkeys?|redis\\+unix|valkey\\+unix|unix)://",
    })
);

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |url| {
            (RedisSettings::from_url(url).map(Box::new).map(Self))
                .map_err(|error| error.to_string())
        })
    }
}

pub(super) struct Host(pub(super) String);

described!(
    Host,
    "A host name or an address.",
    json!({
        "type": "string",
        "pattern": "^[^\\s@]+$",
        "not": { "pattern": "://|^[^:]+:[0-9]+$" },
    })
);

/// `HOST:PORT`; IPv6 has more colons.
fn with_port(host: &str) -> bool {
    let port = (host.split_once(':')).filter(|(name, _)| !name.is_empty());
    port.is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |host| {
            if host.contains("://") || host.contains('@') {
                Err("expected a host name or address only: use `redis.url` for a URL".to_owned())
            } else if with_port(host) {
                Err(
                    "expected a host name or address only: use `redis.port` for the port"
                        .to_owned(),
                )
            } else if host.trim().is_empty() {
                Err("the host is empty: enter the name or address of your Redis".to_owned())
            } else if host.contains(char::is_whitespace) {
                Err(format!(
                    "`{host}` is not a host: enter the name or address of your Redis"
                ))
            } else {
                Ok(Self(host.to_owned()))
            }
        })
    }
}

/// A node of a cluster, by its host and port.
pub(super) struct Node(pub(super) String, pub(super) u16);

described!(
    Node,
    "The host and port of a node.",
    json!({ "type": "string", "pattern": "^(\\[[0-9a-fA-F:.]+\\]|[^\\s@/:]+):[0-9]{1,5}$" })
);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |node| {
            let found = node.rsplit_once(':').and_then(|(host, port)| {
                let bare = host
                    .strip_prefix('[')
                    .and_then(|host| host.strip_suffix(']'));
                let is_host = |host: &str| {
                    !host.is_empty()
                        && !host.contains([':', '/', '@', '[', ']'])
                        && !host.contains(char::is_whitespace)
                };
                let host = bare.or(Some(host).filter(|host| is_host(host)))?;
                let port = port.parse().ok().filter(|port| *port > 0)?;
                Some(Self(host.to_owned(), port))
            });
            found.ok_or_else(|| {
                format!("expected HOST:PORT but found `{node}`: name a node like `redis-1.example.com:6379`")
            })
        })
    }
}

pub(super) struct Port(pub(super) u16);

described!(Port, "A port.", whole_number(1, u16::MAX));

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 1..=u16::MAX, "").map(Self)
    }
}

pub(super) struct Db(pub(super) i64);

described!(
    Db,
    "The number of a database.",
    whole_number(0, i32::MAX.unsigned_abs())
);

impl<'de> Deserialize<'de> for Db {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 0..=i32::MAX, "").map(|db: i32| Self(db.into()))
    }
}

/// A time-out: more than none, and nobody waits longer than a year.
pub(super) struct Seconds(pub(super) Duration);

described!(
    Seconds,
    "Seconds.",
    json!({ "type": "number", "exclusiveMinimum": 0 })
);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const YEAR: f64 = 365.0 * 24.0 * 60.0 * 60.0;
        let seconds = positive(deserializer)?;
        Ok(Self(Duration::from_secs_f64(seconds.min(YEAR))))
    }
}

/// redis-py's words for how to check the server's certificate.
pub(super) struct CertReqs {
    pub(super) accept_any: bool,
}

described!(
    CertReqs,
    "A value of redis-py.",
    json!({ "enum": ["required", "optional", "none"] })
);

impl<'de> Deserialize<'de> for CertReqs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |word| match word {
            "none" => Ok(Self { accept_any: true }),
            "optional" | "required" => Ok(Self { accept_any: false }),
            other => Err(format!(
                "expected `required`, `optional` or `none` but found `{other}`"
            )),
        })
    }
}

/// A text, or a whole number that means its digits: redis-py takes both.
pub(super) struct Text(pub(super) String);

described!(
    Text,
    "A string, or a whole number that is read as a string.",
    json!({ "type": ["string", "integer"] })
);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string in double quotes")
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
pub(super) struct Truth(pub(super) bool);

described!(
    Truth,
    "True or false.",
    json!({
        "anyOf": [{ "type": "boolean" }, { "type": "null" }, { "type": "integer", "minimum": 0 }],
    })
);

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
