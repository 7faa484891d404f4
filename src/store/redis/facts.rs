//! What a Redis says of itself.

use std::collections::HashMap;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{ErrorKind, RedisError, RedisResult, Value, from_redis_value, pipe};
use futures_util::future::select_ok;
use tokio::time::{Instant, timeout};

use super::RedisStore;
use super::health::durability;
use crate::store::Durability;

/// What a Redis says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// For one command to be answered.
    pub round_trip: Duration,
    /// The answer to `INFO`, or why there is none.
    pub info: Result<Info, String>,
}

/// What `INFO` tells. A text is empty where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// `Redis` or `Valkey`
    pub product: &'static str,
    /// `7.0.15`
    pub version: String,
    /// The version of Redis that it is compatible with.
    pub compatible: (u32, u32),
    /// `standalone`, `cluster` or `sentinel`
    pub mode: String,
    /// The host and port of the primary that it is a replica of.
    pub replica_of: Option<String>,
    /// `maxmemory-policy`
    pub eviction: String,
    /// What its acknowledgements are worth.
    pub durability: Durability,
}

/// Why a Redis says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoFacts {
    /// It cannot be reached.
    Unreachable(String),
    /// It wants another user or password.
    Refused(String),
}

impl RedisStore {
    /// To the one server of the settings, or the first of several that answers.
    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let seeds = self.link.seeds();
        let connecting = seeds.iter().map(|node| Box::pin(node.connection()));
        let (connection, _) = select_ok(connecting).await?;
        Ok(connection)
    }

    /// Asks the Redis about itself: one round trip, within the timeout of the settings.
    ///
    /// # Errors
    /// When it cannot be reached, or does not accept the password.
    pub async fn facts(&self) -> Result<Facts, NoFacts> {
        let mut questions = pipe();
        // All sections: before Redis 7, `INFO` takes one section or none.
        questions.cmd("INFO");
        for name in ["appendfsync", "save"] {
            questions.cmd("CONFIG").arg("GET").arg(name);
        }
        questions.ignore_errors();
        let ask = async {
            let mut connection = self.connection().await?;
            let begin = Instant::now();
            let answers: Vec<RedisResult<Value>> = questions.query_async(&mut connection).await?;
            let round_trip = begin.elapsed();
            let mut answers = answers.into_iter();
            let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
            let info = match next() {
                Err(error) if is_refusal(&error) => return Err(error),
                info => info,
            };
            // Who may not ask for them, as with most that others run, does not know.
            let (fsync, save) = (next(), next());
            Ok(Facts {
                round_trip,
                info: text(info.clone()).map(|text| Info {
                    durability: durability(info, fsync, save),
                    ..Info::parse(&text)
                }),
            })
        };
        let name = self.link.name();
        match timeout(self.link.timeout(), ask).await {
            Ok(Ok(facts)) => Ok(facts),
            Ok(Err(error)) if is_refusal(&error) => Err(NoFacts::Refused(match error.code() {
                Some("NOAUTH") => format!("{name} requires a password"),
                Some("DENIED") => format!("{name}: {error}"),
                _ => format!("{name} does not accept this user and password"),
            })),
            Ok(Err(error)) if !error.is_timeout() => {
                Err(NoFacts::Unreachable(format!("{name}: {error}")))
            }
            _ => Err(NoFacts::Unreachable(format!(
                "{name} did not answer within {:?}",
                self.link.timeout()
            ))),
        }
    }
}

fn text(answer: RedisResult<Value>) -> Result<String, String> {
    answer
        .and_then(|answer| from_redis_value::<String>(answer).map_err(RedisError::from))
        .map_err(|error| error.to_string())
}

fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "DENIED"))
}

impl Info {
    /// Reads the text of `INFO`: lines of `name:value`.
    fn parse(text: &str) -> Self {
        let lines: HashMap<&str, &str> = (text.lines())
            .filter_map(|line| line.trim_end().split_once(':'))
            .collect();
        let get = |name: &str| lines.get(name).copied().unwrap_or_default();
        let redis = get("redis_version");
        let (product, version) = match lines.get("valkey_version") {
            Some(version) => ("Valkey", *version),
            None => ("Redis", redis),
        };
        let mut numbers = redis.split('.').map(|n| n.parse().unwrap_or(0));
        Self {
            product,
            version: version.to_owned(),
            compatible: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
            mode: match get("redis_mode") {
                "standalone" if get("cluster_enabled") == "1" => "cluster",
                mode => mode,
            }
            .to_owned(),
            replica_of: (get("role") == "slave")
                .then(|| format!("{}:{}", get("master_host"), get("master_port"))),
            eviction: get("maxmemory_policy").to_owned(),
            durability: Durability::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_info_is_understood() {
        let text = "# Server\r\nserver_name:valkey\r\nredis_version:7.2.4\r\nvalkey_version:8.0.1\r\n\
                    redis_mode:standalone\r\n# Replication\r\nrole:slave\r\nmaster_host:fd00::1\r\n\
                    master_port:6379\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\n\
                    # Cluster\r\ncluster_enabled:1\r\n";
        let expected = Info {
            product: "Valkey",
            version: "8.0.1".to_owned(),
            compatible: (7, 2),
            mode: "cluster".to_owned(),
            replica_of: Some("fd00::1:6379".to_owned()),
            eviction: "allkeys-lru".to_owned(),
            durability: Durability::Unknown,
        };
        assert_eq!(Info::parse(text), expected);
        assert_eq!(Info::parse("redis_version:6.0.16\n").compatible, (6, 0));
    }
}
