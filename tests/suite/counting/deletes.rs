//! A delete forgets, under flags and whatever the clock does, and forgets once.

use std::time::Duration;

use lamed::domain::{Outcome, Selection};
use lamed::store::{Counting, Dedupe, RedisStore, Store, Window};

use crate::support::{Clock, Redis, event, name};

const HOUR: i64 = 3_600_000;
const DAY: Window = Some(Duration::from_hours(24));

fn store(redis: &Redis, window: Window) -> RedisStore {
    let mut settings = crate::support::patient(&redis.url());
    settings.counting = Counting {
        window,
        dedupe: Dedupe::Flags,
        ..Counting::default()
    };
    RedisStore::new(&settings).unwrap()
}

/// Sends an event three times.
async fn thrice(store: &RedisStore, uuid: &str) -> [Outcome; 3] {
    let event = event("e", "participate", "v", uuid);
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.extend(store.track(std::slice::from_ref(&event)).await.unwrap());
    }
    outcomes.try_into().unwrap()
}

async fn delete(store: &RedisStore) {
    let selection = Selection {
        namespace: name("alephbet"),
        experiment: name("e"),
        kind: None,
        variant: None,
    };
    assert_eq!(store.delete(&selection).await.unwrap(), 1);
}

const ONCE: [Outcome; 3] = [Outcome::Counted, Outcome::Duplicate, Outcome::Duplicate];

#[tokio::test]
async fn a_clock_set_back_after_a_delete_counts_once() {
    for window in [DAY, None] {
        let clock = Clock::new();
        let redis = Redis::start_by(&clock, &[]);
        let store = store(&redis, window);
        assert_eq!(thrice(&store, "1").await, ONCE);
        clock.advance(1);
        delete(&store).await;
        clock.advance(-HOUR);
        for uuid in ["1", "2"] {
            assert_eq!(thrice(&store, uuid).await, ONCE, "{window:?}, {uuid}");
        }
        // A second deletion by the same clock is later than the first.
        delete(&store).await;
        for uuid in ["1", "2", "3"] {
            assert_eq!(thrice(&store, uuid).await, ONCE, "{window:?}, {uuid}");
        }
        // When the clock passes the marks, nothing changes.
        clock.advance(2 * HOUR);
        for uuid in ["1", "2", "3"] {
            assert_eq!(thrice(&store, uuid).await, [Outcome::Duplicate; 3]);
        }
        delete(&store).await;
        assert_eq!(thrice(&store, "1").await, ONCE, "{window:?}");
    }
}

/// Without an end, a deletion is known by its name alone: a clock that was set back before it does no harm either.
#[tokio::test]
async fn a_clock_set_back_before_a_delete_keeps_nothing_that_has_no_end() {
    let clock = Clock::new();
    let redis = Redis::start_by(&clock, &[]);
    let store = store(&redis, None);
    assert_eq!(thrice(&store, "1").await, ONCE);
    clock.advance(-HOUR);
    delete(&store).await;
    assert_eq!(thrice(&store, "1").await, ONCE);
}

#[tokio::test]
async fn flags_that_expire_are_forgotten_after_a_change_to_no_end() {
    let clock = Clock::new();
    let redis = Redis::start_by(&clock, &[]);
    assert_eq!(thrice(&store(&redis, DAY), "1").await, ONCE);
    let store = store(&redis, None);
    assert_eq!(thrice(&store, "1").await, [Outcome::Duplicate; 3]);
    clock.advance(1);
    delete(&store).await;
    assert_eq!(thrice(&store, "1").await, ONCE);
}

/// Python lamed writes no name into its flags: they are dated by the time that they have left.
#[tokio::test]
async fn a_flag_of_python_lameds_after_a_delete_is_heeded() {
    let clock = Clock::new();
    let redis = Redis::start_by(&clock, &[]);
    let store = store(&redis, DAY);
    assert_eq!(thrice(&store, "1").await, ONCE);
    let flag = (redis.keys(0).into_keys())
        .find(|key| key.len() == 40)
        .unwrap();
    clock.advance(1);
    delete(&store).await;
    clock.advance(HOUR);
    let mut setex = redis::cmd("SETEX");
    setex.arg(&flag).arg(86_400).arg(1);
    setex.exec(&mut redis.connection()).unwrap();
    assert_eq!(thrice(&store, "1").await, [Outcome::Duplicate; 3]);
}
