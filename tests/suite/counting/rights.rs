//! A Redis user with too few rights: what it cannot remember it does not count, and it is told what is missing.

use std::fs;

use lamed::domain::{Outcome, Selection};
use lamed::store::{
    Counting, Dedupe, Durability, Fsync, RedisSettings, RedisStore, Store, StoreError,
};

use crate::support::{Cluster, Redis, event, name};

const WAYS: [(Dedupe, bool); 4] = [
    (Dedupe::Compact, true),
    (Dedupe::Compact, false),
    (Dedupe::Flags, true),
    (Dedupe::Flags, false),
];

/// A user's store, with a window or without.
fn store(redis: &Redis, way: (Dedupe, bool)) -> RedisStore {
    RedisStore::new(&settings(redis, way)).unwrap()
}

fn settings(redis: &Redis, (dedupe, window): (Dedupe, bool)) -> RedisSettings {
    let url = format!("redis://ann:s3cret@127.0.0.1:{}", redis.port);
    let mut settings = crate::support::patient(&url);
    settings.counting.dedupe = dedupe;
    settings.counting.window = Counting::default().window.filter(|_| window);
    settings
}

fn set_user(redis: &Redis, rules: &[&str]) {
    let mut setuser = redis::cmd("ACL");
    setuser.arg(&["SETUSER", "ann", "reset", "on", ">s3cret", "~*"]);
    setuser.arg(rules).exec(&mut redis.connection()).unwrap();
}

/// All that the script writes by.
const WRITES: [&str; 9] = [
    "sadd",
    "incr",
    "hincrby",
    "pexpireat",
    "zadd",
    "zremrangebyscore",
    "set",
    "srem",
    "del",
];

#[tokio::test]
async fn nothing_is_counted_that_cannot_be_remembered() {
    let redis = Redis::start(&[]);
    for way in WAYS {
        for command in WRITES {
            redis::cmd("FLUSHALL")
                .exec(&mut redis.connection())
                .unwrap();
            let without = format!("-{command}");
            set_user(&redis, &["+@all", &without]);
            let store = store(&redis, way);
            let shown = [event("e", "participate", "v", "1")];
            let mut counted = 0;
            let mut refused = 0;
            for _ in 0..10 {
                match store.track(&shown).await {
                    Ok(outcomes) => counted += u64::from(outcomes == [Outcome::Counted]),
                    Err(StoreError::Unavailable(_)) => refused += 1,
                    Err(error) => panic!("{error:?}"),
                }
            }
            let place = format!("{way:?} without {command}");
            let sum = async || {
                let counts = store.counts(&name("alephbet"), None).await.unwrap();
                (counts.first()).map_or(0, |counts| counts.participants(&name("v")))
            };
            assert_eq!(sum().await, counted, "{place}");
            assert!(
                counted == 1 || refused == 10,
                "{place}: {counted}, {refused}"
            );
            // As soon as it may, it counts, once.
            set_user(&redis, &["+@all"]);
            let outcomes = store.track(&shown).await.unwrap();
            assert_eq!(outcomes == [Outcome::Counted], counted == 0, "{place}");
            assert_eq!(store.track(&shown).await.unwrap(), [Outcome::Duplicate]);
            assert_eq!(sum().await, 1, "{place}");
            let days = store.days(&name("alephbet"), &[name("e")]).await.unwrap();
            assert_eq!(
                days[0].iter().map(|day| day.count).sum::<u64>(),
                1,
                "{place}"
            );
        }
    }
}

/// The ACL line of the docs that begins a user of this kind.
fn rules_of_the_docs(cluster: bool) -> Vec<String> {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/redis.md");
    let docs = fs::read_to_string(docs).unwrap();
    let lines: Vec<&str> = (docs.lines())
        .filter_map(|line| {
            line.trim()
                .strip_prefix("ACL SETUSER lamed on >a-long-random-text ")
        })
        .collect();
    let [one, nodes] = lines[..] else {
        panic!("two ACL lines: {lines:?}");
    };
    let line = if cluster { nodes } else { one };
    line.split(' ').map(str::to_owned).collect()
}

