//! The keys of a Redis.

use std::collections::BTreeSet;

use lamed::store::RedisStore;
use serde::Deserialize;

use super::*;
use crate::support::{Held, Redis, cluster_of_one};

/// Families of keys that this build writes and the builds before it did not, and why they do no harm
/// to an earlier build that counts on the same Redis.
const NEW_KEYS: [(&str, &str); 1] = [(
    "lamed:namespaces",
    "it is read where a namespace has no counters yet, and an earlier build makes namespaces without it",
)];

/// One way of counting that fixtures were made in.
struct Way {
    fixture: &'static str,
    dedupe: Dedupe,
    /// Milliseconds.
    window: Option<i64>,
    cluster: bool,
}

const WAYS: [Way; 4] = [
    Way {
        fixture: "redis-flags",
        dedupe: Dedupe::Flags,
        ..COMPACT
    },
    COMPACT,
    Way {
        fixture: "redis-forever",
        window: None,
        ..COMPACT
    },
    Way {
        fixture: "redis-cluster",
        cluster: true,
        ..COMPACT
    },
];

const COMPACT: Way = Way {
    fixture: "redis-compact",
    dedupe: Dedupe::Compact,
    window: Some(DAY),
    cluster: false,
};

/// Of the story's deletes it knows those of whole experiments alone.
const PYTHON: Way = Way {
    fixture: "redis-python-0.4.3",
    dedupe: Dedupe::Flags,
    ..COMPACT
};

/// A Redis with all its keys.
#[derive(Deserialize)]
struct Dump {
    /// When it was made, in milliseconds since 1970.
    now: i64,
    keys: BTreeMap<String, Held>,
}

impl Way {
    fn file(&self, build: &str, ending: &str) -> String {
        let path = fixture(format!("{build}/{}.{ending}", self.fixture));
        fs::read_to_string(path).unwrap()
    }

    fn dump(&self, build: &str) -> Dump {
        serde_json::from_str(&self.file(build, "json")).unwrap()
    }

    /// An empty Redis, or a cluster of one.
    async fn redis(&self, clock: &Clock) -> Redis {
        match self.cluster {
            true => cluster_of_one(clock).await,
            false => Redis::start_by(clock, &[]),
        }
    }

    /// A store of this build over it.
    fn site(&self, redis: &Redis, clock: Clock, counting: Counting) -> Site {
        let mut settings = crate::support::patient(&redis.url());
        settings.cluster = self.cluster;
        settings.counting = counting;
        let store = Arc::new(RedisStore::new(&settings).unwrap());
        Site { store, clock }
    }
}

#[tokio::test]
async fn a_redis_of_an_earlier_build_goes_on() {
    for build in BUILDS {
        for way in WAYS.iter().chain([&PYTHON]) {
            let (dump, replies) = (way.dump(build), way.file(build, "replies"));
            let mut remembered = remembered(way.window);
            if way.fixture == PYTHON.fixture {
                remembered.retain(has_plain_names);
            }
            let clock = Clock::new();
            let redis = way.redis(&clock).await;
            clock.advance(dump.now - clock.now());
            let mut site = way.site(&redis, clock, Counting::default());
            // As it was configured, and in other ways.
            for (dedupe, window) in [
                (way.dedupe, way.window),
                (Dedupe::Compact, None),
                (Dedupe::Compact, Some(30 * DAY)),
                (Dedupe::Flags, Some(DAY)),
            ] {
                println!("{build}, {} → {dedupe:?} {window:?}", way.fixture);
                ::redis::cmd("FLUSHALL")
                    .exec(&mut redis.connection())
                    .unwrap();
                redis.load(&dump.keys);
                assert_eq!(redis.keys(0), dump.keys);
                site = way.site(&redis, site.clock, counting(dedupe, window));
                site.goes_on_from(&replies, remembered.clone()).await;
                site.takes_values(&remembered).await;
                // A flag of the delete's very millisecond stays in force.
                site.clock.advance(1);
                assert_eq!(site.delete_all(&replies).await, COUNTERS);
                let left: Vec<String> = (redis.keys(0).into_keys())
                    .filter(|key| !stays_when_all_is_deleted(key))
                    .collect();
                assert_eq!(left, [""; 0]);
                // What was forgotten counts anew.
                let anew = &remembered[..100];
                let outcomes = site.store.track(anew).await.unwrap();
                assert_eq!(outcomes, [Outcome::Counted; 100]);
            }
        }
    }
}

/// Python lamed's, too, where it wrote the name in another form.
#[tokio::test]
async fn the_namespaces_of_an_earlier_redis_are_taken_over() {
    for build in BUILDS {
        for way in WAYS.iter().chain([&PYTHON]) {
            println!("{build}, {}", way.fixture);
            let (dump, replies) = (way.dump(build), way.file(build, "replies"));
            let clock = Clock::new();
            let redis = way.redis(&clock).await;
            clock.advance(dump.now - clock.now());
            redis.load(&dump.keys);
            let counting = Counting {
                max_namespaces: 1,
                ..counting(way.dedupe, way.window)
            };
            let site = way.site(&redis, clock, counting);
            site.takes_its_namespaces_over(&replies).await;
        }
    }
}

/// Whether Python lamed wrote the names as this build does. What it counted under others is read, and
/// deleted, but not known again.
fn has_plain_names(event: &Event) -> bool {
    let counter = &event.counter;
    let names = [
        counter.namespace.as_str(),
        counter.experiment.as_str(),
        counter.kind.as_str(),
        counter.variant.as_str(),
    ];
    !names.iter().any(|name| name.contains([':', '%', '{', '}']))
}

/// Marks of deletes and the flags from before them, which expire; and on a cluster the experiments that
/// there ever were.
fn stays_when_all_is_deleted(key: &str) -> bool {
    let is_flag = key.len() == 40 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    let set_of_experiments = key.starts_with('{') && key.ends_with("}:experiments");
    is_flag || key.contains(":flag:") || key.contains(":deleted:") || set_of_experiments
}

/// So both can count on one Redis: each finds what the other one wrote.
#[tokio::test]
async fn the_keys_are_those_of_an_earlier_build() {
    for build in BUILDS {
        for way in &WAYS {
            println!("{build}, {}", way.fixture);
            let clock = Clock::new();
            let redis = way.redis(&clock).await;
            let site = way.site(&redis, clock, counting(way.dedupe, way.window));
            site.live().await;
            let (mut ours, theirs) = (redis.keys(0), way.dump(build).keys);
            ours.retain(|key, _| !NEW_KEYS.iter().any(|(family, _)| key.contains(family)));
            let all: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
            let different: Vec<_> = (all.into_iter())
                .map(|key| (key, theirs.get(key), ours.get(key)))
                .filter(|(_, theirs, ours)| theirs != ours)
                .collect();
            assert!(
                different.is_empty(),
                "key, the earlier build's, ours: {different:#?}"
            );
        }
    }
}
