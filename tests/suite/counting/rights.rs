//! A Redis user with too few rights: what it cannot remember it does not count, and it is told what is missing.

use lamed::domain::Outcome;
use lamed::store::{Counting, Dedupe, RedisSettings, RedisStore, Store, StoreError};

use crate::support::{Redis, event, name};

const WAYS: [(Dedupe, bool); 4] = [
    (Dedupe::Compact, true),
    (Dedupe::Compact, false),
    (Dedupe::Flags, true),
    (Dedupe::Flags, false),
];

/// A user's store, with a window or without.
fn store(redis: &Redis, (dedupe, window): (Dedupe, bool)) -> RedisStore {
    let url = format!("redis://ann:s3cret@127.0.0.1:{}", redis.port);
    let mut settings = RedisSettings::from_url(&url).unwrap();
    settings.counting.dedupe = dedupe;
    settings.counting.window = Counting::default().window.filter(|_| window);
    RedisStore::new(&settings).unwrap()
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