/// All that lamed does with a store.
async fn live(store: &RedisStore, round: &str) {
    let shown = [event(&format!("e {round}"), "participate", "v", "1")];
    for outcome in [Outcome::Counted, Outcome::Duplicate] {
        assert_eq!(store.track(&shown).await.unwrap(), [outcome], "{round}");
    }
    let (namespace, experiment) = (name("alephbet"), shown[0].counter.experiment.clone());
    let experiments = std::slice::from_ref(&experiment);
    let counts = store.counts(&namespace, None).await.unwrap();
    assert_eq!(counts.len(), 1, "{round}");
    let days = store.days(&namespace, experiments).await.unwrap();
    assert_eq!(days[0].len(), 1, "{round}");
    let selection = Selection {
        namespace,
        experiment,
        kind: None,
        variant: None,
    };
    assert_eq!(store.delete(&selection).await.unwrap(), 1, "{round}");
    // Redis cannot expire what it did before this millisecond; a flag of the same stays.
    while store.track(&shown).await.unwrap() != [Outcome::Counted] {}
    assert_eq!(store.delete(&selection).await.unwrap(), 1, "{round}");
}

#[tokio::test]
async fn a_user_needs_the_rights_of_the_docs() {
    let redis = Redis::start(&["--appendonly", "yes"]);
    let nodes = Cluster::start().await;
    for cluster in [false, true] {
        let servers: Vec<&Redis> = match cluster {
            true => nodes.0.iter().collect(),
            false => vec![&redis],
        };
        let rules = rules_of_the_docs(cluster);
        let stores = || {
            WAYS.map(|way| {
                let mut settings = settings(servers[0], way);
                settings.cluster = cluster;
                RedisStore::new(&settings).unwrap()
            })
        };
        let allow = |rules: &[String]| {
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            for server in &servers {
                set_user(server, &[&["resetkeys"], &rules[..]].concat());
            }
        };
        allow(&rules);
        for (store, way) in stores().iter().zip(WAYS) {
            live(store, &format!("{way:?}")).await;
            let health = store.health(&name("alephbet")).await.unwrap();
            assert_eq!(
                (health.unready(), health.degraded()),
                (None, None),
                "{way:?}"
            );
            assert_ne!(health.durability, Durability::Unknown);
        }
        // And each of them is missed by name.
        for right in rules.iter().filter_map(|rule| rule.strip_prefix('+')) {
            let without: Vec<String> = (rules.iter())
                .filter(|rule| rule.strip_prefix('+') != Some(right))
                .cloned()
                .collect();
            allow(&without);
            let mut missed = false;
            for store in stores() {
                let health = store.health(&name("alephbet")).await.unwrap();
                let lacking = [health.forbidden, health.restricted].concat();
                missed |= match right {
                    "info" => health.durability == Durability::Unknown,
                    "config|get" => {
                        matches!(health.durability, Durability::AppendOnly(Fsync::Unknown))
                    }
                    _ => lacking == [right],
                };
            }
            assert!(missed, "{right}, {cluster}");
        }
    }
}

/// A Redis that cannot be asked in a script what its user may do.
#[tokio::test]
async fn an_older_redis_is_tried_out_without_doing_harm() {
    let Some(path) = crate::support::redis_6_2() else {
        crate::support::tell_that_skipped("Redis 6.2 for this machine");
        return;
    };
    let redis = Redis::start_other(path, &[]);
    let health = async || {
        let store = store(&redis, (Dedupe::Compact, true));
        store.health(&name("alephbet")).await.unwrap()
    };
    set_user(&redis, &["+@all", "-incr", "-mget"]);
    let found = health().await;
    assert_eq!(
        (found.forbidden, found.restricted),
        (vec!["incr"], vec!["mget"])
    );
    // Where not even that is allowed, nothing is claimed.
    set_user(&redis, &["+@all", "-multi", "-incr"]);
    assert_eq!(health().await.unready(), None);
    assert!(redis.keys(0).is_empty());
}
