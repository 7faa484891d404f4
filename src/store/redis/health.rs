//! What a Redis, or each node of a cluster, can do now.

use std::collections::HashMap;

use ::redis::{RedisResult, ServerErrorKind, Value, cmd, from_redis_value, pipe};
use futures_util::future::join_all;
use tokio::time::timeout_at;

use super::RedisStore;
use super::link::{Nodes, is_refused};
use super::node::Node;
use super::rights::{Need, Right, lacking, question, rights};
use crate::domain::Name;
use crate::store::redis::keyspace::Namespace;
use crate::store::{Durability, Fsync, Health, StoreError};

/// One node, well enough to answer.
struct Answer<'a> {
    durability: Durability,
    lacking: Vec<&'a Right>,
}

impl RedisStore {
    /// Asks all nodes at once: one round trip, unless it is a Redis 6.2, which takes three.
    pub(super) async fn examine(&self, namespace: &Name) -> Result<Health, StoreError> {
        let Nodes { nodes, unowned } = match self.link.nodes().await {
            Ok(nodes) => nodes,
            Err(error) if is_refused(&error) && self.cluster => {
                return Ok(Health {
                    forbidden: vec!["cluster|slots"],
                    ..Health::well("redis", Durability::Unknown)
                });
            }
            Err(error) => return Err(self.link.error(&error)),
        };
        let rights = rights(namespace, self.counting, self.cluster);
        let deadline = self.link.deadline();
        let asked = nodes.iter().map(async |(node, slot)| {
            let key = slot.map(|slot| key_in(namespace, slot));
            match timeout_at(deadline, self.examine_node(node, key, &rights)).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err(self.link.silence().to_string()),
            }
        });
        let mut health = Health::well("redis", Durability::Unknown);
        let mut weakest = None;
        health.nodes = nodes.len();
        let add = |list: &mut Vec<&'static str>, name| {
            if !list.contains(&name) {
                list.push(name);
            }
        };
        for answer in join_all(asked).await {
            match answer {
                Err(reason) => health.away.push(reason),
                Ok(answer) => {
                    weakest = weakest.max(Some(answer.durability));
                    for right in answer.lacking {
                        match right.need {
                            Need::Count => add(&mut health.forbidden, right.name),
                            Need::Manage => add(&mut health.restricted, right.name),
                        }
                    }
                }
            }
        }
        if unowned > 0 {
            health.nodes += 1;
            health
                .away
                .push(format!("no node serves {unowned} of the slots"));
        }
        match (weakest, health.away.first()) {
            (Some(durability), _) => Ok(Health {
                durability,
                ..health
            }),
            (None, reason) => {
                let reason = reason.cloned().unwrap_or_default();
                Err(StoreError::Unavailable(reason))
            }
        }
    }

    async fn examine_node<'a>(
        &self,
        node: &Node,
        key: Option<String>,
        rights: &'a [Right],
    ) -> Result<Answer<'a>, StoreError> {
        let mut questions = pipe();
        questions.add_command(question(rights));
        questions.add_command(cmd("INFO").arg("persistence").take());
        for name in ["appendfsync", "save"] {
            questions.add_command(cmd("CONFIG").arg("GET").arg(name).take());
        }
        // Answered only where keys are: not when the cluster is down, nor by a primary of old.
        questions.add_command(match key {
            Some(key) => cmd("EXISTS").arg(key).take(),
            None => cmd("PING"),
        });
        questions.ignore_errors();
        let named = |error: &::redis::RedisError| match self.link.error(error) {
            StoreError::Unavailable(reason) if !reason.contains(node.name()) => {
                StoreError::Unavailable(format!("{}: {error}", node.name()))
            }
            other => other,
        };
        let answers = node
            .answers(&questions)
            .await
            .map_err(|error| named(&error))?;
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
        let (may, info, fsync, save, probe) = (next(), next(), next(), next(), next());
        if let Err(error) = &probe
            && !is_refused(error)
            && error.kind() != ::redis::ErrorKind::Server(ServerErrorKind::ResponseError)
        {
            return Err(named(error));
        }
        Ok(Answer {
            durability: durability(info, fsync, save),
            lacking: lacking(node, rights, may).await,
        })
    }
}

/// A key of the namespace in this slot.
fn key_in(namespace: &Name, wanted: u16) -> String {
    let namespace = Namespace::new(namespace, true);
    let keys = (0u32..).map(|number| {
        let experiment = Name::stored(format!("lamed {number}"));
        namespace.experiment(&experiment).windows().concat()
    });
    let mut keys = keys.filter(|key| super::slots::slot(key.as_bytes()) == wanted);
    // One in 16,384 is.
    keys.next().unwrap_or_default()
}

/// By `INFO persistence`, `CONFIG GET appendfsync` and `CONFIG GET save`, each of which may be refused.
pub(super) fn durability(
    info: RedisResult<Value>,
    fsync: RedisResult<Value>,
    save: RedisResult<Value>,
) -> Durability {
    let setting = |answer: RedisResult<Value>, name: &str| -> Option<String> {
        let mut settings: HashMap<String, String> = from_redis_value(answer.ok()?).ok()?;
        settings.remove(name)
    };
    let info: Option<String> = info.ok().and_then(|info| from_redis_value(info).ok());
    let append_only = (info.as_deref()).and_then(|info| {
        let mut lines = info.lines();
        lines.find_map(|line| line.trim_end().strip_prefix("aof_enabled:"))
    });
    match append_only {
        Some("1") => Durability::AppendOnly(Fsync::read(setting(fsync, "appendfsync").as_deref())),
        Some(_) => match setting(save, "save") {
            Some(save) if save.is_empty() => Durability::None,
            Some(_) => Durability::Snapshots,
            None => Durability::Unknown,
        },
        None => Durability::Unknown,
    }
}

impl Fsync {
    /// As the Redis names it.
    pub(super) fn read(setting: Option<&str>) -> Self {
        match setting {
            Some("always") => Self::Always,
            Some("everysec") => Self::EverySecond,
            Some("no") => Self::No,
            _ => Self::Unknown,
        }
    }
}
